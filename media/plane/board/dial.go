package board

import (
	"time"

	"branchline/media"
	"branchline/media/dtmf"
	"branchline/media/rtp"
)

const (
	dialQueue    = 32
	defaultDigit = 100 * ms
	shortest     = 40 * ms // Q.24: nothing shorter is sure to be heard
	carriedLeast = 80 * ms // Asterisk's mindtmfduration
	longest      = 8000 * ms
	digitGap     = 50 * ms
	endRepeats   = 3  // RFC 4733 2.5.1.4
	eventVolume  = 10 // -10 dBm0
)

// dial is what is being dialled to a party: digits one after another.
type dial struct {
	q       [dialQueue]outDigit
	head, n int
	on      bool  // the first of them is sounding
	elapsed int64 // how much of it was sent
	after   int64 // not before this does the next begin
	tone    dtmf.Tone
	ids     uint32
}

type outDigit struct {
	digit  byte
	open   bool // its end is not known yet
	length int64
	id     uint32
}

// SendDigit sends a digit to p for so long (0: 100 ms), after those before it.
func (p *Party) SendDigit(now int64, d byte, length time.Duration) {
	l := int64(length)
	if l <= 0 {
		l = defaultDigit
	}
	p.push(now, outDigit{digit: d, length: max(shortest, min(longest, l))})
}

// open begins a digit whose end comes with finish.
func (p *Party) open(now int64, d byte) uint32 {
	return p.push(now, outDigit{digit: d, open: true, length: longest})
}

func (p *Party) push(now int64, o outDigit) uint32 {
	d := &p.dial
	if p.closed || d.n == dialQueue || !dtmf.Valid(o.digit) {
		return 0
	}
	o.digit = dtmf.Digits[dtmf.Code(o.digit)]
	d.ids = max(1, d.ids+1)
	o.id = d.ids
	d.q[(d.head+d.n)%dialQueue] = o
	d.n++
	p.rouse(now)
	return o.id
}

// finish closes the open digit id, that lasted length nanoseconds.
func (p *Party) finish(id uint32, length int64) {
	d := &p.dial
	for i := range d.n {
		if o := &d.q[(d.head+i)%dialQueue]; o.id == id && o.open {
			o.open, o.length = false, max(carriedLeast, min(longest, length))
		}
	}
}

// pop ends the first digit. Frames are sent ahead of the time they cover, hence
// the step.
func (d *dial) pop(now, step int64) {
	d.head = (d.head + 1) % dialQueue
	d.n--
	d.on = false
	d.after = now + step + digitGap
}

// dialOn sends the next frame of the digit that is due.
func (p *Party) dialOn(now int64) {
	d := &p.dial
	o := &d.q[d.head]
	if !d.on && now < d.after {
		return
	}
	if p.twin != nil {
		p.dialThrough(now, o)
		return
	}
	events := p.takesEvents()
	if !p.sendable() || !events && !p.takesTones() {
		d.pop(now, 0)
		p.out.forget()
		return
	}
	first := !d.on
	if first {
		d.on, d.elapsed = true, 0
	}
	d.elapsed += p.step
	done := d.elapsed >= o.length
	if events {
		p.dialEvent(now, o, first, done)
	} else {
		p.dialTone(now, o, first)
	}
	if done {
		d.pop(now, p.step)
		p.out.forget()
	}
}

// dialThrough carries a digit sent to half of a pair on to whoever hears it.
func (p *Party) dialThrough(now int64, o *outDigit) {
	d, r := &p.dial, &p.route
	e := media.Event{Kind: media.DigitBegin, Digit: o.digit}
	if d.on {
		if d.elapsed += p.step; d.elapsed < o.length {
			return
		}
		e.Kind, e.Length = media.DigitEnd, time.Duration(o.length)
		d.pop(now, 0)
	} else {
		d.on, d.elapsed = true, 0
		if r.to != nil && !r.keep {
			r.to.push(now, outDigit{digit: o.digit, length: o.length})
		}
	}
	for _, w := range r.watchers {
		w.tell(e)
	}
}

// dialEvent sends one packet of a telephone-event, or the three that end it (RFC
// 4733 2.5.1.2-4): the timestamp is the digit's beginning throughout.
func (p *Party) dialEvent(now int64, o *outDigit, first, done bool) {
	s := &p.out
	if first {
		s.begin(now, origin{kind: dialled}, int64(p.formats[0].codec.Rate))
	}
	length, repeats := p.dial.elapsed, 1
	if done {
		length, repeats = o.length, endRepeats
	}
	s.span = uint32(length / ms * int64(p.clock) / 1000)
	e := dtmf.Event{Code: uint8(dtmf.Code(o.digit)), End: done, Volume: eventVolume, Duration: uint16(min(0xffff, s.span))}
	b := p.board.frame[:rtp.HeaderLen+dtmf.EventLen]
	for range repeats {
		s.seq++
		h := rtp.Header{Marker: first, PT: p.flow.EventPT, Seq: s.seq, Stamp: s.stamp, SSRC: s.ssrc}
		h.Put(b)
		e.Put(b[rtp.HeaderLen:])
		p.send(now, b)
	}
}

// dialTone sends one frame of tones; the last one ends in silence.
func (p *Party) dialTone(now int64, o *outDigit, first bool) {
	d := &p.dial
	if first {
		d.tone.Start(o.digit)
	}
	n := samples(p.step)
	linear := p.board.linear[:n]
	sounding := min(n, max(0, n-samples(d.elapsed-o.length)))
	if d.elapsed >= o.length {
		d.tone.End(sounding)
	}
	d.tone.Fill(linear)
	p.law.Encode(p.board.frame[rtp.HeaderLen:], linear)
	p.speak(now, dialled, p.board.frame[:], n)
}

// samples is how many samples fit a time.
func samples(ns int64) int { return int(ns / ms * Rate / 1000) }
