package speech

import (
	"math/rand/v2"

	"branchline/hal"
	"branchline/media"
	"branchline/media/dtmf"
	"branchline/media/g711"
	"branchline/media/jitter"
	"branchline/media/plane"
	"branchline/media/rtp"
)

// Payload types between a line and the plane.
const (
	ptSpeech = 0
	ptEvent  = 101
)

// Flow is what a line speaks with the plane: u-law, digits as events.
func Flow() media.Flow {
	return media.Flow{
		Formats: []media.Format{{PT: ptSpeech, Codec: media.PCMU}}, EventPT: ptEvent,
		Send: true, Recv: true, Digits: media.RFC4733,
	}
}

// maxPacket is more than any packet that is for a line.
const maxPacket = 1500

// A conn is the path's end of one stream of the plane.
type conn struct {
	line   plane.Line
	jitter *jitter.Buffer
	speech hal.Frame // from the plane, this frame

	seq   uint16
	stamp uint32
	ssrc  uint32
	mark  bool

	out outgoing
	in  incoming
	buf [maxPacket]byte
}

func newConn(l plane.Line) *conn {
	return &conn{
		line: l, jitter: jitter.New(jitter.Config{}), mark: true,
		seq: uint16(rand.Uint32()), stamp: rand.Uint32(), ssrc: rand.Uint32(),
	}
}

// outgoing is a digit on its way to the plane as telephone-event (RFC 4733 2.5).
type outgoing struct {
	on      bool
	code    uint8
	stamp   uint32
	length  uint32 // samples so far
	until   uint32 // length at which it ends by itself, 0: never
	ending  int    // packets still to send that say it is over
	pending [16]pendingDigit
	n       int
}

type pendingDigit struct {
	code  uint8
	until uint32
}

// incoming is a digit from the plane that the line is to hear.
type incoming struct {
	on    bool
	stamp uint32
	digit byte
	quiet int // frames since the last packet about it
}

// endings is how often the end of an event is said.
const endings = 3

// begin starts a digit; until is its length in samples if that is known.
func (c *conn) begin(d byte, until uint32) {
	code := dtmf.Code(d)
	if code < 0 {
		return
	}
	if o := &c.out; o.on || o.ending > 0 {
		if until == 0 { // what is heard now comes before what waits
			o.on, o.ending, o.n = false, 0, 0
		} else {
			if o.n < len(o.pending) {
				o.pending[o.n] = pendingDigit{uint8(code), until}
				o.n++
			}
			return
		}
	}
	c.start(uint8(code), until)
}

func (c *conn) start(code uint8, until uint32) {
	o := &c.out
	o.on, o.code, o.stamp, o.length, o.until, o.ending = true, code, c.stamp, 0, until, 0
	c.mark = true
}

// end says that the digit is over.
func (c *conn) end() {
	if c.out.on {
		c.out.on, c.out.ending = false, endings
	}
}

// deliver sends one frame of the line's speech, or what there is to say of a digit
// instead.
func (c *conn) deliver(speech *hal.Frame) {
	b := c.buf[:]
	h := rtp.Header{Marker: c.mark, PT: ptSpeech, Seq: c.seq, Stamp: c.stamp, SSRC: c.ssrc}
	o := &c.out
	n := rtp.HeaderLen
	switch {
	case o.on, o.ending > 0:
		h.PT, h.Stamp = ptEvent, o.stamp
		if o.on {
			o.length += hal.FrameSize
			if o.until > 0 && o.length >= o.until {
				o.on, o.ending = false, endings
			}
		}
		e := dtmf.Event{Code: o.code, End: o.ending > 0, Volume: 10, Duration: uint16(min(o.length, 0xffff))}
		e.Put(b[n:])
		n += dtmf.EventLen
		if o.ending > 0 {
			if o.ending--; o.ending == 0 {
				o.next(c)
			}
		}
	default:
		g711.ULaw().Encode(b[n:], speech[:])
		n += hal.FrameSize
	}
	h.Put(b)
	c.line.Deliver(b[:n]) // a plane that is behind loses it, and counts that
	c.seq++
	c.stamp += hal.FrameSize
	c.mark = false
}

// next begins the digit that waited.
func (o *outgoing) next(c *conn) {
	c.mark = true
	if o.n == 0 {
		return
	}
	first := o.pending[0]
	copy(o.pending[:], o.pending[1:o.n])
	o.n--
	c.start(first.code, first.until)
}

// collect takes what the plane has and fills the frame with speech. It returns a
// digit that has just begun, 0 if none.
func (c *conn) collect() (began byte) {
	c.in.quiet++
	for n := c.line.Collect(c.buf[:]); n > 0; n = c.line.Collect(c.buf[:]) {
		var h rtp.Header
		if h.Parse(c.buf[:n]) && h.PT == ptEvent {
			if d := c.in.take(&h, c.buf[h.From:h.To]); d != 0 {
				began = d
			}
		}
		c.jitter.Push(c.buf[:n])
	}
	if c.in.on && c.in.quiet > lostAfter {
		c.in.on = false
	}
	c.jitter.Pull(c.speech[:])
	return began
}

// lostAfter is for how many frames nothing may be heard of a digit until its end is
// thought to be lost.
const lostAfter = 8

// take reads a telephone-event.
func (i *incoming) take(h *rtp.Header, payload []byte) (began byte) {
	var e dtmf.Event
	if !e.Parse(payload) {
		return 0
	}
	d, ok := e.Digit()
	if !ok {
		return 0
	}
	i.quiet = 0
	if h.Stamp != i.stamp || i.digit == 0 {
		i.stamp, i.digit, i.on = h.Stamp, d, true
		began = d
	}
	if e.End {
		i.on = false
	}
	return began
}
