package wires

import (
	"time"

	"branchline/hal"
)

// Station is a port that feeds and rings a telephone: FXS.
type Station struct {
	Port
	cadence  []time.Duration // nil: not ringing
	element  int             // of cadence
	left     int             // frames of it
	bursts   int
	caller   hal.Caller
	reversed bool
	drop     int // frames for which the battery stays off
	lamp     int

	offHook  bool
	openFor  int // frames, while off hook
	breaks   int // pulses of a digit
	quietFor int // frames since the last
}

// How an open loop is understood, in frames.
var (
	longestPulse = Frames(200 * time.Millisecond) // shorter: a pulse
	longestFlash = Frames(800 * time.Millisecond) // longer: hung up
	digitDone    = Frames(240 * time.Millisecond) // no further pulse
	clearing     = Frames(500 * time.Millisecond) // battery off to say that the call is over
)

// NewStation makes a line called name that feeds a telephone at the other end.
func NewStation(w *Pair, name string, l Loop) *Station {
	if l.Caps == 0 {
		l.Caps = cardFXS
	}
	s := new(Station)
	s.Port = newPort(w, hal.Info{Name: name, Kind: hal.FXS, Caps: l.Caps}, l)
	s.do = s.carryOut
	s.reset = func() { s.cadence, s.reversed = nil, false }
	return s
}

// Rest has nothing to do.
func (s *Station) Rest() {}

// Feed is what the port does in a frame, and what reaches it.
func (s *Station) Feed(l *Load, f *Feed) {
	s.watch(l.Closed)
	f.Battery = s.drop == 0
	if s.drop > 0 {
		s.drop--
	}
	f.Reversed, f.Lamp = s.reversed, s.lamp
	f.Ringing = s.ring(f)
	sent, _ := s.toLine(nil)
	f.Sound = *sent
	s.fromLine(&l.Sound, l.Closed)
}

// ring moves the cadence on and says whether the bell sounds.
func (s *Station) ring(f *Feed) bool {
	if s.cadence == nil {
		return false
	}
	for s.left == 0 {
		s.element = (s.element + 1) % len(s.cadence)
		s.left = Frames(s.cadence[s.element])
		if on := s.element%2 == 0; on {
			s.bursts++
			s.report(hal.Event{Kind: hal.RingBegin})
		} else {
			s.report(hal.Event{Kind: hal.RingEnd})
			if s.bursts == 1 && s.caller != (hal.Caller{}) {
				f.Truth = append(f.Truth, hal.Event{Kind: hal.CallerID, Caller: s.caller})
			}
		}
	}
	s.left--
	return s.element%2 == 0
}

// watch understands what the hook does.
func (s *Station) watch(closed bool) {
	switch {
	case !s.offHook && closed:
		s.offHook, s.talk = true, true
		s.openFor, s.breaks = 0, 0
		s.cadence = nil
		s.report(hal.Event{Kind: hal.OffHook})
	case s.offHook && !closed:
		s.openFor++
		s.quietFor = 0
		if s.openFor > longestFlash {
			s.offHook, s.talk = false, false
			s.breaks = 0
			s.mute()
			s.report(hal.Event{Kind: hal.OnHook})
		}
	case s.offHook:
		switch open := s.openFor; {
		case open == 0:
		case open < longestPulse:
			if s.breaks++; s.breaks == 1 {
				s.report(hal.Event{Kind: hal.DigitBegin, Pulse: true})
			}
		default:
			s.report(hal.Event{Kind: hal.HookFlash})
		}
		s.openFor = 0
		if s.quietFor++; s.breaks > 0 && s.quietFor >= digitDone {
			s.report(hal.Event{Kind: hal.Digit, Digit: "0123456789"[s.breaks%10], Pulse: true})
			s.breaks = 0
		}
	}
}

// carryOut is Do with the lock held.
func (s *Station) carryOut(op hal.Op) error {
	caps := s.info.Caps
	refuse := func(why string) error { return &hal.Unsupported{Driver: "sim", Op: op.Kind, Why: why} }
	switch op.Kind {
	case hal.Ring:
		if s.offHook {
			return hal.ErrBusy
		}
		s.cadence = []time.Duration{time.Second, 4 * time.Second}
		total := 0
		for _, d := range op.Cadence {
			total += Frames(d)
		}
		// One without a pause at its end, or without length, is none.
		if caps.Has(hal.SetsCadence) && len(op.Cadence)%2 == 0 && total > 0 {
			s.cadence = append([]time.Duration(nil), op.Cadence...)
		}
		s.element, s.left, s.bursts, s.caller = len(s.cadence)-1, 0, 0, op.Caller
	case hal.StopRing:
		s.cadence = nil
	case hal.Clear:
		s.cadence = nil
		s.drop = clearing
	case hal.SetPolarity:
		if !caps.Has(hal.Reverses) {
			return refuse("")
		}
		s.reversed = op.Reversed
	case hal.SetMessages:
		s.lamp = op.Count
	case hal.Answer, hal.Seize, hal.Dial, hal.Flash, hal.SendDigit, hal.SendText:
		return refuse("the telephone at the other end does that")
	}
	return nil
}
