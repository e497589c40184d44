// Package nl is the Linux kernel behind netcfg, over netlink. It needs
// CAP_NET_ADMIN to change anything, and nothing to look.
package nl

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sort"
	"syscall"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"branchline/netcfg"
)

// alias marks the links that we made (`ip link show` prints it).
const alias = "branchline"

// Kernel is the network of the network namespace this process is in.
type Kernel struct{}

// State reads links, addresses and routes of the main table.
func (Kernel) State(context.Context) (netcfg.State, error) {
	links, err := whole(netlink.LinkList())
	if err != nil {
		return netcfg.State{}, fmt.Errorf("links: %w", err)
	}
	names := map[int]string{}
	for _, l := range links {
		names[l.Attrs().Index] = l.Attrs().Name
	}
	var s netcfg.State
	for _, l := range links {
		one := link(l)
		one.Parent, one.Master = "", names[l.Attrs().MasterIndex]
		if one.VLAN != 0 {
			one.Parent = names[l.Attrs().ParentIndex]
		}
		s.Links = append(s.Links, one)
	}
	addrs, err := whole(netlink.AddrList(nil, netlink.FAMILY_ALL))
	if err != nil {
		return s, fmt.Errorf("addresses: %w", err)
	}
	for _, a := range addrs {
		p, ok := prefix(a.IPNet)
		l := s.Link(names[a.LinkIndex])
		if !ok || l == nil {
			continue
		}
		if a.Flags&unix.IFA_F_DADFAILED != 0 {
			l.Duplicate = append(l.Duplicate, p)
		}
		if p.Addr().Is6() && (p.Addr().IsLinkLocalUnicast() || a.Flags&unix.IFA_F_PERMANENT == 0) || p.Addr().IsLoopback() {
			l.Own = append(l.Own, p)
			continue
		}
		l.Addresses = append(l.Addresses, p)
	}
	for _, family := range []int{netlink.FAMILY_V4, netlink.FAMILY_V6} {
		routes, err := whole(netlink.RouteList(nil, family))
		if err != nil {
			return s, fmt.Errorf("routes: %w", err)
		}
		for _, r := range routes {
			if one, ok := route(r, names, family); ok {
				s.Routes = append(s.Routes, one)
			}
		}
	}
	sort.Slice(s.Links, func(i, j int) bool { return s.Links[i].Index < s.Links[j].Index })
	return s, nil
}

// whole takes a listing that was interrupted by a change for what it is: what has
// changed is reported by an Event, and then everything is read again.
func whole[T any](list []T, err error) ([]T, error) {
	if errors.Is(err, netlink.ErrDumpInterrupted) {
		err = nil
	}
	return list, err
}

func link(l netlink.Link) netcfg.Link {
	a := l.Attrs()
	out := netcfg.Link{
		Name: a.Name, Index: a.Index, MAC: a.HardwareAddr.String(), MTU: a.MTU,
		Ethernet: a.EncapType == "ether", Up: a.Flags&net.FlagUp != 0,
		Carrier: a.RawFlags&unix.IFF_LOWER_UP != 0, Ours: a.Alias == alias,
	}
	switch kind := l.Type(); kind {
	case "device":
	case "vlan":
		out.Kind = kind
		if v, ok := l.(*netlink.Vlan); ok {
			out.VLAN = v.VlanId
		}
	default:
		out.Kind = kind
	}
	return out
}

func prefix(n *net.IPNet) (netip.Prefix, bool) {
	if n == nil {
		return netip.Prefix{}, false
	}
	a, ok := netip.AddrFromSlice(n.IP)
	ones, size := n.Mask.Size()
	a = a.Unmap()
	if !ok || size != a.BitLen() {
		return netip.Prefix{}, false
	}
	return netip.PrefixFrom(a, ones), true
}

// route translates a route that somebody has set; false for the others.
func route(r netlink.Route, names map[int]string, family int) (netcfg.Route, bool) {
	if r.Protocol == unix.RTPROT_KERNEL || r.Protocol == unix.RTPROT_RA || r.Type != unix.RTN_UNICAST || len(r.MultiPath) > 0 {
		return netcfg.Route{}, false
	}
	out := netcfg.Route{Link: names[r.LinkIndex], Metric: r.Priority}
	if r.Gw != nil {
		via, ok := netip.AddrFromSlice(r.Gw)
		if !ok {
			return out, false
		}
		out.Via = via.Unmap()
	}
	all := netip.PrefixFrom(netip.IPv4Unspecified(), 0)
	if family == netlink.FAMILY_V6 {
		all = netip.PrefixFrom(netip.IPv6Unspecified(), 0)
	}
	out.To = all
	if r.Dst != nil {
		to, ok := prefix(r.Dst)
		if !ok {
			return out, false
		}
		out.To = to
	}
	return out, out.Link != ""
}

// Apply takes one step.
func (k Kernel) Apply(_ context.Context, op netcfg.Op) error {
	if err := apply(op); err != nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	return nil
}

func apply(op netcfg.Op) error {
	switch o := op.(type) {
	case netcfg.LinkAdd:
		return add(o)
	case netcfg.LinkDel:
		return on(o.Name, netlink.LinkDel)
	case netcfg.LinkUp:
		if o.Up {
			return on(o.Name, netlink.LinkSetUp)
		}
		return on(o.Name, netlink.LinkSetDown)
	case netcfg.LinkMTU:
		return on(o.Name, func(l netlink.Link) error { return netlink.LinkSetMTU(l, o.MTU) })
	case netcfg.LinkMaster:
		if o.Master == "" {
			return on(o.Name, netlink.LinkSetNoMaster)
		}
		return on(o.Master, func(m netlink.Link) error {
			return on(o.Name, func(l netlink.Link) error { return netlink.LinkSetMaster(l, m) })
		})
	case netcfg.AddrSet:
		return on(o.Link, func(l netlink.Link) error {
			return netlink.AddrReplace(l, &netlink.Addr{IPNet: ipNet(o.Address)})
		})
	case netcfg.AddrDel:
		err := on(o.Link, func(l netlink.Link) error { return netlink.AddrDel(l, &netlink.Addr{IPNet: ipNet(o.Address)}) })
		if errors.Is(err, syscall.EADDRNOTAVAIL) {
			return nil // it went with one before it
		}
		return err
	case netcfg.RouteSet:
		return onRoute(o.Route, netlink.RouteReplace)
	case netcfg.RouteDel:
		err := onRoute(o.Route, netlink.RouteDel)
		if errors.Is(err, syscall.ESRCH) {
			return nil // it went with an address
		}
		return err
	}
	return errors.New("unknown step")
}

func on(name string, do func(netlink.Link) error) error {
	l, err := netlink.LinkByName(name)
	if err != nil {
		return err
	}
	return do(l)
}

// add makes a link and marks it as ours; one that cannot be marked is taken back.
func add(o netcfg.LinkAdd) error {
	attrs := netlink.NewLinkAttrs()
	attrs.Name = o.Name
	var l netlink.Link
	switch o.Kind {
	case "bridge":
		l = &netlink.Bridge{LinkAttrs: attrs}
	case "vlan":
		parent, err := netlink.LinkByName(o.Parent)
		if err != nil {
			return err
		}
		attrs.ParentIndex = parent.Attrs().Index
		l = &netlink.Vlan{LinkAttrs: attrs, VlanId: o.VLAN}
	default:
		return fmt.Errorf("kind %q cannot be made", o.Kind)
	}
	if err := netlink.LinkAdd(l); err != nil {
		return err
	}
	return on(o.Name, func(made netlink.Link) error {
		if err := netlink.LinkSetAlias(made, alias); err != nil {
			return errors.Join(err, netlink.LinkDel(made))
		}
		return nil
	})
}

func ipNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}

func onRoute(r netcfg.Route, do func(*netlink.Route) error) error {
	return on(r.Link, func(l netlink.Link) error {
		out := &netlink.Route{LinkIndex: l.Attrs().Index, Dst: ipNet(r.To), Priority: r.Metric, Protocol: unix.RTPROT_STATIC}
		if r.Via.IsValid() {
			out.Gw = r.Via.AsSlice()
		} else {
			out.Scope = netlink.SCOPE_LINK
		}
		if r.To.Addr().Is6() {
			out.Scope = netlink.SCOPE_UNIVERSE
		}
		return do(out)
	})
}

// Watch reports changes of links and addresses.
func (Kernel) Watch(ctx context.Context) (<-chan netcfg.Event, error) {
	links, addrs := make(chan netlink.LinkUpdate, 64), make(chan netlink.AddrUpdate, 64)
	if err := netlink.LinkSubscribe(links, ctx.Done()); err != nil {
		return nil, fmt.Errorf("watch links: %w", err)
	}
	if err := netlink.AddrSubscribe(addrs, ctx.Done()); err != nil {
		return nil, fmt.Errorf("watch addresses: %w", err)
	}
	out := make(chan netcfg.Event, 64)
	go func() {
		defer close(out)
		names := map[int]string{}
		for links != nil || addrs != nil {
			var e netcfg.Event
			select {
			case u, ok := <-links:
				if !ok {
					links = nil
					continue
				}
				e = netcfg.Event{Link: u.Attrs().Name, Gone: u.Header.Type == unix.RTM_DELLINK, Lost: u.IfInfomsg.Flags&unix.IFF_LOWER_UP == 0}
				names[u.Attrs().Index] = e.Link
			case u, ok := <-addrs:
				if !ok {
					addrs = nil
					continue
				}
				name, known := names[u.LinkIndex]
				if !known {
					if l, err := netlink.LinkByIndex(u.LinkIndex); err == nil {
						name = l.Attrs().Name
						names[u.LinkIndex] = name
					}
				}
				p, ok := prefix(&u.LinkAddress)
				if !ok {
					continue
				}
				e = netcfg.Event{Link: name, Address: p, Gone: !u.NewAddr}
			}
			select {
			case out <- e:
			case <-ctx.Done(): // the sources are drained until they close
			}
		}
	}()
	return out, nil
}
