// Package progress hears what an exchange says with tones: dial tone, ringing at the
// far end, busy, congestion, special information (ITU-T E.180), by the lists of a
// zone, and what fax machines and modems say of themselves (T.30, V.25). A busy tone
// whose frequencies nobody knows is found by its rhythm.
//
// Detectors take linear speech of 8 kHz in pieces of any length and answer with
// events that carry the sample they are about; they never allocate after they were
// made. Each belongs to one goroutine.
package progress

import (
	"math"
	"time"

	"branchline/media/sine"
)

// Rate is the sample rate, in Hz; positions are counted in its samples.
const Rate = 8000

// Kind is what was heard.
type Kind uint8

const (
	Dial        Kind = iota // the exchange waits for digits
	Ringback                // the far end is being rung
	Busy                    // the far end is busy, or has hung up
	Congestion              // no way to it
	Information             // the special information tone: an announcement follows
	DialTooLong             // 30 s of dial tone without a break: we are alone on the line
	Howler                  // the exchange wants the receiver put back
	Voice                   // somebody speaks, or plays music
	FaxCalling              // 1100 Hz, CNG: a fax machine calls (T.30 4.3.3.2)
	FaxAnswer               // 2100 Hz, CED or ANS: a fax machine or modem answers (T.30 4.3.3.3, V.25)
	Reversal                // the phase of 2100 Hz was reversed: echo cancellers stay off (G.168 7)
)

var kinds = [...]string{"dial tone", "ringback", "busy", "congestion", "special information", "dial tone too long", "howler",
	"voice", "fax calling", "fax answer", "phase reversal"}

func (k Kind) String() string { return kinds[k] }

// An Event is something that was heard. Kinds that last begin and end; the others
// only begin, and Busy, Congestion and Howler once more for every count of cycles.
type Event struct {
	Kind  Kind
	Began bool // false: it is over
	Exact bool // known by its frequencies; false: by its rhythm only
	At    int64
}

// Config says what a Listener listens for.
type Config struct {
	Zone *Zone // whose tones; see Compile
	// Count is how many cycles of busy or congestion make an event, when their
	// frequencies are known; 0 is 3. By rhythm alone it takes at least 4.
	Count int
	// On and Off are the busy tone's rhythm if it is known (busypattern); then only
	// that counts where frequencies are not known. 0: any rhythm that may be one.
	On, Off time.Duration
	// NoRhythm leaves the search by rhythm alone out.
	NoRhythm bool
}

// The window is 20 ms long and moves on by 10.
const (
	hopLen    = Rate / 100
	windowLen = 2 * hopLen

	quiet     = -43.0 // dBm0: below it nothing sounds
	tooLong   = 30 * 100
	maxEvents = 8 // from one call of Hear, a second of speech
)

// energyOf is that of a window of a signal of the given level.
func energyOf(dBm0 float64) float64 {
	return sine.Zero * sine.Zero / 2 * windowLen * math.Pow(10, dBm0/10)
}

// A Listener hears call progress tones.
type Listener struct {
	zone   *Zone
	window [windowLen]float32
	n      int // samples in it, of which the first hop is old
	hop    int64
	last   float64 // energy of the half window before

	trackers []tracker
	lasting  [len(kinds)]uint8 // patterns of each kind that go on
	dialed   int               // hops of uninterrupted dial tone
	missed   int               // hops in a row without it
	sit      ascent
	rhythm   rhythm
	voice    voice

	events [maxEvents]Event
	found  int
}

// New makes a Listener. A zone is needed.
func New(c Config) *Listener {
	if c.Count <= 0 {
		c.Count = 3
	}
	l := &Listener{zone: c.Zone, trackers: make([]tracker, len(c.Zone.patterns)), n: hopLen}
	for i := range l.trackers {
		p := &c.Zone.patterns[i]
		l.trackers[i] = tracker{pattern: p, need: p.need}
		if p.kind == Busy || p.kind == Congestion {
			l.trackers[i].need = c.Count
		}
	}
	l.rhythm.on, l.rhythm.off = hopsOf(c.On), hopsOf(c.Off)
	l.rhythm.need, l.rhythm.deaf = min(max(c.Count, 4), len(l.rhythm.pairs)), c.NoRhythm
	return l
}

// hopsOf is a time in hops.
func hopsOf(d time.Duration) float64 { return d.Seconds() * Rate / hopLen }

// Reset forgets what was heard so far; positions begin at 0 again.
func (l *Listener) Reset() {
	for i := range l.trackers {
		l.trackers[i].reset()
	}
	l.window, l.n, l.hop, l.last, l.dialed, l.missed, l.found = [windowLen]float32{}, hopLen, 0, 0, 0, 0, 0
	l.lasting, l.sit, l.voice = [len(kinds)]uint8{}, ascent{}, voice{}
	l.rhythm.reset()
}

// Hear takes up to a second of speech. The events are valid until the next call.
func (l *Listener) Hear(speech []int16) []Event {
	l.found = 0
	for len(speech) > 0 {
		n := min(len(speech), windowLen-l.n)
		for i, v := range speech[:n] {
			l.window[l.n+i] = float32(v)
		}
		l.n += n
		speech = speech[n:]
		if l.n == windowLen {
			l.look()
			copy(l.window[:hopLen], l.window[hopLen:])
			l.n = hopLen
		}
	}
	return l.events[:l.found]
}

func (l *Listener) tell(k Kind, began, exact bool, at int64) {
	if l.found < maxEvents {
		l.events[l.found] = Event{k, began, exact, at}
		l.found++
	}
}

// look judges a full window.
func (l *Listener) look() {
	var half float64
	for _, v := range l.window[hopLen:] {
		half += float64(v) * float64(v)
	}
	energy := half + l.last
	l.last = half
	l.hop++
	now := l.hop * hopLen
	var tones uint64
	if energy > quietEnergy {
		tones = l.zone.match(&l.window, energy)
	}
	for i := range l.trackers {
		t := &l.trackers[i]
		// A kind may have several patterns that fit at once.
		k := t.pattern.kind
		switch t.step(tones, energy) {
		case tells:
			l.tell(k, true, true, now)
		case begins:
			if l.lasting[k]++; l.lasting[k] == 1 {
				l.tell(k, true, true, now)
			}
		case ends:
			if l.lasting[k]--; l.lasting[k] == 0 {
				l.tell(k, false, true, now)
			}
		}
	}
	if tones&l.zone.dial != 0 {
		l.missed = 0
		if l.dialed++; l.dialed == tooLong {
			l.tell(DialTooLong, true, true, now)
		}
	} else if l.missed++; l.missed > oddHops {
		l.dialed = 0
	}
	if l.sit.step(tones, l.zone.ascent) {
		l.tell(Information, true, true, now)
	}
	if l.rhythm.step(energy) {
		l.tell(Busy, true, false, now)
	}
	if l.voice.step(tones != 0, energy) {
		l.tell(Voice, true, false, now)
	}
}

var quietEnergy = energyOf(quiet)
