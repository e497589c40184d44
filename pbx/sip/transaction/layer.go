// Package transaction is the transactions of RFC 3261 section 17, with the corrections of
// RFC 6026, over one transport: which request or response belongs to which, what is
// repeated until it is answered, and what is answered from memory.
//
// client.go and server.go are the state machines, matching.go finds the one a message
// belongs to, and answers.go remembers those that are over.
package transaction

import (
	"errors"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/emiago/sipgo/sip"
)

// Errors a transaction can end with.
var (
	ErrTimeout = errors.New("no answer in time")      // timer B or F of RFC 3261
	ErrClosed  = errors.New("transport is closed")    // Close was called
	ErrLost    = errors.New("connection was lost")    // TCP only
	ErrGone    = errors.New("transaction has ended")  // a response came too late to be sent
	ErrRefused = errors.New("connection was refused") // TCP only: nobody listens there
)

// A Transport carries octets for transactions.
type Transport interface {
	// Reliable reports whether the network itself repeats what is lost.
	Reliable() bool
	// SendPacket sends a datagram, from an address of ours if that is valid.
	SendPacket(b []byte, to netip.AddrPort, from netip.Addr) error
	// SendStream sends over the connection to a peer that there is or will be.
	SendStream(b []byte, to netip.AddrPort) error
	// Connect calls then with that connection, or why there will be none.
	Connect(to netip.AddrPort, then func(Connection, error))
	// Reply sends octets back to where a message came from.
	Reply(b []byte, o Origin)
}

// A Connection is one of a reliable transport. A Client that watches it is told when it
// is lost.
type Connection interface {
	Send(b []byte) error
	Watch(*Client)
	Unwatch(*Client)
}

// An Origin is the way a message came.
type Origin struct {
	From  netip.AddrPort // where it really came from
	Local netip.Addr     // address it was sent to; invalid if the system did not say
	Conn  Connection     // TCP
}

// New is a request outside of any known transaction, and the one that answers it.
type New struct {
	Request   *sip.Request
	Origin    Origin
	Server    *Server
	Tagged    bool // the To tag on Request is ours: it came without one
	Symmetric bool // the sender asked for symmetric answers (RFC 3581)
}

// Options of a Layer; all must be there, except for Answer.
type Options struct {
	Timers   Timers
	Live     int // unfinished inbound transactions before 503
	Finished int // finished ones remembered for retransmissions
	Kept     int // octets of their answers

	// Receive takes each request that is new: outside any known transaction,
	// and every ACK of a 2xx. It must not block.
	Receive func(New)
	// Answer makes the responses the transport sends by itself (200 and 487
	// after CANCEL, 400, 503); nil: the bare minimum.
	Answer func(req *sip.Request, status int) *sip.Response
	// Tolerate reports whether a malformed message from an address is answered.
	Tolerate func(netip.Addr) bool
	Token    func() string // unique text for tags
	Note     func(err error, doing string)
	Counts   *Counts
}

// Counts are counters since the transport was opened.
type Counts struct {
	Malformed     atomic.Uint64 // looked like SIP, could not be parsed
	Refused       atomic.Uint64 // answered 503 because of a limit
	Retransmitted atomic.Uint64 // answered from memory
}

// A Layer is the transactions of one transport. Its methods may be called from anywhere.
type Layer struct {
	t Transport
	o Options

	mu       sync.Mutex
	servers  table[*Server]
	clients  table[*Client]
	live     int // servers that are not finished
	finished answers
	closed   bool
}

// NewLayer makes a layer without any transactions.
func NewLayer(t Transport, o Options) *Layer {
	return &Layer{t: t, o: o, finished: answers{limit: o.Finished, octets: o.Kept, life: o.Timers.B, began: time.Now()}}
}

// Close ends every transaction with ErrClosed, and those that are begun later.
func (l *Layer) Close() {
	l.mu.Lock()
	l.closed = true
	clients := make([]*Client, 0, len(l.clients.m))
	for _, o := range l.clients.m {
		clients = append(clients, o)
	}
	servers := make([]*Server, 0, len(l.servers.m))
	for _, s := range l.servers.m {
		servers = append(servers, s)
	}
	if l.finished.timer != nil {
		l.finished.timer.Stop()
	}
	l.mu.Unlock()
	for _, o := range clients {
		o.end(ErrClosed)
	}
	for _, s := range servers {
		s.end()
	}
}

// Len is how many transactions are remembered, finished ones included.
func (l *Layer) Len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.servers.m) + l.finished.n + len(l.clients.m)
}

// settled takes s off the count of transactions under way.
func (l *Layer) settled(s *Server) {
	l.mu.Lock()
	l.uncount(s)
	l.mu.Unlock()
}

func (l *Layer) forget(s *Server) {
	l.mu.Lock()
	l.uncount(s)
	l.servers.remove(s.key, s)
	l.mu.Unlock()
}

func (l *Layer) uncount(s *Server) {
	if s.counted {
		s.counted = false
		l.live--
	}
}
