package dahdi

import (
	"context"
	"encoding/binary"
	"io"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"branchline/hal"
	"branchline/hal/dahdi/abi"
	"branchline/hal/dahdi/kernel"
)

// frameBytes is a frame as the kernel passes it, after SetLinear.
const frameBytes = 2 * hal.FrameSize

// kept is how many frames wait for a reader that is late; the kernel keeps some more.
const kept = 4

// lead is how many frames of silence go out before the first: whoever reads a frame
// has this long, less the frame itself, until the line needs the next.
const lead = 2

// talk is what goes out to the line.
type talk struct {
	mu      sync.Mutex
	dialing bool // digits are going out
	primed  bool // the lead was written
	block   [frameBytes]byte
}

// audio is a line's open speech path.
type audio struct {
	line *line

	mu     sync.Mutex
	frames [kept]hal.Frame
	first  int // the oldest
	count  int
	closed bool
	ready  chan struct{} // capacity 1
	gone   chan struct{} // closed at the end

	block [frameBytes]byte // of take

	silent                                             atomic.Int32 // frames read since the last was written
	read, written, lost, overruns, underruns, unwanted atomic.Uint64
}

// Audio opens the speech path, on hook or off. hal.ErrBusy: it is open.
func (l *line) Audio() (hal.Audio, error) {
	var opened *audio
	err := l.ask(context.Background(), func(_ *command, reply func(error)) {
		if l.audio.Load() != nil {
			reply(hal.ErrBusy)
			return
		}
		// What came before is stale.
		if err := kernel.Put(l.dev, abi.Flush, abi.FlushRead|abi.FlushWrite); err != nil {
			reply(err)
			return
		}
		kernel.Put(l.dev, abi.BufferEvents, abi.Int(1)) // not in all versions of DAHDI
		opened = &audio{line: l, ready: make(chan struct{}, 1), gone: make(chan struct{})}
		l.talk.mu.Lock()
		l.talk.primed = false
		l.talk.mu.Unlock()
		l.clock.count(true)
		l.audio.Store(opened)
		err := l.poller.Watch(l.dev, l.key, kernel.Input|kernel.Events)
		if err != nil {
			l.shut(opened)
		}
		reply(err)
	})
	if err != nil {
		return nil, err
	}
	return opened, nil
}

// shut closes the speech path. It is the owner who does.
func (l *line) shut(a *audio) {
	if l.audio.CompareAndSwap(a, nil) {
		l.poller.Watch(l.dev, l.key, kernel.Events)
		kernel.Put(l.dev, abi.BufferEvents, abi.Int(0))
		kernel.Put(l.dev, abi.Flush, abi.FlushRead|abi.FlushWrite)
		l.clock.count(false)
	}
	a.end()
}

func (a *audio) Close() error {
	err := a.line.ask(context.Background(), func(_ *command, reply func(error)) {
		a.line.shut(a)
		reply(nil)
	})
	if err == hal.ErrClosed {
		return nil
	}
	return err
}

// end wakes the reader for good.
func (a *audio) end() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.closed {
		a.closed = true
		close(a.gone)
	}
}

// take reads what the kernel has. It runs on the driver's loop.
func (a *audio) take() {
	l := a.line
	for range 2 * buffers {
		n, err := l.dev.Read(a.block[:])
		switch err {
		case nil:
			clear(a.block[n:]) // the kernel hands over whole blocks, and this is their size
			l.clock.frame()
			a.push()
		case kernel.ErrEvent:
			l.drain()
		case unix.EAGAIN:
			return
		default:
			l.gone(err)
			return
		}
	}
}

func (a *audio) push() {
	a.mu.Lock()
	if a.count == kept {
		a.first = (a.first + 1) % kept
		a.count--
		a.overruns.Add(1)
	}
	f := &a.frames[(a.first+a.count)%kept]
	for i := range f {
		f[i] = int16(binary.NativeEndian.Uint16(a.block[2*i:]))
	}
	a.count++
	a.mu.Unlock()
	select {
	case a.ready <- struct{}{}:
	default:
	}
}

// Read waits for the next frame.
func (a *audio) Read(f *hal.Frame) error {
	for {
		a.mu.Lock()
		if a.closed {
			a.mu.Unlock()
			return io.EOF
		}
		if a.count > 0 {
			*f = a.frames[a.first]
			a.first = (a.first + 1) % kept
			a.count--
			a.mu.Unlock()
			a.read.Add(1)
			a.silent.Add(1)
			return nil
		}
		a.mu.Unlock()
		select {
		case <-a.ready:
		case <-a.gone:
		}
	}
}

// Write hands a frame to the kernel. While digits are dialled it is thrown away.
func (a *audio) Write(f *hal.Frame) error {
	l := a.line
	select {
	case <-a.gone:
		return hal.ErrClosed
	default:
	}
	l.talk.mu.Lock()
	defer l.talk.mu.Unlock()
	paused := a.silent.Swap(0) > lead
	if l.talk.dialing {
		a.unwanted.Add(1)
		return nil
	}
	// Before the first frame, and after a pause in which the line has run dry.
	if !l.talk.primed || paused {
		l.talk.primed = true
		clear(l.talk.block[:])
		for range lead {
			if err := l.send(); err != nil {
				break // no room means that it is not dry
			}
		}
	}
	for i, v := range f {
		binary.NativeEndian.PutUint16(l.talk.block[2*i:], uint16(v))
	}
	switch err := l.send(); err {
	case nil:
		a.written.Add(1)
		return nil
	case unix.EAGAIN, kernel.ErrEvent:
		a.lost.Add(1)
		return nil
	default:
		l.gone(err)
		return hal.ErrClosed
	}
}

// send writes talk's block, and the same block again after each event that was in
// its way.
func (l *line) send() error {
	for range abi.MaxEvents {
		if _, err := l.dev.Write(l.talk.block[:]); err != kernel.ErrEvent {
			return err
		}
		l.drain()
	}
	return kernel.ErrEvent
}

// Stats counts; Overruns and Underruns are times it happened, not frames.
func (a *audio) Stats() hal.AudioStats {
	return hal.AudioStats{Read: a.read.Load(), Written: a.written.Load(), Overruns: a.overruns.Load(),
		Underruns: a.underruns.Load(), Dropped: a.lost.Load()}
}
