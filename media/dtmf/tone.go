package dtmf

import "math"

// Levels of a generated digit, as ES 201 235-2 wants them at a terminal: the
// high tone 2 dB above the low one, together about -6 dBm0.
const (
	lowLevel  = -10.0
	highLevel = -8.0
	fullTone  = 22650.0 // peak of a sine at 0 dBm0 in 16 bit samples (G.711 table 5)
)

// A Tone generates the pair of tones of one digit. The zero value is silent.
type Tone struct{ low, high oscillator }

// Start begins digit d at phase zero, so that it does not click.
func (t *Tone) Start(d byte) {
	*t = Tone{}
	for i := range len(pad) {
		if pad[i] == d {
			t.low.set(lows[i/4], fullTone*math.Pow(10, lowLevel/20))
			t.high.set(highs[i%4], fullTone*math.Pow(10, highLevel/20))
		}
	}
}

// Fill writes the next samples.
func (t *Tone) Fill(out []int16) {
	for i := range out {
		out[i] = int16(t.low.next() + t.high.next())
	}
}

// An oscillator is a sine by recurrence: two multiplications a sample, and stable
// for far longer than any digit lasts.
type oscillator struct{ a, b, k float64 }

func (o *oscillator) set(hz, peak float64) {
	w := 2 * math.Pi * hz / Rate
	o.k = 2 * math.Cos(w)
	o.a, o.b = -peak*math.Sin(w), 0 // samples -1 and 0
}

func (o *oscillator) next() float64 {
	s := o.b
	o.a, o.b = o.b, o.k*o.b-o.a
	return s
}
