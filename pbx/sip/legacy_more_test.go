package sip

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"branchline/pbx/channel"
	"branchline/pbx/cli"
	"branchline/pbx/sip/siptest"
)

// small is an exchange with one of each kind of device.
func small(general, devices string) map[string]fstest.MapFS {
	return map[string]fstest.MapFS{"9": {
		"sip.conf": {Data: []byte("[general]\nudpbindaddr=198.51.100.9\ntcpenable=yes\ntcpbindaddr=198.51.100.9\ntransport=udp,tcp\n" + general + "\n" + devices)},
		"extensions.conf": {Data: []byte("[default]\nexten => _1XXX,1,Dial(SIP/${EXTEN})\nexten => _7.,1,Dial(SIP/${EXTEN:1}@gw)\n" +
			"exten => _8.,1,Dial(SIP/gw/${EXTEN:1})\nexten => 90,1,Dial(SIP/1234567)\nexten => 91,1,Dial(SIP/u:p@198.51.100.77)\n" +
			"exten => 92,1,Dial(SIP/5@198.51.100.78:5090)\nexten => 93,1,Dial(SIP/u)\n[inside]\nexten => 5,1,Answer()\nsame => n,Hangup()\n")},
	}}
}

const phones = `
[1001]
type=friend
host=dynamic
secret=1234567890
[1002]
type=friend
host=dynamic
secret=1234567890
call-limit=1
[u]
type=user
secret=1234567890
context=inside
[gw]
type=peer
host=198.51.100.77
defaultuser=me
remotesecret=theirs
context=inside
insecure=port,invite
[fixed]
type=peer
host=198.51.100.79
secret=1234567890
context=inside
[tcponly]
type=friend
host=dynamic
secret=1234567890
transport=tcp
[near]
type=friend
host=dynamic
secret=1234567890
deny=0.0.0.0/0
permit=192.0.2.0/24
`

func (b *branch) phone(user, last string) *siptest.Phone {
	return b.net.Phone(user, seed+last+":5060", seed+"9:5060")
}

func TestLegacyDialForms(t *testing.T) {
	in(t, small("allowguest=no", phones), func(n *siptest.Net, at map[string]*branch) {
		b := at["9"]
		a, gw := b.phone("1001", "206"), b.phone("gw", "77")
		other := n.Phone("x", seed+"78:5090", seed+"9:5060")
		defer a.Close()
		defer gw.Close()
		defer other.Close()
		register(a)
		for exten, uri := range map[string]string{"755": "sip:55@198.51.100.77:5060", "866": "sip:66@198.51.100.77:5060"} {
			inv := ask(a, password, "INVITE", "sip:"+exten+"@"+seed+"9", a.SDP(4000, "0"))
			got := gw.Want("INVITE")
			if u := got.Req.Recipient.String(); u != uri && u != strings.TrimSuffix(uri, ":5060") {
				t.Errorf("%s calls %s, want %s", exten, u, uri)
			}
			// The other side asks who we are: defaultuser and remotesecret.
			gw.Reply(got, 401, "Unauthorized", `WWW-Authenticate: Digest realm="gw", nonce="1", algorithm=MD5`)
			gw.Want("ACK")
			again := gw.Want("INVITE")
			if !strings.Contains(again.Header("authorization"), `username="me"`) {
				t.Errorf("credentials %s", again.Header("authorization"))
			}
			gw.Reply(again, 486, "Busy Here")
			gw.Want("ACK")
			a.Ack(inv, a.Want("486"))
		}
		inv := ask(a, password, "INVITE", "sip:92@"+seed+"9", a.SDP(4000, "0"))
		got := other.Want("INVITE")
		if u := got.Req.Recipient.String(); u != "sip:5@198.51.100.78:5090" {
			t.Errorf("called %s", u)
		}
		other.Reply(got, 404, "Not Found")
		other.Want("ACK")
		a.Ack(inv, a.Want("503"))
		for _, exten := range []string{"90", "91"} {
			inv := ask(a, password, "INVITE", "sip:"+exten+"@"+seed+"9", a.SDP(4000, "0"))
			a.Ack(inv, a.Want("503"))
		}
		for _, why := range []string{"Purely numeric hostname (1234567)", "a password in the Dial argument is not supported"} {
			if !strings.Contains(b.log.String(), why) {
				t.Errorf("the log does not say %q", why)
			}
		}
		synctest.Wait() // the last call is over
		tech := b.agent.LegacyTech()
		var no *channel.Refusal
		if _, err := tech.NewLeg(context.Background(), channel.Request{Dest: "1002"}); !errors.As(err, &no) || no.Cause != channel.SubscriberAbsent {
			t.Errorf("unregistered: %v", err)
		}
		for dest, want := range map[string]channel.DeviceState{"1001": channel.DeviceNotInUse, "1002": channel.DeviceUnavailable,
			"gw": channel.DeviceNotInUse, "u": channel.DeviceInvalid, "nope": channel.DeviceInvalid} {
			if s := tech.State(dest); s != want {
				t.Errorf("state of %s: %v, want %v", dest, s, want)
			}
		}
	})
}

func TestWhoCallsIn(t *testing.T) {
	in(t, small("allowguest=no", phones), func(n *siptest.Net, at map[string]*branch) {
		b := at["9"]
		call := func(user, last, exten, want string, with ...string) {
			t.Helper()
			p := b.phone(user, last)
			defer p.Close()
			inv := p.Send("INVITE", "sip:"+exten+"@"+seed+"9", append(with, p.SDP(4000, "0"))...)
			p.Ack(inv, p.Want(want))
			if want == "200" {
				p.Reply(p.Want("BYE"), 200, "OK")
			}
		}
		call("anybody", "77", "5", "200")  // gw by its address, insecure=invite
		call("gw", "60", "5", "401")       // its name alone is nothing: type=peer
		call("anybody", "79", "5", "401")  // fixed by its address, but it must prove itself
		call("stranger", "60", "5", "401") // allowguest=no
		call("near", "60", "5", "401")     // not from there

		u := b.phone("u", "61")
		defer u.Close()
		inv := ask(u, password, "INVITE", "sip:5@"+seed+"9", u.SDP(4000, "0"))
		u.Ack(inv, u.Want("200"))
		u.Reply(u.Want("BYE"), 200, "OK")
		inv = ask(u, "wrong", "INVITE", "sip:5@"+seed+"9", u.SDP(4000, "0"))
		u.Ack(inv, u.Want("403"))

		// Who may not register is told no more than who guesses.
		for user, last := range map[string]string{"u": "61", "fixed": "79", "near": "60", "nobody": "62"} {
			if user == "u" {
				ask(u, password, "REGISTER", "sip:"+seed+"9")
				u.Want("403")
				continue
			}
			p := b.phone(user, last)
			ask(p, password, "REGISTER", "sip:"+seed+"9")
			p.Want("403")
			p.Close()
		}
		udp := b.phone("tcponly", "63")
		defer udp.Close()
		ask(udp, password, "REGISTER", "sip:"+seed+"9")
		udp.Want("403")
	})
}

// Credentials that were overheard are worth nothing, though the challenge has no
// count (D14).
func TestLegacyReplay(t *testing.T) {
	in(t, small("allowguest=no", phones), func(n *siptest.Net, at map[string]*branch) {
		a := at["9"].phone("1001", "206")
		defer a.Close()
		first := ask(a, password, "REGISTER", "sip:"+seed+"9")
		a.Want("200")
		again := a.Make("REGISTER", "sip:"+seed+"9", "Authorization: "+first.GetHeader("Authorization").Value())
		a.Put(again)
		if m := a.Want("401"); !strings.Contains(m.Header("www-authenticate"), "stale=true") {
			t.Errorf("replay: %s", m.Header("www-authenticate"))
		}
	})
}

// A phone behind a router is called where it registered from, not where it
// believes it is; and without one it is called where it says.
func TestBehindRouter(t *testing.T) {
	for nat, reached := range map[string]bool{"auto_force_rport": true, "force_rport": true, "no": false} {
		in(t, small("allowguest=no\nnat="+nat, phones), func(n *siptest.Net, at map[string]*branch) {
			a, p := at["9"].phone("1001", "206"), n.Phone("1002", seed+"200:31000", seed+"9:5060")
			inside := n.Phone("1002", "10.0.0.5:5060", seed+"9:5060")
			defer a.Close()
			defer p.Close()
			defer inside.Close()
			register(a)
			private := []string{"Contact: <sip:1002@10.0.0.5:5060>", "Via: SIP/2.0/UDP 10.0.0.5:5060;rport;branch=z9hG4bK" + nat}
			first := p.Send("REGISTER", "sip:"+seed+"9", private...)
			c := p.Want("401")
			private[1] += "2"
			again := p.Make("REGISTER", "sip:"+seed+"9", append(private, "Call-ID: "+first.CallID().Value(), "From: "+first.From().Value())...)
			answerTo(again, c, "1002")
			p.Put(again)
			p.Want("200")
			inv := ask(a, password, "INVITE", "sip:1002@"+seed+"9", a.SDP(4000, "0"))
			callee := inside
			if reached {
				callee = p
			}
			got := callee.Want("INVITE")
			if u := got.Req.Recipient.String(); u != "sip:1002@10.0.0.5:5060" {
				t.Errorf("nat=%s: %s", nat, u)
			}
			callee.Reply(got, 486, "Busy Here")
			callee.Want("ACK")
			a.Ack(inv, a.Want("486"))
		})
	}
}

func TestCallLimit(t *testing.T) {
	in(t, small("allowguest=no", phones), func(n *siptest.Net, at map[string]*branch) {
		a, p := at["9"].phone("1001", "206"), at["9"].phone("1002", "55")
		defer a.Close()
		defer p.Close()
		register(a)
		register(p)
		inv := ask(a, password, "INVITE", "sip:1002@"+seed+"9", a.SDP(4000, "0"))
		got := p.Want("INVITE")
		p.Reply(got, 180, "Ringing")
		a.Want("180")
		second := ask(a, password, "INVITE", "sip:1002@"+seed+"9", a.SDP(4000, "0"))
		a.Ack(second, a.Want("486"))
		back := ask(p, password, "INVITE", "sip:1001@"+seed+"9", p.SDP(4000, "0"))
		p.Ack(back, p.Want("480"))
		p.Reply(got, 486, "Busy Here")
		p.Want("ACK")
		a.Ack(inv, a.Want("486"))
	})
}

// Where devices are outlives a restart of the exchange.
func TestWhereaboutsKept(t *testing.T) {
	in(t, small("allowguest=no", phones), func(n *siptest.Net, at map[string]*branch) {
		b := at["9"]
		p := n.PhoneTCP("1002", seed+"55:5060", seed+"9:5060")
		defer p.Close()
		register(p)
		text, _ := b.db.Get("SIP/Registry", "1002")
		if !strings.HasSuffix(text, ":120:1002:sip:1002@"+seed+"55:5060;transport=tcp") {
			t.Errorf("stored %q", text)
		}
		dev := b.agent.Snapshot().Device("1002")
		if b.reg.Forget(dev.ID) != 1 {
			t.Error("not forgotten")
		}
		if _, ok := b.db.Get("SIP/Registry", "1002"); ok || b.agent.DeviceAddress(dev).IsValid() {
			t.Error("still known")
		}
	})
}

func TestLegacyConsole(t *testing.T) {
	in(t, small("allowguest=no", phones), func(n *siptest.Net, at map[string]*branch) {
		b := at["9"]
		tree := cli.NewTree()
		if err := tree.Add(b.agent.LegacyCommands()...); err != nil {
			t.Fatal(err)
		}
		run := func(line, want string, outcome cli.Outcome) {
			t.Helper()
			var out bytes.Buffer
			if o := tree.Run(context.Background(), &out, line); o != outcome || !strings.Contains(out.String(), want) {
				t.Errorf("%s: %v\n%s\nwant %v %s", line, o, out.String(), outcome, want)
			}
		}
		run("sip set debug on", "SIP Debugging enabled", cli.Done)
		run("sip set debug off", "SIP Debugging Disabled", cli.Done)
		run("sip set debug", "SIP Debugging enabled", cli.Done)
		run("sip set debug ip 198.51.100.206:5060", "SIP Debugging Enabled for IP: 198.51.100.206:5060", cli.Done)
		run("sip set debug peer nope", "No such peer 'nope'", cli.Failed)
		run("sip set debug peer 1001", "Unable to get IP address of peer '1001'", cli.Failed)
		run("sip set history on", "SIP History Recording Enabled (use 'sip show history')", cli.Done)
		a, p := b.phone("1001", "206"), n.PhoneTCP("1002", seed+"55:5060", seed+"9:5060")
		defer a.Close()
		defer p.Close()
		register(a)
		register(p)
		run("sip set debug peer 1001", "SIP Debugging Enabled for IP: 198.51.100.206:5060", cli.Done)
		inv := ask(a, password, "INVITE", "sip:1002@"+seed+"9", a.SDP(4000, "0"))
		got := p.Want("INVITE")
		p.Reply(got, 180, "Ringing")
		a.Want("180")
		run("sip show channels", "Peer             User/ANR         Call ID          Format           Hold     Last Message    Expiry     Peer      \n", cli.Done)
		run("sip show channels", "198.51.100.206   1001             1001-call-", cli.Done)
		run("sip show channels", "2 active SIP dialogs", cli.Done)
		run("sip show subscriptions", "0 active SIP subscriptions", cli.Done)
		run("sip show channel "+inv.CallID().Value(), "  Curr. trans. direction:  Incoming\n", cli.Done)
		run("sip show channel "+inv.CallID().Value(), "  Owner channel ID:       SIP/1001-00000000\n", cli.Done)
		run("sip show channel zzz", "No such SIP Call ID starting with 'zzz'", cli.Failed)
		run("sip show channelstats", "2 active SIP channels", cli.Done)
		run("sip show tcp", "TCP       Server", cli.Done)
		run("sip show history "+inv.CallID().Value(), "INVITE sip:1002@198.51.100.9 SIP/2.0", cli.Done)
		run("sip show history nope", "No such SIP Call ID starting with 'nope'", cli.Failed)
		run("sip set history off", "SIP History Recording Disabled", cli.Done)
		p.Reply(got, 486, "Busy Here")
		p.Want("ACK")
		a.Ack(inv, a.Want("486"))
		time.Sleep(time.Second)
	})
}

// S-261: a server whose sip.conf takes no messages says so, and what it takes.
func TestLegacyMessageRefused(t *testing.T) {
	in(t, small("accept_outofcall_message=no\nallowguest=yes", ""), func(n *siptest.Net, _ map[string]*branch) {
		p := n.Phone("guest", seed+"206:5060", seed+"9:5060")
		defer p.Close()
		p.Send("MESSAGE", "sip:1003@"+seed+"9", "Content-Type: text/plain")
		if m := p.Want("405"); !strings.Contains(m.Header("allow"), "INVITE") {
			t.Errorf("nothing is allowed:\n%s", m.Raw)
		}
	})
}
