package sim

import (
	"time"

	"branchline/hal"
	"branchline/hal/sim/signal"
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
	station  *station
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
	reply                      countdown
}

// An act is one thing that a person does with a telephone.
type act struct {
	do     func()
	frames int          // how long it takes
	sound  signal.Sound // or until this is over
}

func newTelephone(w *pair) *Telephone { return &Telephone{story: newStory(w), battery: true} }

func (t *Telephone) rest() {}

func (t *Telephone) add(acts ...act) {
	t.pair.mu.Lock()
	defer t.pair.mu.Unlock()
	t.todo = append(t.todo, acts...)
}

// pause is how long a person takes between two things.
const pause = 200 * time.Millisecond

// Lift takes the handset off.
func (t *Telephone) Lift() { t.add(act{do: t.lift, frames: frames(pause)}) }

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
	t.add(act{do: func() { t.offHook, t.mouth = false, nil }, frames: frames(1500 * time.Millisecond)})
}

// Flash presses the hook for 400 ms.
func (t *Telephone) Flash() {
	t.add(act{do: func() { t.open = true }, frames: frames(400 * time.Millisecond)},
		act{do: func() { t.open = false }, frames: frames(pause)})
}

// Dial presses keys; 'w' waits half a second.
func (t *Telephone) Dial(keys string) {
	t.add(act{sound: signal.Keys(keyLevel, keyOn, keyOff, keys)})
}

// Pulse dials with a dial plate.
func (t *Telephone) Pulse(digits string) {
	for _, s := range pulses(digits) {
		t.add(act{do: func() { t.open = s.open }, frames: s.frames})
	}
}

// Wait does nothing for d.
func (t *Telephone) Wait(d time.Duration) { t.add(act{frames: frames(d)}) }

// Say makes the person speak, until the sound is over or another is said; nil:
// nothing. It does not wait for what was to be done before.
func (t *Telephone) Say(s signal.Sound) {
	t.pair.mu.Lock()
	defer t.pair.mu.Unlock()
	t.mouth = s
}

// Hear lets f have everything that is on the wires, off hook and on, frame by
// frame. It is called on the line's goroutine, which it must not keep.
func (t *Telephone) Hear(f func(*hal.Frame)) {
	t.pair.mu.Lock()
	defer t.pair.mu.Unlock()
	t.listener = f
}

// AnswerAfter lifts the handset at the n-th ring of the next call.
func (t *Telephone) AnswerAfter(n int) {
	t.pair.mu.Lock()
	defer t.pair.mu.Unlock()
	t.answer = n
}

// Unplug takes the device away that the telephone hangs on; Plug puts it back.
func (t *Telephone) Unplug(err error) { t.station.unplug(err) }

// Plug undoes Unplug.
func (t *Telephone) Plug() { t.station.plug() }

func (t *Telephone) act(l *load) {
	t.proceed()
	l.closed = t.offHook && !t.open
	switch {
	case t.speaking != nil:
		if !t.speaking(&l.sound) {
			t.speaking = nil
		}
	case t.mouth != nil && l.closed:
		if !t.mouth(&l.sound) {
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

func (t *Telephone) hear(f *feed) {
	t.notice(f)
	t.listen(f, t.offHook && !t.open)
}

// notice tells what the wires do.
func (t *Telephone) notice(f *feed) {
	if f.ringing != t.ringing {
		t.ringing = f.ringing
		if f.ringing {
			t.bursts++
			t.tell(Happening{What: Rings, Count: t.bursts})
			if t.answer > 0 && t.bursts >= t.answer {
				t.lift()
			}
		} else {
			t.tell(Happening{What: RingsNoMore})
		}
	}
	if t.unringing++; f.ringing {
		t.unringing = 0
	} else if t.unringing > frames(7*time.Second) || t.offHook {
		t.bursts = 0
	}
	if f.battery != t.battery {
		t.battery = f.battery
		t.tell(Happening{What: map[bool]What{true: BatteryBack, false: BatteryGone}[f.battery]})
	}
	if f.battery && f.reversed != t.reversed {
		t.reversed = f.reversed
		t.tell(Happening{What: Reversal})
	}
	if f.lamp != t.lamp {
		t.lamp = f.lamp
		t.tell(Happening{What: Lamp, Count: f.lamp})
	}
}

func (t *Telephone) listen(f *feed, closed bool) {
	if h := t.listener; h != nil {
		heard := f.sound
		t.pair.after = append(t.pair.after, func() { h(&heard) })
	}
	if !closed {
		t.alert = 0
		return
	}
	if tone := t.ear.Hear(&f.sound); tone != "" {
		t.tell(Happening{What: Hears, Tone: tone})
	}
	if !t.ShowsWaiting {
		return
	}
	// The alert lasts 75 to 110 ms; what is shorter or longer is speech.
	const low, high = 2130, 2750
	whole := signal.Level(&f.sound)
	if whole > -40 && signal.PowerAt(&f.sound, low) > whole-6 && signal.PowerAt(&f.sound, high) > whole-6 {
		t.alert++
	} else {
		if t.alert >= 3 && t.alert <= 6 {
			t.reply.set(40 * time.Millisecond)
		}
		t.alert = 0
	}
	if t.reply.over() {
		t.speaking = signal.Keys(keyLevel, 60*time.Millisecond, 20*time.Millisecond, "D")
	}
}
