package invite

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emiago/sipgo/sip"

	"branchline/media"
	"branchline/pbx/channel"
	"branchline/pbx/settings"
	"branchline/pbx/sip/compose"
	"branchline/pbx/sip/link"
)

// hangup ends a confirmed session from our side.
func (r *rig) hangup(s *Session) {
	r.t.Helper()
	s.Hangup(channel.NormalClearing)
	r.take(sip.BYE).respond(200, "", "")
	r.events()
	r.over(s)
}

func TestHoldAndResume(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		s, _ := r.up()
		hold := r.phone.send(s, sip.INVITE, offerText("198.51.100.206", 4000, "0 8 101", "sendonly"))
		want(t, "hold", hold.codes(), "200")
		contains(t, "answer", string(hold.last().Body()), "a=recvonly\r\n")
		contains(t, "version rises", string(hold.last().Body()), "o=- 7 4 IN")
		r.phone.send(s, sip.ACK, "")
		r.wantEvents("held")
		if f := r.ports[0].last(); f.Send || !f.Recv {
			t.Errorf("flow on hold %+v", f)
		}
		back := r.phone.send(s, sip.INVITE, offerText("198.51.100.206", 4002, "0 8 101"))
		contains(t, "answer", string(back.last().Body()), "a=sendrecv\r\n")
		r.phone.send(s, sip.ACK, "")
		r.wantEvents("unheld")
		want(t, "new address", r.ports[0].last().Remote.String(), "198.51.100.206:4002")
		r.hangup(s)
	})
}

func TestHoldByZeroAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		s, _ := r.up()
		r.phone.send(s, sip.INVITE, offerText("0.0.0.0", 4000, "0"))
		r.phone.send(s, sip.ACK, "")
		r.wantEvents("held")
		r.hangup(s)
	})
}

func TestReinviteUnchangedKeepsVersion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		s, first := r.up()
		again := r.phone.send(s, sip.INVITE, offerText("198.51.100.206", 4000, "0 8 101"))
		want(t, "same description", string(again.last().Body()), string(first.last().Body()))
		r.phone.send(s, sip.ACK, "")
		r.hangup(s)
	})
}

func TestReinviteRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		s, _ := r.up()
		want(t, "no codec", r.phone.send(s, sip.INVITE, offerText("198.51.100.206", 4000, "18")).codes(), "488")
		want(t, "no SDP", r.phone.send(s, sip.INVITE, "x", "Content-Type: text/plain").codes(), "415")
		want(t, "extension", r.phone.send(s, sip.INVITE, "", "Require: bar").codes(), "420")
		want(t, "still talking", r.ports[0].last().Remote.String(), "198.51.100.206:4000")
		r.wantEvents("")
		r.hangup(s)
	})
}

func TestReinviteWithoutOffer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		s, _ := r.up()
		in := r.phone.send(s, sip.INVITE, "")
		contains(t, "our offer", string(in.last().Body()), "m=audio 10000 RTP/AVP 0 8 101\r\n")
		glare := r.phone.send(s, sip.INVITE, offerText("198.51.100.206", 4000, "0"))
		want(t, "second offer before the answer", glare.codes(), "491")
		r.phone.seq--
		r.phone.send(s, sip.ACK, offerText("198.51.100.206", 4010, "8"))
		r.phone.seq++
		want(t, "answer from the ACK", r.ports[0].last().Remote.String(), "198.51.100.206:4010")
		r.hangup(s)
	})
}

func TestReinviteTwoHundredRepeats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		s, _ := r.up()
		in := r.phone.send(s, sip.INVITE, offerText("198.51.100.206", 4000, "0"))
		r.sleep(time.Second)
		want(t, "repeated", in.codes(), "200 200")
		r.sleep(32 * time.Second)
		r.take(sip.BYE).respond(200, "", "")
		r.wantEvents("gone:18:408")
		r.over(s)
	})
}

func TestReinviteBeforeAck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		s, _, _ := r.call(offerText("198.51.100.206", 4000, "0"))
		s.Answer()
		r.wait()
		want(t, "re-INVITE", r.phone.send(s, sip.INVITE, offerText("198.51.100.206", 4002, "0")).codes(), "491")
		r.phone.seq--
		r.phone.send(s, sip.ACK, "")
		r.phone.seq++
		r.hangup(s)
	})
}

func TestReinviteWithoutOfferAndAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		s, _ := r.up()
		want(t, "re-INVITE", r.phone.send(s, sip.INVITE, "").codes(), "200")
		r.phone.send(s, sip.ACK, "")
		r.wantEvents("")
		want(t, "media as before", r.ports[0].last().Remote.String(), "198.51.100.206:4000")
		r.hangup(s)
	})
}

func TestOrderOfRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		s, _ := r.up()
		relay := "Content-Type: application/dtmf-relay"
		r.phone.seq = 2
		late := r.phone.request(sip.INFO, "Signal=1\r\nDuration=100\r\n", relay)
		r.phone.seq = 3
		early := r.phone.request(sip.INFO, "Signal=2\r\nDuration=100\r\n", relay)
		s.Receive(early.req, early)
		want(t, "overtaker waits", early.codes(), "")
		s.Receive(late.req, late)
		want(t, "both served", late.codes()+" "+early.codes(), "200 200")
		r.wantEvents("digit:1 end:1:100ms digit:2 end:2:100ms")

		r.phone.seq = 6 // a gap that is never filled
		gap := r.phone.request(sip.INFO, "Signal=3\r\n", relay)
		s.Receive(gap.req, gap)
		want(t, "waits", gap.codes(), "")
		r.sleep(100 * time.Millisecond)
		want(t, "and is served", gap.codes(), "200")
		r.phone.seq = 5
		stale := r.phone.request(sip.INFO, "", relay)
		s.Receive(stale.req, stale)
		want(t, "too late", stale.codes(), "500")
		r.hangup(s)
	})
}

func TestOtherRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		s, _ := r.up()
		options := r.phone.send(s, sip.OPTIONS, "")
		want(t, "OPTIONS", options.codes(), "200")
		want(t, "Allow", headerOf(options.last(), "Allow"), compose.Allow)
		want(t, "UPDATE", r.phone.send(s, sip.UPDATE, "").codes(), "200")
		moved := r.phone.send(s, sip.UPDATE, offerText("198.51.100.206", 4020, "0"))
		contains(t, "UPDATE with offer", string(moved.last().Body()), "m=audio 10000")
		want(t, "applied", r.ports[0].last().Remote.String(), "198.51.100.206:4020")
		want(t, "PRACK", r.phone.send(s, sip.PRACK, "", "RAck: 1 1 INVITE").codes(), "481")
		want(t, "unknown", r.phone.send(s, "FOO", "").codes(), "501")
		other := r.phone
		other.tag = "stranger"
		want(t, "wrong tag", other.send(s, sip.INFO, "").codes(), "481")
		r.hangup(s)
		want(t, "after the end", r.phone.send(s, sip.BYE, "").codes(), "481")
	})
}

func TestInfoDigits(t *testing.T) {
	tests := []struct{ kind, body, events string }{
		{"application/dtmf-relay", "Signal=5\r\nDuration=160\r\n", "digit:5 end:5:160ms"},
		{"application/dtmf-relay", "Signal= *\nDuration= 90\n", "digit:* end:*:90ms"},
		{"application/dtmf-relay", "Signal=11\r\n", "digit:# end:#:100ms"},
		{"application/dtmf", "7", "digit:7 end:7:100ms"},
		{"application/dtmf", "d", "digit:D end:D:100ms"},
		{"application/dtmf", "16", ""},
		{"application/dtmf-relay", "Duration=5", ""},
		{"text/plain", "5", ""},
	}
	for _, tt := range tests {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t)
			s, _ := r.up()
			in := r.phone.send(s, sip.INFO, tt.body, "Content-Type: "+tt.kind)
			want(t, "INFO", in.codes(), "200")
			r.wantEvents(tt.events)
			r.hangup(s)
		})
	}
}

// Seed: S-086.
func TestDigitModes(t *testing.T) {
	tests := []struct {
		mode    settings.DTMFMode
		formats string
		digits  media.DigitMode
		offered bool
	}{
		{settings.DTMFRFC4733, "0 101", media.RFC4733, true},
		{settings.DTMFRFC4733, "0", media.DigitsNone, false},
		{settings.DTMFInband, "0 101", media.Inband, false},
		{settings.DTMFInfo, "0 101", media.InSignalling, false},
		{settings.DTMFAuto, "0 101", media.RFC4733, true},
		{settings.DTMFAuto, "0", media.Inband, false},
		{settings.DTMFAutoInfo, "0 101", media.RFC4733, true},
		{settings.DTMFAutoInfo, "0", media.InSignalling, false},
		{settings.DTMFNone, "0 101", media.DigitsNone, false},
	}
	for _, tt := range tests {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t)
			r.cfg.Endpoint.DTMF = tt.mode
			s, in, _ := r.call(offerText("198.51.100.206", 4000, tt.formats))
			s.Answer()
			r.wait()
			if got := strings.Contains(string(in.last().Body()), "telephone-event"); got != tt.offered {
				t.Errorf("mode %d, formats %s: telephone-event %v", tt.mode, tt.formats, got)
			}
			if got := r.ports[0].last().Digits; got != tt.digits {
				t.Errorf("mode %d, formats %s: digits %d, want %d", tt.mode, tt.formats, got, tt.digits)
			}
			r.phone.send(s, sip.ACK, "")
			if s.SendDigit('5', 160*time.Millisecond) != (tt.digits == media.InSignalling) {
				t.Errorf("mode %d: SendDigit", tt.mode)
			}
			if tt.digits == media.InSignalling {
				info := r.take(sip.INFO)
				want(t, "body", string(info.req.Body()), "Signal=5\r\nDuration=160\r\n")
				want(t, "type", headerOf(info.req, "Content-Type"), "application/dtmf-relay")
				info.respond(200, "", "")
			}
			r.hangup(s)
		})
	}
}

func TestMediaEventsReachTheOwner(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		s, _ := r.up()
		ev := r.ports[0].events
		ev(media.Event{Kind: media.DigitBegin, Digit: '4'})
		ev(media.Event{Kind: media.DigitEnd, Digit: '4', Length: 80 * time.Millisecond})
		ev(media.Event{Kind: media.Silent})
		r.wantEvents("digit:4 end:4:80ms medialost")
		s.Hangup(channel.NormalClearing)
		r.wait()
		ev(media.Event{Kind: media.DigitBegin, Digit: '5'})
		r.wantEvents("gone:16:0")
		r.take(sip.BYE).respond(200, "", "")
		r.over(s)
	})
}

func TestSessionTimerAsCallee(t *testing.T) {
	tests := []struct {
		name, expires, answered, require string
		gone                             time.Duration
	}{
		{"phone refreshes", "90;refresher=uac", "90;refresher=uac", "timer", 60 * time.Second},
		{"no preference", "1800", "1800;refresher=uac", "timer", 1768 * time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				s, in := r.up("Supported: timer", "Session-Expires: "+tt.expires)
				want(t, "Session-Expires", headerOf(in.last(), "Session-Expires"), tt.answered)
				want(t, "Require", headerOf(in.last(), "Require"), tt.require)
				r.sleep(tt.gone - time.Second)
				r.wantEvents("")
				up := r.phone.send(s, sip.UPDATE, "", "Supported: timer", "Session-Expires: "+tt.expires)
				want(t, "refresh", headerOf(up.last(), "Session-Expires"), tt.answered)
				r.sleep(tt.gone - time.Second)
				r.wantEvents("")
				r.sleep(2 * time.Second)
				r.wantEvents("gone:102:408")
				r.take(sip.BYE).respond(200, "", "")
				r.over(s)
			})
		})
	}
}

func TestSessionTimerWeRefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		s, _ := r.talking("Require: timer", "Session-Expires: 100;refresher=uac", "Allow: INVITE, ACK, BYE, UPDATE")
		r.sleep(49 * time.Second)
		r.quiet()
		r.sleep(2 * time.Second)
		update := r.take(sip.UPDATE)
		want(t, "Session-Expires", headerOf(update.req, "Session-Expires"), "100;refresher=uac")
		if len(update.req.Body()) != 0 {
			t.Error("refresh carries media")
		}
		update.respond(200, "t1", "", "Session-Expires: 100;refresher=uac")
		r.sleep(50 * time.Second)
		r.take(sip.UPDATE).respond(481, "t1", "")
		r.wantEvents("gone:18:408")
		r.take(sip.BYE).respond(481, "", "")
		r.over(s)
	})
}

func TestSessionTimerRefreshByReinvite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		s, first := r.talking("Require: timer", "Session-Expires: 100;refresher=uac", "Allow: INVITE, ACK, BYE")
		r.sleep(51 * time.Second)
		re := r.take(sip.INVITE)
		want(t, "same offer", string(re.req.Body()), string(first.req.Body()))
		re.respond(200, "t1", offerText("198.51.100.55", 6000, "0"), "Session-Expires: 100;refresher=uac")
		if len(r.acks) != 2 {
			t.Errorf("%d ACKs", len(r.acks))
		}
		re.respond(200, "t1", offerText("198.51.100.55", 6000, "0"))
		if len(r.acks) != 3 {
			t.Errorf("%d ACKs after a repeated 200", len(r.acks))
		}
		r.hangup(s)
	})
}

func TestSessionTimerNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.cfg.Endpoint.Timers = "no"
		s, in := r.up("Supported: timer", "Session-Expires: 30")
		want(t, "Session-Expires", headerOf(in.last(), "Session-Expires"), "")
		r.sleep(time.Hour)
		r.wantEvents("")
		r.hangup(s)
	})
}

// two makes two confirmed outbound sessions in one bubble, a's rig in front.
func two(t *testing.T) (ra, rb *rig, a, b *Session) {
	ra, rb = newRig(t), newRig(t)
	a, _ = ra.talking()
	rb.cfg.Endpoint = endpoint("1002")
	b, o := rb.dialled(Call{})
	o.respond(200, "t1", offerText("198.51.100.77", 7000, "0"))
	rb.wantEvents("answered")
	rb.phone = phone{r: rb, tag: "t1", callID: b.uac.callID, user: "1002", addr: "198.51.100.77:5060", serverTag: b.uac.tag, to: "sip:1001@198.51.100.9"}
	return ra, rb, a, b
}

func TestDirectMedia(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ra, rb, a, b := two(t)
		if !a.CanDirect(b) || !b.CanDirect(a) {
			t.Fatal("cannot go direct")
		}
		a.Direct(b)
		b.Direct(a)
		ia, ib := ra.take(sip.INVITE), rb.take(sip.INVITE)
		contains(t, "to a: b's address", string(ia.req.Body()), "c=IN IP4 198.51.100.77\r\n")
		contains(t, "to a: b's port and the codec in use", string(ia.req.Body()), "m=audio 7000 RTP/AVP 0 101\r\n")
		contains(t, "to b", string(ib.req.Body()), "m=audio 6000 RTP/AVP 0 101\r\n")
		ia.respond(200, "t1", offerText("198.51.100.55", 6000, "0"))
		ib.respond(200, "t1", offerText("198.51.100.77", 7000, "0"))

		// b moves: a must hear of it.
		rb.phone.send(b, sip.INVITE, offerText("198.51.100.77", 7100, "0"))
		rb.phone.send(b, sip.ACK, "")
		ia = ra.take(sip.INVITE)
		contains(t, "to a: b's new port", string(ia.req.Body()), "m=audio 7100 ")
		ia.respond(200, "t1", offerText("198.51.100.55", 6000, "0"))

		// b hangs up: a's media comes back, then a is hung up too.
		rb.phone.send(b, sip.BYE, "")
		rb.wantEvents("gone:16:0")
		rb.over(b)
		a.Hangup(channel.NormalClearing)
		ia = ra.take(sip.INVITE)
		contains(t, "back to us", string(ia.req.Body()), "c=IN IP4 198.51.100.9\r\n")
		contains(t, "back to us", string(ia.req.Body()), "m=audio 10000 ")
		ra.quiet() // the BYE waits for it
		ia.respond(200, "t1", offerText("198.51.100.55", 6000, "0"))
		ra.take(sip.BYE).respond(200, "", "")
		ra.wantEvents("gone:16:0")
		ra.over(a)
	})
}

// The bridge begins before the caller's ACK, or even our 200, has made its way.
func TestDirectMediaBeforeAck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ra, rb := newRig(t), newRig(t)
		b, _ := rb.talking()
		a, in, err := ra.call(offerText("198.51.100.206", 4000, "0"))
		if err != nil {
			t.Fatal(err)
		}
		a.Answer()
		if !a.CanDirect(b) || !b.CanDirect(a) {
			t.Fatal("cannot go direct")
		}
		a.Direct(b)
		b.Direct(a)
		contains(t, "our own address in the 200", string(in.last().Body()), "c=IN IP4 198.51.100.9\r\n")
		ra.quiet()
		contains(t, "b at once", string(rb.take(sip.INVITE).req.Body()), "m=audio 4000 RTP/AVP 0 101\r\n")
		ra.phone.send(a, sip.ACK, "")
		contains(t, "a after the ACK", string(ra.take(sip.INVITE).req.Body()), "m=audio 6000 RTP/AVP 0 101\r\n")
		ra.phone.send(a, sip.BYE, "")
		rb.phone.send(b, sip.BYE, "")
		ra.over(a)
		rb.over(b)
	})
}

func TestDirectMediaRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ra, rb, a, b := two(t)
		a.Direct(b)
		b.Direct(a)
		ia, ib := ra.take(sip.INVITE), rb.take(sip.INVITE)
		ia.respond(200, "t1", offerText("198.51.100.55", 6000, "0"))
		ib.respond(488, "t1", "")
		ia = ra.take(sip.INVITE)
		contains(t, "a comes back", string(ia.req.Body()), "m=audio 10000 ")
		ia.respond(200, "t1", offerText("198.51.100.55", 6000, "0"))
		rb.quiet()
		ra.wantEvents("")
		rb.wantEvents("")
		ra.hangup(a)
		rb.hangup(b)
	})
}

// Seed: S-089.
func TestDirectMediaConditions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ra, rb, a, b := two(t)
		b.Endpoint.DirectMedia = false
		if a.CanDirect(b) || b.CanDirect(a) {
			t.Error("direct against the endpoint's will")
		}
		b.Endpoint.DirectMedia = true
		rb.phone.send(b, sip.INVITE, offerText("198.51.100.77", 7000, "0", "inactive"))
		rb.phone.send(b, sip.ACK, "")
		if a.CanDirect(b) {
			t.Error("direct to a party on hold")
		}
		rb.phone.send(b, sip.INVITE, offerText("198.51.100.77", 7000, "8"))
		rb.phone.send(b, sip.ACK, "")
		if a.CanDirect(b) {
			t.Error("direct between different codecs")
		}
		rb.events()
		ra.hangup(a)
		rb.hangup(b)
	})
}

// Seed: S-282.
func TestGlare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ra, rb, a, b := two(t)
		a.Direct(b)
		ours := ra.take(sip.INVITE)
		theirs := ra.phone.send(a, sip.INVITE, offerText("198.51.100.55", 6000, "0"))
		want(t, "crossing re-INVITE", theirs.codes(), "491")
		update := ra.phone.send(a, sip.UPDATE, offerText("198.51.100.55", 6000, "0"))
		want(t, "crossing UPDATE", update.codes(), "491")
		start := time.Now()
		ours.respond(491, "t1", "")
		ra.sleep(2 * time.Second)
		ra.quiet() // 14.1: the owner of the Call-ID waits 2.1 to 4 s
		ra.sleep(2100 * time.Millisecond)
		again := ra.take(sip.INVITE)
		if d := again.at.Sub(start); d < 2100*time.Millisecond || d > 4*time.Second {
			t.Errorf("tried again after %v", d)
		}
		again.respond(200, "t1", offerText("198.51.100.55", 6000, "0"))
		ra.hangup(a)
		rb.hangup(b)
	})
}

func TestReinviteOfOursLost(t *testing.T) {
	for _, how := range []string{"481", "timeout"} {
		synctest.Test(t, func(t *testing.T) {
			ra, rb, a, b := two(t)
			a.Direct(b)
			re := ra.take(sip.INVITE)
			if how == "481" {
				re.respond(481, "t1", "")
			} else {
				re.reply(link.Reply{Err: link.ErrTimeout})
			}
			ra.take(sip.BYE).respond(481, "", "")
			ra.wantEvents("gone:18:408")
			ra.over(a)
			rb.hangup(b)
		})
	}
}

func TestRewriteContact(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.cfg.Endpoint.RewriteContact = true
		s, in, _ := r.call(offerText("10.0.0.5", 4000, "0"), "Contact: <sip:1001@10.0.0.5:5060>")
		s.Answer()
		want(t, "answer", in.codes(), "100 200")
		r.phone.send(s, sip.ACK, "")
		s.Hangup(channel.NormalClearing)
		bye := r.take(sip.BYE)
		want(t, "target", bye.req.Recipient.String(), "sip:1001@198.51.100.206:5060")
		bye.respond(200, "", "")
		r.over(s)
	})
}

func TestByesCross(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		s, _ := r.up()
		s.Hangup(channel.NormalClearing)
		ours := r.take(sip.BYE)
		theirs := r.phone.send(s, sip.BYE, "")
		want(t, "theirs", theirs.codes(), "200")
		ours.respond(481, "", "")
		r.wantEvents("gone:16:0")
		r.over(s)
	})
}
