package signal_test

import (
	"math"
	"testing"
	"time"

	"branchline/hal"
	"branchline/hal/sim/signal"
)

const ms = time.Millisecond

// all plays a sound to its end.
func all(s signal.Sound) []hal.Frame {
	var out []hal.Frame
	for f := (hal.Frame{}); s(&f); f = (hal.Frame{}) {
		out = append(out, f)
	}
	return out
}

func TestKeys(t *testing.T) {
	const keys = "0123456789ABCD*#"
	for _, c := range []struct {
		on, off      time.Duration
		level, noise float64
	}{
		{100 * ms, 100 * ms, -9, -50},
		{50 * ms, 50 * ms, -25, -50},
		{70 * ms, 70 * ms, 0, -20},
	} {
		var pad signal.Keypad
		noise := signal.NewNoise(c.noise, 1)
		got := ""
		for _, f := range all(signal.Then(signal.Keys(c.level, c.on, c.off, keys+"w1x1"), signal.Silence(100*ms))) {
			noise.Add(&f)
			if key := pad.Hear(&f); key != 0 {
				got += string(key)
			}
		}
		if got != keys+"11" {
			t.Errorf("%v at %v dBm0 over noise of %v: heard %s", c.on, c.level, c.noise, got)
		}
	}
}

// Other sounds are no keys.
func TestNoKeys(t *testing.T) {
	for _, s := range []signal.Sound{
		signal.Tones(-10, 697), signal.Tones(-10, 697, 1100), signal.Tones(-10, 697, 1209, 1000), signal.Tones(-10, 350, 440), signal.Tones(-45, 697, 1209),
	} {
		var pad signal.Keypad
		for range 50 {
			var f hal.Frame
			s(&f)
			if key := pad.Hear(&f); key != 0 {
				t.Errorf("heard %c", key)
			}
		}
	}
}

func TestLevels(t *testing.T) {
	for _, level := range []float64{3, 0, -10, -30} {
		var f hal.Frame
		s := signal.Tones(level, 1000)
		s(&f)
		s(&f)
		if got := signal.Level(&f); math.Abs(got-level) > 0.1 {
			t.Errorf("%v dBm0 came out at %v", level, got)
		}
		if got := signal.PowerAt(&f, 1000); math.Abs(got-level) > 0.1 {
			t.Errorf("%v dBm0 was found at %v", level, got)
		}
		signal.Attenuate(&f, 6)
		if got := signal.Level(&f); math.Abs(got-level+6) > 0.1 {
			t.Errorf("%v dBm0 less 6 dB is %v", level, got)
		}
		noise := f
		signal.Compand(&f)
		again := f
		signal.Compand(&again)
		if again != f {
			t.Errorf("at %v dBm0 companding twice makes a difference", level)
		}
		for i := range noise {
			noise[i] -= f[i]
		}
		if got := level - 6 - signal.Level(&noise); got < 30 || got > 50 {
			t.Errorf("companding %v dBm0: %.1f dB from the noise", level-6, got)
		}
	}
}

func TestHybrid(t *testing.T) {
	taps := signal.TypicalHybrid()
	var sum float64
	for _, tap := range taps {
		sum += tap * tap
	}
	if loss := -10 * math.Log10(sum); math.Abs(loss-12) > 0.1 {
		t.Errorf("return loss %.1f dB", loss)
	}
	h := signal.NewHybrid([]float64{0, 0, 0.5, 0, 0.25})
	var sent, f hal.Frame
	sent[159] = 1000
	h.Add(&sent, &f)
	if f != (hal.Frame{}) {
		t.Error("an echo before its time")
	}
	f[0] = 7
	h.Add(&hal.Frame{}, &f)
	if f[0] != 7 || f[1] != 500 || f[3] != 250 {
		t.Error("echo", f[:5])
	}
	d := signal.NewDelay(200)
	sent = hal.Frame{9}
	d.Pass(&sent)
	var second hal.Frame
	d.Pass(&second)
	if sent != (hal.Frame{}) || second[40] != 9 {
		t.Error("delay")
	}
}

func TestEar(t *testing.T) {
	uk := signal.Zone{
		Dial:       signal.Pattern{Name: "dial", Hz: []float64{350, 440}},
		Busy:       signal.Pattern{Name: "busy", Hz: []float64{400}, Times: []time.Duration{375 * ms, 375 * ms}},
		Congestion: signal.Pattern{Name: "congestion", Hz: []float64{400}, Times: []time.Duration{400 * ms, 350 * ms, 225 * ms, 525 * ms}},
		Ringback:   signal.Pattern{Name: "ringback", Hz: []float64{400, 450}, Times: []time.Duration{400 * ms, 200 * ms, 400 * ms, 2000 * ms}},
	}
	for _, p := range uk.Patterns() {
		ear := signal.NewEar(uk.Patterns()...)
		noise := signal.NewNoise(-50, 2)
		s, got := p.Sound(), ""
		for range 500 {
			var f hal.Frame
			s(&f)
			noise.Add(&f)
			if name := ear.Hear(&f); name != "" {
				got += name + " "
			}
		}
		if got != p.Name+" " {
			t.Errorf("%s was heard as %s", p.Name, got)
		}
	}
}

func TestAllocations(t *testing.T) {
	ear, pad := signal.NewEar(signal.Taiwan().Patterns()...), new(signal.Keypad)
	h, n, d := signal.NewHybrid(signal.TypicalHybrid()), signal.NewNoise(-50, 1), signal.NewDelay(100)
	s := signal.Tones(-10, 480, 620)
	var f hal.Frame
	if a := testing.AllocsPerRun(100, func() {
		s(&f)
		h.Add(&f, &f)
		n.Add(&f)
		d.Pass(&f)
		signal.Compand(&f)
		ear.Hear(&f)
		pad.Hear(&f)
	}); a != 0 {
		t.Errorf("%v allocations per frame", a)
	}
}
