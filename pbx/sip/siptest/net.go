// Package siptest is a network in memory and a scripted telephone for tests of
// everything that speaks SIP. Both run in real time and inside testing/synctest
// bubbles, where a 32 s time-out costs milliseconds. A failed expectation prints
// the ladder of all messages so far.
//
//	net := siptest.NewNet(t)
//	pbx := net.Host("198.51.100.9")                  // a sockets.Network
//	ph := net.Phone("1001", "198.51.100.206:5060", "198.51.100.9:5060")
//	ph.Send("REGISTER", "sip:198.51.100.9")
//	ph.Want("200")
//	ph.WantNothing(40 * time.Second)
package siptest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"branchline/pbx/sip/sockets"
)

// A Net connects hosts. Its rules may be changed at any time.
type Net struct {
	t     testing.TB
	start time.Time

	mu      sync.Mutex
	packets map[netip.AddrPort]*packets
	listens map[netip.AddrPort]*listener
	conns   map[*conn]struct{}
	port    uint16
	rule    Rule
	down    map[netip.Addr]bool
	ladder  []rung
}

// A Rule says what happens to one datagram: lost, or delivered after a delay.
type Rule func(from, to netip.AddrPort, b []byte) (delay time.Duration, lost bool)

// A rung is one message of the ladder.
type rung struct {
	at       time.Duration
	network  string
	from, to netip.AddrPort
	raw      []byte
	lost     bool
}

// NewNet makes an empty network that loses nothing and delays nothing.
func NewNet(t testing.TB) *Net {
	return &Net{
		t: t, start: time.Now(), port: 49152,
		packets: map[netip.AddrPort]*packets{}, listens: map[netip.AddrPort]*listener{}, conns: map[*conn]struct{}{},
		down: map[netip.Addr]bool{},
	}
}

// SetRule changes what happens to datagrams from now on; nil delivers all.
func (n *Net) SetRule(r Rule) {
	n.mu.Lock()
	n.rule = r
	n.mu.Unlock()
}

// SetUp takes an address away from all hosts, or gives it back: sockets cannot be
// bound to it meanwhile, and those that are stay.
func (n *Net) SetUp(addr string, up bool) {
	n.mu.Lock()
	n.down[netip.MustParseAddr(addr)] = !up
	n.mu.Unlock()
}

// Host is a machine with one address.
func (n *Net) Host(addr string) *Host { return &Host{n: n, addr: netip.MustParseAddr(addr)} }

// Ladder is every message so far, one line each.
func (n *Net) Ladder() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	var b strings.Builder
	for _, r := range n.ladder {
		line, rest, _ := strings.Cut(string(r.raw), "\r\n")
		mark := "->"
		if r.lost {
			mark = "-x"
		}
		fmt.Fprintf(&b, "%9.3fs %-4s %-22s %s %-22s %s%s\n", r.at.Seconds(), r.network, r.from, mark, r.to, line, note(rest))
	}
	return b.String()
}

// note adds what tells messages of a ladder apart.
func note(head string) string {
	var cseq, tag string
	for line := range strings.SplitSeq(head, "\r\n") {
		switch {
		case strings.HasPrefix(line, "CSeq: "):
			cseq = line[6:]
		case strings.HasPrefix(line, "Reason: "):
			tag = " " + line
		}
	}
	return "  [" + cseq + "]" + tag
}

func (n *Net) record(network string, from, to netip.AddrPort, b []byte, lost bool) {
	n.ladder = append(n.ladder, rung{time.Since(n.start), network, from, to, append([]byte(nil), b...), lost})
}

// A Host is a sockets.Network with one address.
type Host struct {
	n    *Net
	addr netip.Addr
}

var _ sockets.Network = (*Host)(nil)

func (h *Host) at(bind netip.AddrPort) netip.AddrPort {
	a, p := bind.Addr(), bind.Port()
	if a.IsUnspecified() {
		a = h.addr
	}
	if p == 0 {
		h.n.port++
		p = h.n.port
	}
	return netip.AddrPortFrom(a, p)
}

// ListenPacket opens a datagram socket.
func (h *Host) ListenPacket(bind netip.AddrPort, _ int) (sockets.PacketConn, error) {
	h.n.mu.Lock()
	defer h.n.mu.Unlock()
	a := h.at(bind)
	if h.n.down[a.Addr()] {
		return nil, syscall.EADDRNOTAVAIL
	}
	if h.n.packets[a] != nil {
		return nil, syscall.EADDRINUSE
	}
	p := &packets{n: h.n, addr: a, in: make(chan packet, 4096), done: make(chan struct{})}
	h.n.packets[a] = p
	return p, nil
}

// Listen opens a stream socket.
func (h *Host) Listen(bind netip.AddrPort, _ int) (sockets.Listener, error) {
	h.n.mu.Lock()
	defer h.n.mu.Unlock()
	a := h.at(bind)
	if h.n.down[a.Addr()] {
		return nil, syscall.EADDRNOTAVAIL
	}
	if h.n.listens[a] != nil {
		return nil, syscall.EADDRINUSE
	}
	l := &listener{n: h.n, addr: a, in: make(chan net.Conn, 128), done: make(chan struct{})}
	h.n.listens[a] = l
	return l, nil
}

// Dial connects to a listener, or is refused.
func (h *Host) Dial(ctx context.Context, _ netip.Addr, remote netip.AddrPort, _ int) (net.Conn, error) {
	h.n.mu.Lock()
	l := h.n.listens[remote]
	if l == nil {
		h.n.mu.Unlock()
		return nil, syscall.ECONNREFUSED
	}
	h.n.port++
	me := netip.AddrPortFrom(h.addr, h.n.port)
	a, b := net.Pipe()
	near := &conn{Conn: a, n: h.n, local: me, remote: remote}
	far := &conn{Conn: b, n: h.n, local: remote, remote: me}
	h.n.mu.Unlock()
	select {
	case l.in <- far:
		return near, nil
	case <-l.done:
		return nil, syscall.ECONNREFUSED
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Route is the host's address.
func (h *Host) Route(netip.Addr) (netip.Addr, error) { return h.addr, nil }

type packet struct {
	b    []byte
	from netip.AddrPort
}

type packets struct {
	n    *Net
	addr netip.AddrPort
	in   chan packet
	done chan struct{}
	once sync.Once
}

func (p *packets) ReadFrom(b []byte) (int, netip.AddrPort, netip.Addr, error) {
	select {
	case k := <-p.in:
		return copy(b, k.b), k.from, p.addr.Addr(), nil
	case <-p.done:
		return 0, netip.AddrPort{}, netip.Addr{}, net.ErrClosed
	}
}

func (p *packets) WriteTo(b []byte, to netip.AddrPort, _ netip.Addr) error {
	if len(b) > 65507 {
		return syscall.EMSGSIZE
	}
	n := p.n
	n.mu.Lock()
	defer n.mu.Unlock()
	var delay time.Duration
	var lost bool
	if n.rule != nil {
		delay, lost = n.rule(p.addr, to, b)
	}
	n.record("UDP", p.addr, to, b, lost)
	if lost {
		return nil
	}
	k := packet{append([]byte(nil), b...), p.addr}
	if delay > 0 {
		time.AfterFunc(delay, func() {
			n.mu.Lock()
			defer n.mu.Unlock()
			n.put(to, k)
		})
		return nil
	}
	n.put(to, k)
	return nil
}

func (n *Net) put(to netip.AddrPort, k packet) {
	if dst := n.packets[to]; dst != nil {
		select {
		case dst.in <- k:
		default: // a full receive buffer
		}
	}
}

func (p *packets) LocalAddr() netip.AddrPort { return p.addr }

func (p *packets) Close() error {
	p.once.Do(func() {
		close(p.done)
		p.n.mu.Lock()
		delete(p.n.packets, p.addr)
		p.n.mu.Unlock()
	})
	return nil
}

type listener struct {
	n    *Net
	addr netip.AddrPort
	in   chan net.Conn
	done chan struct{}
	once sync.Once
}

func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.in:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *listener) LocalAddr() netip.AddrPort { return l.addr }

func (l *listener) Close() error {
	l.once.Do(func() {
		close(l.done)
		l.n.mu.Lock()
		delete(l.n.listens, l.addr)
		l.n.mu.Unlock()
	})
	return nil
}

// conn is one end of a stream; writes wait for the reader.
type conn struct {
	net.Conn
	n             *Net
	local, remote netip.AddrPort
}

func (c *conn) LocalAddr() net.Addr  { return net.TCPAddrFromAddrPort(c.local) }
func (c *conn) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(c.remote) }

func (c *conn) Write(b []byte) (int, error) {
	if len(strings.TrimSpace(string(b))) > 0 {
		c.n.mu.Lock()
		c.n.record("TCP", c.local, c.remote, b, false)
		c.n.mu.Unlock()
	}
	n, err := c.Conn.Write(b)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = syscall.ETIMEDOUT
	}
	return n, err
}
