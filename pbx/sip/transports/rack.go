// Package transports owns the sockets SIP is spoken on: it opens those of the
// configuration, waits for addresses that are not up yet, follows interfaces and
// host names whose address changes, and puts a new configuration into force without
// disturbing what stays the same.
//
// Reading order: Rack here, World in world.go with its reload, waiting.go, names.go
// and facade.go for what changes by itself.
package transports

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
	"branchline/pbx/sip/sockets"
	"branchline/pbx/sip/wire"
)

// Options are what a rack is made from. All must be set, but for Closed.
type Options struct {
	Receive   func(*wire.Inbound)                    // every new request, on a lane of its wire
	Answer    func(*sip.Request, int) *sip.Response  // what a wire answers by itself
	UserAgent string                                 // unless pjsip.conf sets another
	Taps      *wire.Taps                             // who watches the messages
	Net       sockets.Network                        // the kernel's, or one in memory
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

// A Rack holds the transports of the configuration in force. Its methods may be
// called from anywhere.
type Rack struct {
	o        Options
	log      *slog.Logger
	world    atomic.Pointer[World]
	pending  []*wire.Wire // opened by a prepare that was not committed
	binding  sync.Mutex   // held while sockets are bound or closed; it guards pending and editions
	editions uint64
	stop     context.Context
	halt     context.CancelFunc
}

// New makes an empty one.
func New(o Options) *Rack {
	r := &Rack{o: o, log: o.Log}
	r.stop, r.halt = context.WithCancel(context.Background())
	r.world.Store(&World{})
	return r
}

// Load is the configuration in force, never nil.
func (r *Rack) Load() *World { return r.world.Load() }

// Life ends when the rack is closed.
func (r *Rack) Life() context.Context { return r.stop }

// Close closes all transports at once.
func (r *Rack) Close() error {
	r.halt()
	r.binding.Lock()
	defer r.binding.Unlock()
	var first error
	for _, w := range append(r.Load().Wires, r.pending...) {
		if err := w.Close(); err != nil && first == nil {
			first = err
		}
	}
	r.world.Store(&World{Settings: r.Load().Settings})
	r.pending = nil
	return first
}

// Follow follows what has happened to the machine's interfaces. Transports
// bound to an interface that has another address now are bound to that one; others
// are left alone.
func (r *Rack) Follow() {
	w := r.Load()
	if w.Settings == nil || r.stop.Err() != nil {
		return
	}
	for _, t := range w.Settings.Transports {
		x := w.Wire(t.ID)
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
	for _, x := range r.Load().Wires {
		x.Reroute()
	}
}

// SystemAddresses are the addresses of an interface of this machine, of all for "".
func SystemAddresses(device string) (out []netip.Addr) {
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
func (r *Rack) bind(t *settings.Transport) (netip.AddrPort, error) {
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
