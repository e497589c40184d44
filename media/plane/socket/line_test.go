package socket

import (
	"bytes"
	"testing"
	"testing/synctest"
	"time"

	pion "github.com/pion/rtp"
	"golang.org/x/sys/unix"

	"branchline/media"
	"branchline/media/plane"
	"branchline/media/rtp"
)

// A lineParty is somebody on a line: what it says it delivers, what it hears it collects.
type lineParty struct {
	t *testing.T
	plane.Line
	seq uint16
}

func newLine(t *testing.T, p *Plane, c *media.Codec) *lineParty {
	t.Helper()
	l, err := p.Line(nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	l.Apply(media.Flow{Formats: []media.Format{{PT: uint8(c.Static), Codec: c}}, EventPT: 101, Send: true, Recv: true, Digits: media.RFC4733})
	return &lineParty{t: t, Line: l}
}

func (l *lineParty) talk(fill byte) {
	l.t.Helper()
	l.seq++
	h := rtp.Header{PT: uint8(l.Codec().Static), Seq: l.seq, Stamp: 160 * uint32(l.seq), SSRC: 7}
	packet := make([]byte, rtp.HeaderLen, rtp.HeaderLen+160)
	h.Put(packet)
	if !l.Deliver(append(packet, bytes.Repeat([]byte{fill}, 160)...)) {
		l.t.Error("the plane did not take a packet")
	}
}

// hear is the next packet for the line.
func (l *lineParty) hear() (p pion.Packet) {
	l.t.Helper()
	buf := make([]byte, 2048)
	for end := time.Now().Add(patience); time.Now().Before(end); {
		if n := l.Collect(buf); n > 0 {
			if err := p.Unmarshal(buf[:n]); err != nil {
				l.t.Fatal(err)
			}
			return p
		}
		time.Sleep(time.Millisecond) // the line's clock
	}
	l.t.Fatal("nothing for the line")
	return p
}

// A line and a phone hear each other, through the transcoder where they differ.
func TestLineTalksToPhone(t *testing.T) {
	p := newPlane(t, plane.Config{})
	l, f := newLine(t, p, media.PCMU), dial(t, p, loopback)
	f.Apply(f.flow(media.PCMA))
	l.Join(f.Port)
	settle(p)
	for i := range 3 {
		l.talk(0xFF)
		if got := f.hear(); got.PayloadType != 8 || len(got.Payload) != 160 || got.Payload[0] != 0xD5 {
			t.Fatalf("packet %d at the phone: %v % x", i, got.Header, got.Payload[:4])
		}
		f.talk(0xD5)
		if got := l.hear(); got.PayloadType != 0 || len(got.Payload) != 160 || got.Payload[0]|0x81 != 0xFF {
			t.Fatalf("packet %d at the line: %v % x", i, got.Header, got.Payload[:4])
		}
	}
}

// A line's counts are published while it talks, as a stream's are.
func TestLineCounts(t *testing.T) {
	l := newLine(t, newPlane(t, plane.Config{}), media.PCMU)
	for range 3 {
		l.talk(0x40)
	}
	for end := time.Now().Add(patience); l.Stats().RxPackets != 3; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("after three packets: %+v", l.Stats())
		}
	}
}

// The first packet for a sleeping thread wakes it; those after it cost no system call.
func TestDeliverWakes(t *testing.T) {
	p := newPlane(t, plane.Config{})
	l := newLine(t, p, media.PCMU)
	settle(p)
	at, goOn := make(chan struct{}), make(chan struct{})
	p.do(func(int64) { close(at); <-goOn })
	defer close(goOn)
	<-at
	var calls [8]byte
	for i := range 3 {
		_, _ = unix.Read(p.wakeup, calls[:]) // only the thread reads it otherwise, and it waits
		l.talk(0x40)
		if n, _ := unix.Read(p.wakeup, calls[:]); (n == 8) != (i == 0) {
			t.Errorf("packet %d: the thread was called: %t", i, n == 8)
		}
	}
}

// Two lines hear each other, and a closed one hears nobody.
func TestLineTalksToLine(t *testing.T) {
	p := newPlane(t, plane.Config{})
	a, b := newLine(t, p, media.PCMU), newLine(t, p, media.PCMU)
	a.Join(b.Line)
	settle(p)
	a.talk(0x30)
	if got := b.hear(); got.Payload[0] != 0x30 {
		t.Errorf("heard % x", got.Payload[:4])
	}
	a.Close()
	settle(p)
	b.talk(0x31)
	settle(p)
	if a.Deliver([]byte{0x80}) {
		t.Error("a closed line delivers")
	}
	if n := a.Collect(make([]byte, 2048)); n != 0 {
		t.Errorf("a closed line hears %d bytes", n)
	}
}

// What nobody collects is bounded, and so is what is not taken in.
func TestRingIsBounded(t *testing.T) {
	var r ring
	for i := range ringSlots {
		if !r.put([]byte{byte(i)}) {
			t.Fatalf("slot %d refused", i)
		}
	}
	if r.put([]byte{99}) {
		t.Error("a full ring takes more")
	}
	var b [1]byte
	for i := range ringSlots {
		if n := r.take(b[:]); n != 1 || b[0] != byte(i) {
			t.Fatalf("slot %d: %d bytes, %d", i, n, b[0])
		}
	}
	if r.take(b[:]) != 0 {
		t.Error("an empty ring gives")
	}
	if r.put(nil) || r.put(make([]byte, ringBytes+1)) {
		t.Error("takes what is no packet")
	}
}

// The rings hold in a race: every packet arrives once, in order.
func TestRingKeepsOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r ring
		const many = 20000
		go func() {
			for i := 0; i < many; {
				if r.put([]byte{byte(i), byte(i >> 8)}) {
					i++
				} else {
					time.Sleep(time.Nanosecond)
				}
			}
		}()
		var b [2]byte
		for i := 0; i < many; {
			if r.take(b[:]) == 0 {
				time.Sleep(time.Nanosecond)
			} else if got := int(b[0]) | int(b[1])<<8; got != i {
				t.Fatalf("packet %d is %d", i, got)
			} else {
				i++
			}
		}
	})
}

// A packet from a line to a phone allocates nothing.
func TestLineAllocatesNothing(t *testing.T) {
	p, err := prepare(plane.Config{})
	if err != nil {
		t.Fatal(err)
	}
	a, b := newLine(t, p, media.PCMU), newLine(t, p, media.PCMA)
	a.Join(b.Line)
	p.thread.drain(p.thread.now())
	h := rtp.Header{SSRC: 7}
	packet, heard := make([]byte, rtp.HeaderLen+160), make([]byte, 2048)
	lost := 0
	if n := testing.AllocsPerRun(500, func() {
		h.Seq++
		h.Stamp += 160
		h.Put(packet)
		a.Deliver(packet)
		p.thread.turn()
		if b.Collect(heard) == 0 {
			lost++
		}
	}); n != 0 {
		t.Errorf("%v allocations per packet", n)
	}
	if lost > 0 {
		t.Errorf("%d packets were lost", lost)
	}
	go p.thread.run()
	if err := p.Close(); err != nil {
		t.Error(err)
	}
}
