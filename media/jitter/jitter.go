// Package jitter plays speech that comes in RTP packets to a telephone line, at
// the line's own pace: the line pulls 20 ms frames, the network pushes packets
// whenever it likes.
//
// The buffer holds samples by their timestamps, so that packets of any size, out
// of order, twice or too late find their place or none. How much it holds follows
// from how late packets were during the last quarter minute (window.go). Whether
// it is to hold more or less, or the two clocks run apart, it lengthens or
// shortens the speech by whole pitch periods, which are not heard (splice.go). Gaps
// are filled by ITU-T G.711 Appendix I (conceal.go), silence with comfort noise by
// RFC 3389 (noise.go).
package jitter

import (
	"branchline/media/g711"
	"branchline/media/rtp"
)

const (
	rate = 8000
	// room is how many samples find a place: a second, and a power of two.
	room = 8192
	// stray is how far a timestamp may be away and still belong to the same stream.
	stray = 6000
	// unknown is how long is waited as long as the jitter is not known: 30 ms, a LAN's.
	unknown = 240
	// faxDepth waits 160 ms for the packets of a fax, which cannot be concealed.
	faxDepth = 1280
)

// Config bounds the time that speech waits, in samples of 125 us.
type Config struct {
	Least, Most int // 0: 160 and 1600, 20 to 200 ms
	Fixed       int // if not 0, speech waits that long whatever the packets do: 320 in a LAN
}

// A Buffer belongs to the goroutine of its line. It never allocates, and its size
// does not depend on what is pushed.
type Buffer struct {
	conf Config
	fax  bool

	pcm   [room]int16
	have  [room]bool
	clock uint64 // samples pulled
	next  uint32 // timestamp of the sample that is pulled next

	started bool
	ssrc    uint32
	seq     uint16 // highest so far
	base    uint32 // clock less timestamp of the first packet
	newest  uint32 // timestamp behind the last sample received
	window  window
	lateRun int    // packets in a row that came too late
	other   uint64 // clock when something else than speech was last received
	waited  int    // frames for which an adjustment has been due

	rival struct { // a packet that does not belong to the stream, and may begin another
		is   bool
		ssrc uint32
		seq  uint16
	}

	conceal concealer
	noise   comfort
	noisy   bool // comfort noise is being heard
	scratch [frame + pitchMost + overlap]int16
	stats   Stats
}

// Stats are counters of packets and of samples, since New or Reset.
type Stats struct {
	Packets, Late, Duplicate, Lost uint64 // packets; Late in part or whole; Lost never came or still may
	Concealed, Inserted, Removed   uint64 // samples
	Restarts                       uint64 // streams that took over from another
	Depth                          int    // samples that speech waits now
	Jitter                         int    // samples between the earliest and the latest packet of the last 16 s
}

// New makes a buffer.
func New(c Config) *Buffer {
	if c.Least <= 0 {
		c.Least = frame
	}
	if c.Most <= 0 {
		c.Most = 10 * frame
	}
	c.Most = min(c.Most, 4000)
	c.Least = min(c.Least, c.Most)
	c.Fixed = min(max(c.Fixed, 0), 4000)
	b := &Buffer{conf: c}
	b.Reset()
	return b
}

// Reset forgets the stream, for another call.
func (b *Buffer) Reset() {
	*b = Buffer{conf: b.conf}
	b.conceal.reset()
}

// Fax switches to what a fax machine needs: 160 ms of patience, nothing made up,
// and lengthening and shortening in silence only.
func (b *Buffer) Fax(on bool) { b.fax = on }

// Push takes one RTP packet. Speech is payload type 0 (u-law) or 8 (A-law), comfort
// noise 13; anything else shows that the sender is there. What is no RTP is ignored.
func (b *Buffer) Push(packet []byte) {
	var h rtp.Header
	if !h.Parse(packet) {
		return
	}
	payload := packet[h.From:h.To]
	if !b.belongs(&h) {
		return
	}
	b.count(h.Seq)
	switch h.PT {
	case 0:
		b.put(&h, payload, g711.ULaw())
	case 8:
		b.put(&h, payload, g711.ALaw())
	case 13:
		b.noise.set(h.Stamp, payload)
	default:
		b.other = b.clock + 1
	}
}

// belongs decides whether a packet is of the stream being played. Another source,
// or a timestamp far off, is believed with the second packet in order.
func (b *Buffer) belongs(h *rtp.Header) bool {
	if !b.started {
		if h.PT != 0 && h.PT != 8 && h.PT != 13 {
			return false
		}
		b.start(h)
		return true
	}
	off := int32(h.Stamp - b.next)
	if h.SSRC == b.ssrc && off > -stray && off < stray {
		b.rival.is = false
		return true
	}
	r := &b.rival
	if h.PT != 0 && h.PT != 8 && h.PT != 13 {
		return false // an event keeps the timestamp of its beginning
	}
	if r.is && r.ssrc == h.SSRC && h.Seq == r.seq+1 {
		b.stats.Restarts++
		b.start(h)
		return true
	}
	r.is, r.ssrc, r.seq = true, h.SSRC, h.Seq
	return false
}

// start begins a stream with the packet h. What is left of another is not played.
func (b *Buffer) start(h *rtp.Header) {
	clear(b.have[:])
	b.started, b.ssrc = true, h.SSRC
	b.seq = h.Seq - 1
	b.base = uint32(b.clock) - h.Stamp
	b.window = window{}
	b.rival.is = false
	b.lateRun = 0
	b.noise.on = false
	depth := b.conf.Fixed
	if depth == 0 {
		depth = min(max(b.conf.Least, unknown), b.conf.Most)
	}
	if b.fax {
		depth = faxDepth
	}
	b.next = h.Stamp - uint32(depth)
	b.newest = h.Stamp
}

// count keeps the account of packets.
func (b *Buffer) count(seq uint16) {
	b.stats.Packets++
	switch ahead := rtp.Ahead(seq, b.seq); {
	case ahead > 0:
		if ahead < 3000 {
			b.stats.Lost += uint64(ahead - 1)
		}
		b.seq = seq
	case b.stats.Lost > 0:
		b.stats.Lost-- // one that was missed, or a duplicate: see put
	}
}

// put stores a packet of speech.
func (b *Buffer) put(h *rtp.Header, payload []byte, law *g711.Law) {
	if len(payload) == 0 || len(payload) > room/4 {
		return
	}
	delay := int32(uint32(b.clock) - h.Stamp - b.base)
	b.window.add(b.clock, delay)
	if end := h.Stamp + uint32(len(payload)); int32(end-b.newest) > 0 {
		b.newest = end
	}
	stored, known, missed := false, false, false
	for i, c := range payload {
		stamp := h.Stamp + uint32(i)
		if int32(stamp-b.next) < 0 {
			missed = true
			continue
		}
		k := stamp % room
		if b.have[k] {
			known = true
			continue
		}
		b.pcm[k], b.have[k] = law.Linear(c), true
		stored = true
	}
	if missed {
		b.stats.Late++
	}
	switch {
	case stored:
		b.lateRun = 0
	case known:
		b.stats.Duplicate++
		b.stats.Lost++ // count took it for one that was missed
	default:
		if b.lateRun++; b.lateRun > 10 {
			b.stats.Restarts++
			b.start(h) // the way has become longer than we can wait by degrees
		}
	}
}

// Stats tells the counters.
func (b *Buffer) Stats() Stats {
	s := b.stats
	if b.started {
		earliest, latest := b.window.bounds()
		s.Depth = int(b.waiting() - earliest)
		s.Jitter = int(latest - earliest)
	}
	return s
}

// waiting is how far playing lies behind the first packet's arrival.
func (b *Buffer) waiting() int32 { return int32(uint32(b.clock) - b.next - b.base) }
