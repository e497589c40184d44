package echo

import "math"

// finder looks for the delay of the echo where device buffers make it long: it
// correlates what was sent with what is heard, in the frequency domain, one
// partition of lags at a time, every frequency with the same weight so that the
// correlation of speech has a sharp peak.
type finder struct {
	fft   *fft
	parts int

	sent, heard         [span]float32 // blocks being gathered
	before              [span]float32 // the block sent before
	taper               [span]float32
	lastSent, lastHeard float32
	n                   int
	now                 int           // index in past of the newest spectrum
	past                [][]complex64 // spectra of what was sent, two blocks each, a ring
	cross               [][]complex64 // averaged products, by partition
	work                []complex64
	heat                float32 // how many blocks the average holds

	found, times int // candidate and how often it has been seen in a row
}

const (
	span   = 256 // samples in a block and lags in a partition
	lowBin = 16  // 250 Hz: below are hum and ringing
	topBin = 224 // 3500 Hz
	memory = 0.92
	tilt   = 0.9 // takes the weight off low frequencies, which leak into all others
	wide   = 16  // samples in which most of an echo's energy lies
	sure   = 4.5 // how far an echo stands out: twice what chance brings
)

func newFinder(most int) *finder {
	f := &finder{fft: newFFT(2 * span), parts: most/span + 1, work: make([]complex64, 2*span)}
	for i := range f.taper {
		f.taper[i] = float32(0.5 - 0.5*math.Cos(2*math.Pi*(float64(i)+0.5)/span))
	}
	for range f.parts {
		f.past = append(f.past, make([]complex64, topBin))
		f.cross = append(f.cross, make([]complex64, topBin))
	}
	return f
}

func (f *finder) reset() {
	f.forget()
	for i := range f.past {
		clear(f.past[i])
	}
	f.n = 0
}

// forget begins a new average.
func (f *finder) forget() {
	for i := range f.cross {
		clear(f.cross[i])
	}
	f.heat, f.times = 0, 0
}

// add takes one more sample of each direction and returns a delay in samples, and
// true, whenever it has become sure of one.
func (f *finder) add(sent, heard float32) (int, bool) {
	f.sent[f.n], f.heard[f.n] = sent-tilt*f.lastSent, heard-tilt*f.lastHeard
	f.lastSent, f.lastHeard = sent, heard
	if f.n++; f.n < span {
		return 0, false
	}
	f.n = 0
	return f.block()
}

func (f *finder) block() (int, bool) {
	// The spectrum of the last two blocks sent.
	if f.now--; f.now < 0 {
		f.now = f.parts - 1
	}
	w := f.work
	var loud float32
	for i := range span {
		w[i] = complex(f.before[i], 0)
		w[i+span] = complex(f.sent[i], 0)
		loud += f.sent[i] * f.sent[i]
	}
	f.before = f.sent
	f.fft.forward(w)
	floor := float32(2*span) * audible / 100
	for i := lowBin; i < topBin; i++ {
		f.past[f.now][i] = unit(w[i], floor)
	}
	// That of the last block heard, behind as many zeros; without its edges, which
	// would correlate with those of the other.
	var echo float32
	for i := range span {
		w[i] = 0
		w[i+span] = complex(f.heard[i]*f.taper[i], 0)
		echo += f.heard[i] * f.heard[i]
	}
	if echo < span*100 {
		return 0, false
	}
	f.fft.forward(w)
	for i := lowBin; i < topBin; i++ {
		w[i] = unit(w[i], 1)
	}
	best, most := -1, float32(0)
	f.heat = f.heat*memory + 1
	for p := range f.cross {
		x, s := f.past[(f.now+p)%f.parts], f.cross[p]
		x, s = x[lowBin:topBin], s[lowBin:topBin]
		h := w[lowBin:topBin]
		var e float32
		for i := range s {
			a, b := x[i], h[i]
			re := real(s[i])*memory + real(a)*real(b) + imag(a)*imag(b)
			im := imag(s[i])*memory + real(a)*imag(b) - imag(a)*real(b)
			s[i] = complex(re, im)
			e += re*re + im*im
		}
		if e > most {
			best, most = p, e
		}
	}
	if best < 0 || f.heat < 3 {
		return 0, false
	}
	// A partition sees part of the echoes in its neighbours too.
	lag, height := 0, float32(0)
	for p := max(best-1, 0); p <= best+1 && p < f.parts; p++ {
		if l, h := f.peak(p); h > height {
			lag, height = l, h
		}
	}
	if height < sure {
		f.times = 0
		return 0, false
	}
	if d := lag - f.found; d < -wide || d > wide || f.times == 0 {
		f.found, f.times = lag, 1
		return 0, false
	}
	f.times++
	return f.found, f.times >= 2
}

// peak is the lag at which the correlation in partition p has most energy, and how
// far it stands out: its density over the mean.
func (f *finder) peak(p int) (int, float32) {
	w := f.work
	clear(w)
	for i := lowBin; i < topBin; i++ {
		v := f.cross[p][i]
		w[i] = v
		w[2*span-i] = complex(real(v), -imag(v))
	}
	f.fft.forward(w) // of a conjugate-symmetric spectrum: the sequence backwards
	at, top, sum, box := 0, float32(0), float32(0), float32(0)
	for l := range span {
		v := real(w[(2*span-l)%(2*span)])
		sum += v * v
		box += v * v
		if l >= wide {
			u := real(w[(2*span-l+wide)%(2*span)])
			box -= u * u
		}
		if box > top {
			at, top = l-wide+1, box
		}
	}
	if sum == 0 {
		return 0, 0
	}
	return p*span + at, top / sum * span / wide
}

// unit is v with the length one, or zero if it is weaker than floor, in power.
func unit(v complex64, floor float32) complex64 {
	p := real(v)*real(v) + imag(v)*imag(v)
	if p < floor {
		return 0
	}
	g := 1 / float32(math.Sqrt(float64(p)))
	return complex(real(v)*g, imag(v)*g)
}

// locate feeds the finder one frame of n samples and moves the learner to where
// the echo is.
func (c *Canceller) locate(n int) {
	for i := range n {
		d, ok := c.finder.add(c.past[c.end-n+i], c.frameIn[i])
		if ok {
			c.settle(d)
		}
	}
}

// settle moves the learner so that the delay d comes to lie where the strongest
// tap belongs: where it is now, if the path is known and only the delay has
// changed, else a quarter into the filter.
func (c *Canceller) settle(d int) {
	lead := c.n / 4
	known := c.fore.miss < 0.05
	if known {
		lead = c.fore.peak() - c.fore.at
	}
	at := min(max(d-lead, 0), c.conf.Delay)
	inside := d >= c.back.at+c.n/16 && d < c.back.at+c.n*5/8
	if at == c.back.at || inside && (!known || at-c.fore.at < 8 && c.fore.at-at < 8) {
		return
	}
	if known {
		c.recall()
		c.back.copy(&c.fore)
	} else {
		c.replace()
		c.recall()
		c.back.forget()
		c.fore.forget()
		c.fore.at = at
	}
	c.back.at = at
	c.back.miss = hybrid
	c.challenge()
}
