// Package netcfgtest is a kernel made of text, for tests: it carries out steps the
// way Linux does, as far as the difference matters, and prints its state.
package netcfgtest

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"

	"branchline/netcfg"
)

// A Kernel is a network of text; use New.
type Kernel struct {
	mu       sync.Mutex
	state    netcfg.State
	next     int
	watchers []chan netcfg.Event
	done     []string
	refused  map[string]error
	answers  map[netip.Addr]bool
	taken    map[netip.Addr]string
	broken   error
}

// New is a kernel with the state that Parse reads from text.
func New(text string) *Kernel {
	return &Kernel{state: Parse(text), next: 100, refused: map[string]error{}, answers: map[netip.Addr]bool{}, taken: map[netip.Addr]string{}}
}

// Parse reads a state, a line for each thing:
//
//	link eth0 mac 52:54:00:00:00:01 up carrier mtu 1500
//	link br0 kind bridge ours
//	link eth0.40 kind vlan parent eth0 id 40
//	link eth1 master br0
//	addr 192.0.2.9/24 dev eth0
//	own fe80::1/64 dev eth0
//	dup 2001:db8::9/64 dev eth0
//	route default via 192.0.2.1 dev eth0 metric 100
//
// It panics where a test's author made a mistake.
func Parse(text string) netcfg.State {
	var s netcfg.State
	for line := range strings.Lines(text) {
		w := strings.Fields(line)
		if len(w) == 0 {
			continue
		}
		switch w[0] {
		case "link":
			s.Links = append(s.Links, parseLink(w[1:], len(s.Links)+1))
		case "addr", "own", "dup":
			l := s.Link(w[3])
			list := map[string]*[]netip.Prefix{"addr": &l.Addresses, "own": &l.Own, "dup": &l.Duplicate}[w[0]]
			*list = append(*list, netip.MustParsePrefix(w[1]))
		case "route":
			s.Routes = append(s.Routes, ParseRoute(strings.Join(w[1:], " ")))
		default:
			panic("netcfgtest: " + line)
		}
	}
	return s
}

func parseLink(w []string, index int) netcfg.Link {
	l := netcfg.Link{Name: w[0], Index: index, MTU: 1500, Ethernet: w[0] != "lo"}
	for i := 1; i < len(w); i++ {
		value := func() string { i++; return w[i] }
		switch w[i] {
		case "mac":
			l.MAC = value()
		case "kind":
			l.Kind = value()
		case "parent":
			l.Parent = value()
		case "master":
			l.Master = value()
		case "id":
			scan(value(), &l.VLAN)
		case "mtu":
			scan(value(), &l.MTU)
		case "up":
			l.Up = true
		case "carrier":
			l.Carrier = true
		case "ours":
			l.Ours = true
		default:
			panic("netcfgtest: link: " + w[i])
		}
	}
	return l
}

// ParseRoute reads a route as ip(8) lists it.
func ParseRoute(text string) netcfg.Route {
	w := strings.Fields(text)
	var r netcfg.Route
	for i := 1; i+1 < len(w); i += 2 {
		switch w[i] {
		case "via":
			r.Via = netip.MustParseAddr(w[i+1])
		case "dev":
			r.Link = w[i+1]
		case "metric":
			scan(w[i+1], &r.Metric)
		default:
			panic("netcfgtest: route: " + text)
		}
	}
	switch {
	case w[0] != "default":
		r.To = netip.MustParsePrefix(w[0])
	case r.Via.Is6():
		r.To = netip.PrefixFrom(netip.IPv6Unspecified(), 0)
	default:
		r.To = netip.PrefixFrom(netip.IPv4Unspecified(), 0)
	}
	return r
}

func scan(s string, to *int) {
	if _, err := fmt.Sscan(s, to); err != nil {
		panic("netcfgtest: " + s + ": " + err.Error())
	}
}

// Text prints a state in the form that Parse reads, sorted.
func Text(s netcfg.State) string {
	var out []string
	for _, l := range s.Links {
		t := "link " + l.Name
		for _, f := range []struct {
			is   bool
			text string
		}{
			{l.MAC != "", " mac " + l.MAC}, {l.Kind != "", " kind " + l.Kind}, {l.Parent != "", " parent " + l.Parent},
			{l.VLAN != 0, fmt.Sprint(" id ", l.VLAN)}, {l.Master != "", " master " + l.Master}, {l.Up, " up"}, {l.Carrier, " carrier"},
			{l.MTU != 1500, fmt.Sprint(" mtu ", l.MTU)}, {l.Ours, " ours"},
		} {
			if f.is {
				t += f.text
			}
		}
		out = append(out, t)
		for _, a := range l.Addresses {
			out = append(out, "addr "+a.String()+" dev "+l.Name)
		}
		for _, a := range l.Own {
			out = append(out, "own "+a.String()+" dev "+l.Name)
		}
		for _, a := range l.Duplicate {
			out = append(out, "dup "+a.String()+" dev "+l.Name)
		}
	}
	for _, r := range s.Routes {
		out = append(out, "route "+r.String())
	}
	slices.SortStableFunc(out, func(a, b string) int { return rank(a) - rank(b) })
	return strings.Join(out, "\n") + "\n"
}

func rank(line string) int { return strings.Index("link addr own dup route", line[:3]) }

// Break makes the kernel tell its state no more; nil mends it.
func (k *Kernel) Break(err error) {
	k.mu.Lock()
	k.broken = err
	k.mu.Unlock()
}

// State is the kernel's state.
func (k *Kernel) State(context.Context) (netcfg.State, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.broken != nil {
		return netcfg.State{}, k.broken
	}
	return k.copied(), nil
}

func (k *Kernel) copied() netcfg.State {
	s := netcfg.State{Links: slices.Clone(k.state.Links), Routes: slices.Clone(k.state.Routes)}
	for i := range s.Links {
		l := &s.Links[i]
		l.Addresses, l.Own, l.Duplicate = slices.Clone(l.Addresses), slices.Clone(l.Own), slices.Clone(l.Duplicate)
	}
	return s
}

// Refuse makes every later step that reads like this fail.
func (k *Kernel) Refuse(step string, err error) {
	k.mu.Lock()
	k.refused[step] = err
	k.mu.Unlock()
}

// Reach says whether a neighbour answers.
func (k *Kernel) Reach(neighbour string, answers bool) {
	k.mu.Lock()
	k.answers[netip.MustParseAddr(neighbour)] = answers
	k.mu.Unlock()
}

// Answers is what Reach said, as long as the neighbour is on one of our networks.
func (k *Kernel) Answers(_ context.Context, neighbour netip.Addr) (bool, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, l := range k.state.Links {
		for _, a := range l.Addresses {
			if a.Contains(neighbour) && l.Up && l.Carrier {
				return k.answers[neighbour], nil
			}
		}
	}
	return false, fmt.Errorf("%s: network is unreachable", neighbour)
}

// Take says that somebody else uses an address; by "" it is free again.
func (k *Kernel) Take(addr, by string) {
	k.mu.Lock()
	k.taken[netip.MustParseAddr(addr)] = by
	k.mu.Unlock()
}

// Taken is what Take said.
func (k *Kernel) Taken(_ context.Context, _ string, addr netip.Addr) (string, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.taken[addr], nil
}

// Steps lists what was applied since the last call.
func (k *Kernel) Steps() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	out := k.done
	k.done = nil
	return out
}

// Change changes the state behind everybody's back, and reports it as the kernel does.
func (k *Kernel) Change(link string, change func(*netcfg.State)) {
	k.mu.Lock()
	change(&k.state)
	l := k.state.Link(link)
	k.tell(netcfg.Event{Link: link, Gone: l == nil, Lost: l == nil || !l.Carrier})
	k.mu.Unlock()
}

// Watch reports changes until ctx ends.
func (k *Kernel) Watch(ctx context.Context) (<-chan netcfg.Event, error) {
	c := make(chan netcfg.Event, 256)
	k.mu.Lock()
	k.watchers = append(k.watchers, c)
	k.mu.Unlock()
	context.AfterFunc(ctx, func() {
		k.mu.Lock()
		k.watchers = slices.DeleteFunc(k.watchers, func(o chan netcfg.Event) bool { return o == c })
		k.mu.Unlock()
		close(c)
	})
	return c, nil
}

// tell reports an event; a watcher that does not read loses it.
func (k *Kernel) tell(e netcfg.Event) {
	for _, w := range k.watchers {
		select {
		case w <- e:
		default:
		}
	}
}

// Apply takes one step.
func (k *Kernel) Apply(_ context.Context, op netcfg.Op) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := k.refused[op.String()]; err != nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	link, err := k.apply(op)
	if err != nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	k.done = append(k.done, op.String())
	e := netcfg.Event{Link: link}
	switch o := op.(type) {
	case netcfg.AddrSet:
		e.Address = o.Address
	case netcfg.AddrDel:
		e.Address, e.Gone = o.Address, true
	}
	k.tell(e)
	return nil
}

func (k *Kernel) apply(op netcfg.Op) (link string, err error) {
	find := func(name string) (*netcfg.Link, error) {
		if l := k.state.Link(name); l != nil {
			return l, nil
		}
		return nil, fmt.Errorf("cannot find device %q", name)
	}
	var l *netcfg.Link
	switch o := op.(type) {
	case netcfg.LinkAdd:
		if k.state.Link(o.Name) != nil {
			return "", fmt.Errorf("file exists")
		}
		k.next++
		k.state.Links = append(k.state.Links, netcfg.Link{Name: o.Name, Index: k.next, Kind: o.Kind, Parent: o.Parent, VLAN: o.VLAN, MTU: 1500, Ours: true, Ethernet: true})
		return o.Name, nil
	case netcfg.LinkDel:
		if _, err = find(o.Name); err == nil {
			k.state.Links = slices.DeleteFunc(k.state.Links, func(l netcfg.Link) bool { return l.Name == o.Name || l.Parent == o.Name })
			k.state.Routes = slices.DeleteFunc(k.state.Routes, func(r netcfg.Route) bool { return k.state.Link(r.Link) == nil })
			for i := range k.state.Links {
				if k.state.Links[i].Master == o.Name {
					k.state.Links[i].Master = ""
				}
			}
		}
		return o.Name, err
	case netcfg.LinkUp:
		if l, err = find(o.Name); err == nil {
			if l.Up = o.Up; !o.Up {
				k.state.Routes = slices.DeleteFunc(k.state.Routes, func(r netcfg.Route) bool { return r.Link == o.Name })
			}
		}
		return o.Name, err
	case netcfg.LinkMTU:
		if l, err = find(o.Name); err == nil {
			l.MTU = o.MTU
		}
		return o.Name, err
	case netcfg.LinkMaster:
		if l, err = find(o.Name); err == nil {
			l.Master = o.Master
		}
		return o.Name, err
	case netcfg.AddrSet:
		if l, err = find(o.Link); err == nil && !slices.Contains(l.Addresses, o.Address) {
			l.Addresses = append(l.Addresses, o.Address)
		}
		return o.Link, err
	case netcfg.AddrDel:
		if l, err = find(o.Link); err == nil {
			k.takeAway(l, o.Address)
			l.Duplicate = slices.DeleteFunc(l.Duplicate, func(a netip.Prefix) bool { return a == o.Address })
		}
		return o.Link, err
	case netcfg.RouteSet:
		if l, err = find(o.Route.Link); err != nil {
			return o.Route.Link, err
		}
		if via := o.Route.Via; via.IsValid() && !slices.ContainsFunc(l.Addresses, func(a netip.Prefix) bool { return a.Contains(via) }) {
			return l.Name, fmt.Errorf("nexthop has invalid gateway")
		}
		k.state.Routes = slices.DeleteFunc(k.state.Routes, func(r netcfg.Route) bool { return r.To == o.Route.To && r.Metric == o.Route.Metric })
		k.state.Routes = append(k.state.Routes, o.Route)
		return l.Name, nil
	case netcfg.RouteDel:
		k.state.Routes = slices.DeleteFunc(k.state.Routes, func(r netcfg.Route) bool { return r == o.Route })
		return o.Route.Link, nil
	}
	return "", fmt.Errorf("unknown step")
}

// takeAway removes an address as Linux does: those of the same network that came
// later go with the first, and with the last one all routes of the interface.
func (k *Kernel) takeAway(l *netcfg.Link, gone netip.Prefix) {
	at := slices.IndexFunc(l.Addresses, func(a netip.Prefix) bool { return a.Masked() == gone.Masked() })
	first := at >= 0 && l.Addresses[at] == gone && gone.Addr().Is4()
	l.Addresses = slices.DeleteFunc(l.Addresses, func(a netip.Prefix) bool { return a == gone || first && a.Masked() == gone.Masked() })
	if !slices.ContainsFunc(l.Addresses, func(a netip.Prefix) bool { return a.Addr().Is4() == gone.Addr().Is4() }) {
		k.state.Routes = slices.DeleteFunc(k.state.Routes, func(r netcfg.Route) bool {
			return r.Link == l.Name && r.To.Addr().Is4() == gone.Addr().Is4()
		})
	}
}
