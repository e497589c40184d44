// Package level is how loud a telephone line is: gains on its way in and out,
// meters in dBm0, the return loss of its hybrid, and fading without clicks. A sine
// of full scale is +3.17 dBm0, the load point of u-law (ITU-T G.711, table 2a).
package level

import "math"

// Full is the level of a sine of full scale in dBm0.
const Full = 3.17

// reference is the mean square of 0 dBm0.
var reference = 32767.0 * 32767 / 2 / math.Pow(10, Full/10)

// DBm0 is the level of speech in dBm0, minus infinity for silence.
func DBm0(frame []int16) float64 {
	var m Meter
	m.Add(frame)
	return m.DBm0()
}

// A Meter measures level and peak. The zero value is ready.
type Meter struct {
	sum  float64
	n    int
	peak int
}

// Add takes more speech.
func (m *Meter) Add(frame []int16) {
	// Whole numbers: the sum of 160 squares does not fit 32 bits, but is cheap in 64.
	var sum int64
	peak := m.peak
	for _, v := range frame {
		x := int(v)
		sum += int64(x * x)
		peak = max(peak, x, -x)
	}
	m.sum += float64(sum)
	m.n += len(frame)
	m.peak = peak
}

// DBm0 is the level of all that was added in dBm0, minus infinity for silence.
func (m *Meter) DBm0() float64 {
	return 10 * math.Log10(m.sum/float64(max(m.n, 1))/reference)
}

// Peak is the largest magnitude of a sample, 0 to 32768.
func (m *Meter) Peak() int { return m.peak }

// Samples is how many were added.
func (m *Meter) Samples() int { return m.n }

// Reset begins anew.
func (m *Meter) Reset() { *m = Meter{} }
