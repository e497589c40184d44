//go:build judge

package echo

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"branchline/build/judge"
	"branchline/media/echo"
	"branchline/media/echo/echotest"
)

var line *judge.Judge

func TestMain(m *testing.M) { os.Exit(judge.Main(&line, m.Run)) }

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
			y = append(y, echotest.At(x, dbm0)...)
		}
	}
	return y[:seconds*8000]
}

func ours(c echo.Config, sent, heard []int16) []int16 {
	return echotest.Run(echo.New(c).Process, sent, heard)
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

// behind is by how many dB we may seem to be behind libspandsp, where both leave
// little more than the noise of u-law: what it differs by from second to second.
const behind = 0.1

// Single talk through u-law: 20 dB after a second and 30 dB after ten, by
// subtraction alone and with the suppressor; and by subtraction, from the first
// second on, ahead of libspandsp's canceller. Its suppressor leaves nothing at all
// of the echo: see what it leaves of somebody who speaks at the same time.
func TestConvergence(t *testing.T) {
	type stimulus struct {
		name string
		sent func(d int) []int16
	}
	stimuli := []stimulus{
		{"composite", func(d int) []int16 { return echotest.Composite(11, -15, uint64(d)) }},
		{"speech", func(d int) []int16 { return speech(t, 11, 37*d, -15) }},
	}
	for _, dbm0 := range []float64{-10, -15, -25} {
		stimuli = append(stimuli, stimulus{fmt.Sprintf("noise %v", dbm0), func(d int) []int16 { return echotest.Noise(11, dbm0, uint64(d)) }})
	}
	var table strings.Builder
	fmt.Fprintf(&table, "echo return loss enhancement in dB, seconds 1 / 2 / 11\n%-5s %-10s %21s %21s %21s %21s\n", "path", "stimulus",
		"ours", "libspandsp", "ours, suppressing", "libspandsp")
	least := [3]float64{99, 99, 99}
	for d := 2; d <= 9; d++ {
		h := path(t, d)
		for _, s := range stimuli {
			sent := echotest.ULaw(s.sent(d))
			heard := echotest.ULaw(echotest.Through(sent, h, -8, 0))
			all := [][]int16{
				ours(echo.Config{Linear: true}, sent, heard), theirs(t, sent, heard, adapts),
				ours(echo.Config{}, sent, heard), theirs(t, sent, heard, suppresses),
			}
			fmt.Fprintf(&table, "D.%-3d %-10s", d, s.name)
			var l [4][3]float64
			for i, out := range all {
				l[i] = [3]float64{echotest.Loss(heard, out, 0, 1), echotest.Loss(heard, out, 1, 2), echotest.Loss(heard, out, 10, 11)}
				fmt.Fprintf(&table, "   %5.1f %5.1f %5.1f ", l[i][0], l[i][1], l[i][2])
			}
			fmt.Fprintln(&table)
			for _, i := range []int{0, 2} {
				if l[i][1] < 20 || l[i][2] < 30 {
					t.Errorf("D.%d %s: %.1f dB in second 2, %.1f in second 11", d, s.name, l[i][1], l[i][2])
				}
			}
			for i, second := range []int{1, 2, 11} {
				lead := l[0][i] - l[1][i]
				least[i] = min(least[i], lead)
				if lead < -behind {
					t.Errorf("D.%d %s: %.2f dB behind libspandsp in second %d", d, s.name, -lead, second)
				}
			}
		}
	}
	t.Logf("%sby subtraction ahead of libspandsp by at least %.2f / %.2f / %.2f dB", table.String(), least[0], least[1], least[2])
}

// Double talk costs the near speech 3 dB at most, whatever is louder.
func TestDoubleTalk(t *testing.T) {
	for d := 2; d <= 9; d++ {
		for _, near := range []float64{-10, -20, -30} {
			sent, said := echotest.ULaw(speech(t, 25, 11*d, -15)), speech(t, 25, 200+7*d, near)
			clear(said[:5*8000])
			heard := echotest.ULaw(echotest.Plus(echotest.Through(sent, path(t, d), -8, 0), said))
			a := echotest.Projected(echotest.Second(said, 5, 25), echotest.Second(ours(echo.Config{}, sent, heard), 5, 25))
			b := echotest.Projected(echotest.Second(said, 5, 25), echotest.Second(theirs(t, sent, heard, suppresses), 5, 25))
			t.Logf("D.%d, near speech at %v dBm0: %.2f dB lost, by libspandsp %.2f", d, near, a, b)
			if a > 3 || a > b {
				t.Errorf("D.%d, near speech at %v dBm0: %.1f dB lost", d, near, a)
			}
		}
	}
}

// The same before the path is known: both talk from the first word.
func TestDoubleTalkFromTheStart(t *testing.T) {
	for d := 2; d <= 9; d++ {
		for _, near := range []float64{-10, -15, -20, -25} {
			sent, said := echotest.ULaw(speech(t, 20, 17*d, -15)), speech(t, 20, 180+9*d, near)
			heard := echotest.ULaw(echotest.Plus(echotest.Through(sent, path(t, d), -8, 0), said))
			mine := ours(echo.Config{}, sent, heard)
			judges := theirs(t, sent, heard, suppresses)
			a, b := echotest.Projected(echotest.Second(said, 0, 5), echotest.Second(mine, 0, 5)), echotest.Projected(echotest.Second(said, 5, 20), echotest.Second(mine, 5, 20))
			la, lb := echotest.Projected(echotest.Second(said, 0, 5), echotest.Second(judges, 0, 5)), echotest.Projected(echotest.Second(said, 5, 20), echotest.Second(judges, 5, 20))
			t.Logf("D.%d, near speech at %v dBm0: %.2f dB lost in 5 s, %.2f after; by libspandsp %.2f, %.2f", d, near, a, b, la, lb)
			if a > 3 || b > 3 || a > la || b > lb {
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
		sent, said := echotest.ULaw(speech(t, minutes*60, 0, -15)), speech(t, minutes*60, 150, c.near)
		clear(said[:5*8000])
		for s := 10; s < minutes*60; s += 10 {
			clear(said[s*8000 : s*8000+4000])
		}
		echoed := echotest.Through(sent, path(t, c.d), -8, 0)
		heard := echotest.ULaw(echotest.Plus(echoed, said))
		mine, judges := ours(echo.Config{Linear: true}, sent, heard), theirs(t, sent, heard, adapts)
		worst, worstTheirs, sum, n := 99.0, 99.0, 0.0, 0.0
		for s := 10.0; s < minutes*60; s += 10 {
			if echotest.Power(echotest.Second(echoed, s+0.02, s+0.3)) < 100*100 {
				continue // the far one pauses too
			}
			a, b := echotest.Loss(echoed, mine, s+0.02, s+0.3), echotest.Loss(echoed, judges, s+0.02, s+0.3)
			worst, worstTheirs = min(worst, a), min(worstTheirs, b)
			sum, n = sum+a, n+1
		}
		t.Logf("D.%d, near speech at %v dBm0: worst %.1f dB, mean %.1f in %.0f pauses; libspandsp's worst %.1f dB", c.d, c.near, worst, sum/n, n, worstTheirs)
		if worst < 20 || worst < worstTheirs {
			t.Errorf("D.%d, near speech at %v dBm0: only %.1f dB", c.d, c.near, worst)
		}
	}
}

// A second after the path has changed there are 20 dB again.
func TestPathChange(t *testing.T) {
	for d := 2; d <= 9; d++ {
		to := (d+1)%8 + 2
		sent := echotest.ULaw(echotest.Composite(10, -15, uint64(d)))
		a, b := echotest.Through(sent, path(t, d), -8, 0), echotest.Through(sent, path(t, to), -12, 0)
		heard := echotest.ULaw(append(append([]int16(nil), a[:5*8000]...), b[5*8000:]...))
		mine, judges := ours(echo.Config{Linear: true}, sent, heard), theirs(t, sent, heard, adapts)
		var l, lt [3]float64
		for i := range l {
			s := float64(5 + i)
			l[i], lt[i] = echotest.Loss(heard, mine, s, s+1), echotest.Loss(heard, judges, s, s+1)
		}
		t.Logf("D.%d to D.%d, second after 0 / 1 / 2: %5.1f, libspandsp %5.1f", d, to, l, lt)
		if l[1] < 20 || l[0] < lt[0] || l[1] < lt[1] || l[2] < lt[2] {
			t.Errorf("D.%d to D.%d: %.1f dB, libspandsp %.1f", d, to, l, lt)
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
			sent := echotest.ULaw(speech(t, 8, from, -15))
			a, b := echotest.Through(sent, path(t, d), -8, 0), echotest.Through(sent, path(t, to), -12, 0)
			heard := echotest.ULaw(append(append([]int16(nil), a[:5*8000]...), b[5*8000:]...))
			if echotest.Power(echotest.Second(heard, 5, 6)) < 100*100 || echotest.Power(echotest.Second(heard, 6, 7)) < 100*100 {
				continue // a pause
			}
			bare = append(bare, echotest.Loss(heard, ours(echo.Config{Linear: true}, sent, heard), 6, 7))
			all = append(all, echotest.Loss(heard, ours(echo.Config{}, sent, heard), 6, 7))
			judges = append(judges, echotest.Loss(heard, theirs(t, sent, heard, adapts), 6, 7))
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
	if bare[0] < judges[0] || bare[n/10] < judges[n/10] || bare[n/2] < judges[n/2] {
		t.Error("behind libspandsp")
	}
}

// Modems have buffers in the echo path; the delay is found in real speech.
func TestDelay(t *testing.T) {
	for i, delay := range []int{160, 800, 1777, 3100, 3999} {
		sent := echotest.ULaw(speech(t, 15, 30*i, -15))
		heard := echotest.ULaw(echotest.Plus(echotest.Through(sent, path(t, 3+i), -10, delay), echotest.Noise(15, -60, 1)))
		e := echo.Config{Delay: 4000}
		out := ours(e, sent, heard)
		e.Linear = true
		bare := ours(e, sent, heard)
		t.Logf("%4d ms: seconds 2 / 3 / 5 / 10: %5.1f %5.1f %5.1f %5.1f, suppressing %5.1f %5.1f %5.1f %5.1f", delay/8,
			echotest.Loss(heard, bare, 1, 2), echotest.Loss(heard, bare, 2, 3), echotest.Loss(heard, bare, 4, 5), echotest.Loss(heard, bare, 9, 10),
			echotest.Loss(heard, out, 1, 2), echotest.Loss(heard, out, 2, 3), echotest.Loss(heard, out, 4, 5), echotest.Loss(heard, out, 9, 10))
		if l := echotest.Loss(heard, out, 2, 15); l < 20 {
			t.Errorf("%d ms: %.1f dB", delay/8, l)
		}
	}
}
