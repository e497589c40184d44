package appliance

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"branchline/appliance/netconf"
	"branchline/netcfg"
	"branchline/netcfg/dhcp"
	"branchline/netcfg/nft"
	"branchline/netcfg/nl"
	"branchline/netcfg/steward"
	"branchline/pbx/astconf"
	"branchline/pbx/astdb"
	"branchline/pbx/settings"
	"branchline/pbx/sip/outreg"
)

// applianceVariable is set in the environment of a daemon whose machine is a telephone
// exchange and nothing else: its network is the daemon's business even when there is
// no network.conf.
const applianceVariable = "BRANCHLINE_APPLIANCE"

// A network is the part of the daemon that keeps the box connected. On a machine
// without network.conf it only looks.
type network struct {
	*steward.Steward
	begun bool                  // a configuration was put into force; d.changing guards it
	heard atomic.Pointer[visit] // the phone that registered last, nil: none yet
	here  atomic.Pointer[[]netip.Addr]
}

func (d *daemon) newNetwork() *network {
	n := &network{}
	names := publisher{dir: runtimeDirectory(), log: d.log}
	host, _ := os.Hostname() // a server that is told no name gives an address too
	n.Steward = steward.New(steward.Options{
		Kernel: nl.Kernel{}, Filter: nft.Filter{}, Memory: leaseBook{d.db, d.log},
		HostName: host, Vendor: Name, Publish: names.publish, Log: d.log, Emergency: emergency(),
		Changed: d.addressesChanged,
		Heard:   func(since time.Time) bool { v := n.heard.Load(); return v != nil && v.when.After(since) },
	})
	return n
}

// registered notes that a phone has reached us, by the network and not from this very
// machine: the self-test's phones prove nothing here, nor does one at the end of a cable
// that has given itself an address.
func (n *network) registered(aor string, from netip.Addr) {
	from = from.Unmap()
	if here := n.here.Load(); from.IsLoopback() || from.Is4() && from.IsLinkLocalUnicast() || here != nil && slices.Contains(*here, from) {
		return
	}
	n.heard.Store(&visit{aor, from, time.Now()})
}

// addressesChanged lets the SIP side follow: transports bound to an interface, the
// calls on them, and our registrations elsewhere.
func (d *daemon) addressesChanged(state netcfg.State) {
	d.agent.AddressesChanged()
	now := reachable(state)
	before := d.network.here.Swap(&now)
	if before == nil || slices.Equal(*before, now) {
		return
	}
	for _, r := range d.outbound.Statuses() {
		if r.State != outreg.Stopped {
			d.outbound.Send(r.ID, true)
		}
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
	slices.SortFunc(out, netip.Addr.Compare)
	return slices.Compact(out)
}

// Name and Run make the network one of the daemon's tasks.
func (n *network) Name() string           { return "network" }
func (n *network) Ready() <-chan struct{} { return always }

// networkOf reads network.conf. On an appliance its absence means DHCP everywhere.
func networkOf(files map[string]*astconf.File, s *settings.Snapshot) (steward.Config, []astconf.Diag) {
	file := files[netconf.FileName]
	if (file == nil || len(file.Sections) == 0 && file.Valid) && onAppliance() {
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
	if len(c.Interfaces) == 0 && onAppliance() { // the file speaks of other things
		if c.Same(steward.Config{}) {
			c = byItself()
		}
		c.Every = true
	}
	return c, diags
}

// prepareNetwork says whether a new configuration of the network can be put into
// force; commit does so, on trial.
func (d *daemon) prepareNetwork(next configuration) (commit func(), diags []astconf.Diag) {
	if !d.network.begun || d.network.Config().Same(next.network) {
		return func() {}, nil
	}
	if s, err := d.network.Status(); err == nil && !s.Trial.IsZero() {
		return func() {}, []astconf.Diag{{
			Pos: astconf.Pos{File: netconf.FileName}, Severity: astconf.Error, Rule: "on-trial",
			Message: "the network is on trial until " + s.Trial.Format(time.TimeOnly) + " and cannot be changed again before that",
			Cure:    "net confirm, or net rollback",
		}}
	}
	return func() {
		if err := d.network.Try(next.network); err != nil {
			d.log.Error("the network stays as it was", "error", err)
		}
	}, nil
}

// A leaseBook keeps leases in the database.
type leaseBook struct {
	db  *astdb.DB
	log *slog.Logger
}

const leaseFamily = "network/lease"

func (b leaseBook) Lease(link string) *dhcp.Lease {
	text, ok := b.db.Get(leaseFamily, link)
	if !ok {
		return nil
	}
	var l dhcp.Lease
	if err := json.Unmarshal([]byte(text), &l); err != nil {
		b.log.Warn("lease in the database", "interface", link, "error", err)
		return nil
	}
	return &l
}

// leaseDelay is how long a lease may wait to be written with something else.
const leaseDelay = 30 * time.Second

func (b leaseBook) Keep(link string, l *dhcp.Lease) {
	if l == nil {
		b.db.DelSoon(leaseFamily, link, leaseDelay)
		return
	}
	text, err := json.Marshal(l)
	if err != nil {
		b.log.Warn("lease not kept", "interface", link, "error", err)
		return
	}
	b.db.PutSoon(leaseFamily, link, string(text), leaseDelay)
}

// runtimeDirectory is where the service manager lets us leave files for others; "" if
// there is none.
func runtimeDirectory() string {
	for _, dir := range filepath.SplitList(os.Getenv("RUNTIME_DIRECTORY")) {
		if filepath.Base(dir) == "branchline" {
			return dir
		}
	}
	return ""
}

// A publisher writes which name and time servers there are. The appliance's
// /etc/resolv.conf and its timesyncd's configuration lead there.
type publisher struct {
	dir string
	log *slog.Logger
}

// Files of a publisher.
const (
	resolvFile = "resolv.conf"
	timeFile   = "timesyncd.conf"
)

func (p publisher) publish(n steward.Names) {
	if p.dir == "" {
		return
	}
	err := errors.Join(replace(filepath.Join(p.dir, resolvFile), resolvConf(n)), replace(filepath.Join(p.dir, timeFile), timeConf(n)))
	if err != nil {
		p.log.Error("name servers are not written down", "error", err)
	}
}

func resolvConf(n steward.Names) string {
	var b strings.Builder
	b.WriteString("# Written by " + Name + " from network.conf and DHCP.\n")
	for i, a := range n.DNS {
		if i < 3 {
			fmt.Fprintf(&b, "nameserver %s\n", a)
		}
	}
	if len(n.Search) > 0 {
		b.WriteString("search " + strings.Join(n.Search, " ") + "\n")
	}
	return b.String()
}

// timeConf leaves timesyncd its own servers if there are none.
func timeConf(n steward.Names) string {
	if len(n.NTP) == 0 {
		return "[Time]\n"
	}
	return "[Time]\nNTP=" + strings.Join(n.NTP, " ") + "\n"
}

// replace writes a file that everybody may read, if it says something else.
func replace(path, text string) error {
	if old, err := os.ReadFile(path); err == nil && string(old) == text {
		return nil
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".*")
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	if err = errors.Join(err, f.Chmod(0o644), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}
