package tone

import (
	"math"
	"strings"
	"testing"
	"time"

	"branchline/media"
	"branchline/media/g711"
	"branchline/media/sine"
)

func take(s media.Source, n int) []byte {
	b := make([]byte, n)
	return b[:s.Fill(b)]
}

func TestMilliwatt(t *testing.T) {
	m := NewMeter(1004, 2008)
	src := Milliwatt()
	for range 500 { // ten seconds, frame by frame
		_, _ = m.Write(take(src, 160))
	}
	if f := m.Frequency(); math.Abs(f-1004) > 0.1 {
		t.Errorf("frequency %v", f)
	}
	if l := m.Level(); math.Abs(l) > 0.1 {
		t.Errorf("level %v dBm0", l)
	}
	if l := m.LevelAt(0); math.Abs(l) > 0.1 {
		t.Errorf("level at 1004 Hz %v dBm0", l)
	}
	if l := m.LevelAt(1); l > -40 {
		t.Errorf("second harmonic %v dBm0", l)
	}
}

// G.711 table 5 is what 0 dBm0 means.
func TestMeterOnDigitalMilliwatt(t *testing.T) {
	m := NewMeter(1000)
	for range 100 {
		_, _ = m.Write([]byte{0x1e, 0x0b, 0x0b, 0x1e, 0x9e, 0x8b, 0x8b, 0x9e})
	}
	if math.Abs(m.Level()) > 0.01 || math.Abs(m.LevelAt(0)) > 0.01 || math.Abs(m.Frequency()-1000) > 0.1 || m.Samples() != 800 {
		t.Errorf("%v dBm0, %v dBm0 at 1 kHz, %v Hz", m.Level(), m.LevelAt(0), m.Frequency())
	}
	if l := NewMeter().Level(); !math.IsInf(l, -1) && !math.IsNaN(l) {
		t.Errorf("level of nothing %v", l)
	}
}

func TestLists(t *testing.T) {
	for _, c := range []struct {
		list string
		on   [][2]float64 // seconds in which it sounds, within the first three
		ends float64      // seconds, 0: never
	}{
		{"480+620/500,0/500", [][2]float64{{0, .5}, {1, 1.5}, {2, 2.5}}, 0},
		{"!950/330,!1400/330,!1800/330,0", [][2]float64{{0, .99}}, 0},
		{"!440/200,!0/100,!440/200", [][2]float64{{0, .2}, {.3, .5}}, .5},
		{"!350+440/100,!0/100,440", [][2]float64{{0, .1}, {.2, 3}}, 0},
		{"400*25/1000,0/1000", [][2]float64{{0, 1}, {2, 3}}, 0},
		{" 440 / 500 , 0 / 2500 ", [][2]float64{{0, .5}}, 0},
		{"M69/1000,0/1000", [][2]float64{{0, 1}, {2, 3}}, 0},
	} {
		l, err := Parse(c.list)
		if err != nil {
			t.Error(err)
			continue
		}
		src, got := l.Source(), []byte{}
		for len(got) < 3*rate {
			f := take(src, 160)
			got = append(got, f...)
			if len(f) < 160 {
				break
			}
		}
		if want := int(c.ends * rate); want > 0 && len(got) != want || want == 0 && len(got) != 3*rate {
			t.Errorf("%q: %d samples", c.list, len(got))
		}
		for at := 0; at+80 <= len(got); at += 80 {
			sec := float64(at) / rate
			want := false
			for _, on := range c.on {
				want = want || sec >= on[0]-1e-9 && sec < on[1]-1e-9
			}
			m := NewMeter()
			_, _ = m.Write(got[at : at+80])
			if (m.Level() > -30) != want {
				t.Errorf("%q at %v s: %v dBm0", c.list, sec, m.Level())
				break
			}
		}
	}
}

func TestLevelOfPair(t *testing.T) {
	l, _ := Parse("440+480")
	m := NewMeter(440, 480)
	_, _ = m.Write(take(l.Source(), rate))
	for i := range 2 {
		if math.Abs(m.LevelAt(i)-level) > 0.2 {
			t.Errorf("frequency %d at %v dBm0", i, m.LevelAt(i))
		}
	}
}

func TestBadLists(t *testing.T) {
	for _, s := range []string{"", " , ", "x", "440/x", "440/-1", "-5", "9000", "440+x", "440*x", "1+2+3+4", "1*2*3", "NaN", "M200", "1/99999999999", strings.Repeat("1/1,", 300)} {
		if _, err := Parse(s); err == nil {
			t.Errorf("%.20q was taken", s)
		}
	}
}

// Tones rise and fall without a step, and say so to a linear listener too.
func TestEdges(t *testing.T) {
	for _, text := range []string{"425/100,0/100", "950/330,1400/330,1800/330,0/1000", "350+440/750,440/750", "400*25/30,0/30", "350+375+400/200,0/40"} {
		l, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		p := l.Player()
		var all []int16
		for range 100 {
			f := make([]int16, 160)
			if n := p.Sound(f); n != len(f) {
				t.Fatalf("%q: %d samples", text, n)
			}
			all = append(all, f...)
		}
		// A step of a sine is at most its peak times its angular frequency; an edge adds
		// a tenth of the peak a sample.
		steps, _ := l.Steps()
		limit := 0.0
		for _, s := range steps {
			sum := 0.0
			for _, hz := range s.Hz {
				sum += sine.Peak(level) * (2*math.Pi*hz/rate + 0.1)
			}
			limit = max(limit, sum)
		}
		for i := 1; i < len(all); i++ {
			if d := math.Abs(float64(all[i]) - float64(all[i-1])); d > limit+2 {
				t.Fatalf("%q: a step of %v at sample %d, %v allowed", text, d, i, limit)
			}
		}
		if all[0] > 100 || all[0] < -100 {
			t.Errorf("%q begins with %d", text, all[0])
		}
	}
	// No edge where the same tone goes on.
	l, _ := Parse("440/100,440/100")
	one, _ := Parse("440")
	a, b := take(l.Source(), 4000), take(one.Source(), 4000)
	if string(a) != string(b) {
		t.Error("a tone in two parts differs from one in one")
	}
}

func TestSilence(t *testing.T) {
	for _, d := range []time.Duration{0, 20 * time.Millisecond, 1005 * time.Millisecond, -1} {
		got := take(Silence(d), 16000)
		if want := int(max(0, d).Milliseconds()) * 8; len(got) != want {
			t.Errorf("%v: %d samples", d, len(got))
		}
		for _, c := range got {
			if g711.ULaw().Linear(c) != 0 {
				t.Fatalf("%v is not silent: %#x", d, c)
			}
		}
	}
}

func TestNothingAllocates(t *testing.T) {
	l, _ := Parse("440*25/30,480+620/20")
	s, f, p, linear := l.Source(), make([]byte, 160), l.Player(), make([]int16, 160)
	if n := testing.AllocsPerRun(100, func() { s.Fill(f); p.Sound(linear) }); n != 0 {
		t.Errorf("%v allocations per frame", n)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("!350+440/100,0/0,M69*3/20,440")
	f.Fuzz(func(t *testing.T, s string) {
		l, err := Parse(s)
		if err != nil {
			return
		}
		src := l.Source()
		for range 4 {
			if b := take(src, 997); len(b) < 997 {
				break
			}
		}
	})
}
