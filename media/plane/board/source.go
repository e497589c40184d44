package board

import (
	"net/netip"

	"branchline/media"
	"branchline/media/plane/latch"
)

// accept decides whether a packet is heard at all.
func (p *Party) accept(from netip.AddrPort, seq uint16) bool {
	v := p.latch.Hear(from, seq)
	if v == latch.Heard {
		return true
	}
	if v == latch.Refused {
		p.dropped++
		return false
	}
	p.aim()
	p.tell(media.Event{Kind: media.Latched})
	return true
}

// acceptReport decides whether RTCP from this address is read.
func (p *Party) acceptReport(from netip.AddrPort) bool {
	heard, moved := p.latch.HearReport(from)
	if moved {
		p.aim()
	}
	return heard
}

// A target is where a party's packets go.
type target struct{ rtp, rtcp netip.AddrPort }

// aim tells the wire where to send.
func (p *Party) aim() {
	to, reports := p.latch.Aim()
	p.aimed, p.target = to.IsValid(), target{to, reports}
	p.wire.Aim(to, reports)
}
