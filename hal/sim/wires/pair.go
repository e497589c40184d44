// Package wires is the pair of wires between a port of ours and whatever is at its
// other end, with the clock of both; and our ports themselves: a Trunk looks like a
// telephone to the other end, a Station feeds and rings one. They are hal.Lines.
package wires

import (
	"sync"
	"time"

	"branchline/hal"
	"branchline/hal/sim/signal"
)

// A Feed is what the feeding end does to the wires for one frame.
type Feed struct {
	Battery, Reversed, Ringing bool
	Sound                      hal.Frame
	// What no wire carries, but devices that know more than the wires are told.
	Truth []hal.Event
	Lamp  int // messages waiting
}

// A Load is what the terminal end does.
type Load struct {
	Closed bool // off hook
	Sound  hal.Frame
	// What a mobile module tells the network in messages.
	Number  string // call this
	Reject  bool   // hang up, or do not want the incoming call
	Digits  string
	Message *hal.Message
}

// The ends of a pair. In each step the terminal acts, the feeding end hears that and
// acts, and the terminal hears that; so neither is heard late. Time stops for both
// when Rest is called: nobody has a port of the pair open any more. All of it is called
// with the pair locked.
type (
	Feeding interface {
		Feed(l *Load, f *Feed)
		Rest()
	}
	Terminal interface {
		Act(l *Load)
		Hear(f *Feed)
		Rest()
	}
)

// A Pair is two wires, and the clock of what hangs on them. Its goroutine runs while
// one of its ports is open; the mutex guards both ends.
type Pair struct {
	period time.Duration // of a million frames, so that a clock can be slightly wrong
	loss   float64

	sync.Mutex
	feeding  Feeding
	terminal Terminal
	cut      bool
	frames   int64 // since the beginning
	f        Feed
	l        Load
	after    []func() // to be called without the lock when the frame is over
	ports    int      // open
	stop     chan struct{}
	stopped  chan struct{}
}

// NewPair makes wires that nothing hangs on yet; see Join.
func NewPair(l Loop) *Pair {
	exact := float64(1e6*time.Second) * hal.FrameSize / hal.Rate
	return &Pair{period: time.Duration(exact / (1 + l.PPM/1e6)), loss: l.Loss}
}

// Join hangs the two ends on the wires.
func (w *Pair) Join(f Feeding, t Terminal) { w.feeding, w.terminal = f, t }

// Cut opens the wires, or mends them.
func (w *Pair) Cut(open bool) {
	w.Lock()
	defer w.Unlock()
	w.cut = open
}

// After has f called without the lock when the present frame is over. The pair is
// locked.
func (w *Pair) After(f func()) { w.after = append(w.after, f) }

// Now is line time in samples. The pair is locked.
func (w *Pair) Now() int64 { return w.frames * hal.FrameSize }

// begin and end count open ports; the lock is held. end returns what to wait for
// without it.
func (w *Pair) begin() {
	if w.ports++; w.ports == 1 {
		w.stop, w.stopped = make(chan struct{}), make(chan struct{})
		go w.run(w.stop, w.stopped)
	}
}

func (w *Pair) end() <-chan struct{} {
	if w.ports--; w.ports > 0 {
		return nil
	}
	w.feeding.Rest()
	w.terminal.Rest()
	close(w.stop)
	return w.stopped
}

// late is how far the machine may lag behind the line before frames are given up
// rather than made up for in a burst.
const late = time.Second

func (w *Pair) run(stop <-chan struct{}, stopped chan<- struct{}) {
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
		w.Lock()
		w.step()
		calls := w.after
		w.after = nil
		w.Unlock()
		for _, call := range calls {
			call()
		}
	}
}

// step moves the line on by one frame.
func (w *Pair) step() {
	w.frames++
	l, f := &w.l, &w.f
	*l = Load{}
	w.terminal.Act(l)
	if !l.Closed || !f.Battery {
		// Without current in the loop the terminal cannot be heard.
		l.Sound = hal.Frame{}
	}
	signal.Attenuate(&l.Sound, w.loss)
	if w.cut {
		*l = Load{}
	}
	*f = Feed{Truth: f.Truth[:0]}
	w.feeding.Feed(l, f)
	if w.cut {
		*f = Feed{Truth: f.Truth[:0]}
	}
	signal.Attenuate(&f.Sound, w.loss)
	w.terminal.Hear(f)
}

// frame is the length of a step.
const frame = time.Second * hal.FrameSize / hal.Rate

// Frames is how many steps last about as long as d.
func Frames(d time.Duration) int { return int((d + frame/2) / frame) }

// A Countdown counts frames down.
type Countdown int

// Set has it run out after d.
func (c *Countdown) Set(d time.Duration) { *c = Countdown(Frames(d)) }

// Over reports whether it has run out in this frame; it does once.
func (c *Countdown) Over() bool {
	if *c == 0 {
		return false
	}
	*c--
	return *c == 0
}
