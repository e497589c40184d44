package connection

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"sort"
	"strings"
	"time"

	"branchline/appliance/selftest"
	"branchline/netcfg"
	"branchline/pbx/settings"
)

// A visit is a phone that has registered over the network.
type visit struct {
	aor  string
	from netip.Addr
	when time.Time
}

// prove is `net prove`: nil if this exchange is known to work for phones on the
// network. Either one has registered from there since the start, or the exchange now
// answers, and calls itself, at every address that phones may reach it at. Loopback
// proves nothing here, and an address whose cable is out neither.
func (n *Network) prove(ctx context.Context, w io.Writer) error {
	if v := n.heard.Load(); v != nil {
		fmt.Fprintf(w, "%s has registered from %s at %s.\n", v.aor, v.from, v.when.Local().Format(time.TimeOnly))
		return nil
	}
	status, err := n.steward.Status()
	if err != nil {
		return err
	}
	places, err := placesOf(status.State, status.Asking)
	if err != nil {
		return err
	}
	for _, p := range places {
		fmt.Fprintf(w, "%s, %s:\n", p.link, p.at)
		for _, t := range n.o.Snapshot().Transports {
			if !p.has(t) {
				continue
			}
			answer, err := selftest.Answers(ctx, t.Protocol, netip.AddrPortFrom(p.at, t.Bind.Port()))
			if err != nil {
				return fmt.Errorf("%s: transport %s: %w", p.link, t.ID, err)
			}
			fmt.Fprintf(w, "    transport %s, %s port %d, answers: %s\n", t.ID, t.Protocol, t.Bind.Port(), answer)
		}
		if err := n.o.Call(ctx, w, p.at); err != nil {
			return fmt.Errorf("%s, %s: %w", p.link, p.at, err)
		}
	}
	return nil
}

// A place is an address that phones may reach this machine at.
type place struct {
	link string
	at   netip.Addr
}

// has reports whether a transport is bound where the place is.
func (p place) has(t *settings.Transport) bool {
	bind := t.Bind.Addr()
	switch {
	case t.Protocol != "udp" && t.Protocol != "tcp":
		return false
	case t.Device != "":
		return t.Device == p.link && p.at.Is4()
	}
	return bind == p.at || bind.IsUnspecified() && bind.Is4() == p.at.Is4()
}

// placesOf are the places of a network: of each interface with a cable in its first
// address, an IPv4 one if there is one. One that is asking for an IPv4 address has none
// yet, whatever a router has told it of IPv6. Without any place the error says what is
// missing.
func placesOf(s netcfg.State, asking []string) (out []place, err error) {
	var bare, idle []string // without a cable, without an address
	for _, l := range s.Links {
		var here []netip.Addr
		loopback := false
		for _, p := range slices.Concat(l.Addresses, l.Own) {
			if a := p.Addr(); a.IsLoopback() {
				loopback = true
			} else if !a.IsLinkLocalUnicast() && (a.Is4() || !slices.Contains(asking, l.Name)) {
				here = append(here, a)
			}
		}
		switch {
		case loopback || l.Name == "lo" || l.Master != "":
		case !l.Up || !l.Carrier:
			bare = append(bare, l.Name)
		case len(here) == 0:
			idle = append(idle, l.Name)
		default:
			// Is4 first, else in the kernel's order.
			sort.SliceStable(here, func(i, j int) bool { return here[i].BitLen() < here[j].BitLen() })
			out = append(out, place{l.Name, here[0]})
		}
	}
	switch {
	case len(out) > 0:
		return out, nil
	case len(idle) > 0:
		return nil, fmt.Errorf("no address on the network: %s has none yet", strings.Join(idle, ", "))
	case len(bare) > 0:
		return nil, fmt.Errorf("no network cable: %s has no link", strings.Join(bare, ", "))
	}
	return nil, errors.New("no network interface")
}
