// Package echotest makes the sounds that echo cancellers are tried with, sends them
// through echo paths and measures what is left. Sound is 8 kHz linear, where a full
// sine is +3.17 dBm0; only tests use it.
package echotest

import (
	"math"
	"math/rand/v2"

	"branchline/media/g711"
)

// rate is that of all sound, in Hz.
const rate = 8000

// Through is x behind the path h, db louder and delay samples later.
func Through(x []int16, h []float64, db float64, delay int) []int16 {
	g := math.Pow(10, db/20)
	y := make([]int16, len(x))
	for i := range y {
		var v float64
		for k, c := range h {
			if j := i - delay - k; j >= 0 {
				v += c * float64(x[j])
			}
		}
		y[i] = Limit(g * v)
	}
	return y
}

// Limit is v as a sample.
func Limit(v float64) int16 { return int16(max(-32768, min(32767, math.Round(v)))) }

// ULaw is what u-law makes of x.
func ULaw(x []int16) []int16 {
	y := make([]int16, len(x))
	for i, v := range x {
		y[i] = g711.ULaw().Linear(g711.ULaw().Code(v))
	}
	return y
}

// Plus is x and y at once; they are of one length.
func Plus(x, y []int16) []int16 {
	z := make([]int16, len(x))
	for i := range z {
		z[i] = Limit(float64(x[i]) + float64(y[i]))
	}
	return z
}

// Second is x from second a to b.
func Second(x []int16, a, b float64) []int16 { return x[int(a*rate):int(b*rate)] }

// At is x with the mean level dbm0.
func At(x []int16, dbm0 float64) []int16 {
	g := math.Pow(10, (dbm0-Level(x))/20)
	y := make([]int16, len(x))
	for i, v := range x {
		y[i] = Limit(g * float64(v))
	}
	return y
}

// Noise is white.
func Noise(seconds, dbm0 float64, seed uint64) []int16 {
	r := rand.New(rand.NewPCG(seed, 1))
	y := make([]int16, int(seconds*rate))
	for i := range y {
		y[i] = Limit(3000 * r.NormFloat64())
	}
	return At(y, dbm0)
}

// Composite has the timing of the composite source signal of ITU-T G.168 annex C: 49
// ms of a voiced sound, 200 ms of noise falling with frequency, 101 ms of silence,
// and again upside down.
func Composite(seconds, dbm0 float64, seed uint64) []int16 {
	r := rand.New(rand.NewPCG(seed, 2))
	y := make([]int16, int(seconds*rate))
	sign := 1.0
	for i := 0; i < len(y); i, sign = i+811, -sign {
		for k := 0; k < 389 && i < len(y); k, i = k+1, i+1 {
			var v float64
			for n := 1.0; n < 11; n++ {
				v += math.Cos(2*math.Pi*329*n*float64(k)/rate+n*n) / n
			}
			y[i] = Limit(sign * 4000 * v)
		}
		var l float64
		for k := 0; k < 1600 && i < len(y); k, i = k+1, i+1 {
			l = 0.8*l + 3000*r.NormFloat64()
			y[i] = Limit(sign * l)
		}
	}
	return At(y, dbm0)
}

// Run is what process leaves of heard, in frames of 20 ms.
func Run(process func(sent, heard []int16), sent, heard []int16) []int16 {
	out := append([]int16(nil), heard...)
	for i := 0; i+160 <= len(out); i += 160 {
		process(sent[i:i+160], out[i:i+160])
	}
	return out
}
