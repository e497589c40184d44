package trace

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"strings"

	"branchline/pbx/cli"
)

// LegacyCommands are `sip set debug`, `sip set history` and `sip show history`.
func (v *Views) LegacyCommands() []cli.Command {
	const debugUsage = "Usage: sip set debug {on|off|ip <address>[:<port>]|peer <name>}\n" +
		"       Shows SIP messages on the consoles as they are sent and received, all of\n" +
		"       them or those of one address or device, or ends that.\n"
	return []cli.Command{
		{Path: "sip set debug {on|off|ip|peer}", Summary: "Enable/Disable SIP debugging", Usage: debugUsage, Run: v.setDebug,
			Complete: func([]string) []string { return v.deviceNames() }},
		{Path: "sip set debug", Summary: "Enable SIP debugging, as with on", Usage: debugUsage,
			Run: func(_ context.Context, w io.Writer, args []string) error {
				if len(args) > 0 {
					return cli.ErrUsage
				}
				v.oldLook.on(v)
				fmt.Fprintln(w, "SIP Debugging enabled")
				return nil
			}},
		{Path: "sip set history {on|off}", Summary: "Enable/Disable SIP history",
			Usage: "Usage: sip set history {on|off}\n       Begins or ends to keep SIP messages for 'sip show history'.\n", Run: v.setLegacyHistory},
		{Path: "sip show history", Summary: "Show SIP dialog history",
			Usage: "Usage: sip show history <call-id>\n       Lists the messages that were kept of one dialog. A part of its Call-ID is enough.\n",
			Run:   v.legacyHistory, Complete: func([]string) []string { return v.o.CallIDs() }},
	}
}

func (v *Views) deviceNames() (out []string) {
	if s := v.o.Snapshot().SIP; s != nil {
		for _, d := range s.List {
			out = append(out, d.Name)
		}
	}
	return out
}

func (v *Views) setDebug(ctx context.Context, w io.Writer, args []string) error {
	words := cli.Words(ctx)
	what := strings.ToLower(words[len(words)-len(args)-1])
	if wanted := map[string]int{"ip": 1, "peer": 1}[what]; len(args) != wanted {
		return cli.ErrUsage
	}
	switch what {
	case "on":
		v.oldLook.on(v)
		fmt.Fprintln(w, "SIP Debugging enabled")
	case "off":
		v.oldLook.off()
		fmt.Fprintln(w, "SIP Debugging Disabled")
	case "ip":
		peer, err := netip.ParseAddrPort(args[0])
		if err != nil {
			addr, err := netip.ParseAddr(strings.Trim(args[0], "[]"))
			if err != nil {
				return cli.ErrUsage
			}
			peer = netip.AddrPortFrom(addr, 0)
		}
		v.oldLook.only(v, peer, nil)
		fmt.Fprintf(w, "SIP Debugging Enabled for IP: %s\n", args[0])
	case "peer":
		dev := v.o.Snapshot().Device(args[0])
		if dev == nil {
			fmt.Fprintf(w, "No such peer '%s'\n", args[0])
			return cli.ErrFailed
		}
		at := v.o.Address(dev)
		if !at.IsValid() {
			fmt.Fprintf(w, "Unable to get IP address of peer '%s'\n", args[0])
			return cli.ErrFailed
		}
		v.oldLook.only(v, netip.AddrPort{}, func() netip.AddrPort { return v.o.Address(dev) })
		fmt.Fprintf(w, "SIP Debugging Enabled for IP: %s\n", at)
	}
	return nil
}

func (v *Views) setLegacyHistory(ctx context.Context, w io.Writer, args []string) error {
	words := cli.Words(ctx)
	if len(args) > 0 {
		return cli.ErrUsage
	}
	if strings.EqualFold(words[len(words)-1], "on") {
		v.oldPast.on(v)
		fmt.Fprintln(w, "SIP History Recording Enabled (use 'sip show history')")
		return nil
	}
	v.oldPast.off()
	fmt.Fprintln(w, "SIP History Recording Disabled")
	return nil
}

func (v *Views) legacyHistory(_ context.Context, w io.Writer, args []string) error {
	if len(args) != 1 {
		return cli.ErrUsage
	}
	var found []message
	id := ""
	for _, m := range v.oldPast.list() {
		c := headerIn(m.text, "call-id", "i")
		if id == "" && strings.HasPrefix(c, args[0]) {
			id = c
		}
		if id != "" && c == id {
			found = append(found, m)
		}
	}
	if id == "" {
		fmt.Fprintf(w, "No such SIP Call ID starting with '%s'\n", args[0])
		return cli.ErrFailed
	}
	fmt.Fprintln(w, "\n  * SIP Call")
	t := cli.NewTable(w, "messages", "%d. %-15s %s\n", "number,event,message")
	for i, m := range found {
		way := "Rx"
		if m.sent {
			way = "Tx"
		}
		t.Row(i+1, way, m.firstLine())
	}
	fmt.Fprintln(w)
	return nil
}
