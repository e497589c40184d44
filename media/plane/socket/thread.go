package socket

import (
	"runtime"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	wakeupMark = -1
	maxPacket  = 2048
	maxEvents  = 256
	slice      = int64(time.Millisecond)

	// Up to this many streams each packet wakes the thread; above, it looks once a
	// millisecond, which costs less than the wake-ups.
	fewStreams = 12
	// The same is done when more packets than this come in a millisecond, so that a
	// flood at one port does not become a busy loop.
	burst = 64
)

// A thread owns the board, all sockets and everything below; nobody else touches
// it after init.
type thread struct {
	plane    *Plane
	streams  []*stream // by slot
	ports    int       // how many of them there are
	lines    []*line
	stopped  bool
	realtime bool
	// keepP says that the thread may keep its processor (P) while it sleeps, because
	// there is one to spare. Otherwise it hands it back and queues for one after
	// each sleep.
	keepP bool

	more    bool  // epoll had more to tell than fitted
	window  int64 // the millisecond being counted
	handled int   // packets in it

	events [maxEvents]unix.EpollEvent
	packet [maxPacket]byte
	spare  []func(now int64)
}

func (t *thread) init(p *Plane, realtime bool) {
	t.plane, t.realtime = p, realtime
	t.keepP = runtime.GOMAXPROCS(0) > runtime.NumCPU()
}

func (t *thread) now() int64 { return int64(time.Since(t.plane.start)) }

func (t *thread) run() {
	// Never unlocked: the thread, and its scheduling class, end with the goroutine.
	runtime.LockOSThread()
	defer close(t.plane.done)
	if t.realtime {
		// Without the privilege it stays an ordinary thread, a little less punctual.
		_ = unix.SchedSetAttr(0, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_FIFO, Priority: 1}, 0)
	}
	for !t.stopped {
		t.turn()
	}
}

// turn does what is due and what comes in, once.
func (t *thread) turn() {
	now := t.now()
	if t.plane.waiting.Load() {
		t.drain(now)
		if t.stopped {
			return
		}
	}
	if t.plane.delivered.Load() {
		t.plane.delivered.Store(false)
		t.collect(now)
	}
	t.plane.board.Advance(now)
	n := t.wait(now)
	now = t.now()
	for i := range n {
		t.ready(now, &t.events[i])
	}
}

// drain carries out the queued commands.
func (t *thread) drain(now int64) {
	p := t.plane
	p.mu.Lock()
	queue := p.queue
	p.queue, t.spare = t.spare[:0], nil
	p.waiting.Store(false)
	p.mu.Unlock()
	for i, f := range queue {
		f(now)
		queue[i] = nil
	}
	t.spare = queue[:0]
}

// wait sleeps until there is something to do and is how many sockets are ready.
func (t *thread) wait(now int64) int {
	if now/slice != t.window {
		t.window, t.handled = now/slice, 0
	}
	switch {
	case t.more:
		return t.poll(0)
	case t.ports > fewStreams || t.handled > burst:
		t.sleep(slice - t.now()%slice)
		return t.poll(0)
	}
	next, ok := t.plane.board.Next()
	if !ok {
		return t.poll(-1)
	}
	return t.poll(int(max(0, (next-t.now()+slice-1)/slice)))
}

// poll asks epoll, waiting up to so many milliseconds, -1 for ever.
func (t *thread) poll(timeout int) int {
	events, epoll := unsafe.Pointer(&t.events[0]), uintptr(t.plane.epoll)
	var n uintptr
	var errno unix.Errno
	if timeout == 0 { // returns at once, so the runtime need not know
		n, _, errno = unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, epoll, uintptr(events), maxEvents, 0, 0, 0)
	} else {
		n, _, errno = unix.Syscall6(unix.SYS_EPOLL_PWAIT, epoll, uintptr(events), maxEvents, uintptr(timeout), 0, 0)
	}
	if errno != 0 {
		n = 0 // a signal
	}
	t.more = n == maxEvents
	return int(n)
}

// sleep sleeps for at most a millisecond.
func (t *thread) sleep(ns int64) {
	ts := unix.NsecToTimespec(ns)
	if t.keepP {
		_, _, _ = unix.RawSyscall6(unix.SYS_CLOCK_NANOSLEEP, unix.CLOCK_MONOTONIC, 0, uintptr(unsafe.Pointer(&ts)), 0, 0, 0)
	} else {
		_, _, _ = unix.Syscall6(unix.SYS_CLOCK_NANOSLEEP, unix.CLOCK_MONOTONIC, 0, uintptr(unsafe.Pointer(&ts)), 0, 0, 0)
	}
}

// ready takes one packet from a socket that has some. More than one at a time is
// a flood or a hold-up, and the others' turn comes first.
func (t *thread) ready(now int64, e *unix.EpollEvent) {
	if e.Fd == wakeupMark {
		_, _, _ = unix.RawSyscall(unix.SYS_READ, uintptr(t.plane.wakeup), uintptr(unsafe.Pointer(&t.packet[0])), 8)
		return
	}
	slot := uint32(e.Fd) >> 1
	if slot >= uint32(len(t.streams)) || t.streams[slot] == nil {
		return
	}
	s := t.streams[slot]
	t.handled++
	if end := &s.wire.rtp; e.Fd&1 == 0 {
		if n := end.receive(t.packet[:]); n > 0 {
			s.party.Receive(now, end.source, t.packet[:n])
		}
		return
	}
	end := &s.wire.rtcp
	if n := end.receive(t.packet[:]); n > 0 {
		s.party.ReceiveReport(now, end.source, t.packet[:n])
	}
}

// add puts a new stream in its place.
func (t *thread) add(s *stream, now int64) {
	for uint32(len(t.streams)) <= s.slot {
		t.streams = append(t.streams, nil)
	}
	t.streams[s.slot] = s
	t.ports++
	s.party.Enter(now)
}

// remove ends a stream.
func (t *thread) remove(s *stream, now int64) {
	s.party.Close(now)
	if s.wire == nil || uint32(len(t.streams)) <= s.slot || t.streams[s.slot] != s {
		return
	}
	t.streams[s.slot] = nil
	t.ports--
	s.wire.close()
	t.plane.mu.Lock()
	t.plane.slots = append(t.plane.slots, s.slot)
	t.plane.mu.Unlock()
}

// stop ends all streams and then the thread.
func (t *thread) stop(now int64) {
	for _, s := range t.streams {
		if s != nil {
			s.gone.Store(true)
			t.remove(s, now)
		}
	}
	for len(t.lines) > 0 {
		t.lines[0].gone.Store(true)
		t.detach(t.lines[0], now)
	}
	t.plane.board.Close(now)
	t.stopped = true
}
