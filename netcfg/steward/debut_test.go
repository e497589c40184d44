package steward

import (
	"encoding/json"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"branchline/netcfg"
	"branchline/netcfg/netcfgtest"
)

const (
	bare   = "link lo up carrier\nlink eth0 mac 52:54:00:00:00:01 up carrier\n"
	here   = bare + "addr 192.0.2.9/24 dev eth0\nroute default via 192.0.2.1 dev eth0\n"
	there  = bare + "addr 198.51.100.9/24 dev eth0\nroute default via 198.51.100.1 dev eth0\n"
	helped = "addr 169.254.77.9/16 dev eth0\n"
)

// withHelp is a state with the emergency address.
func withHelp(state string) string { return strings.Replace(state, "route", helped+"route", 1) }

func (h *house) status() Status {
	h.t.Helper()
	s, err := h.Status()
	h.must(err)
	return s
}

// proved gives the address of what is remembered as good, "" if nothing is.
func (h *house) goodAddress() string {
	if g := h.Proven(); g != nil {
		return g.Interfaces[0].Addresses[0].String()
	}
	return ""
}

func (h *house) pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func TestDebutIsProven(t *testing.T) {
	inHouse(t, bare, func(h *house) {
		h.must(h.Begin(static("192.0.2.9/24", "192.0.2.1")))
		h.pass(30 * time.Second)
		h.wantState(here)
		if s := h.status(); !s.Unproven || s.Refused != "" || h.goodAddress() != "" {
			t.Errorf("%+v %q", s, h.goodAddress())
		}
		h.kernel.Reach("192.0.2.1", true)
		h.pass(2 * time.Second)
		if s := h.status(); s.Unproven || s.Last != "kept: gateway 192.0.2.1 answers" || h.goodAddress() != "192.0.2.9/24" {
			t.Errorf("%+v %q", s, h.goodAddress())
		}
		h.pass(time.Hour)
		h.wantState(here)
		if err := h.Confirm(); !errors.Is(err, ErrNone) {
			t.Error(err)
		}
	})
}

// What has worked before stays, however long the network takes. But the box may have been
// moved: so it can be reached beside it in the end, and what is off stays off.
func TestDebutOfTheKnown(t *testing.T) {
	inHouse(t, bare+"link eth1 mac 52:54:00:00:00:02 up carrier\nlink eth2 mac 52:54:00:00:00:03 up carrier\n", func(h *house) {
		good := static("192.0.2.9/24", "192.0.2.1")
		good.Interfaces = append([]Interface{{Interface: netcfg.Interface{Name: "eth1"}}}, good.Interfaces...)
		good.Firewall.Guard = true
		text, err := json.Marshal(good)
		h.must(err)
		read := Config{}
		h.must(json.Unmarshal(text, &read))
		h.Prove(&read)
		c := good
		c.Firewall.Marks = []netcfg.Mark{}
		c.Confirm, c.Manual = time.Second, false
		h.must(h.Begin(c))
		h.pass(9 * time.Minute)
		plugged := strings.Replace(here, "addr", "link eth1 mac 52:54:00:00:00:02 carrier\nlink eth2 mac 52:54:00:00:00:03 up carrier\naddr", 1)
		h.wantState(plugged)
		if s := h.status(); s.Unproven || s.Refused != "" || s.Rescue.IsValid() || len(h.filter) != 1 {
			t.Errorf("%+v", s)
		}
		h.pass(2 * time.Minute)
		h.wantState(withHelp(plugged))
		if s := h.status(); s.Unproven || s.Refused != "" || !s.Rescue.IsValid() {
			t.Errorf("%+v", s)
		}
		if n, _ := h.count(); n != 0 {
			t.Error("an address is asked for that nobody wants")
		}
		h.pass(time.Hour)
		h.kernel.Reach("192.0.2.1", true)
		h.pass(11 * time.Second)
		h.wantState(plugged)
	})
}

// Nothing has ever worked: the file stays, and the box can be reached beside it.
func TestDebutWithoutProof(t *testing.T) {
	inHouse(t, bare+"link eth1 mac 52:54:00:00:00:02\n", func(h *house) {
		plugged := strings.Replace(here, "addr", "link eth1 mac 52:54:00:00:00:02\naddr", 1)
		h.must(h.Begin(static("192.0.2.9/24", "192.0.2.1")))
		h.pass(59 * time.Second)
		h.wantState(plugged)
		h.pass(2 * time.Second)
		help := strings.Replace(withHelp(plugged), "00:02\n", "00:02 up\n", 1)
		h.wantState(help)
		if s := h.status(); !s.Unproven || s.Rescue.String() != "169.254.77.9/16" {
			t.Errorf("%+v", s)
		}
		h.kernel.Change("eth1", func(s *netcfg.State) { s.Link("eth1").Carrier = true })
		h.calm()
		if h.client("eth1").Link == "" { // what nobody has named is asked for by DHCP
			t.Error("no client on eth1")
		}
		h.pass(time.Hour)
		h.locked(func() { h.heard = time.Now() })
		h.pass(11 * time.Second)
		h.wantState(strings.Replace(plugged, "00:02\n", "00:02 up carrier\n", 1))
		if s := h.status(); s.Unproven || s.Rescue.IsValid() || h.goodAddress() != "192.0.2.9/24" || s.Last != "kept: a phone has registered" {
			t.Errorf("%+v %q", s, h.goodAddress())
		}
	})
}

// The file is wrong: what worked before is back after a while, and it is said.
func TestDebutFails(t *testing.T) {
	inHouse(t, bare+"link eth1 mac 52:54:00:00:00:02 mtu 1400\n", func(h *house) {
		good := static("192.0.2.9/24", "192.0.2.1")
		h.Prove(&good)
		h.kernel.Reach("192.0.2.1", true)
		wrong := static("198.51.100.9/24", "198.51.100.1")
		wrong.Interfaces = append(wrong.Interfaces, Interface{Interface: netcfg.Interface{Name: "eth1", Up: true, MTU: 1300}})
		h.must(h.Begin(wrong))
		h.pass(59 * time.Second)
		h.wantState(strings.Replace(there, "addr", "link eth1 mac 52:54:00:00:00:02 up mtu 1300\naddr", 1))
		h.pass(3 * time.Second)
		as := strings.Replace(here, "addr", "link eth1 mac 52:54:00:00:00:02 mtu 1400\naddr", 1)
		h.wantState(as)
		s := h.status()
		if s.Unproven || s.Last != "kept: gateway 192.0.2.1 answers" || !strings.Contains(s.Refused, "did not prove itself") || h.goodAddress() != "192.0.2.9/24" {
			t.Errorf("%+v %q", s, h.goodAddress())
		}
		if !strings.Contains(h.logged(), "nothing proves that the network works") {
			t.Error(h.logged())
		}
		h.pass(time.Hour)
		h.wantState(as)
		if !h.Config().Same(good) {
			t.Error("another configuration is in force")
		}
	})
}

// Neither works: they take turns until one does, with help from the second round on.
func TestDebutTakesTurns(t *testing.T) {
	inHouse(t, bare, func(h *house) {
		good := static("192.0.2.9/24", "192.0.2.1")
		h.Prove(&good)
		h.must(h.Begin(static("198.51.100.9/24", "198.51.100.1")))
		h.pass(30 * time.Second)
		helps := func(state string, is bool) {
			t.Helper()
			s, err := h.kernel.State(t.Context())
			h.must(err)
			if got := netcfgtest.Text(s); strings.Contains(got, helped) != is || strings.Replace(got, helped, "", 1) != state {
				t.Errorf("it is\n%swant, with help %v,\n%s", got, is, state)
			}
		}
		for n, want := range []string{there, here, there, here, there} {
			helps(want, n > 1)
			h.pass(time.Minute)
		}
		h.kernel.Reach("198.51.100.1", true) // it is not its turn
		h.pass(10 * time.Second)
		helps(here, true)
		h.pass(time.Minute)
		h.wantState(there)
		if s := h.status(); s.Unproven || s.Refused != "" || h.goodAddress() != "198.51.100.9/24" {
			t.Errorf("%+v %q", s, h.goodAddress())
		}
	})
}

// The file cannot be read.
func TestBeginWithout(t *testing.T) {
	inHouse(t, bare, func(h *house) {
		good := static("192.0.2.9/24", "192.0.2.1")
		h.Prove(&good)
		h.must(h.BeginWithout("network.conf:2: no such option", Config{Every: true}))
		h.pass(5 * time.Minute)
		h.wantState(here)
		if s := h.status(); s.Unproven || s.Refused != "network.conf:2: no such option" {
			t.Errorf("%+v", s)
		}
		// The file is mended, and wrong; then it is right.
		h.must(h.Try(static("198.51.100.9/24", "198.51.100.1")))
		h.must(h.Rollback())
		if s := h.status(); s.Refused != "network.conf:2: no such option" || s.Unproven {
			t.Errorf("%+v", s)
		}
		h.must(h.Try(static("198.51.100.9/24", "198.51.100.1")))
		if s := h.status(); s.Refused != "" {
			t.Errorf("%+v", s)
		}
		h.must(h.Confirm())
		h.wantState(there)
		if h.goodAddress() != "198.51.100.9/24" {
			t.Error(h.goodAddress())
		}
	})
	inHouse(t, bare, func(h *house) {
		h.must(h.BeginWithout("network.conf:2: no such option", Config{Every: true, Confirm: time.Minute, Proof: Proof{Gateway: true}}))
		h.pass(time.Second)
		h.wantState(bare)
		h.pass(time.Minute) // no server either
		h.wantState(bare + helped)
		h.client("eth0").Bound(lease("192.0.2.50/24", "192.0.2.1"))
		h.pass(10 * time.Minute)
		if n := h.halted(); n != 0 { // there is nothing else to be tried
			t.Errorf("the client was stopped %d times", n)
		}
		h.kernel.Reach("192.0.2.1", true)
		h.pass(2 * time.Second)
		h.wantState(bare + "addr 192.0.2.50/24 dev eth0\nroute default via 192.0.2.1 dev eth0 metric 100\n")
		if s := h.status(); s.Unproven || s.Refused == "" || !h.Proven().Every {
			t.Errorf("%+v", s)
		}
	})
}

// What switches everything off is no reason to stay out of reach, and a bridge has the
// address of its ports.
func TestEmergency(t *testing.T) {
	inHouse(t, bare, func(h *house) {
		h.must(h.Begin(Config{Confirm: time.Minute, Interfaces: []Interface{{Interface: netcfg.Interface{Name: "eth0"}}}}))
		h.pass(time.Second)
		h.wantState("link lo up carrier\nlink eth0 mac 52:54:00:00:00:01 carrier\n")
		h.pass(time.Minute)
		h.wantState(bare + helped)
	})
	inHouse(t, bare, func(h *house) {
		h.must(h.Begin(Config{Confirm: time.Minute, Interfaces: []Interface{
			{Interface: netcfg.Interface{Name: "eth9", Up: true}},
			{Interface: netcfg.Interface{Name: "voice", Kind: "vlan", Parent: "eth0", VLAN: 40, Up: true}},
		}}))
		h.kernel.Change("voice", func(s *netcfg.State) { s.Link("voice").Carrier = true })
		h.pass(61 * time.Second)
		h.wantState(bare + "link voice kind vlan parent eth0 id 40 up carrier ours\n" + helped)
	})
	inHouse(t, bare, func(h *house) {
		h.must(h.Begin(Config{Confirm: time.Minute, Interfaces: []Interface{{Interface: netcfg.Interface{Name: "br0", Kind: "bridge", Up: true, Ports: []string{"eth0"}}}}}))
		h.kernel.Change("br0", func(s *netcfg.State) { s.Link("br0").Carrier = true })
		h.pass(61 * time.Second)
		h.wantState("link lo up carrier\nlink eth0 mac 52:54:00:00:00:01 master br0 up carrier\nlink br0 kind bridge up carrier ours\naddr 169.254.77.9/16 dev br0\n")
	})
}

// A change that fails leaves what was before, which is still to be proven.
func TestChangeDuringDebut(t *testing.T) {
	inHouse(t, bare, func(h *house) {
		h.must(h.Begin(static("192.0.2.9/24", "192.0.2.1")))
		h.pass(90 * time.Second)
		h.wantState(withHelp(here))
		h.must(h.Try(static("198.51.100.9/24", "198.51.100.1")))
		h.wantState(there)
		h.pass(61 * time.Second)
		h.wantState(here)
		if s := h.status(); !s.Unproven || !strings.Contains(s.Refused, "taken back") {
			t.Errorf("%+v", s)
		}
		h.pass(time.Minute)
		h.wantState(withHelp(here))
		h.must(h.Confirm())
		h.wantState(here)
		if h.goodAddress() != "192.0.2.9/24" {
			t.Error(h.goodAddress())
		}
		h.must(h.Try(Config{})) // nobody is in charge any more: that has to work, too
		h.pass(time.Minute)
		if v := h.verdicts(); len(v) != 1 {
			t.Errorf("decided %v", v)
		}
		h.kernel.Reach("192.0.2.1", true)
		h.pass(2 * time.Second)
		if s := h.status(); s.Last != "kept: gateway 192.0.2.1 answers" || h.Proven() != nil {
			t.Error("nothing at all is remembered as good")
		}
	})
}

// An address that another machine has is not left there: it is said, and tried again in
// another network.
func TestDuplicateAddress(t *testing.T) {
	inHouse(t, bare, func(h *house) {
		c := static("192.0.2.9/24", "192.0.2.1")
		double := netip.MustParsePrefix("2001:db8::9/64")
		c.Interfaces[0].Addresses = append(c.Interfaces[0].Addresses, double)
		h.must(h.Adopt(c))
		h.kernel.Change("eth0", func(s *netcfg.State) { s.Link("eth0").Duplicate = []netip.Prefix{double} })
		h.calm()
		h.kernel.Change("eth0", func(s *netcfg.State) { s.Link("eth0").MTU = 1400 })
		h.calm()
		if n := strings.Count(h.logged(), "another machine uses this address too"); n != 1 || !strings.Contains(h.logged(), "2001:db8::9/64") {
			t.Errorf("said %d times\n%s", n, h.logged())
		}
		h.kernel.Steps()
		h.kernel.Change("eth0", func(s *netcfg.State) { s.Link("eth0").Carrier = false })
		h.calm()
		if steps := h.kernel.Steps(); len(steps) != 0 {
			t.Errorf("without a cable: %q", steps)
		}
		h.kernel.Change("eth0", func(s *netcfg.State) { s.Link("eth0").Carrier = true })
		h.calm()
		if steps := strings.Join(h.kernel.Steps(), "\n"); steps != "ip addr del 2001:db8::9/64 dev eth0\nip addr replace 2001:db8::9/64 dev eth0" {
			t.Errorf("with one again: %s", steps)
		}
	})
}
