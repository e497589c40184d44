package echotest

import "math"

// Power is the mean square of x.
func Power(x []int16) float64 {
	var s float64
	for _, v := range x {
		s += float64(v) * float64(v)
	}
	return s / float64(len(x))
}

// Level is that of x in dBm0; silence is at -117.
func Level(x []int16) float64 {
	return 10*math.Log10((Power(x)+1e-3)/(32767*32767/2)) + 3.17
}

// Loss is how much quieter out is than in from second a to b, in dB.
func Loss(in, out []int16, a, b float64) float64 {
	return Level(Second(in, a, b)) - Level(Second(out, a, b))
}

// Projected is the loss in dB of what out has of in, over the frames of 20 ms in
// which in is there at all.
func Projected(in, out []int16) float64 {
	var a, b float64
	for i := 0; i+160 <= len(in); i += 160 {
		var xx, xy float64
		for k := i; k < i+160; k++ {
			xx += float64(in[k]) * float64(in[k])
			xy += float64(in[k]) * float64(out[k])
		}
		if xx < 160*100 {
			continue
		}
		a += xx
		b += max(0, xy) * max(0, xy) / xx
	}
	return 10 * math.Log10((a+1)/(b+1))
}
