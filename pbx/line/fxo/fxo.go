// Package fxo is the state machine of a line on which we are the telephone: a port
// towards an exchange, a voice modem, a cellular module. It decides; a Port acts.
// Everything happens on one goroutine, that of the line, and time is asked of
// time.Now, so that tests run in made-up time.
//
// Incoming: a first burst of ringing, perhaps a caller ID before or after it, then
// the call is offered to the dialplan; silence for ringtimeout means that the caller
// gave up. Outgoing: seize, wait for dial tone, dial, and take the call for answered
// by what the line can tell: a message of the device, a reversal of the feeding, the
// end of ringback, or, as nothing better is to be had, the last digit.
package fxo

import (
	"time"

	"branchline/hal"
	"branchline/pbx/channel"
	"branchline/pbx/line/lineconf"
)

// A Port is the line the machine works on.
type Port interface {
	// Do has the device carry out an operation.
	Do(op hal.Op) error
	// Speak opens the audio, or closes it. Talk says that it is for a call, so that
	// echo is cancelled and digits and tones are looked for.
	Speak(a Audio) error
	// Offer hands an incoming call to the dialplan; false if it was not taken.
	Offer(c hal.Caller, context string) bool
	// Report tells the call's leg what has happened.
	Report(k channel.EventKind)
	// Over ends the call's leg.
	Over(cause channel.Cause)
	// DialTones sends digits as tones; DigitsSent follows.
	DialTones(digits string, each time.Duration)
	// Note is a line for the log.
	Note(text string, args ...any)
}

// Audio says what the speech path is wanted for.
type Audio uint8

const (
	Off       Audio = iota
	Listening       // for caller ID
	Talking         // a call
)

// State is where in a call the line is.
type State uint8

const (
	Idle        State = iota
	Expecting         // the feeding was reversed: caller ID may come before the ringing
	Ringing           // not offered yet
	Offered           // in the dialplan, not answered
	Ignoring          // rings on although the dialplan wants no more of it
	Seized            // off hook, waiting for dial tone
	Dialing           // digits are going out
	Calling           // waiting for the answer
	Up                // two people talk
	Recovering        // just hung up: the exchange needs to notice
	TurningAway       // answered to be hung up
	Dead              // no battery, no network
)

func (s State) String() string {
	return [...]string{"idle", "caller ID expected", "ringing", "ringing in", "ringing, not wanted", "seized", "dialling", "calling", "up", "hanging up", "turning a caller away", "down"}[s]
}

// How long things may take.
const (
	ringGap      = time.Second             // shorter pauses are within one ring (double rings)
	burst        = 4 * time.Second         // more than the longest burst
	expectFor    = 4 * time.Second         // from reversal to ringing
	callerWithin = 2 * time.Second         // from the beginning of a caller ID to its end
	connected    = 1500 * time.Millisecond // for the exchange to see that a call was answered
	guard        = 2 * time.Second         // between hang-up and the next call
	blindPause   = 500 * time.Millisecond  // before dialling when no dial tone is waited for
	perDigit     = 2 * time.Second         // pulses of a 0, and the pause
	reRing       = time.Second             // ringing this long after the answer is another call
	flashMargin  = 700 * time.Millisecond
)

// A Machine is one line's state.
type Machine struct {
	port Port
	conf *lineconf.Line
	info hal.Info

	state    State
	due      time.Time // when the state is to be left, zero: never
	quiet    time.Time // ringing: when the caller has given up
	rings    int
	rhythm   rhythm
	ready    bool // to be offered when the rhythm is known
	ringEnd  time.Time
	caller   hal.Caller
	known    bool   // who calls
	partial  bool   // a caller ID has begun
	number   string // being dialled
	wanted   bool   // number is to be dialled after Recovering
	urgent   bool   // and comes before all else
	answered time.Time
	ringback bool
	deaf     time.Time // a flash of ours: what the line does until then means nothing
	why      string    // Dead
}

// New makes the machine of an open line.
func New(p Port, conf *lineconf.Line, info hal.Info) *Machine {
	return &Machine{port: p, conf: conf, info: info}
}

// Configure changes the settings; they count from the next decision on.
func (m *Machine) Configure(conf *lineconf.Line) { m.conf = conf }

// State is where the line is, and why if it is Dead.
func (m *Machine) State() (State, string) { return m.state, m.why }

// Free reports whether a call can be made now.
func (m *Machine) Free() bool {
	return m.state == Idle || m.state == Expecting || m.state == Recovering
}

// Next is when Elapsed wants to be called, zero: not at all.
func (m *Machine) Next() time.Time {
	if m.state == Ringing || m.state == Offered || m.state == Ignoring {
		if m.due.IsZero() || m.quiet.Before(m.due) {
			return m.quiet
		}
	}
	return m.due
}

func (m *Machine) enter(s State, d time.Duration) {
	m.state, m.due = s, time.Time{}
	if d > 0 {
		m.due = time.Now().Add(d)
	}
}

func (m *Machine) has(c hal.Caps) bool { return m.info.Caps.Has(c) }

// Elapsed does what is due.
func (m *Machine) Elapsed() {
	now := time.Now()
	if next := m.Next(); next.IsZero() || now.Before(next) {
		return
	}
	switch m.state {
	case Expecting:
		m.rest()
	case Ringing:
		if !now.Before(m.quiet) {
			m.port.Note("the caller gave up before the call was offered", "rings", m.rings)
			m.rest()
			return
		}
		m.offer() // the caller ID that had begun does not end
	case Offered, Ignoring:
		if !now.Before(m.quiet) {
			if m.state == Offered {
				m.port.Over(channel.NormalClearing)
			}
			m.rest()
		}
	case Seized:
		if m.conf.StrictDialTone && m.waitsForTone() {
			m.port.Note("no dial tone", "waited", m.conf.WaitForDialTone)
			m.finish(channel.NetworkOutOfOrder)
			return
		}
		m.dial()
	case Dialing:
		m.port.Note("the device never said that it has dialled")
		m.dialled()
	case TurningAway:
		wanted, number := m.wanted, m.number
		m.release(channel.UserBusy)
		m.wanted, m.number, m.urgent = wanted, number, true
	case Recovering:
		if m.wanted {
			m.seize()
			return
		}
		m.rest()
	default:
		m.due = time.Time{}
	}
}

// rest puts the line to rest.
func (m *Machine) rest() {
	m.caller, m.known, m.partial, m.rings = hal.Caller{}, false, false, 0
	m.rhythm, m.ready = rhythm{}, false
	m.number, m.wanted, m.urgent, m.ringback = "", false, false, false
	m.enter(Idle, 0)
	m.attend()
}

// attend listens to an idle line where caller ID may come without notice.
func (m *Machine) attend() {
	a := Off
	if m.conf.CIDStart == "dtmf" && m.listens() {
		a = Listening
	}
	m.speak(a)
}

// Start is called when the line has been opened.
func (m *Machine) Start() { m.rest() }

func (m *Machine) speak(a Audio) bool {
	if err := m.port.Speak(a); err != nil {
		m.port.Note("no audio", "error", err)
		return false
	}
	return true
}

// listens reports whether caller ID is to be found in the audio.
func (m *Machine) listens() bool {
	return m.conf.UseCallerID && !m.has(hal.ReportsCallerID) && m.has(hal.AudioWhenIdle)
}

// finish ends the call, whoever wished it: on hook, and quiet for a while. The next
// call may be asked for although the device is still busy hanging up.
func (m *Machine) finish(cause channel.Cause) {
	m.enter(Recovering, 0)
	m.port.Over(cause)
	m.release(cause)
}

func (m *Machine) release(cause channel.Cause) {
	if err := m.port.Do(hal.Op{Kind: hal.Clear, Cause: int(cause)}); err != nil {
		m.port.Note("hang-up", "error", err)
	}
	m.speak(Off)
	m.rest()
	if m.info.Kind != hal.Cellular {
		m.enter(Recovering, guard)
	}
}

// Lost ends everything: the device is gone.
func (m *Machine) Lost() {
	switch m.state {
	case Offered, Seized, Dialing, Calling, Up:
		m.port.Over(channel.DestinationOutOfOrder)
	}
	if m.wanted {
		m.port.Over(channel.DestinationOutOfOrder)
	}
	_ = m.port.Speak(Off) // it is closed already
	m.wanted = false
	m.enter(Dead, 0)
}
