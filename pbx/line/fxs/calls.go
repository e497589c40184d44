package fxs

import (
	"time"

	"branchline/hal"
	"branchline/media/callerid"
	"branchline/pbx/channel"
	"branchline/pbx/line/lineconf"
)

// Dial calls the telephone: it rings, or, while it is used, the user hears that
// somebody waits. slot came from Takes.
func (m *Machine) Dial(slot int, caller channel.Party, ring lineconf.Cadence) {
	m.calls[slot] = call{phase: alerting, caller: caller, ring: ring}
	switch {
	case m.alarmed:
		m.over(slot, channel.DestinationOutOfOrder)
	case m.state == Idle && !m.offHook:
		m.active = slot
		m.ringFor(slot)
	case m.state == InCall && m.other == nobody && m.active != nobody && m.calls[m.active].phase == up:
		m.other = slot
		m.port.Report(slot, channel.Ringing)
		m.announce(slot)
	default:
		m.over(slot, channel.UserBusy)
	}
}

// ringFor rings the telephone for a call that is alerting, or has been on hold.
func (m *Machine) ringFor(slot int) {
	m.enter(Ringing, 0)
	m.ringPlan(slot)
	if m.state == Ringing && m.calls[slot].phase == alerting {
		m.port.Report(slot, channel.Ringing)
	}
}

// ring has the device begin the cadence.
func (m *Machine) ring(slot int) bool {
	op := hal.Op{Kind: hal.Ring, Cadence: m.calls[slot].ring}
	if m.conf.UseCallerID {
		op.Caller = callerOf(m.calls[slot].caller)
	}
	if err := m.port.Do(op); err != nil {
		m.port.Note("ring", "error", err)
		m.silence()
		m.over(slot, channel.DestinationOutOfOrder)
		m.reset()
		m.enter(Idle, 0)
		return false
	}
	return true
}

// silence ends ringing and whatever belongs to it.
func (m *Machine) silence() {
	m.stopPlan()
	if err := m.port.Do(hal.Op{Kind: hal.StopRing}); err != nil {
		m.port.Note("stop ringing", "error", err)
	}
	if !m.offHook {
		_ = m.port.Speak(false)
	}
}

// callerOf is what the telephone shows about p.
func callerOf(p channel.Party) hal.Caller {
	c := hal.Caller{Number: p.Number, Name: p.Name, Time: time.Now()}
	if p.Presentation.Restricted() {
		c.Number, c.Name = "", ""
		c.Withheld = p.Presentation != channel.Unavailable
	}
	c.Unavailable = c.Number == "" && !c.Withheld
	return c
}

// pickUp: the ringing telephone is lifted.
func (m *Machine) pickUp() {
	m.stopPlan()
	if err := m.port.Speak(true); err != nil {
		m.port.Note("no audio", "error", err)
		m.over(m.active, channel.DestinationOutOfOrder)
		m.reset()
		m.enter(Toned, 0)
		return
	}
	m.enter(InCall, 0)
	c := &m.calls[m.active]
	if c.phase == alerting {
		c.phase = up
		m.port.Report(m.active, channel.Answered)
	}
	m.hold(m.active, false)
	m.listen()
}

// putBack: the telephone is on hook.
func (m *Machine) putBack() {
	if m.state == Ringing && m.hookWanted(callerid.AwaitOnHook) {
		return
	}
	m.port.Play("")
	switch {
	case m.state == InCall && m.adding && m.conf.Transfer && m.calls[m.other].phase == up && m.calls[m.active].phase != none:
		held, second := m.other, m.active
		m.calls[held], m.calls[second] = call{}, call{}
		m.port.Transfer(held, second)
	case m.other != nobody && !m.merged:
		if m.active != nobody {
			m.over(m.active, channel.NormalClearing)
		}
		m.active, m.other, m.adding = m.other, nobody, false
		m.beep = time.Time{}
		m.stopPlan()
		m.port.Connect()
		_ = m.port.Speak(false)
		m.ringFor(m.active)
		return
	}
	m.drop(channel.NormalClearing, m.why)
}

// flash: the user pressed the hook for a moment.
func (m *Machine) flash() {
	switch {
	case m.state == Collecting && m.other != nobody, m.state == Toned && m.other != nobody:
		m.resume()
	case m.state != InCall || m.active == nobody:
	case m.other == nobody:
		m.inquire()
	case m.calls[m.other].phase == alerting:
		m.stopPlan()
		m.beep = time.Time{}
		m.calls[m.other].phase = up
		m.port.Report(m.other, channel.Answered)
		m.swap()
	case m.merged: // the one added last goes
		m.over(m.active, channel.NormalClearing)
		m.resume()
	case m.adding && m.calls[m.active].phase != up:
		m.over(m.active, channel.NormalClearing)
		m.resume()
	case m.adding && m.conf.ThreeWay:
		m.merged = true
		m.hold(m.other, false)
		m.listen()
	default:
		m.swap()
	}
}

// swap puts the active call on hold and takes up the other.
func (m *Machine) swap() {
	m.hold(m.active, true)
	m.active, m.other = m.other, m.active
	m.hold(m.active, false)
	m.listen()
}

// inquire puts the call on hold and gives the user a second line to dial on.
func (m *Machine) inquire() {
	if _, ok := m.free(); !ok || !m.conf.ThreeWay && !m.conf.Transfer || m.calls[m.active].phase != up {
		return
	}
	m.hold(m.active, true)
	m.other, m.active, m.adding = m.active, nobody, true
	m.collect("dialrecall")
}

// resume goes back to the call on hold.
func (m *Machine) resume() {
	m.active, m.other, m.adding, m.merged = m.other, nobody, false, false
	m.enter(InCall, 0)
	m.hold(m.active, false)
	m.listen()
}

// Hangup: the exchange ends a call.
func (m *Machine) Hangup(slot int, cause channel.Cause) {
	was := m.calls[slot].phase
	if was == none {
		return
	}
	m.over(slot, cause)
	switch {
	case slot == m.other:
		if was == alerting {
			m.stopPlan()
			m.beep = time.Time{}
		}
		m.other, m.adding, m.merged = nobody, false, false
		if m.state == InCall {
			m.listen()
		}
	case slot != m.active:
	case m.state == Ringing:
		m.silence()
		m.reset()
		m.enter(Idle, 0)
	case m.other != nobody && m.calls[m.other].phase == up && (m.merged || !m.adding):
		m.resume()
	case m.other != nobody && m.calls[m.other].phase == alerting:
		m.calls[m.other].phase = up
		m.stopPlan()
		m.beep = time.Time{}
		m.port.Report(m.other, channel.Answered)
		m.resume()
	default:
		m.active = nobody
		m.after(cause, was)
	}
}

// after lets the user hear why his call is over. A held call waits for a flash.
func (m *Machine) after(cause channel.Cause, was phase) {
	m.port.Connect()
	switch {
	case m.other != nobody || was == entered && cause == channel.UserBusy:
		m.tone("busy", reorder)
	case was == entered && cause != channel.NormalClearing && cause != channel.NoCause:
		m.tone("congestion", reorder)
	default:
		m.port.Play("")
		if err := m.port.Do(hal.Op{Kind: hal.Clear}); err != nil {
			m.port.Note("battery drop", "error", err)
		}
		m.enter(Dropped, batteryDrop)
	}
}
