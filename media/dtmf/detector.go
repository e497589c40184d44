package dtmf

import (
	"math"

	"branchline/media/sine"
)

// What makes a digit. Q.24 table 1 has the limits of five administrations; where
// they differ these satisfy all that can be satisfied together.
const (
	hopsOn  = 13 // hops in a row that hold both tones: 31 to 36 ms of them
	hopsOff = 11 // hops without, to end it: breaks of 20 ms are bridged, pauses of 30 are not
	suspect = 2  // hops in a row after which the speech may not be passed on as it is

	weakest   = -33.0  // dBm0 per tone
	twistFwd  = 12.0   // dB the high tone may exceed the low one
	twistRev  = 13.0   // dB the low tone may exceed the high one
	apart     = 5.0    // dB between the best tone of a group and the others
	deviation = 0.0255 // of the nominal frequency

	// Shares of all energy that the two tones must hold, against speech: in each
	// hop, where the tones may not yet fill the window, and over the last ones.
	shareHop, shareAll = 0.60, 0.91

	// strained is how far a digit may be from an ideal one in all respects together,
	// each limit above being 1, squared and added up: a voice comes near several
	// limits at once, a telephone near one.
	strained = 1.4

	// drop is how far in dB a tone may fall before it counts as gone: an echo 10 dB
	// down does not prolong it. fade is what the level to compare with loses a hop.
	drop, fade = 7.0, 0.1
)

// A Detector hears digits in linear speech at 8 kHz, by the rules of ITU-T Q.24,
// also while a dial tone sounds. The zero value is ready.
type Detector struct {
	in   window
	rest [hopLen]int16 // speech that does not yet fill a hop
	n    int

	dial standing

	cand  candidate
	digit byte // 0: none
	row   int
	col   int
	low   float64 // energies of its tones
	high  float64
	miss  int   // hops in a row without it
	began int64 // samples
}

// A candidate is a digit that may be about to begin.
type candidate struct {
	digit     byte
	hits      int
	bad       bool             // it is none, however long it goes on
	low, high complex128       // how the phases of its tones moved, added up
	rows      [hops]complex128 // its tones, in the last windows
	cols      [hops]complex128
	all       [hops]float64 // their energies
}

// A Change is what Hear noticed. Positions are counted in samples since the
// detector was made or reset.
type Change struct {
	Began, Ended byte  // digits, 0: none
	BeganAt      int64 // where Began began, to about 3 ms
	EndedAt      int64 // where Ended ended
	Samples      int   // how long Ended lasted
}

// NewDetector makes a detector.
func NewDetector() *Detector { return new(Detector) }

// Reset forgets what was heard so far.
func (d *Detector) Reset() { *d = Detector{} }

// Digit is the digit sounding now, 0 if none.
func (d *Detector) Digit() byte { return d.digit }

// Suspect reports whether the speech heard last may belong to a digit, sounding or
// about to be recognised. Who converts digits mutes while it is true.
func (d *Detector) Suspect() bool {
	return d.digit != 0 || d.cand.hits >= suspect && !d.cand.bad
}

// Hear takes up to 50 ms of speech. At most one digit can end and one begin in
// that time.
func (d *Detector) Hear(speech []int16) (c Change) {
	for len(speech) > 0 {
		n := copy(d.rest[d.n:], speech)
		d.n += n
		speech = speech[n:]
		if d.n == hopLen {
			d.n = 0
			d.in.step(&d.rest)
			d.step(&c)
		}
	}
	return c
}

// now is the end of the window, in samples.
func (d *Detector) now() int64 { return int64(d.in.hop) * hopLen }

var (
	weakestEnergy = math.Pow(sine.Peak(weakest)*windowLen/2, 2)
	apartRatio    = ratio(apart)
	twistFwdRatio = ratio(twistFwd + 2)
	twistRevRatio = ratio(twistRev + 2)
	dropRatio     = ratio(-drop)
	fadeRatio     = ratio(-fade)
)

func ratio(dB float64) float64 { return math.Pow(10, dB/10) }

// step looks at the window after each hop.
func (d *Detector) step(c *Change) {
	var e [8]float64
	for i, t := range d.in.tones {
		e[i] = energy(t)
	}
	above, below := sum(&d.in.above), sum(&d.in.below)
	d.dial.step(below, above)
	if d.digit != 0 {
		d.hold(&e, c)
	}
	// A sine of amplitude A gives (A N/2)^2 in its bin and A^2 N/2 in all.
	d.seek(&e, (above+d.dial.strange(below, above))*windowLen/2, c)
}

// hold sees whether the digit that sounds goes on.
func (d *Detector) hold(e *[8]float64, c *Change) {
	low, high := e[d.row], e[4+d.col]
	if low >= d.low*dropRatio && high >= d.high*dropRatio {
		d.miss = 0
		d.low, d.high = max(low, d.low*fadeRatio), max(high, d.high*fadeRatio)
		return
	}
	if d.miss++; d.miss >= hopsOff {
		d.end(c)
	}
}

// end ends the digit. The window had left more than half of its tones behind when
// it was missed first.
func (d *Detector) end(c *Change) {
	c.Ended, c.EndedAt = d.digit, d.now()-int64(d.miss)*hopLen-windowLen*45/100
	c.Samples = int(max(0, c.EndedAt-d.began))
	d.digit, d.miss = 0, 0
}

// seek sees whether a digit begins; all is the energy of the window as a bin would
// have it.
func (d *Detector) seek(e *[8]float64, all float64, c *Change) {
	row, clear1 := best((*[4]float64)(e[:4]))
	col, clear2 := best((*[4]float64)(e[4:]))
	low, high, digit := e[row], e[4+col], pad[4*row+col]
	k := &d.cand
	if !clear1 || !clear2 || low < weakestEnergy || high < weakestEnergy ||
		high > low*twistFwdRatio || low > high*twistRevRatio || low+high < shareHop*all ||
		d.digit == digit {
		*k = candidate{}
		return
	}
	if k.digit != digit {
		*k = candidate{digit: digit}
	}
	if k.hits++; k.hits > lag {
		k.low += d.in.advance(row)
		k.high += d.in.advance(4 + col)
	}
	now := k.hits % hops
	k.rows[now], k.cols[now], k.all[now] = d.in.tones[row], d.in.tones[4+col], all
	if k.hits < hopsOn || k.bad {
		return
	}
	if k.strain(row, col) > strained {
		k.bad = true
		return
	}
	if d.digit != 0 {
		d.end(c)
	}
	d.digit, d.row, d.col, d.low, d.high, d.miss = digit, row, col, low, high, 0
	// The tones filled about 7/10 of the window at the first hit.
	d.began = max(0, d.now()-(hopsOn-1)*hopLen-windowLen*7/10)
	c.Began, c.BeganAt = digit, d.began
	*k = candidate{}
}

// best finds the strongest of a group and whether it stands apart from the rest.
func best(e *[4]float64) (int, bool) {
	top := 0
	for i := range e {
		if e[i] > e[top] {
			top = i
		}
	}
	for i := range e {
		if i != top && e[i]*apartRatio > e[top] {
			return top, false
		}
	}
	return top, true
}
