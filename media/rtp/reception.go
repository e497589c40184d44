package rtp

// Limits of RFC 3550 A.1: a larger step forward, or one further back, means that
// the sender has started anew.
const (
	maxDropout  = 3000
	maxMisorder = 100
)

// Reception counts what arrives from one source (RFC 3550 A.1, A.3, A.8).
// The zero value is ready.
type Reception struct {
	SSRC     uint32
	Packets  uint64 // of all sources so far
	Bytes    uint64 // payload octets of all sources so far
	started  bool
	highest  uint16
	cycles   uint32
	base     uint32 // extended sequence number of the first packet
	received uint32 // from this source
	bad      uint32 // the sequence number that would confirm a restart; above 0xffff: none
	lost     uint64 // packets lost from sources before this one
	transit  uint32
	jitter   uint32 // times 16

	expectedPrior, receivedPrior uint32
}

// Arrived counts a packet of n payload octets that came when the local clock,
// in units of the packet's RTP clock, read clock. It reports whether the packet is
// the newest so far.
func (r *Reception) Arrived(h *Header, n int, clock uint32) bool {
	r.Packets++
	r.Bytes += uint64(n)
	transit := clock - h.Stamp
	if !r.started || h.SSRC != r.SSRC {
		r.restart(h, transit)
		return true
	}
	newest := true
	switch step := h.Seq - r.highest; {
	case step == 0:
		newest = false
	case step < maxDropout:
		if h.Seq < r.highest {
			r.cycles += 1 << 16
		}
		r.highest = h.Seq
		r.bad = 1 << 16
	case step <= 0xffff-maxMisorder:
		if uint32(h.Seq) == r.bad {
			r.restart(h, transit)
			return true
		}
		r.bad = uint32(h.Seq + 1)
		return false
	default:
		newest = false // late or twice
	}
	r.received++
	if newest {
		d := int32(transit - r.transit)
		r.transit = transit
		if d < 0 {
			d = -d
		}
		// A jump of a second is a talker's new clock, not jitter.
		if d >= 0 && d < 1<<16 {
			r.jitter += uint32(d) - (r.jitter+8)>>4
		}
	}
	return newest
}

func (r *Reception) restart(h *Header, transit uint32) {
	if r.started {
		r.lost = r.Lost()
	}
	jitter := r.jitter
	if h.SSRC != r.SSRC {
		jitter = 0
	}
	*r = Reception{
		SSRC: h.SSRC, Packets: r.Packets, Bytes: r.Bytes, started: true, highest: h.Seq, base: uint32(h.Seq),
		received: 1, bad: 1 << 16, lost: r.lost, transit: transit, jitter: jitter,
	}
}

// Started reports whether anything has arrived.
func (r *Reception) Started() bool { return r.started }

// Highest is the extended highest sequence number received.
func (r *Reception) Highest() uint32 { return r.cycles + uint32(r.highest) }

// Lost is how many packets never came; repeated packets may hide losses, as the
// RFC has it, but never make the figure negative.
func (r *Reception) Lost() uint64 {
	if d := int64(r.expected()) - int64(r.received); r.started && d > 0 {
		return r.lost + uint64(d)
	}
	return r.lost
}

func (r *Reception) expected() uint32 { return r.Highest() - r.base + 1 }

// Jitter is the interarrival jitter in units of the RTP clock.
func (r *Reception) Jitter() uint32 { return r.jitter >> 4 }

// Block fills a report block with the figures since the one before (A.3).
func (r *Reception) Block(b *Block) {
	expected := r.expected()
	e, got := int64(expected-r.expectedPrior), int64(r.received)-int64(r.receivedPrior)
	r.expectedPrior, r.receivedPrior = expected, r.received
	b.Fraction = 0
	if e > 0 && e > got {
		b.Fraction = uint8((e - got) << 8 / e)
		if got <= 0 {
			b.Fraction = 255
		}
	}
	b.SSRC = r.SSRC
	b.Lost = int32(min(int64(0x7fffff), max(-0x800000, int64(expected)-int64(r.received))))
	b.Highest = r.Highest()
	b.Jitter = r.Jitter()
}
