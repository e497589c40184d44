package dhcp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

var mac = net.HardwareAddr{0x52, 0x54, 0, 0, 0, 1}

// A wire is a Conn whose other end is a server: a function from message to answer.
type wire struct {
	mu     chan struct{}
	serve  func(m *message, to netip.Addr) *message
	in     chan []byte
	closed chan struct{}
	broken chan struct{}
	log    []string
	began  time.Time
}

func newWire(serve func(*message, netip.Addr) *message) *wire {
	return &wire{serve: serve, in: make(chan []byte, 16), closed: make(chan struct{}), broken: make(chan struct{}), mu: make(chan struct{}, 1), began: time.Now()}
}

var kinds = map[byte]string{discover: "discover", request: "request", decline: "decline"}

func (w *wire) Send(b []byte, to netip.Addr) error {
	m, err := parse(b)
	if err != nil {
		return err
	}
	line := fmt.Sprintf("%v %s to %v", time.Since(w.began).Round(10*time.Second), kinds[m.kind()], to)
	if a := m.addr(optRequested); a.IsValid() {
		line += " wants " + a.String()
	}
	if !m.client.IsUnspecified() {
		line += " has " + m.client.String()
	}
	if a := m.addr(optServer); m.kind() == decline && a.IsValid() {
		line += " of " + a.String()
	}
	w.mu <- struct{}{}
	w.log = append(w.log, line)
	<-w.mu
	if r := w.serve(m, to); r != nil {
		r.reply, r.id, r.mac = true, m.id, m.mac
		w.in <- r.bytes()
	}
	return nil
}

func (w *wire) Receive(b []byte) (int, error) {
	select {
	case p := <-w.in:
		return copy(b, p), nil
	case <-w.closed:
		return 0, io.EOF
	case <-w.broken:
		return 0, io.ErrUnexpectedEOF
	}
}

func (w *wire) Close() error { close(w.closed); return nil }

func (w *wire) said() string {
	w.mu <- struct{}{}
	defer func() { <-w.mu }()
	out := strings.Join(w.log, "\n")
	w.log = nil
	return out
}

// grant is a server's answer with an hour's lease.
func grant(kind byte, address string) *message {
	return &message{yours: netip.MustParseAddr(address), options: map[byte][]byte{
		optKind: {kind}, optServer: {192, 0, 2, 1}, optMask: {255, 255, 255, 0}, optRouter: {192, 0, 2, 1},
		optDNS: {192, 0, 2, 1, 192, 0, 2, 2}, optLease: {0, 0, 0x0e, 0x10}, optDomain: []byte("example.net"), optNTP: {192, 0, 2, 3},
	}}
}

// generous is a server that gives everybody 192.0.2.50.
func generous(m *message, _ netip.Addr) *message {
	if m.kind() == discover {
		return grant(offer, "192.0.2.50")
	}
	return grant(ack, "192.0.2.50")
}

type story struct {
	mu    sync.Mutex
	gains []Lease
	lacks []string
}

func (s *story) bound() []Lease {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.gains)
}

func (s *story) lost() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.lacks)
}

func start(t *testing.T, w *wire, last *Lease) (*story, func()) {
	t.Helper()
	return startBeside(t, w, last, nil)
}

// startBeside is start in a network where others have addresses too.
func startBeside(t *testing.T, w *wire, last *Lease, taken func(context.Context, netip.Addr) (string, error)) (*story, func()) {
	t.Helper()
	s := &story{}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- Run(ctx, Options{
			Link: "eth0", MAC: mac, HostName: "pbx", Vendor: "test", Last: last,
			Open:  func(string) (Conn, error) { return w, nil },
			Taken: taken,
			Bound: func(l Lease) {
				s.mu.Lock()
				s.gains = append(s.gains, l)
				s.mu.Unlock()
			},
			Lost: func(why string) {
				s.mu.Lock()
				s.lacks = append(s.lacks, why)
				s.mu.Unlock()
			},
			Log: slog.New(slog.DiscardHandler),
		})
	}()
	return s, func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

func want(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s:\n%s\nwant\n%s", what, got, want)
	}
}

// rest lets time pass, and everybody finish.
func rest(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func TestLeaseIsRenewed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire(generous)
		s, stop := start(t, w, nil)
		defer stop()
		synctest.Wait()
		want(t, "at first", w.said(), "0s discover to 255.255.255.255\n0s request to 255.255.255.255 wants 192.0.2.50")
		if len(s.bound()) != 1 || s.bound()[0].Address.String() != "192.0.2.50/24" || len(s.bound()[0].Routes) != 1 || s.bound()[0].Domain != "example.net" {
			t.Fatalf("%+v", s.bound())
		}
		rest(31 * time.Minute)
		want(t, "at half time", w.said(), "30m0s request to 192.0.2.1 has 192.0.2.50")
		rest(30 * time.Minute)
		want(t, "again", w.said(), "1h0m0s request to 192.0.2.1 has 192.0.2.50")
		if len(s.bound()) != 3 || len(s.lost()) != 0 {
			t.Errorf("%d leases, lost %v", len(s.bound()), s.lost())
		}
	})
}

func TestServerGoesAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var dead atomic.Bool
		w := newWire(func(m *message, to netip.Addr) *message {
			if dead.Load() {
				return nil
			}
			return generous(m, to)
		})
		s, stop := start(t, w, nil)
		defer stop()
		synctest.Wait()
		dead.Store(true)
		w.said()
		rest(time.Hour - time.Second)
		got := w.said()
		want(t, "it renews, then asks everybody", got, strings.Join([]string{
			"30m0s request to 192.0.2.1 has 192.0.2.50", "41m20s request to 192.0.2.1 has 192.0.2.50", "46m50s request to 192.0.2.1 has 192.0.2.50",
			"49m40s request to 192.0.2.1 has 192.0.2.50", "51m10s request to 192.0.2.1 has 192.0.2.50", "52m10s request to 192.0.2.1 has 192.0.2.50",
			"52m30s request to 255.255.255.255 has 192.0.2.50", "56m20s request to 255.255.255.255 has 192.0.2.50", "58m10s request to 255.255.255.255 has 192.0.2.50", "59m10s request to 255.255.255.255 has 192.0.2.50",
		}, "\n"))
		if len(s.lost()) != 0 {
			t.Error("lost too early")
		}
		rest(2 * time.Second)
		if len(s.lost()) != 1 || s.lost()[0] != errExpired.Error() {
			t.Errorf("lost %v", s.lost())
		}
		rest(5 * time.Minute)
		if n := strings.Count(w.said(), "discover"); n < 6 || n > 10 {
			t.Errorf("%d discovers within five minutes", n)
		}
		dead.Store(false)
		rest(2 * time.Minute)
		if len(s.bound()) != 2 {
			t.Errorf("%d leases after the server is back", len(s.bound()))
		}
	})
}

func TestAddressIsAskedForAgain(t *testing.T) {
	old := func() *Lease {
		l, _ := leaseOf(grant(ack, "192.0.2.77"), time.Now())
		return &l
	}
	for _, tt := range []struct {
		name         string
		serve        func(*message, netip.Addr) *message
		age          time.Duration
		said, bound  string
		lost, leases int
	}{
		{"granted", func(*message, netip.Addr) *message { return grant(ack, "192.0.2.77") }, 0, "0s request to 255.255.255.255 wants 192.0.2.77", "192.0.2.77/24", 0, 1},
		{"refused", func(m *message, a netip.Addr) *message {
			if m.addr(optRequested).String() == "192.0.2.77" {
				return &message{options: map[byte][]byte{optKind: {nak}}}
			}
			return generous(m, a)
		}, 0, "0s request to 255.255.255.255 wants 192.0.2.77\n0s discover to 255.255.255.255\n0s request to 255.255.255.255 wants 192.0.2.50", "192.0.2.50/24", 1, 1},
		{"no answer: still ours", func(*message, netip.Addr) *message { return nil }, 0, "0s request to 255.255.255.255 wants 192.0.2.77\n0s request to 255.255.255.255 wants 192.0.2.77", "192.0.2.77/24", 0, 1},
		{"too old", generous, 2 * time.Hour, "0s discover to 255.255.255.255\n0s request to 255.255.255.255 wants 192.0.2.50", "192.0.2.50/24", 0, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				last := old()
				rest(tt.age)
				w := newWire(tt.serve)
				s, stop := start(t, w, last)
				defer stop()
				rest(8 * time.Second)
				want(t, "said", w.said(), tt.said)
				if len(s.bound()) != tt.leases || s.bound()[0].Address.String() != tt.bound || len(s.lost()) != tt.lost {
					t.Errorf("%+v %v", s.bound(), s.lost())
				}
			})
		})
	}
}

// What is said to others, by others or in no language at all is not for us.
func TestOthersMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire(generous)
		w.serve = func(m *message, to netip.Addr) *message {
			kind := byte(offer)
			if m.kind() == request {
				kind = ack
			}
			for _, spoil := range []func(x *message){
				func(x *message) { x.mac[5]++ },
				func(x *message) { x.reply = false },
				func(x *message) { x.id++ },
				func(x *message) { x.options[optKind] = []byte{request} },
			} {
				x := grant(kind, "192.0.2.99")
				x.reply, x.id, x.mac = true, m.id, m.mac
				spoil(x)
				w.in <- x.bytes()
			}
			w.in <- []byte("not a message")
			return generous(m, to)
		}
		s, stop := start(t, w, nil)
		defer stop()
		synctest.Wait()
		if got := s.bound(); len(got) != 1 || got[0].Address.String() != "192.0.2.50/24" {
			t.Errorf("%+v\n%s", got, w.said())
		}
	})
}

// An address that somebody else has is declined, and another one is taken.
func TestAddressIsTaken(t *testing.T) {
	old := func() *Lease {
		l, _ := leaseOf(grant(ack, "192.0.2.77"), time.Now())
		return &l
	}
	// two is a server that gives another address after it was told to.
	two := func() func(*message, netip.Addr) *message {
		var given atomic.Int32
		return func(m *message, _ netip.Addr) *message {
			address := "192.0.2." + fmt.Sprint(50+given.Load())
			switch m.kind() {
			case discover:
				return grant(offer, address)
			case request:
				if a := m.addr(optRequested); a.String() == "192.0.2.77" {
					address = a.String()
				}
				return grant(ack, address)
			case decline:
				if m.broadcast || m.options[optWanted] != nil || m.options[optMessage] == nil {
					t.Errorf("a decline that asks for something: %+v", m)
				}
				given.Add(1)
			}
			return nil
		}
	}
	const neighbour = "52:54:00:00:00:99"
	for _, tt := range []struct {
		name  string
		last  func() *Lease
		serve func(*message, netip.Addr) *message
		taken map[string]string
		fault error
		said  string
		bound string
		lost  int
	}{
		{"free", nil, two(), nil, nil, "0s discover to 255.255.255.255\n0s request to 255.255.255.255 wants 192.0.2.50", "192.0.2.50/24", 0},
		{"nobody can be asked", nil, two(), nil, errors.New("no such device"), "0s discover to 255.255.255.255\n0s request to 255.255.255.255 wants 192.0.2.50", "192.0.2.50/24", 0},
		{"the first is taken", nil, two(), map[string]string{"192.0.2.50": neighbour}, nil,
			"0s discover to 255.255.255.255\n0s request to 255.255.255.255 wants 192.0.2.50\n0s decline to 255.255.255.255 wants 192.0.2.50 of 192.0.2.1\n" +
				"10s discover to 255.255.255.255\n10s request to 255.255.255.255 wants 192.0.2.51", "192.0.2.51/24", 0},
		{"the one we had is taken", old, two(), map[string]string{"192.0.2.77": neighbour}, nil,
			"0s request to 255.255.255.255 wants 192.0.2.77\n0s decline to 255.255.255.255 wants 192.0.2.77 of 192.0.2.1\n" +
				"10s discover to 255.255.255.255\n10s request to 255.255.255.255 wants 192.0.2.51", "192.0.2.51/24", 1},
		{"the one we had is taken, and no server says so", old, func() func(*message, netip.Addr) *message {
			serve := two()
			return func(m *message, to netip.Addr) *message {
				if m.addr(optRequested).String() == "192.0.2.77" && m.kind() == request {
					return nil
				}
				return serve(m, to)
			}
		}(), map[string]string{"192.0.2.77": neighbour}, nil,
			"0s request to 255.255.255.255 wants 192.0.2.77\n0s request to 255.255.255.255 wants 192.0.2.77\n10s decline to 255.255.255.255 wants 192.0.2.77 of 192.0.2.1\n" +
				"20s discover to 255.255.255.255\n20s request to 255.255.255.255 wants 192.0.2.51", "192.0.2.51/24", 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var last *Lease
				if tt.last != nil {
					last = tt.last()
				}
				w := newWire(tt.serve)
				s, stop := startBeside(t, w, last, func(_ context.Context, a netip.Addr) (string, error) { return tt.taken[a.String()], tt.fault })
				defer stop()
				rest(25 * time.Second)
				want(t, "said", w.said(), tt.said)
				if len(s.bound()) != 1 || s.bound()[0].Address.String() != tt.bound || len(s.lost()) != tt.lost {
					t.Errorf("%+v %v", s.bound(), s.lost())
				}
			})
		})
	}
}

func TestSocketFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var conns []*wire
		var mu sync.Mutex
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		var bound atomic.Int32
		go func() {
			done <- Run(ctx, Options{Link: "eth0", MAC: mac, Log: slog.New(slog.DiscardHandler),
				Open: func(string) (Conn, error) {
					mu.Lock()
					defer mu.Unlock()
					if len(conns) == 1 {
						conns = append(conns, nil)
						return nil, errors.New("no such device")
					}
					w := newWire(generous)
					conns = append(conns, w)
					return w, nil
				},
				Bound: func(Lease) { bound.Add(1) }, Lost: func(string) {}})
		}()
		synctest.Wait()
		mu.Lock()
		first := conns[0]
		mu.Unlock()
		first.in <- nil // not a message
		first.in <- []byte{1, 2, 3}
		synctest.Wait()
		close(first.broken)
		rest(11 * time.Second)
		mu.Lock()
		defer mu.Unlock()
		if len(conns) != 3 || bound.Load() != 2 {
			t.Errorf("%d sockets, %d leases", len(conns), bound.Load())
		}
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestLeaseOf(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*message)
		want   string
	}{
		{"plain", func(*message) {}, "192.0.2.50/24 [default via 192.0.2.1 dev ] 30m0s 52m30s 1h0m0s 0"},
		{"its own times", func(m *message) {
			m.options[optRenew], m.options[optRebind] = []byte{0, 0, 0, 60}, []byte{0, 0, 0, 120}
		}, "192.0.2.50/24 [default via 192.0.2.1 dev ] 1m0s 2m0s 1h0m0s 0"},
		{"impossible times", func(m *message) { m.options[optRenew], m.options[optRebind] = []byte{0, 1, 0, 60}, []byte{0, 1, 0, 1} }, "192.0.2.50/24 [default via 192.0.2.1 dev ] 30m0s 52m30s 1h0m0s 0"},
		{"very short", func(m *message) { m.options[optLease] = []byte{0, 0, 0, 1} }, "192.0.2.50/24 [default via 192.0.2.1 dev ] 5s 8.75s 10s 0"},
		{"for ever", func(m *message) { m.options[optLease] = []byte{255, 255, 255, 255} }, "192.0.2.50/24 [default via 192.0.2.1 dev ] 2562047h47m16.854775807s 2562047h47m16.854775807s 2562047h47m16.854775807s 0"},
		{"no time, no mask", func(m *message) { delete(m.options, optLease); delete(m.options, optMask) }, "192.0.2.50/24 [default via 192.0.2.1 dev ] 30m0s 52m30s 1h0m0s 0"},
		{"mask with a hole", func(m *message) { m.options[optMask] = []byte{255, 0, 255, 0} }, "192.0.2.50/24 [default via 192.0.2.1 dev ] 30m0s 52m30s 1h0m0s 0"},
		{"routes instead of the router", func(m *message) {
			m.options[optRoutes] = []byte{8, 10, 192, 0, 2, 7, 0, 192, 0, 2, 8, 24, 198, 51, 100, 0, 0, 0, 0}
		},
			"192.0.2.50/24 [10.0.0.0/8 via 192.0.2.7 dev  default via 192.0.2.8 dev  198.51.100.0/24 dev ] 30m0s 52m30s 1h0m0s 0"},
		{"broken routes", func(m *message) { m.options[optRoutes] = []byte{33, 10, 192, 0, 2, 7} }, "192.0.2.50/24 [] 30m0s 52m30s 1h0m0s 0"},
		{"a router elsewhere", func(m *message) { m.options[optRouter] = []byte{203, 0, 113, 1} }, "192.0.2.50/24 [203.0.113.1/32 dev  default via 203.0.113.1 dev ] 30m0s 52m30s 1h0m0s 0"},
		{"MTU", func(m *message) { m.options[optMTU] = []byte{5, 0x78} }, "192.0.2.50/24 [default via 192.0.2.1 dev ] 30m0s 52m30s 1h0m0s 1400"},
	} {
		m := grant(ack, "192.0.2.50")
		tt.change(m)
		l, ok := leaseOf(m, time.Now())
		if got := fmt.Sprint(l.Address, " ", l.Routes, " ", l.Renew, " ", l.Rebind, " ", l.Life, " ", l.MTU); !ok || got != tt.want {
			t.Errorf("%s: %v\n got %s\nwant %s", tt.name, ok, got, tt.want)
		}
		text, err := json.Marshal(l)
		var back Lease
		if err != nil || json.Unmarshal(text, &back) != nil || !back.Granted.Equal(l.Granted) {
			t.Errorf("%s: %v %s", tt.name, err, text)
		}
		if back.Granted = l.Granted; !reflect.DeepEqual(back, l) {
			t.Errorf("%s: %+v is %+v when it is read back", tt.name, l, back)
		}
	}
	for _, bad := range []string{"0.0.0.0", "127.0.0.1", "224.0.0.1", "255.255.255.255"} {
		if _, ok := leaseOf(grant(ack, bad), time.Now()); ok {
			t.Errorf("%s was taken", bad)
		}
	}
}

func TestOptionsInOtherFields(t *testing.T) {
	b := grant(ack, "192.0.2.50").bytes()
	b = append(b[:240:240], optKind, 1, ack, optOverload, 1, 3, optEnd)
	copy(b[108:], []byte{optMask, 4, 255, 255, 0, 0, optEnd})
	copy(b[44:], []byte{optServer, 4, 192, 0, 2, 1, optEnd})
	m, err := parse(b)
	if err != nil || m.maskBits() != 16 || m.addr(optServer).String() != "192.0.2.1" {
		t.Errorf("%v %+v", err, m)
	}
}

// FuzzMessage: what the network says neither stops us nor gives us nonsense.
func FuzzMessage(f *testing.F) {
	f.Add(grant(ack, "192.0.2.50").bytes())
	f.Add(grant(offer, "10.1.2.3").bytes())
	m := grant(ack, "10.1.2.3")
	m.options[optRoutes] = []byte{8, 10, 192, 0, 2, 7, 0, 192, 0, 2, 8}
	m.options[optDomain] = make([]byte, 300)
	f.Add(m.bytes())
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := parse(b)
		if err != nil {
			return
		}
		l, ok := leaseOf(m, time.Now())
		if ok {
			if !l.Address.IsValid() || l.Renew <= 0 || l.Renew > l.Rebind || l.Rebind > l.Life || l.Life < shortest || len(l.Routes) > maxRoute+1 {
				t.Errorf("%+v", l)
			}
			for _, r := range l.Routes {
				if !r.To.IsValid() || r.To != r.To.Masked() {
					t.Errorf("route %v", r)
				}
			}
		}
		delete(m.options, optOverload) // what was found elsewhere is written in its place
		back, err := parse(m.bytes())
		if err != nil || !reflect.DeepEqual(nonempty(back.options), nonempty(m.options)) || back.id != m.id {
			t.Errorf("%v: %+v is %+v when it is read back", err, m, back)
		}
	})
}

func nonempty(o map[byte][]byte) map[byte]string {
	out := map[byte]string{}
	for k, v := range o {
		out[k] = string(v)
	}
	return out
}
