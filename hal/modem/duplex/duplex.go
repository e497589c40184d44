// Package duplex is the speech of one call between a device that paces it and
// whoever reads and writes frames. For every sample that arrives one is sent, so
// neither side needs a clock, and the device's buffers stay as full as they are.
package duplex

import (
	"io"
	"sync"
	"time"

	"branchline/hal"
)

const (
	// backlog is how many frames wait for a reader, 200 ms.
	backlog = 10
	// ahead is how many samples wait to be sent at most, 40 ms: all of them are delay,
	// and part of the echo's way.
	ahead = 2 * hal.FrameSize
)

// Cushion is silence that the device is given at the beginning, in samples, against
// the unevenness of USB and of us: 20 ms.
const Cushion = hal.FrameSize

// Room is how many samples may be on the way to the device, 60 ms: the cushion, and
// as much again as we queue. What would be more is dropped, for it would be late for
// the rest of the call.
const Room = Cushion + ahead

// A Path is one call's speech. Receive and Fill belong to one goroutine, the
// device's.
type Path struct {
	clock *Clock

	mu      sync.Mutex
	arrived *sync.Cond
	in      [backlog]hal.Frame
	first   int // oldest frame in in
	count   int // frames in in
	part    int // samples of the frame that is arriving
	out     [ahead]int16
	head    int // oldest sample in out
	queued  int // samples in out
	silence int // samples of silence sent, not yet counted
	lost    int // samples the device had no room for, not yet counted
	user    *audio
	over    bool
}

// NewPath begins a call.
func NewPath(clock *Clock) *Path {
	p := &Path{clock: clock}
	p.arrived = sync.NewCond(&p.mu)
	return p
}

// Receive takes samples from the device. Frames nobody reads push out the oldest.
func (p *Path) Receive(samples []int16) {
	p.clock.Advance(len(samples))
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(samples) > 0 {
		at := (p.first + p.count) % backlog
		if p.part == 0 && p.count == backlog {
			p.first = (p.first + 1) % backlog
			p.count--
			if p.user != nil {
				p.user.stats.Overruns++
			}
			at = (p.first + p.count) % backlog
		}
		n := copy(p.in[at][p.part:], samples)
		samples = samples[n:]
		if p.part += n; p.part == hal.FrameSize {
			p.part = 0
			p.count++
			p.arrived.Broadcast()
		}
	}
}

// Fill gives the samples to send in return for as many that are received, before they
// are: what is written in answer to a frame is never in time for the frame itself, so
// that it can't be one time and too late the next.
func (p *Path) Fill(samples []int16) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range samples {
		if p.queued == 0 {
			clear(samples[i:])
			if p.user != nil {
				p.silence += len(samples) - i
				p.user.stats.Underruns += uint64(p.silence / hal.FrameSize)
				p.silence %= hal.FrameSize
			}
			return
		}
		samples[i] = p.out[p.head]
		p.head = (p.head + 1) % ahead
		p.queued--
	}
}

// Discard takes n samples as Fill does, when the device has no room for them.
func (p *Path) Discard(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	n = min(n, p.queued)
	p.head = (p.head + n) % ahead
	p.queued -= n
	if p.user != nil {
		p.lost += n
		p.user.stats.Dropped += uint64(p.lost / hal.FrameSize)
		p.lost %= hal.FrameSize
	}
}

// End ends the call: readers get io.EOF when they have read what there is.
func (p *Path) End() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.over = true
	p.arrived.Broadcast()
}

// Open gives the call's speech to a reader. What came before is not for him.
func (p *Path) Open() (hal.Audio, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.over:
		return nil, hal.ErrClosed
	case p.user != nil:
		return nil, hal.ErrBusy
	}
	p.user = &audio{path: p}
	p.first, p.count, p.part, p.queued, p.silence, p.lost = 0, 0, 0, 0, 0, 0
	return p.user, nil
}

// An audio is the reader's and writer's end.
type audio struct {
	path  *Path
	stats hal.AudioStats // under the path's lock
}

func (a *audio) Read(f *hal.Frame) error {
	p := a.path
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		switch {
		case p.user != a:
			return io.EOF
		case p.count > 0:
			*f = p.in[p.first]
			p.first = (p.first + 1) % backlog
			p.count--
			a.stats.Read++
			return nil
		case p.over:
			return io.EOF
		}
		p.arrived.Wait()
	}
}

func (a *audio) Write(f *hal.Frame) error {
	p := a.path
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.user != a || p.over:
		return io.EOF
	case p.queued+len(f) > ahead:
		a.stats.Dropped++
		return nil
	}
	for _, s := range f {
		p.out[(p.head+p.queued)%ahead] = s
		p.queued++
	}
	a.stats.Written++
	return nil
}

func (a *audio) Stats() hal.AudioStats {
	a.path.mu.Lock()
	defer a.path.mu.Unlock()
	return a.stats
}

func (a *audio) Close() error {
	p := a.path
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.user == a {
		p.user, p.queued = nil, 0
		p.arrived.Broadcast()
	}
	return nil
}

// A Clock is a line's time in samples: those that arrived while speech flows, the
// clock on the wall while none does. It never goes back.
type Clock struct {
	mu      sync.Mutex
	start   time.Time
	flowing bool
	offset  int64 // of the samples against the clock on the wall, as speech last stopped
	samples int64 // while speech flows
}

// NewClock starts at zero.
func NewClock() *Clock { return &Clock{start: time.Now()} }

func (c *Clock) wall() int64 { return int64(time.Since(c.start) / (time.Second / hal.Rate)) }

// Now is the line's time.
func (c *Clock) Now() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.flowing {
		return c.samples
	}
	return c.wall() + c.offset
}

// Flow says that speech begins or stops to flow.
func (c *Clock) Flow(on bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case on && !c.flowing:
		c.samples = c.wall() + c.offset
	case !on && c.flowing:
		c.offset = c.samples - c.wall()
	}
	c.flowing = on
}

// Advance counts samples that have arrived.
func (c *Clock) Advance(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.flowing {
		c.samples += int64(n)
	}
}
