package sip

import (
	"net/netip"
	"strings"
	"testing"

	"branchline/pbx/sip/siptest"
	"branchline/pbx/sip/sockets"
)

// TestRealSockets registers a phone over UDP and one over TCP and lets them
// call each other through the kernel's loopback, IPv4 and IPv6.
// Seed: S-299.
func TestRealSockets(t *testing.T) {
	for _, c := range []struct{ name, bind string }{{"v4", "127.0.0.1"}, {"v6", "::1"}, {"all", "0.0.0.0"}} {
		t.Run(c.name, func(t *testing.T) {
			bind, ok := free(t, netip.MustParseAddr(c.bind))
			if !ok {
				t.Logf("no %s here", c.bind)
				return
			}
			conf := strings.ReplaceAll(office, "bind=198.51.100.9", "bind="+bind.String())
			conf = strings.Replace(conf, "transport=transport-tcp", "", 1)
			x := &exchange{t: t, plan: plan}
			a := newAgent(t, x, conf, sockets.Kernel{}, &lines{}, nil, &knobs{})
			defer func() {
				if err := a.Close(); err != nil {
					t.Error(err)
				}
			}()
			at := func(name string) netip.AddrPort {
				b := a.rack.Load().Wire(name).Bound()
				if b.Addr().IsUnspecified() {
					b = netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), b.Port())
				}
				return b
			}
			udp, tcp := at("transport-udp"), at("transport-tcp")
			own := netip.AddrPortFrom(udp.Addr(), 0)
			p := siptest.NewPhone(t, sockets.Kernel{}, "1001", own, udp, false)
			q := siptest.NewPhone(t, sockets.Kernel{}, "1002", own, tcp, true)
			defer p.Close()
			defer q.Close()
			host := udp.Addr().String()
			if udp.Addr().Is6() {
				host = "[" + host + "]"
			}
			for _, ph := range []*siptest.Phone{p, q} {
				ph.Send("REGISTER", "sip:"+host)
				ph.Want("200")
			}
			call := func(from, to *siptest.Phone) {
				t.Helper()
				inv := from.Send("INVITE", "sip:"+to.User+"@"+host, from.SDP(4000, "0"))
				in := to.Want("INVITE")
				if via := in.Req.Via(); strings.Trim(via.Host, "[]") != udp.Addr().String() {
					t.Errorf("Via %q", in.Header("via"))
				}
				to.Reply(in, 180, "Ringing")
				from.Want("180")
				to.Reply(in, 200, "OK", to.SDP(5000, "0"))
				to.Want("ACK")
				ok := from.Want("200")
				if got := strings.Trim(ok.Res.Contact().Address.Host, "[]"); got != udp.Addr().String() {
					t.Errorf("Contact %q", got)
				}
				from.Ack(inv, ok)
				from.Within(inv, ok, "BYE")
				from.Want("200 BYE")
				bye := to.Want("BYE")
				to.Reply(bye, 200, "OK")
			}
			call(p, q)
			call(q, p)
			x.done.Wait()
		})
	}
}

// free finds a port that neither UDP nor TCP uses at addr; false if the machine
// does not have addr.
func free(t *testing.T, addr netip.Addr) (netip.AddrPort, bool) {
	t.Helper()
	for range 20 {
		u, err := (sockets.Kernel{}).ListenPacket(netip.AddrPortFrom(addr, 0), 0)
		if err != nil {
			return netip.AddrPort{}, false
		}
		at := netip.AddrPortFrom(addr, u.LocalAddr().Port())
		l, err := (sockets.Kernel{}).Listen(at, 0)
		if err == nil {
			err = l.Close()
		}
		if cerr := u.Close(); cerr != nil {
			t.Fatal(cerr)
		}
		if err == nil {
			return at, true
		}
	}
	t.Fatal("no free port")
	return netip.AddrPort{}, false
}
