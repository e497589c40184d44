package fsk

import (
	"math"

	"branchline/media/sine"
)

const (
	centre = 1700.0 // Hz, midway between the tones of either standard
	bitLen = float64(Rate) / Baud

	// The tones are heard through a band-pass about the centre, narrow enough to keep
	// hum and dial tone out, wide enough not to smear one bit into the next.
	taps  = 19
	width = 750.0 // Hz to either side

	// smooth is how many samples of the discriminator are averaged: a bit.
	smooth = 7

	weakest = -48.0 // dBm0 in the band, below which there is no carrier
	lostFor = 24    // samples without carrier that end the transmission, 3 ms

	// A transition counts as one of a seizure if it comes about one bit after the
	// last, and a seizure is believed after this many that come at the right rate on
	// average: the tones of some DTMF digits beat nearly as fast.
	seized     = 24
	seizedRate = 0.0275
	// markLong is the length of mark, in bits, that cannot be part of a character, nor
	// of a pause between two: the next start bit begins a message. Without a seizure
	// before it (caller ID in a call, NTT) it must be markAlone.
	markLong, markAlone = 16.0, 36.0
	// seizureKept is how long after a seizure the mark may end, in samples: GR-30 has
	// 150 ms of it.
	seizureKept = 3200
)

// SymbolKind says what the demodulator noticed.
type SymbolKind uint8

const (
	None    SymbolKind = iota
	Seizure            // bits alternate: somebody begins to send
	First              // Byte is the first character after mark
	Next               // Byte is a further one
	Bad                // a character without stop bit
	End                // the carrier is gone; follows Seizure or First
)

// A Symbol is what one sample brought to light.
type Symbol struct {
	Kind SymbolKind
	Byte byte
	// Alone: First came after mark without a seizure.
	Alone bool
	// Sure is how clear the least clear bit of the character was: about 1 for a clean
	// line, 0 for a guess.
	Sure float64
}

// A Demodulator turns sound into characters. It is fed sample by sample.
type Demodulator struct {
	filter *[taps][2]float64

	heard [2 * taps]float64 // every sample twice, so that the last ones lie in a row
	at    int
	last  [2]float64 // output of the filter, one sample ago

	turns  [smooth]float64 // output of the discriminator
	sizes  [smooth]float64 // power of the filter's output
	oldest int
	turn   float64 // sum of turns
	power  float64 // sum of sizes
	soft   float64 // the discriminator's average: positive for space

	n       int64   // samples
	weak    int     // samples in a row without carrier
	sending bool    // Seizure or First was reported, End was not
	inside  bool    // First was reported, and neither Bad nor Done came
	edgeAt  float64 // when soft last changed its sign
	alike   int     // transitions one bit apart, in a row
	since   float64 // when those began
	seizure int64   // when the last seizure was heard
	wasMark float64 // length of the run of mark that is going on or just ended, samples
	depth   float64 // sum of the discriminator over that run, and
	depthN  float64 // its count
	mean    float64 // the discriminator's average in the last long mark

	char struct {
		on    bool
		first bool
		alone bool
		begin float64 // the edge of the start bit
		bit   int
		value byte
		sure  float64
	}
}

// NewDemodulator makes a demodulator.
func NewDemodulator() *Demodulator {
	d := &Demodulator{filter: bandPass()}
	d.Reset()
	return d
}

// Reset forgets all that was heard.
func (d *Demodulator) Reset() { *d = Demodulator{filter: d.filter, seizure: -seizureKept} }

// bandPass is the filter for positive frequencies about the centre: a low-pass by
// a Blackman window, turned up. Its gain for a sine in the band is 1.
func bandPass() *[taps][2]float64 {
	var h [taps]float64
	var total float64
	for i := range h {
		x := float64(i) - (taps-1)/2
		w := 2 * math.Pi * (float64(i) + 0.5) / taps
		h[i] = 2 * width / Rate
		if x != 0 {
			h[i] = math.Sin(2*math.Pi*width/Rate*x) / (math.Pi * x)
		}
		h[i] *= 0.42 - 0.5*math.Cos(w) + 0.08*math.Cos(2*w)
		total += h[i]
	}
	f := new([taps][2]float64)
	for i := range h {
		sin, cos := math.Sincos(2 * math.Pi * centre / Rate * float64(i))
		f[i] = [2]float64{2 * cos * h[i] / total, 2 * sin * h[i] / total}
	}
	return f
}

var (
	carrierPower = smooth * math.Pow(sine.Peak(weakest), 2)
	turnSin      = math.Sin(2 * math.Pi * centre / Rate)
	turnCos      = math.Cos(2 * math.Pi * centre / Rate)
	// clearly is the discriminator's output for V.23's tones, 400 Hz from the centre.
	clearly = math.Sin(2 * math.Pi * 400 / Rate)
)

// Bell tells, of the message that began with the last First, whether its tones were
// those of Bell 202; otherwise they were V.23's.
func (d *Demodulator) Bell() bool {
	return -d.mean > math.Sin(2*math.Pi*450/Rate)
}

// Done says that the message is whole: characters that follow belong to none.
func (d *Demodulator) Done() { d.inside = false }

// Feed hears one sample.
func (d *Demodulator) Feed(v int16) Symbol {
	d.listen(float64(v))
	d.n++
	if d.power < carrierPower {
		if d.weak++; d.weak < lostFor {
			return d.track()
		}
		return d.silence()
	}
	d.weak = 0
	return d.track()
}

// silence is a sample without carrier.
func (d *Demodulator) silence() (s Symbol) {
	if d.sending {
		s.Kind = End
	}
	d.sending, d.inside, d.char.on = false, false, false
	d.alike, d.wasMark, d.depth, d.depthN = 0, 0, 0, 0
	d.seizure = d.n - seizureKept
	return s
}

// listen moves a sample through filter, discriminator and average.
func (d *Demodulator) listen(v float64) {
	d.at--
	if d.at < 0 {
		d.at = taps - 1
	}
	d.heard[d.at], d.heard[d.at+taps] = v, v
	var re, im float64
	for i, x := range d.heard[d.at : d.at+taps] {
		re += d.filter[i][0] * x
		im += d.filter[i][1] * x
	}
	// The angle between this output and the last is the frequency; less the centre's.
	lastRe, lastIm := d.last[0], d.last[1]
	d.last = [2]float64{re, im}
	dot := re*lastRe + im*lastIm
	cross := im*lastRe - re*lastIm
	size := (re*re + im*im + lastRe*lastRe + lastIm*lastIm) / 2
	turn := 0.0
	if size > 0 {
		turn = (cross*turnCos - dot*turnSin) / size
	}
	d.turn += turn - d.turns[d.oldest]
	d.power += size - d.sizes[d.oldest]
	d.turns[d.oldest], d.sizes[d.oldest] = turn, size
	d.oldest = (d.oldest + 1) % smooth
}

// track follows the bits.
func (d *Demodulator) track() (s Symbol) {
	was := d.soft
	d.soft = d.turn / smooth
	now := float64(d.n)
	if was < 0 != (d.soft < 0) {
		s = d.transition(now-d.soft/(d.soft-was), d.soft >= 0)
	}
	if d.soft < 0 {
		d.wasMark++
		if d.wasMark > 2*bitLen {
			d.depth += d.soft
			d.depthN++
		}
	}
	if d.char.on {
		if c := d.sample(now, was); c.Kind != None {
			return c
		}
	}
	return s
}

// transition is a change from mark to space or back, at a time between two samples.
func (d *Demodulator) transition(at float64, space bool) (s Symbol) {
	gap := at - d.edgeAt
	d.edgeAt = at
	if gap > 0.6*bitLen && gap < 1.4*bitLen {
		d.alike++
	} else {
		d.alike, d.since = 0, at
	}
	seizing := false
	if d.alike >= seized && !d.inside { // a name may alternate too: UUU
		rate := (at - d.since) / (float64(d.alike) * bitLen)
		if seizing = math.Abs(rate-1) < seizedRate; !seizing {
			d.alike, d.since = 0, at
		}
	}
	if seizing {
		d.seizure = d.n
		if d.alike == seized && !d.char.on {
			d.sending = true
			s.Kind = Seizure
		}
	}
	if !space {
		if gap > bitLen/2 {
			d.wasMark, d.depth, d.depthN = 0, 0, 0
		}
		return s
	}
	if d.char.on {
		return s
	}
	long := d.wasMark / bitLen
	alone := d.n-d.seizure >= seizureKept
	switch {
	case !alone && long >= markLong, long >= markAlone:
		d.char.first, d.char.alone = true, alone
		d.mean = d.depth / d.depthN
	case !d.sending || seizing:
		return s
	}
	d.char.on, d.char.begin, d.char.bit, d.char.sure = true, at, 0, 1
	return s
}

// sample takes the bits of a character in their middles.
func (d *Demodulator) sample(now, was float64) (s Symbol) {
	c := &d.char
	middle := c.begin + (float64(c.bit)+0.5)*bitLen
	if now < middle {
		return s
	}
	v := d.soft + (was-d.soft)*(now-middle)
	c.sure = min(c.sure, math.Abs(v)/clearly)
	mark := v < 0
	switch {
	case c.bit == 0:
		if mark { // no start bit, a click
			c.on, c.first = false, false
			return s
		}
	case c.bit < 9:
		c.value >>= 1
		if mark {
			c.value |= 0x80
		}
	default:
		s = d.character(mark)
		return s
	}
	c.bit++
	return s
}

// character is a whole one, with its stop bit or without.
func (d *Demodulator) character(stop bool) (s Symbol) {
	c := &d.char
	s = Symbol{Kind: Next, Byte: c.value, Sure: c.sure}
	if c.first {
		s.Kind, s.Alone = First, c.alone
		d.sending, d.inside = true, true
	}
	if !stop {
		s.Kind, d.inside = Bad, false
	}
	c.on, c.first = false, false
	return s
}
