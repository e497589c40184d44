package board

import (
	"time"

	"branchline/media"
	"branchline/media/dtmf"
	"branchline/media/rtp"
)

// heard is the telephone-event a party is sending, or sent last. One event comes
// in many packets with the same timestamp (RFC 4733 2.5.1).
type heard struct {
	any   bool // there was one
	on    bool // it is a digit and has not ended
	relay bool // its packets go on to the other side
	digit byte
	code  uint8
	dur   uint16
	whole uint32 // duration of segments before this one (2.5.1.3)
	ssrc  uint32
	stamp uint32
	seq   uint16
	last  int64
}

// carry is a digit on its way to a party that gets it in another shape.
type carry struct {
	to *Party
	id uint32
}

// Watch says which digits of p are reported, and whether they reach the peer.
func (p *Party) Watch(d media.Digits) {
	p.watch = d
	p.reroute()
}

// withholds reports whether p's digits stay here.
func (p *Party) withholds() bool { return p.watch.Keep || p.route.keep }

// takesEvents reports whether digits go to p as telephone-events.
func (p *Party) takesEvents() bool {
	return p != nil && p.flow.Digits == media.RFC4733 && p.flow.EventPT != 0
}

// takesTones reports whether digits go to p as tones.
func (p *Party) takesTones() bool { return p.flow.Digits == media.Inband && p.law != nil }

// prickEar starts or ends the search for tones in p's speech, which costs more
// than all else done to a packet: only if somebody is interested.
func (p *Party) prickEar() {
	r := &p.route
	ear := p.twin == nil && p.flow.Digits == media.Inband &&
		(p.watch.Report || p.withholds() || len(r.watchers) > 0 || r.to.takesEvents())
	if ear && !p.ear {
		if p.detector == nil {
			p.detector = dtmf.NewDetector()
		}
		p.detector.Reset()
	}
	if !ear && p.ear && p.detector.Digit() != 0 {
		p.letGo()
	}
	p.ear = ear
}

// digitBegan reports a digit that p began to send, and starts to carry it over
// if it does not reach the other side by itself.
func (p *Party) digitBegan(now int64, d byte, event bool) {
	e := media.Event{Kind: media.DigitBegin, Digit: d}
	if p.watch.Report {
		p.tell(e)
	}
	for _, w := range p.route.watchers {
		w.tell(e)
	}
	to := p.route.to
	p.letGo()
	switch {
	case p.withholds(), to == nil:
	case event && !p.route.covered && to.takesEvents() && p.clock == to.clock:
		p.heard.relay = true
	case to.takesEvents(), event && to.takesTones():
		p.carry = carry{to, to.open(now, d)}
	}
}

// digitEnded reports the end of a digit after length nanoseconds.
func (p *Party) digitEnded(now int64, d byte, length int64) {
	e := media.Event{Kind: media.DigitEnd, Digit: d, Length: time.Duration(length)}
	if c := p.carry; c.to != nil {
		c.to.finish(c.id, length)
		p.carry = carry{}
	}
	if p.watch.Report {
		p.tell(e)
	}
	for _, w := range p.route.watchers {
		w.tell(e)
	}
}

// letGo ends a digit that is being carried over to somebody who is no longer
// there for it.
func (p *Party) letGo() {
	if p.carry.to != nil {
		p.carry.to.finish(p.carry.id, 0)
		p.carry = carry{}
	}
}

// hearEvent takes a telephone-event packet.
func (p *Party) hearEvent(now int64, h *rtp.Header, pkt []byte) {
	var e dtmf.Event
	if !e.Parse(pkt[h.From:h.To]) {
		p.miss(h)
		return
	}
	s := &p.heard
	if !s.any || h.SSRC != s.ssrc || h.Stamp != s.stamp {
		if d := rtp.Ahead(h.Seq, s.seq); s.any && h.SSRC == s.ssrc && d <= 0 && d >= -farBehind {
			p.miss(h) // a late packet of an event before this one
			return
		}
		if s.on && e.Code == s.code && h.SSRC == s.ssrc && h.Stamp-s.stamp == uint32(s.dur) {
			s.whole += uint32(s.dur) // a long digit goes on in another segment
			s.dur = 0
		} else {
			p.endHeard(now)
			*s = heard{any: true, code: e.Code}
		}
		s.ssrc, s.stamp = h.SSRC, h.Stamp
		if !s.on {
			p.startHeard(now, &e)
		}
	}
	if e.Duration > s.dur {
		s.dur = e.Duration
	}
	s.seq, s.last = h.Seq, now
	if e.End {
		p.endHeard(now)
	}
	p.relayEvent(now, h, pkt)
}

func (p *Party) startHeard(now int64, e *dtmf.Event) {
	s := &p.heard
	d, ok := e.Digit()
	if !ok { // flash and the like are passed on unseen
		to := p.route.to
		s.relay = to.takesEvents() && p.clock == to.clock && !p.withholds()
		return
	}
	s.on, s.digit = true, d
	s.last = now
	p.digitBegan(now, d, true)
	p.rouse(now) // for the time-out
}

func (p *Party) relayEvent(now int64, h *rtp.Header, pkt []byte) {
	to := p.route.to
	if to == nil {
		return
	}
	if !p.heard.relay || p.route.covered || to.dial.on || !to.sendable() || !to.takesEvents() {
		to.withhold(p, h)
		return
	}
	rate := p.rate
	if len(to.formats) > 0 {
		rate = int64(to.formats[0].codec.Rate)
	}
	to.relay(now, p, h, pkt, to.flow.EventPT, rate, uint32(p.heard.dur))
}

// endHeard ends the event a party is sending.
func (p *Party) endHeard(now int64) {
	if s := &p.heard; s.on {
		s.on = false
		p.digitEnded(now, s.digit, int64(s.whole+uint32(s.dur))*1e9/int64(p.clock))
	}
}

// eventTimeout ends an event whose end packets were all lost.
func (p *Party) eventTimeout(now int64) {
	if p.heard.on && now-p.heard.last >= p.rules.DTMFTimeout {
		p.endHeard(now)
	}
}
