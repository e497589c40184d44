package sip

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emiago/sipgo/sip"

	"branchline/pbx/settings"
	"branchline/pbx/sip/outreg"
	"branchline/pbx/sip/registrar"
	"branchline/pbx/sip/resolve"
	"branchline/pbx/sip/way"
)

// cluster is a provider with several servers, in the order its DNS names them.
type cluster struct {
	addrs  []string
	asked  []resolve.Query
	failed []string
}

func (c *cluster) Targets(_ context.Context, q resolve.Query) ([]resolve.Target, error) {
	c.asked = append(c.asked, q)
	var out []resolve.Target
	for _, a := range c.addrs {
		out = append(out, resolve.Target{Network: q.Ways[0].Network, Addr: netip.MustParseAddrPort(a)})
	}
	return out, nil
}

func (c *cluster) Failed(t resolve.Target) { c.failed = append(c.failed, t.String()) }
func (c *cluster) Worked(resolve.Target)   {}

func (c *cluster) wantFailed(t *testing.T, want ...string) {
	t.Helper()
	if !slices.Equal(c.failed, want) {
		t.Errorf("remembered as failed: %q, want %q", c.failed, want)
	}
}

const viaProvider = "PJSIP/gw/sip:u@voip.example"

// inCluster is a call of 1001 to u@voip.example, whose servers are .61 to .63.
func inCluster(t *testing.T, f func(s *site, c *cluster)) {
	t.Helper()
	inSite(t, office, map[string]string{"1": viaProvider}, func(s *site) {
		c := &cluster{addrs: []string{"198.51.100.61:5060", "198.51.100.62:5060", "198.51.100.63:5060"}}
		s.resolver = c
		f(s, c)
		s.x.done.Wait()
	})
}

func TestFailover(t *testing.T) {
	for _, how := range []string{"silent", "503", "503 after 100"} {
		t.Run(how, func(t *testing.T) {
			inCluster(t, func(s *site, c *cluster) {
				p := s.phone("1001", "198.51.100.206")
				a, b := s.net.Phone("u", c.addrs[0], pbxUDP), s.net.Phone("u", c.addrs[1], pbxUDP)
				defer p.Close()
				defer b.Close()
				start := time.Now()
				inv := p.Send("INVITE", "sip:1@"+pbxAddr, p.SDP(4000, "0"))
				in := a.Want("INVITE")
				switch how {
				case "503 after 100":
					a.Reply(in, 100, "Trying")
					fallthrough
				case "503":
					a.Reply(in, 503, "Service Unavailable")
					a.Want("ACK")
				}
				again := b.Want("INVITE")
				waited := time.Since(start)
				if how == "silent" && waited != 4*time.Second || how != "silent" && waited != 0 {
					t.Errorf("second server asked after %v", waited)
				}
				if one, two := in.Req.Via(), again.Req.Via(); one.Params.String() == two.Params.String() {
					t.Error("same branch for both servers")
				}
				if in.Req.CallID().Value() != again.Req.CallID().Value() || in.Req.CSeq().SeqNo != again.Req.CSeq().SeqNo || len(again.Req.GetHeaders("Via")) != 1 {
					t.Errorf("not the same request:\n%s\n%s", in.Raw, again.Raw)
				}
				b.Reply(again, 486, "Busy Here")
				b.Want("ACK")
				p.Ack(inv, p.Want("486"))
				c.wantFailed(t, "udp:"+c.addrs[0])
				a.Close()
			})
		})
	}
}

// The credentials go to the server that asked for them.
func TestChallengeStaysWithTheServer(t *testing.T) {
	conf := office + `
[gw2]
type=endpoint
allow=ulaw
aors=gw
outbound_auth=gw2
[gw2]
type=auth
username=u
password=x
`
	inSite(t, conf, map[string]string{"1": "PJSIP/gw2/sip:u@voip.example"}, func(s *site) {
		c := &cluster{addrs: []string{"198.51.100.61:5060", "198.51.100.62:5060"}}
		s.resolver = c
		p := s.phone("1001", "198.51.100.206")
		a, b := s.net.Phone("u", c.addrs[0], pbxUDP), s.net.Phone("u", c.addrs[1], pbxUDP)
		defer p.Close()
		defer a.Close()
		defer b.Close()
		inv := p.Send("INVITE", "sip:1@"+pbxAddr, p.SDP(4000, "0"))
		a.Reply(a.Want("INVITE"), 503, "Service Unavailable")
		a.Want("ACK")
		b.Reply(b.Want("INVITE"), 401, "Unauthorized", `WWW-Authenticate: Digest realm="x",nonce="n"`)
		b.Want("ACK")
		in := b.Want("INVITE")
		if in.Req.GetHeader("Authorization") == nil {
			t.Error("no credentials")
		}
		b.Reply(in, 404, "Not Found")
		b.Want("ACK")
		p.Ack(inv, p.Want("404"))
		a.WantNothing(time.Second)
		s.x.done.Wait()
	})
}

// A server that lets the call ring has it: what it says then is final.
func TestNoFailoverAfterRinging(t *testing.T) {
	inCluster(t, func(s *site, c *cluster) {
		p := s.phone("1001", "198.51.100.206")
		a, b := s.net.Phone("u", c.addrs[0], pbxUDP), s.net.Phone("u", c.addrs[1], pbxUDP)
		defer p.Close()
		defer a.Close()
		defer b.Close()
		inv := p.Send("INVITE", "sip:1@"+pbxAddr, p.SDP(4000, "0"))
		in := a.Want("INVITE")
		a.Reply(in, 180, "Ringing")
		p.Want("180")
		b.WantNothing(8 * time.Second)
		a.Reply(in, 503, "Service Unavailable")
		a.Want("ACK")
		p.Ack(inv, p.Want("503"))
		c.wantFailed(t)
	})
}

func TestAllServersFail(t *testing.T) {
	inCluster(t, func(s *site, c *cluster) {
		p := s.phone("1001", "198.51.100.206")
		defer p.Close()
		inv := p.Send("INVITE", "sip:1@"+pbxAddr, p.SDP(4000, "0"))
		for _, addr := range c.addrs {
			q := s.net.Phone("u", addr, pbxUDP)
			q.Reply(q.Want("INVITE"), 503, "Service Unavailable")
			q.Want("ACK")
			q.Close()
		}
		p.Ack(inv, p.Want("503"))
		c.wantFailed(t, "udp:"+c.addrs[0], "udp:"+c.addrs[1])
		if len(c.asked) != 1 {
			t.Errorf("looked up %d times", len(c.asked))
		}
	})
}

// A caller who hangs up while the first server is silent calls nobody else.
func TestCancelEndsFailover(t *testing.T) {
	inCluster(t, func(s *site, c *cluster) {
		p := s.phone("1001", "198.51.100.206")
		a, b := s.net.Phone("u", c.addrs[0], pbxUDP), s.net.Phone("u", c.addrs[1], pbxUDP)
		defer p.Close()
		defer a.Close()
		defer b.Close()
		inv := p.Send("INVITE", "sip:1@"+pbxAddr, p.SDP(4000, "0"))
		a.Want("INVITE")
		p.Want("100")
		p.Cancel(inv)
		p.Want("200 CANCEL")
		p.Ack(inv, p.Want("487"))
		b.WantNothing(40 * time.Second)
	})
}

func TestWaysOfAQuery(t *testing.T) {
	inSite(t, office, nil, func(s *site) {
		c := &cluster{addrs: []string{"198.51.100.61:5060"}}
		s.resolver = c
		for _, q := range []struct{ pin, uri, want string }{
			{"", "sip:voip.example", "{voip.example 0 [{udp true false} {tcp true false}] false false}"},
			{"", "sip:voip.example:5070", "{voip.example 5070 [{udp true false} {tcp true false}] false false}"},
			{"", "sip:voip.example;transport=tcp", "{voip.example 0 [{tcp true false}] true false}"},
			{"transport-tcp", "sip:voip.example;transport=udp", "{voip.example 0 [{tcp true false}] true false}"},
			{"", "sip:voip.example;maddr=other.example", "{other.example 0 [{udp true false} {tcp true false}] false false}"},
			{"", "sips:voip.example", "no transport"},
			{"transport-x", "sip:voip.example", "sip:voip.example: transport transport-x does not exist"},
		} {
			c.asked = nil
			var u = mustURI(t, q.uri)
			_, err := s.agent.ways.Hops(context.Background(), way.Road{Pin: q.pin}, &u)
			got := fmt.Sprint(err)
			if len(c.asked) == 1 {
				got = fmt.Sprint(c.asked[0])
			}
			if q.want == "no transport" && err != nil {
				continue
			}
			if got != q.want {
				t.Errorf("%s by %q: %s, want %s", q.uri, q.pin, got, q.want)
			}
		}
	})
}

func TestRegisterAndPingFailOver(t *testing.T) {
	inSite(t, office, nil, func(s *site) {
		c := &cluster{addrs: []string{"198.51.100.61:5060", "198.51.100.62:5060"}}
		s.resolver = c
		a, b := s.net.Phone("u", c.addrs[0], pbxUDP), s.net.Phone("u", c.addrs[1], pbxUDP)
		defer a.Close()
		defer b.Close()
		r := &settings.Registration{ServerURI: "sip:voip.example", ClientURI: "sip:u@voip.example"}
		code := make(chan int, 2)
		go func() {
			res, err := s.agent.SendRegister(context.Background(), r, &outreg.Thread{}, time.Hour)
			if err != nil {
				t.Error(err)
			}
			code <- res.StatusCode
		}()
		a.Reply(a.Want("REGISTER"), 503, "Service Unavailable")
		b.Reply(b.Want("REGISTER"), 200, "OK")
		if got := <-code; got != 200 {
			t.Errorf("REGISTER: %d", got)
		}
		contact := &registrar.Contact{AOR: "gw", Uri: mustURI(t, "sip:voip.example")}
		go func() {
			got, err := s.agent.Ping(context.Background(), contact, &settings.AOR{})
			if err != nil {
				t.Error(err)
			}
			code <- got
		}()
		a.Want("OPTIONS") // and no answer
		in := b.Want("OPTIONS")
		b.Reply(in, 200, "OK")
		if got := <-code; got != 200 {
			t.Errorf("OPTIONS: %d", got)
		}
		synctest.Wait()
	})
}

func mustURI(t *testing.T, s string) sip.Uri {
	t.Helper()
	var u sip.Uri
	if err := way.ParseURI(s, &u); err != nil {
		t.Fatal(err)
	}
	return u
}
