// Package board is the switchboard behind every back end of the media plane:
// what is done with each packet and when, without a socket, a clock or a
// goroutine. A Party is one stream; the board joins parties, plays to them,
// carries their digits over and reports on them.
//
// Everything here belongs to one goroutine, the media thread; only Party.Stats
// may be asked from elsewhere. Time is handed in, in nanoseconds since the board
// was made, so that tests run at any speed. Neither Party.Receive nor Advance
// allocates, locks (but for a TryLock once per tick), logs or uses a channel.
package board

import (
	"math/rand/v2"
	"net/netip"
	"strconv"
	"time"

	"branchline/media"
	"branchline/media/dtmf"
	"branchline/media/g711"
	"branchline/media/plane"
	"branchline/media/plane/latch"
	"branchline/media/plane/wheel"
	"branchline/media/rtp"
)

const ms = int64(time.Millisecond)

// Rate is the sample rate of all audio the exchange generates or listens to.
const Rate = 8000

const (
	frameTime = 20 * ms  // packet time of generated audio unless agreed otherwise
	idleTick  = 100 * ms // how often a party with nothing to play is looked at
	maxPtime  = 120 * ms
	maxLate   = 200 * ms // a schedule further behind than this starts anew instead of catching up
	maxFrame  = int(maxPtime / ms * Rate / 1000)
)

// A Wire carries a party's packets away. It must not keep them.
type Wire interface {
	// Aim says where packets go from now on; an invalid address is nowhere, and the
	// board does not send there.
	Aim(rtp, rtcp netip.AddrPort)
	RTP(b []byte)
	RTCP(b []byte)
}

// Rules are the parts of a plane.Config that concern packets.
type Rules struct {
	Strict       bool
	Probation    int
	RTCPInterval int64
	DTMFTimeout  int64
}

// RulesOf takes the rules out of c, defaults filled in.
func RulesOf(c plane.Config) Rules {
	r := Rules{Strict: c.Strict, Probation: c.Probation, RTCPInterval: int64(c.RTCPInterval), DTMFTimeout: int64(c.DTMFTimeout)}
	if r.Probation <= 0 {
		r.Probation = 4
	}
	if r.RTCPInterval <= 0 {
		r.RTCPInterval = int64(5 * time.Second)
	}
	if r.DTMFTimeout <= 0 {
		r.DTMFTimeout = 150 * ms
	}
	return r
}

// A Board holds the parties of one media thread.
type Board struct {
	start time.Time // wall clock at time zero
	wheel wheel.Wheel
	// closing has each party close itself at its next tick.
	closing bool
	tap     func(plane.Packet)

	// Working space, used by one packet at a time.
	frame  [rtp.HeaderLen + maxFrame]byte
	linear [maxFrame]int16
	report [rtp.MaxReport]byte
}

// New makes a board whose time zero is start.
func New(start time.Time) *Board { return &Board{start: start} }

// Party makes a party that sends to w and is reported to events. It may be called
// from any goroutine; the party is idle until Enter.
func (b *Board) Party(w Wire, r Rules, events func(media.Event)) *Party {
	p := b.party(events)
	p.wire, p.rules = w, r
	p.latch.Strict, p.latch.Probation = r.Strict, r.Probation
	return p
}

// Pair makes two parties without a wire: what is sent to one comes from the other.
// It may be called from any goroutine.
func (b *Board) Pair(one, other func(media.Event)) (*Party, *Party) {
	p, q := b.party(one), b.party(other)
	p.twin, q.twin = q, p
	return p, q
}

func (b *Board) party(events func(media.Event)) *Party {
	p := &Party{
		board: b, events: events, step: frameTime,
		phase: rand.Int64N(frameTime/ms) * ms, // frames of many parties spread over 20 ms
		out:   sender{ssrc: rand.Uint32(), seq: uint16(rand.Uint32()), stamp: rand.Uint32(), rate: Rate},
		cname: strconv.FormatUint(rand.Uint64(), 36), // RFC 7022: says nothing about box or call
	}
	p.timer.Do = p.tick
	return p
}

// Enter puts p on the board.
func (p *Party) Enter(now int64) {
	if p.twin == nil && !p.timer.Set() && !p.closed {
		p.nextReport = now + p.rules.RTCPInterval
		p.board.wheel.Put(&p.timer, now+frameTime+p.phase)
	}
}

// Advance does everything that is due by now.
func (b *Board) Advance(now int64) { b.wheel.Advance(now) }

// Next is when Advance has something to do again; false if never.
func (b *Board) Next() (int64, bool) { return b.wheel.Next() }

// Tap has f told of every packet that is sent or heard from now on, nil nobody.
// It is called on the media thread, as f is: f must not block.
func (b *Board) Tap(f func(plane.Packet)) { b.tap = f }

// Close ends everybody who still has something to do.
func (b *Board) Close(now int64) {
	b.closing = true
	for t := b.wheel.Any(); t != nil; t = b.wheel.Any() {
		b.wheel.Take(t)
		t.Do(now, now)
	}
}

// A Party is one stream on the board: a phone's RTP, or half of a pair.
type Party struct {
	board  *Board
	wire   Wire   // nil for half of a pair
	twin   *Party // the other half of a pair
	rules  Rules
	events func(media.Event)
	closed bool

	flow    media.Flow
	formats []format
	pts     [128]uint8 // payload type -> 1 + index into formats; ptEvent
	law     *g711.Law  // of what we send, nil unless G.711
	sendPT  uint8
	clock   uint32 // telephone-event clock

	peer  *Party
	route route
	watch media.Digits

	latch  latch.Latch // whom it comes from
	in     rtp.Reception
	rate   int64 // RTP clock of what is received, Hz
	lastRx int64
	silent int64 // when Silent is next due, counted from the last packet or Apply
	quiet  bool  // Silent was reported and nothing has come since

	heard    heard // telephone-events from this party
	detector *dtmf.Detector
	ear      bool // the detector runs
	carry    carry

	out     sender
	aimed   bool // there is somewhere to send to
	target  target
	program player
	dial    dial

	recorders  []media.Recorder
	nextReport int64
	far        farSide
	dropped    uint64
	published  published
	cname      string

	timer       wheel.Timer // for tick
	phase, step int64       // of ticks while p is busy
}

func (p *Party) tell(e media.Event) {
	if p.events != nil {
		p.events(e)
	}
}

// busy reports whether p generates frames, so that its ticks must be exact.
func (p *Party) busy() bool {
	return p.program.source != nil || p.dial.n > 0 || p.heard.on
}

// rouse puts p at the next tick of its own phase, when it has begun to be busy.
func (p *Party) rouse(now int64) {
	if p.closed {
		return
	}
	due := now - now%p.step + p.phase%p.step
	if due <= now {
		due += p.step
	}
	if !p.timer.Set() || p.timer.At() > due {
		p.board.wheel.Take(&p.timer)
		p.board.wheel.Put(&p.timer, due)
	}
}

// tick is the party's regular work, scheduled for due.
func (p *Party) tick(now, due int64) {
	if p.board.closing {
		p.Close(now)
		return
	}
	if now-due > maxLate {
		due = now
		p.out.forget()
	}
	if p.dial.n > 0 {
		p.dialOn(now)
	}
	if !p.dial.on {
		p.playOn(now)
	}
	p.eventTimeout(now)
	if p.closed {
		return
	}
	if p.twin == nil {
		p.silence(now)
		p.reportOn(now)
		p.publish(now)
	}
	switch {
	case p.busy():
		p.board.wheel.Put(&p.timer, due+p.step)
	case p.twin == nil:
		p.board.wheel.Put(&p.timer, due+idleTick)
	}
}

func (p *Party) silence(now int64) {
	if t := int64(p.flow.Timeout); t > 0 && p.flow.Recv && !p.quiet && now-p.silent >= t {
		p.quiet = true
		p.tell(media.Event{Kind: media.Silent})
	}
}

// Close takes p off the board. Its programme is over, its peer is alone.
func (p *Party) Close(now int64) {
	if p.closed {
		return
	}
	p.endHeard(now)
	p.stop(false)
	p.part()
	p.goodbye(now)
	p.endRecorders()
	p.closed = true
	p.board.wheel.Take(&p.timer)
	p.publish(now)
}
