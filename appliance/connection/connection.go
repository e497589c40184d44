// Package connection keeps the machine connected: it reads what network.conf wants for
// this exchange, has it put into force and taken back, lets the SIP side follow, and
// proves that phones on the network can use the exchange.
package connection

import (
	"context"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"slices"
	"sort"
	"sync/atomic"
	"time"

	"branchline/appliance/netconf"
	"branchline/appliance/systemd"
	"branchline/netcfg"
	"branchline/netcfg/nft"
	"branchline/netcfg/nl"
	"branchline/netcfg/steward"
	"branchline/pbx/astconf"
	"branchline/pbx/astdb"
	"branchline/pbx/settings"
)

// Options are what a Network works with.
type Options struct {
	DB      *astdb.DB // leases, and what has proven itself
	Product string    // who we are, to DHCP servers and readers of our files
	Log     *slog.Logger

	Changed    func() // addresses of this machine have come or gone
	Renumbered func() // others must call us at other addresses than before

	Snapshot func() *settings.Snapshot                                   // in force, for net prove
	Call     func(ctx context.Context, w io.Writer, at netip.Addr) error // calls itself there
}

// A Network keeps the box connected. On a machine without network.conf it only looks.
type Network struct {
	o       Options
	steward *steward.Steward
	follows bool                  // a configuration was put into force; who prepares guards it
	heard   atomic.Pointer[visit] // the phone that registered last, nil: none yet
	here    atomic.Pointer[[]netip.Addr]
}

// New makes a network that nothing is done to before Begin or Run.
func New(o Options) *Network {
	n := &Network{o: o}
	names := publisher{dir: systemd.RuntimeDirectory("branchline"), product: o.Product, log: o.Log}
	host, _ := os.Hostname() // a server that is told no name gives an address too
	n.steward = steward.New(steward.Options{
		Kernel: nl.Kernel{}, Filter: nft.Filter{}, Memory: leaseBook{o.DB, o.Log},
		HostName: host, Vendor: o.Product, Publish: names.publish, Log: o.Log, Emergency: emergency(),
		Changed: n.addressesChanged,
		Heard:   func(since time.Time) bool { v := n.heard.Load(); return v != nil && v.when.After(since) },
	})
	return n
}

// Run keeps the network as the configuration wants it until ctx ends.
func (n *Network) Run(ctx context.Context) error { return n.steward.Run(ctx) }

// Registered notes that a phone has reached us, by the network and not from this very
// machine: the self-test's phones prove nothing here, nor does one at the end of a cable
// that has given itself an address.
func (n *Network) Registered(aor string, from netip.Addr) {
	from = from.Unmap()
	if here := n.here.Load(); from.IsLoopback() || from.Is4() && from.IsLinkLocalUnicast() || here != nil && slices.Contains(*here, from) {
		return
	}
	n.heard.Store(&visit{aor, from, time.Now()})
}

// addressesChanged lets the others follow.
func (n *Network) addressesChanged(state netcfg.State) {
	n.o.Changed()
	now := reachable(state)
	if before := n.here.Swap(&now); before != nil && !slices.Equal(*before, now) {
		n.o.Renumbered()
	}
}

// reachable are the addresses that others may know us by, sorted.
func reachable(s netcfg.State) (out []netip.Addr) {
	for _, l := range s.Links {
		for _, p := range slices.Concat(l.Addresses, l.Own) {
			if a := p.Addr(); l.Up && !a.IsLoopback() && !a.IsLinkLocalUnicast() {
				out = append(out, a)
			}
		}
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Compare(out[j]) < 0 })
	return slices.Compact(out)
}

// Read reads network.conf, which may be missing, for an exchange with the transports and
// ports of s. On an appliance its absence means DHCP everywhere.
func Read(file *astconf.File, s *settings.Snapshot) (steward.Config, []astconf.Diag) {
	if (file == nil || len(file.Sections) == 0 && file.Valid) && systemd.OnAppliance() {
		return byItself(), nil
	}
	ports := netconf.Ports{RTPFirst: uint16(s.RTP.PortFirst), RTPLast: uint16(s.RTP.PortLast)}
	for _, t := range s.Transports {
		p := netconf.Port{Protocol: t.Protocol, Number: t.Bind.Port()}
		if !slices.Contains(ports.SIP, p) {
			ports.SIP = append(ports.SIP, p)
		}
	}
	c, diags := netconf.Read(file, ports)
	if len(c.Interfaces) == 0 && systemd.OnAppliance() { // the file speaks of other things
		if c.Same(steward.Config{}) {
			c = byItself()
		}
		c.Every = true
	}
	return c, diags
}

// Follow has Prepare change the network from now on.
func (n *Network) Follow() { n.follows = true }

// Prepare says whether a new configuration of the network can be put into
// force; commit does so, on trial.
func (n *Network) Prepare(next steward.Config) (commit func(), diags []astconf.Diag) {
	if !n.follows || n.steward.Config().Same(next) {
		return func() {}, nil
	}
	if s, err := n.steward.Status(); err == nil && !s.Trial.IsZero() {
		return func() {}, []astconf.Diag{{
			Pos: astconf.Pos{File: netconf.FileName}, Severity: astconf.Error, Rule: "on-trial",
			Message: "the network is on trial until " + s.Trial.Format(time.TimeOnly) + " and cannot be changed again before that",
			Cure:    "net confirm, or net rollback",
		}}
	}
	return func() {
		if err := n.steward.Try(next); err != nil {
			n.o.Log.Error("the network stays as it was", "error", err)
		}
	}, nil
}
