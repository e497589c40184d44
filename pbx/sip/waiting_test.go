package sip

import (
	"net/netip"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"branchline/pbx/astconf"
	"branchline/pbx/sip/siptest"
	"branchline/pbx/sip/sockets"
)

const vpn = `
[vpn]
type=transport
protocol=udp
bind=10.8.0.1
allow_reload=yes
`

// reload puts conf into force and returns what there is to say about it.
func (s *site) reload(conf string) []astconf.Diag {
	s.t.Helper()
	commit, diags, err := s.agent.Prepare(s.agent.Snapshot(), load(s.t, conf))
	if err != nil || astconf.Failed(diags) {
		s.t.Fatal(err, diags)
	}
	commit()
	synctest.Wait()
	return diags
}

func wantWaits(t *testing.T, diags []astconf.Diag) {
	t.Helper()
	if len(diags) != 1 || diags[0].Rule != "bind-waits" || diags[0].Severity != astconf.Warning || !strings.Contains(diags[0].Message, "vpn") {
		t.Errorf("diagnostics %v", diags)
	}
}

// A transport whose address is not up yet waits for it, and the others serve.
func TestWaitsForItsAddress(t *testing.T) {
	inSite(t, office, plan, func(s *site) {
		s.net.SetUp("10.8.0.1", false)
		wantWaits(t, s.reload(office+vpn))
		select {
		case <-s.agent.Ready():
		default:
			t.Error("not ready")
		}
		p := s.phone("1001", "198.51.100.206")
		defer p.Close()
		asks := func(to string) *siptest.Phone {
			q := s.net.Phone("1001", "10.8.0.7:5060", to)
			q.Send("OPTIONS", "sip:77@"+to)
			return q
		}
		p.Send("OPTIONS", "sip:77@"+pbxAddr)
		p.Want("200")
		q := asks("10.8.0.1:5060")
		q.WantNothing(100 * time.Millisecond)
		q.Close()
		if err := s.agent.rack.Load().Missing("vpn"); !strings.Contains(err.Error(), "waits for its address 10.8.0.1") {
			t.Error(err)
		}
		time.Sleep(time.Hour)
		if n := strings.Count(s.log.String(), "transport waits"); n != 1 {
			t.Errorf("%d lines\n%s", n, s.log)
		}
		s.net.SetUp("10.8.0.1", true)
		time.Sleep(time.Second)
		synctest.Wait()
		q = asks("10.8.0.1:5060")
		defer q.Close()
		q.Want("200")
		if got := s.agent.rack.Load().Wires; len(got) != 3 || got[2].Name() != "vpn" {
			t.Errorf("transports %v", got)
		}
		if !strings.Contains(s.log.String(), "the address is up") {
			t.Errorf("said nothing\n%s", s.log)
		}
		if d := s.reload(office + vpn); len(d) != 0 { // it keeps running
			t.Error(d)
		}
	})
}

// One that moves to such an address serves at the old one until then, and a
// reload that drops it ends the waiting.
func TestMovesWhenItsAddressIsUp(t *testing.T) {
	moved := strings.Replace(vpn, "10.8.0.1", "10.8.0.2", 1)
	inSite(t, office+vpn, plan, func(s *site) {
		s.net.SetUp("10.8.0.2", false)
		wantWaits(t, s.reload(office+moved))
		bound := func(want string) {
			t.Helper()
			x := s.agent.rack.Load().Wire("vpn")
			if want == "" && x != nil || want != "" && (x == nil || x.Bound() != netip.MustParseAddrPort(want)) {
				t.Errorf("vpn is %v, want %s", x, want)
			}
		}
		bound("10.8.0.1:5060")
		s.net.SetUp("10.8.0.2", true)
		time.Sleep(2 * time.Second)
		bound("10.8.0.2:5060")
		s.net.SetUp("10.8.0.1", false)
		wantWaits(t, s.reload(office+vpn))
		s.reload(office)
		s.net.SetUp("10.8.0.1", true)
		time.Sleep(2 * time.Second)
		bound("")
	})
}

// The kernel's own words for an address that the machine does not have, and for
// one that is in use.
func TestWaitsOnRealSockets(t *testing.T) {
	// 192.0.2.0/24 is for documentation (RFC 5737): no machine has it, unless it
	// lets programs bind what is not its own.
	if b, err := os.ReadFile("/proc/sys/net/ipv4/ip_nonlocal_bind"); err == nil && strings.TrimSpace(string(b)) == "1" {
		t.Log("this machine binds everything")
		return
	}
	for _, network := range []string{"udp", "tcp"} {
		a := New(Options{Log: nil, Net: sockets.Kernel{}})
		conf := "[vpn]\ntype=transport\nprotocol=" + network + "\nbind=192.0.2.77:5060\n"
		commit, diags, err := a.Prepare(nil, load(t, conf))
		if err != nil {
			t.Fatal(err)
		}
		wantWaits(t, diags)
		commit()
		taken, ok := free(t, netip.MustParseAddr("127.0.0.1"))
		if !ok {
			t.Fatal("no loopback")
		}
		u, err := sockets.Kernel{}.ListenPacket(taken, 0)
		if err != nil {
			t.Fatal(err)
		}
		l, err := sockets.Kernel{}.Listen(taken, 0)
		if err != nil {
			t.Fatal(err)
		}
		_, diags, err = a.Prepare(a.Snapshot(), load(t, strings.Replace(conf, "192.0.2.77:5060", taken.String(), 1)))
		if err != nil || len(diags) != 1 || diags[0].Rule != "bind" || diags[0].Severity != astconf.Error {
			t.Errorf("in use: %v %v", diags, err)
		}
		for _, err := range []error{a.Close(), u.Close(), l.Close()} {
			if err != nil {
				t.Error(err)
			}
		}
	}
}
