// Package sine makes the sines that tones, digits and signals are put together from:
// how strong they are, and how they begin and end without a click.
package sine

import "math"

// Rate is the sample rate, in Hz.
const Rate = 8000

// Zero is the peak of a sine at 0 dBm0 in 16 bit samples: the digital milliwatt of G.711
// table 5.
const Zero = 22650.0

// Peak is the peak of a sine at a level in dBm0.
func Peak(dBm0 float64) float64 { return Zero * math.Pow(10, dBm0/20) }

// Edge is how long a tone takes to rise or fall, in samples: 2 ms of raised cosine, so
// that it does not click.
const Edge = 16

var edge = func() (e [Edge]float64) {
	for i := range e {
		e[i] = 0.5 - 0.5*math.Cos(math.Pi*(float64(i)+0.5)/Edge)
	}
	return e
}()

// Rise is how strong a tone is at so many samples, 0 and more, from its beginning or its
// end: 1 behind the edge.
func Rise(at int) float64 {
	if at < Edge {
		return edge[at]
	}
	return 1
}

// An Oscillator is a sine by recurrence: two multiplications a sample. Its error grows
// with time, so it takes up its exact phase again once a second. The zero value is silent.
type Oscillator struct {
	w, peak, k, a, b float64
	n                int
	phase            float64 // at the last whole second
}

// Set begins a sine of a frequency, 0 for silence, with sample 0, which is 0.
func (o *Oscillator) Set(hz, peak float64) {
	*o = Oscillator{w: 2 * math.Pi * hz / Rate}
	if hz > 0 {
		o.peak = peak
	}
	o.k = 2 * math.Cos(o.w)
	o.align()
}

// align sets the last two samples to what they are at o.phase.
func (o *Oscillator) align() {
	o.n = 0
	o.a, o.b = o.peak*math.Sin(o.phase-o.w), o.peak*math.Sin(o.phase)
}

// Next is the next sample.
func (o *Oscillator) Next() float64 {
	s := o.b
	o.a, o.b = o.b, o.k*o.b-o.a
	if o.n++; o.n == Rate {
		o.phase = math.Mod(o.phase+o.w*Rate, 2*math.Pi)
		o.align()
	}
	return s
}
