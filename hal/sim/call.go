package sim

import (
	"time"

	"branchline/hal"
	"branchline/hal/sim/signal"
	"branchline/hal/sim/wires"
)

// digit adds a dialled digit.
func (x *Exchange) digit(d byte) {
	if x.digits == "" {
		x.tone = nil
		x.progress(hal.NoTone)
	}
	x.digits += string(d)
	x.wait.Set(or(x.InterDigit, 3*time.Second))
	if x.Directory != nil {
		if party, v := x.Directory(x.digits); v != More {
			x.route(party, v)
		}
	}
}

// complete routes a number that nothing follows.
func (x *Exchange) complete() {
	switch {
	case x.digits == "":
		x.refuse(x.zone().Congestion, hal.Congestion, 28)
	case x.Directory == nil:
		x.route(Party{Answer: 2 * time.Second, Parrot: 100 * time.Millisecond}, Found)
	default:
		x.route(x.Directory(x.digits))
	}
}

func (x *Exchange) route(p Party, v Verdict) {
	x.tell(Happening{What: Dialled, Digits: x.digits})
	zone := x.zone()
	switch {
	case v != Found:
		x.refuse(zone.Congestion, hal.Congestion, 1)
	case p.Unreachable:
		x.refuse(zone.Congestion, hal.Congestion, 34)
	case p.Busy:
		x.refuse(zone.Busy, hal.Busy, 17)
	case !p.Never && p.Answer == 0:
		x.party = p
		x.connect()
	default:
		x.enter(routing)
		x.party = p
		x.tone = zone.Ringback.Sound()
		x.progress(hal.Ringback)
		if !p.Never {
			x.wait.Set(p.Answer)
		}
	}
}

// refuse lets our side hear a tone until it hangs up; a mobile network ends the
// call itself.
func (x *Exchange) refuse(tone signal.Pattern, as hal.Tone, cause int) {
	x.enter(refused)
	if x.mobile {
		x.truth = append(x.truth, hal.Event{Kind: hal.Cleared, Cause: cause})
		x.release()
		return
	}
	x.tone = tone.Sound()
	x.progress(as)
}

// connect lets both sides talk.
func (x *Exchange) connect() {
	ours := x.call == nil
	x.enter(talking)
	x.tell(Happening{What: Connected})
	if ours {
		x.progress(hal.NoTone)
		x.truth = append(x.truth, hal.Event{Kind: hal.Answered})
		x.reversed = x.AnswerReversal
	} else {
		x.party = x.call.Party
		x.call = nil
	}
	if x.party.Parrot > 0 {
		x.parrot = signal.NewDelay(samples(x.party.Parrot))
	}
	x.talk.Set(x.party.Talk)
	if x.party.CallsBack != nil {
		x.queue = append(x.queue, x.party.CallsBack)
	}
}

func samples(d time.Duration) int { return int(d * hal.Rate / time.Second) }

// partyLeaves is the end of the call from the other side.
func (x *Exchange) partyLeaves() {
	switch x.phase {
	case alerting:
		x.tell(Happening{What: GaveUp})
		if x.mobile {
			x.truth = append(x.truth, hal.Event{Kind: hal.Cleared, Cause: 16})
		}
		x.release()
	case talking:
		x.tell(Happening{What: PartyGone})
		x.truth = append(x.truth, hal.Event{Kind: hal.Cleared, Cause: 16})
		x.farewell()
	case idle, seized, listening, routing, refused:
	}
}

func (x *Exchange) farewell() {
	if x.mobile {
		x.release()
		return
	}
	x.enter(refused)
	zone := x.zone()
	switch x.Hangup {
	case BatteryDrop:
		x.drop.Set(500 * time.Millisecond)
		x.reversed = false
	case BusyTone:
		x.tone = zone.Busy.Sound()
	case CongestionTone:
		x.tone = zone.Congestion.Sound()
	case DialToneAgain:
		x.tone = zone.Dial.Sound()
	case ReversalBack:
		x.reversed = false
		x.tone = zone.Busy.Sound()
	case Nothing:
	}
}

// An alertStep is a stretch of what a called line is sent.
type alertStep struct {
	frames            int
	ringing, reversed bool
	real              bool // a burst that counts
	spill             bool // caller ID begins here
	told              bool // and has been told when this begins
}

// beginAlerting lays out the announcement up to the end of the first ring; ringing
// goes on from the cadence.
func (x *Exchange) beginAlerting(c *Call) {
	x.enter(alerting)
	x.call, x.rung = c, 0
	on, off := x.ringing(0)
	length := (len(c.Spill) + hal.FrameSize - 1) / hal.FrameSize
	const lead, trail = 300 * time.Millisecond, 300 * time.Millisecond
	spill := []alertStep{{frames: length, spill: true}, {frames: wires.Frames(trail), told: true}}
	ring := []alertStep{{frames: on, ringing: true, real: true}, {frames: off, told: len(c.Spill) == 0}}
	switch {
	case len(c.Spill) == 0:
		x.alert = ring
	case c.Lead == AfterRing:
		wait := wires.Frames(500 * time.Millisecond)
		rest := max(off-wait-length, wires.Frames(200*time.Millisecond))
		x.alert = []alertStep{ring[0], {frames: wait}, spill[0], {frames: rest, told: true}}
	case c.Lead == Reversed:
		x.alert = append([]alertStep{{frames: wires.Frames(lead)}}, append(spill, ring...)...)
		for i := range 3 {
			x.alert[i].reversed = true
		}
	case c.Lead == ShortRing:
		x.alert = append([]alertStep{{frames: wires.Frames(250 * time.Millisecond), ringing: true}, {frames: wires.Frames(600 * time.Millisecond)}}, append(spill, ring...)...)
	case c.Lead == Unled:
		x.alert = append([]alertStep{{frames: wires.Frames(lead)}}, append(spill, ring...)...)
	}
	x.left = -1
}

// ringing is the n-th burst of the cadence and the pause after it.
func (x *Exchange) ringing(n int) (on, off int) {
	cadence := x.Ring
	if len(cadence) < 2 {
		cadence = []time.Duration{time.Second, 2 * time.Second}
	}
	i := n % (len(cadence) / 2) * 2
	return wires.Frames(cadence[i]), wires.Frames(cadence[i+1])
}

func (x *Exchange) stepAlerting(f *wires.Feed) {
	if x.left < 0 {
		x.beginStep()
	}
	for x.left == 0 {
		x.alert = x.alert[1:]
		if len(x.alert) == 0 {
			if x.call.Rings > 0 && x.rung >= x.call.Rings {
				x.partyLeaves()
				return
			}
			on, off := x.ringing(x.rung)
			x.alert = []alertStep{{frames: on, ringing: true, real: true}, {frames: off}}
		}
		x.beginStep()
	}
	x.left--
	f.Ringing = x.alert[0].ringing
	x.reversed = x.alert[0].reversed
}

func (x *Exchange) beginStep() {
	s := &x.alert[0]
	x.left = s.frames
	if s.real {
		x.rung++
		x.tell(Happening{What: Rang, Count: x.rung})
	}
	if s.spill {
		x.tone = signal.Samples(x.call.Spill)
	}
	if s.told && x.call.Caller != (hal.Caller{}) {
		x.truth = append(x.truth, hal.Event{Kind: hal.CallerID, Caller: x.call.Caller})
	}
}

func (x *Exchange) stopAlerting() {
	x.alert, x.left = nil, 0
	x.reversed = false
}
