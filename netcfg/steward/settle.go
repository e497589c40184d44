package steward

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sort"
	"strings"

	"branchline/netcfg"
)

// rounds bounds how often a plan is made anew because the kernel did more, or less,
// than it was told.
const rounds = 4

// settle brings the kernel to where it should be and notes what has changed. s.mu is
// held.
func (s *Steward) settle() error {
	if s.ctx.Err() != nil {
		return nil
	}
	if !s.begun {
		s.notice()
		return nil
	}
	var have netcfg.State
	var err error
	for range rounds {
		if have, err = s.o.Kernel.State(s.ctx); err != nil {
			return err
		}
		s.clients(have)
		s.undouble(have)
		ops := netcfg.Plan(have, s.desired(have))
		if len(ops) == 0 {
			break
		}
		if err = s.take(ops); err != nil {
			break
		}
	}
	s.publish()
	s.notice()
	return err
}

// take takes steps; one that fails does not keep the others from being taken.
func (s *Steward) take(ops []netcfg.Op) error {
	var errs []error
	for _, op := range ops {
		if err := s.o.Kernel.Apply(s.ctx, op); err != nil {
			errs = append(errs, err)
			continue
		}
		s.log.Info("network", "step", op.String())
	}
	return errors.Join(errs...)
}

// guard puts the firewall into force; s.mu is held.
func (s *Steward) guard() error {
	f := s.config.Firewall
	wanted := f.Guard || len(f.Marks) > 0
	if s.o.Filter == nil || !wanted && !s.guarded {
		return nil
	}
	if err := s.o.Filter.Set(f); err != nil {
		return fmt.Errorf("firewall: %w", err)
	}
	s.guarded = wanted
	return nil
}

// An entry is an Interface that is there, by its real name.
type entry struct {
	Interface
	link *netcfg.Link
}

// entries finds the interfaces of a configuration. One that is to be made, or is not
// plugged in, has no link.
func (c Config) entries(have netcfg.State) []entry {
	var out []entry
	taken := map[string]bool{}
	for _, i := range c.Interfaces {
		e := entry{Interface: i}
		if i.Name == "" {
			for n := range have.Links {
				l := &have.Links[n]
				if l.MAC == i.MAC && l.Kind != "vlan" && l.Kind != "bridge" { // those have it from their parent
					e.Name = l.Name
				}
			}
			if e.Name == "" {
				continue
			}
		}
		e.link = have.Link(e.Name)
		taken[e.Name] = true
		for _, p := range i.Ports {
			taken[p] = true
		}
		out = append(out, e)
	}
	if !c.Every {
		return out
	}
	for n := range have.Links {
		l := &have.Links[n]
		if l.Ethernet && l.Kind == "" && l.MAC != "" && !taken[l.Name] && l.Master == "" {
			out = append(out, entry{link: l, Interface: Interface{DHCP: true, Interface: netcfg.Interface{Name: l.Name, Up: true}}})
		}
	}
	return out
}

// routeMetric is where the metrics of DHCP's routes begin, so that routes in the file,
// which have 0, come first.
const routeMetric = 100

// desired is the configuration and the leases together.
func (s *Steward) desired(have netcfg.State) netcfg.Desired {
	var d netcfg.Desired
	names := map[string]string{}
	for n, e := range s.wanted().entries(have) {
		names[e.Name], names[e.MAC] = e.Name, e.Name
		i := e.Interface.Interface
		i.Addresses = slices.Clone(i.Addresses)
		var l *leasing
		if e.DHCP {
			l = s.leases[e.Name]
		}
		if l != nil && l.lease != nil {
			if !slices.Contains(i.Addresses, l.lease.Address) {
				i.Addresses = append(i.Addresses, l.lease.Address)
			}
			if i.MTU == 0 {
				i.MTU = l.lease.MTU
			}
			metric := e.Metric
			if metric == 0 {
				metric = routeMetric + n
			}
			for _, r := range l.lease.Routes {
				r.Link, r.Metric = e.Name, metric
				d.Routes = appendRoute(d.Routes, r)
			}
		}
		d.Interfaces = append(d.Interfaces, i)
	}
	for _, r := range s.config.Routes {
		if r.Link = names[r.Link]; r.Link != "" {
			d.Routes = appendRoute(d.Routes, r)
		}
	}
	if s.rescue {
		s.emergency(have, &d)
	}
	return d
}

// appendRoute adds a route; of two to one destination with one metric the kernel
// keeps one only.
func appendRoute(list []netcfg.Route, r netcfg.Route) []netcfg.Route {
	for _, o := range list {
		if o.To == r.To && o.Metric == r.Metric {
			return list
		}
	}
	return append(list, r)
}

// publish works out the name and time servers; s.mu is held.
func (s *Steward) publish() {
	n := Names{DNS: s.config.DNS, Search: s.config.Search, NTP: s.config.NTP}
	var links []string
	for name := range s.leases {
		links = append(links, name)
	}
	slices.Sort(links)
	for _, name := range links {
		l := s.leases[name].lease
		if l == nil {
			continue
		}
		if len(s.config.DNS) == 0 {
			n.DNS = appendNew(n.DNS, l.DNS...)
		}
		if len(s.config.NTP) == 0 {
			for _, a := range l.NTP {
				n.NTP = appendNew(n.NTP, a.String())
			}
		}
		if len(s.config.Search) == 0 && l.Domain != "" {
			n.Search = appendNew(n.Search, l.Domain)
		}
	}
	if !s.told || fmt.Sprint(n) != fmt.Sprint(s.names) {
		s.names, s.told = n, true
		if s.o.Publish != nil {
			s.o.Publish(n)
		}
	}
}

func appendNew[T comparable](to []T, values ...T) []T {
	to = slices.Clip(to)
	for _, v := range values {
		if !slices.Contains(to, v) {
			to = append(to, v)
		}
	}
	return to
}

// notice passes on that an interface or an address has come or gone; s.mu is held.
func (s *Steward) notice() {
	have, err := s.o.Kernel.State(s.ctx)
	if err != nil {
		return
	}
	var b strings.Builder
	for _, l := range have.Links {
		fmt.Fprintln(&b, l.Name, l.Up, l.Carrier, sorted(l.Addresses), sorted(l.Own), sorted(l.Duplicate))
	}
	fmt.Fprintln(&b, have.Routes)
	if text := b.String(); text != s.seen {
		s.seen = text
		s.complain(have)
		select { // the latest counts
		case <-s.news:
		default:
		}
		s.news <- have
	}
}

func sorted(list []netip.Prefix) []netip.Prefix {
	out := slices.Clone(list)
	sort.Slice(out, func(i, j int) bool { return out[i].Addr().Compare(out[j].Addr()) < 0 })
	return out
}

// complain logs addresses that another machine uses too, once each.
func (s *Steward) complain(have netcfg.State) {
	now := map[netip.Prefix]bool{}
	for _, l := range have.Links {
		for _, a := range l.Duplicate {
			if now[a] = true; !s.doubles[a] {
				s.log.Error("another machine uses this address too: it cannot be used here", "interface", l.Name, "address", a.String())
			}
		}
	}
	s.doubles = now
}

// undouble takes duplicate addresses away from links that had no cable meanwhile, so
// that they are given, and tried, again: it may be another network. s.mu is held.
func (s *Steward) undouble(have netcfg.State) {
	for _, l := range have.Links {
		if !s.again[l.Name] || !l.Carrier {
			continue
		}
		delete(s.again, l.Name)
		for _, a := range l.Duplicate {
			if err := s.o.Kernel.Apply(s.ctx, netcfg.AddrDel{Link: l.Name, Address: a}); err != nil {
				s.log.Warn("network", "error", err)
			}
		}
	}
}
