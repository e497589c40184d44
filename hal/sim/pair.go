package sim

import (
	"sync"
	"time"

	"branchline/hal"
	"branchline/hal/sim/signal"
)

// A feed is what the feeding end does to the wires for one frame.
type feed struct {
	battery, reversed, ringing bool
	sound                      hal.Frame
	// What no wire carries, but devices that know more than the wires are told.
	truth []hal.Event
	lamp  int // messages waiting
}

// A load is what the terminal end does.
type load struct {
	closed bool // off hook
	sound  hal.Frame
	// What a mobile module tells the network in messages.
	number  string // call this
	reject  bool   // hang up, or do not want the incoming call
	digits  string
	message *hal.Message
}

// The ends of a pair. In each step the terminal acts, the feeding end hears that and
// acts, and the terminal hears that; so neither is heard late. Time stops for both
// when rest is called: nobody has a port of the pair open any more.
type (
	feeding interface {
		feed(l *load, f *feed)
		rest()
	}
	terminal interface {
		act(l *load)
		hear(f *feed)
		rest()
	}
)

// A pair is two wires, and the clock of what hangs on them. Its goroutine runs
// while one of its ports is open; the mutex guards both ends.
type pair struct {
	period time.Duration // of a million frames, so that a clock can be slightly wrong
	loss   float64

	mu       sync.Mutex
	feeding  feeding
	terminal terminal
	cut      bool
	frames   int64 // since the beginning
	f        feed
	l        load
	after    []func() // to be called without the lock when the frame is over
	ports    int      // open
	stop     chan struct{}
	stopped  chan struct{}
}

func newPair(l Loop) *pair {
	exact := float64(1e6*time.Second) * hal.FrameSize / hal.Rate
	return &pair{period: time.Duration(exact / (1 + l.PPM/1e6)), loss: l.Loss}
}

// now is line time in samples.
func (w *pair) now() int64 { return w.frames * hal.FrameSize }

// begin and end count open ports; the lock is held. end returns what to wait for
// without it.
func (w *pair) begin() {
	if w.ports++; w.ports == 1 {
		w.stop, w.stopped = make(chan struct{}), make(chan struct{})
		go w.run(w.stop, w.stopped)
	}
}

func (w *pair) end() <-chan struct{} {
	if w.ports--; w.ports > 0 {
		return nil
	}
	w.feeding.rest()
	w.terminal.rest()
	close(w.stop)
	return w.stopped
}

// late is how far the machine may lag behind the line before frames are given up
// rather than made up for in a burst.
const late = time.Second

func (w *pair) run(stop <-chan struct{}, stopped chan<- struct{}) {
	defer close(stopped)
	// Somewhat beside the round times at which others act, so that in virtual time
	// it is always clear who comes first.
	start := time.Now().Add(313 * time.Microsecond)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for n := int64(1); ; n++ {
		// Whole millions apart, so that nothing overflows in a year.
		due := start.Add(time.Duration(n/1e6)*w.period + time.Duration(n%1e6)*(w.period/1e6) + time.Duration(n%1e6)*(w.period%1e6)/1e6)
		wait := time.Until(due)
		if wait < -late {
			start, wait = start.Add(-wait), 0
		}
		timer.Reset(wait)
		select {
		case <-stop:
			return
		case <-timer.C:
		}
		w.mu.Lock()
		w.step()
		calls := w.after
		w.after = nil
		w.mu.Unlock()
		for _, call := range calls {
			call()
		}
	}
}

// step moves the line on by one frame.
func (w *pair) step() {
	w.frames++
	l, f := &w.l, &w.f
	*l = load{}
	w.terminal.act(l)
	if !l.closed || !f.battery {
		// Without current in the loop the terminal cannot be heard.
		l.sound = hal.Frame{}
	}
	signal.Attenuate(&l.sound, w.loss)
	if w.cut {
		*l = load{}
	}
	*f = feed{truth: f.truth[:0]}
	w.feeding.feed(l, f)
	if w.cut {
		*f = feed{truth: f.truth[:0]}
	}
	signal.Attenuate(&f.sound, w.loss)
	w.terminal.hear(f)
}
