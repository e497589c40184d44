package show

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"

	"branchline/hal/dahdi/abi"
	"branchline/hal/dahdi/cards"
	"branchline/pbx/cli"
	"branchline/pbx/line/lineconf"
	"branchline/pbx/line/port"
)

// dahdi are the commands of chan_dahdi. Those that change a line while it runs are
// refused by name: a line is what the configuration says.
func (d Deps) dahdi() []cli.Command {
	out := []cli.Command{
		{Path: "dahdi show channels", Summary: "Show active DAHDI channels",
			Usage: "Usage: dahdi show channels [ group <group> | context <context> ]\n       Shows a list of the telephone lines of cards, all or those of a group or context.", Run: d.channels},
		{Path: "dahdi show channel", Summary: "Show information on a channel",
			Usage: "Usage: dahdi show channel <chan num>\n       Detailed information about a given channel.", Run: d.channel, Complete: d.numbers},
		{Path: "dahdi show status", Summary: "Show all DAHDI cards status",
			Usage: "Usage: dahdi show status\n       Shows a list of the telephone cards, with their alarms.", Run: d.status},
		{Path: "dahdi show version", Summary: "Show the DAHDI version in use",
			Usage: "Usage: dahdi show version\n       Shows the version of the kernel's part of DAHDI.", Run: d.version},
		{Path: "dahdi show cadences", Summary: "List cadences",
			Usage: "Usage: dahdi show cadences\n       Shows the rhythms that DAHDI/nr1, r2 ... ring with.", Run: d.cadences},
	}
	for path, instead := range map[string]string{
		"dahdi set dnd":          "give the telephone a dialplan extension that sets and tests a database key",
		"dahdi set hwgain":       "write hwrxgain= and hwtxgain= into chan_dahdi.conf and reload",
		"dahdi set swgain":       "write rxgain= and txgain= into chan_dahdi.conf and reload",
		"dahdi set mwi":          "the dial tone tells of waiting messages, and follows the mailbox",
		"dahdi destroy channel":  "remove it from chan_dahdi.conf and reload; a call that is up goes on",
		"dahdi destroy channels": "remove them from chan_dahdi.conf and reload; calls that are up go on",
		"dahdi restart":          "core reload takes up what has changed; lines that are lost come back by themselves",
	} {
		out = append(out, cli.Command{Path: path, Summary: "Not supported: see its help",
			Usage: "Usage: " + path + " is not supported.\n       Instead: " + instead + ".",
			Run: func(context.Context, io.Writer, []string) error {
				return fmt.Errorf("%s is not supported: %s", path, instead)
			}})
	}
	return out
}

// lines are those of cards.
func (d Deps) lines() []port.Status {
	var out []port.Status
	for _, s := range d.Lines.Lines() {
		if s.Settings.Driver == "dahdi" {
			out = append(out, s)
		}
	}
	return out
}

func (d Deps) numbers([]string) []string {
	var out []string
	for _, s := range d.lines() {
		out = append(out, s.Settings.Name)
	}
	return out
}

func (d Deps) channels(_ context.Context, w io.Writer, args []string) error {
	keep := func(*lineconf.Line) bool { return true }
	switch {
	case len(args) == 0:
	case len(args) == 2 && strings.EqualFold(args[0], "group"):
		n, err := strconv.Atoi(args[1])
		if err != nil || n < 0 || n > 63 {
			return fmt.Errorf("%s is no group: groups are 0 to 63", args[1])
		}
		keep = func(l *lineconf.Line) bool { return l.In(n) }
	case len(args) == 2 && strings.EqualFold(args[0], "context"):
		keep = func(l *lineconf.Line) bool { return l.Context == args[1] }
	default:
		return cli.ErrUsage
	}
	t := cli.NewTable(w, "channels", "%7s %-15.15s %-15.15s %-10.10s %-20.20s %-10.10s %-10.10s %-8.8s %-32.32s\n",
		"channel,extension,context,language,moh_interpret,blocked,in_service,alarms,description")
	t.Head("Chan", "Extension", "Context", "Language", "MOH Interpret", "Blocked", "In Service", "Alarms", "Description")
	t.Row("pseudo", "", "default", "", "default", "", "Yes", "", "")
	for _, s := range d.lines() {
		l := s.Settings
		if !keep(l) {
			continue
		}
		exten, service, alarm := "", "Yes", "OK"
		for _, c := range s.Calls {
			exten = c.Number
		}
		if !s.Up {
			service, alarm = "No", "RED"
		}
		music := l.MusicClass
		if music == "" {
			music = "default"
		}
		t.Row(l.Name, exten, l.Context, l.Language, music, "", service, alarm, l.Description)
	}
	return nil
}

func (d Deps) channel(_ context.Context, w io.Writer, args []string) error {
	if len(args) != 1 {
		return cli.ErrUsage
	}
	s, ok := d.Lines.Line("DAHDI/" + args[0])
	if !ok {
		return fmt.Errorf("unable to find given channel %s", args[0])
	}
	l := s.Settings
	yes := func(b bool) string {
		if b {
			return "yes"
		}
		return "no"
	}
	say := func(name, label string, value any) { cli.Show(w, ","+name, "%s: %v\n", label, value) }
	cli.Show(w, "channel", "Channel: %d\n", l.Channel)
	say("description", "Description", l.Description)
	span, _ := d.card(l.Channel)
	say("span", "Span", span.Span)
	exten, dialing, owner := "", "no", "<None>"
	for i, c := range s.Calls {
		exten = c.Number
		if i == 0 {
			owner = c.Channel
		}
		if s.State == "dialling" {
			dialing = "yes"
		}
	}
	say("extension", "Extension", exten)
	say("dialing", "Dialing", dialing)
	say("context", "Context", l.Context)
	say("caller_id", "Caller ID", l.Caller.Number)
	say("caller_id_name", "Caller ID name", l.Caller.Name)
	say("mailbox", "Mailbox", cmp.Or(l.Mailbox, "none"))
	say("in_alarm", "InAlarm", map[bool]int{true: 0, false: 1}[s.Up])
	say("signalling", "Signalling Type", signalling(s))
	say("owner", "Owner", owner)
	say("callwait", "Callwait", other(s, 1))
	say("threeway", "Threeway", other(s, 2))
	say("busy_detection", "Busy Detection", yes(l.BusyDetect))
	say("busy_count", "    Busy Count", l.BusyCount)
	cli.Show(w, "", "    Busy Pattern: %d,%d,0,0\n", l.BusyOn.Milliseconds(), l.BusyOff.Milliseconds())
	say("relax_dtmf", "Relax DTMF", "no")
	say("default_law", "Default law", map[bool]string{true: "alaw", false: "ulaw"}[span.ALaw])
	cli.Show(w, ",rx_gain,tx_gain", "%s: %.2f/%.2f\n", "Gains (RX/TX)", l.RxGain.DB, l.TxGain.DB)
	if l.EchoTaps > 0 {
		cli.Show(w, "echo_taps", "Echo Cancellation:\n\t%d taps\n\tcurrently %s\n", l.EchoTaps, map[bool]string{true: "ON", false: "OFF"}[s.Speech])
	} else {
		cli.Show(w, "", "Echo Cancellation:\n\tnone\n")
	}
	cli.Show(w, "wait_for_dialtone", "Wait for dialtone: %dms\n", l.WaitForDialTone.Milliseconds())
	say("state", "State", s.State)
	if !s.Up {
		say("why", "Why", s.Why)
	}
	say("hookstate", "Hookstate (FXS only)", map[bool]string{true: "Offhook", false: "Onhook"}[span.OffHook])
	return nil
}

// other is the n-th further call of a telephone.
func other(s port.Status, n int) string {
	if n < len(s.Calls) {
		return s.Calls[n].Channel
	}
	return "<None>"
}

// signalling is what the port speaks, as DAHDI words it.
func signalling(s port.Status) string {
	switch kind(s) {
	case "FXO":
		return "FXS Kewlstart"
	case "FXS":
		return "FXO Kewlstart"
	}
	return "Unknown"
}

// card is what the kernel says of a channel.
func (d Deps) card(channel int) (cards.Channel, bool) {
	if d.Cards == nil {
		return cards.Channel{}, false
	}
	all, err := d.Cards.Channels()
	if err != nil {
		return cards.Channel{}, false
	}
	for _, c := range all {
		if c.Number == channel {
			return c, true
		}
	}
	return cards.Channel{}, false
}

func (d Deps) status(_ context.Context, w io.Writer, args []string) error {
	if len(args) > 0 {
		return cli.ErrUsage
	}
	t := cli.NewTable(w, "spans", "%-40.40s %-7.7s %-6v %-6v %-6v %-3.3s %-4.4s %-8.8s %s\n",
		"description,alarms,irq,bpviol,crc,framing,coding,options,lbo")
	if d.Cards == nil {
		return fmt.Errorf("no DAHDI found: this exchange has no telephone cards")
	}
	spans, err := d.Cards.Spans()
	if err != nil {
		return fmt.Errorf("no DAHDI found: %w", err)
	}
	t.Head("Description", "Alarms", "IRQ", "bpviol", "CRC", "Framing", "Coding", "Options", "LBO")
	for _, s := range spans {
		framing, coding, options := lineConfig(s)
		t.Row(s.Description, s.Alarms.String(), s.IRQMisses, s.BPV, s.CRC4, framing, coding, options, s.LineBuildOutName)
	}
	return nil
}

// lineConfig words the bits of a span's line configuration.
func lineConfig(s cards.Span) (framing, coding, options string) {
	framing, coding = "CAS", "Unk"
	for _, b := range []struct {
		bit  int
		what *string
		text string
	}{
		{abi.FramingESF, &framing, "ESF"}, {abi.FramingD4, &framing, "D4"}, {abi.FramingCCS, &framing, "CCS"},
		{abi.CodingAMI, &coding, "AMI"}, {abi.CodingB8ZS, &coding, "B8ZS"}, {abi.CodingHDB3, &coding, "HDB3"},
		{abi.CRC4, &options, "CRC4"}, {abi.NotOpenTx, &options, "YEL"},
	} {
		if s.LineConfig&b.bit != 0 {
			*b.what = b.text
		}
	}
	return framing, coding, options
}

func (d Deps) version(_ context.Context, w io.Writer, args []string) error {
	if len(args) > 0 {
		return cli.ErrUsage
	}
	if d.Cards == nil {
		return fmt.Errorf("no DAHDI found: this exchange has no telephone cards")
	}
	v, c, err := d.Cards.Version()
	if err != nil {
		return fmt.Errorf("no DAHDI found: %w", err)
	}
	cli.Show(w, "version,echo_canceller", "DAHDI Version: %s Echo Canceller: %s\n", v, c)
	return nil
}

func (d Deps) cadences(_ context.Context, w io.Writer, args []string) error {
	if len(args) > 0 {
		return cli.ErrUsage
	}
	cadences := lineconf.Default().Cadences
	for _, s := range d.lines() {
		cadences = s.Settings.Cadences
		break
	}
	cli.Add(w, "cadences")
	for i, c := range cadences {
		var parts []string
		for _, t := range c {
			parts = append(parts, strconv.FormatInt(t.Milliseconds(), 10))
		}
		text := strings.Join(parts, ",")
		cli.Add(w, "cadences", text)
		fmt.Fprintf(w, "r%d: %s\n", i+1, text)
	}
	return nil
}
