package invite

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/emiago/sipgo/sip"

	"branchline/pbx/channel"
)

// Seed: S-250.
func TestRefer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.cfg.Endpoint.AllowTransfer = true
		s, _ := r.up()
		in := r.phone.send(s, sip.REFER, "", "Refer-To: <sip:3005@198.51.100.9>")
		want(t, "REFER", in.codes(), "202")
		want(t, "Expires", headerOf(in.last(), "Expires"), "600")
		e, ok := r.mb.Next()
		if !ok || e.Kind != channel.Transfer || e.Target != "3005" || e.Referrer != "<sip:1001@198.51.100.206:5060>" {
			t.Fatalf("event %+v", e)
		}
		first := r.take(sip.NOTIFY)
		want(t, "body", string(first.req.Body()), "SIP/2.0 100 Trying\r\n")
		want(t, "Event", headerOf(first.req, "Event"), "refer;id=2")
		want(t, "state", headerOf(first.req, "Subscription-State"), "active;expires=600")
		first.respond(200, "", "")
		e.Replies <- 180
		want(t, "body", string(r.take(sip.NOTIFY).req.Body()), "SIP/2.0 180 Ringing\r\n")
		e.Replies <- 200
		close(e.Replies)
		last := r.take(sip.NOTIFY)
		want(t, "state", headerOf(last.req, "Subscription-State"), "terminated;reason=noresource")
		s.Hangup(channel.NormalClearing)
		r.sleep(goodbye)
		r.take(sip.BYE).respond(200, "", "")
		r.over(s)
	})
}

// With media flowing past us, they come back before the first NOTIFY.
func TestReferTakesMediaBackFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ra, rb, a, b := two(t)
		ra.cfg.Endpoint.AllowTransfer = true
		a.Direct(b)
		ra.take(sip.INVITE).respond(200, "t1", offerText("198.51.100.55", 6000, "0"))
		want(t, "REFER", ra.phone.send(a, sip.REFER, "", "Refer-To: <sip:3005@x>").codes(), "202")
		ra.quiet()
		a.Direct(nil) // as the bridge does
		ra.take(sip.INVITE).respond(200, "t1", offerText("198.51.100.55", 6000, "0"))
		want(t, "body", string(ra.take(sip.NOTIFY).req.Body()), "SIP/2.0 100 Trying\r\n")
		ra.phone.send(a, sip.BYE, "")
		ra.over(a)
		rb.hangup(b)
	})
}

// The transferer's channel is hung up at once, but its phone is told first, and
// hangs up itself.
func TestReferHungUp(t *testing.T) {
	for _, polite := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t)
			r.cfg.Endpoint.AllowTransfer = true
			s, _ := r.up()
			r.phone.send(s, sip.REFER, "", "Refer-To: <sip:3005@198.51.100.9>")
			e, _ := r.mb.Next()
			r.take(sip.NOTIFY).respond(200, "", "")
			s.Hangup(channel.NormalClearing)
			r.wantEvents("gone:16:0")
			r.sleep(5 * time.Second)
			r.quiet()
			e.Replies <- 200
			close(e.Replies)
			last := r.take(sip.NOTIFY)
			want(t, "body", string(last.req.Body()), "SIP/2.0 200 OK\r\n")
			last.respond(200, "", "")
			r.quiet()
			if polite {
				want(t, "BYE", r.phone.send(s, sip.BYE, "").codes(), "200")
			} else {
				r.sleep(goodbye)
				r.take(sip.BYE).respond(200, "", "")
			}
			r.over(s)
		})
	}
}

func TestReferRefused(t *testing.T) {
	tests := []struct {
		name  string
		allow bool
		extra []string
		codes string
	}{
		{"not allowed", false, []string{"Refer-To: <sip:3005@x>"}, "603"},
		{"nowhere", true, nil, "400"},
		{"two places", true, []string{"Refer-To: <sip:1@x>", "Refer-To: <sip:2@x>"}, "400"},
		{"no number", true, []string{"Refer-To: <sip:x>"}, "501"},
		{"attended", true, []string{"Refer-To: <sip:3005@x?Replaces=c%3Bto-tag%3Da%3Bfrom-tag%3Db>"}, "404"},
		{"attended by nonsense", true, []string{"Refer-To: <sip:3005@x?Replaces=c>"}, "404"},
		{"without subscription", true, []string{"Refer-To: <sip:3005@x>", "Refer-Sub: false"}, "202"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				r.cfg.Endpoint.AllowTransfer = tt.allow
				s, _ := r.up()
				want(t, "REFER", r.phone.send(s, sip.REFER, "", tt.extra...).codes(), tt.codes)
				r.quiet()
				r.hangup(s)
			})
		})
	}
}

func TestSendElsewhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		s, _ := r.up()
		s.Redirect("sip:3005@198.51.100.77")
		refer := r.take(sip.REFER)
		want(t, "Refer-To", headerOf(refer.req, "Refer-To"), "sip:3005@198.51.100.77")
		refer.respond(202, "", "")
		notify := r.phone.send(s, sip.NOTIFY, "SIP/2.0 200 OK", "Content-Type: message/sipfrag", "Event: refer", "Subscription-State: terminated")
		want(t, "NOTIFY", notify.codes(), "200")
		r.wantEvents("transferred:200")
		want(t, "other NOTIFY", r.phone.send(s, sip.NOTIFY, "", "Event: presence").codes(), "489")
		r.hangup(s)
	})
}

// TestSentElsewhere: how a party took our REFER.
func TestSentElsewhere(t *testing.T) {
	const sipfrag = "Content-Type: message/sipfrag"
	for _, c := range []struct {
		name          string
		status        int
		extra         []string
		notify, state string
		events        string
	}{
		{"refused", 603, nil, "", "", "transferred:603"},
		{"no subscription", 202, []string{"Refer-Sub: false"}, "", "", "transferred:202"},
		{"under way", 202, nil, "SIP/2.0 180 Ringing", "active", ""},
		{"busy", 202, nil, "SIP/2.0 486 Busy Here", "terminated", "transferred:486"},
		{"without a word", 202, nil, "", "terminated;reason=noresource", "transferred:200"},
		{"nonsense", 202, nil, "SIP/2.0 xx", "active", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				s, _, _ := r.call(offerText("198.51.100.206", 4000, "0"))
				s.Answer()
				s.Redirect("sip:3005@198.51.100.77")
				r.quiet() // not before the ACK
				r.phone.send(s, sip.ACK, "")
				r.take(sip.REFER).respond(c.status, "", "", c.extra...)
				if c.state != "" {
					r.phone.send(s, sip.NOTIFY, c.notify, sipfrag, "Event: refer", "Subscription-State: "+c.state)
				}
				r.wantEvents(c.events)
				r.hangup(s)
			})
		})
	}
}

// A party that never hears the end of its transfer leaves nothing behind.
func TestReferForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.cfg.Endpoint.AllowTransfer = true
		s, _ := r.up()
		r.phone.send(s, sip.REFER, "", "Refer-To: <sip:3005@198.51.100.9>")
		r.take(sip.NOTIFY)
		s.Hangup(channel.NormalClearing)
		r.sleep(32 * time.Second)
		r.take(sip.BYE).respond(200, "", "")
		r.over(s)
	})
}

func TestHeaders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		s, _ := r.up("X-One: 1", "X-Two: 2", "x-one: 3")
		if v, ok := s.Header("X-ONE", 2); !ok || v != "3" {
			t.Errorf("second X-One: %q %v", v, ok)
		}
		if _, ok := s.Header("X-One", 3); ok {
			t.Error("a third X-One")
		}
		want(t, "names", join(s.HeaderNames("x-")), "X-One X-Two")
		r.hangup(s)
	})
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		var u sip.Uri
		if err := sip.ParseUri("sip:1002@198.51.100.55", &u); err != nil {
			t.Fatal(err)
		}
		s, err := Outgoing(r.cfg, Call{Target: u})
		if err != nil {
			t.Fatal(err)
		}
		s.SetHeader("X-A", "1", true)
		s.SetHeader("X-A", "2", true)
		s.SetHeader("X-B", "1", true)
		s.SetHeader("X-B", "2", false)
		s.SetHeader("X-C", "1", true)
		s.SetHeader("X-C", "", false)
		s.SetHeader("X-D", "1\r\nEvil: 1", true)
		s.SetHeader("From", "<sip:evil>", true)
		s.Dial()
		o := r.take(sip.INVITE)
		want(t, "X-A", headerOf(o.req, "X-A"), "1 | 2")
		want(t, "X-B", headerOf(o.req, "X-B"), "2")
		want(t, "X-C", headerOf(o.req, "X-C"), "")
		want(t, "X-D", headerOf(o.req, "X-D"), "")
		if n := len(o.req.GetHeaders("From")); n != 1 {
			t.Errorf("%d From headers", n)
		}
		o.respond(486, "t", "")
		r.over(s)
	})
}

func TestFacts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		s, _ := r.up()
		for name, value := range map[string]string{
			"endpoint": "1001", "pjsip,call-id": "call-1", "rtp,dest": "198.51.100.206:4000", "rtp,src": "198.51.100.9:10000",
			"peerip": "198.51.100.206", "audionativeformat": "ulaw", "pjsip,remote_uri": "sip:1001@198.51.100.9",
			"pjsip,target_uri": "sip:1001@198.51.100.206:5060", "pjsip,request_uri": "sip:2002@198.51.100.9", "pjsip,dtmf_mode": "rfc4733",
		} {
			if got, ok := s.Fact(name); !ok || got != value {
				t.Errorf("%s = %q %v, want %q", name, got, ok, value)
			}
		}
		if _, ok := s.Fact("nonsense"); ok {
			t.Error("nonsense is a fact")
		}
		r.hangup(s)
	})
}
