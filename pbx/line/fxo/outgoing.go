package fxo

import (
	"errors"
	"time"

	"branchline/hal"
	"branchline/pbx/channel"
)

// Dial makes a call; number may be empty to be given the line as it is. A call that
// comes in at the same moment has precedence.
func (m *Machine) Dial(number string) {
	switch m.state {
	case Idle, Expecting:
		m.number = number
		m.seize()
	case Recovering, TurningAway:
		m.number, m.wanted = number, true // until the exchange has noticed the hang-up
	case Ringing, Offered, Ignoring, Seized, Dialing, Calling, Up:
		m.port.Over(channel.NormalCircuitCongestion)
	case Dead:
		m.port.Over(channel.DestinationOutOfOrder)
	}
}

// waitsForTone: lines that are silent on hook wait inside the device.
func (m *Machine) waitsForTone() bool {
	return m.info.Kind == hal.FXO && m.has(hal.AudioWhenIdle) && m.conf.WaitForDialTone > 0
}

func (m *Machine) seize() {
	m.wanted = false
	if err := m.port.Do(hal.Op{Kind: hal.Seize}); err != nil {
		m.port.Note("seize", "error", err)
		m.finish(blame(err))
		return
	}
	if m.info.Kind == hal.Cellular {
		m.dial()
		return
	}
	if !m.speak(Talking) {
		m.finish(channel.DestinationOutOfOrder)
		return
	}
	wait := blindPause
	if m.waitsForTone() {
		wait = m.conf.WaitForDialTone
	}
	m.enter(Seized, wait)
}

// blame is the cause of an operation that failed.
func blame(err error) channel.Cause {
	var no *hal.Unsupported
	switch {
	case errors.As(err, &no):
		return channel.BearerCapabilityNotAvail
	case errors.Is(err, hal.ErrBusy):
		return channel.NormalCircuitCongestion
	}
	return channel.DestinationOutOfOrder
}

func (m *Machine) dial() {
	if m.number == "" {
		m.enter(Dialing, 0)
		m.dialled()
		return
	}
	digits := m.number[min(m.conf.StripDigits, len(m.number)):]
	m.enter(Dialing, time.Duration(len(digits))*perDigit+5*time.Second)
	if m.info.Kind == hal.Cellular {
		m.due = time.Time{} // the network's timers
	}
	pulse := m.conf.Pulse
	if !pulse && m.info.Kind == hal.FXO && (m.conf.ToneLength > 0 || !m.has(hal.Dials)) {
		m.port.DialTones(digits, m.conf.ToneLength)
		return
	}
	if err := m.port.Do(hal.Op{Kind: hal.Dial, Digits: digits, Pulse: pulse}); err != nil {
		m.port.Note("dial", "error", err)
		m.finish(blame(err))
		return
	}
	if m.info.Kind == hal.Cellular && m.state == Dialing && !m.speak(Talking) {
		m.finish(channel.DestinationOutOfOrder)
	}
}

// DigitsSent: the digits of DialTones are out.
func (m *Machine) DigitsSent() {
	if m.state == Dialing {
		m.dialled()
	}
}

// dialled: the exchange has the number.
func (m *Machine) dialled() {
	m.enter(Calling, 0)
	if m.info.Kind != hal.Cellular { // which says what it knows in messages
		m.port.Report(channel.Progressed) // the caller hears the line, whatever it says
	}
	if m.has(hal.ReportsAnswer) || m.conf.AnswerOnPolarity || m.conf.CallProgress {
		return
	}
	m.answer()
}

func (m *Machine) answer() {
	if m.state != Up {
		m.enter(Up, 0)
		m.answered = time.Now()
		m.port.Report(channel.Answered)
	}
}

// Tone: a call progress tone was heard, by the device or by us.
func (m *Machine) Tone(t hal.Tone) {
	switch m.state {
	case Seized:
		if t == hal.DialTone {
			m.dial()
		}
	case Calling:
		m.progress(t)
	case Up:
		if m.conf.BusyDetect && (t == hal.Busy || t == hal.Congestion) {
			m.port.Note("the far side has hung up", "tone", t.String())
			m.finish(channel.NormalClearing)
		}
	case Dialing:
		if t == hal.Busy && m.info.Kind == hal.Cellular {
			m.finish(channel.UserBusy)
		}
	case Idle, Expecting, Ringing, Offered, Ignoring, Recovering, TurningAway, Dead:
	}
}

func (m *Machine) progress(t hal.Tone) {
	switch t {
	case hal.Ringback:
		if !m.ringback {
			m.ringback = true
			m.port.Report(channel.Ringing)
		}
	case hal.Busy:
		m.finish(channel.UserBusy)
	case hal.Congestion:
		m.finish(channel.NormalCircuitCongestion)
	case hal.SpecialInformation:
		m.finish(channel.Unallocated)
	case hal.FaxAnswer:
		m.answer()
	case hal.NoTone, hal.DialTone, hal.FaxCalling:
	}
}

// RingbackOver: ringback has ended without another tone.
func (m *Machine) RingbackOver() {
	if m.state == Calling && m.ringback && m.conf.CallProgress {
		m.answer()
	}
}

// Voice: somebody speaks.
func (m *Machine) Voice() {
	switch {
	case m.state != Calling:
	case m.info.Kind == hal.Cellular: // an announcement of the network's
		m.port.Report(channel.Progressed)
	case m.conf.CallProgress:
		m.answer()
	}
}

// Abandoned: dial tone or howler for so long that nobody can be there any more.
func (m *Machine) Abandoned() {
	if m.state == Up || m.state == Calling {
		m.port.Note("nothing but dial tone in the call")
		m.finish(channel.NormalClearing)
	}
}

// Hangup ends the call from our side.
func (m *Machine) Hangup(cause channel.Cause) {
	switch m.state {
	case Offered:
		m.port.Over(cause)
		m.ignore(cause)
	case Seized, Dialing, Calling, Up:
		m.finish(cause)
	case Idle, Expecting, Ringing, Ignoring, Recovering, TurningAway, Dead:
		m.wanted = false
		m.port.Over(cause)
	}
}

// Flash breaks the loop for a moment.
func (m *Machine) Flash(length time.Duration) error {
	if m.state != Up && m.state != Calling {
		return hal.ErrClosed
	}
	if length == 0 {
		length = m.conf.FlashLength
	}
	m.deaf = time.Now().Add(length + flashMargin)
	return m.port.Do(hal.Op{Kind: hal.Flash, Length: length})
}

// Happened takes an event of the device.
func (m *Machine) Happened(e hal.Event) {
	ours := time.Now().Before(m.deaf) // what a flash does to the line
	switch e.Kind {
	case hal.Polarity, hal.Cleared, hal.AlarmBegin, hal.RingBegin, hal.RingEnd:
		if ours {
			return
		}
	default:
	}
	switch e.Kind {
	case hal.RingBegin:
		m.ring()
	case hal.RingEnd:
		m.ringOver()
	case hal.CallerID:
		m.Caller(&e.Caller)
	case hal.Polarity:
		m.reversed()
	case hal.Progress:
		m.Tone(e.Tone)
	case hal.Answered:
		if m.state == Dialing || m.state == Calling {
			m.answer()
		}
	case hal.Cleared:
		m.cleared(e)
	case hal.DialDone:
		if m.state == Dialing {
			m.dialled()
		}
	case hal.AlarmBegin:
		m.alarm(e.Err)
	case hal.AlarmEnd:
		if m.state == Dead {
			m.why = ""
			m.rest()
		}
	case hal.Lost:
		m.Lost()
	}
}

// cleared: the far side has hung up, or the network has ended the call.
func (m *Machine) cleared(e hal.Event) {
	cause := channel.Cause(e.Cause)
	if e.Err != nil {
		m.port.Note("cleared", "error", e.Err)
	}
	switch m.state {
	case Seized, Dialing, Calling, Up:
		if cause == channel.NoCause {
			cause = channel.NormalClearing
		}
		m.finish(cause)
	case Offered:
		m.port.Over(max(cause, channel.NormalClearing))
		m.rest()
	case Ringing, Expecting, Ignoring:
		m.rest()
	case Idle, Recovering, TurningAway, Dead:
	}
}

// alarm: battery or network are gone.
func (m *Machine) alarm(err error) {
	switch m.state {
	case Seized, Dialing, Calling, Up:
		m.finish(channel.DestinationOutOfOrder)
	case Offered:
		m.port.Over(channel.DestinationOutOfOrder)
	case Recovering, TurningAway:
		if m.wanted {
			m.port.Over(channel.DestinationOutOfOrder)
		}
	case Idle, Expecting, Ringing, Ignoring, Dead:
	}
	m.speak(Off)
	m.rest()
	m.why = "no battery: the line is unplugged, or dead"
	if err != nil {
		m.why = err.Error()
	}
	m.enter(Dead, 0)
}
