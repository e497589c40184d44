package sip

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"branchline/pbx/channel"
	"branchline/pbx/sip/link"
	"branchline/pbx/sip/resolve"
	"branchline/pbx/sip/siptest"
)

func TestPing(t *testing.T) {
	conf := strings.Replace(office, "contact=sip:198.51.100.50", "contact=sip:u@198.51.100.50\nauthenticate_qualify=yes", 1)
	conf = strings.Replace(conf, "context=trunk", "context=trunk\noutbound_auth=1003", 1)
	inSite(t, conf, plan, func(s *site) {
		p := s.phone("u", "198.51.100.50")
		defer p.Close()
		aor := s.agent.Snapshot().AORs["gw"]
		contact := s.agent.o.Registrar.Contacts("gw")[0]
		type outcome struct {
			status int
			err    error
		}
		ping := func() chan outcome {
			done := make(chan outcome, 1)
			go func() {
				ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
				defer cancel()
				status, err := s.agent.Ping(ctx, contact, aor)
				done <- outcome{status, err}
			}()
			return done
		}
		done := ping()
		m := p.Want("OPTIONS")
		if m.Req.Recipient.String() != "sip:u@198.51.100.50" || m.Header("from") == "" || m.Header("contact") != "<sip:asterisk@198.51.100.9:5060>" {
			t.Errorf("\n%s", m.Raw)
		}
		p.Reply(m, 401, "Unauthorized", `WWW-Authenticate: Digest realm="x", nonce="n", algorithm=MD5, qop="auth"`)
		m = p.Want("OPTIONS")
		if !strings.Contains(m.Header("authorization"), `username="1003"`) || m.Req.CSeq().SeqNo != 2 {
			t.Errorf("\n%s", m.Raw)
		}
		p.Reply(m, 404, "Not Found")
		if r := <-done; r.status != 404 || r.err != nil {
			t.Errorf("got %v", r)
		}
		done = ping()
		p.Want("OPTIONS")
		if r := <-done; !errors.Is(r.err, link.ErrTimeout) {
			t.Errorf("got %v", r)
		}
	})
}

func TestDeviceStateAndContacts(t *testing.T) {
	var shown []*channel.Snapshot
	inSite(t, office, plan, func(s *site) {
		s.channels = func() []*channel.Snapshot { return shown }
		state := func(ep string, want channel.DeviceState) {
			t.Helper()
			if got := s.x.tech.State(ep); got != want {
				t.Errorf("%s is %v, want %v", ep, got, want)
			}
		}
		state("1001", channel.DeviceUnavailable)
		state("nobody", channel.DeviceInvalid)
		state("gw", channel.DeviceNotInUse)
		p := s.phone("1001", "198.51.100.206")
		defer p.Close()
		p.Send("REGISTER", "sip:"+pbxAddr)
		p.Want("200")
		state("1001", channel.DeviceNotInUse)
		shown = []*channel.Snapshot{{Name: "PJSIP/1001-00000000", Endpoint: "1001", State: channel.RingingState}}
		state("1001", channel.DeviceRinging)
		shown = append(shown, &channel.Snapshot{Name: "PJSIP/1001-00000001", Endpoint: "1001", State: channel.Up, Inbound: true})
		state("1001", channel.DeviceRingInUse)
		shown = shown[1:]
		state("1001", channel.DeviceInUse)
		if got := s.agent.DialContacts("1001", ""); got != "PJSIP/1001/sip:1001@198.51.100.206:5060" {
			t.Errorf("contacts %q", got)
		}
		if got := s.agent.DialContacts("1002", "") + s.agent.DialContacts("nobody", ""); got != "" {
			t.Errorf("contacts %q", got)
		}
	})
}

func TestAccessListsAndTrust(t *testing.T) {
	conf := office + "[office]\ntype=acl\ndeny=0.0.0.0/0\npermit=198.51.100.0/24\n"
	inSite(t, conf, plan, func(s *site) {
		p := s.phone("1001", "192.0.2.1")
		defer p.Close()
		p.Send("REGISTER", "sip:"+pbxAddr)
		p.Want("403")
		if !strings.Contains(s.log.String(), "failed for '192.0.2.1:5060'") {
			t.Errorf("log\n%s", s.log)
		}
	})
}

// Seed: S-087.
func TestForceRport(t *testing.T) {
	for _, c := range []struct{ force, via, to string }{
		{"yes", "", "198.51.100.206:5060"}, {"no", "", "198.51.100.206:5999"}, {"no", ";rport", "198.51.100.206:5060"},
	} {
		t.Run(c.force+c.via, func(t *testing.T) {
			inSite(t, strings.Replace(office, "direct_media=no", "force_rport="+c.force, 1), plan, func(s *site) {
				p, q := s.phone("1001", "198.51.100.206"), s.net.Phone("x", "198.51.100.206:5999", pbxUDP)
				defer p.Close()
				defer q.Close()
				p.Send("OPTIONS", "sip:"+pbxAddr, "Via: SIP/2.0/UDP 10.0.0.1:5999;branch=z9hG4bKx"+c.via)
				if c.to == p.Addr.String() {
					p.Want("200")
				} else {
					q.Want("200")
				}
			})
		})
	}
}

// Seed: S-091.
func TestRewriteContact(t *testing.T) {
	inSite(t, strings.Replace(office, "direct_media=no", "rewrite_contact=yes", 1), plan, func(s *site) {
		p, q := s.phone("1001", "198.51.100.206"), s.phone("1002", "198.51.100.55")
		defer p.Close()
		defer q.Close()
		p.Send("REGISTER", "sip:"+pbxAddr, "Contact: <sip:1001@10.0.0.1:5062>")
		m := p.Want("200")
		if !strings.Contains(m.Header("contact"), "sip:1001@198.51.100.206:5060") {
			t.Errorf("Contact %q", m.Header("contact"))
		}
		inv := q.Send("INVITE", "sip:1001@"+pbxAddr, q.SDP(4000, "0"))
		in := p.Want("INVITE")
		p.Reply(in, 486, "Busy Here")
		p.Want("ACK")
		q.Ack(inv, q.Want("486"))
		s.x.done.Wait()
	})
}

// TestHangUpOnTheWayIn: who called over UDP hears the exchange hang up over UDP,
// also when calls to his endpoint go over TCP. He has no TCP port to hear it on.
func TestHangUpOnTheWayIn(t *testing.T) {
	inSite(t, office, plan, func(s *site) {
		p := s.phone("1002", "198.51.100.55") // pinned to TCP
		defer p.Close()
		inv := p.Send("INVITE", "sip:77@"+pbxAddr, p.SDP(4000, "0"))
		ok := p.Want("200")
		p.Ack(inv, ok)
		synctest.Wait()
		s.x.calls[0].Leg.Hangup(channel.NormalClearing)
		bye := p.Want("BYE")
		if !strings.HasPrefix(bye.Header("via"), "SIP/2.0/UDP") {
			t.Errorf("BYE with Via %q", bye.Header("via"))
		}
		p.Reply(bye, 200, "OK")
		s.x.done.Wait()
	})
}

func TestExternalAddress(t *testing.T) {
	conf := strings.Replace(office, "bind=198.51.100.9\n", "bind=0.0.0.0\nlocal_net=198.51.100.0/24\nexternal_signaling_address=203.0.113.1\n"+
		"external_media_address=203.0.113.1\n", 1)
	inSite(t, conf, plan, func(s *site) {
		for _, c := range []struct{ addr, contact string }{{"198.51.100.206", "198.51.100.9"}, {"192.0.2.7", "203.0.113.1"}} {
			p := s.phone("1001", c.addr)
			inv := p.Send("INVITE", "sip:77@"+pbxAddr, p.SDP(4000, "0"))
			ok := p.Want("200")
			if got := ok.Res.Contact().Address.Host; got != c.contact {
				t.Errorf("towards %s: Contact %s, want %s", c.addr, got, c.contact)
			}
			if want := "c=IN IP4 " + c.contact; !strings.Contains(ok.Body(), want) {
				t.Errorf("towards %s: no %q in\n%s", c.addr, want, ok.Body())
			}
			p.Ack(inv, ok)
			p.Within(inv, ok, "BYE")
			p.Want("200 BYE")
			p.Close()
			synctest.Wait() // the second phone's messages have the same Call-ID and tag
		}
		s.x.done.Wait()
	})
}

// names resolves one host.
type names struct{}

func (names) Targets(_ context.Context, q resolve.Query) ([]resolve.Target, error) {
	time.Sleep(time.Second)
	if q.Host == "phone.example" {
		return []resolve.Target{
			{Network: "udp", Addr: netip.AddrPortFrom(netip.MustParseAddr("2001:db8::1"), q.Port)},
			{Network: "udp", Addr: netip.AddrPortFrom(netip.MustParseAddr("198.51.100.60"), q.Port)},
		}, nil
	}
	return nil, errors.New("no such host")
}

func (names) Failed(resolve.Target) {}
func (names) Worked(resolve.Target) {}

func TestHostNames(t *testing.T) {
	inSite(t, office, map[string]string{"1": "PJSIP/gw/sip:u@phone.example:5062", "2": "PJSIP/gw/sip:u@nowhere.example"}, func(s *site) {
		s.resolver = names{}
		p, q := s.phone("1001", "198.51.100.206"), s.net.Phone("u", "198.51.100.60:5062", pbxUDP)
		defer p.Close()
		defer q.Close()
		inv := p.Send("INVITE", "sip:1@"+pbxAddr, p.SDP(4000, "0"))
		in := q.Want("INVITE")
		q.Reply(in, 486, "Busy Here")
		q.Want("ACK")
		p.Ack(inv, p.Want("486"))
		inv = p.Send("INVITE", "sip:2@"+pbxAddr, p.SDP(4000, "0"))
		p.Ack(inv, p.Want("404"))
		s.x.done.Wait()
	})
}

func TestLossAndDelay(t *testing.T) {
	inSite(t, office, plan, func(s *site) {
		n := 0
		s.net.SetRule(func(_, _ netip.AddrPort, _ []byte) (time.Duration, bool) {
			n++
			return 30 * time.Millisecond, n%3 == 0
		})
		p := s.phone("1001", "198.51.100.206")
		defer p.Close()
		inv := p.Make("INVITE", "sip:77@"+pbxAddr, p.SDP(4000, "0"))
		var ok *siptest.Message
		for ok == nil {
			p.Put(inv)
			p.After(500 * time.Millisecond)
			if got := p.Next(100 * time.Millisecond); got != nil && got.Res != nil {
				ok = got
			}
		}
		if ok.Res.StatusCode != 200 {
			t.Fatalf("got\n%s", ok.Raw)
		}
		for range 4 {
			p.Ack(inv, ok)
			p.After(time.Second)
		}
		s.net.SetRule(nil)
		p.Within(inv, ok, "BYE")
		for m := p.Next(time.Second); m == nil || m.Res == nil || m.Res.CSeq().MethodName != "BYE"; m = p.Next(time.Second) {
			if m == nil {
				t.Fatalf("no answer to BYE\n%s", s.net.Ladder())
			}
		}
		s.x.done.Wait()
	})
}
