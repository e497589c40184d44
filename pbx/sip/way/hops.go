package way

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/emiago/sipgo/sip"

	"branchline/pbx/sip/resolve"
	"branchline/pbx/sip/transports"
	"branchline/pbx/sip/wire"
)

// A Hop is where a request goes next, and by which transport.
type Hop struct {
	Wire *wire.Wire
	To   netip.AddrPort
}

func (h Hop) target() resolve.Target { return resolve.Target{Network: h.Wire.Network(), Addr: h.To} }

// A Road is what is fixed about the way of a request before its URI is read.
type Road struct {
	Pin    string         // the endpoint's transport, "" for any
	Prefer string         // the transport to take if several would do
	Plain  bool           // host names are addresses, no services (srvlookup=no)
	Held   netip.AddrPort // the one address that reaches the party, whatever its Contact says; invalid: none such
}

// Hops finds transports and addresses for a URI, in the order in which they are
// to be tried. The transport is the endpoint's own if it names one, whatever the
// URI says (Asterisk calls a phone that registered over UDP on the TCP its
// endpoint is pinned to, and so do we); else the URI's transport parameter; else
// what RFC 3263 finds, which for an address is UDP, or TCP where no UDP transport
// exists. There is at least one hop if the error is nil.
func (f *Finder) Hops(ctx context.Context, way Road, u *sip.Uri) ([]Hop, error) {
	w := f.Rack.Load()
	if u.Port < 0 || u.Port > 65535 {
		return nil, fmt.Errorf("port %d: out of range", u.Port)
	}
	if addr, ok := Literal(u); ok {
		port := u.Port
		if port == 0 {
			port = sip.DefaultUdpPort
		}
		x, err := pick(w, way, networks(u), addr)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", u.String(), err)
		}
		return []Hop{{x, netip.AddrPortFrom(addr, uint16(port))}}, nil
	}
	q := resolve.Query{Host: host(u), Port: uint16(u.Port), Plain: way.Plain}
	if q.Host == "" {
		return nil, errors.New("uri without host")
	}
	var err error
	if q.Ways, q.Fixed, err = ways(w, way, u); err != nil {
		return nil, fmt.Errorf("%s: %w", u.String(), err)
	}
	ctx, cancel := context.WithTimeout(ctx, transports.LookupTime)
	defer cancel()
	targets, err := f.Resolver.Targets(ctx, q)
	if err != nil {
		return nil, err
	}
	var out []Hop
	for _, t := range targets {
		if x, err := pick(w, way, []string{t.Network}, t.Addr.Addr()); err == nil {
			out = append(out, Hop{x, t.Addr})
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%s: %w", u.String(), errNoTransport)
	}
	return out, nil
}

var errNoTransport = errors.New("no usable transport")

// networks are the kinds of transport a URI allows, best first.
func networks(u *sip.Uri) []string {
	if u.IsEncrypted() {
		return []string{"tls"}
	}
	if p, ok := Param(u.UriParams, "transport"); ok {
		return []string{strings.ToLower(p)}
	}
	return []string{"udp", "tcp"}
}

// ways are the kinds of transport a request may take; fixed means that there is
// no choice.
func ways(w *transports.World, way Road, u *sip.Uri) (out []resolve.Way, fixed bool, err error) {
	if way.Pin != "" {
		x := w.Wire(way.Pin)
		if x == nil {
			return nil, true, w.Missing(way.Pin)
		}
		return []resolve.Way{wayOf(x)}, true, nil
	}
	all := networks(u)
	for _, network := range all {
		sum := resolve.Way{Network: network}
		for _, x := range w.Wires {
			if modern, _ := w.Fronts(x); modern && x.Network() == network {
				one := wayOf(x)
				sum.V4, sum.V6 = sum.V4 || one.V4, sum.V6 || one.V6
			}
		}
		if sum.V4 || sum.V6 {
			out = append(out, sum)
		}
	}
	if len(out) == 0 {
		err = errNoTransport
	}
	return out, len(all) == 1, err
}

func wayOf(x *wire.Wire) resolve.Way {
	return resolve.Way{Network: x.Network(), V4: x.Reaches(netip.IPv4Unspecified()), V6: x.Reaches(netip.IPv6Unspecified())}
}

// pick chooses the transport to an address.
func pick(w *transports.World, way Road, networks []string, dst netip.Addr) (*wire.Wire, error) {
	if way.Pin != "" {
		x := w.Wire(way.Pin)
		switch {
		case x == nil:
			return nil, w.Missing(way.Pin)
		case !x.Reaches(dst):
			return nil, fmt.Errorf("transport %s cannot reach %s", way.Pin, dst)
		}
		return x, nil
	}
	for _, network := range networks {
		fits := func(x *wire.Wire) bool {
			modern, _ := w.Fronts(x)
			return modern && x.Network() == network && x.Reaches(dst)
		}
		if x := w.Wire(way.Prefer); x != nil && fits(x) {
			return x, nil
		}
		if i := slices.IndexFunc(w.Wires, fits); i >= 0 {
			return w.Wires[i], nil
		}
	}
	return nil, errNoTransport
}

// Param finds a URI parameter; its name has no case.
func Param(ps sip.HeaderParams, name string) (string, bool) {
	for _, p := range ps {
		if strings.EqualFold(p.K, name) {
			return p.V, true
		}
	}
	return "", false
}

// host is the host part that counts (RFC 3261 16.6 step 6: maddr).
func host(u *sip.Uri) string {
	if m, ok := Param(u.UriParams, "maddr"); ok && m != "" {
		return m
	}
	return u.Host
}

// Literal is the address a URI names without a resolver.
func Literal(u *sip.Uri) (netip.Addr, bool) {
	a, err := netip.ParseAddr(strings.Trim(host(u), "[]"))
	return a.Unmap(), err == nil
}

// next is where RFC 3261 8.1.2 sends a request: the topmost Route, else the
// Request-URI.
func next(req *sip.Request) *sip.Uri {
	if r := req.Route(); r != nil {
		return &r.Address
	}
	return &req.Recipient
}
