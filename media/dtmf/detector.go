package dtmf

import "math"

// How a digit is recognised. A block is 12.75 ms, so that a tone of 40 ms holds
// two whole blocks however it falls, and a pause of 40 ms two empty ones (Q.24
// table 1); two blocks in a row begin a digit and two end it, so a break of 10 ms
// does not double it.
const (
	blockLen  = 102
	blocksOn  = 2
	blocksOff = 2

	weakest  = -32.0 // dBm0 per tone; Q.24 asks for -29 to be heard, nobody for less
	twistFwd = 9.0   // dB the high tone may exceed the low one
	twistRev = 9.0   // dB the low tone may exceed the high one
	apart    = 7.0   // dB between the best tone of a group and its neighbours
	purity   = 0.80  // share of all energy that the two tones must hold, against speech
	held     = 0.58  // the same once the digit sounds, so that a short break does not end it
)

// A Detector hears digits in linear speech at 8 kHz.
type Detector struct {
	banks [8]goertzel
	total float64
	n     int // samples in the current block

	digit byte // 0: none
	hits  int  // blocks in a row that held cand
	cand  byte
	miss  int
	len   int // blocks since the digit began
}

// A Change is what Hear noticed.
type Change struct {
	Began, Ended byte // digits, 0: none
	Samples      int  // how long Ended lasted
}

// NewDetector makes a detector.
func NewDetector() *Detector {
	d := new(Detector)
	for i := range 4 {
		d.banks[i].k = coefficient(lows[i])
		d.banks[4+i].k = coefficient(highs[i])
	}
	return d
}

// Reset forgets what was heard so far.
func (d *Detector) Reset() {
	for i := range d.banks {
		d.banks[i].s1, d.banks[i].s2 = 0, 0
	}
	*d = Detector{banks: d.banks}
}

// Digit is the digit sounding now, 0 if none.
func (d *Detector) Digit() byte { return d.digit }

// Suspect reports whether the speech heard last may belong to a digit, sounding or
// about to be recognised. Who converts digits mutes while it is true.
func (d *Detector) Suspect() bool { return d.digit != 0 || d.hits > 0 }

// Hear takes up to 100 ms of speech. At most one digit can end and one begin in
// that time.
func (d *Detector) Hear(speech []int16) (c Change) {
	for len(speech) > 0 {
		n := min(len(speech), blockLen-d.n)
		d.feed(speech[:n])
		speech = speech[n:]
		if d.n == blockLen {
			d.step(d.judge(), &c)
			d.n, d.total = 0, 0
		}
	}
	return c
}

func (d *Detector) feed(speech []int16) {
	d.n += len(speech)
	total := d.total
	for _, v := range speech {
		total += float64(v) * float64(v)
	}
	d.total = total
	for i := range d.banks {
		d.banks[i].feed(speech)
	}
}

// step moves the digit's state by one block that held digit hit, or none.
func (d *Detector) step(hit byte, c *Change) {
	if d.digit != 0 {
		d.len++
		if hit == d.digit {
			d.miss = 0
		} else if d.miss++; d.miss >= blocksOff {
			c.Ended, c.Samples = d.digit, (d.len-d.miss)*blockLen
			d.digit, d.miss = 0, 0
		}
	}
	switch {
	case hit == 0:
		d.cand, d.hits = 0, 0
	case hit == d.digit:
		d.cand, d.hits = 0, 0
	case hit == d.cand:
		d.hits++
	default:
		d.cand, d.hits = hit, 1
	}
	if d.digit == 0 && d.hits >= blocksOn {
		d.digit, d.len, d.miss = d.cand, d.hits, 0
		d.cand, d.hits = 0, 0
		c.Began = d.digit
	}
}

var (
	weakestEnergy = energyOf(weakest)
	apartRatio    = math.Pow(10, apart/10)
	twistFwdRatio = math.Pow(10, twistFwd/10)
	twistRevRatio = math.Pow(10, twistRev/10)
)

// judge looks at a full block and clears the banks.
func (d *Detector) judge() byte {
	var e [8]float64
	share := purity
	for i := range d.banks {
		e[i] = d.banks[i].energy()
	}
	row, clear1 := best(e[:4])
	col, clear2 := best(e[4:])
	low, high, digit := e[row], e[4+col], pad[4*row+col]
	distinct := clear1 && clear2
	if digit == d.digit {
		share, distinct = held, true
	}
	switch {
	case !distinct,
		low < weakestEnergy, high < weakestEnergy,
		high > low*twistFwdRatio, low > high*twistRevRatio,
		// A sine of amplitude A gives (A N/2)^2 in its bank and A^2 N/2 in total.
		low+high < share*d.total*blockLen/2:
		return 0
	}
	return digit
}

// best finds the strongest of a group and whether it stands apart from the rest.
func best(e []float64) (int, bool) {
	top := 0
	for i := range e {
		if e[i] > e[top] {
			top = i
		}
	}
	for i := range e {
		if i != top && e[i]*apartRatio > e[top] {
			return top, false
		}
	}
	return top, true
}

// energyOf is what a sine of the given level leaves in its bank after one block.
func energyOf(dBm0 float64) float64 {
	a := fullTone * math.Pow(10, dBm0/20) * blockLen / 2
	return a * a
}

// A goertzel is one bin of a Fourier transform, by recurrence.
type goertzel struct{ k, s1, s2 float64 }

func coefficient(hz float64) float64 { return 2 * math.Cos(2*math.Pi*hz/Rate) }

func (g *goertzel) feed(speech []int16) {
	k, s1, s2 := g.k, g.s1, g.s2
	for _, v := range speech {
		s1, s2 = float64(v)+k*s1-s2, s1
	}
	g.s1, g.s2 = s1, s2
}

func (g *goertzel) energy() float64 {
	e := g.s1*g.s1 + g.s2*g.s2 - g.k*g.s1*g.s2
	g.s1, g.s2 = 0, 0
	return e
}
