package calls

import (
	"net/netip"
	"slices"

	"branchline/pbx/sip/invite"
	"branchline/pbx/sip/link"
	"branchline/pbx/sip/transports"
	"branchline/pbx/sip/way"
	"branchline/pbx/sip/wire"
)

// Move tells the sessions that lost their address; here are those of the machine.
func (b *Book) Move(w *transports.World, here []netip.Addr) {
	type moving struct {
		s *invite.Session
		l *life
	}
	var all []moving
	b.mu.RLock()
	for s, l := range b.live {
		all = append(all, moving{s, l})
	}
	b.mu.RUnlock()
	for _, m := range all {
		x := w.Wire(m.l.wire)
		if x == nil || !m.l.peer.IsValid() || !b.homeless(w, x, m.s.Appears(), here) {
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
func (b *Book) homeless(w *transports.World, x *wire.Wire, l link.Local, here []netip.Addr) bool {
	gone := func(addr netip.Addr) bool { return addr.IsValid() && !slices.Contains(here, addr) }
	host, err := netip.ParseAddr(l.Host)
	t := w.Of[x]
	outside := t != nil && (t.ExternalSignaling != "" || t.ExternalMedia != "")
	return err == nil && !outside && (gone(host) || gone(l.Media) && l.Media == host)
}
