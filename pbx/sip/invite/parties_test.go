package invite

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/emiago/sipgo/sip"

	"branchline/pbx/channel"
)

func headerList(m sip.Message, name string) string {
	var out []string
	for _, h := range m.GetHeaders(name) {
		out = append(out, h.Value())
	}
	return strings.Join(out, " | ")
}

// TestForwarding: what a caller learns while his call is sent elsewhere.
func TestForwarding(t *testing.T) {
	for _, c := range []struct {
		name               string
		diversion, history bool
		by, to             channel.Party
		wantDiversion      string
		wantHistory        string
	}{
		{"diversion", true, false, channel.Party{Number: "2002", Name: "Bob"}, channel.Party{Number: "3"},
			`"Bob" <sip:2002@198.51.100.9>;reason=unknown`, ""},
		{"reason", true, false, channel.Party{Number: "2002", Reason: "user-busy"}, channel.Party{},
			`<sip:2002@198.51.100.9>;reason=user-busy`, ""},
		{"neither", false, false, channel.Party{Number: "2002"}, channel.Party{Number: "3"}, "", ""},
		{"unknown", true, false, channel.Party{}, channel.Party{Number: "3"}, "", ""},
		{"history", false, true, channel.Party{Number: "2002", Reason: "user-busy"}, channel.Party{Number: "3"}, "",
			`<sip:2002@198.51.100.9>;index=1 | <sip:3@198.51.100.9;cause=486>;index=1.1`},
		{"history of the number dialled", false, true, channel.Party{}, channel.Party{}, "", `<sip:2002@198.51.100.9>;index=1`},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				r.cfg.Endpoint.SendDiversion, r.cfg.Endpoint.SendHistoryInfo = c.diversion, c.history
				s, in, _ := r.call(offerText("198.51.100.206", 4000, "0"))
				s.Forwarding(c.by, c.to)
				s.Ring()
				want(t, "answers", in.codes(), "100 181 180")
				for _, res := range in.res[1:] {
					want(t, "Diversion", headerList(res, "Diversion"), c.wantDiversion)
					want(t, "History-Info", headerList(res, "History-Info"), c.wantHistory)
				}
				s.Hangup(channel.UserBusy)
				r.over(s)
			})
		})
	}
}

// TestForwarded: what the called party says about who sends the call elsewhere.
func TestForwarded(t *testing.T) {
	for _, c := range []struct {
		name   string
		extra  []string
		events string
	}{
		{"bare", nil, "diverted:::"},
		{"diversion", []string{`Diversion: "A" <sip:77@x>;reason="no-answer"`}, "diverted:77:no-answer:"},
		{"history", []string{`History-Info: <sip:1002@x>;index=1, <sip:88@x;cause=486>;index=1.1`}, "diverted:1002:user-busy:88"},
		{"history in two", []string{`History-Info: <sip:1002@x>;index=1`, `History-Info: <sip:88@x;cause=302>;index=1.1`}, "diverted:1002:unconditional:88"},
		{"history without a past", []string{`History-Info: <sip:1002@x>;index=1`}, "diverted:::"},
		{"nonsense", []string{`Diversion: "`, `History-Info: ,,`}, "diverted:::"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				s, o := r.dialled(Call{Caller: channel.Party{Number: "1001"}})
				o.respond(181, "t1", "", c.extra...)
				r.wantEvents(c.events)
				s.Hangup(channel.NormalClearing)
				o.respond(487, "t1", "")
				r.over(s)
			})
		})
	}
}

func TestMovedBy(t *testing.T) {
	for _, c := range []struct {
		name, callerid, diversion string
		want                      string
	}{
		{"the party called", "", "", "1002 "},
		{"the endpoint's callerid", "4444", "", "4444 "},
		{"its own word", "4444", "<sip:9@x>;reason=user-busy", "9 user-busy"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				r.cfg.Endpoint.CallerID.Number = c.callerid
				s, o := r.dialled(Call{Caller: channel.Party{Number: "1001"}})
				extra := []string{"Contact: <sip:3005;phone-context=x@y>"}
				if c.diversion != "" {
					extra = append(extra, "Diversion: "+c.diversion)
				}
				o.respond(302, "t1", "", extra...)
				r.wait()
				e, _ := r.mb.Next()
				want(t, "target", e.Target, "3005")
				want(t, "by", e.Party.Number+" "+e.Party.Reason, c.want)
				r.over(s)
			})
		})
	}
}

// TestConnectedLine: a caller learns whom he reaches with the answers to his
// INVITE, and of a change by re-INVITE or UPDATE.
func TestConnectedLine(t *testing.T) {
	bob := channel.Party{Name: "Bob", Number: "2002"}
	eve := channel.Party{Name: "Eve", Number: "2003"}
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.cfg.Endpoint.SendPAI, r.cfg.Endpoint.SendRPID = true, true
		s, in, _ := r.call(offerText("198.51.100.206", 4000, "0"), "Allow: INVITE, UPDATE")
		s.ConnectedLine(bob)
		s.Ring()
		want(t, "180", headerOf(in.last(), "P-Asserted-Identity"), `"Bob" <sip:2002@198.51.100.9>`)
		want(t, "180", headerOf(in.last(), "Remote-Party-ID"), `"Bob" <sip:2002@198.51.100.9>;party=called;privacy=off;screen=no`)
		s.Answer()
		want(t, "200", headerOf(in.last(), "P-Asserted-Identity"), `"Bob" <sip:2002@198.51.100.9>`)
		s.ConnectedLine(bob)
		s.ConnectedLine(eve) // waits for the ACK
		r.quiet()
		r.phone.send(s, sip.ACK, "")
		up := r.take(sip.UPDATE)
		want(t, "UPDATE", headerOf(up.req, "P-Asserted-Identity"), `"Eve" <sip:2003@198.51.100.9>`)
		up.respond(200, "phone", "")
		s.ConnectedLine(eve)
		r.quiet()
		s.do(func() { s.peer.allow = nil })
		s.ConnectedLine(bob)
		re := r.take(sip.INVITE)
		want(t, "re-INVITE", headerOf(re.req, "P-Asserted-Identity"), `"Bob" <sip:2002@198.51.100.9>`)
		re.respond(200, "phone", offerText("198.51.100.206", 4000, "0"))
		s.Endpoint.SendConnectedLine = false
		s.ConnectedLine(eve)
		r.quiet()
		s.Hangup(channel.NormalClearing)
		r.take(sip.BYE).respond(200, "", "")
		r.over(s)
	})
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.cfg.Endpoint.SendPAI, r.cfg.Endpoint.RPIDImmediate = true, true
		s, in, _ := r.call(offerText("198.51.100.206", 4000, "0"))
		s.Ring()
		s.ConnectedLine(bob)
		want(t, "answers", in.codes(), "100 180 180")
		bob.Presentation = channel.ProhibNotScreened
		s.ConnectedLine(bob)
		want(t, "hidden", headerOf(in.last(), "P-Asserted-Identity"), "")
		s.Hangup(channel.UserBusy)
		r.over(s)
	})
}

// TestMeeting: who answers may say who it is, if it is trusted.
func TestMeeting(t *testing.T) {
	for _, c := range []struct {
		name           string
		inbound, lines bool
		events         string
	}{
		{"trusted", true, true, "identity:Bob:2002 ringing answered identity:Eve:2003"},
		{"not trusted", false, true, "ringing answered"},
		{"lines not trusted", true, false, "ringing answered"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				r.cfg.Endpoint.TrustIDInbound, r.cfg.Endpoint.TrustConnectedLine = c.inbound, c.lines
				s, o := r.dialled(Call{Caller: channel.Party{Number: "1001"}})
				rpid := `Remote-Party-ID: "Bob" <sip:2002@x>;party=called`
				o.respond(180, "t1", "", rpid)
				o.respond(200, "t1", offerText("198.51.100.55", 6000, "0"), rpid)
				r.phone = phone{r: r, tag: "t1", callID: s.uac.callID, user: "1002", addr: "198.51.100.55:5062", serverTag: s.uac.tag, seq: 100, to: "sip:1001@198.51.100.9"}
				r.phone.send(s, sip.UPDATE, "", `P-Asserted-Identity: "Eve" <sip:2003@x>`)
				r.wantEvents(c.events)
				s.Hangup(channel.NormalClearing)
				r.take(sip.BYE).respond(200, "", "")
				r.over(s)
			})
		})
	}
}
