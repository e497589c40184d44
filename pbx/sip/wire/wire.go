// Package wire is one configured SIP transport: its socket and connections, the tap
// that shows every message to whoever wants to see it, and the address it speaks as.
//
// Messages are read, filtered and parsed (sipgo's parser) by one goroutine per
// socket or connection, then handed to a few lanes chosen by Call-ID, so that
// messages of one dialog never overtake each other and a burst finds a bounded
// queue. A lane matches the transaction (package transaction) and calls
// Config.Receive with what is new.
//
// Sockets and transactions are ours and not sipgo's, for reasons found in its
// version 1.7.2: a panic in its read loop cannot be caught; every source address
// is remembered for the life of the socket (150 octets each, a million spoofed
// ones are 150 MB); a repeated failure response sleeps four seconds inside the
// transaction's lock; each message has a goroutine of its own, so that messages
// of one dialog overtake each other (5 % in a burst); a finished transaction
// keeps 4 kB for 32 s, where ours keeps half a kB and at most Limits.Finished of
// them. BenchmarkAnswered shows 2.5 times the requests per second.
package wire

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/emiago/sipgo/sip"

	"branchline/pbx/sip/octets"
	"branchline/pbx/sip/sockets"
	"branchline/pbx/sip/transaction"
)

// Config describes one transport.
type Config struct {
	Name    string         // section name
	Network string         // "udp" or "tcp"
	Bind    netip.AddrPort // port 0: any; an unspecified address listens on all

	// External is the host written towards destinations outside LocalNets
	// instead of our own address, ExternalPort its port (0: the bound one).
	External     string
	ExternalPort int
	LocalNets    []netip.Prefix

	DSCP      int           // signalling marking, 0-63
	KeepAlive time.Duration // CRLF CRLF on idle connections, 0: none
	Alive     sockets.Alive // the kernel's probes of idle connections
	Timers    transaction.Timers
	Limits    Limits

	// Receive takes each request that is new: outside any known transaction,
	// and every ACK of a 2xx. It runs on a lane and must not block.
	Receive func(*Inbound)
	// Answer makes the responses the transport sends by itself (200 and 487
	// after CANCEL, 400, 503); nil: the bare minimum.
	Answer func(req *sip.Request, status int) *sip.Response
	// Closed is told of each TCP connection that has ended; may be nil.
	Closed func(peer netip.AddrPort)
	Taps   *Taps           // may be nil
	Net    sockets.Network // nil: the kernel's sockets
	Token  func() string   // unique text for tags, branches, Call-IDs; nil: Token
	Log    *slog.Logger    // nil: slog.Default
}

// Limits keep a flood from taking the machine. Zero fields get defaults.
type Limits struct {
	Live     int // unfinished inbound transactions before 503, default 8192
	Finished int // finished ones remembered for retransmissions, default 16384
	Kept     int // octets of their answers, default 2 MiB
	Queue    int // messages waiting per lane before 503, default 256: 5 kB each
	Conns    int // TCP connections, default 2048: the longest idle gives way
	Fresh    int // TCP connections that have not sent a message yet, default 64: the longest silent gives way
	Message  int // octets of one message, default 65535
}

func (l Limits) filled() Limits {
	for _, d := range []struct {
		field *int
		value int
	}{
		{&l.Live, 8192}, {&l.Finished, 16384}, {&l.Kept, 2 << 20}, {&l.Queue, 256},
		{&l.Conns, 2048}, {&l.Fresh, 64}, {&l.Message, 65535},
	} {
		if *d.field <= 0 {
			*d.field = d.value
		}
	}
	return l
}

// A Wire is one open transport. Its methods may be called from anywhere.
type Wire struct {
	c      Config
	bound  netip.AddrPort
	packet sockets.PacketConn // UDP
	listen sockets.Listener   // TCP
	conns  *connections
	parser *octets.Parser
	lanes  []chan *arrival
	routes sockets.Routes
	facade atomic.Pointer[string] // Config.External, which may change
	pace   atomic.Int64           // Config.KeepAlive, likewise
	paced  chan struct{}          // it did

	layer  *transaction.Layer
	closed atomic.Bool
	counts Counts
	bad    offences
	done   chan struct{}
	wait   sync.WaitGroup
}

// Counts are a transport's counters since it was opened.
type Counts struct {
	transaction.Counts
	Received, Sent    atomic.Uint64 // messages
	Dropped           atomic.Uint64 // not SIP, or from a source that was told to go away
	Panics            atomic.Uint64 // messages that a bug of ours could not stand
	ConnectionsClosed atomic.Uint64 // by a limit or a time-out
}

// Open binds the socket; nothing is read before Start. The error reads like
// "bind udp 192.0.2.1:5060: address already in use".
func Open(c Config) (*Wire, error) {
	c.Limits = c.Limits.filled()
	c.Timers = c.Timers.Filled()
	if c.Net == nil {
		c.Net = sockets.Kernel{}
	}
	if c.Token == nil {
		c.Token = Token
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if c.Taps == nil {
		c.Taps = &Taps{}
	}
	w := &Wire{c: c, parser: octets.NewParser(), done: make(chan struct{}), paced: make(chan struct{}, 1)}
	w.layer = transaction.NewLayer(&path{w}, transaction.Options{
		Timers: c.Timers, Live: c.Limits.Live, Finished: c.Limits.Finished, Kept: c.Limits.Kept, Receive: w.receive, Answer: c.Answer,
		Tolerate: w.bad.allow, Token: c.Token, Note: w.note, Counts: &w.counts.Counts,
	})
	w.SetExternal(c.External)
	w.pace.Store(int64(c.KeepAlive))
	var err error
	switch c.Network {
	case "udp":
		w.packet, err = c.Net.ListenPacket(c.Bind, c.DSCP)
		if err == nil {
			w.bound = w.packet.LocalAddr()
		}
	case "tcp":
		w.listen, err = c.Net.Listen(c.Bind, c.DSCP)
		if err == nil {
			w.bound = w.listen.LocalAddr()
			w.conns = newConnections(c.Limits)
		}
	default:
		err = errors.New("unknown protocol")
	}
	if err != nil {
		return nil, fmt.Errorf("bind %s %s: %w", c.Network, c.Bind, err)
	}
	return w, nil
}

// Start begins to read. It must be called once, before anything is sent.
func (w *Wire) Start() {
	w.startLanes()
	w.wait.Add(1)
	if w.packet != nil {
		go w.readPackets()
		return
	}
	go w.accept()
	w.wait.Add(1)
	go w.keepAlive()
}

// Close ends every transaction with ErrClosed, closes sockets and connections
// and returns when nothing of the wire runs any more.
func (w *Wire) Close() error {
	if !w.closed.CompareAndSwap(false, true) {
		return nil
	}
	close(w.done)
	w.layer.Close()
	var err error
	if w.packet != nil {
		err = w.packet.Close()
	} else {
		err = w.listen.Close()
		w.conns.closeAll()
	}
	w.wait.Wait()
	return err
}

// Name is the transport's section name.
func (w *Wire) Name() string { return w.c.Name }

// Network is "udp" or "tcp".
func (w *Wire) Network() string { return w.c.Network }

// Reliable reports whether the network itself repeats what is lost.
func (w *Wire) Reliable() bool { return w.c.Network != "udp" }

// Bound is the address the socket is bound to.
func (w *Wire) Bound() netip.AddrPort { return w.bound }

// Counts are the transport's counters.
func (w *Wire) Counts() *Counts { return &w.counts }

// Retry is the timing of retransmissions, which dialogs need for their own
// (2xx, reliable provisional responses).
func (w *Wire) Retry() transaction.Timers { return w.c.Timers }

// Local is the address our packets towards dst leave from.
func (w *Wire) Local(dst netip.Addr) netip.Addr {
	if !w.bound.Addr().IsUnspecified() {
		return w.bound.Addr()
	}
	return w.routes.Find(w.c.Net, dst.Unmap())
}

// Reroute forgets from where packets leave to whom: addresses or routes of the
// machine have changed.
func (w *Wire) Reroute() { w.routes.Forget() }

// SetExternal replaces Config.External: the address behind a name has changed.
// What has been sent keeps the old one.
func (w *Wire) SetExternal(host string) { w.facade.Store(&host) }

// Speaks is the host and port by which dst reaches us: what Via, Contact and
// From carry. IPv6 addresses come without brackets.
func (w *Wire) Speaks(dst netip.Addr) (host string, port int) {
	if external := *w.facade.Load(); external != "" && !w.isLocal(dst.Unmap()) {
		port = w.c.ExternalPort
		if port == 0 {
			port = int(w.bound.Port())
		}
		return external, port
	}
	return w.Local(dst).WithZone("").String(), int(w.bound.Port())
}

// isLocal says whether dst is in our own network. Without any local_net
// everything is foreign as soon as an external address is configured.
func (w *Wire) isLocal(dst netip.Addr) bool {
	for _, p := range w.c.LocalNets {
		if p.Contains(dst) {
			return true
		}
	}
	return false
}

// Reaches reports whether the transport can send to dst at all (same family).
func (w *Wire) Reaches(dst netip.Addr) bool {
	return w.bound.Addr().Unmap().Is4() == dst.Unmap().Is4()
}

// String names the transport in logs: "udp:198.51.100.9:5060".
func (w *Wire) String() string { return w.c.Network + ":" + w.bound.String() }

// newVia makes the header for a request towards dst (RFC 3261 18.1.1, 3581).
func (w *Wire) newVia(dst netip.Addr) *sip.ViaHeader {
	host, port := w.Speaks(dst)
	return &sip.ViaHeader{
		ProtocolName: "SIP", ProtocolVersion: "2.0", Transport: strings.ToUpper(w.c.Network),
		Host: host, Port: port,
		Params: sip.HeaderParams{{K: "rport"}, {K: "branch", V: sip.RFC3261BranchMagicCookie + "Pj" + w.c.Token()}},
	}
}

// Request sends req to the given address in a new client transaction and puts
// the Via on it. on is called as with transaction.Layer.Start.
func (w *Wire) Request(req *sip.Request, to netip.AddrPort, on func(*sip.Response, error)) *transaction.Client {
	to = netip.AddrPortFrom(to.Addr().Unmap(), to.Port())
	req.PrependHeader(w.newVia(to.Addr()))
	return w.layer.Start(req, to, on)
}

// Send sends a message that has no transaction: an ACK of a 2xx. A request
// gets a Via if it has none. Over TCP a connection is opened when there is none
// and the message goes out as soon as it stands.
func (w *Wire) Send(m sip.Message, to netip.AddrPort) error {
	to = netip.AddrPortFrom(to.Addr().Unmap(), to.Port())
	if r, ok := m.(*sip.Request); ok && r.Via() == nil {
		r.PrependHeader(w.newVia(to.Addr()))
	}
	b := octets.Render(m)
	if w.packet != nil {
		return w.sendPacket(b, to, netip.Addr{})
	}
	return w.sendStream(b, to)
}

// SendRaw sends octets that were rendered before by octets.Render.
func (w *Wire) SendRaw(b []byte, to netip.AddrPort) error {
	to = netip.AddrPortFrom(to.Addr().Unmap(), to.Port())
	if w.packet != nil {
		return w.sendPacket(b, to, netip.Addr{})
	}
	return w.sendStream(b, to)
}

func (w *Wire) sendPacket(b []byte, to netip.AddrPort, from netip.Addr) error {
	w.c.Taps.show(Outgoing, "UDP", to, b)
	w.counts.Sent.Add(1)
	if err := w.packet.WriteTo(b, to, from); err != nil {
		return fmt.Errorf("send to %s: %w", to, err)
	}
	return nil
}

// reply sends octets back to where a message came from, without a transaction.
func (w *Wire) reply(b []byte, o transaction.Origin) {
	if o.Conn != nil {
		w.note(o.Conn.Send(b), "reply")
		return
	}
	w.note(w.sendPacket(b, o.From, o.Local), "reply")
}

// Transactions is how many transactions are remembered, finished ones included.
func (w *Wire) Transactions() int { return w.layer.Len() }

// A path is the wire as its transactions see it.
type path struct{ w *Wire }

// Reliable, SendPacket, SendStream, Connect and Reply are those of transaction.Transport.
func (p *path) Reliable() bool { return p.w.Reliable() }

func (p *path) SendPacket(b []byte, to netip.AddrPort, from netip.Addr) error {
	return p.w.sendPacket(b, to, from)
}

func (p *path) SendStream(b []byte, to netip.AddrPort) error { return p.w.sendStream(b, to) }

func (p *path) Connect(to netip.AddrPort, then func(transaction.Connection, error)) {
	p.w.connect(to, then)
}

func (p *path) Reply(b []byte, o transaction.Origin) { p.w.reply(b, o) }
