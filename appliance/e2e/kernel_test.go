//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"branchline/appliance/e2e/lan"
	"branchline/netcfg"
	"branchline/netcfg/netcfgtest"
	"branchline/netcfg/nl"
)

// A machine is the real kernel's network of one host.
type machine struct{ *lan.Host }

func (m machine) State(ctx context.Context) (s netcfg.State, err error) {
	return s, m.Do(func() error { s, err = nl.Kernel{}.State(ctx); return err })
}

func (m machine) Apply(ctx context.Context, op netcfg.Op) error {
	return m.Do(func() error { return nl.Kernel{}.Apply(ctx, op) })
}

func (m machine) Watch(ctx context.Context) (events <-chan netcfg.Event, err error) {
	return events, m.Do(func() error { events, err = nl.Kernel{}.Watch(ctx); return err })
}

func (m machine) Answers(ctx context.Context, neighbour netip.Addr) (yes bool, err error) {
	return yes, m.Do(func() error { yes, err = nl.Kernel{}.Answers(ctx, neighbour); return err })
}

func (m machine) Taken(ctx context.Context, link string, addr netip.Addr) (by string, err error) {
	return by, m.Do(func() error { by, err = nl.Kernel{}.Taken(ctx, link, addr); return err })
}

// become takes the steps to what is wanted until there are none, as the daemon does.
func (r *rig) become(k netcfg.Kernel, want netcfg.Desired) netcfg.State {
	r.Helper()
	for range 4 {
		have, err := k.State(r.ctx)
		r.must(err)
		ops := netcfg.Plan(have, want)
		if len(ops) == 0 {
			return have
		}
		for _, op := range ops {
			r.must(k.Apply(r.ctx, op))
		}
	}
	have, err := k.State(r.ctx)
	r.must(err)
	r.Fatalf("the kernel never is as it should be: %v\n%s", netcfg.Plan(have, want), netcfgtest.Text(have))
	return have
}

// steadily waits until the state has all of what.
func (r *rig) steadily(k netcfg.Kernel, limit time.Duration, what ...string) {
	r.Helper()
	text := ""
	r.eventually(limit, "the kernel's state", func() bool {
		s, err := k.State(r.ctx)
		r.must(err)
		text = netcfgtest.Text(s)
		for _, w := range what {
			if !strings.Contains(text, w+"\n") {
				return false
			}
		}
		return true
	})
	r.Log(text)
}

func prefixes(list ...string) (out []netip.Prefix) {
	for _, p := range list {
		out = append(out, netip.MustParsePrefix(p))
	}
	return out
}

// TestKernel has a real kernel take every kind of step, there and back: what the kernel of
// text does is what Linux does.
func TestKernel(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	if single(t).Asterisk() {
		return
	}
	h := r.blank(box)
	m := machine{h}
	r.ip(h.Namespace(), "link", "add", "eth1", "type", "veth", "peer", "name", "eth2")
	before, err := m.State(r.ctx)
	r.must(err)
	names := []string{"eth0", "eth1", "eth2"}

	var routes []netcfg.Route
	for _, text := range []string{
		"default via 198.51.100.1 dev eth0", "default via 198.51.100.2 dev eth0 metric 200", "203.0.113.1/32 dev eth0", "10.0.0.0/8 via 203.0.113.1 dev eth0 metric 20",
		"default via 2001:db8::1 dev eth0 metric 10", "2001:db8:7::/48 via fe80::1 dev eth0 metric 1024",
	} {
		routes = append(routes, netcfgtest.ParseRoute(text))
	}
	want := netcfg.Desired{Interfaces: []netcfg.Interface{
		{Name: "eth0", Up: true, MTU: 1400, Addresses: prefixes("198.51.100.9/24", "198.51.100.10/24", "192.0.2.9/25", "2001:db8::9/64", "2001:db8:1::9/64")},
		{Name: "br0", Kind: "bridge", Up: true, Ports: []string{"eth1"}, Addresses: prefixes("192.0.2.129/25")},
	}, Routes: routes}
	r.become(m, want)
	r.steadily(m, 5*time.Second, "addr 198.51.100.9/24 dev eth0", "addr 198.51.100.10/24 dev eth0", "addr 192.0.2.9/25 dev eth0", "addr 2001:db8::9/64 dev eth0", "addr 2001:db8:1::9/64 dev eth0",
		"addr 192.0.2.129/25 dev br0", "route default via 198.51.100.1 dev eth0", "route default via 198.51.100.2 dev eth0 metric 200", "route 203.0.113.1/32 dev eth0",
		"route 10.0.0.0/8 via 203.0.113.1 dev eth0 metric 20", "route default via 2001:db8::1 dev eth0 metric 10", "route 2001:db8:7::/48 via fe80::1 dev eth0 metric 1024")
	contains(t, r.ip(h.Namespace(), "link", "show", "eth0"), "mtu 1400")
	contains(t, r.ip(h.Namespace(), "-d", "link", "show", "br0"), "alias branchline", "bridge")
	contains(t, r.ip(h.Namespace(), "link", "show", "eth1"), "master br0")
	contains(t, r.ip(h.Namespace(), "-6", "addr", "show", "dev", "eth0"), "inet6 2001:db8::9/64", "inet6 2001:db8:1::9/64")
	contains(t, r.ip(h.Namespace(), "route", "get", "10.1.2.3"), "via 203.0.113.1 dev eth0")
	contains(t, r.ip(h.Namespace(), "-6", "route"), "default via 2001:db8::1 dev eth0")

	// The first address of a network goes, and the port of the bridge changes.
	want.Interfaces[0].Addresses = prefixes("198.51.100.10/24", "2001:db8:1::9/64")
	want.Interfaces[1].Ports = []string{"eth2"}
	want.Routes = routes[:2]
	r.become(m, want)
	if out := r.ip(h.Namespace(), "addr", "show", "dev", "eth0"); strings.Contains(out, "198.51.100.9/") || strings.Contains(out, "192.0.2.") || strings.Contains(out, "db8::9/") || !strings.Contains(out, "198.51.100.10/24") {
		t.Error(out)
	}
	if out := r.ip(h.Namespace(), "route"); strings.Contains(out, "10.0.0.0/8") || !strings.Contains(out, "default via 198.51.100.1") {
		t.Error(out)
	}
	contains(t, r.ip(h.Namespace(), "link", "show", "eth2"), "master br0")

	// All of it is undone.
	r.become(m, netcfg.Restored(before, names))
	after, err := m.State(r.ctx)
	r.must(err)
	for _, s := range []*netcfg.State{&before, &after} {
		for i := range s.Links { // what the kernel gives itself comes when it comes
			s.Links[i].Own, s.Links[i].Carrier = nil, false
		}
	}
	if a, b := netcfgtest.Text(before), netcfgtest.Text(after); a != b {
		t.Errorf("it was\n%sand is\n%s", a, b)
	}
}

// TestAddressInUse asks a real neighbour for its address, and lets the kernel find an IPv6
// address twice.
func TestAddressInUse(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	if single(t).Asterisk() {
		return
	}
	m, neighbour := machine{r.blank(box)}, r.host(stranger)
	var hardware net.HardwareAddr
	r.must(neighbour.Do(func() error {
		i, err := net.InterfaceByName("eth0")
		if err == nil {
			hardware = i.HardwareAddr
		}
		return err
	}))
	asked := func(addr string) string {
		by, err := m.Taken(r.ctx, "eth0", netip.MustParseAddr(addr))
		r.must(err)
		return by
	}
	if by := asked(neighbour.Addr); by != hardware.String() {
		t.Errorf("%s is in use by %q, it is %s who has it", neighbour.Addr, by, hardware)
	}
	probes := r.lan.Tap().ARP()
	if len(probes) == 0 || probes[0].Sender.String() != "0.0.0.0" || probes[0].Target.String() != neighbour.Addr {
		t.Errorf("the question was %+v", probes)
	}
	if by := asked(addr(box)); by != "" {
		t.Errorf("%s is in use by %s", addr(box), by)
	}
	if n := len(r.lan.Tap().ARP()) - len(probes); n < 3 {
		t.Errorf("%d questions for a free address", n)
	}
	if _, err := m.Taken(r.ctx, "eth7", netip.MustParseAddr(addr(box))); err == nil {
		t.Error("asked on an interface that is not there")
	}
	r.ip(m.Namespace(), "addr", "add", addr(box)+"/24", "dev", "eth0")
	if by := asked(addr(box)); by != "" {
		t.Errorf("our own address is in use by %s", by)
	}
	if by := asked(neighbour.Addr); by != hardware.String() {
		t.Errorf("beside another address: in use by %q", by)
	}

	r.ip(neighbour.Namespace(), "addr", "add", "2001:db8::9/64", "dev", "eth0", "nodad")
	r.become(m, netcfg.Desired{Interfaces: []netcfg.Interface{{Name: "eth0", Up: true, Addresses: prefixes(addr(box)+"/24", "2001:db8::9/64", "2001:db8::7/64")}}})
	r.steadily(m, 10*time.Second, "dup 2001:db8::9/64 dev eth0")
	s, err := m.State(r.ctx)
	r.must(err)
	if d := fmt.Sprint(s.Link("eth0").Duplicate); d != "[2001:db8::9/64]" {
		t.Errorf("duplicate: %s", d)
	}
}
