package connection

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
	"time"

	"branchline/appliance/netconf"
	"branchline/netcfg"
	"branchline/netcfg/steward"
	"branchline/pbx/cli"
)

// Commands are the console's view of the network.
func (n *Network) Commands() []cli.Command {
	plain := func(do func(w io.Writer) error) func(context.Context, io.Writer, []string) error {
		return func(_ context.Context, w io.Writer, args []string) error {
			if len(args) > 0 {
				return cli.ErrUsage
			}
			return do(w)
		}
	}
	decide := func(do func() error, done string) func(w io.Writer) error {
		return func(w io.Writer) error {
			if err := do(); errors.Is(err, steward.ErrNone) {
				fmt.Fprintln(w, "No change of the network is on trial.")
				return cli.ErrFailed
			} else if err != nil {
				return err
			}
			fmt.Fprintln(w, done)
			return nil
		}
	}
	return []cli.Command{
		{
			Path: "net show", Summary: "Show interfaces, addresses, routes and leases",
			Usage: "Usage: net show\n       Shows the network as it is, who decides about it, and whether a change is on trial.\n",
			Run:   plain(n.show),
		},
		{
			Path: "net show firewall", Summary: "Show who may send what to this machine",
			Usage: "Usage: net show firewall\n       Shows the packet filter that network.conf asks for, as nft(8) would be told.\n",
			Run: plain(func(w io.Writer) error {
				f := n.steward.Config().Firewall
				lines := cli.NewTable(w, "lines", "%s\n", "line")
				if !f.Guard && len(f.Marks) == 0 {
					fmt.Fprintln(w, "network.conf asks for no packet filter.")
					return nil
				}
				for line := range strings.Lines(f.Text()) {
					lines.Row(strings.ReplaceAll(strings.TrimRight(line, "\n"), "\t", "    "))
				}
				return nil
			}),
		},
		{
			Path: "net confirm", Summary: "Keep the change of the network that is on trial",
			Usage: "Usage: net confirm\n       Keeps a change that has not proven itself yet.\n",
			Run:   plain(decide(n.steward.Confirm, "The change stays.")),
		},
		{
			Path: "net rollback", Summary: "Take back the change of the network that is on trial",
			Usage: "Usage: net rollback\n       Puts the network back as it was before the change.\n       network.conf stays as it is: the next reload tries it again.\n",
			Run:   plain(decide(n.steward.Rollback, "The network is as it was. network.conf is not: correct it before the next reload.")),
		},
		{
			Path: "net prove", Summary: "Prove that phones on the network can use this exchange",
			Usage: "Usage: net prove\n       Says which phone has registered over the network since the start; if none has, asks\n" +
				"       every transport at every address of this machine for an answer, and calls itself there.\n",
			Run: func(ctx context.Context, w io.Writer, args []string) error {
				if len(args) > 0 {
					return cli.ErrUsage
				}
				return n.prove(ctx, w)
			},
		},
	}
}

func (n *Network) show(w io.Writer) error {
	s, err := n.steward.Status()
	if err != nil {
		return err
	}
	links := cli.NewTable(w, "links", "%-15s %-8s %-8s %-5v %-17s %s\n", "interface,state,by,mtu,mac,addresses")
	links.Head("Interface", "State", "By", "MTU", "MAC", "Addresses")
	for _, l := range s.State.Links {
		links.Row(l.Name, stateOf(l), chargeOf(s, l.Name), l.MTU, l.MAC, strings.Join(prefixes(slices.Concat(l.Addresses, l.Own)), " "))
	}
	routes := cli.NewTable(w, "routes", "Route %s\n", "route")
	for _, r := range s.State.Routes {
		routes.Row(r.String())
	}
	leases := cli.NewTable(w, "leases", "Lease %s: %s from %s until %s\n", "interface,address,server,until")
	for _, l := range s.State.Links {
		if lease, ok := s.Leases[l.Name]; ok {
			until := "for ever"
			if end := lease.Ends(); !end.IsZero() {
				until = end.Local().Format(time.DateTime)
			}
			leases.Row(l.Name, lease.Address, lease.Server, until)
		}
	}
	for _, name := range s.Asking {
		fmt.Fprintf(w, "Lease %s: looking for a server\n", name)
	}
	cli.Put(w, "asking", s.Asking)
	if len(s.Names.DNS) > 0 {
		cli.Show(w, "dns", "Name servers: %s\n", words(s.Names.DNS))
	}
	if len(s.Names.NTP) > 0 {
		cli.Show(w, "ntp", "Time servers: %s\n", strings.Join(s.Names.NTP, ", "))
	}
	if f := s.Config.Firewall; f.Guard {
		cli.Show(w, "openings", "Firewall: %d opening(s), everything else is refused; see net show firewall\n", len(f.Openings))
	}
	if !s.Trial.IsZero() {
		cli.Show(w, "trial", "A change is on trial: without a proof or net confirm it is taken back at %s\n", s.Trial.Local().Format(time.TimeOnly))
	}
	if s.Refused != "" {
		cli.Show(w, "refused", netconf.FileName+" is not in force: %s\n", s.Refused)
	}
	if s.Unproven {
		cli.Put(w, "unproven", true)
		fmt.Fprintln(w, "Nothing has proven yet that the network works.")
	}
	if s.Rescue.IsValid() {
		cli.Show(w, "emergency", "This machine can be reached at %s too, until something does\n", s.Rescue.Addr())
	}
	for _, l := range s.State.Links {
		for _, a := range l.Duplicate {
			cli.Add(w, "duplicate", a.String())
			fmt.Fprintf(w, "Another machine uses %s too: it cannot be used on %s\n", a.Addr(), l.Name)
		}
	}
	if s.Last != "" {
		cli.Show(w, "last", "The last change was %s\n", s.Last)
	}
	if s.Wrong != "" {
		cli.Show(w, "wrong", "Not as it should be: %s\n", s.Wrong)
	}
	return nil
}

func stateOf(l netcfg.Link) string {
	switch {
	case !l.Up:
		return "off"
	case !l.Carrier:
		return "no cable"
	}
	return "up"
}

// chargeOf says who decides about an interface.
func chargeOf(s steward.Status, name string) string {
	for _, i := range s.Want.Interfaces {
		if i.Name == name {
			if _, leased := s.Leases[name]; leased || slices.Contains(s.Asking, name) {
				return "dhcp"
			}
			return "conf"
		}
		if slices.Contains(i.Ports, name) {
			return i.Name
		}
	}
	return "-"
}

func prefixes(list []netip.Prefix) []string {
	var out []string
	for _, p := range list {
		out = append(out, p.String())
	}
	return out
}

func words(list []netip.Addr) string {
	var out []string
	for _, a := range list {
		out = append(out, a.String())
	}
	return strings.Join(out, ", ")
}
