package invite

import (
	"bytes"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emiago/sipgo/sip"

	"branchline/media"
	tones "branchline/media/tone"
	"branchline/pbx/channel"
)

func TestInboundCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		s, in, err := r.call(offerText("198.51.100.206", 4000, "8 0 18 101"))
		if err != nil {
			t.Fatal(err)
		}
		want(t, "codecs", s.Codecs()[0].Name, "ulaw")
		s.Ring()
		s.Answer()
		want(t, "answers", in.codes(), "100 180 200")
		ok := in.last()
		want(t, "Contact", headerOf(ok, "Contact"), "<sip:198.51.100.9:5060>")
		want(t, "Server", headerOf(ok, "Server"), "Branchline/1.0")
		contains(t, "body", string(ok.Body()), "m=audio 10000 RTP/AVP 0 8 101\r\n")
		contains(t, "body", string(ok.Body()), "o=- 7 3 IN IP4 198.51.100.9\r\n")
		tag180, _ := in.res[1].To().Params.Get("tag")
		tag200, _ := ok.To().Params.Get("tag")
		want(t, "To tag", tag200, tag180)
		if in.res[0].To().Params.Has("tag") {
			t.Error("100 has a To tag")
		}
		flow := r.ports[0].last()
		want(t, "remote", flow.Remote.String(), "198.51.100.206:4000")
		if flow.EventPT != 101 || flow.Digits != media.RFC4733 || !flow.Send || !flow.Recv {
			t.Errorf("flow %+v", flow)
		}
		r.phone.send(s, sip.ACK, "")
		r.sleep(40 * time.Second)
		want(t, "answers after ACK", in.codes(), "100 180 200")

		bye := r.phone.send(s, sip.BYE, "")
		want(t, "BYE", bye.codes(), "200")
		r.wantEvents("gone:16:0")
		r.over(s)
	})
}

func TestInboundHeaderOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		s, in, _ := r.call(offerText("198.51.100.206", 4000, "0"))
		s.Answer()
		var names []string
		for _, h := range in.last().Headers() {
			names = append(names, h.Name())
		}
		want(t, "order", join(names), "Via Call-ID From To CSeq Server Allow Contact Supported Content-Type Content-Length")
		contains(t, "Via", headerOf(in.last(), "Via"), "rport=5060")
		contains(t, "Via", headerOf(in.last(), "Via"), "received=198.51.100.206")
		s.Hangup(channel.NormalClearing)
		r.phone.send(s, sip.ACK, "")
		r.take(sip.BYE).respond(200, "", "")
		r.over(s)
	})
}

func join(words []string) string {
	out := ""
	for i, w := range words {
		if i > 0 {
			out += " "
		}
		out += w
	}
	return out
}

func TestInboundTwoHundredRepeatsUntilAck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		s, in, _ := r.call(offerText("198.51.100.206", 4000, "0"))
		s.Answer()
		start := time.Now()
		r.sleep(16 * time.Second)
		var gaps []time.Duration
		for _, at := range in.at[1:] {
			gaps = append(gaps, at.Sub(start))
		}
		// 13.3.1.4: T1 doubling up to T2.
		wantGaps := []time.Duration{0, 500, 1500, 3500, 7500, 11500, 15500}
		if len(gaps) != len(wantGaps) {
			t.Fatalf("200 sent at %v", gaps)
		}
		for i, g := range wantGaps {
			if gaps[i] != g*time.Millisecond {
				t.Errorf("200 number %d at %v, want %v", i, gaps[i], g*time.Millisecond)
			}
		}
		r.quiet()
		r.sleep(17 * time.Second)
		bye := r.take(sip.BYE)
		r.wantEvents("gone:18:408")
		bye.respond(200, "", "")
		r.over(s)
	})
}

func TestInboundHangupBeforeAckWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		s, _, _ := r.call(offerText("198.51.100.206", 4000, "0"))
		s.Answer()
		s.Hangup(channel.UserBusy)
		r.wantEvents("gone:17:0")
		r.quiet() // 15: no BYE before the ACK
		r.phone.send(s, sip.ACK, "")
		bye := r.take(sip.BYE)
		want(t, "Reason", headerOf(bye.req, "Reason"), "Q.850;cause=17")
		bye.respond(200, "", "")
		r.over(s)
	})
}

func TestInboundRejections(t *testing.T) {
	tests := []struct {
		cause  channel.Cause
		status int
		reason string
	}{
		{channel.NoCause, 603, "Q.850;cause=0"},
		{channel.Unallocated, 404, "Q.850;cause=1"},
		{channel.UserBusy, 486, "Q.850;cause=17"},
		{channel.NoUserResponse, 408, "Q.850;cause=18"},
		{channel.NoAnswer, 480, "Q.850;cause=19"},
		{channel.CallRejected, 403, "Q.850;cause=21"},
		{channel.NormalCircuitCongestion, 503, "Q.850;cause=34"},
		{channel.Interworking, 500, "Q.850;cause=127"},
		{channel.BearerCapabilityNotAvail, 488, "Q.850;cause=58"},
		{channel.AnsweredElsewhere, 603, `SIP;cause=200;text="Call completed elsewhere" | Q.850;cause=26`},
		{channel.NormalClearing, 603, "Q.850;cause=16"},
	}
	for _, tt := range tests {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t)
			s, in, _ := r.call(offerText("198.51.100.206", 4000, "0"))
			s.Ring()
			s.Hangup(tt.cause)
			if got := in.last().StatusCode; got != tt.status {
				t.Errorf("cause %d: %d, want %d", tt.cause, got, tt.status)
			}
			want(t, "Reason", headerOf(in.last(), "Reason"), tt.reason)
			r.events()
			r.over(s)
		})
	}
}

func TestInboundRefusedAtTheDoor(t *testing.T) {
	good := offerText("198.51.100.206", 4000, "0")
	tests := []struct {
		name  string
		body  string
		extra []string
		edit  func(*Config)
		codes string
		head  string
		value string
	}{
		{"no common codec", offerText("198.51.100.206", 4000, "18"), nil, nil, "100 488", "", ""},
		{"SRTP only", "v=0\r\no=- 1 1 IN IP4 1.2.3.4\r\ns=-\r\nc=IN IP4 1.2.3.4\r\nt=0 0\r\nm=audio 4000 RTP/SAVP 0\r\n", nil, nil, "100 488", "", ""},
		{"not SDP", "hello", []string{"Content-Type: text/plain"}, nil, "100 415", "Accept", "application/sdp"},
		{"broken SDP", "hello", nil, nil, "100 400", "", ""},
		{"unknown extension", good, []string{"Require: foo"}, nil, "100 420", "Unsupported", "foo"},
		{"100rel refused", good, []string{"Require: 100rel"}, func(c *Config) { c.Endpoint.Rel100 = "no" }, "100 420", "Unsupported", "100rel"},
		{"100rel demanded", good, nil, func(c *Config) { c.Endpoint.Rel100 = "required" }, "100 421", "Require", "100rel"},
		{"session timer too small", good, []string{"Supported: timer", "Session-Expires: 30"}, nil, "100 422", "Min-SE", "90"},
		{"no codecs allowed", good, nil, func(c *Config) { c.Endpoint.Codecs = nil }, "100 488", "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				if tt.edit != nil {
					tt.edit(&r.cfg)
				}
				s, in, err := r.call(tt.body, tt.extra...)
				if err == nil || s != nil {
					t.Fatalf("accepted: %v", in.codes())
				}
				want(t, "answers", in.codes(), tt.codes)
				if tt.head != "" {
					want(t, tt.head, headerOf(in.last(), tt.head), tt.value)
				}
				if len(r.dialogs) != 0 || r.ports[0].closed != 1 {
					t.Error("something was left behind")
				}
			})
		})
	}
}

func TestInboundCancel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		s, in, _ := r.call(offerText("198.51.100.206", 4000, "0"))
		s.Ring()
		r.wait()
		in.onCancel(in.req) // the transaction layer has sent 200 and 487
		r.wantEvents("gone:127:487")
		want(t, "answers", in.codes(), "100 180")
		s.Answer()
		want(t, "answers", in.codes(), "100 180")
		r.over(s)
	})
}

func TestInboundEarlyMedia(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		s, in, _ := r.call(offerText("198.51.100.206", 4000, "0"))
		s.Progress()
		s.Progress()
		s.Ring() // no 180 over early media
		s.Answer()
		want(t, "answers", in.codes(), "100 183 200")
		want(t, "same description", string(in.res[1].Body()), string(in.res[2].Body()))
		if n := len(r.ports[0].flows); n != 1 {
			t.Errorf("flow applied %d times", n)
		}
		r.phone.send(s, sip.ACK, "")
		r.phone.send(s, sip.BYE, "", `Reason: Q.850;cause=31;text="x"`)
		r.wantEvents("gone:31:0")
		r.over(s)
	})
}

func TestInboundInbandProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.cfg.Endpoint.InbandProgress = true
		r.cfg.Endpoint.ToneZone = "us"
		book, _ := tones.Builtin().With(tones.Sections("[us]\nring = 0/5000\n")) // the user's ring tone is silence
		r.cfg.Tones = func() *tones.Book { return book }
		s, in, _ := r.call(offerText("198.51.100.206", 4000, "0"))
		s.Ring()
		want(t, "answers", in.codes(), "100 183")
		p := r.ports[0]
		if len(p.plays) != 1 || p.plays[0] == nil {
			t.Fatalf("no ring tone: %v", p.plays)
		}
		heard := make([]byte, 160)
		if p.plays[0].Source.Fill(heard); len(bytes.Trim(heard, "\xff\x7f")) > 0 {
			t.Errorf("not the user's ring tone: %x", heard)
		}
		s.Answer()
		want(t, "answers", in.codes(), "100 183 200")
		if len(p.plays) != 2 || p.plays[1] != nil {
			t.Errorf("ring tone goes on: %v", p.plays)
		}
		p.events(media.Event{Kind: media.PlayDone, ID: p.plays[0].ID})
		r.phone.send(s, sip.ACK, "")
		r.phone.send(s, sip.BYE, "")
		r.wantEvents("gone:16:0")
		r.over(s)
	})
}

func TestInboundWithoutOffer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		s, in, err := r.call("")
		if err != nil {
			t.Fatal(err)
		}
		s.Ring()
		s.Answer()
		want(t, "answers", in.codes(), "100 180 200")
		contains(t, "our offer", string(in.last().Body()), "m=audio 10000 RTP/AVP 0 8 101\r\n")
		r.phone.send(s, sip.ACK, offerText("198.51.100.206", 4000, "8"))
		if f := r.ports[0].last(); f.Remote.Port() != 4000 || f.Formats[0].Codec != media.PCMA {
			t.Errorf("flow %+v", f)
		}
		r.phone.send(s, sip.BYE, "")
		r.wantEvents("gone:16:0")
		r.over(s)
	})
}

func TestInboundWithoutOfferAndAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		s, _, _ := r.call("")
		s.Answer()
		r.wait()
		r.phone.send(s, sip.ACK, "")
		r.wantEvents("gone:58:488")
		r.take(sip.BYE).respond(200, "", "")
		r.over(s)
	})
}

func TestInboundMultipart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		body := "--b\r\nContent-Type: text/plain\r\n\r\nhi\r\n--b\r\nContent-Type: application/sdp\r\n\r\n" +
			offerText("198.51.100.206", 4000, "0") + "\r\n--b--\r\n"
		s, in, err := r.call(body, "Content-Type: multipart/mixed;boundary=b")
		if err != nil {
			t.Fatal(err)
		}
		s.Answer()
		contains(t, "answer", string(in.last().Body()), "m=audio 10000 RTP/AVP 0\r\n")
		r.phone.send(s, sip.ACK, "")
		r.phone.send(s, sip.BYE, "")
		r.over(s)
	})
}

func TestInboundByeBeforeAck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		s, in, _ := r.call(offerText("198.51.100.206", 4000, "0"))
		s.Answer()
		r.wait()
		bye := r.phone.send(s, sip.BYE, "")
		want(t, "BYE", bye.codes(), "200")
		r.wantEvents("gone:16:0")
		r.sleep(40 * time.Second)
		want(t, "200 no longer repeated", in.codes(), "100 200")
		r.over(s)
	})
}

func TestInboundRedirect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		s, in, _ := r.call(offerText("198.51.100.206", 4000, "0"))
		s.Redirect("3005")
		want(t, "answers", in.codes(), "100 302")
		want(t, "Contact", headerOf(in.last(), "Contact"), "<sip:3005@198.51.100.9:5060>")
		r.wantEvents("gone:23:302")
		r.over(s)
	})
}

func TestInboundReliable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		s, in, _ := r.call(offerText("198.51.100.206", 4000, "0"), "Require: 100rel")
		s.Ring()
		s.Progress()
		s.Answer()
		want(t, "one at a time", in.codes(), "100 180")
		want(t, "Require", headerOf(in.last(), "Require"), "100rel")
		first := headerOf(in.last(), "RSeq")
		r.sleep(2 * time.Second)
		want(t, "repeated at 0.5 and 1.5 s", in.codes(), "100 180 180 180")
		wrong := r.phone.send(s, sip.PRACK, "", "RAck: 1 1 INVITE")
		want(t, "wrong PRACK", wrong.codes(), "481")
		ok := r.phone.send(s, sip.PRACK, "", "RAck: "+first+" 1 INVITE")
		want(t, "PRACK", ok.codes(), "200")
		want(t, "next one", in.codes(), "100 180 180 180 183")
		second := headerOf(in.last(), "RSeq")
		if second == first {
			t.Error("RSeq did not rise")
		}
		r.phone.send(s, sip.PRACK, "", "RAck: "+second+" 1 INVITE")
		want(t, "200 after the last PRACK", in.codes(), "100 180 180 180 183 200")
		r.phone.seq = 1
		r.phone.send(s, sip.ACK, "")
		r.phone.seq = 4
		r.phone.send(s, sip.BYE, "")
		r.wantEvents("gone:16:0")
		r.over(s)
	})
}

// Progress, Answer, Hangup in one breath: the caller sees all three.
func TestInboundHangupWhileAnswerWaitsForPrack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		s, in, _ := r.call(offerText("198.51.100.206", 4000, "0"), "Require: 100rel")
		s.Progress()
		s.Answer()
		s.Hangup(channel.NormalClearing)
		want(t, "answers", in.codes(), "100 183")
		r.phone.send(s, sip.PRACK, "", "RAck: "+headerOf(in.last(), "RSeq")+" 1 INVITE")
		want(t, "answers", in.codes(), "100 183 200")
		r.quiet()
		r.phone.seq = 1
		r.phone.send(s, sip.ACK, "")
		r.take(sip.BYE).respond(200, "", "")
		r.wantEvents("gone:16:0")
		r.over(s)
	})
}

func TestInboundReliableNeverAcknowledged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		s, in, _ := r.call(offerText("198.51.100.206", 4000, "0"), "Require: 100rel")
		s.Ring()
		r.sleep(33 * time.Second)
		if got := in.last().StatusCode; got != 504 {
			t.Errorf("final response %d", got)
		}
		r.wantEvents("gone:102:504")
		r.over(s)
	})
}
