package board

import (
	"branchline/media/plane"
	"branchline/media/rtp"
)

// Kinds of origin.
const (
	nothing uint8 = iota
	relayed       // another party's packets
	played        // a programme
	dialled       // a digit
)

// An origin is where the packets sent to a party come from just now.
type origin struct {
	kind  uint8
	party *Party
	ssrc  uint32
}

// A sender keeps what goes to a party one continuous stream, whatever it is made
// of: one SSRC for the party's life, sequence numbers without a hole or
// repetition at a change of origin, and timestamps that go on with the time.
type sender struct {
	ssrc  uint32
	seq   uint16 // newest sent
	stamp uint32
	span  uint32 // how much of the clock that packet covered, 0: not known
	at    int64  // when the first packet with this stamp went
	rate  int64
	sent  bool

	from       origin
	seqShift   uint16 // from the origin's numbers to ours
	stampShift uint32
	highest    uint16 // newest sequence number from the origin
	run        int    // how far that is past the first

	packets, bytes uint64
}

// forget makes the next packet a new beginning: marked, and timed by the clock.
func (s *sender) forget() { s.from = origin{} }

// clock is what the stream's timestamp is now.
func (s *sender) clock(now int64) uint32 {
	if !s.sent {
		return s.stamp
	}
	return s.stamp + max(uint32((now-s.at)/1000*s.rate/1e6), s.span)
}

// begin starts a run of packets from another origin.
func (s *sender) begin(now int64, o origin, rate int64) {
	s.stamp = s.clock(now)
	s.from, s.rate, s.at, s.sent, s.span = o, rate, now, true, 0
}

func (p *Party) sendable() bool { return p.aimed && p.flow.Send && !p.closed }

// relay sends a packet of from on to p, in place. pkt is the whole packet that h
// was read from, its payload already as p wants it.
func (p *Party) relay(now int64, from *Party, h *rtp.Header, pkt []byte, pt uint8, rate int64, span uint32) {
	s := &p.out
	d := rtp.Ahead(h.Seq, s.highest)
	if s.from.kind != relayed || s.from.party != from || s.from.ssrc != h.SSRC || d > farAhead || d < -farBehind {
		s.begin(now, origin{relayed, from, h.SSRC}, rate)
		s.seqShift, s.stampShift = s.seq+1-h.Seq, s.stamp-h.Stamp
		s.run, d = 0, 1
		s.highest = h.Seq - 1
		h.Marker = true
	}
	if d > 0 {
		s.step(h.Seq, d)
		s.seq, s.span = h.Seq+s.seqShift, span
		if stamp := h.Stamp + s.stampShift; stamp != s.stamp {
			s.stamp, s.at = stamp, now
		}
	} else if -d >= s.run {
		return // late, from before this origin was heard
	}
	h.Seq += s.seqShift
	h.Stamp += s.stampShift
	h.PT, h.SSRC = pt, s.ssrc
	h.Put(pkt[h.From-rtp.HeaderLen:])
	p.send(now, pkt[h.From-rtp.HeaderLen:h.To])
}

// A step in sequence numbers beyond these means that the origin has begun anew
// (RFC 3550 A.1).
const (
	farAhead  = 3000
	farBehind = 100
)

func (s *sender) step(seq uint16, d int) {
	s.highest = seq
	s.run = min(s.run+d, 2*farBehind)
}

// withhold takes a packet of from's that is not sent on out of p's sequence, so
// that it does not look lost.
func (p *Party) withhold(from *Party, h *rtp.Header) {
	s := &p.out
	if s.from.kind != relayed || s.from.party != from || s.from.ssrc != h.SSRC {
		return
	}
	if d := rtp.Ahead(h.Seq, s.highest); d > 0 && d <= farAhead {
		s.step(h.Seq, d)
		s.seqShift--
	}
}

// speak sends n samples that the exchange made, which stand behind the header's
// place in b, in the law of p.
func (p *Party) speak(now int64, kind uint8, b []byte, n int) {
	s := &p.out
	if !p.sendable() {
		s.forget()
		return
	}
	h := rtp.Header{PT: p.sendPT, SSRC: s.ssrc}
	if o := (origin{kind: kind}); s.from != o {
		s.begin(now, o, Rate)
		h.Marker = true
	} else {
		s.stamp += s.span
		s.at = now
	}
	s.seq++
	s.span = uint32(n)
	h.Seq, h.Stamp = s.seq, s.stamp
	h.Put(b)
	p.send(now, b[:rtp.HeaderLen+n])
}

func (p *Party) send(now int64, b []byte) {
	p.out.packets++
	p.out.bytes += uint64(len(b) - rtp.HeaderLen)
	if t := p.board.tap; t != nil {
		p.showSent(t, b)
	}
	if len(p.recorders) > 0 {
		p.takeDown(now, b)
	}
	p.wire.RTP(b)
}

// showSent tells a tap of a packet that goes out.
func (p *Party) showSent(tap func(plane.Packet), b []byte) {
	var h rtp.Header
	if h.Parse(b) {
		tap(plane.Packet{Sent: true, Peer: p.target.rtp, Type: h.PT, Seq: h.Seq, Stamp: h.Stamp, Size: h.To - h.From})
	}
}
