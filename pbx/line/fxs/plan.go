package fxs

import (
	"time"

	"branchline/hal"
	"branchline/media/callerid"
	"branchline/pbx/channel"
)

// A plan is a caller ID on its way to the telephone, step by step.
type plan struct {
	steps    []callerid.Step
	slot     int
	bursts   int       // to wait for at AwaitBurst
	due      time.Time // when the step is over, zero: something else ends it
	reversed bool      // the feeding is turned round
	rung     bool      // the cadence has begun
	waiting  bool      // a call waiting, not ringing
}

func (p *plan) running() bool { return len(p.steps) > 0 }

func (p *plan) doing(d callerid.StepKind) bool { return p.running() && p.steps[0].Do == d }

// wantsAck: the next digit is the telephone's answer to the alert.
func (p *plan) wantsAck() bool { return p.doing(callerid.AwaitAck) }

// shortRing is how NTT's exchanges ring a telephone that shall listen for a message.
const shortRing = 500 * time.Millisecond

// ringPlan rings the telephone and tells it who calls, in the order its country has.
func (m *Machine) ringPlan(slot int) {
	m.stopPlan()
	if !m.conf.UseCallerID || !m.info.Caps.Has(hal.AudioWhenIdle) || m.calls[slot].phase != alerting {
		m.ring(slot)
		return
	}
	if err := m.port.Speak(true); err != nil {
		m.port.Note("no audio for the caller ID", "error", err)
		m.ring(slot)
		return
	}
	m.plan = plan{steps: m.form().Plan(message(m.calls[slot].caller)), slot: slot, bursts: max(1, m.conf.CIDAfter)}
	m.step()
}

// announce tells a user in a call that slot waits, and who it is.
func (m *Machine) announce(slot int) {
	m.beep = time.Now().Add(waitingEach)
	if !m.conf.UseCallerID || !m.conf.CallWaitingID {
		m.port.Beep()
		return
	}
	m.stopPlan()
	m.plan = plan{steps: m.form().Waiting(message(m.calls[slot].caller)), slot: slot, waiting: true, rung: true}
	if !m.plan.running() {
		m.port.Beep() // a form that does not know call waiting
		return
	}
	m.step()
}

// beepAgain reminds the user of the waiting call.
func (m *Machine) beepAgain() {
	m.beep = time.Time{}
	if m.state == InCall && m.other != nobody && m.calls[m.other].phase == alerting {
		m.port.Beep()
		m.beep = time.Now().Add(waitingEach)
	}
}

// form is how the telephone is told.
func (m *Machine) form() callerid.Form {
	// The reader of the configuration lets no word through that names no form.
	f, _ := callerid.FormOf(m.conf.CIDForm, m.conf.CIDStart, m.conf.ToneZone)
	return f
}

func message(p channel.Party) callerid.Message {
	c := callerOf(p)
	return callerid.Message{
		Number: c.Number, Name: c.Name, Withheld: c.Withheld, Unavailable: c.Unavailable,
		NameWithheld: c.Withheld, NameUnavailable: c.Name == "" && !c.Withheld, Stamp: callerid.StampOf(c.Time),
	}
}

// step begins steps until one takes time.
func (m *Machine) step() {
	p := &m.plan
	for p.running() {
		s := p.steps[0]
		p.due = time.Time{}
		switch s.Do {
		case callerid.Reverse, callerid.Restore:
			p.reversed = s.Do == callerid.Reverse
			m.polarity(p.reversed)
		case callerid.Ring:
			p.rung = true
			if !m.ring(p.slot) {
				return
			}
		case callerid.Play:
			m.port.Sound(s.Sound)
			return
		case callerid.Pulse:
			if err := m.port.Do(hal.Op{Kind: hal.Ring, Cadence: []time.Duration{s.Length, time.Minute}}); err != nil {
				m.port.Note("ring pulse", "error", err)
				m.abandon()
				return
			}
			p.due = time.Now().Add(s.Length)
			return
		case callerid.ShortRings:
			if err := m.port.Do(hal.Op{Kind: hal.Ring, Cadence: []time.Duration{shortRing, shortRing}}); err != nil {
				m.port.Note("short rings", "error", err)
				m.abandon()
				return
			}
			p.due = time.Now().Add(s.Length)
			return
		case callerid.Silence, callerid.AwaitBurst, callerid.AwaitAck, callerid.AwaitOnHook:
			p.due = time.Now().Add(s.Length)
			return
		}
		p.steps = p.steps[1:]
	}
	m.stopPlan()
}

// stepOver goes on with the next step.
func (m *Machine) stepOver() {
	m.plan.due = time.Time{}
	if m.plan.running() {
		m.plan.steps = m.plan.steps[1:]
	}
	m.step()
}

func (m *Machine) planElapsed() {
	switch {
	case m.plan.doing(callerid.AwaitAck), m.plan.doing(callerid.ShortRings):
		m.abandon() // this telephone does not know caller ID
	case m.plan.doing(callerid.AwaitOnHook): // it was the user who lifted it
		m.pickUp()
	case m.plan.doing(callerid.Pulse):
		if err := m.port.Do(hal.Op{Kind: hal.StopRing}); err != nil {
			m.port.Note("ring pulse", "error", err)
		}
		m.stepOver()
	default:
		m.stepOver()
	}
}

// abandon gives up telling, and rings if that has not begun.
func (m *Machine) abandon() {
	slot, rung := m.plan.slot, m.plan.rung
	m.stopPlan()
	if !rung && m.state == Ringing {
		m.ring(slot)
	}
}

// SoundOver: the Sound has been played.
func (m *Machine) SoundOver() {
	if m.plan.doing(callerid.Play) {
		m.stepOver()
	}
}

// burstOver: the telephone has rung once.
func (m *Machine) burstOver() {
	if !m.plan.doing(callerid.AwaitBurst) {
		return
	}
	if m.plan.bursts--; m.plan.bursts > 0 {
		m.plan.due = time.Now().Add(m.plan.steps[0].Length)
		return
	}
	m.stepOver()
}

// acknowledged: the telephone can show who waits, or pressed another key.
func (m *Machine) acknowledged(d byte) {
	if d == 'A' || d == 'D' {
		m.stepOver()
		return
	}
	m.abandon()
}

// hookWanted takes a movement of the hook that belongs to the plan.
func (m *Machine) hookWanted(d callerid.StepKind) bool {
	if !m.plan.doing(d) {
		return false
	}
	if d == callerid.ShortRings {
		if err := m.port.Do(hal.Op{Kind: hal.StopRing}); err != nil {
			m.port.Note("short rings", "error", err)
		}
	}
	m.stepOver()
	return true
}

// stopPlan ends the telling, wherever it stands.
func (m *Machine) stopPlan() {
	p := m.plan
	m.plan = plan{}
	if p.reversed {
		m.polarity(false)
	}
	if p.steps != nil {
		m.port.Sound(nil)
	}
	if p.steps != nil && !p.waiting && !m.offHook {
		_ = m.port.Speak(false)
	}
}

func (m *Machine) polarity(reversed bool) {
	if !m.info.Caps.Has(hal.Reverses) {
		return
	}
	if err := m.port.Do(hal.Op{Kind: hal.SetPolarity, Reversed: reversed}); err != nil {
		m.port.Note("polarity", "error", err)
	}
}
