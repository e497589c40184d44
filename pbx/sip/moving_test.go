package sip

import (
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

const ethernet = `
[lan]
type=transport
protocol=udp
bind=eth1
`

// interfaces are a machine's, by name; "" is all of them.
type interfaces map[string][]netip.Addr

func (i interfaces) set(name, addr string) {
	i[name] = nil
	if addr != "" {
		i[name] = []netip.Addr{netip.MustParseAddr(addr)}
	}
}

func (i interfaces) of(name string) (out []netip.Addr) {
	if name != "" {
		return i[name]
	}
	for _, a := range i {
		out = append(out, a...)
	}
	return out
}

// A transport bound to an interface follows its address, with a call on it; others
// do not notice.
func TestAddressChangesUnderACall(t *testing.T) {
	inSite(t, office, plan, func(s *site) {
		eth := interfaces{}
		eth.set("eth0", pbxAddr)
		s.addresses = eth.of
		wantLan := func(want string) {
			t.Helper()
			got := ""
			for _, x := range s.agent.rack.Load().Wires {
				if x.Name() == "lan" {
					got = x.Bound().String()
				}
			}
			if got != want {
				t.Fatalf("the transport is at %q, want %q\n%s", got, want, s.log)
			}
		}
		d := s.reload(office + ethernet)
		if len(d) != 1 || d[0].Rule != "bind-waits" || !strings.Contains(d[0].Message, "interface eth1 has no IPv4 address") {
			t.Errorf("%v", d)
		}
		eth.set("eth1", "169.254.77.9")
		s.agent.AddressesChanged()
		synctest.Wait()
		wantLan("169.254.77.9:5060")
		eth["eth1"] = append(eth["eth1"], netip.MustParseAddr("10.9.0.1")) // one that reaches further
		s.agent.AddressesChanged()
		synctest.Wait()
		wantLan("10.9.0.1:5060")
		eth.set("eth1", "10.9.0.1")
		s.agent.AddressesChanged()

		other := s.phone("1001", "198.51.100.206")
		defer other.Close()
		call := other.Send("INVITE", "sip:77@"+pbxAddr, other.SDP(4000, "0"))
		other.Want("100")
		up := other.Want("200")
		other.Ack(call, up)

		p := s.net.Phone("gw", "10.9.0.50:5060", "10.9.0.1:5060")
		defer p.Close()
		s.reload(strings.Replace(office, "match=198.51.100.50", "match=198.51.100.50,10.9.0.50", 1) + ethernet)
		inv := p.Send("INVITE", "sip:77@10.9.0.1", p.SDP(4000, "0"))
		p.Want("100")
		ok := p.Want("200")
		p.Ack(inv, ok)
		if got := ok.Header("contact"); !strings.Contains(got, "10.9.0.1:5060") {
			t.Errorf("Contact %q", got)
		}

		// The same address again, and another interface: nobody is told anything.
		eth.set("eth2", "172.16.0.1")
		s.agent.AddressesChanged()
		p.WantNothing(time.Second)
		wantLan("10.9.0.1:5060")

		// No address: the call is kept, there may be one again.
		eth.set("eth1", "")
		s.agent.AddressesChanged()
		p.WantNothing(time.Second)

		eth.set("eth1", "10.9.0.2")
		s.agent.AddressesChanged()
		again := p.Want("INVITE")
		if got := again.Header("contact"); !strings.Contains(got, "10.9.0.2:5060") {
			t.Errorf("Contact %q", got)
		}
		if !strings.Contains(again.Body(), "c=IN IP4 10.9.0.2") {
			t.Errorf("body\n%s", again.Body())
		}
		wantLan("10.9.0.2:5060")
		p.Server = netip.MustParseAddrPort("10.9.0.2:5060")
		p.Reply(again, 200, "OK", p.SDP(4000, "0"))
		p.Want("ACK")
		if n := s.agent.Sessions(); n != 2 {
			t.Errorf("%d sessions", n)
		}
		p.Within(inv, ok, "BYE")
		p.Want("200 BYE")
		other.WantNothing(time.Second)
		other.Within(call, up, "BYE")
		other.Want("200 BYE")
		s.x.done.Wait()
		if n := strings.Count(s.log.String(), "our address has changed"); n != 1 {
			t.Errorf("%d sessions were moved\n%s", n, s.log)
		}
	})
}

// On a transport bound to all addresses it is the same, and what was never an address
// of ours stays as it is written.
func TestAddressChangesUnderAWildcard(t *testing.T) {
	inSite(t, strings.ReplaceAll(office, "protocol=udp\nbind=198.51.100.9", "protocol=udp\nbind=0.0.0.0"), plan, func(s *site) {
		eth := interfaces{}
		eth.set("eth0", pbxAddr)
		s.addresses = eth.of
		p := s.phone("1001", "198.51.100.206")
		defer p.Close()
		inv := p.Send("INVITE", "sip:77@"+pbxAddr, p.SDP(4000, "0"))
		p.Want("100")
		ok := p.Want("200")
		p.Ack(inv, ok)
		eth.set("eth0", "198.51.100.10")
		s.agent.AddressesChanged() // the network in memory still routes by the old one
		if n := strings.Count(s.log.String(), "our address has changed"); n != 0 {
			t.Errorf("moved to where it was\n%s", s.log)
		}
		p.Within(inv, ok, "BYE")
		p.Want("200 BYE")
	})
}
