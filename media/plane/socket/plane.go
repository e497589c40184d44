// Package socket is the media plane's first back end: every stream has its own pair
// of UDP sockets, and one thread, locked to its goroutine, reads and writes them
// all. It is the reference for how every other back end must behave.
//
// What is done with a packet is in package board; here are the sockets, the
// ports, the thread and its sleep. The methods of Plane and of its streams only
// queue a command and wake the thread.
package socket

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"branchline/media"
	"branchline/media/plane"
	"branchline/media/plane/board"
)

// wake is added to the thread's eventfd; the same in either byte order.
var wake = [8]byte{0, 0, 0, 1, 1}

var errClosed = errors.New("media plane is closed")

// A Plane is a plane.Plane on UDP sockets. Its methods may be called from any
// goroutine.
type Plane struct {
	board  *board.Board
	start  time.Time
	epoll  int
	wakeup int // eventfd
	done   chan struct{}

	mu      sync.Mutex
	config  plane.Config
	rules   board.Rules
	ranges  map[[2]int]*ports
	queue   []func(now int64)
	slots   []uint32 // free places in thread.streams
	used    uint32   // places ever taken
	closed  bool
	waiting atomic.Bool // queue is not empty
	// delivered says that some line has handed over packets.
	delivered atomic.Bool

	thread thread
}

var _ plane.Plane = (*Plane)(nil)

// New starts a media plane. It uses no processor time until a stream is open.
func New(c plane.Config) (*Plane, error) {
	p, err := prepare(c)
	if err == nil {
		go p.thread.run()
	}
	return p, err
}

// prepare makes a plane whose thread does not run yet.
func prepare(c plane.Config) (*Plane, error) {
	p := &Plane{
		start: time.Now(), done: make(chan struct{}), ranges: map[[2]int]*ports{},
		epoll: -1, wakeup: -1,
	}
	p.board = board.New(p.start)
	p.Configure(c)
	if _, err := p.portsOf(0, 0); err != nil {
		return nil, err
	}
	var err error
	if p.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil, fmt.Errorf("media plane: epoll: %w", err)
	}
	if p.wakeup, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err == nil {
		err = unix.EpollCtl(p.epoll, unix.EPOLL_CTL_ADD, p.wakeup, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: wakeupMark})
	}
	if err != nil {
		p.closeFiles()
		return nil, fmt.Errorf("media plane: eventfd: %w", err)
	}
	p.thread.init(p, c.Realtime)
	return p, nil
}

// Configure changes ports and source checking for streams opened from now on. A
// port range that holds no pair makes Open fail.
func (p *Plane) Configure(c plane.Config) {
	if c.First == 0 {
		c.First = 10000
	}
	if c.Last == 0 {
		c.Last = 20000
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.config, p.rules = c, board.RulesOf(c)
}

// Tap has f told of every packet that any stream sends or hears from now on, nil
// nobody. f is called on the media thread and must not block. Without a tap this
// costs one comparison per packet.
func (p *Plane) Tap(f func(plane.Packet)) { p.do(func(int64) { p.board.Tap(f) }) }

// Close ends all streams and the thread. Programmes still playing end with their
// event before Close returns.
func (p *Plane) Close() error {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		<-p.done
		return nil
	}
	p.push(p.thread.stop)
	p.closed = true
	p.mu.Unlock()
	<-p.done
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closeFiles()
	return nil
}

func (p *Plane) closeFiles() {
	for _, fd := range []*int{&p.epoll, &p.wakeup} {
		if *fd >= 0 {
			_ = unix.Close(*fd)
			*fd = -1
		}
	}
}

// Beat returns once the media thread has taken a command and carried it out, or ctx
// has ended: proof that the thread works.
func (p *Plane) Beat(ctx context.Context) error {
	done := make(chan struct{})
	p.do(func(int64) { close(done) })
	select {
	case <-done:
		return nil
	case <-p.done:
		return errClosed
	case <-ctx.Done():
		return ctx.Err()
	}
}

// do has f done on the media thread.
func (p *Plane) do(f func(now int64)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.closed {
		p.push(f)
	}
}

func (p *Plane) push(f func(now int64)) {
	p.queue = append(p.queue, f)
	if p.waiting.CompareAndSwap(false, true) {
		// The counter cannot overflow, so the write cannot fail.
		_, _ = unix.Write(p.wakeup, wake[:])
	}
}

// portsOf is the allocator for a range, the configured one if first is 0.
func (p *Plane) portsOf(first, last int) (*ports, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if first == 0 {
		first, last = p.config.First, p.config.Last
	}
	key := [2]int{first, last}
	if a := p.ranges[key]; a != nil {
		return a, nil
	}
	a, err := newPorts(first, last)
	if err != nil {
		return nil, err
	}
	p.ranges[key] = a
	return a, nil
}

// Open reserves an RTP and RTCP port pair on o.Local and makes a stream of it.
func (p *Plane) Open(o plane.Options) (plane.Port, error) {
	a, err := p.portsOf(o.First, o.Last)
	if err != nil {
		return nil, err
	}
	if !o.Local.IsValid() {
		o.Local = netip.IPv4Unspecified()
	}
	w, err := a.bind(o.Local.Unmap(), o.TOS)
	if err != nil {
		return nil, fmt.Errorf("media port on %v: %w", o.Local, err)
	}
	s := &stream{plane: p, wire: w}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		w.close()
		return nil, errClosed
	}
	s.party = p.board.Party(w, p.rules, o.Events)
	s.slot = p.used
	if n := len(p.slots); n > 0 {
		s.slot, p.slots = p.slots[n-1], p.slots[:n-1]
	} else {
		p.used++
	}
	p.push(func(now int64) { p.thread.add(s, now) })
	if err := w.watch(p.epoll, s.slot); err != nil {
		s.gone.Store(true)
		p.push(func(now int64) { p.thread.remove(s, now) })
		return nil, fmt.Errorf("media port on %v: %w", o.Local, err)
	}
	return s, nil
}

// Pair makes two streams that have no socket: what is sent to one comes from the
// other.
func (p *Plane) Pair(a, b func(media.Event)) (media.Stream, media.Stream, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, nil, errClosed
	}
	one, other := p.board.Pair(a, b)
	s, t := &stream{plane: p, party: one}, &stream{plane: p, party: other}
	s.codec.Store(media.PCMU)
	t.codec.Store(media.PCMU)
	return s, t, nil
}
