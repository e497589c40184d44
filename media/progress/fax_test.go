package progress

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// reversed makes 2100 Hz whose phase is reversed every 450 ms, with or without the
// modulation of ANSam.
func reversed(hz float64, d time.Duration, every, depth float64) []int16 {
	s := make([]int16, int(d*Rate/time.Second))
	for i := range s {
		at := float64(i) / Rate
		sign := 1.0
		if every > 0 && int(at/every)%2 == 1 {
			sign = -1
		}
		s[i] = int16(5000 * sign * (1 + depth*math.Sin(2*math.Pi*15*at)) * math.Sin(2*math.Pi*hz*at))
	}
	return s
}

func listen(f *Fax, s []int16) (all []Event) {
	s = append(make([]int16, 1603), append(s, make([]int16, Rate)...)...)
	for len(s) > 0 {
		n := min(160, len(s))
		all = append(all, f.Hear(s[:n])...)
		s = s[n:]
	}
	return all
}

func count(all []Event, k Kind) (n int) {
	for _, e := range all {
		if e.Kind == k && e.Began {
			n++
		}
	}
	return n
}

func TestFaxCalling(t *testing.T) {
	for hz := 1062; hz <= 1138; hz += 19 {
		for _, on := range []int{425, 500, 575} {
			all := listen(NewFax(), play(t, "", fmt.Sprintf("%d/%d,0/3000", hz, on), 8200*time.Millisecond))
			if n := count(all, FaxCalling); n != 3 || len(all) != 3 {
				t.Errorf("%d Hz, %d ms: %s", hz, on, kindsOf(all))
			}
		}
	}
	for _, list := range []string{"1000/500,0/3000", "1200/500,0/3000", "1100/300,0/3000", "1100/800,0/3000", "1100", "440/500,1100/500,440/500,0/2000",
		"1100+700/500,0/3000", "1100/500,660/500,0/1000"} {
		if all := listen(NewFax(), play(t, "", list, 7*time.Second)); len(all) > 0 {
			t.Errorf("%s: %s", list, kindsOf(all))
		}
	}
}

func TestFaxAnswer(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 1))
	for _, hz := range []float64{2080, 2085, 2100, 2115, 2120} {
		for _, depth := range []float64{0, 0.2} {
			for _, noise := range []float64{0, 200} {
				for _, every := range []float64{0, 0.425, 0.45, 0.475, 0.4533} {
					s := reversed(hz, 3300*time.Millisecond, every, depth)
					for i := range s {
						s[i] += int16(noise * r.NormFloat64())
					}
					all := listen(NewFax(), s)
					want := 0
					if every > 0 {
						want = int(3.3 / every)
					}
					// The first reversals may be over before the tone is believed.
					got := count(all, Reversal)
					if count(all, FaxAnswer) != 1 || got > want || got < want-1 || all[0].Kind != FaxAnswer || all[0].At > Rate*8/10 ||
						all[len(all)-1].Kind != FaxAnswer || all[len(all)-1].Began {
						t.Errorf("%v Hz, depth %v, noise %v, every %v s: %s", hz, depth, noise, every, kindsOf(all))
					}
				}
			}
		}
	}
	for _, s := range [][]int16{
		reversed(2150, 3*time.Second, 0, 0), reversed(2050, 3*time.Second, 0.45, 0), play(t, "", "2100/300,0/100", 3*time.Second),
		play(t, "", "2100+1800", 3*time.Second), reversed(1100, 3*time.Second, 0, 0),
	} {
		if all := listen(NewFax(), s); len(all) > 0 {
			t.Error(kindsOf(all))
		}
	}
	f := NewFax()
	f.Hear(make([]int16, 800))
	for range 10 {
		f.Hear(reversed(2100, 100*time.Millisecond, 0, 0))
	}
	if !f.Answering() {
		t.Error("not answering")
	}
	if f.Reset(); f.Answering() {
		t.Error("answering after Reset")
	}
}

func BenchmarkFax(b *testing.B) {
	f, s := NewFax(), reversed(2100, 20*time.Millisecond, 0, 0)
	for b.Loop() {
		f.Hear(s)
	}
}
