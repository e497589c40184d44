package sip

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/emiago/sipgo/sip"

	"branchline/pbx/settings"
	"branchline/pbx/sip/resolve"
	"branchline/pbx/sip/wire"
)

// rackOptions are what a rack is made from. All must be set, but for Closed.
type rackOptions struct {
	Receive   func(*wire.Inbound)                    // every new request, on a lane of its wire
	Answer    func(*sip.Request, int) *sip.Response  // what a wire answers by itself
	UserAgent string                                 // unless pjsip.conf sets another
	Taps      *wire.Taps                             // who watches the messages
	Net       wire.Network                           // the kernel's, or one in memory
	Resolver  Resolver                               // of names in the configuration
	Addresses func(device string) []netip.Addr       // of one of the machine's interfaces, "": of all
	Token     func() string                          // random text
	Limits    wire.Limits                            // of each transport
	Closed    func(name string, peer netip.AddrPort) // a TCP connection ended; may be nil
	Log       *slog.Logger
}

// A Resolver finds where a URI leads (RFC 3263), and remembers which places did
// not answer. *resolve.Resolver is one.
type Resolver interface {
	Targets(ctx context.Context, q resolve.Query) ([]resolve.Target, error)
	Failed(resolve.Target)
	Worked(resolve.Target)
}

// A rack holds the transports of the configuration in force. Its methods may be
// called from anywhere.
type rack struct {
	o        rackOptions
	log      *slog.Logger
	world    atomic.Pointer[world]
	pending  []*wire.Wire // opened by a prepare that was not committed
	binding  sync.Mutex   // held while sockets are bound or closed; it guards pending and editions
	editions uint64
	stop     context.Context
	halt     context.CancelFunc
}

// newRack makes an empty one.
func newRack(o rackOptions) *rack {
	r := &rack{o: o, log: o.Log}
	r.stop, r.halt = context.WithCancel(context.Background())
	r.world.Store(&world{})
	return r
}

// load is the configuration in force, never nil.
func (r *rack) load() *world { return r.world.Load() }

// life ends when the rack is closed.
func (r *rack) life() context.Context { return r.stop }

// close closes all transports at once.
func (r *rack) close() error {
	r.halt()
	r.binding.Lock()
	defer r.binding.Unlock()
	var first error
	for _, w := range append(r.load().wires, r.pending...) {
		if err := w.Close(); err != nil && first == nil {
			first = err
		}
	}
	r.world.Store(&world{settings: r.load().settings})
	r.pending = nil
	return first
}

// follow follows what has happened to the machine's interfaces. Transports
// bound to an interface that has another address now are bound to that one; others
// are left alone.
func (r *rack) follow() {
	w := r.load()
	if w.settings == nil || r.stop.Err() != nil {
		return
	}
	for _, t := range w.settings.Transports {
		x := w.wire(t.ID)
		if t.Device == "" || x == nil && !slices.Contains(w.absent, t) {
			continue
		}
		if x != nil && slices.Contains(r.o.Addresses(t.Device), x.Bound().Addr()) {
			if better, err := r.bind(t); err != nil || better.Addr().IsLinkLocalUnicast() || !x.Bound().Addr().IsLinkLocalUnicast() {
				continue
			}
		}
		if err := r.arrive(w.edition, t); err != nil {
			r.log.Warn("transport has lost its address", "transport", t.ID, "error", err)
		}
	}
	for _, x := range r.load().wires {
		x.Reroute()
	}
}

// systemAddresses are the addresses of an interface of this machine, of all for "".
func systemAddresses(device string) (out []netip.Addr) {
	var found []net.Addr
	var err error
	if device == "" {
		found, err = net.InterfaceAddrs()
	} else {
		var i *net.Interface
		if i, err = net.InterfaceByName(device); err == nil {
			found, err = i.Addrs()
		}
	}
	if err != nil {
		return nil
	}
	for _, f := range found {
		if p, err := netip.ParsePrefix(f.String()); err == nil {
			out = append(out, p.Addr().Unmap())
		}
	}
	return out
}

// bind is the address a transport is bound to now. An interface without one is an
// address that is not up yet; one that reaches no further than its cable counts only if
// there is no other.
func (r *rack) bind(t *settings.Transport) (netip.AddrPort, error) {
	if t.Device == "" {
		return t.Bind, nil
	}
	var near netip.Addr
	for _, addr := range r.o.Addresses(t.Device) {
		switch {
		case !addr.Is4():
		case addr.IsLinkLocalUnicast():
			near = addr
		default:
			return netip.AddrPortFrom(addr, t.Bind.Port()), nil
		}
	}
	if near.IsValid() {
		return netip.AddrPortFrom(near, t.Bind.Port()), nil
	}
	return netip.AddrPort{}, fmt.Errorf("bind %s %s: %w", t.Protocol, t.Binding(), syscall.EADDRNOTAVAIL)
}
