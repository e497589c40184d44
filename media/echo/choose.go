package echo

import "math"

// A chooser puts the output together. Where what is sent has long lacked some
// frequencies the filter knows nothing of them, and makes an echo of a tone there
// louder; so as long as it takes nothing away it is not used, or only as much of it
// as helps. And until a filter has had the time to prove itself, the learner's own
// output serves, as soon as less is left by it. Nothing of this is to be heard as a
// click: filters take each other's place gradually.
type chooser struct {
	was  filter // what the output was made with before fore
	fade int    // samples for which it still has a part

	heard, left, echo, back float32 // over 10 ms: in, error and output of fore, error of the learner
	doubt                   bool    // fore is wrong about what is sent now
	part                    float32 // of fore's output that is subtracted
	served                  int     // blocks of speech so far
	lending                 bool    // the learner serves
	lent                    float32 // the share of its output that is taken
}

// While fore is thought to leave more than this share of the reference's power, not
// much is known of the path.
const green = 0.005

// beginning is for how many blocks of speech, 0.4 s, the learner may serve. Later it
// may have learnt to follow the far side's voice, and its hiss is to be heard.
const beginning = 80

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

// recall ends the learner's service, before it is made to forget.
func (c *Canceller) recall() {
	if c.lent > 0.5 {
		c.was.copy(&c.back)
		c.fade = fading
	}
	c.lent, c.lending = 0, false
}

// missing is how much of the reference's power may be in the output as echo.
func (c *Canceller) missing() float32 { return c.fore.miss + (c.back.miss-c.fore.miss)*c.lent }

// choose ends one block, of n samples from sample from of the frame: it decides how
// much of fore's output is subtracted, and whether the learner's is instead.
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
	if s.sent > audible*size {
		o.served++
	}
	least := min(o.left, o.heard)
	switch {
	case c.fore.miss < green, o.served > beginning, o.back > least:
		o.lending = false
	case o.back < 0.7*least:
		o.lending = true
	}
	if o.part == 1 && want == 1 && o.lent == 0 && !o.lending {
		return
	}
	s.fore = 0
	const most = 1.0 / block
	rate, lend := max(-most, min(most, (want-o.part)/size)), float32(-most)
	if o.lending {
		lend = most
	}
	for i, d := range c.frameIn[from : from+n] {
		o.part = max(0, min(1, o.part+rate))
		o.lent = max(0, min(1, o.lent+lend))
		e := d + (c.out[i]-d)*o.part
		c.out[i] = e + (c.learnt[i]-e)*o.lent
		s.fore += c.out[i] * c.out[i]
	}
}
