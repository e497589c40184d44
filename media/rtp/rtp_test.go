package rtp

import (
	"bytes"
	"testing"

	pion "github.com/pion/rtp"
)

func TestParse(t *testing.T) {
	ok := []byte{0x80, 0x88, 0x12, 0x34, 1, 2, 3, 4, 5, 6, 7, 8, 'a', 'b'}
	edit := func(f func(b []byte) []byte) []byte { return f(bytes.Clone(ok)) }
	for _, c := range []struct {
		name     string
		b        []byte
		ok       bool
		from, to int
	}{
		{"plain", ok, true, 12, 14},
		{"no payload", ok[:12], true, 12, 12},
		{"short", ok[:11], false, 0, 0},
		{"empty", nil, false, 0, 0},
		{"version 1", edit(func(b []byte) []byte { b[0] = 0x40; return b }), false, 0, 0},
		{"STUN", edit(func(b []byte) []byte { b[0] = 0; return b }), false, 0, 0},
		{"RTCP", edit(func(b []byte) []byte { b[1] = 200; return b }), false, 0, 0},
		{"15 sources in a short packet", edit(func(b []byte) []byte { b[0] = 0x8f; return b }), false, 0, 0},
		{"padding", edit(func(b []byte) []byte { b[0] = 0xa0; return append(b, 0, 2) }), true, 12, 14},
		{"padding of nothing", edit(func(b []byte) []byte { b[0] = 0xa0; return append(b, 0) }), false, 0, 0},
		{"padding longer than the packet", edit(func(b []byte) []byte { b[0] = 0xa0; return append(b, 200) }), false, 0, 0},
		{"padding without payload", edit(func(b []byte) []byte { b[0] = 0xa0; return b[:12] }), false, 0, 0},
		{"extension", edit(func(b []byte) []byte { b[0] = 0x90; return append(b[:12], 0xbe, 0xde, 0, 1, 9, 9, 9, 9, 'a') }), true, 20, 21},
		{"extension longer than the packet", edit(func(b []byte) []byte { b[0] = 0x90; return append(b[:12], 0xbe, 0xde, 0xff, 0xff) }), false, 0, 0},
		{"cut extension", edit(func(b []byte) []byte { b[0] = 0x90; return b }), false, 0, 0},
	} {
		var h Header
		if got := h.Parse(c.b); got != c.ok || h.From != c.from || h.To != c.to {
			t.Errorf("%s: %v, payload %d-%d", c.name, got, h.From, h.To)
		}
	}
	var h Header
	h.Parse(ok)
	if want := (Header{Marker: true, PT: 8, Seq: 0x1234, Stamp: 0x01020304, SSRC: 0x05060708, From: 12, To: 14}); h != want {
		t.Errorf("%+v", h)
	}
	b := make([]byte, 14)
	copy(b[12:], "ab")
	if h.Put(b); !bytes.Equal(b, ok) {
		t.Errorf("put %x", b)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte{0xb1, 0x88, 0x12, 0x34, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 0, 0xbe, 0xde, 0, 1, 9, 9, 9, 9, 'a', 0, 2})
	f.Fuzz(func(t *testing.T, b []byte) {
		var h Header
		if !h.Parse(b) {
			return
		}
		if h.From < HeaderLen || h.From > h.To || h.To > len(b) {
			t.Fatalf("payload %d-%d of %d", h.From, h.To, len(b))
		}
		// Where both take a packet, both see the same in it.
		var p pion.Packet
		if p.Unmarshal(bytes.Clone(b)) == nil && !bytes.Equal(p.Payload, b[h.From:h.To]) && !p.Padding {
			t.Fatalf("payload %x, pion says %x", b[h.From:h.To], p.Payload)
		}
	})
}

func TestReception(t *testing.T) {
	var r Reception
	take := func(seq uint16, at uint32) bool {
		h := Header{Seq: seq, Stamp: uint32(seq) * 160, SSRC: 1}
		return r.Arrived(&h, 160, at)
	}
	if r.Started() || r.Lost() != 0 {
		t.Error("not empty")
	}
	for i := range uint32(20) { // across the turn of the sequence numbers
		take(uint16(65530+i), 1000+160*i)
	}
	if r.Packets != 20 || r.Bytes != 3200 || r.Lost() != 0 || r.Highest() != 65549 {
		t.Errorf("%+v", r)
	}
	take(20, 0)
	if r.Lost() != 6 {
		t.Errorf("lost %d", r.Lost())
	}
	if take(18, 0) || take(20, 0) {
		t.Error("late or repeated packets are not the newest")
	}
	var b Block
	r.Block(&b)
	if b.SSRC != 1 || b.Lost != 4 || b.Highest != 65536+20 || b.Fraction != 4<<8/27 {
		t.Errorf("%+v", b)
	}
	r.Block(&b)
	if b.Fraction != 0 || b.Lost != 4 {
		t.Errorf("nothing new: %+v", b)
	}
	take(30000, 0) // one stray packet is no restart, two in a row are
	if r.Highest() != 65536+20 {
		t.Error("a stray packet counted")
	}
	take(30001, 0)
	if r.Highest() != 30001 || r.Lost() != 4 {
		t.Errorf("highest %d, lost %d", r.Highest(), r.Lost())
	}
	h := Header{Seq: 5, SSRC: 2}
	r.Arrived(&h, 0, 0)
	if r.SSRC != 2 || r.Lost() != 4 || r.Jitter() != 0 {
		t.Errorf("another source: %+v", r)
	}
}

// RFC 3550 A.8: jitter of a stream that is alternately early and late converges to
// the difference.
func TestJitter(t *testing.T) {
	var r Reception
	for i := range uint32(500) {
		h := Header{Seq: uint16(i), Stamp: 160 * i}
		r.Arrived(&h, 160, 160*i+i%2*80)
	}
	if j := r.Jitter(); j < 75 || j > 85 {
		t.Errorf("jitter %d, want 80", j)
	}
}

func TestReport(t *testing.T) {
	for _, r := range []Report{
		{SSRC: 1},
		{SSRC: 1, Bye: true},
		{SSRC: 1, Sent: true, Sender: Sender{NTP: 1 << 40, Stamp: 5, Packets: 6, Octets: 7}},
		{SSRC: 1, Sent: true, Reported: true, Bye: true, Sender: Sender{NTP: 9}, Block: Block{SSRC: 77, Fraction: 3, Lost: -5, Highest: 8, Jitter: 9, LSR: 10, DLSR: 11}},
	} {
		for _, name := range []string{"", "a", "ab", "abc", "abcd", "0123456789012345678901234567890123456789"} {
			b := AppendReport(nil, &r, name)
			if len(b)%4 != 0 || len(b) > MaxReport {
				t.Errorf("%d bytes", len(b))
			}
			var got Report
			if !ParseReport(b, 77, &got) || got != r {
				t.Errorf("name %q: %+v, want %+v", name, got, r)
			}
			if ParseReport(b, 78, &got); got.Reported {
				t.Error("a block about somebody else")
			}
		}
	}
	for _, b := range [][]byte{
		nil, {0x80, 200, 0, 0}, {0x80, 201, 0, 2, 0, 0, 0, 1}, {0x80, 202, 0, 1, 0, 0, 0, 1}, {0x40, 201, 0, 1, 0, 0, 0, 1},
		{0x80, 201, 0, 1, 0, 0, 0, 1, 0x80}, {0xa0, 201, 0, 1, 0, 0, 0, 1}, {0x80, 200, 0xff, 0xff, 0, 0, 0, 1},
	} {
		var r Report
		if ParseReport(b, 1, &r) {
			t.Errorf("took %x", b)
		}
	}
	var r Report
	if !ParseReport([]byte{0x9f, 201, 0, 1, 0, 0, 0, 1}, 1, &r) || r.Reported { // says 31 blocks, has none
		t.Errorf("%+v", r)
	}
}

func FuzzParseReport(f *testing.F) {
	f.Add(AppendReport(nil, &Report{SSRC: 1, Sent: true, Reported: true, Bye: true}, "name"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var r Report
		ParseReport(b, 0, &r)
	})
}
