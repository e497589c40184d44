package socket

import (
	"net/netip"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"branchline/media"
	"branchline/media/plane"
	"branchline/media/plane/board"
)

// lineSide stands for the line wherever a party wants to have an address.
var lineSide = netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), 1)

// A line is a stream whose wire is a pair of rings, one for each direction, between
// the media thread and the line's goroutine.
type line struct {
	*stream
	up, down ring
}

var _ plane.Line = (*line)(nil)

// Line makes a stream whose RTP packets change hands in memory.
func (p *Plane) Line(events func(media.Event)) (plane.Line, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, errClosed
	}
	l := &line{stream: &stream{plane: p}}
	l.party = p.board.Party((*lineWire)(l), board.RulesOf(plane.Config{}), events)
	p.push(func(now int64) { p.thread.attach(l, now) })
	return l, nil
}

// Apply says which formats the line speaks.
func (l *line) Apply(f media.Flow) {
	if l.gone.Load() {
		return
	}
	f.Remote, f.RemoteRTCP = lineSide, lineSide
	l.apply(f)
}

// Deliver hands over one RTP packet from the line. The wake-up costs one system call
// in 20 ms.
func (l *line) Deliver(packet []byte) bool {
	if l.gone.Load() || !l.up.put(packet) {
		return false
	}
	if l.plane.delivered.CompareAndSwap(false, true) {
		_, _ = unix.Write(l.plane.wakeup, wake[:])
	}
	return true
}

// Collect copies the oldest RTP packet for the line into buf.
func (l *line) Collect(buf []byte) int { return l.down.take(buf) }

func (l *line) Close() {
	if !l.gone.Swap(true) {
		l.plane.do(func(now int64) { l.plane.thread.detach(l, now) })
	}
}

// lineWire is a line as the board sends to it.
type lineWire line

func (*lineWire) Aim(_, _ netip.AddrPort) {}
func (w *lineWire) RTP(b []byte)          { w.down.put(b) }
func (*lineWire) RTCP([]byte)             {} // nobody is there to read it

// Limits of a ring: 16 packets of 20 ms are more than any line lags behind, and
// 120 ms of G.711 with its header and some extensions fit.
const (
	ringSlots = 16
	ringBytes = 1024
)

// A ring carries packets from one goroutine to one other, without a lock.
type ring struct {
	head, tail atomic.Uint32 // next to take, next to put
	slots      [ringSlots]struct {
		n int
		b [ringBytes]byte
	}
}

// put copies b into the ring; false if it is full, or b is empty or too long.
func (r *ring) put(b []byte) bool {
	t := r.tail.Load()
	if t-r.head.Load() == ringSlots || len(b) == 0 || len(b) > ringBytes {
		return false
	}
	s := &r.slots[t%ringSlots]
	s.n = copy(s.b[:], b)
	r.tail.Store(t + 1)
	return true
}

// take copies the oldest packet into b and is its length; 0 if there is none. A
// packet longer than b is cut.
func (r *ring) take(b []byte) int {
	h := r.head.Load()
	if h == r.tail.Load() {
		return 0
	}
	s := &r.slots[h%ringSlots]
	n := copy(b, s.b[:s.n])
	r.head.Store(h + 1)
	return n
}

// attach and detach keep the list of lines whose packets the thread collects.
func (t *thread) attach(l *line, now int64) {
	t.lines = append(t.lines, l)
	l.party.Enter(now)
}

func (t *thread) detach(l *line, now int64) {
	l.party.Close(now)
	for i, other := range t.lines {
		if other == l {
			last := len(t.lines) - 1
			t.lines[i], t.lines[last] = t.lines[last], nil
			t.lines = t.lines[:last]
			return
		}
	}
}

// collect takes in what the lines have delivered.
func (t *thread) collect(now int64) {
	for _, l := range t.lines {
		for n := l.up.take(t.packet[:]); n > 0; n = l.up.take(t.packet[:]) {
			l.party.Receive(now, lineSide, t.packet[:n])
		}
	}
}
