package dtmf

import "math"

// Levels of a generated digit, as ES 201 235-2 wants them at a terminal: the
// high tone 2 dB above the low one, together about -6 dBm0.
const (
	lowLevel  = -10.0
	highLevel = -8.0
	fullTone  = 22650.0 // peak of a sine at 0 dBm0 in 16 bit samples (G.711 table 5)
)

// edgeLen is how long a tone takes to rise or fall, in samples: 2 ms of raised
// cosine, so that it does not click.
const edgeLen = 16

var edge = func() (e [edgeLen]float64) {
	for i := range e {
		e[i] = 0.5 - 0.5*math.Cos(math.Pi*(float64(i)+0.5)/edgeLen)
	}
	return e
}()

// A Tone generates the pair of tones of one digit. The zero value is silent.
type Tone struct {
	low, high oscillator
	rise      int  // samples of the rising edge that are out
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
			t.low.set(lows[i/4], fullTone*math.Pow(10, low/20))
			t.high.set(highs[i%4], fullTone*math.Pow(10, high/20))
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
		v := t.low.next() + t.high.next()
		if t.rise < edgeLen {
			v *= edge[t.rise]
			t.rise++
		}
		if t.ends && t.left < edgeLen {
			v *= edge[t.left]
		}
		out[i] = clip(v)
	}
}

func clip(v float64) int16 { return int16(max(-32768, min(32767, math.Round(v)))) }

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
