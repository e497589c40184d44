package wire

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"branchline/pbx/sip/octets"
	"branchline/pbx/sip/sockets"
	"branchline/pbx/sip/transaction"
)

const (
	// freshLife is how long a connection may stand without a first message, and
	// how long one message may take to arrive whole.
	freshLife = 10 * time.Second
	// writeLife is how long a peer may leave us no room to write.
	writeLife = 10 * time.Second
	// backlog is how many messages may wait for such a peer.
	backlog = 128
)

var pong, ping = []byte("\r\n"), []byte("\r\n\r\n")

// A connection is one TCP connection, accepted or opened by us; both are the
// same from then on: known by the peer's address, read and written by one
// goroutine each.
type connection struct {
	w     *Wire
	c     net.Conn
	peer  netip.AddrPort
	local netip.Addr
	out   chan []byte
	done  chan struct{}
	once  sync.Once
	used  atomic.Int64 // UnixNano of the last message
	since time.Time    // when the first octet of an unfinished message came; the reader's
	heard atomic.Bool  // a whole message has come
	ours  atomic.Bool  // we opened it

	mu       sync.Mutex
	watchers map[*transaction.Client]struct{}
}

// connections are those of one transport, by peer address.
type connections struct {
	limits  Limits
	mu      sync.Mutex
	by      map[netip.AddrPort]*connection
	opening map[netip.AddrPort][]func(transaction.Connection, error)
	closed  bool
}

func newConnections(l Limits) *connections {
	return &connections{
		limits: l, by: map[netip.AddrPort]*connection{},
		opening: map[netip.AddrPort][]func(transaction.Connection, error){},
	}
}

func (w *Wire) accept() {
	defer w.wait.Done()
	for {
		c, err := w.listen.Accept()
		if err != nil {
			if errors.Is(err, net.ErrClosed) || w.isClosed() {
				return
			}
			// Out of descriptors, or the peer has gone already: breathe, go on.
			w.note(err, "accept")
			select {
			case <-w.done:
				return
			case <-time.After(50 * time.Millisecond):
			}
			continue
		}
		w.adopt(c)
	}
}

// adopt makes a connection ours. It returns nil if the transport is closed.
func (w *Wire) adopt(c net.Conn) *connection {
	k := &connection{
		w: w, c: c, peer: sockets.AddrPort(c.RemoteAddr()), local: sockets.AddrPort(c.LocalAddr()).Addr(),
		out: make(chan []byte, backlog), done: make(chan struct{}), watchers: map[*transaction.Client]struct{}{},
	}
	k.used.Store(time.Now().UnixNano())
	w.note(w.c.Alive.Probe(c), "keep-alive")
	s := w.conns
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		w.note(c.Close(), "close")
		return nil
	}
	surplus := s.surplus()
	old := s.by[k.peer]
	s.by[k.peer] = k
	w.wait.Add(2)
	s.mu.Unlock()
	for _, x := range []*connection{surplus, old} {
		if x != nil {
			w.counts.ConnectionsClosed.Add(1)
			x.close()
		}
	}
	go k.read()
	go k.write()
	return k
}

// surplus picks the connection that must give way to a new one: among those
// that never spoke if there are too many of them, else the longest idle.
func (s *connections) surplus() *connection {
	var oldest, oldestFresh *connection
	fresh := 0
	for _, k := range s.by {
		if oldest == nil || k.used.Load() < oldest.used.Load() {
			oldest = k
		}
		if !k.heard.Load() {
			fresh++
			if oldestFresh == nil || k.used.Load() < oldestFresh.used.Load() {
				oldestFresh = k
			}
		}
	}
	switch {
	case fresh >= s.limits.Fresh:
		return oldestFresh
	case len(s.by) >= s.limits.Conns:
		return oldest
	}
	return nil
}

func (s *connections) closeAll() {
	s.mu.Lock()
	s.closed = true
	all := make([]*connection, 0, len(s.by))
	for _, k := range s.by {
		all = append(all, k)
	}
	s.mu.Unlock()
	for _, k := range all {
		k.close()
	}
}

// Connections lists the peers of TCP connections, and which of them we opened.
func (w *Wire) Connections() map[netip.AddrPort]bool {
	if w.conns == nil {
		return nil
	}
	w.conns.mu.Lock()
	defer w.conns.mu.Unlock()
	out := make(map[netip.AddrPort]bool, len(w.conns.by))
	for peer, k := range w.conns.by {
		out[peer] = k.ours.Load()
	}
	return out
}

// Connected reports whether a connection to peer stands.
func (w *Wire) Connected(peer netip.AddrPort) bool {
	if w.conns == nil {
		return false
	}
	w.conns.mu.Lock()
	defer w.conns.mu.Unlock()
	return w.conns.by[peer] != nil
}

// connect calls then with the connection to a peer, at once if there is one,
// else when it has been opened or has failed. Calls for the same peer share one
// attempt.
func (w *Wire) connect(to netip.AddrPort, then func(transaction.Connection, error)) {
	s := w.conns
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		then(nil, transaction.ErrClosed)
		return
	}
	if k := s.by[to]; k != nil {
		s.mu.Unlock()
		then(k, nil)
		return
	}
	waiting, busy := s.opening[to]
	s.opening[to] = append(waiting, then)
	if !busy {
		w.wait.Add(1)
		go w.open(to)
	}
	s.mu.Unlock()
}

func (w *Wire) open(to netip.AddrPort) {
	defer w.wait.Done()
	ctx, cancel := context.WithTimeout(context.Background(), w.c.Timers.B)
	defer cancel()
	go func() {
		select {
		case <-w.done:
			cancel()
		case <-ctx.Done():
		}
	}()
	c, err := w.c.Net.Dial(ctx, w.bound.Addr(), to, w.c.DSCP)
	var k *connection
	switch {
	case err == nil:
		if k = w.adopt(c); k == nil {
			err = transaction.ErrClosed
		} else {
			k.heard.Store(true) // our choice, not a stranger's
			k.ours.Store(true)
		}
	case errors.Is(err, syscall.ECONNREFUSED):
		err = fmt.Errorf("connect to %s: %w", to, transaction.ErrRefused)
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		err = fmt.Errorf("connect to %s: %w", to, transaction.ErrTimeout)
	default:
		err = fmt.Errorf("connect to %s: %w", to, err)
	}
	w.conns.mu.Lock()
	waiting := w.conns.opening[to]
	delete(w.conns.opening, to)
	w.conns.mu.Unlock()
	for _, then := range waiting {
		if err != nil {
			then(nil, err)
			continue
		}
		then(k, nil)
	}
}

// sendStream sends octets to a peer over the connection there is or will be.
func (w *Wire) sendStream(b []byte, to netip.AddrPort) error {
	w.connect(to, func(k transaction.Connection, err error) {
		if err == nil {
			err = k.Send(b)
		}
		w.note(err, "send")
	})
	return nil
}

// Send queues a message; a peer that leaves no room for it is cut off.
func (k *connection) Send(b []byte) error {
	select {
	case <-k.done:
		return transaction.ErrLost
	default:
	}
	select {
	case k.out <- b:
		k.w.c.Taps.show(Outgoing, "TCP", k.peer, b)
		k.w.counts.Sent.Add(1)
		return nil
	default:
		k.close()
		return transaction.ErrLost
	}
}

func (k *connection) write() {
	defer k.w.wait.Done()
	for {
		select {
		case <-k.done:
			return
		case b := <-k.out:
			if err := k.c.SetWriteDeadline(time.Now().Add(writeLife)); err != nil {
				k.close()
				return
			}
			if _, err := k.c.Write(b); err != nil {
				k.w.note(err, "write")
				k.close()
				return
			}
		}
	}
}

// Watch lets a request end with the connection it waits on.
func (k *connection) Watch(o *transaction.Client) {
	k.mu.Lock()
	lost := k.watchers == nil
	if !lost {
		k.watchers[o] = struct{}{}
	}
	k.mu.Unlock()
	if lost {
		go o.Lost()
	}
}

// Unwatch takes it back.
func (k *connection) Unwatch(o *transaction.Client) {
	k.mu.Lock()
	delete(k.watchers, o)
	k.mu.Unlock()
}

// close may be called from anywhere, any number of times.
func (k *connection) close() {
	k.once.Do(func() {
		close(k.done)
		k.w.note(k.c.Close(), "close")
		s := k.w.conns
		s.mu.Lock()
		if s.by[k.peer] == k {
			delete(s.by, k.peer)
		}
		s.mu.Unlock()
		k.mu.Lock()
		watchers := k.watchers
		k.watchers = nil
		k.mu.Unlock()
		go func() {
			for o := range watchers {
				o.Lost()
			}
			if f := k.w.c.Closed; f != nil && k.heard.Load() {
				f(k.peer)
			}
		}()
	})
}

// SetKeepAlive replaces Config.KeepAlive, for connections that stand as well.
func (w *Wire) SetKeepAlive(every time.Duration) {
	if time.Duration(w.pace.Swap(int64(every))) == every {
		return
	}
	select {
	case w.paced <- struct{}{}:
	default:
	}
}

// keepAlive sends CRLF CRLF on every connection that has spoken (RFC 5626
// 4.4.1), so that firewalls keep it open and a dead peer is found out.
func (w *Wire) keepAlive() {
	defer w.wait.Done()
	t := time.NewTimer(time.Hour)
	defer t.Stop()
	for {
		if every := time.Duration(w.pace.Load()); every > 0 {
			t.Reset(every)
		} else {
			t.Stop()
		}
		select {
		case <-w.done:
			return
		case <-w.paced:
			continue
		case <-t.C:
		}
		w.conns.mu.Lock()
		all := make([]*connection, 0, len(w.conns.by))
		for _, k := range w.conns.by {
			if k.heard.Load() {
				all = append(all, k)
			}
		}
		w.conns.mu.Unlock()
		for _, k := range all {
			select {
			case k.out <- ping:
			default:
			}
		}
	}
}

// read cuts the stream into messages (RFC 3261 18.3) until the connection ends
// or leaves no boundary to go on from.
func (k *connection) read() {
	defer k.w.wait.Done()
	defer k.close()
	f := octets.Framer{Limit: k.w.c.Limits.Message}
	chunk := make([]byte, 4096)
	for {
		if err := k.c.SetReadDeadline(k.deadline(&f)); err != nil {
			return
		}
		n, err := k.c.Read(chunk)
		if n > 0 {
			f.Write(chunk[:n])
			if !k.drain(&f) {
				return
			}
		}
		if err != nil {
			var late net.Error
			if errors.As(err, &late) && late.Timeout() {
				k.w.counts.ConnectionsClosed.Add(1)
			} else if !errors.Is(err, io.EOF) {
				k.w.note(err, "read")
			}
			return
		}
	}
}

// deadline is none for a connection at rest that has proved itself.
func (k *connection) deadline(f *octets.Framer) time.Time {
	if k.heard.Load() && f.Empty() {
		k.since = time.Time{}
		return time.Time{}
	}
	if k.since.IsZero() {
		k.since = time.Now()
	}
	return k.since.Add(freshLife)
}

// drain hands on all whole messages; false ends the connection.
func (k *connection) drain(f *octets.Framer) bool {
	for {
		raw, pings, err := f.Next()
		if pings > 0 {
			select {
			case k.out <- pong:
			default:
			}
		}
		o := transaction.Origin{From: k.peer, Local: k.local, Conn: k}
		if err != nil {
			k.w.counts.Malformed.Add(1)
			k.refuse(raw, err, o)
			return false
		}
		if raw == nil {
			return true
		}
		k.used.Store(time.Now().UnixNano())
		k.since = time.Time{}
		if octets.Look(raw) != octets.Message {
			k.w.counts.Dropped.Add(1)
			return false
		}
		k.heard.Store(true)
		k.w.counts.Received.Add(1)
		k.w.c.Taps.show(Incoming, "TCP", k.peer, raw)
		k.w.parse(raw, o)
	}
}

// refuse answers a message whose end cannot be found, then closes in a way that
// lets the answer arrive: a socket closed with unread octets resets.
func (k *connection) refuse(head []byte, wrong error, o transaction.Origin) {
	b := octets.Refusal(head, wrong, o.From)
	if b == nil || !k.w.bad.allow(o.From.Addr()) {
		return
	}
	k.w.note(k.Send(b), "refuse")
	if err := k.c.SetReadDeadline(time.Now().Add(2 * time.Second)); err != nil {
		return
	}
	_, err := io.Copy(io.Discard, io.LimitReader(k.c, 16<<20))
	k.w.note(err, "drain")
}
