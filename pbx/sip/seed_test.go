package sip

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/emiago/sipgo/sip"

	"branchline/pbx/sip/siptest"
)

// The status codes of the how-to, one by one, on the wire: what a caller gets,
// and what the dialplan sees, when a callee answers with each of them.

const seedPJSIP = `
[udp]
type=transport
protocol=udp
bind=198.51.100.9

[phone](!)
type=endpoint
context=default
disallow=all
allow=ulaw
direct_media=no

[1001](phone)
aors=1001

[1002](phone)
aors=1002

[1002]
type=aor
contact=sip:1002@198.51.100.55:5060

[1003](phone)
aors=1003

[1003]
type=aor
contact=sip:1003@198.51.100.56:5060

[1001]
type=aor
max_contacts=1

[locked](phone)
auth=gone

[fussy](phone)
100rel=required

[barred](phone)
deny=0.0.0.0/0.0.0.0
`

// with is the files of an office whose default context has these lines.
func with(extensions string) map[string]fstest.MapFS {
	return map[string]fstest.MapFS{"9": {
		"pjsip.conf":      {Data: []byte(seedPJSIP)},
		"extensions.conf": {Data: []byte("[default]\n" + extensions)},
	}}
}

// refuse answers without a Contact.
func refuse(p *siptest.Phone, call *siptest.Message, status int, extra string) {
	res := sip.NewResponseFromRequest(call.Req, status, "No", nil)
	res.To().Params.Add("tag", "no")
	if name, value, ok := strings.Cut(extra, ": "); ok {
		res.AppendHeader(sip.NewHeader(name, value))
	}
	p.Put(res)
}

// S-244 to S-294, received: compare Asterisk's measured table of causes. The
// call goes on in the dialplan, which then hangs up with the cause of the leg.
func TestSeedStatusReceived(t *testing.T) {
	const plan = "exten => 5,1,Dial(PJSIP/1002)\nsame => n,Verbose(1,saw ${DIALSTATUS} ${HANGUPCAUSE}.)\nsame => n,Hangup()\n"
	for _, c := range []struct {
		id     string
		status int
		extra  string
		saw    string // DIALSTATUS and cause
		caller string // the final answer the caller gets
	}{
		{"S-251", 300, "", "CHANUNAVAIL 0", "603"},
		{"S-252", 301, "", "CHANUNAVAIL 0", "603"},
		{"S-253", 302, "", "CHANUNAVAIL 0", "603"},
		{"S-254", 305, "", "CHANUNAVAIL 0", "603"},
		{"S-255", 380, "", "CHANUNAVAIL 0", "603"},
		{"S-256", 400, "", "CHANUNAVAIL 127", "500"},
		{"S-257", 401, `WWW-Authenticate: Digest realm="x", nonce="y"`, "CHANUNAVAIL 21", "403"},
		{"S-258", 402, "", "CHANUNAVAIL 127", "500"},
		{"S-259", 403, "", "CHANUNAVAIL 21", "403"},
		{"S-260", 404, "", "CHANUNAVAIL 1", "404"},
		{"S-261", 405, "", "CHANUNAVAIL 127", "500"},
		{"S-262", 406, "", "CHANUNAVAIL 127", "500"},
		{"S-263", 407, `Proxy-Authenticate: Digest realm="x", nonce="y"`, "CHANUNAVAIL 21", "403"},
		{"S-264", 408, "", "CHANUNAVAIL 18", "408"},
		{"S-265", 410, "", "CHANUNAVAIL 22", "410"},
		{"S-266", 413, "", "CHANUNAVAIL 127", "500"},
		{"S-267", 414, "", "CHANUNAVAIL 127", "500"},
		{"S-268", 415, "", "CHANUNAVAIL 127", "500"},
		{"S-269", 416, "", "CHANUNAVAIL 127", "500"},
		{"S-270", 420, "Unsupported: x", "CHANUNAVAIL 3", "404"},
		{"S-271", 421, "Require: x", "CHANUNAVAIL 127", "500"},
		{"S-272", 423, "Min-Expires: 600", "CHANUNAVAIL 127", "500"},
		{"S-273", 480, "", "NOANSWER 19", "480"},
		{"S-274", 481, "", "CHANUNAVAIL 127", "500"},
		{"S-275", 482, "", "CHANUNAVAIL 127", "500"},
		{"S-276", 483, "", "NOANSWER 19", "480"},
		{"S-277", 484, "", "CHANUNAVAIL 28", "484"},
		{"S-278", 485, "", "CHANUNAVAIL 1", "404"},
		{"S-279", 486, "", "BUSY 17", "486"},
		{"S-280", 487, "", "CHANUNAVAIL 127", "500"},
		{"S-281", 488, "", "CHANUNAVAIL 58", "488"},
		{"S-282", 491, "", "CHANUNAVAIL 127", "500"},
		{"S-283", 493, "", "CHANUNAVAIL 127", "500"},
		{"S-284", 500, "", "CHANUNAVAIL 38", "500"},
		{"S-285", 501, "", "CHANUNAVAIL 29", "501"},
		{"S-286", 502, "", "CHANUNAVAIL 27", "502"},
		{"S-287", 503, "Retry-After: 10", "CONGESTION 34", "503"},
		{"S-288", 504, "", "CHANUNAVAIL 102", "603"},
		{"S-289", 505, "", "CHANUNAVAIL 127", "500"},
		{"S-290", 513, "", "CONGESTION 34", "503"},
		{"S-291", 600, "", "BUSY 17", "486"},
		{"S-292", 603, "", "CHANUNAVAIL 21", "403"},
		{"S-293", 604, "", "CHANUNAVAIL 1", "404"},
		{"S-294", 605, "", "CHANUNAVAIL 127", "500"},
		// What the how-to's list lacks.
		{"X-14", 489, "", "CHANUNAVAIL 127", "500"},
		{"X-14", 580, "", "CONGESTION 34", "503"},
		{"X-14", 606, "", "CHANUNAVAIL 58", "488"},
		// Codes nobody has defined fall back to their class (RFC 3261 8.1.3.2).
		{"S-240", 399, "", "CHANUNAVAIL 0", "603"},
		{"S-241", 499, "", "CHANUNAVAIL 127", "500"},
		{"S-242", 599, "", "CONGESTION 34", "503"},
		{"S-243", 699, "", "CHANUNAVAIL 127", "500"},
	} {
		t.Run(fmt.Sprintf("%s %d", c.id, c.status), func(t *testing.T) {
			in(t, with(plan), func(n *siptest.Net, at map[string]*branch) {
				a, b := n.Phone("1001", seed+"206:5060", seed+"9:5060"), n.Phone("1002", seed+"55:5060", seed+"9:5060")
				defer a.Close()
				defer b.Close()
				inv := a.Send("INVITE", "sip:5@"+seed+"9", a.SDP(4000, "0"))
				call := b.Want("INVITE")
				refuse(b, call, c.status, c.extra)
				b.Want("ACK")
				m := a.Want(c.caller)
				a.Ack(inv, m)
				if trace := at["9"].office.Trace.String(); !strings.Contains(trace, "saw "+c.saw+".") {
					t.Errorf("the dialplan did not see %s\n%s", c.saw, trace)
				}
			})
		})
	}
}

// S-238, S-239, S-244 to S-250: what is not final, and success.
func TestSeedProgressReceived(t *testing.T) {
	for _, c := range []struct {
		id     string
		status int
		body   bool
		caller string // what the caller gets for it, "" nothing
	}{
		{"S-244", 100, false, ""},
		{"S-245", 180, false, "180"},
		{"S-246", 181, false, "181"},
		{"S-247", 182, false, "180"},
		{"S-248", 183, true, "183"},
		{"S-238", 199, false, ""},
	} {
		t.Run(fmt.Sprintf("%s %d", c.id, c.status), func(t *testing.T) {
			in(t, with("exten => 5,1,Dial(PJSIP/1002)\n"), func(n *siptest.Net, _ map[string]*branch) {
				a, b := n.Phone("1001", seed+"206:5060", seed+"9:5060"), n.Phone("1002", seed+"55:5060", seed+"9:5060")
				defer a.Close()
				defer b.Close()
				inv := a.Send("INVITE", "sip:5@"+seed+"9", a.SDP(4000, "0"))
				a.Want("100")
				call := b.Want("INVITE")
				var extra []string
				if c.body {
					extra = append(extra, b.SDP(5000, "0"))
				}
				b.Reply(call, c.status, "Soon", extra...)
				if c.caller != "" {
					a.Want(c.caller)
				}
				// Whatever came before, the call is answered, with 200 or (S-239, S-250)
				// any other success.
				final := 200
				if c.status == 182 {
					final = 202
				}
				res := b.Reply(call, final, "OK", b.SDP(5000, "0"))
				b.Want("ACK")
				ok := a.Want("200")
				a.Ack(inv, ok)
				b.Back(call, res, "BYE")
				b.Want("200 BYE")
				a.Reply(a.Want("BYE"), 200, "OK")
			})
		})
	}
}

// S-240, S-251 to S-253: a redirection to a number of ours is followed, as
// redirect_method=user says, which is the default.
// Seed: S-017.
func TestSeedRedirectFollowed(t *testing.T) {
	for id, status := range map[string]int{"S-251": 300, "S-252": 301, "S-253": 302} {
		t.Run(fmt.Sprintf("%s %d", id, status), func(t *testing.T) {
			in(t, with("exten => 5,1,Dial(PJSIP/1002)\nexten => 6,1,Dial(PJSIP/1003)\n"), func(n *siptest.Net, _ map[string]*branch) {
				a, b := n.Phone("1001", seed+"206:5060", seed+"9:5060"), n.Phone("1002", seed+"55:5060", seed+"9:5060")
				c := n.Phone("1003", seed+"56:5060", seed+"9:5060")
				defer a.Close()
				defer b.Close()
				defer c.Close()
				inv := a.Send("INVITE", "sip:5@"+seed+"9", a.SDP(4000, "0"))
				call := b.Want("INVITE")
				b.Reply(call, status, "Moved", "Contact: <sip:6@"+seed+"9>")
				b.Want("ACK")
				there := c.Want("INVITE")
				res := c.Reply(there, 200, "OK", c.SDP(5000, "0"))
				c.Want("ACK")
				a.Want("181") // S-246, sent
				a.Ack(inv, a.Want("200"))
				a.After(time.Second)
				c.Back(there, res, "BYE")
				c.Want("200 BYE")
				a.Reply(a.Want("BYE"), 200, "OK")
			})
		})
	}
}

// The codes we send, each provoked from outside.
// Seed: S-016.
func TestSeedStatusSent(t *testing.T) {
	plan := "exten => ok,1,Answer()\nsame => n,Hangup()\nexten => ring,1,Ringing()\nsame => n,Busy()\n" +
		"exten => early,1,Progress()\nsame => n,Congestion()\nexten => moved,1,Transfer(PJSIP/sip:6@198.51.100.77)\n" +
		"exten => hold,1,Answer()\nsame => n,Wait(100)\nexten => long,1,Wait(100)\nexten => 789,1,Answer()\n"
	for _, cause := range []int{1, 17, 18, 19, 21, 22, 27, 28, 29, 34, 38, 58, 16} {
		plan += fmt.Sprintf("exten => c%d,1,Hangup(%d)\n", cause, cause)
	}
	for _, status := range []int{405, 406} {
		plan += fmt.Sprintf("exten => p%d,1,PJSIPHangup(%d)\n", status, status)
	}
	for _, c := range []struct {
		id, user, method, to string
		extra                []string
		want                 string // all statuses but 100, in order
	}{
		{"S-244", "1001", "INVITE", "ok", nil, "200"},
		{"S-245", "1001", "INVITE", "ring", nil, "180 486"},
		{"S-248", "1001", "INVITE", "early", nil, "183 503"},
		{"S-249", "1001", "OPTIONS", "ok", nil, "200"},
		{"S-253", "1001", "INVITE", "moved", nil, "302"},
		{"S-256", "1001", "INVITE", "ok", []string{"Content-Type: application/sdp", "no description"}, "400"},
		{"S-257", "nobody", "INVITE", "ok", nil, "401"},
		{"S-259", "1001", "INVITE", "c21", nil, "403"},
		{"S-260", "1001", "INVITE", "nowhere", nil, "404"},
		{"S-261", "1001", "INVITE", "p405", nil, "405"},
		{"S-262", "1001", "INVITE", "p406", nil, "406"},
		{"S-264", "1001", "INVITE", "c18", nil, "408"},
		{"S-265", "1001", "INVITE", "c22", nil, "410"},
		{"S-268", "1001", "INVITE", "ok", []string{"Content-Type: text/plain", "hello"}, "415"},
		{"S-269", "1001", "INVITE", "http://198.51.100.9", nil, "416"},
		{"S-270", "1001", "INVITE", "ok", []string{"Require: teleport"}, "420"},
		{"S-271", "fussy", "INVITE", "ok", nil, "421"},
		{"S-273", "1001", "INVITE", "c19", nil, "480"},
		{"S-274", "1001", "BYE", "ok", nil, "481"},
		{"S-276", "1001", "INVITE", "ok", []string{"Max-Forwards: 0"}, "483"},
		{"S-277", "1001", "INVITE", "78", nil, "484"},
		{"S-277", "1001", "INVITE", "c28", nil, "484"},
		{"S-279", "1001", "INVITE", "c17", nil, "486"},
		{"S-281", "1001", "INVITE", "c58", nil, "488"},
		{"S-284", "locked", "INVITE", "ok", nil, "500"},
		{"S-284", "1001", "INVITE", "c38", nil, "500"},
		{"S-285", "1001", "TELEPORT", "ok", nil, "501"},
		{"S-285", "1001", "INVITE", "c29", nil, "501"},
		{"S-286", "1001", "INVITE", "c27", nil, "502"},
		{"S-287", "1001", "INVITE", "c34", nil, "503"},
		{"S-292", "1001", "INVITE", "c16", nil, "603"},
	} {
		t.Run(c.id+" "+c.method+" "+c.to, func(t *testing.T) {
			in(t, with(plan), func(n *siptest.Net, _ map[string]*branch) {
				p := n.Phone(c.user, seed+"206:5060", seed+"9:5060")
				defer p.Close()
				uri := c.to
				if !strings.Contains(uri, ":") {
					uri = "sip:" + c.to + "@" + seed + "9"
				}
				var headers []string
				body := p.SDP(4000, "0")
				for _, x := range c.extra {
					if strings.Contains(x, ": ") {
						headers = append(headers, x)
					} else {
						body = x
					}
				}
				if c.method == "INVITE" && strings.HasPrefix(body, "v=0") {
					headers = append(headers, body)
				}
				req := p.Make(c.method, uri, headers...)
				if !strings.HasPrefix(body, "v=0") {
					req.SetBody([]byte(body))
				}
				p.Put(req)
				if c.id == "S-244" {
					p.Want("100")
				}
				var got []string
				for m := p.Next(time.Second); m != nil; m = p.Next(time.Second) {
					if m.Res == nil {
						if m.Req.Method == "BYE" {
							p.Reply(m, 200, "OK")
						}
						continue
					}
					got = append(got, fmt.Sprint(m.Res.StatusCode))
					if m.Res.StatusCode >= 200 && c.method == "INVITE" {
						p.Ack(req, m)
					}
				}
				if strings.Join(got, " ") != c.want {
					t.Errorf("got %v, want %s\n%s", got, c.want, n.Ladder())
				}
			})
		})
	}
}

// S-254, S-255: a callee's proxy and another service are no place to call.
func TestSeedRedirectRefused(t *testing.T) {
	for id, status := range map[string]int{"S-254": 305, "S-255": 380} {
		t.Run(fmt.Sprintf("%s %d", id, status), func(t *testing.T) {
			in(t, with("exten => 5,1,Dial(PJSIP/1002)\nexten => 6,1,Dial(PJSIP/1003)\n"), func(n *siptest.Net, _ map[string]*branch) {
				a, b := n.Phone("1001", seed+"206:5060", seed+"9:5060"), n.Phone("1002", seed+"55:5060", seed+"9:5060")
				defer a.Close()
				defer b.Close()
				inv := a.Send("INVITE", "sip:5@"+seed+"9", a.SDP(4000, "0"))
				b.Reply(b.Want("INVITE"), status, "Elsewhere", "Contact: <sip:6@"+seed+"9>")
				b.Want("ACK")
				a.Ack(inv, a.Want("503")) // nobody could be reached
			})
		})
	}
}

// S-014, S-015, S-224 to S-228, S-234, S-237: the methods we carry, in one call
// that uses them all, from both sides.
// Seed: S-280.
func TestSeedMethods(t *testing.T) {
	const plan = "exten => 5,1,Dial(PJSIP/1002)\n"
	in(t, with(plan), func(n *siptest.Net, _ map[string]*branch) {
		a, b := n.Phone("1001", seed+"206:5060", seed+"9:5060"), n.Phone("1002", seed+"55:5060", seed+"9:5060")
		defer a.Close()
		defer b.Close()
		a.Send("REGISTER", "sip:"+seed+"9", "Expires: 60")
		if m := a.Want("200 REGISTER"); !strings.Contains(m.Header("contact"), "expires=60") {
			t.Errorf("registered as %s", m.Header("contact"))
		}
		a.Send("OPTIONS", "sip:5@"+seed+"9")
		if m := a.Want("200 OPTIONS"); !strings.Contains(m.Header("allow"), "INVITE, ACK, BYE, CANCEL") {
			t.Errorf("Allow: %s", m.Header("allow"))
		}

		// Given up while it rings.
		inv := a.Send("INVITE", "sip:5@"+seed+"9", a.SDP(4000, "0"))
		call := b.Want("INVITE")
		b.Reply(call, 180, "Ringing")
		a.Want("180")
		a.Cancel(inv)
		a.Want("200 CANCEL")
		a.Ack(inv, a.Want("487 INVITE"))
		b.Reply(b.Want("CANCEL"), 200, "OK")
		b.Reply(call, 487, "Request Terminated")
		b.Want("ACK")

		// Answered, a digit typed, hung up.
		inv = a.Send("INVITE", "sip:5@"+seed+"9", a.SDP(4000, "0"))
		call = b.Want("INVITE")
		b.Reply(call, 200, "OK", b.SDP(5000, "0"))
		b.Want("ACK")
		ok := a.Want("200")
		a.Ack(inv, ok)
		a.Within(inv, ok, "INFO", "Content-Type: application/dtmf-relay")
		a.Want("200 INFO")
		a.Within(inv, ok, "BYE")
		a.Want("200 BYE")
		b.Reply(b.Want("BYE"), 200, "OK")
	})
}

// S-229: a MESSAGE runs the dialplan, which sends it on.
func TestSeedMessage(t *testing.T) {
	in(t, with("exten => 5,1,MessageSend(pjsip:1002)\n"), func(n *siptest.Net, _ map[string]*branch) {
		a, b := n.Phone("1001", seed+"206:5060", seed+"9:5060"), n.Phone("1002", seed+"55:5060", seed+"9:5060")
		defer a.Close()
		defer b.Close()
		req := a.Make("MESSAGE", "sip:5@"+seed+"9", "Content-Type: text/plain")
		req.SetBody([]byte("lunch?"))
		a.Put(req)
		a.Want("202")
		m := b.Want("MESSAGE")
		if string(m.Req.Body()) != "lunch?" || !strings.Contains(m.Header("from"), "1001") {
			t.Errorf("\n%s", m.Raw)
		}
		b.Reply(m, 200, "OK")
		a.Send("MESSAGE", "sip:9@"+seed+"9", "Content-Type: text/plain")
		a.Want("404")
	})
}

// S-231, S-236: ringing that must be acknowledged is repeated until PRACK comes
// (RFC 3262), and what UPDATE offers is answered, before the call is up and after
// (RFC 3311).
func TestSeedPrackAndUpdate(t *testing.T) {
	in(t, with("exten => 5,1,Dial(PJSIP/1002)\n"), func(n *siptest.Net, _ map[string]*branch) {
		a, b := n.Phone("1001", seed+"206:5060", seed+"9:5060"), n.Phone("1002", seed+"55:5060", seed+"9:5060")
		defer a.Close()
		defer b.Close()
		inv := a.Send("INVITE", "sip:5@"+seed+"9", a.SDP(4000, "0"), "Require: 100rel")
		call := b.Want("INVITE")
		b.Reply(call, 180, "Ringing")
		ringing := a.Want("180")
		a.After(2 * time.Second)
		if got := strings.Count(n.Ladder(), "-> 198.51.100.206:5060    SIP/2.0 180 Ringing"); got != 3 {
			t.Errorf("said %d times before it is acknowledged", got)
		}
		a.Within(inv, ringing, "PRACK", "RAck: 9999 1 INVITE")
		a.Want("481 PRACK")
		a.Within(inv, ringing, "PRACK", "RAck: "+ringing.Header("rseq")+" 1 INVITE")
		a.Want("200 PRACK")
		a.WantNothing(3 * time.Second)
		b.Reply(call, 200, "OK", b.SDP(5000, "0"))
		b.Want("ACK")
		ok := a.Want("200 INVITE")
		a.Ack(inv, ok)
		a.Within(inv, ok, "UPDATE", a.SDP(4010, "0"))
		if m := a.Want("200 UPDATE"); !strings.Contains(string(m.Res.Body()), "m=audio") {
			t.Errorf("the offer is not answered:\n%s", m.Raw)
		}
		a.Within(inv, ok, "UPDATE")
		a.Want("200 UPDATE")
		a.Within(inv, ok, "BYE")
		a.Want("200 BYE")
		b.Reply(b.Want("BYE"), 200, "OK")
		a.Send("UPDATE", "sip:5@"+seed+"9")
		a.Want("481")
		a.Send("PRACK", "sip:5@"+seed+"9", "RAck: 1 1 INVITE")
		a.Want("481")
	})
}

// S-233, S-230: the called party transfers the caller and is told how that goes.
func TestSeedRefer(t *testing.T) {
	in(t, with("exten => 5,1,Dial(PJSIP/1002)\nexten => 6,1,Dial(PJSIP/1003)\n"), func(n *siptest.Net, _ map[string]*branch) {
		a, b, c := n.Phone("1001", seed+"206:5060", seed+"9:5060"), n.Phone("1002", seed+"55:5060", seed+"9:5060"), n.Phone("1003", seed+"56:5060", seed+"9:5060")
		defer a.Close()
		defer b.Close()
		defer c.Close()
		inv := a.Send("INVITE", "sip:5@"+seed+"9", a.SDP(4000, "0"))
		call := b.Want("INVITE")
		answered := b.Reply(call, 200, "OK", b.SDP(5000, "0"))
		b.Want("ACK")
		ok := a.Want("200")
		a.Ack(inv, ok)
		b.Back(call, answered, "REFER", "Refer-To: <sip:6@"+seed+"9>")
		b.Want("202 REFER")
		trying := b.Want("NOTIFY")
		b.Reply(trying, 200, "OK")
		c.Reply(c.Want("INVITE"), 200, "OK", c.SDP(6000, "0"))
		c.Want("ACK")
		told := strings.TrimSpace(string(trying.Req.Body()))
		if told != "SIP/2.0 100 Trying" {
			t.Errorf("told %q at first", told)
		}
		for told != "SIP/2.0 200 OK" {
			switch m := b.Next(10 * time.Second); {
			case m == nil:
				t.Fatalf("not told how the transfer went\n%s", n.Ladder())
			case m.Req == nil:
			case m.Req.Method == sip.NOTIFY:
				told = strings.TrimSpace(string(m.Req.Body()))
				if m.Header("event") != "refer" && !strings.HasPrefix(m.Header("event"), "refer;") {
					t.Errorf("\n%s", m.Raw)
				}
				b.Reply(m, 200, "OK")
			case m.Req.Method == sip.BYE:
				b.Reply(m, 200, "OK")
			}
		}
		a.Within(inv, ok, "BYE")
		a.Want("200 BYE")
		c.Reply(c.Want("BYE"), 200, "OK")
		for m := b.Next(time.Second); m != nil; m = b.Next(time.Second) {
			if m.Req != nil {
				b.Reply(m, 200, "OK")
			}
		}
		a.Send("REFER", "sip:5@"+seed+"9", "Refer-To: <sip:6@"+seed+"9>")
		a.Want("501") // as Asterisk 22 answers outside of a call
	})
}

// Whatever has its own tests is answered with nothing in it, too.
func TestSeedMethodsAnswered(t *testing.T) {
	in(t, with("exten => 5,1,Answer()\nsame => n,Wait(100)\n"), func(n *siptest.Net, _ map[string]*branch) {
		a := n.Phone("1001", seed+"206:5060", seed+"9:5060")
		defer a.Close()
		for _, method := range []string{"MESSAGE", "NOTIFY", "PRACK", "PUBLISH", "REFER", "SUBSCRIBE", "UPDATE"} {
			a.Send(method, "sip:5@"+seed+"9")
			if m := a.Next(time.Second); m == nil || m.Res == nil || m.Res.StatusCode < 200 {
				t.Errorf("%s got no final answer", method)
			}
		}
	})
}

// S-002, S-005: two servers side by side; each knows its own numbers only.
func TestSeedScenarioB(t *testing.T) {
	in(t, map[string]fstest.MapFS{"9": files(t, "scenario-b/server1"), "10": files(t, "scenario-b/server2")}, func(n *siptest.Net, _ map[string]*branch) {
		for server, numbers := range map[string][2]string{"9": {"1001", "1002"}, "10": {"2001", "2002"}} {
			a, b := n.Phone(numbers[0], seed+"206:5060", seed+server+":5060"), n.Phone(numbers[1], seed+"55:5060", seed+server+":5060")
			register(a)
			register(b)
			inv := ask(a, password, "INVITE", "sip:"+numbers[1]+"@"+seed+server, a.SDP(4000, "0"))
			talk(a, inv, b, server)
			b.Want("200 BYE")
			a.Reply(a.Want("BYE"), 200, "OK")
			foreign := map[string]string{"9": "2001", "10": "1001"}[server]
			inv = ask(a, password, "INVITE", "sip:"+foreign+"@"+seed+server, a.SDP(4000, "0"))
			a.Ack(inv, a.Want("404"))
			a.Close()
			b.Close()
		}
	})
}

// S-003, S-006, S-007, S-298: devices known by their address may call the third
// server, others may not; and its phones reach the first one as guests.
func TestSeedScenarioC(t *testing.T) {
	in(t, map[string]fstest.MapFS{"9": files(t, "scenario-c/server1"), "52": files(t, "scenario-c/server3")}, func(n *siptest.Net, _ map[string]*branch) {
		b := n.PhoneTCP("3001", seed+"61:5060", seed+"52:5060")
		defer b.Close()
		b.Send("REGISTER", "sip:"+seed+"52")
		b.Want("200")
		for from, addr := range map[string]string{"1001": "206", "1002": "55"} {
			a := n.PhoneTCP(from, seed+addr+":5070", seed+"52:5060")
			inv := a.Send("INVITE", "sip:3001@"+seed+"52", a.SDP(4000, "0"))
			talk(a, inv, b, "52")
			b.Want("200 BYE")
			a.Reply(a.Want("BYE"), 200, "OK")
			a.Close()
		}
		for from, addr := range map[string]string{"1003": "103", "2001": "120"} {
			a := n.PhoneTCP(from, seed+addr+":5070", seed+"52:5060")
			inv := a.Send("INVITE", "sip:3001@"+seed+"52", a.SDP(4000, "0"))
			a.Ack(inv, a.Want("401"))
			a.Close()
		}
		home := n.Phone("1002", seed+"55:5060", seed+"9:5060")
		defer home.Close()
		register(home)
		guest := n.Phone("3001", seed+"62:5060", seed+"9:5060")
		defer guest.Close()
		inv := guest.Send("INVITE", "sip:1002@"+seed+"9", guest.SDP(4000, "0"))
		talk(guest, inv, home, "9")
		home.Want("200 BYE")
		guest.Reply(guest.Want("BYE"), 200, "OK")
		inv = guest.Send("INVITE", "sip:2001@"+seed+"9", guest.SDP(4000, "0"))
		guest.Ack(inv, guest.Want("404"))
	})
}
