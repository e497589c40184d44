package progress

import (
	"fmt"
	"math"
	"slices"
	"time"

	"branchline/media/tone"
)

// A Zone is the tones of a country, made ready for listening. It never changes and
// is shared by all lines that use it.
type Zone struct {
	tones    []template
	patterns []pattern
	dial     uint64    // the tones of dial tones that never pause
	ascent   [3]uint64 // the three steps of special information
}

// A pattern is one tone of the exchange: a cycle of steps.
type pattern struct {
	kind  Kind
	steps []step
	need  int // cycles
	// long is where a single cycle is known before it is over: in step longAt after
	// long hops, since nothing else of the zone is like that; 0: nowhere.
	long   float64
	longAt int
}

// A step of a pattern sounds with one tone, or is silent.
type step struct {
	tone     int // index; -1: silence
	min, max float64
	forever  bool
}

// How much a time may differ from what the zone says: the larger one counts. One hop
// more is for the window.
const (
	spread = 0.15
	slack  = 3.0 // hops
)

// names are the lists of a zone that are listened for, and what they mean.
var names = []struct {
	list string
	kind Kind
	need int
}{
	{"busy", Busy, 3}, {"congestion", Congestion, 3}, {"unobtainable", Congestion, 3}, {"ring", Ringback, 2}, {"ringmobile", Ringback, 2},
	{"dial", Dial, 1}, {"dialrecall", Dial, 1}, {"stutter", Dial, 1}, {"specialdial", Dial, 1}, {"info", Information, 1},
}

// howler is the receiver-off-hook tone of North America.
var howler = tone.Step{Hz: []float64{1400, 2060, 2450, 2600}}

// Compile makes a zone ready. Lists that are missing are not listened for; those of
// the zone's own ("find") may fall back on another's.
func Compile(find func(name string) (list string, ok bool)) (*Zone, error) {
	z := new(Zone)
	for _, n := range names {
		text, ok := find(n.list)
		if !ok {
			continue
		}
		l, err := tone.Parse(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", n.list, err)
		}
		if err := z.add(n.kind, n.need, l); err != nil {
			return nil, fmt.Errorf("%s: %w", n.list, err)
		}
	}
	for i, hz := range []float64{950, 1400, 1800} {
		n, err := z.tone(tone.Step{Hz: []float64{hz}}, 30)
		if err != nil {
			return nil, err
		}
		z.ascent[i] = 1 << n
	}
	n, err := z.tone(howler, bend)
	if err != nil {
		return nil, err
	}
	ms100 := hopsOf(100 * time.Millisecond)
	z.patterns = append(z.patterns, pattern{kind: Howler, need: 5, steps: []step{
		{tone: n, min: ms100 - slack, max: ms100 + slack}, {tone: -1, min: ms100 - slack, max: ms100 + slack}}})
	z.single()
	return z, nil
}

// Tones is the zone of that name in book, ready for listening; what it lacks is
// taken from where the book says.
func Tones(book *tone.Book, name string) (*Zone, error) {
	return Compile(func(list string) (string, bool) {
		switch list {
		case "unobtainable", "ringmobile", "specialdial":
			z, _ := book.Zone(name)
			text, ok := z.Lists[list]
			return text, ok
		}
		return book.Find(name, list)
	})
}

// add compiles the repeating part of a list.
func (z *Zone) add(kind Kind, need int, l *tone.List) error {
	steps, loop := l.Steps()
	if loop == len(steps) || kind == Information && len(steps[loop:]) == 1 && len(steps[loop].Hz) == 0 {
		loop = 0 // played once: as good as a cycle for those who listen
	}
	if kind == Information && ascending(steps[loop:]) {
		return nil // found by its steps, in every zone
	}
	p := pattern{kind: kind, need: need}
	for _, s := range steps[loop:] {
		n := -1
		if len(s.Hz) > 0 {
			var err error
			if n, err = z.tone(s, bend); err != nil {
				return err
			}
		}
		d := hopsOf(s.Length)
		by := max(slack, d*spread) + 1
		p.steps = append(p.steps, step{n, max(0, d-by), d + by, s.Length == 0})
	}
	if p.steps[0].tone < 0 {
		return nil // nothing to begin with
	}
	if len(p.steps) == 1 || p.steps[0].forever {
		p.steps = p.steps[:1]
		p.steps[0].forever = true
		if kind != Dial && kind != Ringback {
			return nil // a tone that never pauses is a dial tone to anyone
		}
	}
	// The same thing said twice is one pattern.
	for i := range z.patterns {
		if slices.Equal(z.patterns[i].steps, p.steps) {
			return nil
		}
	}
	z.patterns = append(z.patterns, p)
	return nil
}

// ascending reports whether a list is that of E.180: three rising steps.
func ascending(steps []tone.Step) bool {
	var hz []float64
	for _, s := range steps {
		if len(s.Hz) > 0 {
			hz = append(hz, s.Hz[0])
		}
	}
	return len(hz) == 3 && math.Abs(hz[0]-950) < 60 && math.Abs(hz[1]-1400) < 60 && math.Abs(hz[2]-1800) < 60
}

// single finds where one cycle of a pattern is enough to know it.
func (z *Zone) single() {
	const longOff = 90 // hops: no busy tone of any country is silent for so long
	for i := range z.patterns {
		p := &z.patterns[i]
		switch {
		case p.steps[0].forever:
			// As long as no other tone of these frequencies sounds.
			p.long = 30
			for k := range z.patterns {
				for _, s := range z.patterns[k].steps {
					if s.tone >= 0 && !s.forever && z.tones[p.steps[0].tone].passes(&z.tones[s.tone]) {
						p.long = max(p.long, s.max+2)
					}
				}
			}
			z.dial |= 1 << p.steps[0].tone
		case p.kind == Ringback:
			for k, s := range p.steps {
				if s.tone < 0 && s.max > longOff && (p.longAt == 0 || s.max > p.steps[p.longAt].max) {
					p.long, p.longAt = longOff, k
				}
			}
		}
	}
}
