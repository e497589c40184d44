package board

import (
	"testing"
	"time"

	"branchline/media"
	"branchline/media/dtmf"
	"branchline/media/plane"
	"branchline/media/rtp"
)

// A talker sends the same packet again and again without making a new one.
func talker(f *phone, pt uint8, payload []byte) func() {
	raw := make([]byte, rtp.HeaderLen+len(payload))
	h := rtp.Header{PT: pt, SSRC: f.ssrc}
	return func() {
		h.Seq++
		h.Stamp += uint32(len(payload))
		h.Put(raw)
		copy(raw[rtp.HeaderLen:], payload)
		f.party.Receive(f.x.now, f.addr, raw)
		f.x.now += 20 * ms
		f.x.Advance(f.x.now)
	}
}

// sink is a wire that throws everything away.
type sink struct{ phone }

func (*sink) RTP([]byte)  {}
func (*sink) RTCP([]byte) {}

func quiet(x *exchange) *phone {
	s := new(sink)
	s.phone = phone{x: x, addr: x.phone(plane.Config{}).addr, ssrc: 9}
	s.party = x.Party(s, RulesOf(plane.Config{Strict: true}), nil)
	s.party.Enter(x.now)
	return &s.phone
}

// The heart of the promise: nothing on the packet path allocates, ticks, reports
// and reading the statistics included.
func TestNothingAllocates(t *testing.T) {
	digits := media.Digits{Report: true}
	for _, c := range []struct {
		name     string
		from, to *media.Codec
		prepare  func(x *exchange, a, b *phone)
		pt       uint8
		payload  []byte
	}{
		{"relay", media.PCMU, media.PCMU, nil, 0, frame(1)},
		{"transcode", media.PCMU, media.PCMA, nil, 0, frame(1)},
		{"untouched", media.G722, media.G722, nil, 9, frame(1)},
		{"unknown payload type", media.PCMU, media.PCMA, nil, 77, frame(1)},
		{"programme", media.PCMU, media.PCMA, func(x *exchange, _, b *phone) {
			b.party.Play(x.now, &media.Program{Source: &counter{left: 1 << 30}})
		}, 0, frame(1)},
		{"programme mixed in", media.PCMU, media.PCMA, func(x *exchange, _, b *phone) {
			b.party.Play(x.now, &media.Program{Under: true, Source: &counter{left: 1 << 30}})
		}, 0, frame(1)},
		{"listening for tones", media.PCMU, media.PCMA, func(x *exchange, a, b *phone) {
			a.apply(withDigits(a.flow(media.PCMU), media.Inband))
			a.party.Watch(digits)
		}, 0, frame(1)},
		{"events to tones", media.PCMU, media.PCMA, func(x *exchange, a, b *phone) {
			a.apply(withDigits(a.flow(media.PCMU), media.RFC4733))
			b.apply(withDigits(b.flow(media.PCMA), media.Inband))
			a.party.Watch(digits)
		}, eventPT, []byte{3, 10, 1, 0}},
		{"events relayed", media.PCMU, media.PCMA, func(x *exchange, a, b *phone) {
			a.apply(withDigits(a.flow(media.PCMU), media.RFC4733))
			b.apply(withDigits(b.flow(media.PCMA), media.RFC4733))
		}, eventPT, []byte{3, 10, 1, 0}},
	} {
		x := newExchange(t)
		a, b := quiet(x), quiet(x)
		a.apply(a.flow(c.from))
		b.apply(b.flow(c.to))
		a.party.Join(b.party)
		if c.prepare != nil {
			c.prepare(x, a, b)
		}
		talk := talker(a, c.pt, c.payload)
		for range 10 {
			talk()
		}
		if n := testing.AllocsPerRun(1000, talk); n != 0 {
			t.Errorf("%s: %v allocations per packet", c.name, n)
		}
		if n := testing.AllocsPerRun(100, func() { b.party.Stats() }); n != 0 {
			t.Errorf("%s: %v allocations per look at the statistics", c.name, n)
		}
	}
}

// FuzzReceive throws packets at a joined party, on both ports, from anywhere.
func FuzzReceive(f *testing.F) {
	f.Add([]byte{0x80, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 9, 9}, uint8(0))
	f.Add([]byte{0xbf, 101, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1}, uint8(1))
	f.Add([]byte{0x90, 101, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 1, 0xff, 0xff}, uint8(2))
	f.Add(receiverReport, uint8(3))
	e := make([]byte, rtp.HeaderLen+dtmf.EventLen)
	(&rtp.Header{PT: eventPT, Seq: 2}).Put(e)
	f.Add(e, uint8(5))
	f.Fuzz(func(t *testing.T, b []byte, how uint8) {
		x := newExchange(t)
		one, other := quiet(x), quiet(x)
		one.apply(withDigits(one.flow(media.PCMU, media.G722), media.DigitMode(how&3)))
		w := withDigits(other.flow(media.PCMA, media.PCMU), media.DigitMode(how>>2&3))
		w.Symmetric = true
		other.apply(w)
		one.party.Join(other.party)
		one.party.Watch(media.Digits{Report: how&16 != 0, Keep: how&32 != 0})
		if how&64 != 0 {
			other.party.Play(x.now, &media.Program{Under: how&128 != 0, Source: &counter{left: 500}})
		}
		for i := 0; i < len(b); i += 40 { // several packets out of one input
			p := b[i:]
			one.party.Receive(x.now, one.addr, append([]byte(nil), p...))
			other.party.Receive(x.now, one.addr, append([]byte(nil), p...))
			one.party.ReceiveReport(x.now, one.addr, p)
			x.run(7 * time.Millisecond)
		}
		x.run(300 * time.Millisecond)
		one.party.Close(x.now)
		other.party.Close(x.now)
	})
}
