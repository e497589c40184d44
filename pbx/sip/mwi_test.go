package sip

import (
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"branchline/pbx/mailbox"
	"branchline/pbx/sip/siptest"
)

// summaryOf sends a NOTIFY with a message summary in p's name and wants its answer.
func summaryOf(p *siptest.Phone, contentType, body, want string) {
	req := p.Make("NOTIFY", "sip:"+pbxAddr, "Event: message-summary", "Content-Type: "+contentType, "Subscription-State: active")
	req.SetBody([]byte(body))
	p.Put(req)
	p.Want(want)
	synctest.Wait() // all have been told that can be
}

// S-230: what a provider tells lights the lamp of the telephone, and what is said then
// is what Asterisk 22 was measured to say.
func TestLamps(t *testing.T) {
	conf := strings.Replace(office, "aors=1001\n", "aors=1001\nmailboxes=1001@default,1002@default\nmwi_from_user=lamp\n", 1)
	conf = strings.Replace(conf, "aors=1002\n", "aors=1002\nmailboxes=1001@default,1002@default\naggregate_mwi=no\nvoicemail_extension=*97\nfrom_domain=example.org\n", 1)
	conf = strings.Replace(conf, "transport=transport-tcp\n", "", 1)
	conf = strings.Replace(conf, "context=trunk\n", "context=trunk\nincoming_mwi_mailbox=1001@default\n", 1)
	inSite(t, conf, plan, func(s *site) {
		a, b, gw := s.phone("1001", "198.51.100.206"), s.phone("1002", "198.51.100.207"), s.phone("gw", "198.51.100.50")
		defer a.Close()
		defer b.Close()
		defer gw.Close()
		lit := func(p *siptest.Phone, from, body string) {
			t.Helper()
			m := p.WantWithin(time.Minute, "NOTIFY")
			sender, _, _ := strings.Cut(m.Header("from"), ";tag=")
			if sender != from || string(m.Req.Body()) != body || m.Header("event") != "message-summary" ||
				m.Header("subscription-state") != "terminated" || m.Header("content-type") != mailbox.SummaryType {
				t.Errorf("want %q from %s:\n%s", body, from, m.Raw)
			}
			p.Reply(m, 200, "OK")
		}
		a.Send("REGISTER", "sip:"+pbxAddr)
		a.Want("200")
		lit(a, "<sip:lamp@198.51.100.9>", "Messages-Waiting: no\r\nVoice-Message: 0/0 (0/0)\r\n")

		summaryOf(gw, mailbox.SummaryType, "Messages-Waiting: yes\r\nVoice-Message: 2/8 (0/2)\r\n", "200")
		lit(a, "<sip:lamp@198.51.100.9>", "Messages-Waiting: yes\r\nVoice-Message: 2/8 (0/0)\r\n")

		b.Send("REGISTER", "sip:"+pbxAddr)
		b.Want("200")
		account := "Message-Account: sip:*97@example.org\r\n"
		lit(b, "<sip:1002@example.org>", "Messages-Waiting: yes\r\n"+account+"Voice-Message: 2/8 (0/0)\r\n")
		lit(b, "<sip:1002@example.org>", "Messages-Waiting: no\r\n"+account+"Voice-Message: 0/0 (0/0)\r\n")

		for _, c := range []struct{ contentType, body, want string }{
			{mailbox.SummaryType, "Voice-Message: x/y\r\n", "404"},
			{"text/plain", "Voice-Message: 1/1\r\n", "501"},
		} {
			summaryOf(gw, c.contentType, c.body, c.want)
		}
		summaryOf(a, mailbox.SummaryType, "Voice-Message: 1/1\r\n", "404") // nobody has asked it
		gw.Send("NOTIFY", "sip:"+pbxAddr, "Event: keep-alive")
		gw.Want("501")
		a.WantNothing(10 * time.Second)

		// A telephone that does not answer holds nobody up, and is told the last
		// state only.
		summaryOf(gw, mailbox.SummaryType, "Voice-Message: 1/0\r\n", "200")
		a.Want("NOTIFY")
		lit(b, "<sip:1002@example.org>", "Messages-Waiting: yes\r\n"+account+"Voice-Message: 1/0 (0/0)\r\n")
		lit(b, "<sip:1002@example.org>", "Messages-Waiting: no\r\n"+account+"Voice-Message: 0/0 (0/0)\r\n")
		summaryOf(gw, mailbox.SummaryType, "Voice-Message: 0/1\r\n", "200")
		summaryOf(gw, mailbox.SummaryType, "Voice-Message: 0/2\r\n", "200")
		last := ""
		for m := a.Next(10 * time.Second); m != nil; m = a.Next(10 * time.Second) {
			if body := string(m.Req.Body()); body != last {
				last += body
			}
		}
		if !strings.HasSuffix(last, "Voice-Message: 0/2 (0/0)\r\n") || strings.Contains(last, "0/1 ") {
			t.Errorf("told %q", last)
		}
	})
}

// The same with sip.conf, as Asterisk 16 was measured to.
func TestLegacyLamps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := siptest.NewNet(t)
		conf := "[general]\nbindaddr=198.51.100.9\nmwi_from=post\n[2001]\ntype=friend\nhost=dynamic\nmailbox=1001@SIP_Remote\nvmexten=*97\n" +
			"[2002]\ntype=friend\nhost=dynamic\nmailbox=1001@SIP_Remote\nsubscribemwi=yes\n" +
			"[trunk]\ntype=peer\nhost=198.51.100.50\nunsolicited_mailbox=1001\n"
		b := openBranch(t, n, pbxAddr, fstest.MapFS{"sip.conf": {Data: []byte(conf)}, "extensions.conf": {Data: []byte("[default]\nexten => 1,1,Answer()\n")}})
		defer b.agent.Close()
		synctest.Wait() // whoever is known at the start has been told
		a, c, gw := n.Phone("2001", "198.51.100.206:5060", pbxUDP), n.Phone("2002", "198.51.100.207:5060", pbxUDP), n.Phone("gw", "198.51.100.50:5060", pbxUDP)
		defer a.Close()
		defer c.Close()
		defer gw.Close()
		for _, p := range []*siptest.Phone{a, c} {
			p.Send("REGISTER", "sip:"+pbxAddr)
			p.Want("200")
		}
		for _, step := range []struct{ tell, want, body string }{
			{"", "", "Messages-Waiting: no\r\nMessage-Account: sip:*97@198.51.100.9\r\nVoice-Message: 0/0 (0/0)\r\n"},
			{"Voice-Message: 2/8", "200", "Messages-Waiting: yes\r\nMessage-Account: sip:*97@198.51.100.9\r\nVoice-Message: 2/8 (0/0)\r\n"},
			{"Fax-Message: 2/8", "489", ""},
		} {
			if step.tell != "" {
				summaryOf(gw, mailbox.SummaryType, step.tell, step.want)
			}
			if step.body == "" {
				a.WantNothing(time.Second)
				continue
			}
			m := a.Want("NOTIFY")
			from, _, _ := strings.Cut(m.Header("from"), ";tag=")
			if string(m.Req.Body()) != step.body || m.Header("subscription-state") != "" || from != `"post" <sip:post@198.51.100.9>` {
				t.Errorf("want %q:\n%s", step.body, m.Raw)
			}
			a.Reply(m, 200, "OK")
		}
		summaryOf(a, mailbox.SummaryType, "Voice-Message: 1/1", "489")
		c.WantNothing(time.Second)
		time.Sleep(time.Minute)
	})
}

// Who subscribes is told once, if he wants it so; else he need not subscribe.
func TestLampsOfSubscribers(t *testing.T) {
	conf := strings.Replace(office, "aors=1001\n", "aors=1001\nmailboxes=1001@default\nmwi_subscribe_replaces_unsolicited=yes\n", 1)
	conf = strings.Replace(conf, "max_contacts=1\nremove", "max_contacts=1\nmailboxes=1001@default\nvoicemail_extension=*98\nremove", 1) +
		"[global]\ntype=global\ndefault_voicemail_extension=*99\n"
	conf = strings.Replace(conf, "context=trunk\n", "context=trunk\nincoming_mwi_mailbox=1001@default\n", 1)
	inSite(t, conf, plan, func(s *site) {
		p, gw := s.phone("1001", "198.51.100.206"), s.phone("gw", "198.51.100.50")
		defer p.Close()
		defer gw.Close()
		told := func(state, voice string) {
			t.Helper()
			m := p.Next(time.Second)
			for ; m != nil && m.Req == nil; m = p.Next(time.Second) { // an answer, which may come before or after
			}
			if m == nil {
				t.Fatalf("not told of %s\n%s", voice, s.net.Ladder())
			}
			if !strings.HasPrefix(m.Header("subscription-state"), state) || !strings.Contains(string(m.Req.Body()), "Voice-Message: "+voice+" ") {
				t.Errorf("want %s, %s:\n%s", state, voice, m.Raw)
			}
			account := "sip:*98@198.51.100.9:5060"
			if m.Header("subscription-state") == "terminated" { // unasked
				account = "sip:*99@198.51.100.9:5060"
			}
			if !strings.Contains(string(m.Req.Body()), "Message-Account: "+account+"\r\n") {
				t.Errorf("want account %s:\n%s", account, m.Raw)
			}
			p.Reply(m, 200, "OK")
		}
		p.Send("REGISTER", "sip:"+pbxAddr)
		p.Want("200")
		told("terminated", "0/0")
		sub := p.Send("SUBSCRIBE", "sip:1001@"+pbxAddr, "Event: message-summary", "Expires: 600")
		ok := p.Want("200 SUBSCRIBE") // comes first: there is no dialog before
		told("active", "0/0")
		summaryOf(gw, mailbox.SummaryType, "Voice-Message: 1/0", "200")
		told("active", "1/0")
		p.WantNothing(10 * time.Second)
		p.Within(sub, ok, "SUBSCRIBE", "Event: message-summary", "Expires: 0")
		told("terminated", "1/0")
		summaryOf(gw, mailbox.SummaryType, "Voice-Message: 2/0", "200")
		told("terminated", "2/0")
	})
}
