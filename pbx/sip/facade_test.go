package sip

import (
	"net/netip"
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"branchline/pbx/astconf"
)

// An exchange behind a router with a dynamic address speaks as the address that
// its name has, and follows it.
func TestOutsideName(t *testing.T) {
	named := strings.Replace(office, "bind=198.51.100.9\n", "bind=198.51.100.9\nexternal_signaling_address=home.example\nexternal_media_address=home.example\nlocal_net=10.0.0.0/8\n", 1)
	inSite(t, office, plan, func(s *site) {
		b := &book{}
		s.resolver = b
		commit, diags, err := s.agent.Prepare(s.agent.Snapshot(), load(t, strings.Replace(named, "bind=198.51.100.9\n", "bind=198.51.100.9:5070\n", 1)+"\n"))
		if err != nil || len(diags) != 2 || diags[0].Rule != "transport-reload" && diags[1].Rule != "transport-reload" {
			t.Fatal(diags, err)
		}
		_ = commit // another Prepare follows
		named = strings.Replace(named, "protocol=udp\n", "protocol=udp\nallow_reload=yes\n", 1)
		commit, diags, err = s.agent.Prepare(s.agent.Snapshot(), load(t, named))
		if err != nil || len(diags) != 1 || diags[0].Rule != "unresolved-host" || diags[0].Severity != astconf.Warning || !strings.Contains(diags[0].Message, "external_signaling_address=home.example") {
			t.Fatal(diags, err)
		}
		commit()
		synctest.Wait()
		p := s.phone("1001", "198.51.100.206")
		defer p.Close()
		speaks := func(host, media string) {
			t.Helper()
			c := p
			inv := c.Send("INVITE", "sip:77@"+pbxAddr, c.SDP(4000, "0"))
			m := c.Want("200")
			if got := m.Res.Contact().Address.Host; got != host {
				t.Errorf("Contact at %s, want %s", got, host)
			}
			if !strings.Contains(string(m.Res.Body()), "c=IN IP4 "+media+"\r\n") {
				t.Errorf("media not at %s:\n%s", media, m.Res.Body())
			}
			c.Ack(inv, m)
			c.Within(inv, m, "BYE")
			c.Want("200 BYE")
		}
		speaks("home.example", pbxAddr)
		b.write("192.0.2.1:5060")
		time.Sleep(11 * time.Second)
		speaks("192.0.2.1", "192.0.2.1")
		b.write("192.0.2.2:5060")
		time.Sleep(61 * time.Second)
		speaks("192.0.2.2", "192.0.2.2")
		b.write("")
		time.Sleep(61 * time.Second)
		speaks("192.0.2.2", "192.0.2.2")
		// A reload asks at once and says what it knows from the first call on.
		b.write("192.0.2.3:5060")
		if _, diags, err = s.agent.Prepare(s.agent.Snapshot(), load(t, named)); err != nil || len(diags) > 0 {
			t.Error(diags, err)
		}
		s.reload(named)
		speaks("192.0.2.3", "192.0.2.3")
	})
}

// externhost of sip.conf is looked up the same way, as often as externrefresh
// says.
func TestExternHost(t *testing.T) {
	inSite(t, office, plan, func(s *site) {
		b := &book{}
		s.resolver = b
		commit, diags, err := s.agent.Prepare(s.agent.Snapshot(), joined(t, fstest.MapFS{"sip.conf": {Data: []byte(
			"[general]\nudpbindaddr=198.51.100.9:5070\nexternhost=home.example\nexternrefresh=20\nlocalnet=10.0.0.0/8\n")}}))
		if err != nil || len(diags) != 1 || !strings.Contains(diags[0].Message, "externhost=home.example") || diags[0].Pos.File != "sip.conf" {
			t.Fatal(diags, err)
		}
		commit()
		far, near := netip.MustParseAddr("203.0.113.1"), netip.MustParseAddr("10.0.0.1")
		speaks := func(to netip.Addr, want string) {
			t.Helper()
			if host, _ := s.agent.rack.Load().LegacyWire("udp").Speaks(to); host != want {
				t.Errorf("%s to %s, want %s", host, to, want)
			}
		}
		b.write("192.0.2.1:5060")
		time.Sleep(11 * time.Second)
		speaks(far, "192.0.2.1")
		speaks(near, pbxAddr)
		b.write("192.0.2.2:5060")
		time.Sleep(20 * time.Second)
		speaks(far, "192.0.2.2")
	})
}
