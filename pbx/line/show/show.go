// Package show is the console's view of telephone lines: the family `line show` and
// `line test`, which knows lines of every kind, and the commands of chan_dahdi that
// scripts and fingers are used to, in their layout.
package show

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"time"

	"branchline/hal"
	"branchline/hal/dahdi/cards"
	"branchline/pbx/cli"
	"branchline/pbx/line"
	"branchline/pbx/line/lineconf"
	"branchline/pbx/line/measure"
	"branchline/pbx/line/port"
)

// Cards tells of telephone cards; cards.Cards does. An error says that there are none.
type Cards interface {
	Spans() ([]cards.Span, error)
	Channels() ([]cards.Channel, error)
	Version() (version, cancellers string, err error)
}

// Lines is what is shown; line.Bank is one.
type Lines interface {
	Lines() []port.Status
	Line(name string) (port.Status, bool)
	Test(ctx context.Context, name string, say func(measure.Result)) error
}

// Deps is what the commands work with. Cards is nil on an exchange without them.
type Deps struct {
	Lines Lines
	Cards Cards
}

// Commands are those about lines.
func Commands(d Deps) []cli.Command {
	return append(d.own(), d.dahdi()...)
}

func (d Deps) own() []cli.Command {
	return []cli.Command{
		{Path: "line show [name]", Summary: "Show the telephone lines, or one of them",
			Usage: "Usage: line show [name]\n       Lists the telephone lines and what they are doing; with a name (DAHDI/3,\n       Modem/office), everything there is to know of that line.",
			Run:   d.show, Complete: d.names},
		{Path: "line test", Summary: "Test a telephone line",
			Usage: "Usage: line test <name>\n       Takes the line, listens for dial tone, measures levels and echo, and sends a\n       caller ID to itself. Nobody can call over the line meanwhile.",
			Run:   d.test, Complete: d.names},
	}
}

func (d Deps) names(args []string) []string {
	if len(args) > 1 {
		return nil
	}
	var out []string
	for _, s := range d.Lines.Lines() {
		out = append(out, s.Settings.ID())
	}
	return out
}

func (d Deps) show(_ context.Context, w io.Writer, args []string) error {
	switch len(args) {
	case 0:
		d.list(w)
		return nil
	case 1:
		s, ok := d.Lines.Line(args[0])
		if !ok {
			return absent(args[0])
		}
		detail(w, s)
		return nil
	}
	return cli.ErrUsage
}

func absent(name string) error { return fmt.Errorf("there is no line %s; see line show", name) }

func (d Deps) list(w io.Writer) {
	all := d.Lines.Lines()
	t := cli.NewTable(w, "lines", "%-14s %-9s %-8s %-6s %-14s %-28s %s\n", "line,kind,driver,groups,state,last_call,note")
	if len(all) == 0 {
		fmt.Fprintln(w, "No telephone lines are configured: see chan_dahdi.conf, modem.conf and quectel.conf.")
		return
	}
	t.Head("Line", "Kind", "Driver", "Group", "State", "Last call", "")
	up := 0
	for _, s := range all {
		note := s.Settings.Description
		if s.Up {
			up++
		} else {
			note = "why: " + s.Why
		}
		if len(s.Calls) > 0 {
			c := s.Calls[0]
			note = c.Channel + " " + c.Number + " " + since(c.Began)
		}
		t.Row(s.Settings.ID(), kind(s), driver(s), groups(s.Settings.Groups), s.State, last(s.Counts), note)
	}
	fmt.Fprintf(w, "%d line(s), %d up\n", len(all), up)
}

// last tells of the last call.
func last(c port.Counts) string {
	if c.LastCall.IsZero() {
		return ""
	}
	way, number := "to", c.LastNumber
	if c.LastFrom {
		way = "from"
	}
	if number == "" {
		number = "unknown"
	}
	return c.LastCall.Format("15:04:05") + " " + way + " " + number
}

func kind(s port.Status) string {
	if s.Info.Driver != "" {
		return s.Info.Kind.String()
	}
	if s.Settings.Signalling == lineconf.Auto {
		return "unknown"
	}
	return s.Settings.Signalling.String()
}

func driver(s port.Status) string { return cmp.Or(s.Info.Driver, s.Settings.Driver) }

// groups lists the numbers of a set of groups.
func groups(set uint64) string {
	var out []string
	for n := range 64 {
		if set>>n&1 != 0 {
			out = append(out, fmt.Sprint(n))
		}
	}
	return strings.Join(out, ",")
}

func since(t time.Time) string {
	d := time.Since(t).Round(time.Second)
	return fmt.Sprintf("%02d:%02d:%02d", int(d.Hours()), int(d.Minutes())%60, int(d.Seconds())%60)
}

// detail tells one line's whole story.
func detail(w io.Writer, s port.Status) {
	c := s.Settings
	say := func(name, label string, value any) {
		if text := fmt.Sprint(value); text != "" {
			cli.Show(w, ","+name, "%-22s %v\n", label+":", value)
		}
	}
	cli.Show(w, "line", "Line %s\n", c.ID())
	say("description", "Description", c.Description)
	say("state", "State", s.State)
	if !s.Up {
		say("why", "Why", s.Why)
		if h := hint(s); h != "" {
			say("hint", "What to do", h)
		}
	}
	say("kind", "Kind", kind(s))
	say("driver", "Driver", driver(s))
	say("model", "Device", s.Info.Model)
	say("port", "Port", strings.TrimSpace(c.Data+" "+c.Audio))
	say("configured", "Configured at", c.Pos)
	if s.Changing {
		say("changing", "New settings", "from the end of the call on")
	}
	say("context", "Context", c.Context)
	say("groups", "Groups", groups(c.Groups))
	say("emergency", "Emergency numbers", strings.Join(c.Emergency, ", "))
	if s.Info.Driver != "" {
		say("abilities", "The device itself", abilities(s.Info.Caps))
	}
	for _, f := range s.Facts {
		say(strings.ReplaceAll(strings.ToLower(f.Name), " ", "_"), f.Name, f.Value)
	}
	n := s.Counts
	cli.Show(w, ",calls_in,calls_out,messages,openings", "%-22s %d in, %d out, %d message(s); opened %d time(s)\n",
		"Since configured:", n.Incoming, n.Outgoing, n.Messages, n.Openings)
	if !n.LastCall.IsZero() {
		say("last_call", "Last call", n.LastCall.Format(time.DateTime))
		if !n.LastFrom {
			say("last_dialled", "It went to", n.LastNumber)
		}
		say("last_caller", "Last caller", n.LastCaller)
		say("last_end", "It ended with", n.LastEnd.String())
	}
	calls(w, s)
	if s.Speech {
		cli.Show(w, ",level_rx,level_tx", "%-22s %s from the line, %s to it\n", "Level:", dBm(s.Level.Rx), dBm(s.Level.Tx))
		if s.Level.ReturnLoss != 0 {
			cli.Show(w, ",return_loss,enhancement", "%-22s %.1f dB weaker than sent; the canceller takes %.1f dB more\n", "Echo:", s.Level.ReturnLoss, s.Level.Enhancement)
		}
		a := s.Audio
		cli.Show(w, ",frames_read,frames_written,overruns,underruns,dropped", "%-22s %d read, %d written; %d overruns, %d underruns, %d dropped\n",
			"Frames:", a.Read, a.Written, a.Overruns, a.Underruns, a.Dropped)
	}
}

func calls(w io.Writer, s port.Status) {
	t := cli.NewTable(w, "calls", "  %-24s %-4s %-20s %s\n", "channel,direction,number,duration")
	for _, c := range s.Calls {
		way := "out"
		if c.Inbound {
			way = "in"
		}
		t.Row(c.Channel, way, c.Number, since(c.Began))
	}
}

func dBm(v float64) string {
	if math.IsInf(v, 0) || v < -80 {
		return "silence"
	}
	return fmt.Sprintf("%.1f dBm0", v)
}

// abilities names what a device does without our help.
func abilities(c hal.Caps) string {
	var out []string
	for _, a := range []struct {
		cap  hal.Caps
		name string
	}{
		{hal.ReportsCallerID, "reports caller ID"}, {hal.ReportsDigits, "reports digits"}, {hal.ReportsTones, "reports tones"}, {hal.ReportsAnswer, "reports the answer"},
		{hal.ReportsHangup, "reports hang-up"}, {hal.ReportsPolarity, "reports polarity"}, {hal.ReportsBattery, "reports battery"}, {hal.Dials, "dials"},
		{hal.DialsPulses, "dials pulses"}, {hal.Flashes, "flashes"}, {hal.Reverses, "reverses polarity"}, {hal.SetsCadence, "rings in any rhythm"},
		{hal.SendsText, "sends messages"}, {hal.CancelsEcho, "cancels echo"},
	} {
		if c.Has(a.cap) {
			out = append(out, a.name)
		}
	}
	return strings.Join(out, ", ")
}

// hint is what a person can do about a line that is down.
func hint(s port.Status) string {
	switch c := s.Settings; {
	case strings.Contains(s.Why, "no battery"):
		return "plug the cord into the wall socket; if it is, measure there: 48 V between the wires, or ask the telephone company"
	case strings.Contains(s.Why, "signalling="):
		return "correct signalling= at " + c.Pos.String() + " and reload"
	case c.Driver == "dahdi" && s.Info.Driver == "":
		return "see dahdi show status: the card's module must be loaded and the channel configured in /etc/dahdi/system.conf"
	case c.Driver != "dahdi" && s.Info.Driver == "":
		return "is the device plugged in? ls -l " + c.Data + " /dev/serial/by-id shows which ports there are"
	case strings.Contains(s.Why, "PIN"):
		return "write pin= into the section, or remove the PIN from the SIM with a telephone"
	case strings.Contains(s.Why, "regist"):
		return "check the aerial and that the SIM may make calls over LTE (VoLTE)"
	}
	return ""
}

func (d Deps) test(ctx context.Context, w io.Writer, args []string) error {
	if len(args) != 1 {
		return cli.ErrUsage
	}
	failed := false
	cli.Add(w, "results")
	err := d.Lines.Test(ctx, args[0], func(r measure.Result) {
		mark := "ok"
		if !r.Good {
			mark, failed = "FAULT", true
		}
		fmt.Fprintf(w, "%-28s %-6s %s\n", r.What, mark, r.Found)
		cli.Add(w, "results", cli.Fields("what", r.What, "good", r.Good, "found", r.Found))
	})
	switch {
	case errors.Is(err, line.ErrNoLine):
		return absent(args[0])
	case err != nil:
		return err
	case failed:
		return cli.ErrFailed
	}
	return nil
}
