package fxo

import (
	"time"

	"branchline/hal"
	"branchline/pbx/channel"
)

// ring: a burst of ringing has begun.
func (m *Machine) ring() {
	now := time.Now()
	m.quiet = now.Add(burst + m.conf.RingTimeout)
	switch m.state {
	case Idle, Expecting, Dead:
		m.why = ""
		m.firstRing()
	case Recovering: // too soon after hang-up to be more than an echo of it
		switch {
		case m.wanted && m.urgent:
			m.turnAway()
		case m.wanted: // glare: somebody calls while we are about to
			m.port.Over(channel.NormalCircuitCongestion)
			m.wanted = false
			m.firstRing()
		}
	case Ringing:
		if now.Sub(m.ringEnd) < ringGap && !m.ringEnd.IsZero() {
			return
		}
		m.rings++
		if !m.partial {
			m.offer()
		}
	case Up:
		if now.Sub(m.answered) > reRing && m.info.Kind == hal.FXO {
			m.port.Note("ringing in a call: the far side has gone, and another one calls")
			m.finish(channel.NormalClearing)
		}
	case Seized, Dialing, Calling, Offered, Ignoring, TurningAway:
	}
}

func (m *Machine) firstRing() {
	m.enter(Ringing, 0)
	m.rings, m.ringEnd = 1, time.Time{}
	m.rhythm, m.ready = rhythm{}, false
	switch {
	case m.known, m.conf.Immediate, !m.conf.UseCallerID:
		m.offer()
	case m.listens():
		if !m.speak(Listening) {
			m.offer()
		}
	case !m.has(hal.ReportsCallerID):
		m.offer()
	}
}

func (m *Machine) ringOver() {
	m.ringEnd = time.Now()
	m.quiet = m.ringEnd.Add(m.conf.RingTimeout)
	if m.state == Ringing && m.studies() {
		m.rhythm.burst(m.ringEnd, m.conf.RingTimeout)
		if m.rhythm.known && m.ready {
			m.offer()
		}
	}
}

// reversed: the feeding was turned round.
func (m *Machine) reversed() {
	switch m.state {
	case Idle:
		if m.listens() && m.conf.CIDStart != "ring" && m.speak(Listening) {
			m.enter(Expecting, expectFor)
		}
	case Dialing, Calling:
		if m.conf.AnswerOnPolarity {
			m.answer()
		}
	case Up:
		if m.conf.HangupOnPolarity && time.Since(m.answered) >= m.conf.PolarityDelay {
			m.finish(channel.NormalClearing)
		}
	case Expecting, Ringing, Offered, Ignoring, Seized, Recovering, TurningAway, Dead:
	}
}

// CallerBegun: a caller ID is being received.
func (m *Machine) CallerBegun() {
	m.partial = true
	if m.state == Ringing {
		m.due = time.Now().Add(callerWithin)
	}
}

// Caller is a caller ID as received, nil if it was damaged.
func (m *Machine) Caller(c *hal.Caller) {
	m.partial = false
	if c == nil {
		m.due = time.Time{}
		if m.state == Ringing && m.rings > 1 {
			m.offer()
		} else if m.state == Expecting {
			m.due = time.Now().Add(expectFor)
		}
		return
	}
	switch m.state {
	case Idle, Expecting: // the ringing follows
		m.caller, m.known = *c, true
		m.enter(Expecting, expectFor)
	case Ringing:
		m.caller, m.known = *c, true
		m.offer()
	case Offered, Ignoring, Seized, Dialing, Calling, Up, Recovering, TurningAway, Dead:
	}
}

// offer hands the call to the dialplan, as soon as it is known to which part of it.
func (m *Machine) offer() {
	if m.studies() && !m.rhythm.known {
		m.ready, m.due = true, time.Time{}
		return
	}
	m.speak(Off)
	m.enter(Offered, 0)
	if !m.port.Offer(m.caller, m.context()) {
		m.ignore(channel.SwitchCongestion)
	}
}

// ignore lets it ring: an analog line cannot refuse a call, a mobile one can.
func (m *Machine) ignore(cause channel.Cause) {
	if m.info.Kind == hal.Cellular {
		m.release(cause)
		return
	}
	m.enter(Ignoring, 0)
}

// Preempt frees the line for a call that is more important, whatever is going on.
// A line that rings is answered and hung up, which ends the ringing.
func (m *Machine) Preempt(cause channel.Cause) {
	m.urgent = true
	switch m.state {
	case Offered:
		m.port.Over(cause)
		m.turnAway()
	case Ringing, Ignoring:
		m.turnAway()
	case Seized, Dialing, Calling, Up:
		m.finish(cause)
	case Idle, Expecting, Recovering, TurningAway, Dead:
	}
}

func (m *Machine) turnAway() {
	if m.info.Kind == hal.Cellular {
		m.release(channel.UserBusy)
		return
	}
	if err := m.port.Do(hal.Op{Kind: hal.Answer}); err != nil {
		m.port.Note("answer", "error", err)
	}
	m.enter(TurningAway, connected)
}

// Answer takes the offered call.
func (m *Machine) Answer() {
	if m.state != Offered {
		return
	}
	if err := m.port.Do(hal.Op{Kind: hal.Answer}); err != nil {
		m.port.Note("answer", "error", err)
		m.finish(channel.DestinationOutOfOrder)
		return
	}
	m.up()
}

// up: speech flows.
func (m *Machine) up() {
	m.enter(Up, 0)
	m.answered = time.Now()
	if !m.speak(Talking) {
		m.finish(channel.DestinationOutOfOrder)
	}
}
