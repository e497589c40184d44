package echo

import (
	"bufio"
	"math"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"

	"branchline/media/g711"
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

// through is x behind the path h, db louder, delay samples later.
func through(x []int16, h []float64, db float64, delay int) []int16 {
	g := math.Pow(10, db/20)
	y := make([]int16, len(x))
	for i := range y {
		var v float64
		for k, c := range h {
			if j := i - delay - k; j >= 0 {
				v += c * float64(x[j])
			}
		}
		y[i] = limit(g * v)
	}
	return y
}

func limit(v float64) int16 { return int16(max(-32768, min(32767, math.Round(v)))) }

func ulaw(x []int16) []int16 {
	y := make([]int16, len(x))
	for i, v := range x {
		y[i] = g711.ULaw().Linear(g711.ULaw().Code(v))
	}
	return y
}

func plus(x, y []int16) []int16 {
	z := make([]int16, len(x))
	for i := range z {
		z[i] = limit(float64(x[i]) + float64(y[i]))
	}
	return z
}

func power(x []int16) float64 {
	var s float64
	for _, v := range x {
		s += float64(v) * float64(v)
	}
	return s / float64(len(x))
}

// level is that of x in dBm0.
func level(x []int16) float64 {
	return 10*math.Log10((power(x)+1e-3)/(32767*32767/2)) + 3.17
}

// at is x with the level dbm0 on average.
func at(x []int16, dbm0 float64) []int16 {
	g := math.Pow(10, (dbm0-level(x))/20)
	y := make([]int16, len(x))
	for i, v := range x {
		y[i] = limit(g * float64(v))
	}
	return y
}

func noise(seconds float64, dbm0 float64, seed uint64) []int16 {
	r := rand.New(rand.NewPCG(seed, 1))
	y := make([]int16, int(seconds*8000))
	for i := range y {
		y[i] = limit(3000 * r.NormFloat64())
	}
	return at(y, dbm0)
}

func sine(seconds, hz, dbm0 float64) []int16 {
	y := make([]int16, int(seconds*8000))
	for i := range y {
		y[i] = limit(10000 * math.Sin(2*math.Pi*hz*float64(i)/8000))
	}
	return at(y, dbm0)
}

// composite is like the composite source signal of G.168 annex C: 49 ms of voice,
// 200 ms of coloured noise, 101 ms of silence, and again upside down.
func composite(seconds, dbm0 float64, seed uint64) []int16 {
	r := rand.New(rand.NewPCG(seed, 2))
	y := make([]int16, int(seconds*8000))
	sign := 1.0
	for i := 0; i < len(y); i, sign = i+811, -sign {
		var low, high resonance
		low.set(500, 80)
		high.set(1500, 150)
		for k := 0; k < 389 && i < len(y); k, i = k+1, i+1 {
			pulse := 0.0
			if math.Mod(float64(k), 24.3) < 1 {
				pulse = 400
			}
			y[i] = limit(sign * 15 * high.next(low.next(pulse)))
		}
		var l float64
		for k := 0; k < 1600 && i < len(y); k, i = k+1, i+1 {
			l = 0.8*l + 3000*r.NormFloat64()
			y[i] = limit(l * sign)
		}
	}
	return at(y, dbm0)
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
		z[i] = limit(20000 * y1)
	}
	return at(z, dbm0)
}

// run is what c leaves of heard.
func run(c *Canceller, sent, heard []int16) []int16 {
	out := append([]int16(nil), heard...)
	for i := 0; i+160 <= len(out); i += 160 {
		c.Process(sent[i:i+160], out[i:i+160])
	}
	return out
}

// second is the part of x from second a to b.
func second(x []int16, a, b float64) []int16 { return x[int(a*8000):int(b*8000)] }

// loss is how much quieter out is than in between two seconds, in dB.
func loss(in, out []int16, a, b float64) float64 {
	return 10 * math.Log10((power(second(in, a, b))+1e-3)/(power(second(out, a, b))+1e-3))
}
