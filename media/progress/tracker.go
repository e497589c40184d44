package progress

// A tracker follows one pattern through the hops.
type tracker struct {
	pattern *pattern
	need    int // cycles for an event

	at      int     // step; with n 0: none yet
	n       float64 // hops in it
	odd     float64 // hops since that fit neither it nor the next
	whole   bool    // the first step was heard from its beginning
	cycles  int     // heard whole
	level   float64 // energy of a window in which it sounds
	wait    bool    // until the tone that did not fit is over
	sounded bool    // its beginning was told
}

// What a step of a tracker tells.
type verdict uint8

const (
	nothing verdict = iota
	tells           // a kind that does not last
	begins          // one that does
	ends
)

const (
	oddHops = 2    // the window lies across an edge for so long
	fallen  = 16.0 // silence is so much below the tone: 12 dB
)

func (t *tracker) reset() { *t = tracker{pattern: t.pattern, need: t.need} }

// fits reports whether a window fits a step.
func (t *tracker) fits(i int, tones uint64, energy float64) bool {
	s := &t.pattern.steps[i]
	if s.tone < 0 {
		return energy <= quietEnergy || energy*fallen <= t.level
	}
	return tones&(1<<s.tone) != 0
}

// step takes the next hop.
func (t *tracker) step(tones uint64, energy float64) verdict {
	begin := t.fits(0, tones, energy)
	if t.n == 0 {
		if !begin {
			t.wait = false
			return nothing
		}
		if t.wait {
			return nothing
		}
		t.at, t.n, t.odd, t.cycles, t.whole, t.level = 0, 1, 0, 0, true, energy
		return t.judge()
	}
	s := &t.pattern.steps[t.at]
	if t.fits(t.at, tones, energy) {
		t.n += 1 + t.odd
		t.odd = 0
		if s.tone >= 0 {
			t.level = max(energy, t.level*0.98)
		}
		if !s.forever && t.n > s.max {
			return t.fail(begin)
		}
		return t.judge()
	}
	next := (t.at + 1) % len(t.pattern.steps)
	if len(t.pattern.steps) > 1 && t.fits(next, tones, energy) {
		t.n += t.odd / 2
		if t.n < s.min {
			// Only the very first step may be short, because we came late to it.
			if t.at != 0 || t.cycles > 0 || t.sounded {
				return t.again(begin)
			}
			t.whole = false
		}
		t.at, t.n, t.odd = next, 1+t.odd/2, 0
		if next == 0 {
			if t.whole {
				t.cycles++
			}
			t.whole = true
		}
		return t.judge()
	}
	if t.odd++; t.odd > oddHops {
		return t.fail(begin)
	}
	return nothing
}

// judge tells when enough was heard.
func (t *tracker) judge() verdict {
	p := t.pattern
	known := t.cycles >= t.need || p.long > 0 && t.whole && t.at == p.longAt && t.n >= p.long
	if !known {
		return nothing
	}
	if p.kind == Busy || p.kind == Congestion || p.kind == Howler {
		t.cycles = 0 // told again after as many
		return tells
	}
	if t.sounded {
		return nothing
	}
	t.sounded = true
	return begins
}

// again gives the pattern up at a sound that was too short for its step, and begins
// anew with that sound if it fits the first one.
func (t *tracker) again(begin bool) verdict {
	first, n, level := &t.pattern.steps[0], t.n, t.level
	fits := len(t.pattern.steps) > 1 && t.pattern.steps[t.at].tone == first.tone && t.pattern.steps[1].tone < 0 && n >= first.min && n <= first.max
	v := t.fail(begin)
	if fits {
		t.at, t.n, t.whole, t.level = 1, 1, true, level
	}
	return v
}

// fail gives the pattern up.
func (t *tracker) fail(begin bool) verdict {
	sounded := t.sounded
	t.reset()
	t.wait = begin
	if sounded {
		return ends
	}
	return nothing
}

// An ascent follows the special information tone: three rising steps, of 276 or 380
// ms in North America and 330 elsewhere, with hardly a pause between them.
type ascent struct {
	at, n, gap int
}

const (
	ascentMin = 20 // hops of each step
	ascentMax = 46
	ascentGap = 8 // hops between two
)

// step takes the next hop and reports whether the third step was heard.
func (a *ascent) step(tones uint64, steps [3]uint64) bool {
	switch {
	case tones&steps[a.at] != 0:
		a.n++
		a.gap = 0
		if a.n > ascentMax {
			*a = ascent{}
		}
		if a.at == 2 && a.n == ascentMin {
			*a = ascent{}
			return true
		}
	case a.at < 2 && a.n >= ascentMin && tones&steps[a.at+1] != 0:
		*a = ascent{at: a.at + 1, n: 1}
	case a.n > 0:
		if a.gap++; a.gap > ascentGap || a.n < ascentMin {
			*a = ascent{}
		}
	}
	return false
}
