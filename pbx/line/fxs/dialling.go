package fxs

import (
	"strings"

	"branchline/media/callerid"
	"branchline/pbx/channel"
)

// lifted: the telephone is off hook.
func (m *Machine) lifted() {
	switch m.state {
	case Ringing:
		if !m.hookWanted(callerid.ShortRings) {
			m.pickUp()
		}
	case Idle:
		if m.alarmed {
			return
		}
		if err := m.port.Speak(true); err != nil {
			m.port.Note("no audio", "error", err)
			return
		}
		if m.conf.Immediate {
			m.dialled("s")
			return
		}
		if m.port.Waiting() {
			m.collect("stutter")
			return
		}
		m.collect("dial")
	case Collecting, InCall, Toned, Dropped:
	}
}

// collect invites the user to dial.
func (m *Machine) collect(tone string) {
	m.digits = ""
	m.enter(Collecting, m.conf.FirstDigit)
	m.port.Connect()
	m.port.Play(tone)
}

// DigitBegan silences the dial tone at the beginning of a digit.
func (m *Machine) DigitBegan(d byte) {
	if m.state == Collecting && m.digits == "" && !m.plan.wantsAck() {
		m.port.Play("")
	}
}

// Digit is one whole digit of the telephone.
func (m *Machine) Digit(d byte) {
	if m.plan.wantsAck() {
		m.acknowledged(d)
		return
	}
	if m.state != Collecting {
		return
	}
	exists, more := m.port.Lookup(m.digits + string(rune(d)))
	if d == '#' && m.digits != "" && !exists && !more { // "that was all"
		m.digitsOver()
		return
	}
	m.digits += string(rune(d))
	if !exists && m.service(m.digits) {
		return
	}
	switch {
	case exists && !more:
		m.dialled(m.digits)
	case exists:
		m.enter(Collecting, m.conf.MatchDigit)
	case more, m.mayBeService(m.digits):
		m.enter(Collecting, m.conf.NextDigit)
	default:
		m.port.Note("no such number", "number", m.digits, "context", m.conf.Context)
		m.tone("congestion", reorder)
	}
}

// digitsOver: the user dials nothing more.
func (m *Machine) digitsOver() {
	if exists, _ := m.port.Lookup(m.digits); exists && m.digits != "" {
		m.dialled(m.digits)
		return
	}
	if m.digits != "" {
		m.port.Note("number not complete", "number", m.digits, "context", m.conf.Context)
	}
	m.tone("congestion", reorder)
}

// services are what can be dialled before a number. A number of the dialplan has
// precedence.
var services = map[string]func(*Machine){
	"*67": func(m *Machine) { m.hidden = !m.conf.HideCaller },
	"*82": func(m *Machine) { m.hidden = m.conf.HideCaller },
	"*70": func(m *Machine) { m.quietly = true },
}

// service carries out a service code.
func (m *Machine) service(digits string) bool {
	f := services[digits]
	if f == nil {
		return false
	}
	f(m)
	m.collect("dialrecall")
	return true
}

func (m *Machine) mayBeService(digits string) bool {
	for code := range services {
		if strings.HasPrefix(code, digits) {
			return true
		}
	}
	return false
}

// dialled sends the call into the dialplan.
func (m *Machine) dialled(number string) {
	slot, ok := m.free()
	if !ok {
		m.tone("congestion", reorder)
		return
	}
	m.calls[slot] = call{phase: entered}
	m.active = slot
	m.enter(InCall, 0)
	m.listen()
	if !m.port.Enter(slot, number) {
		m.calls[slot] = call{}
		m.active = nobody
		m.after(channel.SwitchCongestion, entered)
	}
}

// Ring, Progress and Answer are what the dialplan says to a call of the telephone's.
func (m *Machine) Ring(slot int) { m.become(slot, "ring", false) }

// Progress lets the telephone hear the call although it is not answered.
func (m *Machine) Progress(slot int) { m.become(slot, "", true) }

func (m *Machine) become(slot int, tone string, heard bool) {
	c := &m.calls[slot]
	if c.phase != entered || c.heard && !heard {
		return
	}
	c.tone, c.heard = tone, heard
	if slot == m.active && m.state == InCall {
		m.listen()
	}
}

// Answer: the call of the telephone's is up.
func (m *Machine) Answer(slot int) {
	c := &m.calls[slot]
	if c.phase != entered {
		return
	}
	c.phase, c.tone = up, ""
	if slot == m.active && m.state == InCall {
		m.listen()
	}
}
