package connection

import (
	"net/netip"
	"strings"
	"testing"

	"branchline/netcfg"
	"branchline/pbx/settings"
)

func prefixesOf(texts ...string) (out []netip.Prefix) {
	for _, t := range texts {
		out = append(out, netip.MustParsePrefix(t))
	}
	return out
}

func TestPlaces(t *testing.T) {
	lo := netcfg.Link{Name: "lo", Up: true, Carrier: true, Addresses: prefixesOf("127.0.0.1/8")}
	for name, c := range map[string]struct {
		links []netcfg.Link
		want  string
		err   string
	}{
		"one cable":     {[]netcfg.Link{lo, {Name: "eth0", Up: true, Carrier: true, Addresses: prefixesOf("192.0.2.9/24", "192.0.2.10/24")}}, "eth0 192.0.2.9", ""},
		"two":           {[]netcfg.Link{{Name: "eth0", Up: true, Carrier: true, Addresses: prefixesOf("192.0.2.9/24")}, {Name: "eth1", Up: true, Carrier: true, Addresses: prefixesOf("198.51.100.9/24")}}, "eth0 192.0.2.9 eth1 198.51.100.9", ""},
		"IPv4 first":    {[]netcfg.Link{{Name: "eth0", Up: true, Carrier: true, Addresses: prefixesOf("2001:db8::9/64", "192.0.2.9/24")}}, "eth0 192.0.2.9", ""},
		"IPv6 alone":    {[]netcfg.Link{{Name: "eth0", Up: true, Carrier: true, Own: prefixesOf("fe80::1/64", "2001:db8::9/64")}}, "eth0 2001:db8::9", ""},
		"a bridge":      {[]netcfg.Link{{Name: "br0", Up: true, Carrier: true, Addresses: prefixesOf("192.0.2.9/24")}, {Name: "eth0", Up: true, Carrier: true, Master: "br0"}}, "br0 192.0.2.9", ""},
		"one unplugged": {[]netcfg.Link{{Name: "eth0", Up: true, Addresses: prefixesOf("192.0.2.9/24")}, {Name: "eth1", Up: true, Carrier: true, Addresses: prefixesOf("198.51.100.9/24")}}, "eth1 198.51.100.9", ""},
		// A static address stays when the cable is out, and proves nothing.
		"no cable":         {[]netcfg.Link{lo, {Name: "eth0", Up: true, Addresses: prefixesOf("192.0.2.9/24")}}, "", "no network cable: eth0"},
		"no address":       {[]netcfg.Link{lo, {Name: "eth0", Up: true, Carrier: true, Own: prefixesOf("fe80::1/64")}, {Name: "eth1"}}, "", "eth0 has none yet"},
		"IPv6 before DHCP": {[]netcfg.Link{lo, {Name: "eth8", Up: true, Carrier: true, Own: prefixesOf("2001:db8::9/64")}}, "", "eth8 has none yet"},
		"nothing":          {[]netcfg.Link{lo}, "", "no network interface"},
	} {
		places, err := placesOf(netcfg.State{Links: c.links}, []string{"eth8"})
		var got []string
		for _, p := range places {
			got = append(got, p.link, p.at.String())
		}
		if strings.Join(got, " ") != c.want || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}

func TestPlaceHasTransport(t *testing.T) {
	at := func(bind string) *settings.Transport {
		return &settings.Transport{Protocol: "udp", Bind: netip.MustParseAddrPort(bind)}
	}
	p := place{"eth0", netip.MustParseAddr("192.0.2.9")}
	for bind, want := range map[string]bool{"0.0.0.0:5060": true, "192.0.2.9:5060": true, "192.0.2.10:5060": false, "127.0.0.1:5060": false, "[::]:5060": false} {
		if p.has(at(bind)) != want {
			t.Errorf("%s: %v", bind, !want)
		}
	}
	if !p.has(&settings.Transport{Protocol: "tcp", Device: "eth0"}) || p.has(&settings.Transport{Protocol: "udp", Device: "eth1"}) || p.has(&settings.Transport{Protocol: "ws", Device: "eth0"}) {
		t.Error("by interface")
	}
}

// What comes from this very machine is no phone.
func TestOwnPhonesProveNothing(t *testing.T) {
	n := &Network{}
	own := []netip.Addr{netip.MustParseAddr("192.0.2.9")}
	n.here.Store(&own)
	for _, from := range []string{"127.0.0.1", "::1", "::ffff:127.0.0.1", "192.0.2.9", "::ffff:192.0.2.9"} {
		if n.Registered("1001", netip.MustParseAddr(from)); n.heard.Load() != nil {
			t.Errorf("%s counts", from)
		}
	}
	if n.Registered("1001", netip.MustParseAddr("192.0.2.77")); n.heard.Load() == nil || n.heard.Load().aor != "1001" {
		t.Error("a phone does not count")
	}
}
