package socket

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	pion "github.com/pion/rtp"
	"golang.org/x/sys/unix"

	"branchline/media"
	"branchline/media/g711"
	"branchline/media/plane"
)

var (
	loopback  = netip.MustParseAddr("127.0.0.1")
	loopback6 = netip.IPv6Loopback()
)

// patience bounds waits for what must happen; nothing waits for it to pass.
const patience = 20 * time.Second

func newPlane(t *testing.T, c plane.Config) *Plane {
	t.Helper()
	p, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

// A phone is a UDP socket, and the port of the plane that it talks to.
type phone struct {
	t    *testing.T
	conn *net.UDPConn
	plane.Port
	events chan media.Event
	pt     uint8
	seq    uint16
	buf    [2048]byte
}

func dial(t *testing.T, p *Plane, local netip.Addr) *phone {
	t.Helper()
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(local, 0)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	f := &phone{t: t, conn: conn, events: make(chan media.Event, 1000)}
	f.Port, err = p.Open(plane.Options{Local: local, Events: func(e media.Event) { f.events <- e }, TOS: 46 << 2})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func (f *phone) addr() netip.AddrPort { return f.conn.LocalAddr().(*net.UDPAddr).AddrPort() }

func (f *phone) flow(c *media.Codec) media.Flow {
	f.pt = uint8(c.Static)
	return media.Flow{Remote: f.addr(), Formats: []media.Format{{PT: f.pt, Codec: c}}, Send: true, Recv: true}
}

func (f *phone) talk(fill byte) {
	f.seq++
	f.say(f.pt, bytes.Repeat([]byte{fill}, 160))
}

func (f *phone) say(pt uint8, payload []byte) {
	f.t.Helper()
	p := pion.Packet{Header: pion.Header{Version: 2, PayloadType: pt, SequenceNumber: f.seq, Timestamp: 160 * uint32(f.seq), SSRC: 1}, Payload: payload}
	b, err := p.Marshal()
	if err == nil {
		_, err = f.conn.WriteToUDPAddrPort(b, netip.AddrPortFrom(f.addr().Addr(), f.Local().Port()))
	}
	if err != nil {
		f.t.Fatal(err)
	}
}

// hear is the next packet.
func (f *phone) hear() (p pion.Packet) {
	f.t.Helper()
	_ = f.conn.SetReadDeadline(time.Now().Add(patience))
	n, from, err := f.conn.ReadFromUDPAddrPort(f.buf[:])
	if err != nil {
		f.t.Fatal(err)
	}
	if from != f.Local() {
		f.t.Errorf("packet from %v, want %v", from, f.Local())
	}
	if err := p.Unmarshal(bytes.Clone(f.buf[:n])); err != nil {
		f.t.Fatal(err)
	}
	return p
}

// event waits for an event of a kind.
func (f *phone) event(k media.EventKind) media.Event {
	f.t.Helper()
	for {
		select {
		case e := <-f.events:
			if e.Kind == k {
				return e
			}
		case <-time.After(patience):
			f.t.Fatalf("no event %d", k)
		}
	}
}

// settle waits until all commands given so far are carried out.
func settle(p *Plane) {
	done := make(chan struct{})
	p.do(func(int64) { close(done) })
	<-done
}

// Seed: S-021.
func TestCall(t *testing.T) {
	for _, local := range []netip.Addr{loopback, loopback6} {
		t.Run(local.String(), func(t *testing.T) {
			p := newPlane(t, plane.Config{Strict: true})
			a, b := dial(t, p, local), dial(t, p, local)
			a.Apply(a.flow(media.PCMU))
			b.Apply(b.flow(media.PCMA))
			if a.Codec() != media.PCMU || b.Codec() != media.PCMA {
				t.Error("codecs")
			}
			a.Join(b.Port)
			settle(p)
			for i := range 20 {
				a.talk(byte(i))
				got := b.hear()
				if got.PayloadType != 8 || got.Payload[0] != g711.UToA()[byte(i)] || len(got.Payload) != 160 {
					t.Fatalf("b heard %v", got)
				}
				b.talk(byte(i))
				if got := a.hear(); got.PayloadType != 0 || got.Payload[9] != g711.AToU()[byte(i)] {
					t.Fatalf("a heard %v", got)
				}
			}
			a.event(media.Latched)
			a.Close()
			settle(p)
			if s := a.Stats(); s.RxPackets != 20 || s.TxPackets != 20 || s.RxBytes != 3200 || s.Source != a.addr() {
				t.Errorf("stats %+v", s)
			}
			a.Join(b.Port)
			a.Play(&media.Program{})
			a.SendDigit('1', 0)
			a.Watch(media.Digits{})
			a.Apply(media.Flow{})
			a.Close()
		})
	}
}

// A stranger's packets reach nobody, and the far side's new port is believed only
// if the flow is symmetric and the rules are kept.
func TestStrictAndSymmetric(t *testing.T) {
	p := newPlane(t, plane.Config{Strict: true, Probation: 4})
	a, b, stranger := dial(t, p, loopback), dial(t, p, loopback), dial(t, p, loopback)
	w := a.flow(media.PCMU)
	w.Symmetric = true
	w.Remote = stranger.addr() // as if a were behind NAT and had offered another address
	a.Apply(w)
	b.Apply(b.flow(media.PCMU))
	a.Join(b.Port)
	settle(p)
	for range 4 {
		a.talk(7)
	}
	a.event(media.Latched)
	if got := b.hear(); got.Payload[0] != 7 {
		t.Errorf("b heard %v", got)
	}
	b.talk(8)
	if got := a.hear(); got.Payload[0] != 8 {
		t.Errorf("a heard %v", got)
	}
	mallory, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(a.Local()))
	if err != nil {
		t.Fatal(err)
	}
	defer mallory.Close()
	raw, _ := (&pion.Packet{Header: pion.Header{Version: 2, SSRC: 66}, Payload: bytes.Repeat([]byte{66}, 160)}).Marshal()
	for range 10 {
		if _, err := mallory.Write(raw); err != nil {
			t.Fatal(err)
		}
	}
	a.talk(9)
	if got := b.hear(); got.Payload[0] != 9 {
		t.Errorf("b heard %v", got)
	}
	a.Close()
	settle(p)
	if s := a.Stats(); s.Dropped != 3+10 || s.Source != a.addr() {
		t.Errorf("stats %+v", s)
	}
}

type samples int

func (s *samples) Fill(f []byte) int {
	n := min(len(f), int(*s))
	*s -= samples(n)
	return n
}

func TestPlayback(t *testing.T) {
	p := newPlane(t, plane.Config{})
	a := dial(t, p, loopback)
	a.Apply(a.flow(media.PCMU))
	s := samples(1600)
	a.Play(&media.Program{ID: 3, Source: &s})
	first := a.hear()
	for i := range 9 {
		if got := a.hear(); got.SequenceNumber != first.SequenceNumber+uint16(i+1) || got.Timestamp != first.Timestamp+160*uint32(i+1) {
			t.Errorf("packet %d: %v", i+1, got)
		}
	}
	if e := a.event(media.PlayDone); e.ID != 3 || !e.Whole {
		t.Errorf("event %+v", e)
	}
	if settle(p); a.Port.(*stream).party.Stats().TxPackets > 10 {
		t.Error("too many packets")
	}
}

func TestDigitsAndPairs(t *testing.T) {
	p := newPlane(t, plane.Config{})
	a, b := dial(t, p, loopback), dial(t, p, loopback)
	for _, f := range []*phone{a, b} {
		w := f.flow(media.PCMU)
		w.Digits, w.EventPT = media.RFC4733, 101
		f.Apply(w)
	}
	told := make(chan media.Event, 10)
	l1, l2, err := p.Pair(nil, func(e media.Event) { told <- e })
	if err != nil {
		t.Fatal(err)
	}
	a.Join(l1)
	l2.Join(b.Port)
	l2.Watch(media.Digits{Report: true})
	settle(p)
	a.seq++
	a.say(101, []byte{5, 0x8a, 3, 0x20})
	if got := b.hear(); got.PayloadType != 101 || !bytes.Equal(got.Payload, []byte{5, 0x8a, 3, 0x20}) {
		t.Errorf("b heard %v", got)
	}
	if e, e2 := <-told, <-told; e.Kind != media.DigitBegin || e2.Kind != media.DigitEnd || e2.Digit != '5' || e2.Length != 100*time.Millisecond {
		t.Errorf("told %+v %+v", e, e2)
	}
	b.SendDigit('9', 40*time.Millisecond)
	for range 4 {
		if got := b.hear(); got.PayloadType != 101 || got.Payload[0] != 9 {
			t.Errorf("b heard %v", got)
		}
	}
	if l1.Codec() != media.PCMU || l1.Stats() != (media.Stats{}) {
		t.Error("half of a pair")
	}
	s := samples(1 << 30)
	l2.Play(&media.Program{ID: 1, Source: &s})
	a.hear()
	l2.Close()
	if e := <-told; e.Kind != media.PlayDone || e.Whole {
		t.Errorf("told %+v", e)
	}
}

func TestReports(t *testing.T) {
	p := newPlane(t, plane.Config{RTCPInterval: time.Millisecond})
	a := dial(t, p, loopback)
	rtcp, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(loopback, 0)))
	if err != nil {
		t.Fatal(err)
	}
	defer rtcp.Close()
	w := a.flow(media.PCMU)
	w.RemoteRTCP = rtcp.LocalAddr().(*net.UDPAddr).AddrPort()
	a.Apply(w)
	a.talk(1)
	b := make([]byte, 1500)
	_ = rtcp.SetReadDeadline(time.Now().Add(patience))
	n, from, err := rtcp.ReadFromUDPAddrPort(b)
	if err != nil || from.Port() != a.Local().Port()+1 || n < 32 || b[1] != 201 {
		t.Errorf("%d bytes from %v, %v: %x", n, from, err, b[:n])
	}
}

// The other family of a socket that is bound to everything.
func TestBothFamilies(t *testing.T) {
	p := newPlane(t, plane.Config{Strict: true})
	a := dial(t, p, loopback)
	s, err := p.Open(plane.Options{Local: netip.IPv6Unspecified()})
	if err != nil {
		t.Fatal(err)
	}
	a.Port.Close()
	a.Port = s
	s.Apply(a.flow(media.PCMU))
	s.Join(s)
	settle(p)
	a.talk(1)
	_ = a.conn.SetReadDeadline(time.Now().Add(patience))
	if n, _, err := a.conn.ReadFromUDPAddrPort(a.buf[:]); err != nil || n != 172 {
		t.Errorf("%d bytes, %v", n, err)
	}
}

func TestPorts(t *testing.T) {
	// An address that no other run of this test binds, and ports that the kernel gives
	// to nobody by itself.
	pid := os.Getpid() // below 1<<22, the kernel's bound
	own := netip.AddrFrom4([4]byte{127, 64 | byte(pid>>16), byte(pid >> 8), byte(pid)})
	p := newPlane(t, plane.Config{First: 22001, Last: 22007})
	var open []plane.Port
	for {
		s, err := p.Open(plane.Options{Local: own})
		if err != nil {
			if !errors.Is(err, errNoPorts) || !strings.Contains(err.Error(), own.String()) {
				t.Error(err)
			}
			break
		}
		open = append(open, s)
	}
	var got []uint16
	for _, s := range open {
		got = append(got, s.Local().Port())
	}
	slices.Sort(got)
	if fmt.Sprint(got) != "[22002 22004 22006]" {
		t.Fatalf("ports %v", got)
	}
	open[1].Close()
	settle(p)
	s, err := p.Open(plane.Options{Local: own})
	if err != nil || s.Local() != open[1].Local() {
		t.Errorf("%v, want the port that was closed", err)
	}
	// Ports held by somebody else are passed over.
	other, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(own, 22103)))
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	for range 5 {
		s, err := p.Open(plane.Options{Local: own, First: 22100, Last: 22104})
		if err != nil {
			t.Fatal(err)
		}
		if s.Local().Port() == 22102 {
			t.Error("half a pair")
		}
		s.Close()
		settle(p)
	}
	p.Configure(plane.Config{First: 22200, Last: 22200})
	if s, err := p.Open(plane.Options{Local: own}); err != nil || s.Local().Port() != 22200 {
		t.Errorf("after Configure: %v", err)
	}
	for _, c := range []plane.Config{{First: 5, Last: 4}, {First: -2, Last: 10}, {First: 1, Last: 70000}, {First: 7, Last: 7}} {
		if q, err := New(c); err == nil {
			q.Close()
			t.Errorf("%+v is a range", c)
		}
	}
	if _, err := p.Open(plane.Options{Local: netip.MustParseAddr("192.0.2.1"), First: 22300, Last: 22399}); !errors.Is(err, unix.EADDRNOTAVAIL) {
		t.Errorf("a foreign address: %v", err)
	}
}

func files(t *testing.T) int {
	t.Helper()
	d, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(d)
}

// After Close nothing is left: no socket, no goroutine, no programme that has not
// ended.
func TestClose(t *testing.T) {
	before, running := files(t), runtime.NumGoroutine()
	p, err := New(plane.Config{})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan media.Event, 10)
	tell := func(e media.Event) { done <- e }
	s := samples(1 << 30)
	a, err := p.Open(plane.Options{Local: loopback, Events: tell})
	if err != nil {
		t.Fatal(err)
	}
	a.Play(&media.Program{Source: &s})
	l1, _, err := p.Pair(tell, nil)
	if err != nil {
		t.Fatal(err)
	}
	l1.Play(&media.Program{Source: &s})
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	if len(done) != 2 {
		t.Errorf("%d programmes ended", len(done))
	}
	if _, err := p.Open(plane.Options{Local: loopback}); err == nil {
		t.Error("opened on a closed plane")
	}
	if _, _, err := p.Pair(nil, nil); err == nil {
		t.Error("paired on a closed plane")
	}
	a.Join(nil)
	a.Close()
	if n := files(t); n != before {
		t.Errorf("%d files open, %d before", n, before)
	}
	// The thread has said that it is done, and may still be on its last few instructions.
	for end := time.Now().Add(10 * time.Second); runtime.NumGoroutine() > running && time.Now().Before(end); {
		runtime.Gosched()
	}
	if n := runtime.NumGoroutine(); n > running {
		t.Errorf("%d goroutines, %d before", n, running)
	}
}

// Many callers at once, under the race detector.
func TestManyCallersAtOnce(t *testing.T) {
	p := newPlane(t, plane.Config{Strict: true})
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 20 {
				a, err := p.Open(plane.Options{Local: loopback, Events: func(media.Event) {}})
				if err != nil {
					t.Error(err)
					return
				}
				b, c, err := p.Pair(nil, nil)
				if err != nil {
					t.Error(err)
					return
				}
				s := samples(160)
				a.Apply(media.Flow{Remote: a.Local(), Formats: []media.Format{{Codec: media.PCMU}}, Send: true, Recv: true})
				a.Join(b)
				c.Play(&media.Program{Source: &s})
				c.SendDigit('1', 0)
				a.Stats()
				a.Close()
				b.Close()
				c.Close()
			}
		})
	}
	all.Wait()
	settle(p)
	if p.thread.ports != 0 || len(p.slots) != int(p.used) {
		t.Errorf("%d ports, %d of %d slots free", p.thread.ports, len(p.slots), p.used)
	}
}

// With many streams the thread looks once a millisecond instead of being woken.
func TestManyStreams(t *testing.T) {
	p := newPlane(t, plane.Config{Strict: true, Realtime: true})
	var phones []*phone
	for i := range 2 * fewStreams {
		f := dial(t, p, loopback)
		f.Apply(f.flow(media.PCMU))
		if i%2 == 1 {
			f.Join(phones[i-1].Port)
		}
		phones = append(phones, f)
	}
	settle(p)
	for n := range 5 {
		for _, f := range phones {
			f.talk(byte(n))
		}
		for _, f := range phones {
			if got := f.hear(); got.Payload[0] != byte(n) {
				t.Fatalf("heard %v", got)
			}
		}
	}
}

// An idle plane, and one whose streams say nothing, hardly runs.
func TestIdle(t *testing.T) {
	p := newPlane(t, plane.Config{})
	settle(p)
	if _, busy := p.board.Next(); busy {
		t.Error("an idle board has something to do")
	}
}

// BenchmarkControl opens and closes a stream, and waits for both.
func BenchmarkControl(b *testing.B) {
	p, err := New(plane.Config{})
	if err != nil {
		b.Fatal(err)
	}
	defer p.Close()
	for b.Loop() {
		s, err := p.Open(plane.Options{Local: loopback})
		if err != nil {
			b.Fatal(err)
		}
		s.Close()
		settle(p)
	}
}
