package survey

import (
	"net/netip"
	"slices"
	"strings"

	"branchline/pbx/settings"
)

// An Entrant is who may begin a call in a context.
type Entrant struct {
	Endpoint *settings.Endpoint
	Open     bool // without proving who he is
	Trunk    bool
}

// enter finds who begins calls where.
func (x *Survey) enter() {
	x.Entrants = map[string][]Entrant{}
	for _, e := range x.Ordered {
		open := len(e.Auths) == 0 && slices.Contains(e.IdentifyBy, "username") && len(e.ACL) == 0
		if e.ID == "anonymous" || strings.HasPrefix(e.ID, "anonymous@") {
			open = len(e.Auths) == 0
		}
		x.Entrants[e.Context] = append(x.Entrants[e.Context], Entrant{e, open, x.Trunk(e)})
	}
	if x.Snap.SIP == nil {
		return
	}
	for _, d := range x.Snap.SIP.List {
		if e := d.Endpoint; e != nil {
			open := d.Claims() && (len(e.Auths) == 0 || d.InsecureInvite) && len(e.ACL) == 0
			x.Entrants[e.Context] = append(x.Entrants[e.Context], Entrant{e, open, x.Trunk(e)})
		}
	}
	if g := x.Snap.SIP.Guest; g != nil {
		x.guest = g
		x.Entrants[x.Snap.SIP.Context] = append(x.Entrants[x.Snap.SIP.Context], Entrant{g, true, false})
	}
}

// Phone reports whether a telephone can register as e.
func (x *Survey) Phone(e *settings.Endpoint) bool {
	if d := x.devices[e]; d != nil {
		return d.Dynamic
	}
	return slices.ContainsFunc(e.AORs, func(name string) bool {
		a := x.Snap.AORs[name]
		return a != nil && a.MaxContacts > 0
	})
}

// Trunk reports whether e is another exchange or provider: it does not
// register here, and is known by its address or has one of its own.
func (x *Survey) Trunk(e *settings.Endpoint) bool {
	if d := x.devices[e]; d != nil {
		return !d.Dynamic && d.Host != ""
	}
	if e == x.guest || x.Phone(e) || e.ID == "anonymous" {
		return false
	}
	for _, name := range e.AORs {
		if a := x.Snap.AORs[name]; a != nil && len(a.Contacts) > 0 {
			return true
		}
	}
	return x.Identified(e) || slices.ContainsFunc(x.Snap.Registrations, func(r *settings.Registration) bool { return r.Endpoint == e.ID })
}

// Identified reports whether an identify section names e.
func (x *Survey) Identified(e *settings.Endpoint) bool {
	return x.known[e.ID]
}

// IsDialled reports whether some Dial calls e.
func (x *Survey) IsDialled(e *settings.Endpoint) bool { return x.answering[e] }

// Literal is the address a SIP URI names; false for names.
func Literal(uri string) (netip.Addr, bool) {
	_, rest, ok := strings.Cut(uri, ":")
	if !ok {
		return netip.Addr{}, false
	}
	if i := strings.LastIndexByte(rest, '@'); i >= 0 {
		rest = rest[i+1:]
	}
	rest, _, _ = strings.Cut(rest, ";")
	if ap, err := netip.ParseAddrPort(rest); err == nil {
		return ap.Addr().Unmap(), true
	}
	a, err := netip.ParseAddr(strings.Trim(rest, "[]"))
	return a.Unmap(), err == nil
}

// Public reports whether an address is one of the public network, not of a house
// or of a book.
func Public(a netip.Addr) bool {
	documentation := []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("198.51.100.0/24"), netip.MustParsePrefix("203.0.113.0/24")}
	return a.IsGlobalUnicast() && !a.IsPrivate() && !slices.ContainsFunc(documentation, func(p netip.Prefix) bool { return p.Contains(a) })
}
