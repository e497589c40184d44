package netcfg_test

import (
	"context"
	"net/netip"
	"strings"
	"testing"

	"branchline/netcfg"
	"branchline/netcfg/netcfgtest"
)

func addrs(list ...string) []netip.Prefix {
	var out []netip.Prefix
	for _, a := range list {
		out = append(out, netip.MustParsePrefix(a))
	}
	return out
}

func TestPlan(t *testing.T) {
	eth := func(a ...string) []netcfg.Interface {
		return []netcfg.Interface{{Name: "eth0", Up: true, Addresses: addrs(a...)}}
	}
	routes := func(list ...string) []netcfg.Route {
		var out []netcfg.Route
		for _, r := range list {
			out = append(out, netcfgtest.ParseRoute(r))
		}
		return out
	}
	const here = "link eth0 up carrier\naddr 192.0.2.9/24 dev eth0\nroute default via 192.0.2.1 dev eth0\n"
	for _, tt := range []struct {
		name, have string
		want       netcfg.Desired
		steps      string
		after      string // "" if it need not be looked at
	}{
		{"nothing is wanted, nothing happens", here, netcfg.Desired{}, "", here},
		{"as it should be", here, netcfg.Desired{Interfaces: eth("192.0.2.9/24"), Routes: routes("default via 192.0.2.1 dev eth0")}, "", here},
		{"from nothing", "link eth0\n", netcfg.Desired{Interfaces: []netcfg.Interface{{Name: "eth0", Up: true, MTU: 1400, Addresses: addrs("192.0.2.9/24", "2001:db8::9/64")}},
			Routes: routes("default via 192.0.2.1 dev eth0", "default via 2001:db8::1 dev eth0 metric 10", "198.51.100.0/24 dev eth0")},
			"ip link set dev eth0 mtu 1400\nip link set dev eth0 up\nip addr replace 192.0.2.9/24 dev eth0\nip addr replace 2001:db8::9/64 dev eth0\n" +
				"ip route replace 198.51.100.0/24 dev eth0\nip route replace default via 192.0.2.1 dev eth0\nip -6 route replace default via 2001:db8::1 dev eth0 metric 10",
			"link eth0 up mtu 1400\naddr 192.0.2.9/24 dev eth0\naddr 2001:db8::9/64 dev eth0\nroute 198.51.100.0/24 dev eth0\nroute default via 192.0.2.1 dev eth0\nroute default via 2001:db8::1 dev eth0 metric 10\n"},
		{"another network: the new address comes first", here, netcfg.Desired{Interfaces: eth("198.51.100.9/24"), Routes: routes("default via 198.51.100.1 dev eth0")},
			"ip addr replace 198.51.100.9/24 dev eth0\nip addr del 192.0.2.9/24 dev eth0\nip route replace default via 198.51.100.1 dev eth0",
			"link eth0 up carrier\naddr 198.51.100.9/24 dev eth0\nroute default via 198.51.100.1 dev eth0\n"},
		{"the same network: the old one goes first", here, netcfg.Desired{Interfaces: eth("192.0.2.10/24"), Routes: routes("default via 192.0.2.1 dev eth0")},
			"ip addr del 192.0.2.9/24 dev eth0\nip addr replace 192.0.2.10/24 dev eth0\nip route replace default via 192.0.2.1 dev eth0",
			"link eth0 up carrier\naddr 192.0.2.10/24 dev eth0\nroute default via 192.0.2.1 dev eth0\n"},
		{"the first of two goes: the second is given again", "link eth0 up\naddr 192.0.2.9/24 dev eth0\naddr 192.0.2.10/24 dev eth0\n", netcfg.Desired{Interfaces: eth("192.0.2.10/24")},
			"ip addr del 192.0.2.9/24 dev eth0\nip addr replace 192.0.2.10/24 dev eth0", "link eth0 up\naddr 192.0.2.10/24 dev eth0\n"},
		{"the length of the network changes", here, netcfg.Desired{Interfaces: eth("192.0.2.9/25"), Routes: routes("default via 192.0.2.1 dev eth0")},
			"ip addr replace 192.0.2.9/25 dev eth0\nip addr del 192.0.2.9/24 dev eth0\nip route replace default via 192.0.2.1 dev eth0", ""},
		{"a route goes", here, netcfg.Desired{Interfaces: eth("192.0.2.9/24")}, "ip route del default via 192.0.2.1 dev eth0", "link eth0 up carrier\naddr 192.0.2.9/24 dev eth0\n"},
		{"no address at all: its routes go with it", here, netcfg.Desired{Interfaces: eth()}, "ip addr del 192.0.2.9/24 dev eth0", "link eth0 up carrier\n"},
		{"what the kernel gave itself stays", "link eth0 up\nown fe80::1/64 dev eth0\nown 2001:db8::5054/64 dev eth0\n", netcfg.Desired{Interfaces: eth("192.0.2.9/24")},
			"ip addr replace 192.0.2.9/24 dev eth0", ""},
		{"off", here, netcfg.Desired{Interfaces: []netcfg.Interface{{Name: "eth0"}}}, "ip link set dev eth0 down\nip addr del 192.0.2.9/24 dev eth0", "link eth0 carrier\n"},
		{"not plugged in", "link lo up\n", netcfg.Desired{Interfaces: eth("192.0.2.9/24"), Routes: routes("default via 192.0.2.1 dev eth0")}, "", "link lo up\n"},
		{"others are left alone", here + "link eth1 up\naddr 203.0.113.9/24 dev eth1\nroute 10.0.0.0/8 via 203.0.113.1 dev eth1\n",
			netcfg.Desired{Interfaces: eth("192.0.2.9/24"), Routes: routes("default via 192.0.2.1 dev eth0")}, "", ""},
		{"a bridge of two ports takes over the address", "link eth0 up\nlink eth1\naddr 192.0.2.9/24 dev eth0\n",
			netcfg.Desired{Interfaces: []netcfg.Interface{{Name: "br0", Kind: "bridge", Up: true, Ports: []string{"eth0", "eth1", "eth9"}, Addresses: addrs("192.0.2.9/24")}}},
			"ip link add name br0 type bridge\nip link set dev br0 up\nip addr del 192.0.2.9/24 dev eth0\nip link set dev eth0 master br0\nip link set dev eth1 master br0\nip link set dev eth1 up\nip addr replace 192.0.2.9/24 dev br0",
			"link eth0 master br0 up\nlink eth1 master br0 up\nlink br0 kind bridge up ours\naddr 192.0.2.9/24 dev br0\n"},
		{"a port leaves", "link eth0 up master br0\nlink eth1 up master br0\nlink br0 up kind bridge ours\n",
			netcfg.Desired{Interfaces: []netcfg.Interface{{Name: "br0", Kind: "bridge", Up: true, Ports: []string{"eth0"}}}}, "ip link set dev eth1 nomaster", ""},
		{"a bridge of ours goes", "link eth0 up master br0\nlink br0 up kind bridge ours\naddr 192.0.2.9/24 dev br0\n", netcfg.Desired{Interfaces: eth("192.0.2.9/24")},
			"ip link del dev br0\nip addr replace 192.0.2.9/24 dev eth0", ""},
		{"a bridge of somebody else's stays", "link br0 up kind bridge\n", netcfg.Desired{Interfaces: eth()}, "", ""},
		{"a voice VLAN", "link eth0 up\n", netcfg.Desired{Interfaces: []netcfg.Interface{{Name: "voice", Kind: "vlan", Parent: "eth0", VLAN: 40, Up: true, Addresses: addrs("192.0.2.9/24")}}},
			"ip link add link eth0 name voice type vlan id 40\nip link set dev voice up\nip addr replace 192.0.2.9/24 dev voice",
			"link eth0 up\nlink voice kind vlan parent eth0 id 40 up ours\naddr 192.0.2.9/24 dev voice\n"},
		{"a VLAN changes its number", "link eth0 up\nlink voice up kind vlan parent eth0 id 40 ours\naddr 192.0.2.9/24 dev voice\n",
			netcfg.Desired{Interfaces: []netcfg.Interface{{Name: "voice", Kind: "vlan", Parent: "eth0", VLAN: 41, Up: true, Addresses: addrs("192.0.2.9/24")}}},
			"ip link del dev voice\nip link add link eth0 name voice type vlan id 41\nip link set dev voice up\nip addr replace 192.0.2.9/24 dev voice", ""},
		{"a route on an interface that is somebody else's", "link eth0 up\nlink eth1 up\nlink eth2\n", netcfg.Desired{Interfaces: eth(), Routes: routes("10.0.0.0/8 dev eth1", "172.16.0.0/12 dev eth2")},
			"ip route replace 10.0.0.0/8 dev eth1", ""},
		{"a VLAN without its parent", "link lo up\n", netcfg.Desired{Interfaces: []netcfg.Interface{{Name: "voice", Kind: "vlan", Parent: "eth0", VLAN: 40, Up: true}}}, "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var steps []string
			kernel := netcfgtest.New(tt.have)
			for _, op := range netcfg.Plan(netcfgtest.Parse(tt.have), tt.want) {
				steps = append(steps, op.String())
				if err := kernel.Apply(context.Background(), op); err != nil {
					t.Error(err)
				}
			}
			if got := strings.Join(steps, "\n"); got != tt.steps {
				t.Errorf("steps\n%s\nwant\n%s", got, tt.steps)
			}
			state, _ := kernel.State(context.Background())
			if got := netcfgtest.Text(state); tt.after != "" && got != tt.after {
				t.Errorf("state\n%s\nwant\n%s", got, tt.after)
			}
			if again := netcfg.Plan(state, tt.want); len(again) > 0 {
				t.Errorf("it is not as wanted then: %v", again)
			}
		})
	}
}

// Whatever was done, Restored undoes it.
func TestRestored(t *testing.T) {
	const before = "link eth0 up carrier\nlink eth1 master br0 up\nlink far kind vlan parent eth0 id 7 up\nlink br0 kind bridge up ours\naddr 192.0.2.9/24 dev eth0\naddr 203.0.113.9/24 dev far\naddr 198.51.100.9/24 dev br0\nroute default via 192.0.2.1 dev eth0\n"
	kernel := netcfgtest.New(before)
	was := netcfgtest.Parse(before)
	want := netcfg.Desired{Interfaces: []netcfg.Interface{
		{Name: "eth0", Up: true, MTU: 1400, Addresses: addrs("192.0.2.77/24")}, {Name: "voice", Kind: "vlan", Parent: "eth0", VLAN: 5, Up: true},
	}}
	for _, op := range netcfg.Plan(was, want) {
		if err := kernel.Apply(context.Background(), op); err != nil {
			t.Fatal(err)
		}
	}
	now, _ := kernel.State(context.Background())
	for _, op := range netcfg.Plan(now, netcfg.Restored(was, []string{"eth0", "br0"})) {
		if err := kernel.Apply(context.Background(), op); err != nil {
			t.Fatal(err)
		}
	}
	now, _ = kernel.State(context.Background())
	if got := netcfgtest.Text(now); got != before {
		t.Errorf("got\n%swant\n%s", got, before)
	}
	// What was not made by us is not made again, and others are not spoken of.
	for _, i := range netcfg.Restored(was, []string{"eth0", "far"}).Interfaces {
		if i.Kind != "" || i.VLAN != 0 || i.Name != "eth0" && i.Name != "far" {
			t.Errorf("%+v", i)
		}
	}
}
