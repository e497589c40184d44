package dtmf

import (
	"math"

	"branchline/media/sine"
)

// Levels of a generated digit, as ES 201 235-2 wants them at a terminal: the
// high tone 2 dB above the low one, together about -6 dBm0.
const (
	lowLevel  = -10.0
	highLevel = -8.0
)

// A Tone generates the pair of tones of one digit. The zero value is silent.
type Tone struct {
	low, high sine.Oscillator
	rise      int  // samples that are out
	ends      bool // after left samples
	left      int
}

// Start begins digit d at the usual level. Anything but a digit is silence.
func (t *Tone) Start(d byte) { t.StartAt(d, lowLevel, highLevel) }

// StartAt begins digit d with tones of the given levels in dBm0.
func (t *Tone) StartAt(d byte, low, high float64) {
	*t = Tone{}
	if c := Code(d); c >= 0 {
		d = Digits[c]
	}
	for i := range len(pad) {
		if pad[i] == d {
			t.low.Set(lows[i/4], sine.Peak(low))
			t.high.Set(highs[i%4], sine.Peak(high))
		}
	}
}

// End lets the tone die away so that it is silent after n more samples.
func (t *Tone) End(n int) { t.ends, t.left = true, n }

// Fill writes the next samples.
func (t *Tone) Fill(out []int16) {
	for i := range out {
		if t.ends {
			if t.left == 0 {
				clear(out[i:])
				return
			}
			t.left--
		}
		v := (t.low.Next() + t.high.Next()) * sine.Rise(t.rise)
		t.rise++
		if t.ends {
			v *= sine.Rise(t.left)
		}
		out[i] = clip(v)
	}
}

func clip(v float64) int16 { return int16(max(-32768, min(32767, math.Round(v)))) }
