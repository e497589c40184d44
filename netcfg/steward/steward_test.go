package steward

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"branchline/netcfg"
	"branchline/netcfg/dhcp"
	"branchline/netcfg/netcfgtest"
)

const one = "link lo up carrier\nlink eth0 mac 52:54:00:00:00:01 up carrier\naddr 192.0.2.9/24 dev eth0\nroute default via 192.0.2.1 dev eth0\n"

// A house is a steward with a kernel of text.
type house struct {
	*Steward
	t      *testing.T
	kernel *netcfgtest.Kernel

	mu       sync.Mutex
	clients  map[string]dhcp.Options
	stopped  []string
	names    []Names
	changes  int
	decided  []bool
	heard    time.Time
	asked    func() bool // what Heard says instead, if it is set
	filter   []netcfg.Firewall
	filtered error
	book     map[string]*dhcp.Lease
	keeps    int
	good     *Config
	lines    strings.Builder
}

func (h *house) Set(f netcfg.Firewall) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.filter = append(h.filter, f)
	return h.filtered
}

func (h *house) Lease(link string) *dhcp.Lease {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.book[link]
}

func (h *house) Keep(link string, l *dhcp.Lease) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.book[link] = l
	h.keeps++
}

func (h *house) Proven() (c *Config) {
	h.locked(func() { c = h.good })
	return c
}

func (h *house) Prove(c *Config) { h.locked(func() { h.good = c }) }

func (h *house) Write(b []byte) (int, error) {
	h.locked(func() { h.lines.Write(b) })
	return len(b), nil
}

func (h *house) logged() (text string) {
	h.locked(func() { text = h.lines.String() })
	return text
}

// client is the last DHCP client of an interface.
func (h *house) client(link string) (o dhcp.Options) {
	h.locked(func() { o = h.clients[link] })
	return o
}

// count gives how often things have happened.
func (h *house) count() (clients, changes int) {
	h.locked(func() { clients, changes = len(h.clients), h.changes })
	return clients, changes
}

func (h *house) published() (n Names) {
	h.locked(func() { n = h.names[len(h.names)-1] })
	return n
}

func (h *house) halted() (n int) {
	h.locked(func() { n = len(h.stopped) })
	return n
}

func (h *house) verdicts() (out []bool) {
	h.locked(func() { out = append(out, h.decided...) })
	return out
}

// inHouse runs f beside a steward that runs.
func inHouse(t *testing.T, state string, f func(h *house)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		h := &house{t: t, kernel: netcfgtest.New(state), clients: map[string]dhcp.Options{}, book: map[string]*dhcp.Lease{}}
		h.Steward = New(Options{
			Kernel: h.kernel, Filter: h, Memory: h, Log: slog.New(slog.NewTextHandler(h, nil)), Emergency: netip.MustParsePrefix("169.254.77.9/16"),
			Client: func(ctx context.Context, o dhcp.Options) error {
				h.mu.Lock()
				h.clients[o.Link] = o
				h.mu.Unlock()
				<-ctx.Done()
				h.mu.Lock()
				h.stopped = append(h.stopped, o.Link)
				h.mu.Unlock()
				return nil
			},
			Publish: func(n Names) { h.locked(func() { h.names = append(h.names, n) }) },
			Changed: func(netcfg.State) { h.locked(func() { h.changes++ }) },
			Heard: func(since time.Time) (yes bool) {
				var asked func() bool
				h.locked(func() { yes, asked = h.heard.After(since), h.asked })
				if asked != nil {
					return asked()
				}
				return yes
			},
			Decided: func(kept bool, _ Config) { h.locked(func() { h.decided = append(h.decided, kept) }) },
		})
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- h.Run(ctx) }()
		synctest.Wait()
		f(h)
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func (h *house) locked(do func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	do()
}

func (h *house) wantState(want string) {
	h.t.Helper()
	s, err := h.kernel.State(h.t.Context())
	if got := netcfgtest.Text(s); err != nil || got != want {
		h.t.Errorf("%v; it is\n%swant\n%s", err, got, want)
	}
}

func (h *house) calm() {
	time.Sleep(time.Second)
	synctest.Wait()
}

func static(addr, gateway string) Config {
	c := Config{
		Interfaces: []Interface{{Interface: netcfg.Interface{Name: "eth0", Up: true, Addresses: []netip.Prefix{netip.MustParsePrefix(addr)}}}},
		Confirm:    time.Minute, Proof: Proof{Gateway: true, Phone: true},
	}
	if gateway != "" {
		c.Routes = []netcfg.Route{netcfgtest.ParseRoute("default via " + gateway + " dev eth0")}
	}
	return c
}

func lease(addr, gateway string) dhcp.Lease {
	return dhcp.Lease{Address: netip.MustParsePrefix(addr), Server: netip.MustParseAddr(gateway), Granted: time.Now(), Life: time.Hour, Renew: 30 * time.Minute, Rebind: 50 * time.Minute,
		Routes: []netcfg.Route{netcfgtest.ParseRoute("default via " + gateway)}, DNS: []netip.Addr{netip.MustParseAddr(gateway)}, Domain: "example.net"}
}

func TestOnlyLooks(t *testing.T) {
	inHouse(t, one+"link br9 kind bridge up ours\n", func(h *house) {
		h.calm()
		if steps := h.kernel.Steps(); len(steps) != 0 {
			t.Errorf("it did %q", steps)
		}
		if _, n := h.count(); n != 1 {
			t.Errorf("%d changes were told", n)
		}
		h.kernel.Change("eth0", func(s *netcfg.State) { s.Link("eth0").Addresses = nil })
		h.calm()
		if _, n := h.count(); n != 2 || len(h.kernel.Steps()) != 0 {
			t.Errorf("%d changes were told", n)
		}
	})
}

func TestFollowsTheKernel(t *testing.T) {
	inHouse(t, "link lo up carrier\n", func(h *house) {
		c := static("192.0.2.9/24", "192.0.2.1")
		c.Interfaces[0].Name, c.Interfaces[0].MAC, c.Routes[0].Link = "", "52:54:00:00:00:01", "52:54:00:00:00:01"
		if err := h.Adopt(c); err != nil {
			t.Fatal(err)
		}
		h.wantState("link lo up carrier\n")
		// It is plugged in, under whatever name.
		h.kernel.Change("usb0", func(s *netcfg.State) {
			s.Links = append(s.Links, netcfg.Link{Name: "usb0", Index: 7, MAC: "52:54:00:00:00:01", MTU: 1500, Ethernet: true})
		})
		h.calm()
		const as = "link lo up carrier\nlink usb0 mac 52:54:00:00:00:01 up\naddr 192.0.2.9/24 dev usb0\nroute default via 192.0.2.1 dev usb0\n"
		h.wantState(as)
		// Somebody tampers with it.
		h.kernel.Change("usb0", func(s *netcfg.State) { s.Link("usb0").Addresses, s.Routes = nil, nil })
		h.calm()
		h.wantState(as)
	})
}

func TestLeases(t *testing.T) {
	inHouse(t, "link lo up carrier\nlink eth0 mac 52:54:00:00:00:01\nlink eth1 mac 52:54:00:00:00:02 up carrier\nlink veth9 kind veth mac 52:54:00:00:00:09 up carrier\n", func(h *house) {
		old := lease("192.0.2.77/24", "192.0.2.1")
		h.book["eth0"] = &old
		if err := h.Adopt(Config{Every: true}); err != nil {
			t.Fatal(err)
		}
		h.calm()
		if n, _ := h.count(); n != 1 || h.client("eth1").Link == "" { // eth0 has no cable
			t.Fatalf("%d clients", n)
		}
		h.kernel.Change("eth0", func(s *netcfg.State) { s.Link("eth0").Carrier = true })
		h.calm()
		c := h.client("eth0")
		if c.Last == nil || c.Last.Address != old.Address || c.MAC.String() != "52:54:00:00:00:01" {
			t.Fatalf("client %+v", c)
		}
		c.Bound(lease("192.0.2.50/24", "192.0.2.1"))
		h.client("eth1").Bound(lease("198.51.100.50/24", "198.51.100.1"))
		h.calm()
		h.wantState("link lo up carrier\nlink eth0 mac 52:54:00:00:00:01 up carrier\nlink eth1 mac 52:54:00:00:00:02 up carrier\nlink veth9 mac 52:54:00:00:00:09 kind veth up carrier\n" +
			"addr 192.0.2.50/24 dev eth0\naddr 198.51.100.50/24 dev eth1\nroute default via 192.0.2.1 dev eth0 metric 100\nroute default via 198.51.100.1 dev eth1 metric 101\n")
		if n := h.published(); fmt.Sprint(n) != "{[192.0.2.1 198.51.100.1] [example.net] []}" {
			t.Errorf("names %v", n)
		}
		if h.Lease("eth0").Address.String() != "192.0.2.50/24" {
			t.Error("the lease is not kept")
		}
		// The cable is pulled: the address stays. It is back: the server is asked again.
		h.kernel.Change("eth0", func(s *netcfg.State) { s.Link("eth0").Carrier = false })
		h.calm()
		if n := h.halted(); n != 1 {
			t.Errorf("%d stopped", n)
		}
		c.Bound(lease("192.0.2.99/24", "192.0.2.1")) // too late
		h.kernel.Change("eth0", func(s *netcfg.State) { s.Link("eth0").Carrier = true })
		h.calm()
		if c = h.client("eth0"); c.Last == nil || c.Last.Address.String() != "192.0.2.50/24" {
			t.Errorf("asks for %+v", c.Last)
		}
		// Out and in before anybody looked.
		h.kernel.Change("eth0", func(s *netcfg.State) { s.Link("eth0").Carrier = false })
		h.kernel.Change("eth0", func(s *netcfg.State) { s.Link("eth0").Carrier = true })
		h.calm()
		if n := h.halted(); n != 2 {
			t.Errorf("%d stopped", n)
		}
		c = h.client("eth0")
		c.Lost("gone")
		h.calm()
		if s, _ := h.Status(); len(s.Leases) != 1 || len(s.Asking) != 1 || s.Asking[0] != "eth0" || h.Lease("eth0") != nil {
			t.Errorf("%+v", s)
		}
		h.wantState("link lo up carrier\nlink eth0 mac 52:54:00:00:00:01 up carrier\nlink eth1 mac 52:54:00:00:00:02 up carrier\nlink veth9 mac 52:54:00:00:00:09 kind veth up carrier\n" +
			"addr 198.51.100.50/24 dev eth1\nroute default via 198.51.100.1 dev eth1 metric 101\n")
		// Words of the administrator count more than those of servers.
		if err := h.Adopt(Config{Every: true, DNS: []netip.Addr{netip.MustParseAddr("203.0.113.1")}, NTP: []string{"ntp.example"}, Search: []string{"here"}}); err != nil {
			t.Fatal(err)
		}
		if n := h.published(); fmt.Sprint(n) != "{[203.0.113.1] [here] [ntp.example]}" {
			t.Errorf("names %v", n)
		}
	})
}

// A lease that is renewed is written down when a part of its life is over, not each time;
// an interface that was taken out and put in again has a client of its own.
func TestLeaseIsWrittenRarely(t *testing.T) {
	inHouse(t, "link lo up carrier\nlink eth0 mac 52:54:00:00:00:01 up carrier\n", func(h *house) {
		h.must(h.Adopt(Config{Every: true}))
		h.calm()
		keeps := func() (n int) {
			h.locked(func() { n = h.keeps })
			return n
		}
		c := h.client("eth0")
		c.Bound(lease("192.0.2.50/24", "192.0.2.1"))
		for range 7 { // a lease of an hour, renewed every five minutes
			h.pass(5 * time.Minute)
			c.Bound(lease("192.0.2.50/24", "192.0.2.1"))
		}
		if n := keeps(); n < 2 || n > 8 {
			t.Errorf("written %d times", n)
		}
		before := keeps()
		c.Bound(lease("192.0.2.50/24", "192.0.2.1"))
		if keeps() != before {
			t.Error("written although nothing is new")
		}
		c.Bound(lease("192.0.2.51/24", "192.0.2.1"))
		if keeps() != before+1 {
			t.Error("another address is not written")
		}
		h.kernel.Change("eth1", func(s *netcfg.State) { s.Link("eth0").Index = 77 })
		h.calm()
		if n := h.halted(); n != 1 {
			t.Errorf("%d clients were stopped with the interface they ran on", n)
		}
	})
}

// The program is started again: the address of a lease that is still good stays where
// it is until the server has answered; any other goes.
func TestStartsAgain(t *testing.T) {
	const there = "link eth0 mac 52:54:00:00:00:01 up carrier\naddr 192.0.2.50/24 dev eth0\n"
	for name, c := range map[string]struct {
		address string
		granted time.Duration // ago
		want    string
	}{
		"good":    {"192.0.2.50/24", 0, there + "route default via 192.0.2.1 dev eth0 metric 100\n"},
		"other":   {"192.0.2.51/24", 0, "link eth0 mac 52:54:00:00:00:01 up carrier\n"},
		"expired": {"192.0.2.50/24", 1000 * time.Hour, "link eth0 mac 52:54:00:00:00:01 up carrier\n"},
	} {
		t.Run(name, func(t *testing.T) {
			inHouse(t, there, func(h *house) {
				l := lease(c.address, "192.0.2.1")
				l.Granted = l.Granted.Add(-c.granted)
				h.book["eth0"] = &l
				if err := h.Adopt(Config{Every: true}); err != nil {
					t.Fatal(err)
				}
				h.calm()
				h.wantState(c.want)
				if name != "good" {
					return
				}
				h.client("eth0").Lost("refused")
				h.calm()
				h.wantState("link eth0 mac 52:54:00:00:00:01 up carrier\n")
			})
		})
	}
}

func TestTrial(t *testing.T) {
	const other = "link lo up carrier\nlink eth0 mac 52:54:00:00:00:01 up carrier\naddr 198.51.100.9/24 dev eth0\nroute default via 198.51.100.1 dev eth0\n"
	for _, tt := range []struct {
		name    string
		change  func(c *Config)
		then    func(h *house) // before a minute is over
		kept    bool
		within  time.Duration
		last    string
		managed bool
	}{
		{"the gateway answers", nil, func(h *house) { h.kernel.Reach("198.51.100.1", true) }, true, 2 * time.Second, "kept: gateway 198.51.100.1 answers", true},
		{"the old gateway is no proof", nil, func(h *house) { h.kernel.Reach("192.0.2.1", true) }, false, time.Minute, "taken back: nothing proved within 1m0s that it works", true},
		{"a phone registers", nil, func(h *house) { time.Sleep(40 * time.Second); h.locked(func() { h.heard = time.Now() }) }, true, 42 * time.Second, "kept: a phone has registered", true},
		{"a phone had registered before", nil, func(h *house) { h.locked(func() { h.heard = time.Now().Add(-time.Hour) }) }, false, time.Minute, "taken back: nothing proved within 1m0s that it works", true},
		{"by hand", nil, func(h *house) { h.must(h.Confirm()) }, true, 0, "kept: confirmed by hand", true},
		{"only by hand", func(c *Config) { c.Manual = true }, func(h *house) { h.kernel.Reach("198.51.100.1", true) }, false, time.Minute, "taken back: nothing proved within 1m0s that it works", true},
		{"taken back by hand", nil, func(h *house) { h.must(h.Rollback()) }, false, 0, "taken back: by hand", true},
		{"nobody was in charge before", nil, nil, false, time.Minute, "taken back: nothing proved within 1m0s that it works", false},
		{"a host that refuses is there", func(c *Config) { c.Proof = Proof{Hosts: []string{"127.0.0.1:1"}} }, nil, true, time.Second, "kept: 127.0.0.1:1 answers", true},
		{"a host that cannot be reached", func(c *Config) { c.Proof = Proof{Hosts: []string{"127.0.0.1:nowhere"}} }, nil, false, time.Minute, "taken back: nothing proved within 1m0s that it works", true},
		{"the proof that is asked for counts", func(c *Config) { c.Proof = Proof{Phone: true} }, func(h *house) { h.kernel.Reach("198.51.100.1", true) }, false, time.Minute, "taken back: nothing proved within 1m0s that it works", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inHouse(t, one, func(h *house) {
				if tt.managed {
					h.must(h.Adopt(static("192.0.2.9/24", "192.0.2.1")))
				}
				c := static("198.51.100.9/24", "198.51.100.1")
				if tt.change != nil {
					tt.change(&c)
				}
				began := time.Now()
				h.must(h.Try(c))
				h.wantState(other)
				if c.Proof.Hosts == nil { // else it may have answered already
					if err := h.Try(c); !errors.Is(err, ErrTrying) {
						t.Errorf("another change: %v", err)
					}
				}
				if tt.then != nil {
					tt.then(h)
				}
				synctest.Wait()
				for len(h.verdicts()) == 0 && time.Since(began) < 2*time.Minute {
					time.Sleep(100 * time.Millisecond)
					synctest.Wait()
				}
				if took := time.Since(began); took > tt.within+time.Second || len(h.verdicts()) != 1 || h.verdicts()[0] != tt.kept {
					t.Errorf("decided %v after %v", h.verdicts(), took)
				}
				if tt.kept {
					h.wantState(other)
				} else {
					h.wantState(one)
				}
				s, err := h.Status()
				if err != nil || s.Last != tt.last || !s.Trial.IsZero() {
					t.Errorf("%v %+v", err, s)
				}
				if err := h.Confirm(); !errors.Is(err, ErrNone) {
					t.Error(err)
				}
				h.calm()
				if tt.kept {
					h.wantState(other)
				} else {
					h.wantState(one)
				}
			})
		})
	}
}

func (h *house) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

// A step that fails takes everything back at once; so does a firewall.
func TestStepFails(t *testing.T) {
	for _, tt := range []struct {
		name  string
		spoil func(h *house)
	}{
		{"step", func(h *house) {
			h.kernel.Refuse("ip route replace default via 198.51.100.1 dev eth0", errors.New("no route to host"))
		}},
		{"filter", func(h *house) { h.locked(func() { h.filtered = errors.New("operation not supported") }) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inHouse(t, one, func(h *house) {
				h.must(h.Adopt(static("192.0.2.9/24", "192.0.2.1")))
				tt.spoil(h)
				c := static("198.51.100.9/24", "198.51.100.1")
				c.Interfaces[0].MTU = 1300
				c.Firewall.Guard = true
				if err := h.Try(c); err == nil || strings.Contains(err.Error(), "no route") == (tt.name == "filter") {
					t.Error(err)
				}
				h.wantState(one)
				if v := h.verdicts(); len(v) != 1 || v[0] {
					t.Errorf("decided %v", v)
				}
			})
		})
	}
}

// A proof that comes when it is over, one by a route to somewhere, and none at all.
func TestNoProof(t *testing.T) {
	inHouse(t, one, func(h *house) {
		h.must(h.Adopt(static("192.0.2.9/24", "192.0.2.1")))
		if err := h.Rollback(); !errors.Is(err, ErrNone) {
			t.Error(err)
		}
		h.locked(func() {
			h.asked = func() bool {
				h.must(h.Rollback())
				return true
			}
		})
		h.must(h.Try(static("198.51.100.9/24", "198.51.100.1")))
		h.calm()
		h.wantState(one)
		if v := h.verdicts(); len(v) != 1 || v[0] {
			t.Errorf("decided %v", v)
		}
		h.locked(func() { h.asked = nil })

		c := static("198.51.100.9/24", "198.51.100.1")
		c.Routes = append(c.Routes, netcfgtest.ParseRoute("10.0.0.0/8 via 198.51.100.2 dev eth0"))
		h.kernel.Reach("198.51.100.2", true)
		h.must(h.Try(c))
		h.pass(30 * time.Second)
		if v := h.verdicts(); len(v) != 1 {
			t.Errorf("a router to somewhere was taken for the gateway: %v", v)
		}
		h.must(h.Rollback())

		// A gateway that is not this configuration's.
		h.kernel.Change("eth1", func(s *netcfg.State) {
			s.Links = append(s.Links, netcfgtest.Parse("link eth1 up carrier\naddr 203.0.113.9/24 dev eth1\n").Links...)
			s.Routes = append(s.Routes, netcfgtest.ParseRoute("default via 203.0.113.1 dev eth1 metric 500"))
		})
		h.kernel.Reach("203.0.113.1", true)
		h.must(h.Try(static("198.51.100.9/24", "198.51.100.1")))
		h.pass(30 * time.Second)
		if v := h.verdicts(); len(v) != 2 {
			t.Errorf("somebody else's gateway was taken for ours: %v", v)
		}
		h.must(h.Rollback())

		h.kernel.Break(errors.New("no buffer space"))
		if err := h.Try(c); err == nil || !h.Config().Same(static("192.0.2.9/24", "192.0.2.1")) {
			t.Errorf("%v %+v", err, h.Config())
		}
		h.kernel.Break(nil)
	})
}

// A bridge and a VLAN go again with the change that made them; a lease comes back.
func TestTakesBackWhatItMade(t *testing.T) {
	inHouse(t, "link lo up carrier\nlink eth0 mac 52:54:00:00:00:01 up carrier\nlink eth1 mac 52:54:00:00:00:02 up carrier\naddr 203.0.113.5/24 dev eth1\n", func(h *house) {
		before := Config{Interfaces: []Interface{{DHCP: true, Interface: netcfg.Interface{Name: "eth0", Up: true}}}}
		h.must(h.Adopt(before))
		h.calm()
		h.client("eth0").Bound(lease("192.0.2.50/24", "192.0.2.1"))
		h.calm()
		s, _ := h.kernel.State(t.Context())
		was := netcfgtest.Text(s)
		c := Config{Confirm: time.Minute, Interfaces: []Interface{
			{DHCP: true, Interface: netcfg.Interface{Name: "br0", Kind: "bridge", Up: true, Ports: []string{"eth0", "eth1"}}},
			{Interface: netcfg.Interface{Name: "voice", Kind: "vlan", Parent: "br0", VLAN: 40, Up: true, Addresses: []netip.Prefix{netip.MustParsePrefix("198.51.100.9/24")}}},
		}}
		h.must(h.Try(c))
		h.wantState("link lo up carrier\nlink eth0 mac 52:54:00:00:00:01 master br0 up carrier\nlink eth1 mac 52:54:00:00:00:02 master br0 up carrier\n" +
			"link br0 kind bridge up ours\nlink voice kind vlan parent br0 id 40 up ours\naddr 198.51.100.9/24 dev voice\n")
		time.Sleep(61 * time.Second)
		synctest.Wait()
		h.wantState(was)
		if last := h.client("eth0").Last; last == nil || last.Address.String() != "192.0.2.50/24" {
			t.Errorf("the client asks for %+v", last)
		}
	})
}

func TestFirewallFollows(t *testing.T) {
	inHouse(t, one, func(h *house) {
		h.must(h.Adopt(static("192.0.2.9/24", "192.0.2.1")))
		if len(h.filter) != 0 {
			t.Error("a filter nobody asked for")
		}
		c := static("192.0.2.9/24", "192.0.2.1")
		c.Firewall.Guard = true
		h.must(h.Try(c))
		h.must(h.Rollback())
		if len(h.filter) != 2 || !h.filter[0].Guard || h.filter[1].Guard {
			t.Errorf("%+v", h.filter)
		}
	})
}
