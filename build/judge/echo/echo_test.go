//go:build judge

package echo

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"branchline/build/judge"
	"branchline/media/echo"
	"branchline/media/g711"
)

var line *judge.Judge

func TestMain(m *testing.M) { os.Exit(judge.Main(&line, m.Run)) }

// through is x behind the path h, db louder and delay samples later.
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

func at(x []int16, dbm0 float64) []int16 {
	g := math.Sqrt(32767 * 32767 / 2 * math.Pow(10, (dbm0-3.17)/10) / power(x))
	y := make([]int16, len(x))
	for i, v := range x {
		y[i] = limit(g * float64(v))
	}
	return y
}

func second(x []int16, a, b float64) []int16 { return x[int(a*8000):int(b*8000)] }

func loss(in, out []int16, a, b float64) float64 {
	return 10 * math.Log10((power(second(in, a, b))+1e-2)/(power(second(out, a, b))+1e-2))
}

// noise is white, -15 dBm0.
func noise(seconds int, seed uint64) []int16 {
	r := rand.New(rand.NewPCG(seed, 1))
	y := make([]int16, seconds*8000)
	for i := range y {
		y[i] = limit(3000 * r.NormFloat64())
	}
	return at(y, -15)
}

// composite has the timing of the composite source signal of G.168 annex C: 49 ms
// of a voiced sound, 200 ms of noise falling with frequency, 101 ms of silence.
func composite(seconds int, seed uint64) []int16 {
	r := rand.New(rand.NewPCG(seed, 2))
	y := make([]int16, seconds*8000)
	sign := 1.0
	for i := 0; i < len(y); i, sign = i+811, -sign {
		for k := 0; k < 389 && i < len(y); k, i = k+1, i+1 {
			var v float64
			for n := 1.0; n < 11; n++ {
				v += math.Cos(2*math.Pi*329*n*float64(k)/8000+n*n) / n
			}
			y[i] = limit(sign * 4000 * v)
		}
		var l float64
		for k := 0; k < 1600 && i < len(y); k, i = k+1, i+1 {
			l = 0.8*l + 3000*r.NormFloat64()
			y[i] = limit(sign * l)
		}
	}
	return at(y, -15)
}

// speech is real: the recordings one after the other, from the one given on, each
// at the same level.
func speech(t *testing.T, seconds, from int, dbm0 float64) []int16 {
	names, err := judge.Recordings(judge.SpeechDir)
	if err != nil {
		t.Fatal(err)
	}
	var y []int16
	for i := from; len(y) < seconds*8000; i++ {
		x, err := judge.ReadWAV(names[i%len(names)])
		if err != nil {
			t.Fatal(err)
		}
		if len(x) > 8000 {
			y = append(y, at(x, dbm0)...)
		}
	}
	return y[:seconds*8000]
}

func ours(c echo.Config, sent, heard []int16) []int16 {
	e := echo.New(c)
	out := append([]int16(nil), heard...)
	for i := 0; i+160 <= len(out); i += 160 {
		e.Process(sent[i:i+160], out[i:i+160])
	}
	return out
}

const (
	adapts     = 1
	suppresses = 1 | 2 | 4 // and makes comfort noise
)

func theirs(t *testing.T, sent, heard []int16, mode int) []int16 {
	out, err := line.Echo(sent, heard, 256, mode)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func path(t *testing.T, d int) []float64 {
	h, err := line.EchoPath(d)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// Single talk through u-law: 20 dB after a second and 30 dB after ten, by
// subtraction alone and with the suppressor; and by subtraction not less than the
// judge's canceller at the same time.
func TestConvergence(t *testing.T) {
	stimuli := []struct {
		name string
		sent func(d int) []int16
	}{
		{"noise", func(d int) []int16 { return noise(11, uint64(d)) }},
		{"composite", func(d int) []int16 { return composite(11, uint64(d)) }},
		{"speech", func(d int) []int16 { return speech(t, 11, 37*d, -15) }},
	}
	var table strings.Builder
	fmt.Fprintf(&table, "echo return loss enhancement in dB, seconds 1 / 2 / 11\n%-5s %-10s %21s %21s %21s %21s\n", "path", "stimulus",
		"ours", "libspandsp", "ours, suppressing", "libspandsp")
	for d := 2; d <= 9; d++ {
		h := path(t, d)
		for _, s := range stimuli {
			sent := ulaw(s.sent(d))
			heard := ulaw(through(sent, h, -8, 0))
			all := [][]int16{
				ours(echo.Config{Linear: true}, sent, heard), theirs(t, sent, heard, adapts),
				ours(echo.Config{}, sent, heard), theirs(t, sent, heard, suppresses),
			}
			fmt.Fprintf(&table, "D.%-3d %-10s", d, s.name)
			var l [4][3]float64
			for i, out := range all {
				l[i] = [3]float64{loss(heard, out, 0, 1), loss(heard, out, 1, 2), loss(heard, out, 10, 11)}
				fmt.Fprintf(&table, "   %5.1f %5.1f %5.1f ", l[i][0], l[i][1], l[i][2])
			}
			fmt.Fprintln(&table)
			for _, i := range []int{0, 2} {
				if l[i][1] < 20 || l[i][2] < 30 {
					t.Errorf("D.%d %s: %.1f dB in second 2, %.1f in second 11", d, s.name, l[i][1], l[i][2])
				}
			}
			// Suppression is no merit by itself: see what it does to double talk.
			if l[0][1] < l[1][1]-1 || l[0][2] < l[1][2]-1 {
				t.Errorf("D.%d %s: behind libspandsp", d, s.name)
			}
		}
	}
	t.Log(table.String())
}

// projected is the loss in dB of what out has of in.
func projected(in, out []int16) float64 {
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

// Double talk costs the near speech 3 dB at most, whatever is louder.
func TestDoubleTalk(t *testing.T) {
	for d := 2; d <= 9; d++ {
		for _, near := range []float64{-10, -20, -30} {
			sent, said := ulaw(speech(t, 25, 11*d, -15)), speech(t, 25, 200+7*d, near)
			clear(said[:5*8000])
			heard := ulaw(plus(through(sent, path(t, d), -8, 0), said))
			a := projected(second(said, 5, 25), second(ours(echo.Config{}, sent, heard), 5, 25))
			b := projected(second(said, 5, 25), second(theirs(t, sent, heard, suppresses), 5, 25))
			t.Logf("D.%d, near speech at %v dBm0: %.2f dB lost, by libspandsp %.2f", d, near, a, b)
			if a > 3 || a > b+0.5 {
				t.Errorf("D.%d, near speech at %v dBm0: %.1f dB lost", d, near, a)
			}
		}
	}
}

// The same before the path is known: both talk from the first word.
func TestDoubleTalkFromTheStart(t *testing.T) {
	for d := 2; d <= 9; d++ {
		for _, near := range []float64{-10, -15, -20, -25} {
			sent, said := ulaw(speech(t, 20, 17*d, -15)), speech(t, 20, 180+9*d, near)
			heard := ulaw(plus(through(sent, path(t, d), -8, 0), said))
			mine := ours(echo.Config{}, sent, heard)
			judges := theirs(t, sent, heard, suppresses)
			a, b := projected(second(said, 0, 5), second(mine, 0, 5)), projected(second(said, 5, 20), second(mine, 5, 20))
			t.Logf("D.%d, near speech at %v dBm0: %.2f dB lost in 5 s, %.2f after; by libspandsp %.2f, %.2f", d, near, a, b,
				projected(second(said, 0, 5), second(judges, 0, 5)), projected(second(said, 5, 20), second(judges, 5, 20)))
			if a > 3 || b > 3 {
				t.Errorf("D.%d, near speech at %v dBm0: %.1f and %.1f dB lost", d, near, a, b)
			}
		}
	}
}

// Ten minutes of two people who never let each other speak, but for a pause of the
// near one every ten seconds, in which what is left of the echo can be measured
// before the filters learn from it.
func TestTenMinutesOfDoubleTalk(t *testing.T) {
	const minutes = 10
	for _, c := range []struct {
		d    int
		near float64
	}{{2, -15}, {5, -10}, {8, -20}} {
		sent, said := ulaw(speech(t, minutes*60, 0, -15)), speech(t, minutes*60, 150, c.near)
		clear(said[:5*8000])
		for s := 10; s < minutes*60; s += 10 {
			clear(said[s*8000 : s*8000+4000])
		}
		echoed := through(sent, path(t, c.d), -8, 0)
		heard := ulaw(plus(echoed, said))
		mine, judges := ours(echo.Config{Linear: true}, sent, heard), theirs(t, sent, heard, adapts)
		worst, worstTheirs, sum, n := 99.0, 99.0, 0.0, 0.0
		for s := 10.0; s < minutes*60; s += 10 {
			if power(second(echoed, s+0.02, s+0.3)) < 100*100 {
				continue // the far one pauses too
			}
			a, b := loss(echoed, mine, s+0.02, s+0.3), loss(echoed, judges, s+0.02, s+0.3)
			worst, worstTheirs = min(worst, a), min(worstTheirs, b)
			sum, n = sum+a, n+1
		}
		t.Logf("D.%d, near speech at %v dBm0: worst %.1f dB, mean %.1f in %.0f pauses; libspandsp's worst %.1f dB", c.d, c.near, worst, sum/n, n, worstTheirs)
		if worst < 20 || worst < worstTheirs-1 {
			t.Errorf("D.%d, near speech at %v dBm0: only %.1f dB", c.d, c.near, worst)
		}
	}
}

// A second after the path has changed there are 20 dB again.
func TestPathChange(t *testing.T) {
	for d := 2; d <= 9; d++ {
		to := (d+1)%8 + 2
		sent := ulaw(composite(10, uint64(d)))
		a, b := through(sent, path(t, d), -8, 0), through(sent, path(t, to), -12, 0)
		heard := ulaw(append(append([]int16(nil), a[:5*8000]...), b[5*8000:]...))
		mine, judges := ours(echo.Config{Linear: true}, sent, heard), theirs(t, sent, heard, adapts)
		t.Logf("D.%d to D.%d, second after 0 / 1 / 2: %5.1f %5.1f %5.1f, libspandsp %5.1f %5.1f %5.1f", d, to,
			loss(heard, mine, 5, 6), loss(heard, mine, 6, 7), loss(heard, mine, 7, 8),
			loss(heard, judges, 5, 6), loss(heard, judges, 6, 7), loss(heard, judges, 7, 8))
		if l := loss(heard, mine, 6, 7); l < 20 {
			t.Errorf("D.%d to D.%d: %.1f dB", d, to, l)
		}
	}
}

// The same in real speech, which teaches less in a second than the signal made for
// it, and nothing in its pauses: with the suppressor, as calls have it.
func TestPathChangeInSpeech(t *testing.T) {
	var bare, all, judges []float64
	for d := 2; d <= 9; d++ {
		for from := 5; from < 350; from += 60 {
			to := (d+1)%8 + 2
			sent := ulaw(speech(t, 8, from, -15))
			a, b := through(sent, path(t, d), -8, 0), through(sent, path(t, to), -12, 0)
			heard := ulaw(append(append([]int16(nil), a[:5*8000]...), b[5*8000:]...))
			if power(second(heard, 5, 6)) < 100*100 || power(second(heard, 6, 7)) < 100*100 {
				continue // a pause
			}
			bare = append(bare, loss(heard, ours(echo.Config{Linear: true}, sent, heard), 6, 7))
			all = append(all, loss(heard, ours(echo.Config{}, sent, heard), 6, 7))
			judges = append(judges, loss(heard, theirs(t, sent, heard, adapts), 6, 7))
		}
	}
	slices.Sort(bare)
	slices.Sort(all)
	slices.Sort(judges)
	n := len(all)
	t.Logf("second 2 after %d changes, worst / tenth / median: subtracting %.1f %.1f %.1f, suppressing %.1f %.1f %.1f; libspandsp subtracting %.1f %.1f %.1f",
		n, bare[0], bare[n/10], bare[n/2], all[0], all[n/10], all[n/2], judges[0], judges[n/10], judges[n/2])
	if all[n/10] < 20 {
		t.Errorf("one change in ten leaves less than %.1f dB", all[n/10])
	}
}

// Modems have buffers in the echo path; the delay is found in real speech.
func TestDelay(t *testing.T) {
	for i, delay := range []int{160, 800, 1777, 3100, 3999} {
		sent := ulaw(speech(t, 15, 30*i, -15))
		heard := ulaw(plus(through(sent, path(t, 3+i), -10, delay), at(noise(15, 1), -60)))
		e := echo.Config{Delay: 4000}
		out := ours(e, sent, heard)
		e.Linear = true
		bare := ours(e, sent, heard)
		t.Logf("%4d ms: seconds 2 / 3 / 5 / 10: %5.1f %5.1f %5.1f %5.1f, suppressing %5.1f %5.1f %5.1f %5.1f", delay/8,
			loss(heard, bare, 1, 2), loss(heard, bare, 2, 3), loss(heard, bare, 4, 5), loss(heard, bare, 9, 10),
			loss(heard, out, 1, 2), loss(heard, out, 2, 3), loss(heard, out, 4, 5), loss(heard, out, 9, 10))
		if l := loss(heard, out, 2, 15); l < 20 {
			t.Errorf("%d ms: %.1f dB", delay/8, l)
		}
	}
}
