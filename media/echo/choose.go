package echo

import "math"

// A chooser puts the output together. Where what is sent has long lacked some
// frequencies the filter knows nothing of them, and makes an echo of a tone there
// louder; so as long as it takes nothing away it is not used, or only as much of it
// as helps. Nothing of this is to be heard as a click: filters take each other's
// place gradually.
type chooser struct {
	was  filter // what the output was made with before fore
	fade int    // samples for which it still has a part

	heard, left, echo, back float32 // over 10 ms: in, error and output of fore, error of the learner
	doubt                   bool    // fore is wrong about what is sent now
	part                    float32 // of fore's output that is subtracted
}

// fading is in how many samples one filter takes the place of another: 10 ms.
const fading = 80

// fades[i] is the part of the old filter when i samples remain.
var fades = func() (f [fading]float32) {
	for i := range f {
		f[i] = float32(0.5 - 0.5*math.Cos(math.Pi*(float64(i)+0.5)/fading))
	}
	return f
}()

// replace gives the output another filter, from now on and gradually. The caller
// sets it.
func (c *Canceller) replace() {
	c.was.copy(&c.fore)
	c.fade = fading
}

// choose ends one block, of n samples from sample from of the frame: it decides how
// much of fore's output is subtracted.
func (c *Canceller) choose(s *sums, from, n int) {
	o, t, size := &c.chooser, &c.control, float32(n)
	const shortly = 0.4
	o.heard += (s.heard/size - o.heard) * shortly
	o.left += (s.fore/size - o.left) * shortly
	o.echo += (s.echo/size - o.echo) * shortly
	o.back += (s.back/size - o.back) * shortly
	switch {
	case o.left < 0.8*o.heard || o.left < audible/10:
		o.doubt = false
	case o.left > 1.1*o.heard && o.back < 0.5*o.left, t.fErr > 1.25*t.heard:
		// By chance somebody who talks is for a moment louder than with echo; but then
		// the learner cannot explain it either, and the chance does not last.
		o.doubt = true
	}
	want := float32(1)
	if o.doubt {
		// The share that leaves least.
		want = min(1, max(0, (o.heard+o.echo-o.left)/(2*o.echo+1)))
	}
	if o.part == 1 && want == 1 {
		return
	}
	s.fore = 0
	rate := max(-1.0/block, min(1.0/block, (want-o.part)/size))
	for i, d := range c.frameIn[from : from+n] {
		o.part = max(0, min(1, o.part+rate))
		c.out[i] = d + (c.out[i]-d)*o.part
		s.fore += c.out[i] * c.out[i]
	}
}
