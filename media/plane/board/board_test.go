package board

import (
	"bytes"
	"fmt"
	"net/netip"
	"testing"
	"time"

	pion "github.com/pion/rtp"

	"branchline/media"
	"branchline/media/g711"
	"branchline/media/plane"
)

// An exchange is a board with a clock that the test moves.
type exchange struct {
	t *testing.T
	*Board
	now    int64
	phones []*phone
}

func newExchange(t *testing.T) *exchange {
	return &exchange{t: t, Board: New(time.Unix(1_000_000_000, 0)), now: 1000 * ms}
}

// run lets time pass.
func (x *exchange) run(d time.Duration) {
	for end := x.now + int64(d); x.now < end; {
		x.now += ms
		x.Advance(x.now)
	}
}

// A phone is the far side of a party. It reads what it is sent with a parser not
// ours.
type phone struct {
	x          *exchange
	party      *Party
	addr       netip.AddrPort
	aim, aimed netip.AddrPort // where the party sends RTP and RTCP
	got        []heardPacket
	reports    [][]byte
	events     []media.Event

	pt    uint8
	seq   uint16
	stamp uint32
	ssrc  uint32
}

type heardPacket struct {
	pion.Packet
	at int64
}

func (f *phone) Aim(rtp, rtcp netip.AddrPort) { f.aim, f.aimed = rtp, rtcp }

func (f *phone) RTP(b []byte) {
	var p pion.Packet
	if err := p.Unmarshal(bytes.Clone(b)); err != nil {
		f.x.t.Errorf("sent what is not RTP: %v", err)
	}
	f.got = append(f.got, heardPacket{p, f.x.now})
}

func (f *phone) RTCP(b []byte) { f.reports = append(f.reports, bytes.Clone(b)) }

func (x *exchange) phone(c plane.Config) *phone {
	n := uint16(len(x.phones) + 1)
	f := &phone{x: x, addr: netip.AddrPortFrom(netip.MustParseAddr("192.0.2.1"), 4000*n), seq: 100 * n, stamp: 1000 * uint32(n), ssrc: uint32(n)}
	f.party = x.Party(f, RulesOf(c), func(e media.Event) { f.events = append(f.events, e) })
	f.party.Enter(x.now)
	x.phones = append(x.phones, f)
	return f
}

// flow is what was agreed with f: these codecs, in this order, under their static
// payload types, or 97 and up.
func (f *phone) flow(codecs ...*media.Codec) media.Flow {
	w := media.Flow{Remote: f.addr, Send: true, Recv: true}
	for i, c := range codecs {
		pt := uint8(97 + i)
		if c.Static >= 0 {
			pt = uint8(c.Static)
		}
		w.Formats = append(w.Formats, media.Format{PT: pt, Codec: c})
	}
	f.pt = w.Formats[0].PT
	return w
}

func (f *phone) apply(w media.Flow) *phone {
	f.party.Apply(f.x.now, w)
	return f
}

// talk sends one packet from f and moves its numbers on.
func (f *phone) talk(payload []byte) {
	p := pion.Packet{Header: pion.Header{Version: 2, PayloadType: f.pt, SequenceNumber: f.seq, Timestamp: f.stamp, SSRC: f.ssrc}, Payload: payload}
	b, err := p.Marshal()
	if err != nil {
		f.x.t.Fatal(err)
	}
	f.party.Receive(f.x.now, f.addr, b)
	f.seq++
	f.stamp += uint32(len(payload))
}

// take is what f heard since it was last asked.
func (f *phone) take() []heardPacket {
	got := f.got
	f.got = nil
	return got
}

func (f *phone) happened() string {
	var s string
	for _, e := range f.events {
		switch e.Kind {
		case media.DigitBegin:
			s += fmt.Sprintf("+%c ", e.Digit)
		case media.DigitEnd:
			s += fmt.Sprintf("-%c/%d ", e.Digit, e.Length.Milliseconds())
		case media.PlayDone:
			s += fmt.Sprintf("done%d/%v ", e.ID, e.Whole)
		case media.Latched:
			s += "latched "
		case media.Silent:
			s += "silent "
		}
	}
	f.events = nil
	return s
}

func frame(fill byte) []byte { return bytes.Repeat([]byte{fill}, 160) }

// steady checks that packets are one stream: one SSRC, no hole or repetition in
// sequence, timestamps that never go back.
func steady(t *testing.T, got []heardPacket) {
	t.Helper()
	for i := 1; i < len(got); i++ {
		a, b := got[i-1], got[i]
		if a.SSRC != b.SSRC || b.SequenceNumber != a.SequenceNumber+1 || int32(b.Timestamp-a.Timestamp) < 0 {
			t.Errorf("packet %d: ssrc %x seq %d stamp %d after ssrc %x seq %d stamp %d", i,
				b.SSRC, b.SequenceNumber, b.Timestamp, a.SSRC, a.SequenceNumber, a.Timestamp)
		}
	}
}

// Seed: S-021.
func TestRelay(t *testing.T) {
	u2a := func(b []byte) []byte { g711.UToA().Apply(b); return b }
	a2u := func(b []byte) []byte { g711.AToU().Apply(b); return b }
	same := func(b []byte) []byte { return b }
	for _, c := range []struct {
		name     string
		from, to []*media.Codec
		sent     uint8 // payload type
		pt       uint8 // expected
		want     func([]byte) []byte
	}{
		{"same codec", []*media.Codec{media.PCMU}, []*media.Codec{media.PCMU}, 0, 0, same},
		{"u to A", []*media.Codec{media.PCMU}, []*media.Codec{media.PCMA}, 0, 8, u2a},
		{"A to u", []*media.Codec{media.PCMA}, []*media.Codec{media.PCMU}, 8, 0, a2u},
		{"the callee picked the caller's second", []*media.Codec{media.PCMU, media.PCMA}, []*media.Codec{media.PCMA, media.PCMU}, 0, 8, u2a},
		{"the caller sends its second", []*media.Codec{media.PCMU, media.PCMA}, []*media.Codec{media.PCMA}, 8, 8, same},
		{"untouched", []*media.Codec{media.G722}, []*media.Codec{media.G722}, 9, 9, same},
		{"untouched under another number", []*media.Codec{media.ILBC}, []*media.Codec{media.PCMU, media.ILBC}, 97, 98, same},
		{"the only law left", []*media.Codec{media.PCMU}, []*media.Codec{media.G722, media.PCMA}, 0, 8, u2a},
		{"video", []*media.Codec{media.H264}, []*media.Codec{media.VP8, media.H264}, 97, 98, same},
		{"nothing in common", []*media.Codec{media.G722}, []*media.Codec{media.PCMU}, 9, 0, nil},
		{"unknown payload type", []*media.Codec{media.PCMU}, []*media.Codec{media.PCMU}, 13, 0, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			x := newExchange(t)
			a, b := x.phone(plane.Config{Strict: true}), x.phone(plane.Config{Strict: true})
			a.apply(a.flow(c.from...))
			b.apply(b.flow(c.to...))
			a.party.Join(b.party)
			a.pt = c.sent
			for i := range 5 {
				a.talk(frame(byte(i)))
				x.run(20 * time.Millisecond)
			}
			got := b.take()
			if c.want == nil {
				if len(got) > 0 {
					t.Fatalf("%d packets came through", len(got))
				}
				return
			}
			if len(got) != 5 || len(a.take()) != 0 {
				t.Fatalf("%d packets came through", len(got))
			}
			steady(t, got)
			for i, p := range got {
				if p.PayloadType != c.pt || !bytes.Equal(p.Payload, c.want(frame(byte(i)))) || p.Marker != (i == 0) || p.Timestamp-got[0].Timestamp != uint32(160*i) {
					t.Errorf("packet %d: %v", i, p.Packet)
				}
			}
		})
	}
}

func TestDirections(t *testing.T) {
	x := newExchange(t)
	a, b := x.phone(plane.Config{}), x.phone(plane.Config{})
	a.apply(a.flow(media.PCMU))
	w := b.flow(media.PCMU)
	a.party.Join(b.party)
	for _, c := range []struct {
		send, recv bool
		remote     netip.AddrPort
		toA, toB   int
	}{
		{true, true, w.Remote, 1, 1}, {false, true, w.Remote, 1, 0}, {true, false, w.Remote, 0, 1}, {false, false, w.Remote, 0, 0},
		{true, true, netip.AddrPort{}, 1, 0}, {true, true, netip.MustParseAddrPort("0.0.0.0:4000"), 1, 0}, {true, true, netip.MustParseAddrPort("192.0.2.1:0"), 1, 0},
	} {
		w.Send, w.Recv, w.Remote = c.send, c.recv, c.remote
		b.apply(w)
		a.talk(frame(1))
		b.talk(frame(2))
		if got, got2 := len(a.take()), len(b.take()); got != c.toA || got2 != c.toB {
			t.Errorf("%+v: %d to a, %d to b", c, got, got2)
		}
		x.run(20 * time.Millisecond)
	}
}

func TestEchoIsAJoinWithOneself(t *testing.T) {
	x := newExchange(t)
	a := x.phone(plane.Config{})
	a.apply(a.flow(media.PCMA))
	a.party.Join(a.party)
	a.talk(frame(3))
	if got := a.take(); len(got) != 1 || !bytes.Equal(got[0].Payload, frame(3)) {
		t.Errorf("echo %v", got)
	}
	a.party.Join(nil)
	a.talk(frame(3))
	if len(a.take()) != 0 {
		t.Error("echo after parting")
	}
}

// What is sent to a party stays one stream, whoever it is joined to and
// whatever is played in between.
func TestContinuity(t *testing.T) {
	x := newExchange(t)
	a, b, c := x.phone(plane.Config{}), x.phone(plane.Config{}), x.phone(plane.Config{})
	for _, f := range x.phones {
		f.apply(f.flow(media.PCMU))
	}
	start := x.now
	talk := func(f *phone, n int) {
		for range n {
			f.talk(frame(1))
			x.run(20 * time.Millisecond)
		}
	}
	a.party.Join(c.party)
	talk(a, 10)
	b.party.Join(c.party) // c leaves a
	if a.party.peer != nil {
		t.Error("a is still joined")
	}
	talk(a, 3)
	talk(b, 10)
	c.party.Play(x.now, &media.Program{Source: &counter{left: 1600}})
	talk(b, 15) // the first ten are replaced
	b.ssrc, b.seq, b.stamp = 77, 9, 9
	talk(b, 5) // b's phone started anew
	b.pt = 13
	talk(b, 3) // comfort noise goes no further
	b.pt = 0
	talk(b, 5)
	b.seq += 30000
	talk(b, 5)
	c.party.Join(nil)
	x.run(time.Second)
	a.party.Join(c.party)
	talk(a, 5)
	got := c.take()
	steady(t, got)
	marks := 0
	for _, p := range got {
		if p.Marker {
			marks++
		}
		// The timestamp follows the clock through it all.
		if off := int64(p.Timestamp-got[0].Timestamp)/8 - (p.at-start)/ms; off < -25 || off > 25 {
			t.Errorf("seq %d: timestamp is %d ms off", p.SequenceNumber, off)
		}
	}
	if marks != 7 {
		t.Errorf("%d marks, want 7: a, b, programme, b, b anew, b's jump, a", marks)
	}
	if len(got) < 54 || len(got) > 56 {
		t.Errorf("%d packets", len(got))
	}
}

// A loss on one side is a loss on the other; disorder stays disorder; what was late
// for the change of speaker is dropped.
func TestLossAndOrderArePassedOn(t *testing.T) {
	x := newExchange(t)
	a, b := x.phone(plane.Config{}), x.phone(plane.Config{})
	a.apply(a.flow(media.PCMU))
	b.apply(b.flow(media.PCMU))
	a.party.Join(b.party)
	base := a.seq
	for _, n := range []uint16{5, 4, 6, 8, 7, 10, 10, 3} {
		a.seq, a.stamp = base+n, 160*uint32(n)
		a.talk(frame(byte(n)))
	}
	got := b.take()
	want := []uint16{5, 6, 8, 7, 10, 10}
	if len(got) != len(want) {
		t.Fatalf("%d packets, want %d", len(got), len(want))
	}
	for i, p := range got {
		if p.SequenceNumber-got[0].SequenceNumber != want[i]-5 || p.Timestamp-got[0].Timestamp != 160*uint32(want[i]-5) || p.Payload[0] != byte(want[i]) {
			t.Errorf("packet %d: %v, want number %d", i, p.Packet, want[i])
		}
	}
	if lost := a.party.in.Lost(); lost != 0 { // 9 is missing, one 10 too many and 3, 4 came
		t.Errorf("lost %d", lost)
	}
}

func TestHeaderExtensionsPaddingAndSources(t *testing.T) {
	x := newExchange(t)
	a, b := x.phone(plane.Config{}), x.phone(plane.Config{})
	a.apply(a.flow(media.PCMU))
	b.apply(b.flow(media.PCMU))
	a.party.Join(b.party)
	p := pion.Packet{Header: pion.Header{Version: 2, Padding: true, SequenceNumber: 7, SSRC: 9, CSRC: []uint32{1, 2, 3}, PaddingSize: 8}, Payload: frame(9)}
	if err := p.SetExtension(1, []byte{1, 2, 3}); err != nil {
		t.Fatal(err)
	}
	raw, err := p.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	a.party.Receive(x.now, a.addr, raw)
	got := b.take()
	if len(got) != 1 || len(got[0].CSRC) != 0 || got[0].Extension || got[0].Padding || !bytes.Equal(got[0].Payload, frame(9)) {
		t.Errorf("got %v", got)
	}
}

// counter is a source of so many samples.
type counter struct{ left, asked int }

func (c *counter) Fill(f []byte) int {
	c.asked++
	n := min(len(f), c.left)
	for i := range f[:n] {
		f[i] = 0x42
	}
	c.left -= n
	return n
}

func TestClosedPartyIsGone(t *testing.T) {
	x := newExchange(t)
	a, b := x.phone(plane.Config{}), x.phone(plane.Config{})
	a.apply(a.flow(media.PCMU))
	b.apply(b.flow(media.PCMU))
	a.party.Join(b.party)
	b.party.Play(x.now, &media.Program{ID: 4, Source: &counter{left: 1 << 20}})
	x.run(100 * time.Millisecond)
	b.party.Close(x.now)
	b.party.Close(x.now)
	if got := b.happened(); got != "done4/false " {
		t.Errorf("events %q", got)
	}
	b.take()
	a.talk(frame(1))
	b.talk(frame(1))
	a.party.Join(b.party)
	b.party.Play(x.now, &media.Program{ID: 5, Source: &counter{}})
	b.party.SendDigit(x.now, '1', 0)
	b.party.Apply(x.now, b.flow(media.PCMU))
	x.run(time.Second)
	if len(a.take()) != 0 || len(b.take()) != 0 || b.happened() != "" || a.party.peer != nil {
		t.Error("a closed party did something")
	}
	a.party.Close(x.now)
	if _, ok := x.Next(); ok {
		t.Error("an empty board has something to do")
	}
}
