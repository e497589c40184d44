// Package tone makes and measures the tones of telephony: call progress lists in
// the form of indications.conf, the tones of several countries, the test tone, and
// a meter that says how loud a tone is. Sources fill frames of u-law on the media
// thread and allocate nothing there.
package tone

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"branchline/media"
	"branchline/media/g711"
)

const (
	rate = 8000
	// zero is the peak of a sine at 0 dBm0: the digital milliwatt of G.711 table 5.
	zero = 22650.0
	// level of each frequency of a list, which together stay below -6 dBm0.
	level = -10.0
	// depth of amplitude modulation.
	depth = 0.9

	maxSteps = 256
	maxTime  = 24 * time.Hour
)

// A List is a sequence of tones, of which the first part is played once and the
// rest for ever. It may be shared.
type List struct {
	steps []step
	loop  int // the first step of the part that repeats; len(steps): none does
}

type step struct {
	hz1, hz2  float64
	modulated bool // hz2 modulates hz1 instead of being added
	samples   int  // 0: for ever
	once      bool
}

// Parse reads a list as indications.conf has it: items separated by commas, each
// `[!]tone[/ms]`, where tone is `f`, `f1+f2` or `f1*f2` (the second modulates
// the first), in Hz or, after an M, as a MIDI note; 0 is silence and `!` means
// once, while all items without it repeat. Without a time an item lasts for ever.
func Parse(text string) (*List, error) {
	l := new(List)
	for item := range strings.SplitSeq(text, ",") {
		if item = strings.TrimSpace(item); item == "" {
			continue
		}
		s, err := parseStep(item)
		if err != nil {
			return nil, fmt.Errorf("tone %q: %w", item, err)
		}
		if len(l.steps) == maxSteps {
			return nil, fmt.Errorf("tone list with more than %d items", maxSteps)
		}
		l.steps = append(l.steps, s)
	}
	if len(l.steps) == 0 {
		return nil, fmt.Errorf("tone list %q: empty", text)
	}
	// What repeats is what follows the last item that is played once.
	for i, s := range l.steps {
		if s.once {
			l.loop = i + 1
		}
	}
	return l, nil
}

func parseStep(item string) (s step, err error) {
	item, s.once = strings.CutPrefix(item, "!")
	what, length, timed := strings.Cut(item, "/")
	if timed {
		n, err := strconv.Atoi(strings.TrimSpace(length))
		if err != nil || n < 0 || time.Duration(n)*time.Millisecond > maxTime {
			return s, fmt.Errorf("time %q is not a number of milliseconds", length)
		}
		s.samples = n * (rate / 1000)
	}
	one, two, sum := strings.Cut(what, "+")
	if !sum {
		one, two, s.modulated = strings.Cut(what, "*")
	}
	if s.hz1, err = frequency(one); err != nil {
		return s, err
	}
	if sum || s.modulated {
		s.hz2, err = frequency(two)
	}
	return s, err
}

func frequency(text string) (float64, error) {
	text = strings.TrimSpace(text)
	note, midi := strings.CutPrefix(text, "M")
	f, err := strconv.ParseFloat(note, 64)
	if err != nil || math.IsNaN(f) || f < 0 || f >= rate/2 {
		return 0, fmt.Errorf("frequency %q is not between 0 and %d Hz", text, rate/2)
	}
	if midi {
		if f = 440 * math.Pow(2, (f-69)/12); f >= rate/2 {
			return 0, fmt.Errorf("note %q is above %d Hz", text, rate/2)
		}
	}
	return f, nil
}

// Source plays l from the beginning; it ends only if nothing in l repeats.
func (l *List) Source() media.Source {
	p := &player{list: l, peak: zero * math.Pow(10, level/20)}
	p.enter(0)
	return p
}

// Milliwatt is the test tone: 1004 Hz at 0 dBm0, for ever (ITU-T O.133 avoids
// 1000 Hz, a divisor of the sample rate).
func Milliwatt() media.Source {
	p := &player{list: &List{steps: []step{{hz1: 1004}}}, peak: zero}
	p.enter(0)
	return p
}

// Silence is d of silence.
func Silence(d time.Duration) media.Source {
	n := int(min(max(d, 0), maxTime) / time.Millisecond * (rate / 1000))
	p := &player{list: &List{steps: []step{{samples: n, once: true}}, loop: 1}}
	p.enter(0)
	if n == 0 {
		p.enter(1)
	}
	return p
}

// A player is where in a list a source is.
type player struct {
	list     *List
	peak     float64
	at       int // step
	left     int // samples left of it
	one, two oscillator
}

func (p *player) enter(i int) {
	if l := p.list; i >= len(l.steps) && l.loop < len(l.steps) {
		i = l.loop
	}
	p.at = i
	if i < len(p.list.steps) {
		s := &p.list.steps[i]
		p.left = s.samples
		p.one.set(s.hz1, p.peak)
		if s.modulated {
			p.two.set(s.hz2, depth)
		} else {
			p.two.set(s.hz2, p.peak)
		}
	}
}

// Fill writes the next samples (see media.Source).
func (p *player) Fill(frame []byte) int {
	done := 0
	for done < len(frame) && p.at < len(p.list.steps) {
		s := &p.list.steps[p.at]
		n := len(frame) - done
		if s.samples > 0 {
			n = min(n, p.left)
			p.left -= n
		}
		p.sound(frame[done:done+n], s.modulated)
		done += n
		if s.samples > 0 && p.left == 0 {
			p.enter(p.at + 1)
		}
	}
	return done
}

func (p *player) sound(frame []byte, modulated bool) {
	law := g711.ULaw()
	for i := range frame {
		v := p.one.next()
		if modulated {
			v *= (1 + p.two.next()) / (1 + depth)
		} else {
			v += p.two.next()
		}
		frame[i] = law.Code(int16(v))
	}
}

// An oscillator is a sine by recurrence. Its error grows with time, so it takes
// up its exact phase again once a second.
type oscillator struct {
	w, peak, k, a, b float64
	n                int
	phase            float64 // at the last whole second
}

func (o *oscillator) set(hz, peak float64) {
	*o = oscillator{w: 2 * math.Pi * hz / rate}
	if hz > 0 {
		o.peak = peak
	}
	o.k = 2 * math.Cos(o.w)
	o.align()
}

// align sets the last two samples to what they are at o.phase.
func (o *oscillator) align() {
	o.n = 0
	o.a, o.b = o.peak*math.Sin(o.phase-o.w), o.peak*math.Sin(o.phase)
}

func (o *oscillator) next() float64 {
	s := o.b
	o.a, o.b = o.b, o.k*o.b-o.a
	if o.n++; o.n == rate {
		o.phase = math.Mod(o.phase+o.w*rate, 2*math.Pi)
		o.align()
	}
	return s
}
