package board

import (
	"net/netip"

	"branchline/media/g711"
	"branchline/media/plane"
	"branchline/media/rtp"
)

// Receive takes a packet from the party's RTP port. The packet is overwritten.
func (p *Party) Receive(now int64, from netip.AddrPort, pkt []byte) {
	var h rtp.Header
	if p.closed || len(p.formats) == 0 || !h.Parse(pkt) || !p.accept(from, h.Seq) {
		return
	}
	if t := p.board.tap; t != nil {
		t(plane.Packet{Peer: from, Type: h.PT, Seq: h.Seq, Stamp: h.Stamp, Size: h.To - h.From})
	}
	p.in.Arrived(&h, h.To-h.From, uint32(now/1000*p.rate/1e6))
	p.lastRx, p.silent, p.quiet = now, now, false
	kind := p.pts[h.PT]
	switch {
	case kind == 0, !p.flow.Recv:
		p.miss(&h)
	case kind == ptEvent:
		p.hearEvent(now, &h, pkt)
	default:
		p.hearAudio(now, &h, pkt, &p.formats[kind-1])
	}
}

// miss is called for each packet that goes no further.
func (p *Party) miss(h *rtp.Header) {
	if to := p.route.to; to != nil {
		to.withhold(p, h)
	}
}

func (p *Party) hearAudio(now int64, h *rtp.Header, pkt []byte, f *format) {
	speech := pkt[h.From:h.To]
	for _, r := range p.recorders {
		r.Take(now, false, f.codec, speech)
	}
	mute := p.ear && f.law != nil && p.listen(now, f.law, speech)
	to := p.route.to
	if to == nil || !f.ok || p.route.covered || len(speech) == 0 || !to.sendable() || to.dial.on {
		p.miss(h)
		return
	}
	var span uint32
	if f.law != nil {
		span = uint32(len(speech))
		if mute {
			for i := range speech {
				speech[i] = f.law.Silence
			}
		}
		if f.table != nil {
			f.table.Apply(speech)
		}
		if p.route.mix != nil {
			p.route.mix.underlay(speech, f.outLaw)
		}
	}
	to.relay(now, p, h, pkt, f.outPT, f.outRate, span)
}

// listen looks for digits in speech, and reports whether they must not be heard by
// the other side as tones: because somebody keeps them, or because they go there
// as events.
func (p *Party) listen(now int64, law *g711.Law, speech []byte) (mute bool) {
	linear := p.board.linear[:frameTime/ms*Rate/1000]
	for len(speech) > 0 {
		n := law.Decode(linear, speech)
		c := p.detector.Hear(linear[:n])
		mute = mute || p.detector.Suspect()
		if c.Ended != 0 {
			p.digitEnded(now, c.Ended, int64(c.Samples)*int64(1e9)/Rate)
		}
		if c.Began != 0 {
			p.digitBegan(now, c.Began, false)
		}
		speech = speech[n:]
	}
	return mute && (p.withholds() || p.route.to.takesEvents())
}
