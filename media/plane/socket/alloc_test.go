package socket

import (
	"net/netip"
	"testing"

	"branchline/media"
	"branchline/media/plane"
	"branchline/media/rtp"
)

// Nothing is allocated from the socket a packet comes in at to the one it leaves
// by, the thread's turn around it included.
func TestNothingAllocates(t *testing.T) {
	p, err := prepare(plane.Config{Strict: true})
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{rtp: end{fd: -1}, rtcp: end{fd: -1}}
	if err := w.rtp.open(netip.AddrPortFrom(loopback, 0), 0); err != nil {
		t.Fatal(err)
	}
	defer w.closeSockets()
	var ends []plane.Port
	for _, c := range []*media.Codec{media.PCMU, media.PCMA} {
		s, err := p.Open(plane.Options{Local: loopback})
		if err != nil {
			t.Fatal(err)
		}
		s.Apply(media.Flow{Remote: netip.AddrPortFrom(loopback, 9), Formats: []media.Format{{PT: uint8(c.Static), Codec: c}}, Send: true, Recv: true})
		ends = append(ends, s)
	}
	ends[0].Watch(media.Digits{Report: true})
	ends[0].Apply(media.Flow{Formats: []media.Format{{Codec: media.PCMU}}, Send: true, Recv: true, Digits: media.Inband})
	ends[0].Join(ends[1])
	p.thread.drain(p.thread.now())
	w.rtp.to.set(ends[0].Local())
	packet := make([]byte, rtp.HeaderLen+160)
	var h rtp.Header
	talk := func() {
		h.Seq++
		h.Stamp += 160
		h.Put(packet)
		w.rtp.send(packet)
		for was := p.thread.handled; p.thread.handled == was; { // until it was taken
			p.thread.turn()
		}
	}
	for range 10 {
		talk()
	}
	if n := testing.AllocsPerRun(500, talk); n != 0 {
		t.Errorf("%v allocations per packet", n)
	}
	go p.thread.run()
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	if n := ends[1].Stats().TxPackets; n < 500 {
		t.Errorf("only %d packets were relayed", n)
	}
}
