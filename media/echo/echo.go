// Package echo takes out of a telephone line the echo of what was sent into it:
// the part that the hybrid at the exchange, or in the telephone, throws back.
//
// Three adaptive filters share the work. One learns all the time, from signals
// whitened so that speech teaches as quickly as noise (whiten.go). From time to
// time a snapshot of it is frozen and put beside the filter that makes the output,
// which is frozen too; it takes over when it has proved better on speech that
// neither has learnt from (control.go), gradually and as far as it helps
// (choose.go). Whatever two people talking at once do to the learner, the output
// is not touched by it; but for the first 0.4 s of a call's speech, when the
// learner's own output serves as soon as less is left by it. What is left of the
// echo when the far side is silent is replaced by noise like that of the line
// (suppress.go).
// Where device buffers lie in the echo path, their delay is looked for by
// correlation (delay.go); a modem's answer tone switches everything off (disable.go).
//
// The figures are those of ITU-T G.168. Nothing here allocates after New. Through
// u-law on the echo paths D.2 to D.9, of white noise, the composite signal and real
// speech at -15 dBm0, subtraction alone takes away 13 to 26 dB in the first second,
// 26 to 37 in the second and 34 to 37 in the eleventh, when u-law's noise is nearly
// all that is left; build/judge/echo has libspandsp's canceller do the same and
// fails where it is ahead.
package echo

import (
	"math"

	"branchline/media/g711"
	"branchline/media/level"
)

const (
	chunk = 160 // samples whitened at once: a frame
	block = 40  // samples between decisions: 5 ms
)

// Config says what lies in the echo path. The zero value is a local hybrid
// reached without delay.
type Config struct {
	Tail   int       // samples of echo path, 0: 256 (32 ms); rounded up to a multiple of 32, from 64 to 1024
	Delay  int       // most samples of delay in front of it, 0: none; at most 8000 (1 s)
	Law    *g711.Law // what the device compands with on the way to the line, nil: nothing
	Linear bool      // subtract only: what the subtraction leaves is heard
	Silent bool      // the suppressor leaves silence instead of comfort noise
}

// A Canceller takes the echo of what is sent to one line out of what is heard
// from it. It belongs to one goroutine.
type Canceller struct {
	conf Config
	n    int // taps

	past    []float32 // what was sent, newest at end-1
	keep    int       // how much of it is needed
	end     int
	asleep  int // samples for which it has been silent
	bypass  bool
	sentDC  highpass
	heardDC highpass

	fore  filter // makes the output; frozen until a better one is proven
	trial filter // frozen; contends for the place of fore
	back  filter // learns all the time

	white   whitening
	flat    []float32 // the reference as the learner sees it, whitened
	window  []float32
	scratch []float32
	errs    [order]float32 // the learner's last errors, newest first
	noisy   float32        // power of its whitened error, over 2 ms
	gain    float32        // the update that is still to be made

	out, tried, learnt [block]float32 // the errors of fore, trial and back
	frameIn            [chunk]float32 // what was heard, for the finder

	chooser
	control
	suppressor
	disabler
	finder *finder
}

// A filter is one estimate of the echo path.
type filter struct {
	w  []float32 // newest tap last
	at int       // samples of delay in front of it
	// miss is how much of the reference's power is thought to be left as echo: the
	// squared distance between w and the true path.
	miss float32
}

// hybrid is the most echo that is expected of a hybrid: a return loss of 6 dB.
const hybrid = 0.25

func (f *filter) copy(g *filter) {
	copy(f.w, g.w)
	f.at, f.miss = g.at, g.miss
}

func (f *filter) forget() {
	clear(f.w)
	f.miss = hybrid
}

// highpass takes out what is below 13 Hz: converters' offsets would pull the
// filters away.
type highpass struct{ x, y float32 }

func (h *highpass) next(x float32) float32 {
	h.y = x - h.x + 0.99*h.y
	h.x = x
	return h.y
}

// New makes a canceller for one line.
func New(c Config) *Canceller {
	if c.Tail == 0 {
		c.Tail = 256
	}
	c.Tail = min(max((c.Tail+31)&^31, 64), 1024)
	c.Delay = min(max(c.Delay, 0), 8000)
	n := c.Tail
	keep := c.Delay + n + order
	e := &Canceller{
		conf:    c,
		n:       n,
		past:    make([]float32, 2*keep+4*chunk),
		keep:    keep,
		flat:    make([]float32, n+chunk),
		window:  make([]float32, n+chunk+order),
		scratch: make([]float32, n+chunk+order),
		fore:    filter{w: make([]float32, n)},
		chooser: chooser{was: filter{w: make([]float32, n)}},
		trial:   filter{w: make([]float32, n)},
		back:    filter{w: make([]float32, n)},
	}
	for i := range e.window {
		x := 2*float32(i)/float32(len(e.window)-1) - 1
		e.window[i] = 1 - x*x
	}
	if c.Delay > 0 {
		e.finder = newFinder(c.Delay + n/2)
	}
	e.Reset()
	return e
}

// Reset forgets the line, for a call on another path.
func (c *Canceller) Reset() {
	clear(c.past)
	c.end, c.asleep = c.keep, c.keep+chunk
	c.sentDC, c.heardDC = highpass{}, highpass{}
	c.fore.forget()
	c.fore.at = 0
	c.trial.copy(&c.fore)
	c.back.copy(&c.fore)
	c.errs = [order]float32{}
	c.noisy, c.gain = 0, 0
	c.chooser = chooser{was: c.was, part: 1}
	c.control = control{}
	c.suppressor = suppressor{}
	c.suppressor.reset()
	c.disabler = disabler{}
	if c.finder != nil {
		c.finder.reset()
	}
}

// Moved says that the device lost or repeated samples, so that the echo comes at
// another time. Without being told the canceller notices too, a little later.
func (c *Canceller) Moved() {
	if c.finder != nil {
		c.finder.forget()
	}
	c.back.miss = max(c.back.miss, hybrid)
}

// Bypass leaves what is heard as it is, for a fax machine or a modem, until it is
// called again. The echo path stays known.
func (c *Canceller) Bypass(on bool) { c.bypass = on }

// Process takes one frame sent to the line and the one heard from it at the same
// time, and leaves in heard what the far side said. Both should be of one length,
// 160 samples or a multiple of 40; what the one is longer is ignored.
func (c *Canceller) Process(sent, heard []int16) {
	for len(sent) > 0 && len(heard) > 0 {
		n := min(len(sent), len(heard), chunk)
		c.frame(sent[:n], heard[:n])
		sent, heard = sent[n:], heard[n:]
	}
}

func (c *Canceller) frame(sent, heard []int16) {
	c.append(sent)
	if off := c.disabler.hear(sent, heard); off || c.bypass {
		for _, v := range heard {
			c.heardDC.next(float32(v))
		}
		c.suppressor.open()
		return
	}
	c.whiten(len(sent))
	for i := 0; i < len(heard); i += block {
		c.cancel(heard[i:min(i+block, len(heard))], i, len(heard))
	}
	if c.gain != 0 { // the last update belongs to this frame's whitening
		n := len(sent)
		step(c.back.w, c.flat[n:n+c.n], c.flat[n:n+c.n], c.gain)
		c.gain = 0
	}
	if c.finder != nil {
		c.locate(len(sent))
	}
}

// append adds to the past what was sent.
func (c *Canceller) append(sent []int16) {
	if c.end+len(sent) > len(c.past) {
		copy(c.past, c.past[c.end-c.keep:c.end])
		c.end = c.keep
	}
	dst := c.past[c.end : c.end+len(sent)]
	for i, v := range sent {
		if l := c.conf.Law; l != nil {
			v = l.Linear(l.Code(v))
		}
		x := c.sentDC.next(float32(v))
		if x*x < 2 {
			x = 0
			c.asleep++
		} else {
			c.asleep = 0
		}
		dst[i] = x
	}
	c.end += len(sent)
}

// silent reports whether nothing was sent for as long as it matters.
func (c *Canceller) silent() bool { return c.asleep > c.keep+chunk }

// whiten computes the whitened reference that the learner adapts on during the
// next n samples.
func (c *Canceller) whiten(n int) {
	if c.silent() {
		clear(c.flat)
		return
	}
	x := c.past[c.end-c.back.at-n-c.n-order : c.end-c.back.at]
	s := c.scratch[:len(x)]
	for i, v := range x {
		s[i] = v * c.window[i]
	}
	c.white.learn(s)
	c.white.apply(c.flat[:n+c.n], x)
}

// cancel takes the echo out of one block, which begins at sample from of a frame
// of n.
func (c *Canceller) cancel(heard []int16, from, n int) {
	var s sums
	if c.silent() {
		for i, v := range heard {
			d := c.heardDC.next(float32(v))
			c.out[i], c.tried[i], c.learnt[i] = d, d, d
			c.frameIn[from+i] = d
			s.heard += d * d
		}
		s.fore, s.back, s.tried = s.heard, s.heard, s.heard
		c.noisy = s.heard / block
	} else {
		c.subtract(&s, heard, from, n)
	}
	c.decide(&s, len(heard))
	c.choose(&s, from, len(heard))
	if !c.conf.Linear {
		c.suppress(&s, len(heard))
	}
	for i := range heard {
		heard[i] = level.Limit(c.out[i])
	}
}

// subtract runs the three filters over one block and adapts the learner.
func (c *Canceller) subtract(s *sums, heard []int16, from, n int) {
	first := c.end - n + from + 1 - c.n
	fx, tx, bx := c.past[first-c.fore.at:], c.past[first-c.trial.at:], c.past[first-c.back.at:]
	wx := c.past[first-c.was.at:]
	flat := c.flat[from:]
	norm := energy(flat[:c.n])
	taps := float32(c.n)
	for i, v := range heard {
		d := c.heardDC.next(float32(v))
		yf := dot(c.fore.w, fx[i:i+c.n])
		if c.fade > 0 {
			c.fade--
			yf += (dot(c.was.w, wx[i:i+c.n]) - yf) * fades[c.fade]
		}
		yt := dot(c.trial.w, tx[i:i+c.n])
		yb := step(c.back.w, flat[i:i+c.n], bx[i:i+c.n], c.gain)
		ef, et, eb := d-yf, d-yt, d-yb
		ew := eb
		for k, a := range c.white.a {
			ew += a * c.errs[k]
		}
		copy(c.errs[1:], c.errs[:])
		c.errs[0] = eb

		out, in := flat[i], flat[i+c.n]
		norm = max(norm+in*in-out*out, 0) // rounding may leave less than nothing
		c.noisy += (ew*ew - c.noisy) * (1.0 / 16)
		// The best step is the share of the error that is echo. That the far side
		// begins to talk shows in the error at once and makes the step small. A step of
		// mu takes mu (2 - mu/best) / taps from the distance to the true path.
		best := min(1, (c.back.miss*norm/taps+tiny)/(c.noisy+1))
		mu := min(stride, best)
		c.gain = mu * ew / (norm + taps*quiet)

		c.out[i], c.tried[i], c.learnt[i] = ef, et, eb
		c.frameIn[from+i] = d
		x := bx[i+c.n-1]
		s.sent += x * x
		s.heard += d * d
		s.fore += ef * ef
		s.tried += et * et
		s.back += eb * eb
		s.echo += yf * yf
		s.steps += mu * (2 - mu/best)
	}
	s.around = energy(fx[:c.n]) / taps
}

const (
	stride = 0.5 // the longest step of the learner
	tiny   = 1e-9
	quiet  = 16 // power of a whitened reference that teaches nothing, about -72 dBm0
)

// A Report is what is known of the echo path.
type Report struct {
	ReturnLoss  float64 // of the hybrid, dB: how much weaker the echo is than what was sent
	Enhancement float64 // dB by which subtraction alone has weakened the echo lately
	Delay       int     // samples between sending and the echo's strongest part
	Learned     bool    // a filter is in use
	Talking     bool    // the far side was, in the last 5 ms
	Bypassed    bool    // by Bypass
	Disabled    bool    // by a modem's tone
	Resets      int     // times the path was forgotten since it had gone wrong
}

// Report tells the state of affairs.
func (c *Canceller) Report() Report {
	r := Report{Bypassed: c.bypass, Talking: c.suppressor.speech, Disabled: c.disabler.off, Resets: c.control.resets}
	if e := energy(c.fore.w); e > 0 {
		r.Learned = true
		r.ReturnLoss = -10 * math.Log10(float64(e))
		r.Delay = c.fore.peak()
		r.Enhancement = 10 * math.Log10(float64((c.control.echoIn+1)/(c.control.echoOut+1)))
	}
	return r
}

// peak is the delay of the strongest tap.
func (f *filter) peak() int {
	best, at := float32(-1), 0
	for i, v := range f.w {
		if v*v > best {
			best, at = v*v, i
		}
	}
	return f.at + len(f.w) - 1 - at
}
