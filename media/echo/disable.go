package echo

import "math"

// disabler watches both directions for the answer tone of a modem, 2100 Hz with
// its phase reversed every 450 ms, which asks that echo be left alone, and for the
// silence that ends the wish (ITU-T G.168 clause 7).
type disabler struct {
	off           bool
	sent, heard   answer
	still         int // blocks of silence in both directions
	sentE, heardE float32
	n             int
}

const (
	toneBlock = 80    // samples: 10 ms, 21 periods of 2100 Hz
	toneLevel = 82000 // power of the weakest tone that counts, -35 dBm0 (G.168: it must at -31)
	quietened = 65000 // power below which a direction is silent: -36 dBm0
	released  = 25    // blocks of silence that end it: 250 ms
)

// hear takes one frame of both directions and reports whether echo is to be left
// alone.
func (d *disabler) hear(sent, heard []int16) bool {
	for i := range heard {
		a, b := float32(sent[i]), float32(heard[i])
		d.sent.add(a, d.n)
		d.heard.add(b, d.n)
		d.sentE += a * a
		d.heardE += b * b
		if d.n++; d.n == toneBlock {
			d.n = 0
			d.block()
		}
	}
	return d.off
}

func (d *disabler) block() {
	tone := d.sent.block(d.sentE)
	if d.heard.block(d.heardE) || tone {
		d.off, d.still = true, 0
	}
	if d.sentE < quietened*toneBlock && d.heardE < quietened*toneBlock {
		d.still++
	} else {
		d.still = 0
	}
	if d.off && d.still >= released {
		d.off = false
		d.sent, d.heard = answer{}, answer{}
	}
	d.sentE, d.heardE = 0, 0
}

// answer follows the phase of 2100 Hz in one direction.
type answer struct {
	re, im  float32
	steady  int     // blocks for which the tone has lasted
	missing int     // of them, the last without it
	phase   float64 // expected in the next block
	drift   float64 // phase per block: the tone may be 21 Hz off
	since   int     // blocks since the last reversal
	turns   int     // reversals that came in time
}

func (a *answer) add(x float32, n int) {
	c := &carrier[n]
	a.re += x * c.cos
	a.im += x * c.sin
}

// block ends a block of the given energy and reports whether the answer tone has
// been recognised: by its second reversal.
func (a *answer) block(energy float32) bool {
	re, im := a.re, a.im
	a.re, a.im = 0, 0
	a.since++
	if energy < toneLevel*toneBlock || re*re+im*im < 0.6*energy*(toneBlock/2) {
		// A reversal within the block takes the tone out of it.
		if a.missing++; a.missing > 2 {
			*a = answer{}
		}
		a.phase += a.drift
		return false
	}
	phase := math.Atan2(float64(im), float64(re))
	off := wrap(phase - a.phase)
	a.steady++
	switch {
	case a.steady == 1:
	case a.steady == 2:
		a.drift = off
	case math.Abs(off) > math.Pi*145/180 && a.steady > 10:
		if in := a.since >= 40 && a.since <= 50; in || a.turns == 0 {
			a.turns++
		} else {
			a.turns = 1
		}
		a.since = 0
	case math.Abs(off) > 1 && a.missing == 0:
		*a = answer{steady: 1} // another tone
	default:
		a.drift = wrap(a.drift + off/8)
	}
	a.missing = 0
	a.phase = phase + a.drift
	return a.turns >= 2
}

func wrap(x float64) float64 { return math.Remainder(x, 2*math.Pi) }

// carrier is 10 ms of 2100 Hz.
var carrier = func() (c [toneBlock]struct{ cos, sin float32 }) {
	for i := range c {
		s, k := math.Sincos(2 * math.Pi * 2100 * float64(i) / 8000)
		c[i].cos, c[i].sin = float32(k), float32(-s)
	}
	return c
}()
