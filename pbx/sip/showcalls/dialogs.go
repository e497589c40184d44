package showcalls

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"sort"
	"strings"
	"time"

	"branchline/media"
	"branchline/pbx/channel"
	"branchline/pbx/cli"
	"branchline/pbx/sip/door"
	"branchline/pbx/sip/invite"
)

// legacyCommands are those about the dialogs and connections of sip.conf.
func (d *Deps) legacyCommands() []cli.Command {
	return []cli.Command{
		{Path: "sip show {channels|subscriptions}", Summary: "List active SIP channels or subscriptions",
			Usage: "Usage: sip show {channels|subscriptions}\n       Lists the SIP dialogs that are up.\n", Run: d.showDialogs},
		{Path: "sip show channel", Summary: "Show detailed SIP channel info",
			Usage: "Usage: sip show channel <call-id>\n       Shows one SIP dialog. A part of its Call-ID is enough.\n",
			Run:   d.showDialog, Complete: d.callIDs},
		{Path: "sip show channelstats", Summary: "List statistics for active SIP channels",
			Usage: "Usage: sip show channelstats\n       Lists the media counters of the calls that are up.\n", Run: d.dialogStats},
		{Path: "sip show tcp", Summary: "List TCP Connections",
			Usage: "Usage: sip show tcp\n       Lists the TCP connections of sip.conf's transports.\n", Run: d.showTCP},
	}
}

// A dialogView is what the console shows of one SIP leg of sip.conf.
type dialogView struct {
	s    *invite.Session
	c    *channel.Snapshot // nil: on its way out
	id   string
	peer netip.AddrPort
	user string
	name string // of the device, or <guest>
}

// legacyDialogs lists the legs of sip.conf, newest first.
func (d *Deps) legacyDialogs() (out []dialogView) {
	channels := map[string]*channel.Snapshot{}
	for _, c := range d.channels("SIP/") {
		channels[c.Name] = c
	}
	fact := func(s *invite.Session, name string) string { v, _ := s.Fact(name); return v }
	for _, s := range d.Sessions() {
		if !s.Endpoint.Legacy {
			continue
		}
		v := dialogView{s: s, c: channels[s.Name()], id: fact(s, "pjsip,call-id"), name: "<guest>"}
		v.peer, _ = netip.ParseAddrPort(fact(s, "pjsip,remote_addr"))
		if dev := d.device(s.Endpoint.ID); dev != nil {
			v.name, v.user = dev.Name, dev.Name
			if at := d.Address(dev); !v.peer.IsValid() {
				v.peer = at
			}
		}
		if v.c != nil && v.user == "" {
			v.user = v.c.Caller.Number
		}
		out = append(out, v)
	}
	order := func(x, y dialogView) int {
		return strings.Compare(y.s.Name()[strings.LastIndexByte(y.s.Name(), '-')+1:], x.s.Name()[strings.LastIndexByte(x.s.Name(), '-')+1:])
	}
	sort.Slice(out, func(i, j int) bool { return order(out[i], out[j]) < 0 })
	return out
}

func (d *Deps) callIDs([]string) (out []string) {
	for _, v := range d.legacyDialogs() {
		out = append(out, v.id)
	}
	return out
}

func (v dialogView) host() string {
	if v.peer.IsValid() {
		return v.peer.Addr().String()
	}
	return "(None)"
}

func (v dialogView) codec() string {
	if c := v.s.Media().Codec(); c != nil {
		return "(" + c.Name + ")"
	}
	if v.c != nil && v.c.Codec != "" {
		return "(" + v.c.Codec + ")"
	}
	return "(nothing)"
}

func plural(n int) string {
	if n == 1 {
		return ""
	}
	return "s"
}

// showDialogs is `sip show channels` and `sip show subscriptions`.
func (d *Deps) showDialogs(ctx context.Context, w io.Writer, args []string) error {
	if len(args) > 0 {
		return cli.ErrUsage
	}
	words := cli.Words(ctx)
	if strings.EqualFold(words[len(words)-1], "subscriptions") {
		d.showSubscriptions(w)
		return nil
	}
	t := cli.NewTable(w, "dialogs", "%-15.15s  %-15.15s  %-15.15s  %-15.15s  %-7.7s  %-15.15s %-10.10s %-10.10s\n",
		"address,user,call_id,format,hold,last_message,expiry,peer")
	t.Head("Peer", "User/ANR", "Call ID", "Format", "Hold", "Last Message", "Expiry", "Peer")
	list := d.legacyDialogs()
	for _, v := range list {
		user := v.user
		if user == "" {
			user = "(None)"
		}
		t.Row(v.host(), user, v.id, v.codec(), "No", v.s.Last(), "", v.name)
	}
	cli.Show(w, "active_dialogs,", "%d active SIP dialog%s\n", len(list), plural(len(list)))
	return nil
}

func (d *Deps) dialogStats(_ context.Context, w io.Writer, args []string) error {
	if len(args) > 0 {
		return cli.ErrUsage
	}
	fmt.Fprintf(w, "%-15.15s  %-11.11s  %-8.8s %-10.10s  %-10.10s (%6.6s) %-6.6s %-10.10s  %-10.10s (%6.6s) %-6.6s\n",
		"Peer", "Call ID", "Duration", "Recv: Pack", "Lost", "%", "Jitter", "Send: Pack", "Lost", "%", "Jitter")
	t := cli.NewTable(w, "dialogs", "%-15.15s  %-11.11s  %-8.8s %010d  %010d (%5.2f%%) %.4f %010d  %010d (%5.2f%%) %.4f\n",
		"address,call_id,duration,received,receive_lost,receive_lost_percent,receive_jitter,sent,send_lost,send_lost_percent,send_jitter")
	list := d.legacyDialogs()
	for _, v := range list {
		var s media.Stats
		if m := v.s.Media(); m != nil {
			s = m.Stats()
		}
		up := time.Duration(0)
		if v.c != nil && !v.c.AnsweredAt.IsZero() {
			up = time.Since(v.c.AnsweredAt)
		}
		t.Row(v.host(), v.id, clock(up), s.RxPackets, s.RxLost, share(s.RxLost, s.RxPackets), s.RxJitter.Seconds(),
			s.TxPackets, s.TxLost, share(s.TxLost, s.TxPackets), s.TxJitter.Seconds())
	}
	cli.Show(w, "active_channels,", "%d active SIP channel%s\n", len(list), plural(len(list)))
	return nil
}

// share is lost of all, in percent.
func share(lost, got uint64) float64 {
	if lost+got == 0 {
		return 0
	}
	return float64(lost) * 100 / float64(lost+got)
}

func (d *Deps) showDialog(_ context.Context, w io.Writer, args []string) error {
	if len(args) != 1 {
		return cli.ErrUsage
	}
	list := d.legacyDialogs()
	i := slices.IndexFunc(list, func(v dialogView) bool { return strings.HasPrefix(strings.ToLower(v.id), strings.ToLower(args[0])) })
	if i < 0 {
		fmt.Fprintf(w, "No such SIP Call ID starting with '%s'\n", args[0])
		return cli.ErrFailed
	}
	v := list[i]
	e := v.s.Endpoint
	fact := func(name string) string { x, _ := v.s.Fact(name); return x }
	yes := map[bool]string{true: "Yes", false: "No"}
	digits := "rfc2833"
	if s := d.Snapshot().SIP; s != nil {
		digits = s.Device.DigitsWord
	}
	if dev := d.Snapshot().Device(v.name); dev != nil {
		digits = dev.DigitsWord
	}
	direction, owner := "Outgoing", "<none>"
	if v.c != nil {
		owner = v.c.Name
		if v.c.Inbound {
			direction = "Incoming"
		}
	}
	names := make([]string, len(e.Codecs))
	video := false
	for i, c := range e.Codecs {
		names[i] = c.Name
		video = video || c.Video
	}
	route := fact("pjsip,target_uri")
	if route == "" {
		route = "N/A"
	} else {
		route = "<" + route + ">"
	}
	received := v.peer.String()
	cli.Put(w, "call_id", v.id)
	cli.Put(w, "channel", owner)
	cli.Put(w, "peer", v.name)
	cli.Put(w, "address", received)
	cli.Put(w, "last_message", v.s.Last())
	fmt.Fprintln(w, "\n  * SIP Call")
	for _, l := range []struct{ label, value string }{
		{"  Curr. trans. direction:  ", direction}, {"  Call-ID:                ", v.id}, {"  Owner channel ID:       ", owner},
		{"  Our Codec Capability:   ", "(" + strings.Join(names, "|") + ")"}, {"  Non-Codec Capability (DTMF):   ", "1"},
		{"  Their Codec Capability:   ", v.codec()}, {"  Joint Codec Capability:   ", v.codec()}, {"  Format:                 ", v.codec()},
		{"  T.38 support            ", "No"}, {"  Video support           ", yes[video]}, {"  MaxCallBR:              ", "384 kbps"},
		{"  Theoretical Address:    ", received}, {"  Received Address:       ", received}, {"  SIP Transfer mode:      ", transferMode(e.AllowTransfer)},
		{"  Force rport:            ", yes[e.ForceRport]}, {"  Audio IP:               ", hostOnly(fact("rtp,src")) + " (local)"},
		{"  Our Tag:                ", fact("pjsip,local_tag")}, {"  Their Tag:              ", fact("pjsip,remote_tag")},
		{"  SIP User agent:         ", ""}, {"  Username:               ", v.user}, {"  Peername:               ", strings.Trim(v.name, "<>")},
		{"  Original uri:           ", fact("pjsip,request_uri")}, {"  Need Destroy:           ", "No"}, {"  Last Message:           ", v.s.Last()},
		{"  Promiscuous Redir:      ", "No"}, {"  Route:                  ", route}, {"  DTMF Mode:              ", digits},
		{"  SIP Options:            ", "(none)"}, {"  Session-Timer:          ", "Inactive"}, {"  Transport:              ", v.s.Local.Transport},
		{"  Media:                  ", "RTP"},
	} {
		fmt.Fprintln(w, l.label+l.value)
	}
	fmt.Fprint(w, "\n\n")
	return nil
}

func transferMode(on bool) string {
	if on {
		return "open"
	}
	return "closed"
}

func (d *Deps) showTCP(_ context.Context, w io.Writer, args []string) error {
	if len(args) > 0 {
		return cli.ErrUsage
	}
	fmt.Fprintf(w, "%-47.47s %9.9s %6.6s\n", "Address", "Transport", "Type")
	t := cli.NewTable(w, "connections", "%-46.46s  %-9.9s %-6.6s\n", "address,transport,type")
	for _, x := range d.Wires() {
		all := x.Connections()
		peers := make([]netip.AddrPort, 0, len(all))
		for p := range all {
			peers = append(peers, p)
		}
		sort.Slice(peers, func(i, j int) bool { return peers[i].Compare(peers[j]) < 0 })
		for _, p := range peers {
			kind := "Server"
			if all[p] {
				kind = "Client"
			}
			t.Row(p, door.Upper(x), kind)
		}
	}
	return nil
}

func hostOnly(s string) string {
	if ap, err := netip.ParseAddrPort(s); err == nil {
		return ap.Addr().String()
	}
	return s
}
