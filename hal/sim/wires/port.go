package wires

import (
	"context"
	"errors"
	"io"

	"branchline/hal"
	"branchline/hal/sim/signal"
)

// A Port is our end of a pair: what trunk and station have in common. The pair's
// lock guards it.
type Port struct {
	pair *Pair
	info hal.Info
	do   func(hal.Op) error
	// reset puts the port on hook.
	reset func()
	line  *line // nil while it is not open
	gone  bool  // pulled out
	talk  bool  // between Answer, Seize or OffHook and the end

	hybrid     *signal.Hybrid
	noise      *signal.Noise
	out, in    *signal.Delay
	companded  bool
	keys       *signal.Keypad
	sent, took hal.Frame // scratch
}

func newPort(w *Pair, info hal.Info, l Loop) Port {
	info.Driver = "sim"
	info.Model = "simulated"
	info.EchoDelay = l.Delay
	o := Port{
		pair: w, info: info, companded: l.Companded,
		out: signal.NewDelay(l.Delay / 2), in: signal.NewDelay(l.Delay - l.Delay/2),
	}
	if taps := l.taps(); len(taps) > 0 && !info.Caps.Has(hal.CancelsEcho) {
		o.hybrid = signal.NewHybrid(taps)
	}
	if l.Noise != 0 {
		o.noise = signal.NewNoise(l.Noise, l.Seed)
	}
	if info.Caps.Has(hal.ReportsDigits) {
		o.keys = new(signal.Keypad)
	}
	return o
}

// Name is how the line is called.
func (o *Port) Name() string { return o.info.Name }

// Open opens the line. hal.ErrAbsent: it has been pulled out; hal.ErrBusy: it is open.
func (o *Port) Open() (hal.Line, error) {
	o.pair.Lock()
	defer o.pair.Unlock()
	switch {
	case o.gone:
		return nil, hal.ErrAbsent
	case o.line != nil:
		return nil, hal.ErrBusy
	}
	o.line = &line{Port: o, since: o.pair.Now(), events: make(chan hal.Event, 64)}
	o.pair.begin()
	return o.line, nil
}

// Close closes the line if it is open.
func (o *Port) Close() {
	o.pair.Lock()
	l := o.line
	o.pair.Unlock()
	if l != nil {
		_ = l.Close() // cannot fail
	}
}

// Unplug takes the device away; err is its last word. It can be opened again after
// Plug.
func (o *Port) Unplug(err error) {
	o.pair.Lock()
	defer o.pair.Unlock()
	if o.gone {
		return
	}
	o.gone = true
	if l := o.line; l != nil && l.audio != nil {
		l.audio.end()
	}
	o.report(hal.Event{Kind: hal.Lost, Err: err})
	o.reset()
	if o.line != nil {
		o.line.flush()
	}
}

// Plug undoes Unplug.
func (o *Port) Plug() {
	o.pair.Lock()
	defer o.pair.Unlock()
	o.gone = false
}

// report is the only place where events come from; only those that the device is
// able to report reach the line.
func (o *Port) report(e hal.Event) {
	l := o.line
	if l == nil || l.lost {
		return
	}
	e.At = o.pair.Now() - l.since
	l.pending = append(l.pending, e)
	l.lost = e.Kind == hal.Lost
}

// toLine takes the next frame that the program has queued, mix put in its place if
// the device makes a sound of its own, and gives what leaves the port.
func (o *Port) toLine(own signal.Sound) (f *hal.Frame, over bool) {
	f = &o.sent
	*f = hal.Frame{}
	if l := o.line; l != nil && l.audio != nil {
		l.audio.take(f)
	}
	if own != nil {
		over = !own(f)
	}
	o.out.Pass(f)
	if o.companded {
		signal.Compand(f)
	}
	return f, over
}

// fromLine makes what the port hears of what came over the wires, and of what it
// sent itself if the loop is closed.
func (o *Port) fromLine(came *hal.Frame, closed bool) {
	f := &o.took
	*f = *came
	if o.hybrid != nil {
		sent := hal.Frame{}
		if closed {
			sent = o.sent
		}
		o.hybrid.Add(&sent, f)
	}
	if o.noise != nil {
		o.noise.Add(f)
	}
	if o.companded {
		signal.Compand(f)
	}
	o.in.Pass(f)
	if o.keys != nil && closed {
		if key := o.keys.Hear(came); key != 0 {
			o.report(hal.Event{Kind: hal.Digit, Digit: key})
		}
	}
	if l := o.line; l != nil {
		if l.audio != nil {
			l.audio.give(f)
		}
		l.flush()
	}
}

// mute closes the audio of a device that has none on hook.
func (o *Port) mute() {
	if l := o.line; l != nil && l.audio != nil && !o.info.Caps.Has(hal.AudioWhenIdle) {
		l.audio.end()
	}
}

// line is one opening of a port.
type line struct {
	*Port
	since   int64 // line time when it was opened
	events  chan hal.Event
	pending []hal.Event // those that events had no room for
	audio   *audio
	lost    bool
	closed  bool
}

func (l *line) Info() hal.Info           { return l.info }
func (l *line) Events() <-chan hal.Event { return l.events }

// flush hands over events as far as there is room; the rest follows with the next
// frame.
func (l *line) flush() {
	for len(l.pending) > 0 {
		select {
		case l.events <- l.pending[0]:
			l.pending = l.pending[1:]
		default:
			return
		}
	}
}

func (l *line) Do(ctx context.Context, op hal.Op) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	l.pair.Lock()
	defer l.pair.Unlock()
	if l.closed || l.lost {
		return hal.ErrClosed
	}
	return l.do(op)
}

var errOnHook = errors.New("the device has no audio while the line is on hook")

func (l *line) Audio() (hal.Audio, error) {
	l.pair.Lock()
	defer l.pair.Unlock()
	switch {
	case l.closed || l.lost:
		return nil, hal.ErrClosed
	case l.audio != nil:
		return nil, hal.ErrBusy
	case !l.info.Caps.Has(hal.AudioWhenIdle) && !l.talk:
		return nil, errOnHook
	}
	l.audio = &audio{line: l, ready: make(chan struct{}, 1)}
	return l.audio, nil
}

func (l *line) Close() error {
	l.pair.Lock()
	if l.closed {
		l.pair.Unlock()
		return nil
	}
	l.closed = true
	if l.audio != nil {
		l.audio.end()
	}
	l.reset()
	l.flush()
	close(l.events)
	l.Port.line = nil
	stopped := l.pair.end()
	l.pair.Unlock()
	if stopped != nil {
		<-stopped
	}
	return nil
}

// How many frames a device holds: what was not read, and what is to be sent.
const (
	mostUnread = 8
	mostUnsent = 4
)

// audio is the speech path of a line. Frames pass under the pair's lock.
type audio struct {
	line   *line
	ready  chan struct{} // has an element when there may be something to read
	unread [mostUnread]hal.Frame
	unsent [mostUnsent]hal.Frame
	read   int // frames in unread, the oldest first
	write  int
	stats  hal.AudioStats
	ended  bool
}

// end makes Read say that it is over; the lock is held.
func (a *audio) end() {
	if a.ended {
		return
	}
	a.ended = true
	a.line.audio = nil
	a.wake()
}

func (a *audio) wake() {
	select {
	case a.ready <- struct{}{}:
	default:
	}
}

func (a *audio) give(f *hal.Frame) {
	if a.read == mostUnread {
		copy(a.unread[:], a.unread[1:])
		a.read--
		a.stats.Overruns++
	}
	a.unread[a.read] = *f
	a.read++
	a.wake()
}

func (a *audio) take(f *hal.Frame) {
	if a.write == 0 {
		a.stats.Underruns++
		return
	}
	*f = a.unsent[0]
	copy(a.unsent[:], a.unsent[1:])
	a.write--
}

func (a *audio) Read(f *hal.Frame) error {
	for {
		a.line.pair.Lock()
		if a.read > 0 && !a.ended {
			*f = a.unread[0]
			copy(a.unread[:], a.unread[1:])
			a.read--
			a.stats.Read++
			a.line.pair.Unlock()
			return nil
		}
		ended := a.ended
		if ended {
			a.wake() // for whoever reads next
		}
		a.line.pair.Unlock()
		if ended {
			return io.EOF
		}
		<-a.ready
	}
}

func (a *audio) Write(f *hal.Frame) error {
	a.line.pair.Lock()
	defer a.line.pair.Unlock()
	switch {
	case a.ended:
		return io.EOF
	case a.write == mostUnsent:
		a.stats.Dropped++
	default:
		a.unsent[a.write] = *f
		a.write++
		a.stats.Written++
	}
	return nil
}

func (a *audio) Stats() hal.AudioStats {
	a.line.pair.Lock()
	defer a.line.pair.Unlock()
	return a.stats
}

func (a *audio) Close() error {
	a.line.pair.Lock()
	defer a.line.pair.Unlock()
	a.end()
	return nil
}
