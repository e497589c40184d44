package netcfg

import (
	"net/netip"
	"slices"
)

// Plan is the steps from have to want, in an order in which each of them can be
// taken and the box is cut off for as short as can be: new addresses come before
// old ones go, except within one network, where the kernel takes the later
// addresses away with the first. An interface that is wanted and not there, and
// that nobody can make, is passed over: it may be plugged in later. There are no
// steps if have is as it should be.
func Plan(have State, want Desired) []Op {
	p := planning{have: have, want: want}
	p.unwanted()
	for _, i := range want.Interfaces {
		p.make(i)
	}
	for _, i := range want.Interfaces {
		p.ports(i)
	}
	for _, i := range want.Interfaces {
		p.addresses(i)
	}
	p.routes()
	return p.ops
}

type planning struct {
	have  State
	want  Desired
	ops   []Op
	made  map[string]bool // links that will be there
	shook map[string]bool // links that lose addresses, and maybe routes with them
}

func (p *planning) add(ops ...Op) { p.ops = append(p.ops, ops...) }

// wanted finds an interface that should be there.
func (p *planning) wanted(name string) *Interface {
	for i := range p.want.Interfaces {
		if p.want.Interfaces[i].Name == name {
			return &p.want.Interfaces[i]
		}
	}
	return nil
}

// same reports whether a link that we would make is there as it should be.
func same(l *Link, i Interface) bool {
	return l.Kind == i.Kind && (i.Kind != "vlan" || l.Parent == i.Parent && l.VLAN == i.VLAN)
}

// unwanted removes links of ours that nobody wants, or that are of another kind.
func (p *planning) unwanted() {
	p.made, p.shook = map[string]bool{}, map[string]bool{}
	for _, l := range p.have.Links {
		w := p.wanted(l.Name)
		switch {
		case l.Ours && (w == nil || !same(&l, *w)):
			p.add(LinkDel{l.Name})
		default:
			p.made[l.Name] = true
		}
	}
}

func (p *planning) make(i Interface) {
	l := p.have.Link(i.Name)
	if !p.made[i.Name] {
		if i.Kind == "" || i.Kind == "vlan" && !p.made[i.Parent] {
			return
		}
		p.add(LinkAdd{Name: i.Name, Kind: i.Kind, Parent: i.Parent, VLAN: i.VLAN})
		p.made[i.Name] = true
		l = &Link{Name: i.Name, Kind: i.Kind}
	}
	if i.MTU != 0 && l.MTU != i.MTU {
		p.add(LinkMTU{i.Name, i.MTU})
	}
	if l.Up != i.Up {
		p.add(LinkUp{i.Name, i.Up})
	}
}

// ports brings the ports of bridges together, and lets go of those that left.
func (p *planning) ports(i Interface) {
	for _, l := range p.have.Links {
		if l.Master == i.Name && l.Master != "" && !slices.Contains(i.Ports, l.Name) && p.made[l.Name] && p.made[i.Name] {
			p.add(LinkMaster{l.Name, ""})
		}
	}
	for _, name := range i.Ports {
		l := p.have.Link(name)
		if l == nil || !p.made[name] || !p.made[i.Name] {
			continue
		}
		if l.Master != i.Name {
			for _, a := range l.Addresses { // they belong to the bridge
				p.add(AddrDel{name, a})
			}
			p.add(LinkMaster{name, i.Name})
		}
		if w := p.wanted(name); !l.Up && i.Up && (w == nil || w.Up) {
			p.add(LinkUp{name, true})
		}
	}
}

// isPort reports whether an interface belongs to a bridge that is wanted: its
// addresses are the bridge's.
func (p *planning) isPort(name string) bool {
	return slices.ContainsFunc(p.want.Interfaces, func(i Interface) bool { return slices.Contains(i.Ports, name) })
}

func (p *planning) addresses(i Interface) {
	if !p.made[i.Name] || p.isPort(i.Name) {
		return
	}
	var has []netip.Prefix
	if l := p.have.Link(i.Name); l != nil && same(l, Interface{Kind: l.Kind, Parent: i.Parent, VLAN: i.VLAN}) {
		has = l.Addresses
	}
	var gone []netip.Prefix
	for _, a := range has {
		if !slices.Contains(i.Addresses, a) {
			gone = append(gone, a)
		}
	}
	touched := func(a netip.Prefix) bool {
		return slices.ContainsFunc(gone, func(g netip.Prefix) bool { return g.Masked() == a.Masked() })
	}
	for _, a := range i.Addresses {
		if !slices.Contains(has, a) && !touched(a) {
			p.add(AddrSet{i.Name, a})
		}
	}
	for _, a := range gone {
		p.add(AddrDel{i.Name, a})
		p.shook[i.Name] = true
	}
	for _, a := range i.Addresses {
		if touched(a) {
			p.add(AddrSet{i.Name, a})
		}
	}
}

func (p *planning) routes() {
	for _, r := range p.have.Routes {
		w := p.wanted(r.Link)
		if w == nil || !p.made[r.Link] || slices.Contains(p.want.Routes, r) {
			continue
		}
		// One that is replaced needs no step of its own.
		if slices.ContainsFunc(p.want.Routes, func(o Route) bool { return o.To == r.To && o.Metric == r.Metric && p.up(o.Link) }) {
			continue
		}
		if p.shook[r.Link] && !slices.ContainsFunc(w.Addresses, func(a netip.Prefix) bool { return a.Addr().Is4() == r.To.Addr().Is4() }) {
			continue // it went with the last address
		}
		p.add(RouteDel{r})
	}
	// What is directly connected comes first: a gateway may be reached by it.
	for _, direct := range []bool{true, false} {
		for _, r := range p.want.Routes {
			if r.Via.IsValid() == direct || !p.up(r.Link) {
				continue
			}
			if !slices.Contains(p.have.Routes, r) || p.shook[r.Link] {
				p.add(RouteSet{r})
			}
		}
	}
}

// up reports whether a link will be there and up: only then it takes routes.
func (p *planning) up(name string) bool {
	if !p.made[name] {
		return false
	}
	if w := p.wanted(name); w != nil {
		return w.Up
	}
	l := p.have.Link(name)
	return l != nil && l.Up
}

// Restored is the wish to have the named interfaces again as they were in s: what
// undoes a change.
func Restored(s State, names []string) Desired {
	var d Desired
	for _, l := range s.Links {
		if !slices.Contains(names, l.Name) {
			continue
		}
		i := Interface{Name: l.Name, Up: l.Up, MTU: l.MTU, Addresses: slices.Clone(l.Addresses)}
		if l.Ours {
			i.Kind, i.Parent, i.VLAN = l.Kind, l.Parent, l.VLAN
		}
		if l.Kind == "bridge" {
			for _, port := range s.Links {
				if port.Master == l.Name {
					i.Ports = append(i.Ports, port.Name)
				}
			}
		}
		d.Interfaces = append(d.Interfaces, i)
	}
	for _, r := range s.Routes {
		if slices.Contains(names, r.Link) {
			d.Routes = append(d.Routes, r)
		}
	}
	return d
}
