package echo

import (
	"fmt"
	"math"
	"testing"
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
			y[i] += limit(3000 * s * s * math.Sin(2*math.Pi*pitch*h*at))
		}
	}
	return at(y, dbm0)
}

// faded is x with a rise and a fall of 0.1 s.
func faded(x []int16) []int16 {
	for i := range x {
		x[i] = limit(float64(x[i]) * min(1, float64(i)/800, float64(len(x)-i)/800))
	}
	return x
}

// roughest is the largest sixth difference in x: what a click shows as, and a tone
// below 1100 Hz hardly.
func roughest(x []int16) float64 {
	var past [6]float64
	most := 0.0
	for i, v := range x {
		d := float64(v)
		for k := range past {
			d, past[k] = d-past[k], d
		}
		if i >= len(past) {
			most = max(most, math.Abs(d))
		}
	}
	return most
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
				sent = ulaw(sent)
				heard := through(sent, h, -8, 0)
				coarse := ulaw(heard)
				for _, linear := range []bool{true, false} {
					out := run(New(Config{Linear: linear}), sent, coarse)
					worst, when := -99.0, 0
					for a := 0; a+160 <= len(out); a += 160 {
						if level(sent[a:a+160]) < -40 {
							continue // what a filter of one frequency makes of a tone's sudden end
						}
						in := level(coarse[a : a+160])
						if l := level(out[a:a+160]) - max(in, -38); l > worst {
							worst, when = l, a
						}
					}
					least := 99.0
					for n := range 2 {
						at := float64(n)*7 + 4.5
						least = min(least, loss(coarse, out, at+1, at+1.9))
					}
					name := fmt.Sprintf("D.%d, %v Hz, ramp %v, linear %v", i+2, hz, ramp, linear)
					if worst > 1 {
						t.Errorf("%s: %.1f dB louder at %.2f s", name, worst, float64(when)/8000)
					}
					// What u-law does to the speech is as rough as the rest of it.
					if r, most := roughest(out), roughest(coarse)+2500; r > most {
						t.Errorf("%s: a click, roughness %.0f of %.0f", name, r, most)
					}
					if least < 8 {
						t.Errorf("%s: %.1f dB", name, least)
					}
				}
			}
		}
	}
}
