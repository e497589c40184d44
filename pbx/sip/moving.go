package sip

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"syscall"

	"branchline/pbx/settings"
	"branchline/pbx/sip/invite"
	"branchline/pbx/sip/wire"
)

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
// address that is not up yet.
func (a *Agent) bind(t *settings.Transport) (netip.AddrPort, error) {
	if t.Device == "" {
		return t.Bind, nil
	}
	for _, addr := range a.o.Addresses(t.Device) {
		if addr.Is4() {
			return netip.AddrPortFrom(addr, t.Bind.Port()), nil
		}
	}
	return netip.AddrPort{}, fmt.Errorf("bind %s %s: %w", t.Protocol, t.Binding(), syscall.EADDRNOTAVAIL)
}

// AddressesChanged follows what has happened to the machine's interfaces. Transports
// bound to an interface that has another address now are bound to that one; others
// are left alone. Calls whose address of ours is still there do not notice; the
// parties of the others are told the new one.
func (a *Agent) AddressesChanged() {
	w := a.world.Load()
	if w.settings == nil || a.stop.Err() != nil {
		return
	}
	for _, t := range w.settings.Transports {
		x := w.wire(t.ID)
		if t.Device == "" || x == nil && !slices.Contains(w.absent, t) {
			continue
		}
		if x != nil && slices.Contains(a.o.Addresses(t.Device), x.Bound().Addr()) {
			continue
		}
		if err := a.arrive(w.edition, t); err != nil {
			a.log.Warn("transport has lost its address", "transport", t.ID, "error", err)
		}
	}
	w = a.world.Load()
	for _, x := range w.wires {
		x.Reroute()
	}
	a.move(w)
}

// move tells the sessions that lost their address.
func (a *Agent) move(w *world) {
	here := a.o.Addresses("")
	type moving struct {
		s *invite.Session
		l *life
	}
	var all []moving
	a.mu.RLock()
	for s, l := range a.live {
		all = append(all, moving{s, l})
	}
	a.mu.RUnlock()
	for _, m := range all {
		x := w.wire(m.l.wire)
		if x == nil || !m.l.peer.IsValid() || !a.homeless(w, x, m.s.Appears(), here) {
			continue
		}
		now := a.local(w, m.l.ep, x, m.l.peer, netip.Addr{})
		if !now.Media.IsUnspecified() { // without a way to them nothing can be told
			m.s.Move(now)
		}
	}
}

// homeless reports whether a session speaks for an address that was ours and is not
// any more. One that was never ours (external_*, media_address) stays as it is.
func (a *Agent) homeless(w *world, x *wire.Wire, l invite.Local, here []netip.Addr) bool {
	gone := func(addr netip.Addr) bool { return addr.IsValid() && !slices.Contains(here, addr) }
	host, err := netip.ParseAddr(l.Host)
	t := w.of[x]
	outside := t != nil && (t.ExternalSignaling != "" || t.ExternalMedia != "")
	return err == nil && !outside && (gone(host) || gone(l.Media) && l.Media == host)
}
