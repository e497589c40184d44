package sine

import (
	"math"
	"testing"
)

// An hour on, the sine is where it should be, and no weaker.
func TestOscillator(t *testing.T) {
	for _, hz := range []float64{350.3, 1004, 2200} {
		var o Oscillator
		o.Set(hz, Peak(-10))
		for i := range 3600 * Rate {
			got := o.Next()
			if i%Rate > 3 && i%Rate < Rate-3 {
				continue
			}
			_, turn := math.Modf(hz * float64(i) / Rate)
			if want := Peak(-10) * math.Sin(2*math.Pi*turn); math.Abs(got-want) > 0.01 {
				t.Fatalf("%g Hz, sample %d: %g, want %g", hz, i, got, want)
			}
		}
	}
	var silent Oscillator
	for range 2 * Rate {
		if v := silent.Next(); v != 0 {
			t.Fatal(v)
		}
	}
}

func TestRise(t *testing.T) {
	if Rise(0) <= 0 || Rise(Edge-1) >= 1 || Rise(Edge) != 1 || Rise(1e6) != 1 {
		t.Error(Rise(0), Rise(Edge-1), Rise(Edge))
	}
	for i := range Edge { // the end of one and the beginning of another make a whole
		if sum := Rise(i) + Rise(Edge-1-i); math.Abs(sum-1) > 1e-12 {
			t.Error(i, sum)
		}
	}
}

func TestPeak(t *testing.T) {
	if p := Peak(0); p != Zero {
		t.Error(p)
	}
	if p := Peak(-20); math.Abs(p-Zero/10) > 1e-9 {
		t.Error(p)
	}
}
