package netconf

import (
	"fmt"
	"net/netip"
	"slices"

	"branchline/netcfg"
	"branchline/pbx/astconf"
)

// links looks at all interfaces together and puts them into the configuration. A
// section's name stands for its interface wherever one is named.
func (r *reading) links() {
	names, sections := map[string]*link{}, map[string]*link{}
	for _, l := range r.found {
		if sections[l.section.Name] != nil {
			r.fail(l.section.Pos, "twice", fmt.Sprintf("[%s] is there twice", l.section.Name), "write one section for each interface")
		}
		sections[l.section.Name] = l
		key := l.Name + l.MAC
		if other := names[key]; other != nil && other.section.Name != l.section.Name {
			r.fail(l.section.Pos, "twice", fmt.Sprintf("[%s] and [%s] are the same interface", other.section.Name, l.section.Name), "join the two sections")
		}
		names[key] = l
	}
	called := func(name string) string {
		if l := sections[name]; l != nil && l.Name != "" {
			return l.Name
		}
		return name
	}
	ports := map[string]string{}
	for _, l := range r.found {
		l.Parent = called(l.Parent)
		for i, p := range l.Ports {
			l.Ports[i] = called(p)
			if other, taken := ports[l.Ports[i]]; taken {
				r.fail(l.section.Pos, "twice", fmt.Sprintf("%s is a port of [%s] and of [%s]", p, other, l.section.Name), "an interface can be in one bridge")
			}
			ports[l.Ports[i]] = l.section.Name
		}
		if s := sections[l.Parent]; s != nil && s.Name == "" {
			r.fail(l.section.Pos, "bad-link", fmt.Sprintf("[%s]: the parent [%s] is found by mac=, which a VLAN cannot be laid on", l.section.Name, s.section.Name), "give ["+s.section.Name+"] a device= instead")
		}
	}
	for _, l := range r.found {
		if bridge, ok := ports[l.Name]; ok && l.Name != "" && (len(l.Addresses) > 0 || l.DHCP) {
			r.fail(l.section.Pos, "port-address", fmt.Sprintf("[%s] is a port of the bridge [%s] and cannot have an address of its own", l.section.Name, bridge), "give it to ["+bridge+"]")
		}
		if len(l.Addresses) == 0 && !l.DHCP && l.Up && ports[l.Name] == "" && !r.isParent(l.Name) {
			r.add(astconf.Warning, l.section.Pos, "no-address", fmt.Sprintf("[%s] has no address", l.section.Name), "nothing can reach the exchange there", "dhcp=yes, or address=")
		}
		r.c.Interfaces = append(r.c.Interfaces, l.Interface)
		r.routes(l)
	}
	r.overlaps()
}

func (r *reading) isParent(name string) bool {
	return slices.ContainsFunc(r.found, func(l *link) bool { return l.Parent == name && name != "" })
}

// routes takes an interface's ways out.
func (r *reading) routes(l *link) {
	for _, g := range append(slices.Clone(l.gateways), l.routes...) {
		if !g.route.To.IsValid() {
			continue // it has been complained of
		}
		g.route.Link = l.Name
		if l.Name == "" {
			g.route.Link = l.MAC
		}
		if g.line == "gateway" && l.Metric != 0 {
			g.route.Metric = l.Metric
		}
		via := g.route.Via
		near := func(p netip.Prefix) bool { return p.Contains(via) }
		if via.IsValid() && !l.DHCP && !slices.ContainsFunc(l.Addresses, near) && !(via.Is6() && via.IsLinkLocalUnicast()) &&
			!slices.ContainsFunc(l.routes, func(o gateway) bool { return !o.route.Via.IsValid() && o.route.To.Contains(via) }) {
			r.diags = append(r.diags, astconf.Diag{Pos: g.at, Severity: astconf.Error, Rule: "far-gateway", Near: via.String(),
				Message: fmt.Sprintf("[%s]: %s is in none of the interface's networks", l.section.Name, via), Cure: "a router in the network of address=, or the right length there"})
		}
		if slices.ContainsFunc(l.Addresses, func(p netip.Prefix) bool { return p.Addr() == via }) {
			r.fail(g.at, "own-gateway", fmt.Sprintf("[%s]: %s is the interface's own address", l.section.Name, via), "the router's address")
		}
		if slices.ContainsFunc(r.c.Routes, func(o netcfg.Route) bool { return o.To == g.route.To && o.Metric == g.route.Metric }) {
			r.fail(g.at, "twice", fmt.Sprintf("[%s]: there is another route to %s with the same metric", l.section.Name, g.route.To), "metric=200 for the one that is to wait")
			continue
		}
		r.c.Routes = append(r.c.Routes, g.route)
	}
}

// overlaps reports addresses that are there twice, and networks on two interfaces.
func (r *reading) overlaps() {
	for i, a := range r.found {
		for n, p := range a.Addresses {
			if slices.Contains(a.Addresses[:n], p) {
				r.fail(a.section.Pos, "twice", fmt.Sprintf("[%s] has %s twice", a.section.Name, p), "")
			}
			for _, b := range r.found[:i] {
				for _, q := range b.Addresses {
					switch {
					case q.Addr() == p.Addr():
						r.fail(a.section.Pos, "twice", fmt.Sprintf("[%s] and [%s] both have %s", b.section.Name, a.section.Name, p.Addr()), "")
					case q.Overlaps(p):
						r.add(astconf.Warning, a.section.Pos, "same-network", fmt.Sprintf("[%s] and [%s] are both in %s", b.section.Name, a.section.Name, q.Masked()),
							"what is sent there takes one of them, whatever it came in by", "use one interface, or a bridge of both")
					}
				}
			}
		}
	}
}
