package sip

import (
	"net/netip"
	"slices"

	"branchline/pbx/sip/invite"
	"branchline/pbx/sip/transports"
	"branchline/pbx/sip/way"
	"branchline/pbx/sip/wire"
)

// AddressesChanged follows what has happened to the machine's interfaces. Transports
// bound to an interface that has another address now are bound to that one; others
// are left alone. Calls whose address of ours is still there do not notice; the
// parties of the others are told the new one.
func (a *Agent) AddressesChanged() {
	if w := a.rack.Load(); w.Settings == nil || a.rack.Life().Err() != nil {
		return
	}
	a.rack.Follow()
	a.move(a.rack.Load())
}

// move tells the sessions that lost their address.
func (a *Agent) move(w *transports.World) {
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
		x := w.Wire(m.l.wire)
		if x == nil || !m.l.peer.IsValid() || !a.homeless(w, x, m.s.Appears(), here) {
			continue
		}
		now := way.Appearance(w, m.l.ep, x, m.l.peer, netip.Addr{})
		if !now.Media.IsUnspecified() { // without a way to them nothing can be told
			m.s.Move(now)
		}
	}
}

// homeless reports whether a session speaks for an address that was ours and is not
// any more. One that was never ours (external_*, media_address) stays as it is.
func (a *Agent) homeless(w *transports.World, x *wire.Wire, l invite.Local, here []netip.Addr) bool {
	gone := func(addr netip.Addr) bool { return addr.IsValid() && !slices.Contains(here, addr) }
	host, err := netip.ParseAddr(l.Host)
	t := w.Of[x]
	outside := t != nil && (t.ExternalSignaling != "" || t.ExternalMedia != "")
	return err == nil && !outside && (gone(host) || gone(l.Media) && l.Media == host)
}
