package board

import (
	"net/netip"

	"branchline/media"
	"branchline/media/rtp"
)

// A source is whom a party's packets are believed to come from. At first that is
// the negotiated address; Probation packets in a row from another one make that
// the source instead, and then, if the rules are strict, nobody else is heard but
// the negotiated address, which may win its place back in the same way.
type source struct {
	believed netip.AddrPort
	latched  bool

	suitor netip.AddrPort // who is on probation
	seq    uint16         // of its last packet
	run    int            // packets in a row

	rtcp netip.AddrPort // where reports come from, when symmetric
}

// accept decides whether the packet with header h is heard at all.
func (p *Party) accept(from netip.AddrPort, h *rtp.Header) bool {
	s := &p.source
	switch {
	case s.latched && from == s.believed:
		return true
	case !p.rules.Strict:
		p.latch(from)
		return true
	case from == s.believed:
		if s.probation(from, h.Seq, p.rules.Probation) {
			p.latch(from)
		}
		return true
	case (!s.latched || from == p.flow.Remote) && s.probation(from, h.Seq, p.rules.Probation):
		p.latch(from)
		return true
	}
	p.dropped++
	return false
}

func (s *source) probation(from netip.AddrPort, seq uint16, enough int) bool {
	if from == s.suitor && seq == s.seq+1 {
		s.run++
	} else {
		s.suitor, s.run = from, 1
	}
	s.seq = seq
	return s.run >= enough
}

func (p *Party) latch(from netip.AddrPort) {
	p.source.believed, p.source.latched = from, true
	p.source.suitor, p.source.run = netip.AddrPort{}, 0
	p.aim()
	p.tell(media.Event{Kind: media.Latched})
}

// A target is where a party's packets go.
type target struct{ rtp, rtcp netip.AddrPort }

// aim tells the wire where to send.
func (p *Party) aim() {
	to, reports := p.flow.Remote, p.flow.RemoteRTCP
	if p.flow.Symmetric && p.source.latched && to != p.source.believed {
		to, reports = p.source.believed, netip.AddrPort{}
	}
	if !reports.IsValid() && to.IsValid() && to.Port() < 65535 {
		reports = netip.AddrPortFrom(to.Addr(), to.Port()+1)
	}
	if r := p.source.rtcp; r.IsValid() && r.Addr() == to.Addr() {
		reports = r
	}
	p.aimed, p.target = to.IsValid(), target{to, reports}
	p.wire.Aim(to, reports)
}

// acceptReport decides whether RTCP from this address is read: it must be the
// host that speech is believed to come from, or the negotiated one.
func (p *Party) acceptReport(from netip.AddrPort) bool {
	host := from.Addr()
	ok := !p.rules.Strict || host == p.source.believed.Addr() || host == p.flow.Remote.Addr() || host == p.flow.RemoteRTCP.Addr()
	if ok && p.flow.Symmetric && p.source.rtcp != from {
		p.source.rtcp = from
		p.aim()
	}
	return ok
}
