package showcalls

import (
	"context"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"

	"branchline/pbx/channel"
	"branchline/pbx/cli"
)

// commands are those about the channels of pjsip.conf, and about strangers.
func (d *Deps) commands() []cli.Command {
	return []cli.Command{
		{Path: "pjsip show unidentified_requests", Summary: "Show PJSIP Unidentified Requests",
			Usage: "Usage: pjsip show unidentified_requests\n       Shows the sources of requests that no endpoint claims.\n",
			Run:   d.showStrangers},
		{Path: "pjsip show channels", Summary: "Show PJSIP Channels",
			Usage: "Usage: pjsip show channels [ like <pattern> ]\n       Shows the PJSIP channels that are up.\n", Run: d.showChannels},
		{Path: "pjsip list channels", Summary: "List PJSIP Channels",
			Usage: "Usage: pjsip list channels [ like <pattern> ]\n       Lists the PJSIP channels that are up, one line each.\n", Run: d.listChannels},
		{Path: "pjsip show channel", Summary: "Show PJSIP Channel",
			Usage: "Usage: pjsip show channel <id>\n       Shows one PJSIP channel.\n", Run: d.showChannel, Complete: d.completeChannel},
		{Path: "pjsip show channelstats", Summary: "Show PJSIP Channel Stats",
			Usage: "Usage: pjsip show channelstats\n       Shows the media counters of the PJSIP channels that are up.\n", Run: d.showStats},
	}
}

func (d *Deps) showStrangers(_ context.Context, w io.Writer, _ []string) error {
	list := d.Strangers()
	if len(list) == 0 {
		return nothing(w, "requests")
	}
	t := cli.NewTable(w, "requests", "  %-40v %8v %9v  %s\n", "source,count,age,first_request")
	fmt.Fprintln(w)
	t.Head("<Source>", "<Count>", "<Age/s>", "<First request>")
	now := time.Now()
	for _, s := range list {
		t.Row(s.Addr, s.Count, int(now.Sub(s.Last).Seconds()), s.What)
	}
	fmt.Fprintf(w, "\nObjects found: %d\n\n", len(list))
	return nil
}

// nothing is what Asterisk prints in place of an empty table.
func nothing(w io.Writer, list string) error {
	cli.Add(w, list)
	_, err := fmt.Fprint(w, "No objects found.\n\n")
	return err
}

// mine are the PJSIP channels, by name.
func (d *Deps) mine() []*channel.Snapshot {
	out := d.channels("PJSIP/")
	slices.SortFunc(out, func(x, y *channel.Snapshot) int { return strings.Compare(x.Name, y.Name) })
	return out
}

func (d *Deps) completeChannel([]string) (out []string) {
	for _, c := range d.mine() {
		out = append(out, c.Name)
	}
	return out
}

const (
	channelHead = "  Channel:  <ChannelId........................................>  <State.....>  <Time.....>\n"
	extenHead   = "      Exten: <DialedExten.............>  CLCID: <ConnectedLineCID.......>\n"
	rule        = "==========================================================================================\n\n"
)

// channelLine prints what the list has of a channel, and gives all there is to
// the document.
func channelLine(w io.Writer, c *channel.Snapshot) {
	id := c.Name
	if c.App != "" {
		id += "/" + c.App
	}
	up := time.Since(c.Created)
	fmt.Fprintf(w, "  Channel: %-52.52s  %-12s  %s   \n", id, c.State, clock(up))
	cli.Add(w, "channels", cli.Fields("id", c.Name, "application", c.App, "state", c.State.String(), "seconds", int(up.Seconds()),
		"exten", dialedExten(c), "connected_name", c.Connected.Name, "connected_number", c.Connected.Number,
		"endpoint", c.Endpoint, "codec", c.Codec, "bridge", c.Bridge))
}

func extenLine(w io.Writer, c *channel.Snapshot) {
	fmt.Fprintf(w, "      Exten: %-26s  CLCID: %q <%s>\n\n", dialedExten(c), c.Connected.Name, c.Connected.Number)
}

// dialedExten is empty for a leg that we dialled: it is in no extension.
func dialedExten(c *channel.Snapshot) string {
	if !c.Inbound {
		return ""
	}
	return c.Exten
}

func clock(d time.Duration) string {
	s := int(d.Seconds())
	return fmt.Sprintf("%02d:%02d:%02d", s/3600, s/60%60, s%60)
}

// liked is the PJSIP channels that `like <expression>` selects, all without it.
func (d *Deps) liked(args []string) ([]*channel.Snapshot, error) {
	list := d.mine()
	if len(args) == 0 {
		return list, nil
	}
	if len(args) != 2 || !strings.EqualFold(args[0], "like") {
		return nil, cli.ErrUsage
	}
	expr, err := regexp.CompilePOSIX(args[1])
	return slices.DeleteFunc(list, func(c *channel.Snapshot) bool { return err != nil || !expr.MatchString(c.Name) }), nil
}

func (d *Deps) showChannels(_ context.Context, w io.Writer, args []string) error {
	list, err := d.liked(args)
	if err != nil {
		return err
	}
	if len(list) == 0 {
		return nothing(w, "channels")
	}
	fmt.Fprint(w, "\n", channelHead, extenHead, rule)
	for _, c := range list {
		channelLine(w, c)
		extenLine(w, c)
	}
	fmt.Fprintf(w, "\nObjects found: %d\n\n", len(list))
	return nil
}

func (d *Deps) listChannels(_ context.Context, w io.Writer, args []string) error {
	list, err := d.liked(args)
	if err != nil {
		return err
	}
	if len(list) == 0 {
		return nothing(w, "channels")
	}
	fmt.Fprint(w, "\n", channelHead, rule)
	for _, c := range list {
		channelLine(w, c)
	}
	fmt.Fprintf(w, "\nObjects found: %d\n\n", len(list))
	return nil
}

func (d *Deps) showChannel(_ context.Context, w io.Writer, args []string) error {
	if len(args) != 1 {
		return cli.ErrUsage
	}
	for _, c := range d.mine() {
		if strings.EqualFold(c.Name, args[0]) {
			fmt.Fprint(w, "\n", channelHead, extenHead, rule)
			channelLine(w, c)
			extenLine(w, c)
			fmt.Fprintln(w)
			return nil
		}
	}
	fmt.Fprintf(w, "Unable to find object %s.\n\n", args[0])
	return nil
}

// showStats prints RTP counters, ours and what the far side reported.
func (d *Deps) showStats(_ context.Context, w io.Writer, _ []string) error {
	list := d.mine()
	if len(list) == 0 {
		return nothing(w, "channels")
	}
	fmt.Fprint(w, "\n                                             ...........Receive......... .........Transmit..........\n"+
		" BridgeId ChannelId ........ UpTime.. Codec.   Count    Lost Pct  Jitter   Count    Lost Pct  Jitter RTT....\n"+
		" ===========================================================================================================\n\n")
	t := cli.NewTable(w, "channels", " %8.8s %-18.18s %s %-6.6s %6d %7d %4d %7.3f %6d %7d %4d %7.3f %7.3f\n",
		"bridge,channel,up,codec,received,receive_lost,receive_lost_percent,receive_jitter,sent,send_lost,send_lost_percent,send_jitter,round_trip")
	media := d.streams()
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
		t.Row(c.Bridge, strings.TrimPrefix(c.Name, "PJSIP/"), clock(time.Since(c.Created)), codec,
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
