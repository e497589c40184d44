package echo

import (
	"bufio"
	"math"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"

	"branchline/media/echo/echotest"
)

// paths are the echo path models D.2 to D.9 of G.168, as they stand there.
func paths(t testing.TB) [][]float64 {
	f, err := os.Open("testdata/g168.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var all [][]float64
	for s := bufio.NewScanner(f); s.Scan(); {
		w := strings.Fields(s.Text())
		if w[0] == "#" {
			continue
		}
		var h []float64
		for _, v := range w[2:] {
			x, err := strconv.Atoi(v)
			if err != nil {
				t.Fatal(err)
			}
			k, _ := strconv.ParseFloat(w[1], 64)
			h = append(h, k*float64(x))
		}
		all = append(all, h)
	}
	return all
}

func sine(seconds, hz, dbm0 float64) []int16 {
	y := make([]int16, int(seconds*8000))
	for i := range y {
		y[i] = echotest.Limit(10000 * math.Sin(2*math.Pi*hz*float64(i)/8000))
	}
	return echotest.At(y, dbm0)
}

// resonance is a formant.
type resonance struct{ a, b, g, y1, y2 float64 }

func (f *resonance) set(hz, width float64) {
	r := math.Exp(-math.Pi * width / 8000)
	f.a, f.b = 2*r*math.Cos(2*math.Pi*hz/8000), -r*r
	f.g = 1 - r
}

func (f *resonance) next(x float64) float64 {
	y := f.g*x + f.a*f.y1 + f.b*f.y2
	f.y1, f.y2 = y, f.y1
	return y
}

// talker is somebody talking: syllables of gliding pitch and formants, fricatives
// and pauses.
func talker(seconds, dbm0 float64, seed uint64) []int16 {
	r := rand.New(rand.NewPCG(seed, 3))
	n := int(seconds * 8000)
	y := make([]float64, n)
	pitch := 90 + 130*r.Float64()
	var f1, f2, f3, hiss resonance
	var tick, tilt float64
	for i := 0; i < n; {
		length := 800 + r.IntN(1600)
		a, b, c := 250+500*r.Float64(), 900+1400*r.Float64(), 2300+700*r.Float64()
		da, db := (r.Float64()-0.5)*300, (r.Float64()-0.5)*600
		loud := 0.4 + r.Float64()
		glide := 0.8 + 0.4*r.Float64()
		for k := 0; k < length && i < n; k, i = k+1, i+1 {
			x := float64(k) / float64(length)
			if k%80 == 0 {
				f1.set(a+da*x, 60)
				f2.set(b+db*x, 90)
				f3.set(c, 150)
			}
			tick += pitch * (1 + (glide-1)*x) / 8000
			pulse := 0.02 * r.NormFloat64()
			if tick >= 1 {
				tick--
				pulse += 1
			}
			tilt = 0.7*tilt + pulse
			v := f1.next(tilt) + 0.6*f2.next(tilt) + 0.3*f3.next(tilt)
			y[i] += loud * math.Sin(math.Pi*x) * v
		}
		if r.IntN(3) == 0 { // a fricative
			hiss.set(2500+1000*r.Float64(), 600)
			for k := 0; k < 640 && i < n; k, i = k+1, i+1 {
				y[i] += 0.05 * hiss.next(r.NormFloat64())
			}
		}
		if r.IntN(4) == 0 {
			i += 800 + r.IntN(3200)
		}
	}
	z := make([]int16, n)
	var x1, y1 float64 // the telephone passes no bass
	for i, v := range y {
		x1, y1 = v, v-x1+0.85*y1
		z[i] = echotest.Limit(20000 * y1)
	}
	return echotest.At(z, dbm0)
}
