package sip

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"branchline/pbx/cli"
	"branchline/pbx/sip/siptest"
)

// prompt gives a console with the agent's commands.
func prompt(t testing.TB, a *Agent) func(line string, want cli.Outcome) string {
	t.Helper()
	tree := cli.NewTree()
	if err := tree.Add(a.Commands()...); err != nil {
		t.Fatal(err)
	}
	return func(line string, want cli.Outcome) string {
		var b bytes.Buffer
		if got := tree.Run(t.Context(), &b, line); got != want {
			t.Errorf("%s: %s, want %s\n%s", line, got, want, b.String())
		}
		return b.String()
	}
}

// S-141, S-173
func TestTrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := siptest.NewNet(t)
		var said lines
		a := newAgent(t, &exchange{t: t, plan: plan}, office, n.Host(pbxAddr), &lines{}, func(s string) {
			if _, err := said.Write([]byte(s + "\n")); err != nil {
				t.Error(err)
			}
		}, &knobs{})
		defer a.Close()
		p := n.Phone("1001", "198.51.100.206:5060", pbxUDP)
		defer p.Close()
		run := prompt(t, a)
		ask := func() {
			p.Send("OPTIONS", "sip:"+pbxAddr)
			p.Want("200")
		}
		if got := run("pjsip set logger on", cli.Done); got != "PJSIP Logging enabled\n" {
			t.Errorf("on: %q", got)
		}
		ask()
		text := said.String()
		for _, want := range []string{"<--- Received SIP request (", " bytes) from UDP:198.51.100.206:5060 --->\nOPTIONS sip:198.51.100.9 SIP/2.0\nVia: ",
			"<--- Transmitting SIP response (", " bytes) to UDP:198.51.100.206:5060 --->\nSIP/2.0 200 OK\n", "Content-Length: 0\n\n\n"} {
			if !strings.Contains(text, want) {
				t.Errorf("no %q in\n%s", want, text)
			}
		}
		if got := run("pjsip set logger host 198.51.100.77", cli.Done); got != "PJSIP Logging Enabled for host: 198.51.100.77\n" {
			t.Errorf("host: %q", got)
		}
		ask()
		run("pjsip set logger host nonsense", cli.Failed)
		run("pjsip set logger method INVITE", cli.Done)
		ask()
		run("pjsip set logger off", cli.Done)
		ask()
		if said.String() != text {
			t.Error("printed what was not asked for")
		}
		run("pjsip set logger verbose on", cli.Done)
		ask()
		first := len(said.String())
		run("pjsip set logger host 198.51.100.77", cli.Done)
		run("pjsip set logger add 198.51.100.0/24", cli.Done)
		run("pjsip set logger method REGISTER", cli.Done)
		run("pjsip set logger methodadd options", cli.Done)
		ask()
		if first == len(text) || strings.Count(said.String(), "SIP/2.0 200 OK") != 3 {
			t.Errorf("did not print what was asked for\n%s", said.String())
		}
		run("pjsip set logger", cli.Unknown)
		run("pjsip set logger host", cli.Misused)
		run("pjsip set logger verbose off", cli.Done)
	})
}

// S-172, S-185
func TestHistory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := siptest.NewNet(t)
		a := newAgent(t, &exchange{t: t, plan: plan}, office, n.Host(pbxAddr), &lines{}, nil, &knobs{})
		defer a.Close()
		p := n.Phone("1001", "198.51.100.206:5060", pbxUDP)
		defer p.Close()
		run := prompt(t, a)
		const empty = "No.   Timestamp  (Dir) Address                  SIP Message                        \n" +
			"===== ========== ============================== ===================================\n"
		ask := func() {
			p.Send("OPTIONS", "sip:"+pbxAddr)
			p.Want("200")
		}
		ask()
		if got := run("pjsip show history", cli.Done); got != empty {
			t.Errorf("%q", got)
		}
		if got := run("pjsip set history on", cli.Done); got != "PJSIP History enabled\n" {
			t.Error(got)
		}
		ask()
		at := time.Now().Unix()
		in := fmt.Sprintf("00000 %10d * <== 198.51.100.206:5060      OPTIONS sip:198.51.100.9 SIP/2.0\n", at)
		out := fmt.Sprintf("00001 %10d * ==> 198.51.100.206:5060      SIP/2.0 200 OK\n", at)
		if got := run("pjsip set history off", cli.Done); got != "PJSIP History disabled\n" {
			t.Error(got)
		}
		ask()
		for where, want := range map[string]string{
			"":                   in + out,
			" where number = 1":  out,
			" where number < 1":  in,
			" where number != 0": out,
			" where sip.msg.request.method = OPTIONS and addr like 198.51": in,
			" where timestamp > 9999999999":                                "",
			" where sip.msg.call-id = nope":                                "",
		} {
			if got := run("pjsip show history"+where, cli.Done); got != empty+want {
				t.Errorf("%s: got\n%s\nwant\n%s", where, got, empty+want)
			}
		}
		if got, want := run("pjsip show history entry 1", cli.Done), fmt.Sprintf("<--- History Entry 1 Sent to 198.51.100.206:5060 at %d --->\nSIP/2.0 200 OK\n", at); !strings.HasPrefix(got, want) || !strings.HasSuffix(got, "\n\n\n") {
			t.Errorf("got\n%s", got)
		}
		if got := run("pjsip show history entry 9", cli.Failed); !strings.HasPrefix(got, "Entry '9' does not exist\n") {
			t.Error(got)
		}
		run("pjsip show history entry", cli.Misused)
		run("pjsip show history nonsense", cli.Misused)
		run("pjsip show history where number", cli.Failed)
		run("pjsip show history where number = x", cli.Failed)
		run("pjsip set history", cli.Unknown)
		if got := run("pjsip set history clear", cli.Done) + run("pjsip show history", cli.Done); got != "PJSIP History cleared\n"+empty {
			t.Error(got)
		}
	})
}
