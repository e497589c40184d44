package show_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"branchline/hal"
	"branchline/hal/dahdi/cards"
	"branchline/pbx/astconf"
	"branchline/pbx/cli"
	"branchline/pbx/line"
	"branchline/pbx/line/lineconf"
	"branchline/pbx/line/measure"
	"branchline/pbx/line/port"
	"branchline/pbx/line/show"
	"branchline/pbx/line/speech"
)

type lines []port.Status

func (l lines) Lines() []port.Status { return l }

func (l lines) Line(name string) (port.Status, bool) {
	for _, s := range l {
		if s.Settings.ID() == name || s.Settings.Name == name {
			return s, true
		}
	}
	return port.Status{}, false
}

func (l lines) Test(_ context.Context, name string, say func(measure.Result)) error {
	if _, ok := l.Line(name); !ok {
		return fmt.Errorf("%s: %w", name, line.ErrNoLine)
	}
	say(measure.Result{What: "dial tone", Found: "after 240 ms, -13.0 dBm0", Good: true})
	say(measure.Result{What: "noise", Found: "-30.0 dBm0"})
	return nil
}

type rack struct{ err error }

func (c rack) Spans() ([]cards.Span, error) {
	return []cards.Span{{Description: "Wildcard TDM400P Board 1", LineBuildOutName: "0 db (CSU)/0-133 feet (DSX-1)"}}, c.err
}
func (c rack) Channels() ([]cards.Channel, error) {
	return []cards.Channel{{Number: 1, Span: 1, OffHook: true}}, c.err
}
func (c rack) Version() (string, string, error) { return "3.4.0", "MG2", c.err }

func sample() lines {
	at := func(l lineconf.Line) *lineconf.Line {
		l.Options.EchoTaps, l.Options.BusyDetect, l.Options.BusyCount, l.Options.Context = 256, true, 4, "pstn"
		l.Pos = astconf.Pos{File: "chan_dahdi.conf", Line: 7}
		return &l
	}
	one := at(lineconf.Line{Tech: "DAHDI", Name: "1", Driver: "dahdi", Channel: 1, Options: lineconf.Options{Groups: 2, Description: "Main line"}})
	two := at(lineconf.Line{Tech: "Modem", Name: "office", Driver: "modem", Data: "/dev/ttyACM0"})
	began := time.Now().Add(-75 * time.Second)
	return lines{
		{Settings: one, Up: true, State: "up", Info: hal.Info{Name: "1", Driver: "dahdi", Kind: hal.FXO, Caps: hal.Dials | hal.Flashes},
			Calls:  []port.Call{{Channel: "DAHDI/1-1", Number: "0212345678", Began: began}},
			Counts: port.Counts{Outgoing: 3, Incoming: 1, Openings: 1, LastCall: time.Date(2026, 1, 2, 14, 3, 5, 0, time.UTC), LastNumber: "0212345678"}, Speech: true,
			Level: speech.Level{Rx: -20.5, Tx: -200, ReturnLoss: 14, Enhancement: 22}, Audio: hal.AudioStats{Read: 10, Written: 9},
			Facts: []hal.Fact{{Name: "Battery", Value: "48 V"}}},
		{Settings: two, State: "down", Why: "open /dev/ttyACM0: no such file or directory"},
	}
}

func run(t *testing.T, d show.Deps, command string) (string, cli.Outcome) {
	t.Helper()
	tree := cli.NewTree()
	if err := tree.Add(show.Commands(d)...); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	out := tree.Run(context.Background(), &b, command)
	return b.String(), out
}

func TestPages(t *testing.T) {
	d := show.Deps{Lines: sample(), Cards: rack{}}
	for command, want := range map[string]string{
		"line show": "Line           Kind      Driver   Group  State          Last call                    \n" +
			"DAHDI/1        FXO       dahdi    1      up             14:03:05 to 0212345678       DAHDI/1-1 0212345678 00:01:15\n" +
			"Modem/office   unknown   modem           down                                        why: open /dev/ttyACM0: no such file or directory\n2 line(s), 1 up\n",
		"dahdi show channels": "   Chan Extension       Context         Language   MOH Interpret        Blocked    In Service Alarms   Description                     \n" +
			" pseudo                 default                    default                         Yes                                                 \n" +
			"      1 0212345678      pstn                       default                         Yes        OK       Main line                       \n",
		"dahdi show channels group 5": "   Chan Extension       Context         Language   MOH Interpret        Blocked    In Service Alarms   Description                     \n" +
			" pseudo                 default                    default                         Yes                                                 \n",
		"dahdi show status": "Description                              Alarms  IRQ    bpviol CRC    Fra Codi Options  LBO\n" +
			"Wildcard TDM400P Board 1                 OK      0      0      0      CAS Unk           0 db (CSU)/0-133 feet (DSX-1)\n",
		"dahdi show version":  "DAHDI Version: 3.4.0 Echo Canceller: MG2\n",
		"dahdi show cadences": "",
		"line test 1":         "dial tone                    ok     after 240 ms, -13.0 dBm0\nnoise                        FAULT  -30.0 dBm0\nCommand 'line test 1' failed.\n",
	} {
		got, _ := run(t, d, command)
		if got != want {
			t.Errorf("%s:\n%q\nwant\n%q", command, got, want)
		}
	}
	for command, words := range map[string][]string{
		"line show DAHDI/1":    {"State:                 up", "-20.5 dBm0 from the line, silence to it", "14.0 dB weaker", "Battery:               48 V", "chan_dahdi.conf:7", "DAHDI/1-1", "dials, flashes"},
		"line show office":     {"Why:                   open /dev/ttyACM0", "is the device plugged in?", "/dev/serial/by-id"},
		"dahdi show channel 1": {"Channel: 1\n", "Span: 1\n", "Context: pstn\n", "Signalling Type: FXS Kewlstart\n", "Owner: DAHDI/1-1\n", "Busy Count: 4\n", "\t256 taps\n\tcurrently ON\n", "Hookstate (FXS only): Offhook\n"},
	} {
		got, out := run(t, d, command)
		for _, w := range words {
			if !strings.Contains(got, w) {
				t.Errorf("%s (%v) lacks %q:\n%s", command, out, w, got)
			}
		}
	}
}

func TestRefusals(t *testing.T) {
	d := show.Deps{Lines: sample(), Cards: rack{errors.New("no such device")}}
	for _, command := range []string{"line show x", "line test x", "dahdi show channel 9", "dahdi set swgain", "dahdi set dnd", "dahdi restart", "dahdi destroy channel", "dahdi show status", "dahdi show version", "line test 1"} {
		if text, out := run(t, d, command); out != cli.Failed || text == "" {
			t.Errorf("%s: %v %q", command, out, text)
		}
	}
	if text, out := run(t, show.Deps{Lines: lines{}}, "line show"); out != cli.Done || !strings.Contains(text, "chan_dahdi.conf") {
		t.Errorf("without lines: %v %q", out, text)
	}
	for _, command := range []string{"line show a b", "line test", "dahdi show channels group", "dahdi show status x"} {
		if _, out := run(t, d, command); out != cli.Misused {
			t.Errorf("%s: %v", command, out)
		}
	}
}

func TestJSON(t *testing.T) {
	d := show.Deps{Lines: sample(), Cards: rack{}}
	for _, command := range []string{"line show", "line show 1", "dahdi show channels", "dahdi show channel 1", "dahdi show status", "dahdi show cadences"} {
		text, _ := run(t, d, command+" --json")
		var v map[string]any
		if err := json.Unmarshal([]byte(text), &v); err != nil || len(v) == 0 || v["error"] != nil {
			t.Errorf("%s: %v %s", command, err, text)
		}
	}
	text, _ := run(t, d, "line show office --json")
	if !strings.Contains(text, `"why": "open /dev/ttyACM0`) {
		t.Error(text)
	}
}
