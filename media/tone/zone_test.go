package tone

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"branchline/media/sine"
)

func TestFacts(t *testing.T) {
	b, faults := (*Book)(nil).With(Sections(facts))
	for _, f := range faults {
		t.Errorf("line %d: %s", f.Line, f.Text)
	}
	if n := len(b.Zones()); n < 41 {
		t.Errorf("%d zones", n)
	}
	for _, name := range b.Zones() {
		z, _ := b.Zone(name)
		if !Known(name) || z.Description == "" || len(z.Cadence) == 0 {
			t.Errorf("%+v", z)
		}
		for _, must := range []string{"dial", "busy", "ring", "congestion"} {
			if z.Lists[must] == "" {
				t.Errorf("%s has no %s", name, must)
			}
		}
	}
	// lines.md, E.180: what must not be wrong.
	for _, c := range [][3]string{
		{"tw", "dial", "350+440"}, {"tw", "busy", "480+620/500,0/500"}, {"tw", "congestion", "480+620/250,0/250"}, {"tw", "ring", "440+480/1000,0/2000"},
		{"us", "ring", "440+480/2000,0/4000"}, {"cn", "busy", "450/350,0/350"}, {"cn", "congestion", "450/700,0/700"}, {"jp", "ring", "400*15/1000,0/2000"},
		{"UK", "Busy", "400/375,0/375"}, {"uk", "ring", "400+450/400,0/200,400+450/400,0/2000"}, {"de", "busy", "425/480,0/480"},
		{"fr", "congestion", "440/250,0/250"}, {"sg", "busy", "425/750,0/750"}, {"sg", "ring", "425*24/400,0/200,425*24/400,0/2000"},
		{"au", "dial", "413+438"}, {"nowhere", "busy", "480+620/500,0/500"}, {"", "dial", "350+440"}, {"my", "callwaiting", "440/300,0/10000"},
	} {
		if l, ok := Find(c[0], c[1]); !ok || l != c[2] {
			t.Errorf("%s %s is %q, want %q", c[0], c[1], l, c[2])
		}
	}
	if _, ok := Find("us", "nothing"); ok || Known("nowhere") || Known("") || Lists("nowhere") != nil {
		t.Error("found what is not there")
	}
}

func TestBookOfUser(t *testing.T) {
	b, faults := Builtin().With(Sections(`; ours
[general]
country=xx ; the branch
[xx]
description => Nowhere
ringcadence = 500,500
dial => 333
busy = 333/100,0/100
ring = wrong
[tw]
dial = 300
ringcadence = 1000
[yy
`))
	want := []Fault{
		{9, `ring: tone "wrong": frequency "wrong" is not between 0 and 4000 Hz`},
		{12, `ringcadence "1000": a time of silence is missing`},
	}
	if len(faults) != 2 || faults[0] != want[0] || faults[1] != want[1] {
		t.Errorf("%+v", faults)
	}
	if b.Country() != "xx" {
		t.Errorf("country %q", b.Country())
	}
	for _, c := range [][3]string{{"", "dial", "333"}, {"tw", "dial", "300"}, {"tw", "busy", "480+620/500,0/500"}, {"xx", "ring", "440+480/2000,0/4000"}, {"de", "dial", "425"}} {
		if l, _ := b.Find(c[0], c[1]); l != c[2] {
			t.Errorf("%s %s is %q, want %q", c[0], c[1], l, c[2])
		}
	}
	z, _ := b.Zone("")
	if z.Description != "Nowhere" || !slices.Equal(z.Cadence, []time.Duration{500 * time.Millisecond, 500 * time.Millisecond}) {
		t.Errorf("%+v", z)
	}
	if _, faults = Builtin().With(Sections("[general]\ncountry=nowhere\n")); len(faults) != 1 || faults[0].Line != 2 {
		t.Errorf("%+v", faults)
	}
	if l, _ := Find("tw", "dial"); l != "350+440" {
		t.Error("the built-in book was changed")
	}
}

// Every tone of every zone has its frequencies to 0.5 Hz, its times to 5 ms and its
// level to 0.5 dB.
func TestEveryToneIsExact(t *testing.T) {
	seen := map[string]bool{}
	for _, name := range Zones() {
		for key, text := range Lists(name) {
			if seen[text] {
				continue
			}
			seen[text] = true
			l, err := Parse(text)
			if err != nil {
				t.Errorf("%s %s: %v", name, key, err)
				continue
			}
			if err := exact(l); err != nil {
				t.Errorf("%s %s %q: %v", name, key, text, err)
			}
		}
	}
}

// exact measures what l plays, step by step, for up to a second each.
func exact(l *List) error {
	steps, _ := l.Steps()
	p := l.Player()
	for i, s := range steps {
		n := int(s.Length * rate / time.Second)
		if n == 0 || n > rate {
			n = rate
		}
		f := make([]int16, n)
		if got := p.Sound(f); got != n {
			return fmt.Errorf("step %d: %d samples of %d", i, got, n)
		}
		if s.Length > time.Second {
			p.Sound(make([]int16, int(s.Length*rate/time.Second)-n))
		}
		if len(s.Hz) == 0 {
			if slices.Max(f) != 0 || slices.Min(f) != 0 {
				return fmt.Errorf("step %d is not silent", i)
			}
			continue
		}
		if at, ok := edges(f); !ok {
			return fmt.Errorf("step %d of %d samples sounds from %d to %d", i, n, at[0], at[1])
		}
		if s.Modulated || n < rate/4 {
			continue // too short, or no lines of its own, to be measured this way
		}
		for k, hz := range s.Hz {
			got, dBm0 := line(f, hz)
			if math.Abs(got-hz) > 0.5 || math.Abs(dBm0-level) > 0.5 && len(s.Hz) < 3 {
				return fmt.Errorf("step %d: line %d at %.2f Hz and %.2f dBm0, want %v Hz", i, k, got, dBm0, hz)
			}
		}
		if s.Length == 0 {
			break
		}
	}
	return nil
}

// edges finds where f sounds: no more than 5 ms may be missing at either end.
func edges(f []int16) (at [2]int, ok bool) {
	limit := int16(sine.Peak(level) / 10)
	at = [2]int{len(f), 0}
	for i, v := range f {
		if v > limit || v < -limit {
			at[0], at[1] = min(at[0], i), i
		}
	}
	return at, at[0] <= 40 && at[1] >= len(f)-1-40
}

// line finds the spectral line next to hz, with a Hann window.
func line(f []int16, hz float64) (at, dBm0 float64) {
	best := 0.0
	for d := -1.0; d <= 1; d += 0.25 {
		var re, im, sum float64
		for i, v := range f {
			w := 0.5 - 0.5*math.Cos(2*math.Pi*float64(i)/float64(len(f)))
			sin, cos := math.Sincos(2 * math.Pi * (hz + d) * float64(i) / rate)
			re += w * float64(v) * cos
			im += w * float64(v) * sin
			sum += w
		}
		if a := 2 * math.Hypot(re, im) / sum; a > best {
			best, at = a, hz+d
		}
	}
	return at, 20 * math.Log10(best/sine.Zero)
}

func FuzzSections(f *testing.F) {
	f.Add("[general]\ncountry=tw\n[tw]\nringcadence=1,2\ndial=>350+440\n")
	f.Add("; a\n[uk]\ndescription = b ; c\nring = 400+450/400,0/200\ninfo=!950/330,!1400/330\n[")
	f.Fuzz(func(t *testing.T, text string) {
		b, _ := (*Book)(nil).With(Sections(text))
		for _, name := range b.Zones() {
			z, ok := b.Zone(name)
			if !ok && name != "" {
				t.Fatalf("%q is listed and not there", name)
			}
			for key, list := range z.Lists {
				if _, err := Parse(list); err != nil {
					t.Fatalf("%s %s: %v", name, key, err)
				}
			}
		}
	})
}
