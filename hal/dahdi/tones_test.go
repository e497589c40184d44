//go:build dahdi

package dahdi_test

import (
	"math"

	"branchline/hal"
)

// power is how strong a frequency is in a frame: the amplitude of its sine.
func power(f *hal.Frame, hz float64) float64 {
	w := 2 * math.Cos(2*math.Pi*hz/hal.Rate)
	var a, b float64
	for _, v := range f {
		a, b = float64(v)+w*a-b, a
	}
	return 2 * math.Sqrt(a*a+b*b-w*a*b) / hal.FrameSize
}

// dtmf is the digit that fills a frame, 0 if none does.
func dtmf(f *hal.Frame) byte {
	loudest := func(tones [4]float64) int {
		best := 0
		var p [4]float64
		for i, hz := range tones {
			if p[i] = power(f, hz); p[i] > p[best] {
				best = i
			}
		}
		if p[best] < 500 {
			return -1
		}
		return best
	}
	row := loudest([4]float64{697, 770, 852, 941})
	column := loudest([4]float64{1209, 1336, 1477, 1633})
	if row < 0 || column < 0 {
		return 0
	}
	return "123A456B789C*0#D"[4*row+column]
}
