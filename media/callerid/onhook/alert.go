package onhook

import (
	"math"

	"branchline/media/sine"
)

// The dual tone that alerts a telephone to a message: DT-AS of EN 300 659-1 5.2,
// CAS of GR-30 2.5. In Hz, within 0.5 %.
const (
	AlertLow  = 2130.0
	AlertHigh = 2750.0
)

const (
	alertBlock   = 80    // samples, 10 ms
	alertWeakest = -46.0 // dBm0 per tone
	alertTwist   = 9.0   // dB between the tones at most; 6 must be taken
	alertPurity  = 0.75  // share of all energy that the tones must hold, against speech
	alertOff     = 30.0  // Hz a tone may be off: 0.5 % is 14, the rest is for noise
	// A tone of 75 ms holds six whole blocks wherever it begins; DT-AS has 110 ms at
	// most.
	alertLeast, alertMost = 6, 13
)

// An Alert listens for the dual tone.
type Alert struct {
	low, high bin
	total     float64
	n         int
	run       int // blocks in a row
}

// A bin is one frequency of a block, with its phase.
type bin struct {
	k, cos, sin float64
	s1, s2      float64
	ahead       float64 // radians a tone in the middle turns in a block
	phase       float64 // at the end of the last block
}

func newBin(hz float64) bin {
	w := 2 * math.Pi * hz / Rate
	sin, cos := math.Sincos(w)
	return bin{k: 2 * cos, cos: cos, sin: sin, ahead: w * alertBlock}
}

// NewAlert makes one.
func NewAlert() *Alert { return &Alert{low: newBin(AlertLow), high: newBin(AlertHigh)} }

// Reset forgets what was heard.
func (a *Alert) Reset() {
	a.low.clear()
	a.high.clear()
	a.total, a.n, a.run = 0, 0, 0
}

// Hear takes speech and reports whether the tone ended in it.
func (a *Alert) Hear(speech []int16) (ended bool) {
	for len(speech) > 0 {
		n := min(len(speech), alertBlock-a.n)
		for _, v := range speech[:n] {
			a.total += float64(v) * float64(v)
		}
		a.low.feed(speech[:n])
		a.high.feed(speech[:n])
		a.n += n
		speech = speech[n:]
		if a.n == alertBlock {
			ended = a.block() || ended
		}
	}
	return ended
}

var (
	alertFloor = math.Pow(sine.Peak(alertWeakest)*alertBlock/2, 2)
	alertRatio = math.Pow(10, alertTwist/10)
)

// block judges a full block.
func (a *Alert) block() (ended bool) {
	low, offLow := a.low.take()
	high, offHigh := a.high.take()
	// A sine of amplitude A gives (A N/2)^2 in its bin and A^2 N/2 in total.
	pure := low+high >= alertPurity*a.total*alertBlock/2
	a.total, a.n = 0, 0
	if !pure || low < alertFloor || high < alertFloor || low > high*alertRatio || high > low*alertRatio {
		ended = a.run >= alertLeast && a.run <= alertMost
		a.run = 0
		return ended
	}
	// The first block of a run has no phase before it to be compared with.
	if a.run > 0 && (offLow > alertOff || offHigh > alertOff) {
		a.run = 0
	}
	a.run = min(a.run+1, alertMost+1)
	return false
}

func (b *bin) feed(speech []int16) {
	s1, s2 := b.s1, b.s2
	for _, v := range speech {
		s1, s2 = float64(v)+b.k*s1-s2, s1
	}
	b.s1, b.s2 = s1, s2
}

// take is the energy of the block, and how far from the middle its tone is in Hz,
// by the phase since the last block.
func (b *bin) take() (energy, off float64) {
	re, im := b.s1-b.s2*b.cos, b.s2*b.sin
	b.s1, b.s2 = 0, 0
	phase := math.Atan2(im, re)
	turned := math.Remainder(phase-b.phase-b.ahead, 2*math.Pi)
	b.phase = phase
	return re*re + im*im, math.Abs(turned) / (2 * math.Pi) * Rate / alertBlock
}

func (b *bin) clear() { b.s1, b.s2, b.phase = 0, 0, 0 }
