// Package planetest is the media plane without a network, for tests in virtual
// time (testing/synctest): the board that every back end has, on a goroutine that
// sleeps on a timer, between parties whose packets change hands in memory. What
// holds for a back end holds here, too: methods only queue a command, events come
// from the plane's own goroutine.
package planetest

import (
	"errors"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"branchline/media"
	"branchline/media/plane"
	"branchline/media/plane/board"
)

// A Plane is a plane.Plane whose network is a table.
type Plane struct {
	board *board.Board
	start time.Time
	wake  chan struct{} // has an element when there are commands
	done  chan struct{}

	mu     sync.Mutex
	queue  []func(now int64)
	rules  board.Rules
	ports  map[netip.AddrPort]*port
	phones map[netip.AddrPort]func(packet []byte)
	serial uint16
	closed bool
}

var _ plane.Plane = (*Plane)(nil)

var errClosed = errors.New("media plane is closed")

// New starts a plane; Close it before the bubble ends.
func New() *Plane {
	now := time.Now()
	p := &Plane{
		board: board.New(now), start: now, wake: make(chan struct{}, 1), done: make(chan struct{}),
		rules: board.RulesOf(plane.Config{}),
		ports: map[netip.AddrPort]*port{}, phones: map[netip.AddrPort]func([]byte){},
	}
	go p.run()
	return p
}

func (p *Plane) now() int64 { return int64(time.Since(p.start)) }

func (p *Plane) run() {
	defer close(p.done)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		p.mu.Lock()
		queue, closed := p.queue, p.closed
		p.queue = nil
		p.mu.Unlock()
		now := p.now()
		for _, f := range queue {
			f(now)
		}
		p.board.Advance(now)
		if closed {
			p.board.Close(now)
			return
		}
		timer.Stop()
		if next, ok := p.board.Next(); ok {
			timer.Reset(time.Duration(next - now))
		}
		select {
		case <-p.wake:
		case <-timer.C:
		}
	}
}

// do has f done on the plane's goroutine.
func (p *Plane) do(f func(now int64)) {
	p.mu.Lock()
	if !p.closed {
		p.queue = append(p.queue, f)
	}
	p.mu.Unlock()
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// Configure sets the rules of streams opened from now on.
func (p *Plane) Configure(c plane.Config) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rules = board.RulesOf(c)
}

// Close ends all streams and the goroutine.
func (p *Plane) Close() error {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	select {
	case p.wake <- struct{}{}:
	default:
	}
	<-p.done
	return nil
}

// address makes one that is nobody else's (RFC 5737).
func (p *Plane) address(net byte) netip.AddrPort {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.serial++
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{net, 0, 2, 1}), 10000+2*p.serial)
}

// Phone makes an address at which hear is given packets, on the plane's goroutine
// and for the call only.
func (p *Plane) Phone(hear func(packet []byte)) netip.AddrPort {
	a := p.address(198)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.phones[a] = hear
	return a
}

// Send brings a packet from a phone's address to the port at to; nobody is told if
// there is none.
func (p *Plane) Send(from, to netip.AddrPort, packet []byte) {
	packet = append([]byte(nil), packet...)
	p.do(func(now int64) {
		p.mu.Lock()
		o := p.ports[to]
		p.mu.Unlock()
		if o != nil {
			o.party.Receive(now, from, packet)
		}
	})
}

// Open makes a port at an address of the plane's own choice.
func (p *Plane) Open(o plane.Options) (plane.Port, error) {
	s := &port{stream: stream{plane: p}, local: p.address(192)}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, errClosed
	}
	s.party = p.board.Party(s, p.rules, o.Events)
	p.ports[s.local] = s
	p.queue = append(p.queue, s.party.Enter)
	return s, nil
}

// Pair makes two streams without a wire.
func (p *Plane) Pair(a, b func(media.Event)) (media.Stream, media.Stream, error) {
	one, other := p.board.Pair(a, b)
	s, t := &stream{plane: p, party: one}, &stream{plane: p, party: other}
	s.codec.Store(media.PCMU)
	t.codec.Store(media.PCMU)
	return s, t, nil
}

// Line makes a stream whose packets are delivered and collected by a line.
func (p *Plane) Line(events func(media.Event)) (plane.Line, error) {
	l := &line{stream: stream{plane: p}}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, errClosed
	}
	l.party = p.board.Party((*lineWire)(l), board.RulesOf(plane.Config{}), events)
	p.queue = append(p.queue, l.party.Enter)
	return l, nil
}

// stream is what ports, lines and halves of a pair have in common.
type stream struct {
	plane *Plane
	party *board.Party
	codec atomic.Pointer[media.Codec]
	gone  atomic.Bool
}

func (s *stream) self() *stream { return s }

func (s *stream) do(f func(now int64)) {
	if !s.gone.Load() {
		s.plane.do(f)
	}
}

func (s *stream) Join(peer media.Stream) {
	var q *board.Party
	if o, ok := peer.(interface{ self() *stream }); ok && o.self() != nil {
		q = o.self().party
	}
	s.do(func(int64) { s.party.Join(q) })
}

func (s *stream) Play(g *media.Program) { s.do(func(now int64) { s.party.Play(now, g) }) }

func (s *stream) SendDigit(d byte, length time.Duration) {
	s.do(func(now int64) { s.party.SendDigit(now, d, length) })
}

// Record has r told of the party's speech.
func (s *stream) Record(r media.Recorder) {
	if s.gone.Load() {
		r.End()
		return
	}
	s.do(func(int64) { s.party.Record(r) })
}

// Forget tells r no more.
func (s *stream) Forget(r media.Recorder) { s.do(func(int64) { s.party.Forget(r) }) }

func (s *stream) Watch(d media.Digits) { s.do(func(int64) { s.party.Watch(d) }) }
func (s *stream) Codec() *media.Codec  { return s.codec.Load() }
func (s *stream) Stats() media.Stats   { return s.party.Stats() }

func (s *stream) Apply(f media.Flow) {
	var c *media.Codec
	if len(f.Formats) > 0 {
		c = f.Formats[0].Codec
	}
	s.codec.Store(c)
	s.do(func(now int64) { s.party.Apply(now, f) })
}

func (s *stream) Close() {
	if !s.gone.Swap(true) {
		s.plane.do(s.party.Close)
	}
}

// A port is a stream with an address.
type port struct {
	stream
	local, aim netip.AddrPort
}

func (o *port) Local() netip.AddrPort { return o.local }

func (o *port) Close() {
	o.plane.mu.Lock()
	delete(o.plane.ports, o.local)
	o.plane.mu.Unlock()
	o.stream.Close()
}

// Aim, RTP and RTCP are the board's way out.
func (o *port) Aim(rtp, _ netip.AddrPort) { o.aim = rtp }

func (o *port) RTP(b []byte) {
	o.plane.mu.Lock()
	hear := o.plane.phones[o.aim]
	o.plane.mu.Unlock()
	if hear != nil {
		hear(b)
	}
}

func (o *port) RTCP([]byte) {} // nobody reads reports

// lineSide stands for the line wherever a party wants to have an address.
var lineSide = netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), 1)

// mostHeld is how many packets wait for a line that does not collect.
const mostHeld = 16

// A line is a stream whose wire is two queues.
type line struct {
	stream
	mu   sync.Mutex
	down [][]byte
}

func (l *line) Apply(f media.Flow) {
	f.Remote, f.RemoteRTCP = lineSide, lineSide
	l.stream.Apply(f)
}

func (l *line) Deliver(packet []byte) bool {
	if l.gone.Load() {
		return false
	}
	packet = append([]byte(nil), packet...)
	l.plane.do(func(now int64) { l.party.Receive(now, lineSide, packet) })
	return true
}

func (l *line) Collect(buf []byte) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.down) == 0 {
		return 0
	}
	n := copy(buf, l.down[0])
	l.down = l.down[1:]
	return n
}

// lineWire is a line as the board sends to it.
type lineWire line

func (*lineWire) Aim(_, _ netip.AddrPort) {}
func (*lineWire) RTCP([]byte)             {}

func (w *lineWire) RTP(b []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.down) == mostHeld {
		w.down = w.down[1:]
	}
	w.down = append(w.down, append([]byte(nil), b...))
}
