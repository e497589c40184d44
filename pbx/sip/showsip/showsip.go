// Package showsip is the console's view of sip.conf: the `sip ...` commands about
// devices and settings, in the layout of Asterisk 16's chan_sip, column for
// column, since scripts and people's eyes depend on it; passwords are masked.
//
// It holds nothing: every command asks the functions in Deps anew.
package showsip

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"time"

	"branchline/pbx/channel"
	"branchline/pbx/cli"
	"branchline/pbx/settings"
	"branchline/pbx/sip/outreg"
	"branchline/pbx/sip/registrar"
)

// Deps is where the facts come from. All must be set, but for Registrations.
type Deps struct {
	Snapshot func() *settings.Snapshot
	Contacts interface {
		Contacts(aor string) []*registrar.Contact
		Forget(aor string) int
		Qualify(aor string) bool
	}
	Address       func(*settings.Device) netip.AddrPort   // invalid: not registered
	Channels      func(device string) []*channel.Snapshot // by id, "SIP/1001"
	Registrations interface{ Statuses() []outreg.Status }
	// Notify sends a NOTIFY of a type from sip_notify.conf to a device.
	Notify    func(ctx context.Context, device *settings.Device, kind string) error
	Reload    func(ctx context.Context, w io.Writer) error
	UserAgent string // unless the configuration says otherwise
}

// Commands are the commands about sip.conf's devices and settings.
func Commands(d Deps) []cli.Command {
	return []cli.Command{
		{Path: "sip notify", Summary: "Send a notify packet to a SIP peer", Run: d.notify, Complete: d.second,
			Usage: "Usage: sip notify <type> <peer> [<peer>...]\n       Sends NOTIFY to devices, with the headers sip_notify.conf has for the type.\n"},
		{Path: "sip prune realtime [peer|all]", Summary: "Prune cached Realtime users/peers",
			Usage: "Usage: sip prune realtime [peer [<name>|all|like <pattern>]|all]\n       Devices never come from a database here, so there is nothing to prune.\n",
			Run: func(context.Context, io.Writer, []string) error {
				return errors.New("sip prune realtime: devices come from sip.conf only, realtime databases are not supported by this product")
			}},
		{Path: "sip qualify peer", Summary: "Send an OPTIONS packet to a peer", Run: d.qualify, Complete: d.first,
			Usage: "Usage: sip qualify peer <name> [load]\n       Asks a device whether it is there.\n"},
		{Path: "sip reload", Summary: "Reload SIP configuration",
			Usage: "Usage: sip reload\n       Reads the configuration anew.\n",
			Run:   func(ctx context.Context, w io.Writer, _ []string) error { return d.Reload(ctx, w) }},
		{Path: "sip show domains", Summary: "List our local SIP domains", Run: d.domains,
			Usage: "Usage: sip show domains\n       Lists the domains of domain=.\n"},
		{Path: "sip show inuse [all]", Summary: "List all inuse/limits", Run: d.inUse,
			Usage: "Usage: sip show inuse [all]\n       Lists the calls of devices with a limit, or of all.\n"},
		{Path: "sip show mwi", Summary: "Show MWI subscriptions", Run: d.mwi,
			Usage: "Usage: sip show mwi\n       Lists the subscriptions to mailboxes at other servers.\n"},
		{Path: "sip show objects", Summary: "List all SIP object allocations", Run: d.objects,
			Usage: "Usage: sip show objects\n       Lists devices, registrations and dialogs.\n"},
		{Path: "sip show peers [like]", Summary: "List defined SIP peers", Run: d.peers,
			Usage: "Usage: sip show peers [like <pattern>]\n       Lists all devices that can be called; with a regular expression, those whose\n       name it matches.\n"},
		{Path: "sip show peer", Summary: "Show details on specific SIP peer", Run: d.peer, Complete: d.first,
			Usage: "Usage: sip show peer <name> [load]\n       Shows all settings of one device.\n"},
		{Path: "sip show registry", Summary: "List SIP registration status", Run: d.registry,
			Usage: "Usage: sip show registry\n       Lists our own registrations at other servers.\n"},
		{Path: "sip show sched", Summary: "Present a report on the status of the scheduler queue", Run: d.sched,
			Usage: "Usage: sip show sched\n       Tells what waits for its time.\n"},
		{Path: "sip show settings", Summary: "Show SIP global settings", Run: d.settings,
			Usage: "Usage: sip show settings\n       Shows what [general] says.\n"},
		{Path: "sip show users [like]", Summary: "List defined SIP users", Run: d.users,
			Usage: "Usage: sip show users [like <pattern>]\n       Lists all devices that are known by name when they call.\n"},
		{Path: "sip show user", Summary: "Show details on specific SIP user", Run: d.user, Complete: d.first,
			Usage: "Usage: sip show user <name> [load]\n       Shows the settings of one device as a caller.\n"},
		{Path: "sip unregister", Summary: "Unregister (force expiration) a SIP peer from the registry", Run: d.unregister, Complete: d.first,
			Usage: "Usage: sip unregister <peer>\n       Forgets where a device is, as if its registration had expired.\n"},
	}
}

// list is the devices by name; none if there is no sip.conf.
func (d *Deps) list(want func(*settings.Device) bool) (out []*settings.Device) {
	s := d.Snapshot().SIP
	if s == nil {
		return nil
	}
	for _, dev := range s.List {
		if want(dev) {
			out = append(out, dev)
		}
	}
	slices.SortFunc(out, func(a, b *settings.Device) int { return strings.Compare(a.Name, b.Name) })
	return out
}

func (d *Deps) names() (out []string) {
	for _, dev := range d.list(func(*settings.Device) bool { return true }) {
		out = append(out, dev.Name)
	}
	return out
}

func (d *Deps) first(args []string) []string {
	if len(args) > 1 {
		return nil
	}
	return d.names()
}

func (d *Deps) second(args []string) []string {
	if len(args) < 2 {
		return nil
	}
	return d.names()
}

// chosen applies "like <pattern>".
func chosen(list []*settings.Device, args []string) ([]*settings.Device, error) {
	switch {
	case len(args) == 0:
		return list, nil
	case len(args) != 2 || !strings.EqualFold(args[0], "like"):
		return nil, cli.ErrUsage
	}
	expr, err := regexp.CompilePOSIX(args[1])
	if err != nil {
		return nil, fmt.Errorf("pattern %s: %w", args[1], err)
	}
	return slices.DeleteFunc(list, func(x *settings.Device) bool { return !expr.MatchString(x.Name) }), nil
}

// contact is where a device is registered, or its fixed place; nil if it is
// nowhere.
func (d *Deps) contact(dev *settings.Device) *registrar.Contact {
	if dev.AOR == nil {
		return nil
	}
	for _, c := range d.Contacts.Contacts(dev.ID) {
		return c
	}
	return nil
}

// status tells how a watched device answers; online is whether it can be called.
func (d *Deps) status(dev *settings.Device) (text string, watched, online bool) {
	c := d.contact(dev)
	if dev.Qualify == 0 {
		return "Unmonitored", false, c != nil
	}
	if c == nil {
		return "UNKNOWN", true, false
	}
	switch c.Status() {
	case registrar.Avail:
		ms := c.RTT().Milliseconds()
		if c.RTT() > dev.Qualify {
			return fmt.Sprintf("LAGGED (%d ms)", ms), true, true
		}
		return fmt.Sprintf("OK (%d ms)", ms), true, true
	case registrar.Unavail:
		return "UNREACHABLE", true, false
	}
	return "UNKNOWN", true, false
}

func yes(b bool) string {
	if b {
		return "Yes"
	}
	return "No"
}

// rport and comedia are nat= in the console's words: what holds for the device
// as it is registered.
func (d *Deps) rport(dev *settings.Device) string {
	if dev.NAT.AutoRport && !dev.NAT.ForceRport {
		return "Auto (" + yes(d.behindRouter(dev)) + ")"
	}
	return yes(dev.NAT.ForceRport)
}

func (d *Deps) comedia(dev *settings.Device) string {
	if dev.NAT.AutoComedia && !dev.NAT.Comedia {
		return "Auto (" + yes(d.behindRouter(dev)) + ")"
	}
	return yes(dev.NAT.Comedia)
}

func (d *Deps) behindRouter(dev *settings.Device) bool {
	c := d.contact(dev)
	if c == nil || c.Permanent() || !c.Source.Addr.IsValid() {
		return false
	}
	via, err := netip.ParseAddr(strings.Trim(c.ViaAddr, "[]"))
	return err == nil && via.Unmap() != c.Source.Addr.Addr().Unmap()
}

func (d *Deps) peers(_ context.Context, w io.Writer, args []string) error {
	list, err := chosen(d.list((*settings.Device).Callable), args)
	if err != nil {
		return err
	}
	t := cli.NewTable(w, "peers", "%-25.25s %-39.39s %-3.3s %-10.10s %-10.10s %-3.3s %-8v %-11s %-32.32s \n",
		"name,host,dynamic,force_rport,comedia,acl,port,status,description")
	t.Head("Name/username", "Host", "Dyn", "Forcerport", "Comedia", "ACL", "Port", "Status", "Description")
	var monitored, monitoredOn, on int
	for _, dev := range list {
		at := d.Address(dev)
		host, dyn, acl := "(Unspecified)", "", ""
		if at.IsValid() {
			host = at.Addr().String()
		} else if dev.Host != "" {
			host = dev.Host
		}
		if dev.Dynamic {
			dyn = " D "
		}
		if len(dev.Endpoint.ACL) > 0 {
			acl = " A "
		}
		name := dev.Name
		if user := d.username(dev); user != "" {
			name += "/" + user
		}
		text, watched, online := d.status(dev)
		switch {
		case watched && online:
			monitored, monitoredOn = monitored+1, monitoredOn+1
		case watched:
			monitored++
		case online:
			on++
		}
		t.Row(name, host, dyn, d.rport(dev), d.comedia(dev), acl, at.Port(), text, dev.Description)
	}
	cli.Put(w, "monitored_online", monitoredOn)
	cli.Put(w, "monitored_offline", monitored-monitoredOn)
	cli.Put(w, "unmonitored_online", on)
	cli.Put(w, "unmonitored_offline", len(list)-monitored-on)
	fmt.Fprintf(w, "%d sip peers [Monitored: %d online, %d offline Unmonitored: %d online, %d offline]\n",
		len(list), monitoredOn, monitored-monitoredOn, on, len(list)-monitored-on)
	return nil
}

// username is the user part a device is called by.
func (d *Deps) username(dev *settings.Device) string {
	if c := d.contact(dev); c != nil && !c.Permanent() {
		return c.Uri.User
	}
	return dev.DefaultUser
}

func (d *Deps) users(_ context.Context, w io.Writer, args []string) error {
	list, err := chosen(d.list((*settings.Device).Claims), args)
	if err != nil {
		return err
	}
	t := cli.NewTable(w, "users", "%-25.25s  %-15.15s  %-15.15s  %-15.15s  %-5.5s%-10.10s\n", "name,,account,context,acl,force_rport")
	t.Head("Username", "Secret", "Accountcode", "Def.Context", "ACL", "Forcerport")
	for _, dev := range list {
		secret := ""
		if dev.Secret != "" {
			secret = "********"
		}
		t.Row(dev.Name, secret, dev.Endpoint.AccountCode, dev.Endpoint.Context, yes(len(dev.Endpoint.ACL) > 0), yes(dev.NAT.ForceRport))
	}
	return nil
}

func (d *Deps) registry(_ context.Context, w io.Writer, _ []string) error {
	t := cli.NewTable(w, "registrations", "%-39.39s %-6.6s %-12.12s  %8v %-20.20s %-25.25s\n", "host,,username,refresh,state,registered")
	t.Head("Host", "dnsmgr", "Username", "Refresh", "State", "Reg.Time")
	n := 0
	if d.Registrations != nil {
		for _, s := range d.Registrations.Statuses() {
			if !s.Legacy {
				continue
			}
			n++
			user, host, port := s.Account.User, s.Account.Host, s.Account.Port
			if port == 0 {
				port = 5060
			}
			at, refresh := "", int(s.Expiration/time.Second)
			if s.State == outreg.Registered {
				granted := time.Until(s.Expires)
				at = time.Now().Add(granted - s.Expiration).Format("Mon, 02 Jan 2006 15:04:05")
			}
			t.Row(fmt.Sprintf("%s:%d", host, port), "N", user, refresh, string(s.State), at)
		}
	}
	cli.Show(w, "total", "%d SIP registrations.\n", n)
	return nil
}

func (d *Deps) inUse(_ context.Context, w io.Writer, args []string) error {
	all := len(args) == 1 && strings.EqualFold(args[0], "all")
	if len(args) > 0 && !all {
		return cli.ErrUsage
	}
	t := cli.NewTable(w, "peers", "%-25.25s %-15.15s %-15.15s \n", "name,in_use,limit")
	t.Head("* Peer name", "In use", "Limit")
	for _, dev := range d.list((*settings.Device).Callable) {
		limit := "N/A"
		if dev.CallLimit > 0 {
			limit = fmt.Sprint(dev.CallLimit)
		} else if !all {
			continue
		}
		var used, ringing int
		for _, c := range d.Channels(dev.ID) {
			used++
			if c.State == channel.RingingState {
				ringing++
			}
		}
		t.Row(dev.Name, fmt.Sprintf("%d/%d/0", used, ringing), limit)
	}
	return nil
}

func (d *Deps) domains(_ context.Context, w io.Writer, _ []string) error {
	s := d.Snapshot().SIP
	if s == nil || len(s.Domains) == 0 {
		cli.Add(w, "domains")
		fmt.Fprint(w, "SIP Domain support not enabled.\n\n")
		return nil
	}
	t := cli.NewTable(w, "domains", "%-40.40s %-20.20s %-16.16s\n", "domain,context,set_by")
	t.Head("Our local SIP domains:", "Context", "Set by")
	for _, v := range s.Domains {
		name, context, _ := strings.Cut(v, ",")
		t.Row(name, context, "[Configured]")
	}
	fmt.Fprintln(w)
	return nil
}

func (d *Deps) mwi(_ context.Context, w io.Writer, _ []string) error {
	t := cli.NewTable(w, "subscriptions", "%-30.30s  %-12.12s  %-10.10s  %-10.10s\n", "host,username,mailbox,subscribed")
	t.Head("Host", "Username", "Mailbox", "Subscribed")
	return nil
}

func (d *Deps) qualify(_ context.Context, w io.Writer, args []string) error {
	if len(args) == 0 || len(args) > 2 {
		return cli.ErrUsage
	}
	dev := d.Snapshot().Device(args[0])
	if dev == nil || !dev.Callable() {
		fmt.Fprintf(w, "Peer '%s' not found\n", args[0])
		return cli.ErrFailed
	}
	if !d.Contacts.Qualify(dev.ID) {
		fmt.Fprintf(w, "Peer '%s' is not registered\n", dev.Name)
		return cli.ErrFailed
	}
	return nil
}

func (d *Deps) unregister(_ context.Context, w io.Writer, args []string) error {
	if len(args) != 1 {
		return cli.ErrUsage
	}
	dev := d.Snapshot().Device(args[0])
	if dev == nil || !dev.Callable() {
		fmt.Fprintf(w, "Peer unknown: '%s'. Not unregistered.\n", args[0])
		return cli.ErrFailed
	}
	if d.Contacts.Forget(dev.ID) == 0 {
		fmt.Fprintf(w, "Peer %s not registered\n", dev.Name)
		return nil
	}
	fmt.Fprintf(w, "Unregistered peer '%s'\n\n", dev.Name)
	return nil
}

func (d *Deps) notify(ctx context.Context, w io.Writer, args []string) error {
	if len(args) < 2 {
		return cli.ErrUsage
	}
	for _, name := range args[1:] {
		dev := d.Snapshot().Device(name)
		if dev == nil || !dev.Callable() {
			fmt.Fprintf(w, "Could not create address for '%s'\n", name)
			return cli.ErrFailed
		}
		if err := d.Notify(ctx, dev, args[0]); err != nil {
			return err
		}
		fmt.Fprintf(w, "Sending NOTIFY of type '%s' to '%s'\n", args[0], name)
	}
	return nil
}
