package echo

import (
	"fmt"
	"math"
	"testing"

	"branchline/media/echo/echotest"
)

// vowel is a voice that does not glide: a pitch and two harmonics, in syllables.
func vowel(seconds, pitch, dbm0 float64) []int16 {
	y := make([]int16, int(seconds*8000))
	for i := range y {
		at := float64(i) / 8000
		since := math.Mod(at, 2.2)
		if since > 1.58 {
			continue
		}
		s := math.Sin(2 * math.Pi * since * since)
		for h := 1.0; h <= 3; h++ {
			y[i] += echotest.Limit(3000 * s * s * math.Sin(2*math.Pi*pitch*h*at))
		}
	}
	return echotest.At(y, dbm0)
}

// faded is x with a rise and a fall of 0.1 s.
func faded(x []int16) []int16 {
	for i := range x {
		x[i] = echotest.Limit(float64(x[i]) * min(1, float64(i)/800, float64(len(x)-i)/800))
	}
	return x
}

// rough is the sixth difference of x: what a click shows in, and a tone below 1100
// Hz hardly.
func rough(x []int16) []float64 {
	var past [6]float64
	y := make([]float64, len(x))
	for i, v := range x {
		d := float64(v)
		for k := range past {
			d, past[k] = d-past[k], d
		}
		if i >= len(past) {
			y[i] = d
		}
	}
	return y
}

// clicks are the places at which out is rougher than in ever is and six times as
// rough as the 40 ms around: hiss, as while a filter learns, is three to four times.
func clicks(in, out []int16) (at []int) {
	most := 2500.0 // what u-law does to speech is as rough as the rest of it
	for _, d := range rough(in) {
		most = max(most, math.Abs(d)+2500)
	}
	r := rough(out)
	for i, d := range r {
		if math.Abs(d) <= most {
			continue
		}
		around, sum := r[max(0, i-160):min(len(r), i+160)], 0.0
		for _, d := range around {
			sum += d * d
		}
		if math.Abs(d) > 6*math.Sqrt(sum/float64(len(around))) {
			at = append(at, i)
		}
	}
	return at
}

// A filter that has learnt from a voice knows nothing of the frequencies between its
// harmonics. A tone there is not to come back louder than without a canceller, it is
// to be gone soon, and none of the changes is to be heard as a click.
func TestSteadyTone(t *testing.T) {
	for i, h := range paths(t) {
		if i%4 != 1 {
			continue
		}
		for _, hz := range []float64{350, 504, 1004} {
			for _, ramp := range []bool{true, false} {
				var sent []int16
				for range 2 {
					tone := sine(2, hz, -16)
					if ramp {
						faded(tone)
					}
					sent = append(sent, vowel(4, 210, -16)...)
					sent = append(sent, make([]int16, 4000)...)
					sent = append(sent, tone...)
					sent = append(sent, make([]int16, 4000)...)
				}
				sent = echotest.ULaw(sent)
				heard := echotest.Through(sent, h, -8, 0)
				coarse := echotest.ULaw(heard)
				for _, linear := range []bool{true, false} {
					out := echotest.Run(New(Config{Linear: linear}).Process, sent, coarse)
					worst, when := -99.0, 0
					for a := 0; a+160 <= len(out); a += 160 {
						if echotest.Level(sent[a:a+160]) < -40 {
							continue // what a filter of one frequency makes of a tone's sudden end
						}
						in := echotest.Level(coarse[a : a+160])
						if l := echotest.Level(out[a:a+160]) - max(in, -38); l > worst {
							worst, when = l, a
						}
					}
					least := 99.0
					for n := range 2 {
						at := float64(n)*7 + 4.5
						least = min(least, echotest.Loss(coarse, out, at+1, at+1.9))
					}
					name := fmt.Sprintf("D.%d, %v Hz, ramp %v, linear %v", i+2, hz, ramp, linear)
					if worst > 1 {
						t.Errorf("%s: %.1f dB louder at %.2f s", name, worst, float64(when)/8000)
					}
					if at := clicks(coarse, out); len(at) > 0 {
						t.Errorf("%s: a click at %.3f s", name, float64(at[0])/8000)
					}
					if least < 8 {
						t.Errorf("%s: %.1f dB", name, least)
					}
				}
			}
		}
	}
}
