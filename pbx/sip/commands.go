package sip

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"time"

	"branchline/pbx/channel"
	"branchline/pbx/cli"
)

// Commands are the console commands about messages and channels. Those about
// configuration are in package show.
func (a *Agent) Commands() []cli.Command {
	const usage = "Usage: pjsip set logger {on|off|host <name/subnet>|add <name/subnet>|verbose <on/off>}\n" +
		"       Enables or disables logging of SIP packets read and written on transports.\n" +
		"       'host' replaces the list of hosts whose packets are shown, 'add' adds to it.\n"
	return []cli.Command{
		{Path: "pjsip set logger", Summary: "Enable/Disable PJSIP Logger Output", Usage: usage, Run: a.setLogger,
			Complete: func(args []string) []string {
				if len(args) == 1 {
					return []string{"on", "off", "host", "add", "verbose"}
				}
				return nil
			}},
		{Path: "pjsip show unidentified_requests", Summary: "Show PJSIP Unidentified Requests",
			Usage: "Usage: pjsip show unidentified_requests\n       Shows the sources of requests that no endpoint claims.\n",
			Run:   a.showStrangers},
		{Path: "pjsip show channels", Summary: "Show PJSIP Channels",
			Usage: "Usage: pjsip show channels\n       Show the active PJSIP channels\n", Run: a.showChannels},
		{Path: "pjsip list channels", Summary: "List PJSIP Channels",
			Usage: "Usage: pjsip list channels\n       List the active PJSIP channels\n", Run: a.listChannels},
		{Path: "pjsip show channel", Summary: "Show PJSIP Channel",
			Usage: "Usage: pjsip show channel <id>\n       Show one PJSIP channel\n", Run: a.showChannel, Complete: a.completeChannel},
		{Path: "pjsip show channelstats", Summary: "Show PJSIP Channel Stats",
			Usage: "Usage: pjsip show channelstats\n       Show the media counters of active PJSIP channels\n", Run: a.showStats},
	}
}

func (a *Agent) setLogger(_ context.Context, w io.Writer, args []string) error {
	if len(args) == 0 {
		return cli.ErrUsage
	}
	hosts := func() ([]netip.Prefix, error) {
		if len(args) != 2 {
			return nil, cli.ErrUsage
		}
		p, err := hostPrefix(args[1])
		if err != nil {
			fmt.Fprintf(w, "Unable to parse address or hostname %s\n", args[1])
			return nil, cli.ErrFailed
		}
		return []netip.Prefix{p}, nil
	}
	switch strings.ToLower(args[0]) {
	case "on":
		a.trace.on(a, nil, false)
		fmt.Fprintln(w, "PJSIP Logging enabled")
	case "off":
		a.trace.off(a)
		fmt.Fprintln(w, "PJSIP Logging disabled")
	case "host", "add":
		p, err := hosts()
		if err != nil {
			return err
		}
		add := strings.EqualFold(args[0], "add")
		a.trace.on(a, p, add)
		if add {
			fmt.Fprintf(w, "PJSIP Logging Enabled for host: %s\n", args[1])
			return nil
		}
		fmt.Fprintf(w, "PJSIP Logging Enabled for host: %s\n", args[1])
	case "verbose":
		if len(args) != 2 {
			return cli.ErrUsage
		}
		if !strings.EqualFold(args[1], "on") {
			a.trace.off(a)
			fmt.Fprintln(w, "PJSIP Logging to verbose has been disabled")
			return nil
		}
		a.trace.on(a, nil, false)
		fmt.Fprintln(w, "PJSIP Logging to verbose has been enabled")
	case "pcap":
		return fmt.Errorf("pcap: captures are not supported by this product")
	default:
		return cli.ErrUsage
	}
	return nil
}

func (a *Agent) showStrangers(_ context.Context, w io.Writer, _ []string) error {
	list := a.strange.list()
	if len(list) == 0 {
		fmt.Fprintln(w, "No objects found.")
		return nil
	}
	fmt.Fprintf(w, "\n  %-40s %8s %9s  %s\n", "<Source>", "<Count>", "<Age/s>", "<First request>")
	now := time.Now()
	for _, s := range list {
		fmt.Fprintf(w, "  %-40s %8d %9.0f  %s\n", s.addr, s.count, now.Sub(s.last).Seconds(), s.what)
	}
	fmt.Fprintf(w, "\nObjects found: %d\n\n", len(list))
	return nil
}

// mine are the PJSIP channels.
func (a *Agent) mine() (out []*channel.Snapshot) {
	for _, c := range a.o.Channels() {
		if strings.HasPrefix(c.Name, "PJSIP/") {
			out = append(out, c)
		}
	}
	return out
}

func (a *Agent) completeChannel([]string) (out []string) {
	for _, c := range a.mine() {
		out = append(out, c.Name)
	}
	return out
}

const channelHead = "\n  Channel:  <ChannelId........................................>  <State.....>  <Time.....>\n" +
	"      Exten: <DialedExten.............>  CLCID: <ConnectedLineCID.......>\n" +
	"==========================================================================================\n"

func channelLine(w io.Writer, c *channel.Snapshot) {
	id := c.Name
	if c.App != "" {
		id += "/" + c.App
	}
	up := time.Since(c.Created)
	fmt.Fprintf(w, "  Channel: %-52.52s  %-12s  %s   \n", id, c.State, clock(up))
	exten := c.Exten
	if !c.Inbound {
		exten = ""
	}
	fmt.Fprintf(w, "      Exten: %-26s  CLCID: %q <%s>\n\n", exten, c.Connected.Name, c.Connected.Number)
}

func clock(d time.Duration) string {
	s := int(d.Seconds())
	return fmt.Sprintf("%02d:%02d:%02d", s/3600, s/60%60, s%60)
}

func (a *Agent) showChannels(_ context.Context, w io.Writer, _ []string) error {
	list := a.mine()
	if len(list) == 0 {
		fmt.Fprintln(w, "No objects found.")
		return nil
	}
	fmt.Fprint(w, channelHead+"\n")
	for _, c := range list {
		channelLine(w, c)
	}
	fmt.Fprintf(w, "\nObjects found: %d\n\n", len(list))
	return nil
}

func (a *Agent) listChannels(_ context.Context, w io.Writer, _ []string) error {
	list := a.mine()
	if len(list) == 0 {
		fmt.Fprintln(w, "No objects found.")
		return nil
	}
	fmt.Fprintln(w, "\n  Channel:  <ChannelId........................................>  <State.....>  <Time.....>")
	fmt.Fprintln(w, "==========================================================================================")
	fmt.Fprintln(w)
	for _, c := range list {
		id := c.Name
		if c.App != "" {
			id += "/" + c.App
		}
		fmt.Fprintf(w, "  Channel: %-52.52s  %-12s  %s   \n", id, c.State, clock(time.Since(c.Created)))
	}
	fmt.Fprintf(w, "\nObjects found: %d\n\n", len(list))
	return nil
}

func (a *Agent) showChannel(_ context.Context, w io.Writer, args []string) error {
	if len(args) != 1 {
		return cli.ErrUsage
	}
	for _, c := range a.mine() {
		if strings.EqualFold(c.Name, args[0]) {
			fmt.Fprint(w, channelHead+"\n")
			channelLine(w, c)
			return nil
		}
	}
	fmt.Fprintf(w, "Unable to find object %s.\n\n", args[0])
	return nil
}

// showStats prints RTP counters, ours and what the far side reported.
func (a *Agent) showStats(_ context.Context, w io.Writer, _ []string) error {
	list := a.mine()
	if len(list) == 0 {
		fmt.Fprintln(w, "No objects found.")
		return nil
	}
	fmt.Fprint(w, "\n                                             ...........Receive......... .........Transmit..........\n"+
		" BridgeId ChannelId ........ UpTime.. Codec.   Count    Lost Pct  Jitter   Count    Lost Pct  Jitter RTT....\n"+
		" ===========================================================================================================\n\n")
	media := a.streams()
	for _, c := range list {
		var rx, tx, rxLost, txLost uint64
		var rxJitter, txJitter, rtt float64
		codec := c.Codec
		if m := media[c.Name]; m != nil {
			s := m.Stats()
			rx, rxLost, tx, txLost = s.RxPackets, s.RxLost, s.TxPackets, s.TxLost
			rxJitter, txJitter, rtt = s.RxJitter.Seconds(), s.TxJitter.Seconds(), s.RoundTrip.Seconds()
			if k := m.Codec(); k != nil {
				codec = k.Name
			}
		}
		fmt.Fprintf(w, " %8.8s %-18.18s %s %-6.6s %7d %7d %4d %7.3f %7d %7d %4d %7.3f %7.3f\n",
			c.Bridge, strings.TrimPrefix(c.Name, "PJSIP/"), clock(time.Since(c.Created)), codec,
			rx, rxLost, percent(rxLost, rx), rxJitter, tx, txLost, percent(txLost, tx), txJitter, rtt)
	}
	fmt.Fprintf(w, "\nObjects found: %d\n\n", len(list))
	return nil
}

func percent(lost, got uint64) uint64 {
	if lost+got == 0 {
		return 0
	}
	return lost * 100 / (lost + got)
}
