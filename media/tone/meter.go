package tone

import (
	"math"

	"branchline/media/g711"
	"branchline/media/sine"
)

// A Meter measures u-law speech: how loud it is, how loud single frequencies in it
// are, and which frequency it is if it is one.
type Meter struct {
	bins []bin
	n    int
	sum  float64

	last        float64
	first, here float64 // of upward crossings of zero, in samples
	crossings   int
}

// A bin is a Fourier sum over everything written.
type bin struct{ w, re, im float64 }

// NewMeter makes a meter that watches the given frequencies, in Hz.
func NewMeter(hz ...float64) *Meter {
	m := new(Meter)
	for _, f := range hz {
		m.bins = append(m.bins, bin{w: 2 * math.Pi * f / rate})
	}
	return m
}

// Write takes more speech. It never fails.
func (m *Meter) Write(ulaw []byte) (int, error) {
	for _, c := range ulaw {
		v := float64(g711.ULaw().Linear(c))
		m.sum += v * v
		for i := range m.bins {
			sin, cos := math.Sincos(m.bins[i].w * float64(m.n))
			m.bins[i].re += v * cos
			m.bins[i].im += v * sin
		}
		if m.last < 0 && v >= 0 {
			m.here = float64(m.n) - v/(v-m.last)
			if m.crossings == 0 {
				m.first = m.here
			}
			m.crossings++
		}
		m.last = v
		m.n++
	}
	return len(ulaw), nil
}

// Samples is how much was written.
func (m *Meter) Samples() int { return m.n }

// Level is the level of all of it in dBm0; minus infinity for silence.
func (m *Meter) Level() float64 {
	return 10 * math.Log10(m.sum/float64(max(1, m.n))/(sine.Zero*sine.Zero/2))
}

// LevelAt is the level in dBm0 of frequency i of those watched.
func (m *Meter) LevelAt(i int) float64 {
	peak := 2 * math.Hypot(m.bins[i].re, m.bins[i].im) / float64(max(1, m.n))
	return 20 * math.Log10(peak/sine.Zero)
}

// Frequency is that of a single tone, in Hz, from its crossings of zero; 0 if
// there are too few.
func (m *Meter) Frequency() float64 {
	if m.crossings < 2 || m.here <= m.first {
		return 0
	}
	return float64(m.crossings-1) * rate / (m.here - m.first)
}
