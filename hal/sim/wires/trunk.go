package wires

import (
	"errors"
	"strings"
	"time"

	"branchline/hal"
	"branchline/hal/sim/signal"
)

// What a port waits for before it believes what it sees, in frames.
var (
	settled = Frames(60 * time.Millisecond) // battery and polarity
	dead    = Frames(time.Second)           // no battery: the line is dead
)

// Trunk is a port that looks like a telephone to the other end: FXO, or a mobile
// module.
type Trunk struct {
	Port
	closed bool // off hook
	// current says that the loop is closed in this very frame.
	current bool
	steps   []Step       // what the relay will do
	own     signal.Sound // keys the device is dialling
	orders  Load         // messages for the network

	ringing   bool
	noBattery int // frames
	alarm     bool
	dropped   bool // Cleared was reported for this loss of battery
	reversed  bool
	otherwise int  // frames for which the polarity has been the other one
	dialed    bool // DialDone is due
}

// A Step holds the loop open or closed for some frames.
type Step struct {
	Open   bool
	Frames int
}

// NewTrunk makes a line called name that looks like a telephone, or like a mobile
// module, to the other end of the wires.
func NewTrunk(w *Pair, name string, kind hal.Kind, l Loop) *Trunk {
	if l.Caps == 0 {
		l.Caps = cardFXO
		if kind == hal.Cellular {
			l.Caps = mobile
		}
	}
	t := new(Trunk)
	t.Port = newPort(w, hal.Info{Name: name, Kind: kind, Caps: l.Caps}, l)
	t.do = t.carryOut
	t.reset = t.hangUp
	return t
}

func (t *Trunk) mobile() bool { return t.info.Kind == hal.Cellular }

// Rest has nothing to do.
func (t *Trunk) Rest() {}

// hangUp puts the port on hook, whatever it was doing.
func (t *Trunk) hangUp() {
	t.closed, t.talk, t.steps, t.own = false, false, nil, nil
	t.orders.Number = ""
	t.orders.Reject = true
	t.mute()
}

// Act is what the port does in a frame.
func (t *Trunk) Act(l *Load) {
	sent, over := t.toLine(t.own)
	if over {
		t.own = nil
		t.dialed = true
	}
	l.Closed = t.closed
	if len(t.steps) > 0 {
		s := &t.steps[0]
		l.Closed = t.closed && !s.Open
		if s.Frames--; s.Frames <= 0 {
			t.steps = t.steps[1:]
		}
	} else if t.dialed && t.own == nil {
		t.dialed = false
		t.report(hal.Event{Kind: hal.DialDone})
	}
	t.current = l.Closed
	l.Number, l.Reject, l.Digits, l.Message = t.orders.Number, t.orders.Reject, t.orders.Digits, t.orders.Message
	t.orders = Load{}
	l.Sound = *sent
}

// Hear is what reaches it.
func (t *Trunk) Hear(f *Feed) {
	t.watch(f)
	t.fromLine(&f.Sound, t.current)
}

// needs is which of the truth a device has to be able to report.
var needs = map[hal.EventKind]hal.Caps{
	hal.CallerID: hal.ReportsCallerID, hal.Answered: hal.ReportsAnswer, hal.Cleared: hal.ReportsHangup,
	hal.Progress: hal.ReportsTones, hal.Text: hal.SendsText, hal.TextSent: hal.SendsText,
}

// watch reports what the wires tell.
func (t *Trunk) watch(f *Feed) {
	caps := t.info.Caps
	if ring := f.Ringing && !t.closed; ring != t.ringing {
		t.ringing = ring
		kind := hal.RingEnd
		if ring {
			kind = hal.RingBegin
		}
		t.report(hal.Event{Kind: kind})
	}
	t.watchBattery(f.Battery)
	if f.Battery && f.Reversed != t.reversed {
		if t.otherwise++; t.otherwise >= settled {
			t.reversed, t.otherwise = f.Reversed, 0
			if caps.Has(hal.ReportsPolarity) {
				t.report(hal.Event{Kind: hal.Polarity, Reversed: t.reversed})
			}
		}
	} else {
		t.otherwise = 0
	}
	for _, e := range f.Truth {
		if t.mobile() && e.Kind == hal.Cleared {
			t.closed = false
		}
		if need, known := needs[e.Kind]; known && caps.Has(need) {
			t.report(e)
		}
	}
}

func (t *Trunk) watchBattery(battery bool) {
	caps := t.info.Caps
	if battery {
		t.noBattery, t.dropped = 0, false
		if t.alarm {
			t.alarm = false
			t.report(hal.Event{Kind: hal.AlarmEnd})
		}
		return
	}
	t.noBattery++
	if !caps.Has(hal.ReportsBattery) {
		return
	}
	if t.noBattery >= settled && t.closed && !t.dropped && !caps.Has(hal.ReportsHangup) {
		t.dropped = true
		t.report(hal.Event{Kind: hal.Cleared})
	}
	if t.noBattery >= dead && !t.alarm {
		t.alarm = true
		err := errNoBattery
		if t.mobile() {
			err = errNoNetwork
		}
		t.report(hal.Event{Kind: hal.AlarmBegin, Err: err})
	}
}

// Why a line is dead, or an operation impossible, in the user's words.
var (
	errNoBattery = errors.New("no battery on the line: is it plugged in?")
	errNoNetwork = errors.New("not registered in a mobile network")
	errHook      = errors.New("the line is on hook")
)

func (t *Trunk) refuse(op hal.Op, why string) error {
	return &hal.Unsupported{Driver: "sim", Op: op.Kind, Why: why}
}

// carryOut is Do with the lock held.
func (t *Trunk) carryOut(op hal.Op) error {
	caps := t.info.Caps
	switch op.Kind {
	case hal.Answer:
		t.closed, t.talk = true, true
	case hal.Seize:
		t.talk = true
		t.closed = t.closed || !t.mobile()
	case hal.Clear:
		t.hangUp()
	case hal.Dial:
		return t.dial(op)
	case hal.SendDigit:
		if !caps.Has(hal.SignalsDigits) {
			return t.refuse(op, "")
		}
		t.orders.Digits += op.Digits
	case hal.Flash:
		switch {
		case !caps.Has(hal.Flashes):
			return t.refuse(op, "")
		case !t.closed:
			return errHook
		}
		length := op.Length
		if length == 0 {
			length = 500 * time.Millisecond
		}
		t.steps = append(t.steps, Step{true, max(1, Frames(length))})
	case hal.SendText:
		if !caps.Has(hal.SendsText) {
			return t.refuse(op, "")
		}
		m := op.Message
		t.orders.Message = &m
	case hal.Ring, hal.StopRing, hal.SetPolarity, hal.SetMessages:
		return t.refuse(op, "the other end of the line does that")
	}
	return nil
}

// Times of dialled digits.
const (
	KeyOn      = 100 * time.Millisecond
	KeyOff     = 100 * time.Millisecond
	KeyLevel   = -9 // dBm0
	pulseBreak = 60 * time.Millisecond
	pulseMake  = 40 * time.Millisecond
	pulseApart = 800 * time.Millisecond
)

func (t *Trunk) dial(op hal.Op) error {
	caps := t.info.Caps
	switch {
	case !caps.Has(hal.Dials):
		return t.refuse(op, "")
	case t.mobile():
		t.closed, t.talk, t.dialed = true, true, true
		t.orders.Number = op.Digits
		return nil
	case !t.closed:
		return errHook
	case op.Pulse && !caps.Has(hal.DialsPulses):
		return t.refuse(op, "it has no pulse dialling")
	}
	if op.Pulse {
		t.steps = append(t.steps, Pulses(op.Digits)...)
		t.dialed = true
		return nil
	}
	keys := signal.Keys(KeyLevel, KeyOn, KeyOff, op.Digits)
	if t.own != nil {
		keys = signal.Then(t.own, keys)
	}
	t.own = keys
	return nil
}

// Pulses are digits as a dial plate turns them out: as many breaks of the loop as
// the digit says, ten for nought.
func Pulses(digits string) []Step {
	var steps []Step
	for _, d := range digits {
		i := strings.IndexRune("1234567890", d)
		if i < 0 {
			steps = append(steps, Step{false, Frames(500 * time.Millisecond)})
			continue
		}
		for range i + 1 {
			steps = append(steps, Step{true, Frames(pulseBreak)}, Step{false, Frames(pulseMake)})
		}
		steps[len(steps)-1].Frames = Frames(pulseApart)
	}
	return steps
}
