// Package fxs is the state machine of a line with a telephone at its other end. It
// decides; a Port acts. Everything happens on one goroutine, that of the line, and
// time is asked of time.Now.
//
// The telephone can have three calls: the one it talks on, one on hold or waiting,
// and a second one of its own for a conference or a transfer. What the hook, the
// flash key and the exchange do to them is told here; what the telephone hears
// follows from that.
package fxs

import (
	"time"

	"branchline/hal"
	"branchline/pbx/channel"
	"branchline/pbx/line/lineconf"
)

// MaxCalls is how many calls a telephone can have.
const MaxCalls = 3

// A Port is the line the machine works on. Calls are known by their slot, 0 to
// MaxCalls-1.
type Port interface {
	// Do has the device carry out an operation.
	Do(op hal.Op) error
	// Speak opens or closes the audio.
	Speak(on bool) error
	// Play lets the telephone hear a tone of its zone by name until the next Play;
	// "" is silence, or the calls it is connected to.
	Play(tone string)
	// Sound plays a part of a caller ID instead of everything else; Machine.SoundOver
	// follows. Nil ends it, and nothing follows.
	Sound(s Sound)
	// Beep plays the zone's call waiting tone once over what the telephone hears.
	Beep()
	// Connect says to which calls the telephone listens and speaks; two or more hear
	// each other too.
	Connect(slots ...int)
	// Enter sends a call of the telephone's into the dialplan as slot; false if it is
	// refused.
	Enter(slot int, number string) bool
	// Lookup says whether number can be dialled, and whether a longer one could.
	Lookup(number string) (exists, more bool)
	// Report tells the leg of a call what has happened to it.
	Report(slot int, k channel.EventKind)
	// Over ends the leg of a call.
	Over(slot int, cause channel.Cause)
	// Transfer connects the far ends of two calls with each other; both are then no
	// longer the telephone's.
	Transfer(held, other int)
	// Waiting reports whether messages wait for the telephone.
	Waiting() bool
	// Note is a line for the log.
	Note(text string, args ...any)
}

// A Sound fills frames until it returns less than it was given room for.
type Sound interface{ Fill(out []int16) int }

// State is what the telephone is doing.
type State uint8

const (
	Idle       State = iota // on hook
	Ringing                 // on hook, and rung
	Collecting              // off hook, dialling
	InCall                  // off hook, in one call or several
	Toned                   // off hook, hearing why there is nothing more
	Dropped                 // off hook, the battery is taken away for a moment
)

func (s State) String() string {
	return [...]string{"on hook", "ringing", "dialling", "in a call", "off hook", "off hook, call over"}[s]
}

// phase is how far one call is.
type phase uint8

const (
	none     phase = iota
	entered        // the telephone's own, in the dialplan, not answered
	alerting       // from elsewhere: the telephone rings, or beeps
	up
)

type call struct {
	phase  phase
	held   bool
	caller channel.Party
	ring   lineconf.Cadence // nil: the usual
	heard  bool             // entered: its speech is to be heard
	tone   string           // entered: what it plays instead
}

// How long things last.
const (
	batteryDrop = 700 * time.Millisecond // the device takes 500 ms of it
	reorder     = 20 * time.Second       // congestion tone to a telephone left off hook
	howl        = 60 * time.Second
	waitingEach = 10 * time.Second // between two beeps of a waiting call
)

// none of the calls
const nobody = -1

// A Machine is one telephone's state.
type Machine struct {
	port Port
	conf *lineconf.Line
	info hal.Info

	state   State
	due     time.Time // when the state is to be left, zero: never
	calls   [MaxCalls]call
	active  int  // the call talked on, or being dialled; nobody
	other   int  // on hold, or waiting; nobody
	adding  bool // active was begun by the telephone while other was held
	merged  bool // the two are a conference
	digits  string
	quietly bool // *70: nobody calls in while this call lasts
	hidden  bool // *67
	plan    plan
	beep    time.Time // next call waiting tone
	offHook bool
	alarmed bool
	why     string
}

// New makes the machine of an open line.
func New(p Port, conf *lineconf.Line, info hal.Info) *Machine {
	return &Machine{port: p, conf: conf, info: info, active: nobody, other: nobody}
}

// Configure changes the settings; they count from the next decision on.
func (m *Machine) Configure(conf *lineconf.Line) { m.conf = conf }

// State is what the telephone does; why is not "" if the line is down.
func (m *Machine) State() (s State, why string) { return m.state, m.why }

// Hidden reports whether the caller asked that his number be withheld.
func (m *Machine) Hidden() bool { return m.hidden != m.conf.HideCaller }

// Takes gives the slot for a call to the telephone; false if it is busy.
func (m *Machine) Takes() (slot int, ok bool) {
	switch {
	case m.alarmed:
		return 0, false
	case m.state == Idle && !m.offHook:
	case m.state == InCall && m.conf.CallWaiting && !m.quietly && m.other == nobody && m.calls[m.active].phase == up:
	default:
		return 0, false
	}
	return m.free()
}

func (m *Machine) free() (int, bool) {
	for i := range m.calls {
		if m.calls[i].phase == none {
			return i, true
		}
	}
	return 0, false
}

func (m *Machine) enter(s State, d time.Duration) {
	m.state, m.due = s, time.Time{}
	if d > 0 {
		m.due = time.Now().Add(d)
	}
}

// Next is when Elapsed wants to be called, zero: not at all.
func (m *Machine) Next() time.Time {
	next := m.due
	for _, t := range [...]time.Time{m.plan.due, m.beep} {
		if !t.IsZero() && (next.IsZero() || t.Before(next)) {
			next = t
		}
	}
	return next
}

// Elapsed does what is due.
func (m *Machine) Elapsed() {
	now := time.Now()
	past := func(t time.Time) bool { return !t.IsZero() && !now.Before(t) }
	if past(m.plan.due) {
		m.planElapsed()
	}
	if past(m.beep) {
		m.beepAgain()
	}
	if !past(m.due) {
		return
	}
	m.due = time.Time{}
	switch m.state {
	case Collecting:
		m.digitsOver()
	case Dropped:
		m.tone("congestion", reorder)
	case Toned:
		if m.digits == howler {
			m.port.Play("")
			return
		}
		m.tone(howler, howl)
	case Idle, Ringing, InCall:
	}
}

// howler wakes whoever left the receiver off the hook.
const howler = "howler"

// tone plays what ends a call until the telephone is put down.
func (m *Machine) tone(name string, d time.Duration) {
	m.digits = name
	m.enter(Toned, d)
	m.port.Connect()
	m.port.Play(name)
}

// Start is called when the line has been opened.
func (m *Machine) Start() { m.enter(Idle, 0) }

// Lost ends everything: the device is gone.
func (m *Machine) Lost() { m.drop(channel.DestinationOutOfOrder, "") }

// drop ends all calls.
func (m *Machine) drop(cause channel.Cause, why string) {
	m.stopPlan()
	for i := range m.calls {
		m.over(i, cause)
	}
	m.reset()
	_ = m.port.Speak(false)
	m.why = why
	m.enter(Idle, 0)
}

func (m *Machine) reset() {
	m.active, m.other, m.adding, m.merged = nobody, nobody, false, false
	m.digits, m.quietly, m.hidden, m.beep = "", false, false, time.Time{}
}

func (m *Machine) over(slot int, cause channel.Cause) {
	if m.calls[slot].phase != none {
		m.calls[slot] = call{}
		m.port.Over(slot, cause)
	}
}

// Happened takes an event of the device.
func (m *Machine) Happened(e hal.Event) {
	switch e.Kind {
	case hal.OffHook:
		if !m.offHook {
			m.offHook = true
			m.lifted()
		}
	case hal.OnHook:
		if m.offHook {
			m.offHook = false
			m.putBack()
		}
	case hal.HookFlash:
		if m.offHook {
			m.flash()
		}
	case hal.Digit:
		if e.Pulse || m.info.Caps.Has(hal.ReportsDigits) {
			m.DigitBegan(e.Digit)
			m.Digit(e.Digit)
		}
	case hal.RingEnd:
		m.burstOver()
	case hal.AlarmBegin:
		m.alarmed = true
		why := "the port is out of order"
		if e.Err != nil {
			why = e.Err.Error()
		}
		m.drop(channel.DestinationOutOfOrder, why)
	case hal.AlarmEnd:
		m.alarmed, m.why = false, ""
	case hal.Lost:
		m.Lost()
	}
}

// Hold tells the far side of a call, once.
func (m *Machine) hold(slot int, on bool) {
	if c := &m.calls[slot]; c.held != on && c.phase == up {
		c.held = on
		k := channel.Unheld
		if on {
			k = channel.Held
		}
		m.port.Report(slot, k)
	}
}

// listen lets the telephone hear what it should now.
func (m *Machine) listen() {
	switch {
	case m.active == nobody:
		m.port.Connect()
	case m.merged:
		m.port.Play("")
		m.port.Connect(m.active, m.other)
	default:
		c := &m.calls[m.active]
		m.port.Play(c.tone)
		if c.phase == up || c.heard {
			m.port.Connect(m.active)
		} else {
			m.port.Connect()
		}
	}
}
