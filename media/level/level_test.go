package level

import (
	"math"
	"testing"

	"branchline/media/g711"
)

func sine(n int, hz, peak float64) []int16 {
	x := make([]int16, n)
	for i := range x {
		x[i] = int16(math.Round(peak * math.Sin(2*math.Pi*hz*float64(i)/8000)))
	}
	return x
}

// The digital milliwatt of G.711 table 5 is 0 dBm0 in u-law.
func TestMilliwatt(t *testing.T) {
	var x []int16
	for range 100 {
		for _, c := range []byte{0x1e, 0x0b, 0x0b, 0x1e, 0x9e, 0x8b, 0x8b, 0x9e} {
			x = append(x, g711.ULaw().Linear(c))
		}
	}
	if l := DBm0(x); math.Abs(l) > 0.05 {
		t.Errorf("%.3f dBm0", l)
	}
	if l := DBm0(sine(8000, 1000, 32767)); math.Abs(l-Full) > 0.01 {
		t.Errorf("full scale is %.3f dBm0", l)
	}
	if l := DBm0(make([]int16, 160)); !math.IsInf(l, -1) {
		t.Errorf("silence is %v dBm0", l)
	}
}

func TestMeter(t *testing.T) {
	var m Meter
	m.Add([]int16{-32768, 5})
	m.Add([]int16{100})
	if m.Peak() != 32768 || m.Samples() != 3 {
		t.Errorf("%d, %d", m.Peak(), m.Samples())
	}
	m.Reset()
	if m != (Meter{}) {
		t.Errorf("%+v", m)
	}
}

func TestEveryGain(t *testing.T) {
	for tenths := -Range; tenths <= Range; tenths++ {
		x := sine(8000, 1000, 8000)
		before := DBm0(x)
		g := NewGain(tenths)
		g.Apply(x)
		if d := DBm0(x) - before - float64(tenths)/10; math.Abs(d) > 0.01 {
			t.Errorf("%v dB: %.3f off", g, d)
		}
		back, err := ParseGain(g.String())
		if err != nil || back != g {
			t.Errorf("%v came back as %v, %v", g, back, err)
		}
	}
}

func TestGainsLimit(t *testing.T) {
	x := []int16{32767, -32768, 10000, -10000}
	NewGain(500).Apply(x)
	if x[0] != 32767 || x[1] != -32768 || x[2] != 32767 || x[3] != -32768 {
		t.Errorf("%v", x)
	}
	y := []int16{-32768, 32767, 0}
	NewGain(-1).Apply(y)
	if y[0] > -32300 || y[1] < 32300 || y[2] != 0 {
		t.Errorf("%v", y)
	}
}

func TestParseGain(t *testing.T) {
	for s, want := range map[string]int{"0": 0, "0.0": 0, "-3": -30, " 2.5 ": 25, "12": 120, "+1.04": 10, "-12.04": -120} {
		if g, err := ParseGain(s); err != nil || g.Tenths() != want {
			t.Errorf("%q: %v, %v", s, g, err)
		}
	}
	for _, s := range []string{"", "loud", "12.1", "-13", "NaN", "Inf", "3dB"} {
		if g, err := ParseGain(s); err == nil {
			t.Errorf("%q: %v", s, g)
		}
	}
}

func TestReturnLoss(t *testing.T) {
	sent := sine(8000, 1000, 8000)
	heard := sine(8000, 1000, 1000)
	var r ReturnLoss
	if _, ok := r.DB(); ok {
		t.Error("known before anything was sent")
	}
	r.Add(sent, heard)
	if db, ok := r.DB(); !ok || math.Abs(db-18.06) > 0.1 {
		t.Errorf("%.2f %t", db, ok)
	}
	r = ReturnLoss{}
	r.Add(sent, make([]int16, 8000))
	if db, ok := r.DB(); !ok || !math.IsInf(db, 1) {
		t.Errorf("%v %t", db, ok)
	}
	r = ReturnLoss{}
	r.Add(make([]int16, 8000), heard)
	if _, ok := r.DB(); ok {
		t.Error("known although nothing was sent")
	}
}

func TestFader(t *testing.T) {
	var f Fader
	var out []int16
	for i := range 10 {
		f.Mute(i >= 3 && i < 7)
		x := sine(160, 50, 0)
		for k := range x {
			x[k] = 10000
		}
		f.Apply(x)
		out = append(out, x...)
	}
	for i := 1; i < len(out); i++ {
		if d := int(out[i]) - int(out[i-1]); d > 250 || d < -250 {
			t.Errorf("a step of %d at %d", d, i)
		}
	}
	if out[479] != 10000 || out[600] != 0 || out[1599] != 10000 || f.Muted() {
		t.Errorf("%d %d %d", out[479], out[600], out[1599])
	}
}

func TestAllocatesNothing(t *testing.T) {
	x := sine(160, 1000, 8000)
	var m Meter
	var f Fader
	var r ReturnLoss
	g := NewGain(35)
	if n := testing.AllocsPerRun(100, func() {
		m.Add(x)
		f.Apply(x)
		r.Add(x, x)
		g.Apply(x)
	}); n > 0 {
		t.Errorf("%v allocations per frame", n)
	}
}

func TestLimit(t *testing.T) {
	for v, want := range map[float32]int16{0: 0, 0.4: 0, 0.5: 1, -0.5: -1, -0.4: 0, 32766.6: 32767, 40000: 32767, -32767.7: -32768, -40000: -32768} {
		if got := Limit(v); got != want {
			t.Errorf("%v: %d", v, got)
		}
	}
}
