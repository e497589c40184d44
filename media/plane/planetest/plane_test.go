package planetest_test

import (
	"bytes"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"branchline/media"
	"branchline/media/plane"
	"branchline/media/plane/planetest"
	"branchline/media/rtp"
)

func packet(seq uint16, fill byte) []byte {
	b := make([]byte, rtp.HeaderLen+160)
	b[0], b[3] = 0x80, byte(seq)
	b[2] = byte(seq >> 8)
	b[7] = byte(seq) * 160
	copy(b[rtp.HeaderLen:], bytes.Repeat([]byte{fill}, 160))
	return b
}

// A phone and a line talk to each other, and a prompt is heard by the line, in
// virtual time.
func TestPlane(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := planetest.New()
		defer p.Close()
		var heard []byte
		phone := p.Phone(func(b []byte) { heard = append(heard, b[rtp.HeaderLen]) })
		port, err := p.Open(plane.Options{})
		if err != nil {
			t.Fatal(err)
		}
		var events []media.EventKind
		line, err := p.Line(func(e media.Event) { events = append(events, e.Kind) })
		if err != nil {
			t.Fatal(err)
		}
		flow := media.Flow{Remote: phone, Formats: []media.Format{{PT: 0, Codec: media.PCMU}}, Send: true, Recv: true}
		port.Apply(flow)
		line.Apply(flow)
		port.Join(line)
		for n := range uint16(3) {
			time.Sleep(20 * time.Millisecond)
			p.Send(phone, port.Local(), packet(n, 'p'))
			line.Deliver(packet(n, 'l'))
		}
		time.Sleep(time.Millisecond)
		synctest.Wait()
		if string(heard) != "lll" {
			t.Errorf("the phone heard %q", heard)
		}
		buf := make([]byte, 2048)
		for n := range 3 {
			if got := line.Collect(buf); got != rtp.HeaderLen+160 || buf[rtp.HeaderLen] != 'p' {
				t.Errorf("packet %d for the line: %d octets", n, got)
			}
		}
		if line.Collect(buf) != 0 {
			t.Error("a packet from nowhere")
		}
		line.Play(&media.Program{ID: 7, Source: &prompt{left: 800}})
		time.Sleep(time.Second)
		synctest.Wait()
		got := 0
		for line.Collect(buf) > 0 {
			got++
		}
		if got != 5 || !slices.Equal(events, []media.EventKind{media.Latched, media.PlayDone}) {
			t.Errorf("%d packets of a prompt, events %v", got, events)
		}
		port.Close()
		line.Close()
		if line.Deliver(packet(9, 0)) {
			t.Error("a closed line took a packet")
		}
	})
}

type prompt struct{ left int }

func (p *prompt) Fill(frame []byte) int {
	n := min(p.left, len(frame))
	p.left -= n
	return n
}
