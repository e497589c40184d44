package sip

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/emiago/sipgo/sip"

	"branchline/pbx/astdb"
	"branchline/pbx/channel"
	"branchline/pbx/mailbox"
	"branchline/pbx/sip/siptest"
)

// watchful is an office whose phones watch each other.
const watchful = office + `
[1004]
type=endpoint
context=default
subscribe_context=subs
sub_min_expiry=120
notify_early_inuse_ringing=yes
allow=ulaw
aors=1004

[1004]
type=aor
max_contacts=1
mailboxes=1004@default,info

[1005]
type=endpoint
context=default
allow_subscribe=no
allow=ulaw
aors=1005

[1006]
type=endpoint
context=default
allow=ulaw
mailboxes=info

[1005]
type=aor
max_contacts=1
`

// inLamps runs f beside such an office with a few hints.
func inLamps(t *testing.T, f func(s *site, p *siptest.Phone)) {
	t.Helper()
	inSite(t, watchful, plan, func(s *site) {
		s.hints.reload(map[string]string{"600@default": "PJSIP/1001&Custom:x", "650@subs": "Custom:x"})
		p := s.phone("1001", "198.51.100.206")
		defer p.Close()
		f(s, p)
	})
}

const room = "sip:600@" + pbxAddr

// lamp is a subscription as its phone sees it.
type lamp struct {
	p   *siptest.Phone
	req *sip.Request
	ok  *siptest.Message
}

// light subscribes and answers the first NOTIFY, which it gives.
func light(p *siptest.Phone, uri string, extra ...string) (lamp, *siptest.Message) {
	req := p.Send("SUBSCRIBE", uri, extra...)
	l := lamp{p, req, p.Want("200 SUBSCRIBE")}
	return l, l.next()
}

// next is the next NOTIFY, answered.
func (l lamp) next() *siptest.Message {
	m := l.p.Want("NOTIFY")
	l.p.Reply(m, 200, "OK")
	return m
}

// again sends another SUBSCRIBE within the dialog.
func (l lamp) again(extra ...string) { l.p.Within(l.req, l.ok, "SUBSCRIBE", extra...) }

const wantsPIDF, wantsDialogs = "Accept: application/pidf+xml", "Accept: application/dialog-info+xml"

// Seed: S-230, S-235. A lamp goes on and off with the state of the devices of a hint;
// what the phone has read it is not told again.
func TestSubscribePresence(t *testing.T) {
	inLamps(t, func(s *site, p *siptest.Phone) {
		l, first := light(p, room, "Event: presence", wantsPIDF, "Expires: 600")
		if got := l.ok.Header("expires"); got != "600" {
			t.Errorf("Expires %q", got)
		}
		if got := l.ok.Header("allow"); !strings.Contains(got, "SUBSCRIBE, NOTIFY") {
			t.Errorf("Allow %q", got)
		}
		for name, want := range map[string]string{
			"event": "presence", "subscription-state": "active;expires=600", "content-type": "application/pidf+xml",
			"allow-events": "message-summary, presence, dialog, refer", "user-agent": "Branchline/0", "contact": "<sip:198.51.100.9:5060>",
		} {
			if got := first.Header(name); got != want {
				t.Errorf("%s: %q, want %q", name, got, want)
			}
		}
		if body := first.Body(); !strings.Contains(body, "<note>Ready</note>") || !strings.Contains(body, `entity="sip:600@198.51.100.9"`) {
			t.Errorf("body\n%s", body)
		}
		for _, c := range []struct {
			device string
			state  channel.DeviceState
			note   string // "": nothing is told
		}{
			{"PJSIP/1001", channel.DeviceInUse, "On the phone"},
			{"Custom:x", channel.DeviceBusy, ""}, // for the phone that is the same
			{"Custom:x", channel.DeviceRinging, "Ringing"},
			{"PJSIP/1001", channel.DeviceNotInUse, ""}, // it rings all the same
			{"Custom:x", channel.DeviceOnHold, "On hold"},
			{"Custom:y", channel.DeviceInUse, ""}, // of no hint
			{"Custom:x", channel.DeviceUnavailable, "Ready"},
			{"PJSIP/1001", channel.DeviceUnavailable, "Unavailable"},
		} {
			s.hints.set(c.device, c.state)
			if c.note == "" {
				p.WantNothing(time.Second)
				continue
			}
			if body := l.next().Body(); !strings.Contains(body, "<note>"+c.note+"</note>") {
				t.Errorf("%s %s:\n%s", c.device, c.state, body)
			}
		}
		if n := s.hints.Watchers("default", "600"); n != 1 {
			t.Errorf("%d watchers", n)
		}
		l.again("Event: presence", "Expires: 0")
		if m := p.Want("200 SUBSCRIBE"); m.Header("expires") != "0" {
			t.Errorf("Expires %q", m.Header("expires"))
		}
		if got := l.next().Header("subscription-state"); got != "terminated;reason=timeout" {
			t.Errorf("Subscription-State %q", got)
		}
		if n := s.hints.Watchers("default", "600"); n != 0 || len(s.agent.Subscriptions()) != 0 {
			t.Errorf("%d watchers, %v", n, s.agent.Subscriptions())
		}
		l.again("Event: presence")
		p.Want("481")
	})
}

func TestSubscribeDialog(t *testing.T) {
	inLamps(t, func(s *site, p *siptest.Phone) {
		q := s.phone("1004", "198.51.100.207")
		defer q.Close()
		l, _ := light(p, room, "Event: dialog;id=7", wantsDialogs)
		e, _ := light(q, "sip:650@"+pbxAddr, "Event: dialog", wantsDialogs)
		for i, c := range []struct {
			state       channel.DeviceState
			here, there string
		}{
			{channel.DeviceRinging, "early", "early"},
			{channel.DeviceRingInUse, "confirmed", "early"}, // notify_early_inuse_ringing
			{channel.DeviceNotInUse, "terminated", "terminated"},
		} {
			s.hints.set("Custom:x", c.state)
			m := l.next()
			if want := fmt.Sprintf(`version="%d"`, i+1); !strings.Contains(m.Body(), want) || !strings.Contains(m.Body(), "<state>"+c.here+"<") {
				t.Errorf("%s:\n%s", c.state, m.Body())
			}
			if got := m.Header("event"); got != "dialog;id=7" {
				t.Errorf("Event %q", got)
			}
			if c.state == channel.DeviceRingInUse {
				q.WantNothing(time.Second) // it rang before
				continue
			}
			if m := e.next(); !strings.Contains(m.Body(), "<state>"+c.there+"<") {
				t.Errorf("%s, early:\n%s", c.state, m.Body())
			}
		}
		s.hints.reload(map[string]string{"600@default": "Custom:y"})
		if got := e.next().Header("subscription-state"); got != "terminated;reason=noresource" {
			t.Errorf("Subscription-State %q", got)
		}
		s.hints.set("Custom:x", channel.DeviceInUse)
		p.WantNothing(time.Second)
		s.hints.set("Custom:y", channel.DeviceInUse)
		l.next()
	})
}

func TestSubscribeRefused(t *testing.T) {
	for name, c := range map[string]struct {
		user, uri string
		extra     []string
		want      string
	}{
		"no hint":            {"1001", "sip:77@" + pbxAddr, []string{"Event: presence"}, "404"},
		"other context":      {"1001", "sip:650@" + pbxAddr, []string{"Event: presence"}, "404"},
		"its own context":    {"1004", "sip:650@" + pbxAddr, []string{"Event: presence"}, "200"},
		"no event":           {"1001", room, nil, "489"},
		"unknown event":      {"1001", room, []string{"Event: conference"}, "489"},
		"other letters":      {"1001", room, []string{"Event: Presence"}, "489"},
		"nothing accepted":   {"1001", room, []string{"Event: presence", "Accept: text/plain"}, "489"},
		"too short":          {"1004", "sip:650@" + pbxAddr, []string{"Event: presence", "Expires: 119"}, "423"},
		"long enough":        {"1004", "sip:650@" + pbxAddr, []string{"Event: presence", "Expires: 120"}, "200"},
		"nothing at all":     {"1001", room, []string{"Event: presence", "Expires: 0"}, "400"},
		"no number":          {"1001", room, []string{"Event: presence", "Expires: soon"}, "400"},
		"not allowed":        {"1005", room, []string{"Event: presence"}, "603"},
		"not proven":         {"1003", room, []string{"Event: presence"}, "401"},
		"nobody":             {"nobody", room, []string{"Event: presence"}, "401"},
		"no contact":         {"1001", room, []string{"Event: presence", "Contact:"}, "400"},
		"unfit contact":      {"1001", room, []string{"Event: presence", "Contact: <tel:5>"}, "416"},
		"too long":           {"1001", room, []string{"Event: presence;id=" + strings.Repeat("x", 5000)}, "513"},
		"other URI":          {"1001", "tel:600", []string{"Event: presence"}, "200"},
		"told anyway":        {"1006", "sip:1004@" + pbxAddr, []string{"Event: message-summary"}, "500"},
		"no mailbox":         {"1001", "sip:1001@" + pbxAddr, []string{"Event: message-summary"}, "404"},
		"unknown dialog":     {"1001", room, []string{"Event: presence", "To: <" + room + ">;tag=x"}, "481"},
		"compact":            {"1001", room, []string{"o: presence"}, "200"},
		"any type":           {"1001", room, []string{"Event: dialog", "Accept: text/plain, */*"}, "200"},
		"what is not theirs": {"1001", room, []string{"Event: refer"}, "489"},
	} {
		t.Run(name, func(t *testing.T) {
			inLamps(t, func(s *site, _ *siptest.Phone) {
				p := s.phone(c.user, "198.51.100.208")
				defer p.Close()
				p.Send("SUBSCRIBE", c.uri, c.extra...)
				m := p.Want(c.want)
				if c.want == "423" && m.Header("min-expires") != "120" {
					t.Errorf("Min-Expires %q", m.Header("min-expires"))
				}
				if c.want == "200" {
					p.Reply(p.Want("NOTIFY"), 481, "Gone")
					synctest.Wait()
				}
				if n := len(s.agent.Subscriptions()); n != 0 {
					t.Errorf("%d left", n)
				}
			})
		})
	}
}

// A subscription that is not refreshed ends; one that is goes on, where the phone is
// then.
func TestSubscribeTime(t *testing.T) {
	inLamps(t, func(s *site, p *siptest.Phone) {
		l, _ := light(p, room, "Event: presence", "Expires: 100")
		p.After(60 * time.Second)
		l.again("Event: presence", "Contact: <sip:1001@198.51.100.206:5060;line=2>")
		if m := p.Want("200 SUBSCRIBE"); m.Header("expires") != "100" {
			t.Errorf("Expires %q", m.Header("expires"))
		}
		m := l.next()
		if got := m.Req.Recipient.String(); got != "sip:1001@198.51.100.206:5060;line=2" {
			t.Errorf("to %s", got)
		}
		p.After(60 * time.Second)
		s.hints.set("Custom:x", channel.DeviceInUse)
		if got := l.next().Header("subscription-state"); got != "active;expires=40" {
			t.Errorf("Subscription-State %q", got)
		}
		l.again("Event: presence", "Contact:")
		p.Want("200 SUBSCRIBE")
		if got := l.next().Req.Recipient.String(); got != "sip:1001@198.51.100.206:5060;line=2" {
			t.Errorf("to %s", got)
		}
		l.again("Event: dialog")
		p.Want("489")
		bad := p.Within(l.req, l.ok, "OPTIONS")
		p.Want("405")
		bad.CSeq().SeqNo, bad.CSeq().MethodName, bad.Method = 1, sip.SUBSCRIBE, sip.SUBSCRIBE
		bad.Via().Params.Add("branch", "z9hG4bKold")
		p.Put(bad)
		p.Want("500")
		p.After(101 * time.Second)
		if got := l.next().Header("subscription-state"); got != "terminated;reason=timeout" {
			t.Errorf("Subscription-State %q", got)
		}
		if n := len(s.agent.Subscriptions()); n != 0 {
			t.Errorf("%d left", n)
		}
	})
}

// Changes while a NOTIFY is under way are told in one; a phone that does not answer is
// told no more.
func TestSubscribeSlow(t *testing.T) {
	inLamps(t, func(s *site, p *siptest.Phone) {
		p.Send("SUBSCRIBE", room, "Event: presence")
		p.Want("200 SUBSCRIBE")
		slow := p.Want("NOTIFY")
		for _, state := range []channel.DeviceState{channel.DeviceInUse, channel.DeviceRinging, channel.DeviceNotInUse, channel.DeviceInUse} {
			s.hints.set("Custom:x", state)
		}
		p.WantNothing(200 * time.Millisecond)
		p.Reply(slow, 200, "OK")
		m := p.Want("NOTIFY")
		if !strings.Contains(m.Body(), "On the phone") {
			t.Errorf("\n%s", m.Body())
		}
		p.Reply(m, 200, "OK")
		p.WantNothing(time.Second)
		s.hints.set("Custom:x", channel.DeviceNotInUse)
		p.Want("NOTIFY")
		p.After(40 * time.Second)
		if n := len(s.agent.Subscriptions()); n != 0 {
			t.Errorf("%d left", n)
		}
	})
}

func TestSubscribeMailbox(t *testing.T) {
	inLamps(t, func(s *site, p *siptest.Phone) {
		q := s.phone("1004", "198.51.100.207")
		defer q.Close()
		l, first := light(q, "sip:"+pbxAddr, "Event: message-summary", "Accept: application/simple-message-summary")
		if got := first.Body(); got != "Messages-Waiting: no\r\nVoice-Message: 0/0 (0/0)\r\n" {
			t.Errorf("%q", got)
		}
		other, _ := light(p, "sip:1004@"+pbxAddr, "Event: message-summary")
		s.mailboxes.Set("1004@default", mailbox.Count{New: 2, Old: 1})
		s.mailboxes.Set("nobody", mailbox.Count{New: 9})
		for _, l := range []lamp{l, other} {
			if got := l.next().Body(); got != "Messages-Waiting: yes\r\nVoice-Message: 2/1 (0/0)\r\n" {
				t.Errorf("%q", got)
			}
		}
		s.mailboxes.Set("info", mailbox.Count{New: 1})
		if got := l.next().Body(); got != "Messages-Waiting: yes\r\nVoice-Message: 3/1 (0/0)\r\n" {
			t.Errorf("%q", got)
		}
	})
}

// A phone behind a router hears at the address it sent from.
func TestSubscribeBehindRouter(t *testing.T) {
	conf := strings.Replace(watchful, "subscribe_context=subs", "rewrite_contact=yes", 1)
	inSite(t, conf, plan, func(s *site) {
		s.hints.reload(map[string]string{"600@default": "Custom:x"})
		p := s.phone("1004", "198.51.100.207")
		defer p.Close()
		l, _ := light(p, room, "Event: presence", "Contact: <sip:1004@10.0.0.1:5999>")
		s.hints.set("Custom:x", channel.DeviceInUse)
		if got := l.next().Req.Recipient.String(); got != "sip:1004@198.51.100.207:5060" {
			t.Errorf("to %s", got)
		}
	})
}

// No endpoint can have the exchange remember more than so much.
func TestSubscribeFlood(t *testing.T) {
	inLamps(t, func(s *site, _ *siptest.Phone) {
		p := s.phone("1001", "198.51.100.208")
		granted := 0
		for range 1100 {
			p.Send("SUBSCRIBE", room, "Event: presence")
			if m := p.Next(time.Second); m != nil && m.Res != nil && m.Res.StatusCode == 200 {
				granted++
				p.Reply(p.Want("NOTIFY"), 200, "OK")
			}
		}
		p.Close()
		if granted != 1024 {
			t.Errorf("%d granted", granted)
		}
		s.hints.set("Custom:x", channel.DeviceInUse)
		time.Sleep(time.Minute) // nobody answers
		if n := len(s.agent.Subscriptions()); n != 0 {
			t.Errorf("%d left", n)
		}
	})
}

// lampPlan has a hint for each phone, and calls them by their numbers.
const lampPlan = "exten => 5,hint,PJSIP/1002\nexten => 5,1,Dial(PJSIP/1002)\nexten => 6,hint,PJSIP/1001\n"

// A lamp follows a call from the first ringing to its end, and says when the one who is
// watched keeps the other one waiting. The channels of a call are what its state is
// made of.
func TestSubscribeCall(t *testing.T) {
	in(t, with(lampPlan), func(n *siptest.Net, _ map[string]*branch) {
		a, b := n.Phone("1001", seed+"206:5060", seed+"9:5060"), n.Phone("1002", seed+"55:5060", seed+"9:5060")
		c := n.Phone("1003", seed+"56:5060", seed+"9:5060")
		defer a.Close()
		defer b.Close()
		defer c.Close()
		called, _ := light(c, "sip:5@"+seed+"9", "Event: presence")
		calling, _ := light(c, "sip:6@"+seed+"9", "Event: dialog")
		tells := func(what string, texts ...string) {
			t.Helper()
			for range texts {
				body := called.next().Body()
				found := false
				for _, want := range texts {
					found = found || strings.Contains(body, want)
				}
				if !found {
					t.Errorf("%s: want %q\n%s", what, texts, body)
				}
			}
			c.WantNothing(time.Second)
		}
		inv := a.Send("INVITE", "sip:5@"+seed+"9", a.SDP(4000, "0"))
		call := b.Want("INVITE")
		b.Reply(call, 180, "Ringing")
		a.Want("180")
		if body := calling.next().Body() + called.next().Body(); !strings.Contains(body, "<note>Ringing") || !strings.Contains(body, "<state>confirmed") {
			t.Errorf("ringing:\n%s", body)
		}
		res := b.Reply(call, 200, "OK", b.SDP(5000, "0"))
		b.Want("ACK")
		a.Ack(inv, a.Want("200"))
		tells("up", "<note>On the phone")
		b.Back(call, res, "INVITE", strings.Replace(b.SDP(5000, "0"), "a=sendrecv", "a=sendonly", 1))
		ok := b.Want("200 INVITE")
		ack := b.Back(call, res, "ACK")
		ack.CSeq().SeqNo = ok.Res.CSeq().SeqNo
		tells("hold", "<note>On hold")
		b.Back(call, res, "BYE")
		b.Want("200 BYE")
		a.Reply(a.Want("BYE"), 200, "OK")
		tells("over", "<note>Ready", "<state>terminated")
		b.After(time.Second)
	})
}

// Lamps of sip.conf's phones: chan_sip's numbers and words.
func TestSubscribeLegacy(t *testing.T) {
	files := func(general string) map[string]fstest.MapFS {
		return map[string]fstest.MapFS{"9": {
			"sip.conf": {Data: []byte("[general]\nudpbindaddr=198.51.100.9\n" + general +
				"\n[2001]\ntype=friend\nhost=198.51.100.206\ncontext=default\nmailbox=2001@default\n" +
				"[2002]\ntype=friend\nhost=198.51.100.55\ncontext=default\n" +
				"[2004]\ntype=friend\nhost=198.51.100.57\ncontext=nowhere\nsubscribecontext=default\n" +
				"[2003]\ntype=friend\nhost=198.51.100.56\ncontext=default\nallowsubscribe=no\n")},
			"extensions.conf": {Data: []byte("[default]\nexten => 5,hint,SIP/2002\nexten => 5,1,Dial(SIP/2002)\n")},
		}}
	}
	phones := func(n *siptest.Net) (a, b, c *siptest.Phone) {
		return n.Phone("2001", seed+"206:5060", seed+"9:5060"), n.Phone("2002", seed+"55:5060", seed+"9:5060"),
			n.Phone("2003", seed+"56:5060", seed+"9:5060")
	}
	const uri = "sip:5@" + seed + "9"
	in(t, files(""), func(n *siptest.Net, at map[string]*branch) {
		a, b, c := phones(n)
		defer a.Close()
		defer b.Close()
		defer c.Close()
		a.Reply(a.Want("NOTIFY"), 200, "OK") // what its mailbox holds, unasked
		for _, x := range []struct {
			p     *siptest.Phone
			uri   string
			extra []string
			want  string
		}{
			{c, uri, []string{"Event: presence"}, "403"},
			{a, uri, []string{"Event: presence", "Expires: 59"}, "423"},
			{a, uri, []string{"Event: nothing"}, "489"},
			{a, "sip:77@" + seed + "9", []string{"Event: presence"}, "404"},
			{b, "sip:2002@" + seed + "9", []string{"Event: message-summary"}, "404"},
		} {
			x.p.Send("SUBSCRIBE", x.uri, x.extra...)
			x.p.Want(x.want)
		}
		l, first := light(a, uri, "Event: presence")
		if got := l.ok.Header("expires"); got != "120" {
			t.Errorf("Expires %q", got)
		}
		if !strings.Contains(first.Body(), "<note>Ready") {
			t.Errorf("\n%s", first.Body())
		}
		m, _ := light(a, "sip:2001@"+seed+"9", "Event: message-summary", "Expires: 600")
		q := n.Phone("2004", seed+"57:5060", seed+"9:5060")
		defer q.Close()
		d, _ := light(q, uri, "Event: dialog", "Expires: 9999")
		if got := d.ok.Header("expires"); got != "3600" {
			t.Errorf("Expires %q", got)
		}
		var kinds []string
		for _, e := range at["9"].agent.Subscriptions() {
			kinds = append(kinds, fmt.Sprint(e.Endpoint, " ", e.Event, " ", e.Legacy))
		}
		if got := strings.Join(kinds, ", "); got != "SIP/2001 presence true, SIP/2001 message-summary true, SIP/2004 dialog true" {
			t.Error(got)
		}
		call := c.Send("INVITE", uri, c.SDP(4000, "0"))
		early := d.next().Body()
		in := b.Want("INVITE")
		b.Reply(in, 180, "Ringing")
		if body := l.next().Body(); !strings.Contains(body, "<note>Ringing") {
			t.Errorf("\n%s", body)
		}
		if !strings.Contains(early, "<state>early") {
			t.Errorf("\n%s", early)
		}
		c.Cancel(call)
		b.Reply(b.Want("CANCEL"), 200, "OK")
		b.Reply(in, 487, "Request Terminated")
		l.next()
		d.next()
		c.After(time.Second)
		m.again("Event: message-summary", "Expires: 0")
		a.Want("200 SUBSCRIBE")
		m.next()
	})
}

// A reload that takes the right to subscribe away ends what there is when it is next
// refreshed.
func TestSubscribeNoMore(t *testing.T) {
	inLamps(t, func(s *site, p *siptest.Phone) {
		l, _ := light(p, room, "Event: presence")
		next := load(t, watchful)
		next.Endpoints["1001"].AllowSubscribe = false
		commit, diags, err := s.agent.Prepare(s.agent.Snapshot(), next)
		if err != nil {
			t.Fatal(err, diags)
		}
		commit()
		l.again("Event: presence")
		p.Want("403")
		if got := l.next().Header("subscription-state"); got != "terminated;reason=rejected" {
			t.Errorf("Subscription-State %q", got)
		}
	})
}

// A restart changes nothing for the phones: they are told the state there is then, in
// the same dialogs, with numbers that go on rising. What cannot go on is forgotten.
func TestSubscribeRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := siptest.NewNet(t)
		k := knobs{store: astdb.Memory(), hints: newHints(), mailboxes: &mailbox.Store{}}
		log := &lines{}
		start := func(conf string) (a *Agent, stop func()) {
			a = newAgent(t, &exchange{t: t, plan: plan}, conf, n.Host(pbxAddr), log, nil, &k)
			synctest.Wait()
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error, 1)
			go func() { done <- a.Run(ctx) }()
			return a, func() {
				cancel()
				if err := <-done; err != nil {
					t.Error(err)
				}
			}
		}
		k.hints.plan = map[string]string{"600@default": "Custom:x", "601@default": "Custom:y"}
		_, stop := start(watchful)
		p, q := n.Phone("1001", "198.51.100.206:5060", pbxUDP), n.Phone("1004", "198.51.100.207:5060", pbxUDP)
		defer p.Close()
		defer q.Close()
		l, first := light(p, room, "Event: dialog;id=3", "Expires: 600", "Record-Route: <sip:198.51.100.206:5060;lr>")
		gone, _ := light(p, "sip:601@"+pbxAddr, "Event: presence")
		mail, _ := light(q, "sip:"+pbxAddr, "Event: message-summary", "Expires: 300")
		if n := len(k.store.List("/subscriptions")); n != 3 { // a crash does not say that it comes
			t.Errorf("%d kept", n)
		}
		p.After(20 * time.Second)
		stop()
		p.WantNothing(time.Second)
		q.WantNothing(time.Second)
		p.After(200 * time.Second)
		k.hints.set("Custom:x", channel.DeviceInUse)
		delete(k.hints.plan, "601@default")

		a, stop := start(watchful)
		m := l.next()
		for name, want := range map[string]string{
			"event": "dialog;id=3", "subscription-state": "active;expires=37", "route": "<sip:198.51.100.206:5060;lr>",
			"from": first.Header("from"), "to": first.Header("to"), "call-id": first.Header("call-id"), "contact": first.Header("contact"),
		} {
			if got := m.Header(name); !strings.HasPrefix(got, want) {
				t.Errorf("%s: %q, want %q", name, got, want)
			}
		}
		if !strings.Contains(m.Body(), "<state>confirmed") || m.Req.CSeq().SeqNo <= first.Req.CSeq().SeqNo || strings.Contains(m.Body(), `version="1"`) {
			t.Errorf("%s", m.Raw)
		}
		mail.next()
		l.again("Event: dialog;id=3")
		p.Want("200 SUBSCRIBE")
		l.next()
		gone.again("Event: presence")
		p.Want("481")
		if n := len(a.Subscriptions()); n != 2 {
			t.Errorf("%d subscriptions", n)
		}
		p.After(302 * time.Second) // the mailbox is not refreshed
		mail.next()
		stop()
		if n := len(k.store.List("/subscriptions")); n != 1 {
			t.Errorf("%d kept", n)
		}
		p.After(time.Hour)
		_, stop = start(watchful) // too late
		p.WantNothing(time.Second)
		stop()
		if n := len(k.store.List("/subscriptions")); n != 0 {
			t.Errorf("%d kept", n)
		}
	})
}

// What is in the store may be anything.
func FuzzRestore(f *testing.F) {
	f.Add("t", `{"endpoint":"1001","event":"presence","body":"application/pidf+xml","exten":"600","call_id":"c","local":{"uri":"sip:600@x","tag":"t"},`+
		`"remote":{"uri":"sip:1001@x","tag":"r"},"target":"sip:1001@198.51.100.206","transport":"transport-udp","peer":"198.51.100.206:5060","until":9999999999,"lasts":60}`)
	f.Add("t", `{"endpoint":"SIP/x","event":"message-summary","local":{},"routes":["<"]}`)
	f.Fuzz(func(t *testing.T, tag, text string) {
		if tag == "" || strings.ContainsAny(tag, "/\x00") {
			return
		}
		synctest.Test(t, func(t *testing.T) {
			k := knobs{store: astdb.Memory(), hints: newHints(), mailboxes: &mailbox.Store{}}
			k.hints.plan = map[string]string{"600@default": "Custom:x"}
			if k.store.Put("subscriptions", tag, text) != nil {
				return
			}
			log := &lines{}
			a := newAgent(t, &exchange{t: t, plan: plan}, watchful, siptest.NewNet(t).Host(pbxAddr), log, nil, &k)
			time.Sleep(time.Second)
			a.Subscriptions()
			if err := a.Close(); err != nil {
				t.Error(err)
			}
			if strings.Contains(log.String(), "panic") {
				t.Error(log)
			}
		})
	})
}

// Whatever a phone sends, it gets an answer or nothing, and the others go on.
func FuzzSubscribe(f *testing.F) {
	f.Add("Event: presence", "Expires: 60", "Accept: */*", "Contact: <sip:a@198.51.100.206>")
	f.Add("o: dialog;id=\"", "Expires: -1", "Accept: ,;/", "Contact: *")
	f.Add("Event: message-summary", "Expires: 4294967296", "Record-Route: <sip:x;lr>", "Contact:")
	f.Fuzz(func(t *testing.T, a, b, c, d string) {
		synctest.Test(t, func(t *testing.T) {
			n := siptest.NewNet(t)
			s := &site{t: t, net: n, log: &lines{}}
			s.agent = newAgent(t, &exchange{t: t, plan: plan}, watchful, n.Host(pbxAddr), s.log, nil, &s.knobs)
			s.hints.reload(map[string]string{"600@default": "Custom:x"})
			p := n.Phone("1001", "198.51.100.206:5060", pbxUDP)
			text := func(seq int, tag string) string {
				head := fmt.Sprintf("SUBSCRIBE %s SIP/2.0\r\nVia: SIP/2.0/UDP 198.51.100.206:5060;branch=z9hG4bK%d\r\nFrom: <sip:1001@x>;tag=f\r\nTo: <%s>%s\r\n"+
					"Call-ID: c\r\nCSeq: %d SUBSCRIBE\r\nMax-Forwards: 70\r\n", room, seq, room, tag, seq)
				for _, line := range []string{a, b, c, d} {
					head += strings.NewReplacer("\r", "", "\n", "").Replace(line) + "\r\n"
				}
				return head + "Content-Length: 0\r\n\r\n"
			}
			p.SendBytes([]byte(text(1, "")))
			for range 3 {
				m := p.Next(time.Second)
				if m != nil && m.Res != nil && m.Res.StatusCode == 200 {
					p.SendBytes([]byte(text(2, ";tag="+m.Res.To().Params.GetOr("tag", "x"))))
				}
			}
			s.hints.set("Custom:x", channel.DeviceInUse)
			p.Close()
			time.Sleep(2 * time.Hour)
			if n := len(s.agent.Subscriptions()); n != 0 {
				t.Errorf("%d left", n)
			}
			if log := s.log.String(); strings.Contains(log, "panic") {
				t.Error(log)
			}
			if err := s.agent.Close(); err != nil {
				t.Error(err)
			}
		})
	})
}
