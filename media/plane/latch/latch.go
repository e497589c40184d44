// Package latch learns whom a stream comes from. At first that is the address that was
// agreed; so many packets in a row from another one, because a router stands between
// or a phone has moved, make that the source instead. Then, if it is strict, nobody
// else is heard but the agreed address, which may win its place back in the same way.
//
// Nothing here allocates or waits.
package latch

import "net/netip"

// A Latch learns the source of one stream. Strict and Probation are set before its
// first use.
type Latch struct {
	believed netip.AddrPort
	latched  bool // by packets, not by agreement

	Strict    bool // others than the source are not heard
	Probation int  // packets in a row that make somebody the source

	rtp, rtcp netip.AddrPort // as agreed
	symmetric bool           // what is sent goes where the stream comes from

	suitor netip.AddrPort // who is on probation
	seq    uint16         // of its last packet
	run    int            // packets in a row

	reports netip.AddrPort // where reports come from, when symmetric
}

// Agree takes a new agreement; anew begins the learning again, as a new address does.
// An invalid address is nowhere: rtcp's is then next to rtp's, and for an invalid rtp
// the source is whoever sends in a row.
func (l *Latch) Agree(rtp, rtcp netip.AddrPort, symmetric, anew bool) {
	if anew || rtp != l.rtp {
		*l = Latch{Strict: l.Strict, Probation: l.Probation, believed: rtp}
	}
	l.rtp, l.rtcp, l.symmetric = rtp, rtcp, symmetric
}

// Source is whom the stream is believed to come from.
func (l *Latch) Source() netip.AddrPort { return l.believed }

// A Verdict is what becomes of a packet.
type Verdict uint8

// The verdicts.
const (
	Refused Verdict = iota
	Heard
	Learned // heard, and from now on its sender is the source: Aim may be another
)

// Hear takes the packet with number seq.
func (l *Latch) Hear(from netip.AddrPort, seq uint16) Verdict {
	if l.latched && from == l.believed { // nearly always, and so small that it costs no call
		return Heard
	}
	return l.judge(from, seq)
}

// judge is Hear for the others. Within Hear it would make that too large to be inlined.
//
//go:noinline
func (l *Latch) judge(from netip.AddrPort, seq uint16) Verdict {
	switch {
	case !l.Strict, (!l.latched || from == l.rtp) && l.probation(from, seq):
		l.believed, l.latched = from, true
		l.suitor, l.run = netip.AddrPort{}, 0
		return Learned
	case from == l.believed:
		return Heard
	}
	return Refused
}

func (l *Latch) probation(from netip.AddrPort, seq uint16) bool {
	if from == l.suitor && seq == l.seq+1 {
		l.run++
	} else {
		l.suitor, l.run = from, 1
	}
	l.seq = seq
	return l.run >= l.Probation
}

// HearReport takes RTCP, and reports whether it is read: it must be from the host that
// the stream is believed to come from, or the agreed one; and whether Aim may be
// another than before.
func (l *Latch) HearReport(from netip.AddrPort) (heard, moved bool) {
	host := from.Addr()
	if l.Strict && host != l.believed.Addr() && host != l.rtp.Addr() && host != l.rtcp.Addr() {
		return false, false
	}
	if l.symmetric && l.reports != from {
		l.reports, moved = from, true
	}
	return true, moved
}

// Aim is where RTP and RTCP are to be sent, invalid for nowhere.
func (l *Latch) Aim() (rtp, rtcp netip.AddrPort) {
	rtp, rtcp = l.rtp, l.rtcp
	if l.symmetric && l.latched && rtp != l.believed {
		rtp, rtcp = l.believed, netip.AddrPort{}
	}
	if !rtcp.IsValid() && rtp.IsValid() && rtp.Port() < 65535 {
		rtcp = netip.AddrPortFrom(rtp.Addr(), rtp.Port()+1)
	}
	if r := l.reports; r.IsValid() && r.Addr() == rtp.Addr() {
		rtcp = r
	}
	return rtp, rtcp
}
