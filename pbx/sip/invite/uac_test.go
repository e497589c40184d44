package invite

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emiago/sipgo/sip"

	"branchline/media"
	"branchline/pbx/channel"
	"branchline/pbx/sip/link"
)

func TestOutboundInvite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		s, o := r.dialled(Call{
			Caller:  channel.Party{Number: "1001", Name: `Anna "A"`},
			Codecs:  []*media.Codec{media.PCMA},
			Headers: []channel.Header{{Name: "X-Test", Value: "1"}, {Name: "Via", Value: "never"}},
		})
		var names []string
		for _, h := range o.req.Headers() {
			names = append(names, h.Name())
		}
		want(t, "order", join(names), "From To Contact Call-ID CSeq Allow Supported Session-Expires Min-SE X-Test Max-Forwards User-Agent Content-Type Content-Length")
		want(t, "From", strings.Split(headerOf(o.req, "From"), ";")[0], `"Anna \"A\"" <sip:1001@198.51.100.9>`)
		want(t, "To", headerOf(o.req, "To"), "<sip:1002@198.51.100.55>")
		want(t, "Contact", headerOf(o.req, "Contact"), "<sip:asterisk@198.51.100.9:5060>")
		want(t, "Session-Expires", headerOf(o.req, "Session-Expires"), "1800")
		want(t, "Min-SE", headerOf(o.req, "Min-SE"), "90")
		want(t, "Request-URI", o.req.Recipient.String(), "sip:1002@198.51.100.55:5062")
		contains(t, "caller's codec first", string(o.req.Body()), "m=audio 10000 RTP/AVP 8 0 101\r\n")
		s.Hangup(channel.NoCause)
		r.wantEvents("gone:0:0")
		if o.cancelled {
			t.Error("CANCEL before any provisional response") // 9.1
		}
		o.respond(100, "", "")
		if !o.cancelled {
			t.Error("no CANCEL after the provisional response")
		}
		want(t, "Reason", o.cancelWith[0].Value(), "Q.850;cause=0")
		o.respond(487, "x", "")
		r.over(s)
	})
}

func TestOutboundCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		s, o := r.talking()
		if len(r.acks) != 1 {
			t.Fatalf("%d ACKs", len(r.acks))
		}
		ack := r.acks[0]
		want(t, "ACK CSeq", headerOf(ack, "CSeq"), "1 ACK")
		want(t, "ACK target", ack.Recipient.String(), "sip:callee@198.51.100.55:5062")
		o.respond(200, "t1", offerText("198.51.100.55", 6000, "0")) // repeated: the ACK was lost
		if len(r.acks) != 2 {
			t.Errorf("%d ACKs after a repeated 200", len(r.acks))
		}
		want(t, "remote", r.ports[0].last().Remote.String(), "198.51.100.55:6000")
		if v, _ := s.Fact("rtp,dest"); v != "198.51.100.55:6000" {
			t.Errorf("rtp,dest = %q", v)
		}
		s.Hangup(channel.NormalClearing)
		bye := r.take(sip.BYE)
		r.wantEvents("gone:16:0")
		var names []string
		for _, h := range bye.req.Headers() {
			names = append(names, h.Name())
		}
		want(t, "BYE", join(names), "From To Call-ID CSeq Reason Max-Forwards User-Agent Content-Length")
		want(t, "BYE CSeq", headerOf(bye.req, "CSeq"), "2 BYE")
		bye.respond(200, "", "")
		r.over(s)
	})
}

// Who has the ACK may ask for something in the dialog at once: whoever looks for it then
// must find it.
func TestOutboundDialogIsThereBeforeTheAck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		s, o := r.dialled(Call{})
		o.respond(200, "t1", offerText("198.51.100.55", 6000, "0"))
		r.wantEvents("answered")
		if r.dialogsAtAck != 1 {
			t.Errorf("%d dialogs known when the ACK was sent", r.dialogsAtAck)
		}
		s.Hangup(channel.NormalClearing)
		r.wantEvents("gone:16:0")
		r.take(sip.BYE).respond(200, "", "")
		r.over(s)
	})
}

func TestOutboundFailures(t *testing.T) {
	tests := []struct {
		status int
		reason string
		cause  channel.Cause
	}{
		{400, "", 127}, {403, "", 21}, {404, "", 1}, {408, "", 18}, {410, "", 22}, {420, "", 3}, {480, "", 19},
		{481, "", 127}, {484, "", 28}, {486, "", 17}, {487, "", 127}, {488, "", 58}, {491, "", 127}, {500, "", 38},
		{501, "", 29}, {502, "", 27}, {503, "", 34}, {504, "", 102}, {505, "", 127}, {513, "", 34}, {600, "", 17},
		{603, "", 21}, {604, "", 1}, {606, "", 58}, {302, "", 0}, {401, "", 21},
		{480, "Q.850;cause=20", 20}, {603, `SIP;cause=200, Q.850 ;cause=26`, 26},
	}
	for _, tt := range tests {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t)
			s, o := r.dialled(Call{})
			var extra []string
			if tt.reason != "" {
				extra = append(extra, "Reason: "+tt.reason)
			}
			o.respond(100, "", "")
			if tt.status == 302 {
				extra = append(extra, "Contact: *")
			}
			o.respond(tt.status, "t1", "", extra...)
			r.wantEvents(fmt.Sprintf("gone:%d:%d", tt.cause, tt.status))
			r.over(s)
		})
	}
}

func TestOutboundUndelivered(t *testing.T) {
	for err, events := range map[error]string{
		link.ErrTimeout: "gone:18:408",
		fmt.Errorf("connection refused: %w", link.ErrUnreachable): "gone:34:503",
		errors.New("anything"): "gone:34:503",
	} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t)
			s, o := r.dialled(Call{})
			o.reply(link.Reply{Err: err})
			r.wantEvents(events)
			r.over(s)
		})
	}
}

func TestOutboundForks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		s, o := r.dialled(Call{})
		o.respond(180, "t1", "")
		o.respond(183, "t2", offerText("198.51.100.56", 6002, "0"))
		r.wantEvents("ringing progressed")
		if len(r.dialogs) != 2 {
			t.Errorf("%d early dialogs", len(r.dialogs))
		}
		o.respond(200, "t1", offerText("198.51.100.55", 6000, "8"))
		r.wantEvents("answered")
		want(t, "winner's media", r.ports[0].last().Remote.String(), "198.51.100.55:6000")
		if len(r.dialogs) != 1 {
			t.Errorf("%d dialogs", len(r.dialogs))
		}
		o.respond(200, "t2", offerText("198.51.100.56", 6002, "0"), "Contact: <sip:other@198.51.100.56>")
		if len(r.acks) != 2 {
			t.Fatalf("%d ACKs", len(r.acks))
		}
		bye := r.take(sip.BYE)
		contains(t, "BYE for the loser", headerOf(bye.req, "To"), "tag=t2")
		want(t, "BYE target", bye.req.Recipient.String(), "sip:other@198.51.100.56")
		bye.respond(200, "", "")
		r.wantEvents("")
		r.phone = phone{r: r, tag: "t1", callID: s.uac.callID, user: "1002", addr: "198.51.100.55:5062", serverTag: s.uac.tag, to: "sip:1001@198.51.100.9"}
		r.phone.send(s, sip.BYE, "")
		r.wantEvents("gone:16:0")
		r.over(s)
	})
}

func TestOutboundCancelCrossesAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		s, o := r.dialled(Call{})
		o.respond(180, "t1", "")
		s.Hangup(channel.AnsweredElsewhere)
		r.wait()
		if !o.cancelled {
			t.Fatal("no CANCEL")
		}
		want(t, "Reason", o.cancelWith[0].Value(), `SIP;cause=200;text="Call completed elsewhere"`)
		o.respond(200, "t1", offerText("198.51.100.55", 6000, "0"))
		if len(r.acks) != 1 {
			t.Error("200 after CANCEL not acknowledged")
		}
		bye := r.take(sip.BYE)
		r.wantEvents("ringing gone:26:0")
		bye.respond(200, "", "")
		r.over(s)
	})
}

func TestOutboundCancelNeverAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		s, o := r.dialled(Call{})
		o.respond(180, "t1", "")
		s.Hangup(channel.NoCause)
		r.sleep(33 * time.Second)
		if !o.terminated {
			t.Error("transaction not given up after 64*T1")
		}
		r.wantEvents("ringing gone:0:0")
		r.over(s)
	})
}

// credentials answer every challenge, once.
type credentials struct{ used int }

func (c *credentials) Authorize(req *sip.Request, res *sip.Response) error {
	if c.used++; c.used > 1 {
		return errors.New("refused")
	}
	req.AppendHeader(sip.NewHeader("Authorization", "Digest x"))
	return nil
}

// Seed: S-263.
func TestOutboundChallenge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.cfg.Credentials = &credentials{}
		s, o := r.dialled(Call{})
		o.respond(401, "t0", "", `WWW-Authenticate: Digest realm="x"`)
		second := r.take(sip.INVITE)
		want(t, "CSeq", headerOf(second.req, "CSeq"), "2 INVITE")
		want(t, "Call-ID", headerOf(second.req, "Call-ID"), headerOf(o.req, "Call-ID"))
		want(t, "From", headerOf(second.req, "From"), headerOf(o.req, "From"))
		want(t, "Authorization", headerOf(second.req, "Authorization"), "Digest x")
		second.respond(200, "t1", offerText("198.51.100.55", 6000, "0"))
		want(t, "ACK has the credentials", headerOf(r.acks[0], "Authorization"), "Digest x")
		want(t, "ACK CSeq", headerOf(r.acks[0], "CSeq"), "2 ACK")
		r.wantEvents("answered")
		s.Hangup(channel.NormalClearing)
		bye := r.take(sip.BYE)
		want(t, "BYE CSeq", headerOf(bye.req, "CSeq"), "3 BYE")
		bye.respond(200, "", "")
		r.over(s)
	})
}

func TestOutboundChallengedTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.cfg.Credentials = &credentials{}
		s, o := r.dialled(Call{})
		o.respond(401, "t0", "")
		r.take(sip.INVITE).respond(401, "t0", "")
		r.quiet()
		r.wantEvents("gone:21:401")
		r.over(s)
	})
}

func TestOutboundSessionTimerTooSmall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		s, o := r.dialled(Call{})
		o.respond(422, "t0", "", "Min-SE: 3600")
		second := r.take(sip.INVITE)
		want(t, "Session-Expires", headerOf(second.req, "Session-Expires"), "3600")
		want(t, "Min-SE", headerOf(second.req, "Min-SE"), "3600")
		second.respond(486, "t0", "")
		r.wantEvents("gone:17:486")
		r.over(s)
	})
}

func TestOutboundForwarded(t *testing.T) {
	tests := []struct{ method, events string }{
		{"user", "forwarded:3005 gone:23:302"},
		{"uri_core", "forwarded:PJSIP/1001/sip:3005@198.51.100.77 gone:23:302"},
	}
	for _, tt := range tests {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t)
			r.cfg.Endpoint.RedirectMethod = tt.method
			s, o := r.dialled(Call{})
			o.respond(302, "t0", "", "Contact: <sip:3005@198.51.100.77>")
			r.wantEvents(tt.events)
			r.over(s)
		})
	}
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.cfg.Endpoint.RedirectMethod = "uri_pjsip"
		s, o := r.dialled(Call{})
		o.respond(302, "t0", "", "Contact: <sip:3005@198.51.100.77>")
		second := r.take(sip.INVITE)
		want(t, "Request-URI", second.req.Recipient.String(), "sip:3005@198.51.100.77")
		second.respond(404, "t0", "")
		r.wantEvents("gone:1:404")
		r.over(s)
	})
}

func TestOutboundReliableProvisional(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		s, o := r.dialled(Call{})
		o.respond(183, "t1", offerText("198.51.100.55", 6000, "0"), "Require: 100rel", "RSeq: 9")
		prack := r.take(sip.PRACK)
		want(t, "RAck", headerOf(prack.req, "RAck"), "9 1 INVITE")
		want(t, "CSeq", headerOf(prack.req, "CSeq"), "2 PRACK")
		prack.respond(200, "", "")
		o.respond(183, "t1", offerText("198.51.100.55", 6000, "0"), "Require: 100rel", "RSeq: 9")
		r.quiet() // a repetition
		r.wantEvents("progressed")
		o.respond(200, "t1", "")
		r.wantEvents("answered")
		s.Hangup(channel.NormalClearing)
		bye := r.take(sip.BYE)
		want(t, "BYE CSeq", headerOf(bye.req, "CSeq"), "3 BYE")
		bye.respond(200, "", "")
		r.over(s)
	})
}

func TestOutboundAnsweredWithoutMedia(t *testing.T) {
	for _, body := range []string{"", offerText("198.51.100.55", 6000, "18"), "junk"} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t)
			s, o := r.dialled(Call{})
			o.respond(200, "t1", body)
			if len(r.acks) != 1 {
				t.Error("no ACK")
			}
			r.take(sip.BYE).respond(200, "", "")
			r.wantEvents("gone:58:488")
			r.over(s)
		})
	}
}

func TestOutboundRouteSet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		s, o := r.dialled(Call{})
		o.respond(200, "t1", offerText("198.51.100.55", 6000, "0"),
			"Record-Route: <sip:p1.example;lr>", "Record-Route: <sip:p2.example;lr>")
		want(t, "ACK route", headerOf(r.acks[0], "Route"), "<sip:p2.example;lr> | <sip:p1.example;lr>")
		s.Hangup(channel.NormalClearing)
		bye := r.take(sip.BYE)
		want(t, "BYE route", headerOf(bye.req, "Route"), "<sip:p2.example;lr> | <sip:p1.example;lr>")
		bye.reply(link.Reply{Err: link.ErrTimeout})
		r.wantEvents("answered gone:16:0")
		r.over(s)
	})
}

func TestOutboundNeverDialled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		s, err := Outgoing(r.cfg, Call{})
		if err != nil {
			t.Fatal(err)
		}
		s.Hangup(channel.NormalClearing) // before Bind: the event waits
		r.wait()
		s.Bind(r.mb)
		r.quiet()
		r.wantEvents("gone:16:0")
		r.over(s)
	})
}

func TestOutboundIdentity(t *testing.T) {
	hidden := channel.Party{Number: "1001", Name: "Anna", Presentation: channel.ProhibPassedScreen}
	open := channel.Party{Number: "1001", Name: "Anna"}
	tests := []struct {
		name            string
		caller          channel.Party
		edit            func(c *Config)
		from, pai, rpid string
	}{
		{"plain", open, func(*Config) {}, `"Anna" <sip:1001@198.51.100.9>`, "", ""},
		{"both headers", open, func(c *Config) { c.Endpoint.SendPAI, c.Endpoint.SendRPID = true, true }, `"Anna" <sip:1001@198.51.100.9>`,
			`"Anna" <sip:1001@198.51.100.9>`, `"Anna" <sip:1001@198.51.100.9>;party=calling;privacy=off;screen=no`},
		{"hidden", hidden, func(c *Config) { c.Endpoint.SendPAI = true }, `"Anonymous" <sip:anonymous@anonymous.invalid>`, "", ""},
		{"hidden but trusted", hidden, func(c *Config) { c.Endpoint.SendPAI, c.Endpoint.TrustIDOutbound = true, true },
			`"Anonymous" <sip:anonymous@anonymous.invalid>`, `"Anna" <sip:1001@198.51.100.9>`, ""},
		{"from_user and domain", open, func(c *Config) { c.Endpoint.FromUser, c.Endpoint.FromDomain = "acct", "example.org" },
			`"Anna" <sip:acct@example.org>`, "", ""},
		{"nobody", channel.Party{}, func(*Config) {}, `<sip:asterisk@198.51.100.9>`, "", ""},
		{"hostile", channel.Party{Number: "1>\r\nX: 1"}, func(*Config) {}, `<sip:1%3E%0D%0AX%3A%201@198.51.100.9>`, "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				tt.edit(&r.cfg)
				s, o := r.dialled(Call{Caller: tt.caller})
				want(t, "From", strings.Split(headerOf(o.req, "From"), ";tag")[0], tt.from)
				want(t, "PAI", headerOf(o.req, "P-Asserted-Identity"), tt.pai)
				want(t, "RPID", headerOf(o.req, "Remote-Party-ID"), tt.rpid)
				o.respond(486, "t", "")
				r.over(s)
			})
		})
	}
}
