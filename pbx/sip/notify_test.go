package sip

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"branchline/pbx/astconf"
	"branchline/pbx/sip/errands"
)

const notices = `[clear-mwi]
Event=>message-summary
Content-type=>application/simple-message-summary
Content=>Messages-Waiting: no
Content=>Voice-Message: 0/0 (0/0)
Content=>
[reboot]
Event=>check-sync\;reboot=true
Subscription-State=>active
X-Odd=>a b
[forged]
Via=>SIP/2.0/UDP 192.0.2.1
`

// S-169: what a NOTIFY of `pjsip send notify` looks like, and what becomes of it.
func TestNotify(t *testing.T) {
	file, diags := astconf.Load(fstest.MapFS{"pjsip_notify.conf": {Data: []byte(notices)}}, "pjsip_notify.conf")
	if astconf.Failed(diags) {
		t.Fatal(diags)
	}
	conf := strings.Replace(office, "context=trunk", "context=trunk\noutbound_auth=1003", 1)
	inSite(t, conf, plan, func(s *site) {
		p := s.phone("u", "198.51.100.50")
		defer p.Close()
		send := func(dest, kind string) chan error {
			done := make(chan error, 1)
			go func() { done <- s.agent.Notify(context.Background(), dest, file.Section(kind)) }()
			return done
		}
		for _, c := range []struct {
			dest, kind           string
			uri, from            string
			event, state, odd    string
			contentType, content string
		}{
			{"gw", "clear-mwi", "sip:198.51.100.50", "<sip:gw@198.51.100.9>", "message-summary", "terminated", "",
				"application/simple-message-summary", "Messages-Waiting: no\r\nVoice-Message: 0/0 (0/0)\r\n"},
			{"gw", "reboot", "sip:198.51.100.50", "<sip:gw@198.51.100.9>", "check-sync;reboot=true", "active", "a b", "", ""},
			{"sip:8@198.51.100.50", "reboot", "sip:8@198.51.100.50", "<sip:asterisk@198.51.100.9>", "check-sync;reboot=true", "active", "a b", "", ""},
		} {
			done := send(c.dest, c.kind)
			m := p.Want("NOTIFY")
			from, _, _ := strings.Cut(m.Header("from"), ";tag=")
			if m.Req.Recipient.String() != c.uri || from != c.from || m.Header("event") != c.event ||
				m.Header("subscription-state") != c.state || m.Header("x-odd") != c.odd || m.Header("contact") == "" ||
				m.Header("content-type") != c.contentType || string(m.Req.Body()) != c.content {
				t.Errorf("%s %s:\n%s", c.dest, c.kind, m.Raw)
			}
			p.Reply(m, 200, "OK")
			if err := <-done; err != nil {
				t.Error(err)
			}
		}

		done := send("gw", "reboot")
		p.Reply(p.Want("NOTIFY"), 401, "Unauthorized", `WWW-Authenticate: Digest realm="asterisk", nonce="n"`)
		m := p.Want("NOTIFY")
		if !strings.Contains(m.Header("authorization"), `nonce="n"`) {
			t.Errorf("no password:\n%s", m.Raw)
		}
		p.Reply(m, 489, "Bad Event")
		if err := <-done; err == nil || !strings.Contains(err.Error(), "489") {
			t.Errorf("refused: %v", err)
		}

		done = send("gw", "reboot")
		for m := p.Next(10 * time.Second); m != nil; m = p.Next(10 * time.Second) { // nobody answers
		}
		if err := <-done; err == nil || !strings.Contains(err.Error(), "no answer") {
			t.Errorf("silence: %v", err)
		}

		if err := <-send("nobody", "reboot"); !errors.Is(err, errands.ErrNoEndpoint) {
			t.Errorf("nobody: %v", err)
		}
		if err := <-send("1001", "reboot"); err == nil || !strings.Contains(err.Error(), "no contact") {
			t.Errorf("not registered: %v", err)
		}
		if err := <-send("gw", "forged"); err == nil || !strings.Contains(err.Error(), "not for the file") {
			t.Errorf("forged header: %v", err)
		}
		if err := <-send("sip:", "reboot"); err == nil {
			t.Error("no address, no error")
		}
	})
}
