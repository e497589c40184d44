package sim

import (
	"time"

	"branchline/hal"
	"branchline/hal/sim/signal"
	"branchline/hal/sim/wires"
)

// Hangup is how an exchange tells a line that the other party has hung up.
type Hangup uint8

const (
	BatteryDrop    Hangup = iota // no current for half a second
	BusyTone                     // nothing but busy tone
	CongestionTone               // nothing but congestion tone
	DialToneAgain                // nothing but a new dial tone
	ReversalBack                 // the polarity goes back, then busy tone
	Nothing                      // it does not tell
)

// Service is how an exchange serves its line. The zero value is Taiwan's, with a
// battery drop at the end of a call.
type Service struct {
	Zone           signal.Zone     // zero: Taiwan
	Ring           []time.Duration // on, off, on, off ...; nil: 1 s, 2 s
	DialToneAfter  time.Duration   // 0: 200 ms
	InterDigit     time.Duration   // with no further digit for so long the number is complete; 0: 3 s
	AnswerReversal bool            // the polarity changes when a called party answers, and goes back at the end
	Hangup         Hangup
}

// A Party is the subscriber at the other end of a call.
type Party struct {
	// Of a called party: it is busy, cannot be reached, answers after so long, never.
	Busy, Unreachable, Never bool
	Answer                   time.Duration
	Voice                    signal.Sound  // what it says from then on; nil: nothing
	Parrot                   time.Duration // it repeats what it hears after so long, 6 dB down; 0: not
	Talk                     time.Duration // it hangs up after so long; 0: never
	// CallsBack is a call that comes in from it when the line is free again.
	CallsBack *Call
}

// Verdict is what a directory thinks of digits.
type Verdict uint8

const (
	Found   Verdict = iota // there is such a number
	More                   // there may be one with further digits
	Unknown                // there is none
)

// Lead is how an exchange announces caller ID.
type Lead uint8

const (
	AfterRing Lead = iota // half a second after the first burst of ringing
	Reversed              // after a reversal of polarity, before ringing
	ShortRing             // after a ring of 250 ms, before the real ones
	Unled                 // before ringing, without any notice
)

// A Call is one that comes in from the exchange.
type Call struct {
	Party  // who answers: only Voice, Parrot and Talk matter
	Caller hal.Caller
	// Spill is the caller ID as it sounds, 8000 samples a second at the level it
	// has on the line; nil: none is sent.
	Spill []int16
	Lead  Lead
	Rings int // after so many the caller gives up; 0: never
}

type phase uint8

const (
	idle      phase = iota
	alerting        // our line rings
	seized          // off hook, no dial tone yet
	listening       // dial tone, or digits
	routing         // ringback
	talking
	refused // busy, congestion, or what follows the other party's end
)

// Exchange is a public exchange with one subscriber: our line. Its fields are set
// before the line is opened.
type Exchange struct {
	Service
	// Directory knows the numbers of the world; nil: every number is somebody's who
	// answers after two seconds and repeats what he hears.
	Directory func(digits string) (Party, Verdict)

	*story
	trunk  *wires.Trunk
	mobile bool

	phase    phase
	tone     signal.Sound    // what the exchange itself sounds of
	wait     wires.Countdown // of the phase
	pause    wires.Countdown // until a call may come in again
	drop     wires.Countdown // no battery
	reversed bool
	truth    []hal.Event

	// The hook and what it dials.
	openFor, closedFor int
	breaks             int
	breaksDone         wires.Countdown
	keys               signal.Keypad
	digits             string

	// The call in progress, and those that have to wait.
	party  Party
	parrot *signal.Delay
	talk   wires.Countdown
	call   *Call
	alert  []alertStep
	left   int // frames of alert[0]
	rung   int
	queue  []*Call
	hear   func(*hal.Frame)
}

func newExchange(w *wires.Pair, t *wires.Trunk, mobile bool) *Exchange {
	return &Exchange{story: newStory(w), trunk: t, mobile: mobile}
}

// An end is the exchange as the wires see it.
type end struct{ x *Exchange }

func (e end) Feed(l *wires.Load, f *wires.Feed) { e.x.feed(l, f) }
func (e end) Rest()                             { e.x.rest() }

func (x *Exchange) zone() signal.Zone {
	if x.Zone.Dial.Name == "" {
		return signal.Taiwan()
	}
	return x.Zone
}

// CallIn calls our line. If it is in use the call waits until it is free, as a
// caller would who redials.
func (x *Exchange) CallIn(c Call) {
	x.pair.Lock()
	defer x.pair.Unlock()
	x.queue = append(x.queue, &c)
}

// HangUp ends the call from the other side: the caller gives up, or the party
// hangs up, which is told as Service.Hangup says.
func (x *Exchange) HangUp() {
	x.pair.Lock()
	defer x.pair.Unlock()
	x.partyLeaves()
}

// Say makes the other party say something else than what it says; nil: nothing.
func (x *Exchange) Say(s signal.Sound) {
	x.pair.Lock()
	defer x.pair.Unlock()
	x.party.Voice = s
}

// Hear lets f have what the other party hears of us, frame by frame. It is called
// on the line's goroutine, which it must not keep.
func (x *Exchange) Hear(f func(*hal.Frame)) {
	x.pair.Lock()
	defer x.pair.Unlock()
	x.hear = f
}

// SendText sends a short message to our line, a mobile one.
func (x *Exchange) SendText(m hal.Message) {
	x.pair.Lock()
	defer x.pair.Unlock()
	x.truth = append(x.truth, hal.Event{Kind: hal.Text, Message: m})
}

// Cut takes the cord out of the wall; Mend puts it back.
func (x *Exchange) Cut() { x.pair.Cut(true) }

// Mend undoes Cut.
func (x *Exchange) Mend() { x.pair.Cut(false) }

// Unplug takes the device away from our side, with err as its last word; it can be
// opened again after Plug.
func (x *Exchange) Unplug(err error) { x.trunk.Unplug(err) }

// Plug undoes Unplug.
func (x *Exchange) Plug() { x.trunk.Plug() }

// rest is an exchange before whose eyes time stops: nobody is on the line.
func (x *Exchange) rest() {
	if x.phase != idle {
		x.release()
	}
}

func (x *Exchange) feed(l *wires.Load, f *wires.Feed) {
	f.Truth = append(f.Truth, x.truth...)
	x.truth = x.truth[:0]
	if h := x.hear; h != nil && x.phase == talking {
		heard := l.Sound
		x.pair.After(func() { h(&heard) })
	}
	x.messages(l)
	x.hook(l.Closed)
	x.listen(&l.Sound)
	x.step(f)
	f.Truth = append(f.Truth, x.truth...)
	x.truth = x.truth[:0]
	f.Battery = x.drop == 0
	x.drop.Over()
	f.Reversed = x.reversed
	x.speak(l, f)
}

// speak puts on the wires what there is to hear.
func (x *Exchange) speak(l *wires.Load, f *wires.Feed) {
	if x.tone != nil && !x.tone(&f.Sound) {
		x.tone = nil
	}
	if x.phase != talking {
		return
	}
	if v := x.party.Voice; v != nil && !v(&f.Sound) {
		x.party.Voice = nil
	}
	if x.parrot != nil {
		echo := l.Sound
		x.parrot.Pass(&echo)
		signal.Attenuate(&echo, 6)
		for i := range echo {
			f.Sound[i] = int16(max(-32768, min(32767, int(f.Sound[i])+int(echo[i]))))
		}
	}
}

// Times of the hook, as exchanges have them.
var (
	answered  = wires.Frames(40 * time.Millisecond) // the loop is closed for good
	pulseMost = wires.Frames(150 * time.Millisecond)
	hungUp    = wires.Frames(time.Second) // a shorter opening is a flash
)

// between is the least time between a call and the next that comes in. Some ports
// do not hear a ring in the first two seconds after they have hung up.
const between = 3 * time.Second

func (x *Exchange) hook(closed bool) {
	if !closed {
		x.openFor++
		x.closedFor = 0
		if x.openFor == hungUp && !x.mobile && x.phase != idle && x.phase != alerting {
			x.tell(Happening{What: Released})
			x.release()
		}
		return
	}
	x.closedFor++
	open := x.openFor
	if x.closedFor < answered {
		return
	}
	x.openFor = 0
	if x.mobile && x.phase != alerting {
		return
	}
	switch x.phase {
	case idle:
		x.enter(seized)
		x.tell(Happening{What: Seized})
		x.wait.Set(or(x.DialToneAfter, 200*time.Millisecond))
	case alerting:
		x.stopAlerting()
		x.connect()
	case seized, listening, routing, talking, refused:
		switch {
		case open == 0:
		case open <= pulseMost && x.phase == listening:
			x.breaks++
			x.breaksDone.Set(240 * time.Millisecond)
		case open > pulseMost:
			x.tell(Happening{What: HookFlash})
		}
	}
	if x.breaksDone.Over() {
		x.digit("0123456789"[x.breaks%10])
		x.breaks = 0
	}
}

func or(d, otherwise time.Duration) time.Duration {
	if d == 0 {
		return otherwise
	}
	return d
}

func (x *Exchange) listen(f *hal.Frame) {
	key := x.keys.Hear(f)
	if key == 0 {
		return
	}
	switch x.phase {
	case listening:
		x.digit(key)
	case talking:
		x.tell(Happening{What: Key, Digits: string(key)})
	case idle, alerting, seized, routing, refused:
	}
}

// messages are what a mobile module says beside the speech.
func (x *Exchange) messages(l *wires.Load) {
	if !x.mobile {
		return
	}
	if l.Message != nil {
		x.tell(Happening{What: Message, Digits: l.Message.Body})
		x.truth = append(x.truth, hal.Event{Kind: hal.TextSent, Message: *l.Message})
	}
	for i := range len(l.Digits) {
		x.tell(Happening{What: Key, Digits: l.Digits[i : i+1]})
	}
	// Both may come in one frame, in this order.
	if l.Reject && x.phase != idle {
		x.tell(Happening{What: Released})
		x.release()
	}
	if l.Number != "" && x.phase == idle {
		x.tell(Happening{What: Seized})
		x.digits = l.Number
		x.complete()
	}
}

func (x *Exchange) enter(p phase) {
	x.phase, x.wait, x.tone = p, 0, nil
}

// release makes the line idle.
func (x *Exchange) release() {
	x.enter(idle)
	x.pause.Set(between)
	x.stopAlerting()
	x.digits, x.breaks, x.breaksDone, x.talk = "", 0, 0, 0
	x.reversed = false
	x.party = Party{}
	x.parrot = nil
	x.keys = signal.Keypad{}
}

func (x *Exchange) progress(t hal.Tone) {
	x.truth = append(x.truth, hal.Event{Kind: hal.Progress, Tone: t})
}

// step moves the phase on.
func (x *Exchange) step(f *wires.Feed) {
	done := x.wait.Over()
	switch x.phase {
	case idle:
		if x.pause.Over(); len(x.queue) > 0 && x.openFor >= hungUp && x.pause == 0 {
			x.beginAlerting(x.queue[0])
			x.queue = x.queue[1:]
		}
	case alerting:
		x.stepAlerting(f)
	case seized:
		if done {
			x.enter(listening)
			x.tone = x.zone().Dial.Sound()
			x.progress(hal.DialTone)
			x.tell(Happening{What: DialTone})
			x.wait.Set(15 * time.Second)
		}
	case listening:
		if done {
			x.complete()
		}
	case routing:
		if done {
			x.connect()
		}
	case talking:
		if x.talk.Over() {
			x.partyLeaves()
		}
	case refused:
	}
}
