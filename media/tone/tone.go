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
	"branchline/media/sine"
)

const (
	rate = sine.Rate
	// level of each frequency of a list in dBm0, as ITU-T E.180 has it at exchanges:
	// two of them make -10.
	level = -13.0
	// depth of amplitude modulation.
	depth = 0.9

	maxSteps = 256
	maxTones = 3 // at once
	maxTime  = 24 * time.Hour
)

// A List is a sequence of tones, of which the first part is played once and the
// rest for ever. It may be shared.
type List struct {
	steps []step
	loop  int // the first step of the part that repeats; len(steps): none does
}

type step struct {
	hz        [maxTones]float64 // those not needed are 0
	modulated bool              // the second modulates the first instead of being added
	samples   int               // 0: for ever
	once      bool
}

// silent reports whether nothing sounds in s.
func (s *step) silent() bool { return s.hz[0] == 0 && (s.modulated || s.hz[1] == 0 && s.hz[2] == 0) }

// A Step is one item of a list.
type Step struct {
	Hz        []float64     // empty: silence
	Modulated bool          // Hz[1] modulates Hz[0]
	Length    time.Duration // 0: for ever
	Once      bool
}

// Steps gives the items of l. What repeats begins at item loop; with loop equal to
// the number of items nothing does.
func (l *List) Steps() (steps []Step, loop int) {
	for i := range l.steps {
		s := &l.steps[i]
		t := Step{Modulated: s.modulated, Length: time.Duration(s.samples) * time.Second / rate, Once: s.once}
		for _, hz := range s.hz {
			if hz > 0 && !s.silent() {
				t.Hz = append(t.Hz, hz)
			}
		}
		steps = append(steps, t)
	}
	return steps, l.loop
}

// Parse reads a list as indications.conf has it: items separated by commas, each
// `[!]tone[/ms]`, where tone is `f`, `f1+f2`, `f1+f2+f3` or `f1*f2` (the second
// modulates the first), in Hz or, after an M, as a MIDI note; 0 is silence and `!` means
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
	one, two, modulated := strings.Cut(what, "*")
	if s.modulated = modulated; modulated {
		if s.hz[0], err = frequency(one); err == nil {
			s.hz[1], err = frequency(two)
		}
		return s, err
	}
	n := 0
	for f := range strings.SplitSeq(what, "+") {
		if n == maxTones {
			return s, fmt.Errorf("more than %d frequencies", maxTones)
		}
		if s.hz[n], err = frequency(f); err != nil {
			return s, err
		}
		n++
	}
	return s, nil
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
func (l *List) Source() media.Source { return l.Player() }

// Player plays l from the beginning, at -13 dBm0 per frequency.
func (l *List) Player() *Player { return l.PlayerAt(level) }

// PlayerAt plays l with each frequency at the given level in dBm0.
func (l *List) PlayerAt(dBm0 float64) *Player {
	p := &Player{list: l, peak: sine.Peak(dBm0)}
	p.enter(0)
	return p
}

// Milliwatt is the test tone: 1004 Hz at 0 dBm0, for ever (ITU-T O.133 avoids
// 1000 Hz, a divisor of the sample rate).
func Milliwatt() media.Source {
	return (&List{steps: []step{{hz: [maxTones]float64{1004}}}}).PlayerAt(0)
}

// Silence is d of silence.
func Silence(d time.Duration) media.Source {
	n := int(min(max(d, 0), maxTime) / time.Millisecond * (rate / 1000))
	p := (&List{steps: []step{{samples: n, once: true}}, loop: 1}).Player()
	if n == 0 {
		p.enter(1)
	}
	return p
}

// A Player is where in a list somebody is. It belongs to one goroutine.
type Player struct {
	list *List
	peak float64
	at   int  // step
	left int  // samples left of it
	gone int  // samples of it that are out, up to sine.Edge
	on   bool // the step before sounded the same: no edge between them
	hold bool // the step after will
	osc  [maxTones]sine.Oscillator
}

// after is the step that follows step i, nil if none does.
func (p *Player) after(i int) (int, *step) {
	if i++; i >= len(p.list.steps) && p.list.loop < len(p.list.steps) {
		i = p.list.loop
	}
	if i < len(p.list.steps) {
		return i, &p.list.steps[i]
	}
	return i, nil
}

// enter begins step i.
func (p *Player) enter(i int) {
	p.at, p.gone = i, 0
	if i >= len(p.list.steps) {
		return
	}
	s := &p.list.steps[i]
	p.left = s.samples
	_, next := p.after(i)
	p.on, p.hold = p.hold, next != nil && next.hz == s.hz && next.modulated == s.modulated
	if p.on {
		return
	}
	for k := range p.osc {
		peak := p.peak
		if s.modulated && k == 1 {
			peak = depth
		}
		p.osc[k].Set(s.hz[k], peak)
	}
}

// Fill writes the next samples in u-law (see media.Source).
func (p *Player) Fill(frame []byte) int {
	law := g711.ULaw()
	var linear [160]int16
	done := 0
	for done < len(frame) {
		n := p.Sound(linear[:min(len(linear), len(frame)-done)])
		if n == 0 {
			break
		}
		for i, v := range linear[:n] {
			frame[done+i] = law.Code(v)
		}
		done += n
	}
	return done
}

// Sound writes the next linear samples and returns how many there were: fewer than
// len(frame) when the list has ended.
func (p *Player) Sound(frame []int16) int {
	done := 0
	for done < len(frame) && p.at < len(p.list.steps) {
		s := &p.list.steps[p.at]
		n := len(frame) - done
		if s.samples > 0 {
			n = min(n, p.left)
		}
		if s.silent() {
			clear(frame[done : done+n])
		} else {
			p.sound(frame[done:done+n], s)
		}
		done += n
		if s.samples > 0 {
			if p.left -= n; p.left == 0 {
				next, _ := p.after(p.at)
				p.enter(next)
			}
		}
	}
	return done
}

// sound writes samples of a step, the first and the last of which are edges.
func (p *Player) sound(frame []int16, s *step) {
	for i := range frame {
		v := p.osc[0].Next()
		if s.modulated {
			v *= (1 + p.osc[1].Next()) / (1 + depth)
		} else {
			if s.hz[1] > 0 {
				v += p.osc[1].Next()
			}
			if s.hz[2] > 0 {
				v += p.osc[2].Next()
			}
		}
		if p.gone < sine.Edge && !p.on {
			v *= sine.Rise(p.gone)
			p.gone++
		}
		if left := p.left - i - 1; s.samples > 0 && !p.hold {
			v *= sine.Rise(left)
		}
		frame[i] = int16(max(-32768, min(32767, math.Round(v))))
	}
}
