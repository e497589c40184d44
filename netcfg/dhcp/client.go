package dhcp

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/netip"
	"time"
)

// A Conn sends and receives DHCP messages on one interface. Close makes Receive
// return.
type Conn interface {
	Send(b []byte, to netip.Addr) error
	Receive(b []byte) (n int, err error)
	Close() error
}

// Options of a client.
type Options struct {
	Link     string
	MAC      net.HardwareAddr
	HostName string                          // told to the server; "" is nothing
	Vendor   string                          // the same
	Open     func(link string) (Conn, error) // nil: Listen
	Last     *Lease                          // what was granted before, asked for again if it is valid
	// Taken says who uses an address already, "" for nobody: a lease is tried before
	// it is used (RFC 2131 2.2, RFC 5227 2.1), and one that is taken is declined. It
	// may take seconds. Nil: nobody is asked.
	Taken func(ctx context.Context, addr netip.Addr) (holder string, err error)
	// Bound is told of every lease, new or renewed; Lost that there is none any
	// more. Both are called from Run.
	Bound func(Lease)
	Lost  func(why string)
	Log   *slog.Logger // nil: slog.Default
}

// Errors inside of the client's life.
var (
	errNak     = errors.New("the server refused it")
	errExpired = errors.New("it has expired")
	errSilence = errors.New("no answer")
	errGone    = errors.New("the socket has failed")
)

// Times between repetitions (RFC 2131 4.1), each one second more or less.
const (
	firstWait = 4 * time.Second
	lastWait  = 64 * time.Second
	leastHold = 60 * time.Second // between renewals (4.4.5)
	reopen    = 5 * time.Second  // after a socket has failed
	declined  = 10 * time.Second // before a server is asked again (3.1.5)
)

var everybody = netip.AddrFrom4([4]byte{255, 255, 255, 255})

// Run gets an address and keeps it until ctx ends. The lease is not given back
// then: after a restart the same address is wanted again, and phones know it.
func Run(ctx context.Context, o Options) error {
	if len(o.MAC) != 6 {
		return fmt.Errorf("dhcp on %s: no Ethernet address", o.Link)
	}
	if o.Open == nil {
		o.Open = Listen
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	c := &client{o: o, began: time.Now(), lease: o.Last}
	said := ""
	for ctx.Err() == nil {
		err := c.connected(ctx)
		if err == nil || ctx.Err() != nil {
			return nil
		}
		if text := err.Error(); text != said {
			said = text
			o.Log.Warn("dhcp", "interface", o.Link, "error", err)
		}
		sleep(ctx, reopen)
	}
	return nil
}

func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

type client struct {
	o     Options
	conn  Conn
	in    chan *message
	began time.Time
	lease *Lease // the last one granted, nil if none is left
	id    uint32
}

// connected is the client's life with one socket, until ctx ends or it fails.
func (c *client) connected(ctx context.Context) error {
	conn, err := c.o.Open(c.o.Link)
	if err != nil {
		return err
	}
	c.conn, c.in = conn, make(chan *message)
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.receive(ctx)
	}()
	defer func() {
		cancel()
		if err := conn.Close(); err != nil {
			c.o.Log.Debug("dhcp close", "interface", c.o.Link, "error", err)
		}
		<-done
	}()
	for {
		if err := c.live(ctx); err != nil {
			return err
		}
	}
}

// receive passes on what is addressed to us.
func (c *client) receive(ctx context.Context) {
	defer close(c.in)
	buf := make([]byte, 1500)
	for {
		n, err := c.conn.Receive(buf)
		if err != nil {
			return
		}
		m, err := parse(buf[:n])
		if err != nil || !m.reply || string(m.mac[:]) != string(c.o.MAC) {
			continue
		}
		select {
		case c.in <- m:
		case <-ctx.Done():
			return
		}
	}
}

// live gets a lease by one way or another, and holds it until it ends.
func (c *client) live(ctx context.Context) error {
	c.began = time.Now()
	renewed, err := c.again(ctx)
	if err == nil && renewed == nil {
		renewed, err = c.ask(ctx)
	}
	if err != nil {
		return err
	}
	c.lease = renewed
	c.o.Bound(*renewed)
	err = c.hold(ctx)
	if errors.Is(err, errNak) || errors.Is(err, errExpired) {
		c.lease = nil
		c.o.Lost(err.Error())
		return nil
	}
	return err
}

// again asks for the address we had (INIT-REBOOT, RFC 2131 3.2). Without an answer
// it is used as long as it is ours, because the box must be found where it was; nil
// if there is none to ask for, or the server refuses.
func (c *client) again(ctx context.Context) (*Lease, error) {
	l := c.lease
	if l == nil || !l.Valid(time.Now()) {
		c.lease = nil
		return nil, nil
	}
	c.newID()
	for _, wait := range []time.Duration{firstWait / 2, firstWait} {
		m := c.message(request)
		m.options[optRequested] = l.Address.Addr().AsSlice()
		got, err := c.exchange(ctx, m, everybody, wait, ack, nak)
		switch {
		case errors.Is(err, errSilence):
			continue
		case err != nil:
			return nil, err
		case got.kind() == nak:
			c.lease = nil
			c.o.Lost(errNak.Error())
			return nil, nil
		}
		if fresh, ok := leaseOf(got, time.Now()); ok {
			if !fresh.Server.IsValid() {
				fresh.Server = l.Server
			}
			return c.tried(ctx, &fresh)
		}
	}
	return c.tried(ctx, l)
}

// tried is a lease whose address nobody else uses, or nil: then it is declined, and
// the server has some time to think of another.
func (c *client) tried(ctx context.Context, l *Lease) (*Lease, error) {
	if c.o.Taken == nil {
		return l, nil
	}
	holder, err := c.o.Taken(ctx, l.Address.Addr())
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		c.o.Log.Warn("dhcp: nobody could be asked whether the address is free", "interface", c.o.Link, "address", l.Address.Addr().String(), "error", err)
	}
	if holder == "" {
		return l, nil
	}
	c.o.Log.Error("dhcp: the address is in use by another machine, it is declined", "interface", c.o.Link, "address", l.Address.Addr().String(), "by", holder)
	c.newID()
	m := c.bare(decline)
	m.options[optRequested] = l.Address.Addr().AsSlice()
	if l.Server.IsValid() {
		m.options[optServer] = l.Server.AsSlice()
	}
	m.options[optMessage] = []byte("in use by " + holder)
	if err := c.conn.Send(m.bytes(), everybody); err != nil {
		c.o.Log.Debug("dhcp send", "interface", c.o.Link, "error", err)
	}
	if c.lease != nil {
		c.lease = nil
		c.o.Lost("the address is in use by " + holder)
	}
	return nil, c.wait(ctx, declined)
}

// ask finds a server and takes what it offers (3.1); it goes on until it has
// something.
func (c *client) ask(ctx context.Context) (*Lease, error) {
	wait := firstWait
	for {
		c.newID()
		got, err := c.exchange(ctx, c.message(discover), everybody, jitter(wait), offer)
		wait = min(2*wait, lastWait)
		if errors.Is(err, errSilence) {
			continue
		}
		if err != nil {
			return nil, err
		}
		offered, ok := leaseOf(got, time.Now())
		if !ok || !offered.Server.IsValid() {
			continue
		}
		for _, wait := range []time.Duration{firstWait, 2 * firstWait} {
			m := c.message(request)
			m.options[optRequested] = offered.Address.Addr().AsSlice()
			m.options[optServer] = offered.Server.AsSlice()
			got, err = c.exchange(ctx, m, everybody, jitter(wait), ack, nak)
			if err == nil || !errors.Is(err, errSilence) {
				break
			}
		}
		if errors.Is(err, errSilence) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if l, ok := leaseOf(got, time.Now()); ok && got.kind() == ack {
			if fit, err := c.tried(ctx, &l); fit != nil || err != nil {
				return fit, err
			}
			wait = firstWait
			continue
		}
		sleep(ctx, firstWait) // a server that offers and then refuses must not be besieged
	}
}

// hold keeps the lease (4.4.5): from Renew on its server is asked, from Rebind on
// everybody.
func (c *client) hold(ctx context.Context) error {
	for {
		l := *c.lease
		now := time.Now()
		switch {
		case !l.Valid(now):
			return errExpired
		case l.Life == Forever:
			if err := c.wait(ctx, time.Hour); err != nil { // the socket may fail
				return err
			}
			continue
		case now.Before(l.Granted.Add(l.Renew)):
			if err := c.wait(ctx, l.Granted.Add(l.Renew).Sub(now)); err != nil {
				return err
			}
			continue
		}
		until, to := l.Granted.Add(l.Rebind), l.Server
		if !now.Before(until) || !to.IsValid() {
			until, to = l.Ends(), everybody
		}
		wait := min(max(until.Sub(now)/2, leastHold), until.Sub(now))
		m := c.message(request)
		m.client, m.broadcast = l.Address.Addr(), false
		got, err := c.exchange(ctx, m, to, wait, ack, nak)
		switch {
		case errors.Is(err, errSilence):
			continue
		case err != nil:
			return err
		case got.kind() == nak:
			return errNak
		}
		if fresh, ok := leaseOf(got, time.Now()); ok {
			if !fresh.Server.IsValid() {
				fresh.Server = l.Server
			}
			c.lease = &fresh
			c.o.Bound(fresh)
			c.newID()
		} else if err := c.wait(ctx, firstWait); err != nil {
			return err
		}
	}
}

// wait lets time pass; what arrives meanwhile is not asked for.
func (c *client) wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			return nil
		case _, ok := <-c.in:
			if !ok {
				return errGone
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// exchange sends m and waits for an answer of one of the kinds. That it could not be
// sent is like silence: the link may be down.
func (c *client) exchange(ctx context.Context, m *message, to netip.Addr, wait time.Duration, kinds ...byte) (*message, error) {
	if err := c.conn.Send(m.bytes(), to); err != nil {
		c.o.Log.Debug("dhcp send", "interface", c.o.Link, "error", err)
	}
	t := time.NewTimer(wait)
	defer t.Stop()
	for {
		select {
		case got, ok := <-c.in:
			if !ok {
				return nil, errGone
			}
			if got.id != m.id {
				continue
			}
			for _, k := range kinds {
				if got.kind() == k {
					return got, nil
				}
			}
		case <-t.C:
			return nil, errSilence
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (c *client) newID() { c.id = rand.Uint32() }

func jitter(d time.Duration) time.Duration {
	return d - time.Second + rand.N(2*time.Second)
}

// message is a message of ours, without what only some kinds have.
func (c *client) message(kind byte) *message {
	secs := min(time.Since(c.began)/time.Second, 65535)
	m := c.bare(kind)
	m.secs, m.broadcast = uint16(secs), true
	m.options[optMaxSize] = binary.BigEndian.AppendUint16(nil, 1472)
	m.options[optWanted] = []byte{optMask, optRouter, optDNS, optDomain, optMTU, optNTP, optLease, optRenew, optRebind, optRoutes}
	if c.o.HostName != "" {
		m.options[optHostName] = []byte(c.o.HostName)
	}
	if c.o.Vendor != "" {
		m.options[optVendor] = []byte(c.o.Vendor)
	}
	return m
}

// bare is a message that asks for nothing, as a refusal has to be (RFC 2131 table 5).
func (c *client) bare(kind byte) *message {
	return &message{id: c.id, mac: [6]byte(c.o.MAC), options: map[byte][]byte{
		optKind: {kind}, optClient: append([]byte{1}, c.o.MAC...),
	}}
}
