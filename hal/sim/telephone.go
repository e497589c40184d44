package sim

import (
	"time"

	"branchline/hal"
	"branchline/hal/sim/signal"
	"branchline/hal/sim/wires"
)

// Telephone is a simple telephone at the end of a line of ours. What it is told to
// do it does one after the other, each when the one before is finished.
type Telephone struct {
	// Zone are the tones it knows; zero: Taiwan. Set before the line is opened.
	Zone signal.Zone
	// ShowsWaiting is a telephone that shows who calls during a call: it answers
	// the alert for that (2130 and 2750 Hz together) with the key D.
	ShowsWaiting bool

	*story
	station  *wires.Station
	todo     []act
	left     int          // frames of the act in progress
	offHook  bool         // the handset is up
	open     bool         // the loop is open all the same: flash, pulses
	speaking signal.Sound // keys, while they last
	mouth    signal.Sound
	listener func(*hal.Frame)
	ear      *signal.Ear
	answer   int // lift at this ring; 0: do not

	ringing, battery, reversed bool
	bursts, lamp, unringing    int
	alert                      int // frames of the alert heard
	reply                      wires.Countdown
}

// An act is one thing that a person does with a telephone.
type act struct {
	do     func()
	frames int          // how long it takes
	sound  signal.Sound // or until this is over
}

func newTelephone(w *wires.Pair, s *wires.Station) *Telephone {
	return &Telephone{story: newStory(w), station: s, battery: true}
}

// A hand is the telephone as the wires see it.
type hand struct{ t *Telephone }

func (h hand) Act(l *wires.Load)  { h.t.act(l) }
func (h hand) Hear(f *wires.Feed) { h.t.hear(f) }
func (h hand) Rest()              {}

func (t *Telephone) add(acts ...act) {
	t.pair.Lock()
	defer t.pair.Unlock()
	t.todo = append(t.todo, acts...)
}

// pause is how long a person takes between two things.
const pause = 200 * time.Millisecond

// Lift takes the handset off.
func (t *Telephone) Lift() { t.add(act{do: t.lift, frames: wires.Frames(pause)}) }

func (t *Telephone) lift() {
	t.offHook, t.answer = true, 0
	zone := t.Zone
	if zone.Dial.Name == "" {
		zone = signal.Taiwan()
	}
	t.ear = signal.NewEar(zone.Patterns()...)
}

// PutBack puts the handset back, and keeps it there for a second and a half.
func (t *Telephone) PutBack() {
	t.add(act{do: func() { t.offHook, t.mouth = false, nil }, frames: wires.Frames(1500 * time.Millisecond)})
}

// Flash presses the hook for 400 ms.
func (t *Telephone) Flash() {
	t.add(act{do: func() { t.open = true }, frames: wires.Frames(400 * time.Millisecond)},
		act{do: func() { t.open = false }, frames: wires.Frames(pause)})
}

// Dial presses keys; 'w' waits half a second.
func (t *Telephone) Dial(keys string) {
	t.add(act{sound: signal.Keys(wires.KeyLevel, wires.KeyOn, wires.KeyOff, keys)})
}

// Pulse dials with a dial plate.
func (t *Telephone) Pulse(digits string) {
	for _, s := range wires.Pulses(digits) {
		t.add(act{do: func() { t.open = s.Open }, frames: s.Frames})
	}
}

// Wait does nothing for d.
func (t *Telephone) Wait(d time.Duration) { t.add(act{frames: wires.Frames(d)}) }

// Say makes the person speak, until the sound is over or another is said; nil:
// nothing. It does not wait for what was to be done before.
func (t *Telephone) Say(s signal.Sound) {
	t.pair.Lock()
	defer t.pair.Unlock()
	t.mouth = s
}

// Hear lets f have everything that is on the wires, off hook and on, frame by
// frame. It is called on the line's goroutine, which it must not keep.
func (t *Telephone) Hear(f func(*hal.Frame)) {
	t.pair.Lock()
	defer t.pair.Unlock()
	t.listener = f
}

// AnswerAfter lifts the handset at the n-th ring of the next call.
func (t *Telephone) AnswerAfter(n int) {
	t.pair.Lock()
	defer t.pair.Unlock()
	t.answer = n
}

// Unplug takes the device away that the telephone hangs on; Plug puts it back.
func (t *Telephone) Unplug(err error) { t.station.Unplug(err) }

// Plug undoes Unplug.
func (t *Telephone) Plug() { t.station.Plug() }

func (t *Telephone) act(l *wires.Load) {
	t.proceed()
	l.Closed = t.offHook && !t.open
	switch {
	case t.speaking != nil:
		if !t.speaking(&l.Sound) {
			t.speaking = nil
		}
	case t.mouth != nil && l.Closed:
		if !t.mouth(&l.Sound) {
			t.mouth = nil
		}
	}
}

// proceed does the next thing that is to be done.
func (t *Telephone) proceed() {
	for t.left == 0 && t.speaking == nil && len(t.todo) > 0 {
		a := t.todo[0]
		t.todo = t.todo[1:]
		if a.do != nil {
			a.do()
		}
		t.left, t.speaking = a.frames, a.sound
	}
	if t.left > 0 {
		t.left--
	}
}

func (t *Telephone) hear(f *wires.Feed) {
	t.notice(f)
	t.listen(f, t.offHook && !t.open)
}

// notice tells what the wires do.
func (t *Telephone) notice(f *wires.Feed) {
	if f.Ringing != t.ringing {
		t.ringing = f.Ringing
		if f.Ringing {
			t.bursts++
			t.tell(Happening{What: Rings, Count: t.bursts})
			if t.answer > 0 && t.bursts >= t.answer {
				t.lift()
			}
		} else {
			t.tell(Happening{What: RingsNoMore})
		}
	}
	if t.unringing++; f.Ringing {
		t.unringing = 0
	} else if t.unringing > wires.Frames(7*time.Second) || t.offHook {
		t.bursts = 0
	}
	if f.Battery != t.battery {
		t.battery = f.Battery
		t.tell(Happening{What: map[bool]What{true: BatteryBack, false: BatteryGone}[f.Battery]})
	}
	if f.Battery && f.Reversed != t.reversed {
		t.reversed = f.Reversed
		t.tell(Happening{What: Reversal})
	}
	if f.Lamp != t.lamp {
		t.lamp = f.Lamp
		t.tell(Happening{What: Lamp, Count: f.Lamp})
	}
}

func (t *Telephone) listen(f *wires.Feed, closed bool) {
	if h := t.listener; h != nil {
		heard := f.Sound
		t.pair.After(func() { h(&heard) })
	}
	if !closed {
		t.alert = 0
		return
	}
	if tone := t.ear.Hear(&f.Sound); tone != "" {
		t.tell(Happening{What: Hears, Tone: tone})
	}
	if !t.ShowsWaiting {
		return
	}
	// The alert lasts 75 to 110 ms; what is shorter or longer is speech.
	const low, high = 2130, 2750
	whole := signal.Level(&f.Sound)
	if whole > -40 && signal.PowerAt(&f.Sound, low) > whole-6 && signal.PowerAt(&f.Sound, high) > whole-6 {
		t.alert++
	} else {
		if t.alert >= 3 && t.alert <= 6 {
			t.reply.Set(40 * time.Millisecond)
		}
		t.alert = 0
	}
	if t.reply.Over() {
		t.speaking = signal.Keys(wires.KeyLevel, 60*time.Millisecond, 20*time.Millisecond, "D")
	}
}
