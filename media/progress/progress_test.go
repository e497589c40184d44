package progress

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"branchline/media/sine"
	"branchline/media/tone"
)

// play makes a tone of a zone, for d.
func play(t testing.TB, zone, name string, d time.Duration) []int16 {
	t.Helper()
	text, ok := tone.Find(zone, name)
	if !ok {
		text = name
	}
	l, err := tone.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	s := make([]int16, int(d*Rate/time.Second))
	n := l.Player().Sound(s)
	clear(s[n:])
	return s
}

func zoned(t testing.TB, name string) *Zone {
	t.Helper()
	z, err := Tones(tone.Builtin(), name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// heard listens in frames of 20 ms, with a second of silence after it.
func heard(l *Listener, speech []int16) (all []Event) {
	speech = append(speech[:len(speech):len(speech)], make([]int16, Rate)...)
	for len(speech) > 0 {
		n := min(160, len(speech))
		all = append(all, l.Hear(speech[:n])...)
		speech = speech[n:]
	}
	return all
}

func first(all []Event, k Kind) (int64, bool) {
	for _, e := range all {
		if e.Kind == k && e.Began {
			return e.At, true
		}
	}
	return 0, false
}

func kindsOf(all []Event) string {
	var s []string
	for _, e := range all {
		w := e.Kind.String()
		if !e.Began {
			w = "end of " + w
		}
		if !e.Exact {
			w += " by rhythm"
		}
		s = append(s, fmt.Sprintf("%s@%.1f", w, float64(e.At)/Rate))
	}
	return strings.Join(s, ", ")
}

// cycle is how long the repeating part of a zone's tone is.
func cycle(t testing.TB, zone, name string) (d time.Duration, forever bool) {
	text, _ := tone.Find(zone, name)
	l, err := tone.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	steps, loop := l.Steps()
	for _, s := range steps[loop:] {
		d += s.Length
		forever = forever || s.Length == 0
	}
	return d, forever
}

// In every zone busy and congestion are known within one cycle more than asked for,
// by their frequencies and, where they are regular, by their rhythm; from whatever
// point of the cycle on.
func TestBusyOfEveryZone(t *testing.T) {
	for _, zone := range tone.Zones() {
		z := zoned(t, zone)
		for _, name := range []string{"busy", "congestion"} {
			d, _ := cycle(t, zone, name)
			whole := play(t, zone, name, 6*d)
			lates := []time.Duration{70 * time.Millisecond, d * 2 / 3}
			if thorough {
				lates = append(lates, 0, d/3, d/2, d*5/6)
			}
			for _, late := range lates {
				l := New(Config{Zone: z, NoRhythm: true})
				sound := whole[int(late*Rate/time.Second):]
				all := heard(l, sound)
				at, ok := first(all, Busy)
				if c, also := first(all, Congestion); also && (!ok || c < at) {
					at, ok = c, true
				}
				if limit := int64((4*d + 150*time.Millisecond) * Rate / time.Second); !ok || at > limit {
					t.Errorf("%s %s from %v on: %s; at most %.1f s", zone, name, late, kindsOf(all), float64(limit)/Rate)
				}
				if at, ok := first(all, Ringback); ok {
					t.Errorf("%s %s is ringback at %v", zone, name, at)
				}
			}
		}
		// And by rhythm, listening with the ears of a country of which nothing fits.
		d, _ := cycle(t, zone, "busy")
		l := New(Config{Zone: &Zone{}})
		if at, ok := first(heard(l, play(t, zone, "busy", 6*d)), Busy); !ok || at > int64((5*d+150*time.Millisecond)*Rate/time.Second) {
			t.Errorf("%s busy by rhythm at %v %v", zone, at, ok)
		}
	}
}

// Ringback of any zone is never busy, whichever zone we are in; in its own it is
// ringback.
func TestRingbackOfEveryZone(t *testing.T) {
	zones := tone.Zones()
	if !thorough {
		zones = []string{"tw", "de"}
	}
	for _, zone := range tone.Zones() {
		sound := play(t, zone, "ring", 15*time.Second)
		all := heard(New(Config{Zone: zoned(t, zone)}), sound)
		if at, ok := first(all, Ringback); !ok || at > 10*Rate || strings.Contains(kindsOf(all[:len(all)-1]), "end") {
			t.Errorf("%s: %s", zone, kindsOf(all))
		}
	}
	cycles := 14 * time.Second
	if thorough {
		cycles = 40 * time.Second
	}
	for _, ears := range zones {
		z := zoned(t, ears)
		for _, zone := range tone.Zones() {
			for _, e := range heard(New(Config{Zone: z}), play(t, zone, "ring", cycles)) {
				if e.Kind == Busy || e.Kind == Congestion || e.Kind == DialTooLong || e.Kind == Howler {
					t.Errorf("ringback of %s with the ears of %s: %v", zone, ears, e)
				}
			}
		}
	}
}

func TestDialTone(t *testing.T) {
	for _, zone := range tone.Zones() {
		length := 5 * time.Second
		if zone == "tw" || thorough {
			length = 33 * time.Second
		}
		sound := play(t, zone, "dial", length)
		all := heard(New(Config{Zone: zoned(t, zone)}), sound)
		if at, ok := first(all, Dial); !ok || at > 4*Rate {
			t.Errorf("%s: %s", zone, kindsOf(all))
		}
		for _, k := range []Kind{Busy, Ringback, Voice, Information} {
			if at, ok := first(all, k); ok {
				t.Errorf("%s: %v at %d in dial tone", zone, k, at)
			}
		}
		_, forever := cycle(t, zone, "dial")
		if at, ok := first(all, DialTooLong); ok != (forever && length > 30*time.Second) || ok && (at < 29*Rate || at > 31*Rate) {
			t.Errorf("%s: dial tone too long %v at %d", zone, ok, at)
		}
		if forever {
			if last := all[len(all)-1]; last.Kind != Dial || last.Began || last.At < int64(length.Seconds()*Rate) || last.At > int64((length.Seconds()+0.2)*Rate) {
				t.Errorf("%s: ends with %+v", zone, last)
			}
		}
	}
}

func TestInformation(t *testing.T) {
	for _, sound := range [][]int16{
		play(t, "tw", "info", 2*time.Second),
		play(t, "de", "info", 3*time.Second),
		play(t, "", "!914/380,!1429/274,!1777/380,0", 2*time.Second), // North America: intercept
		play(t, "", "!985/276,!1371/276,!1777/380,0", 2*time.Second), // no circuit
		play(t, "", "!950/330,!0/30,!1400/330,!0/30,!1800/330,0", 2*time.Second),
	} {
		all := heard(New(Config{Zone: zoned(t, "tw")}), sound)
		if at, ok := first(all, Information); !ok || at > 3*Rate/2 {
			t.Error(kindsOf(all))
		}
	}
	for _, sound := range [][]int16{
		play(t, "", "!1800/330,!1400/330,!950/330,0", 2*time.Second), // downwards
		play(t, "", "!950/100,!1400/100,!1800/100,0", 2*time.Second),
		play(t, "", "950/3000", 3*time.Second),
	} {
		if all := heard(New(Config{Zone: zoned(t, "tw")}), sound); len(all) > 0 {
			t.Error(kindsOf(all))
		}
	}
}

func TestHowler(t *testing.T) {
	s := play(t, "", "1400+2060+2450/100,0/100", 4*time.Second)
	fourth := play(t, "", "2600/100,0/100", 4*time.Second)
	for i := range s {
		s[i] += fourth[i]
	}
	if at, ok := first(heard(New(Config{Zone: zoned(t, "tw"), NoRhythm: true}), s), Howler); !ok || at > 2*Rate {
		t.Errorf("at %d %v", at, ok)
	}
}

// A minute of one tone is no busy tone, at whatever frequency, nor are tones that
// pause unlike busy ones.
func TestWhatIsNotBusy(t *testing.T) {
	z := zoned(t, "tw")
	by := 701
	if thorough {
		by = 97
	}
	for hz := 300; hz < 3400; hz += by {
		if all := heard(New(Config{Zone: z}), play(t, "", fmt.Sprint(hz), 60*time.Second)); len(all) > 0 {
			t.Errorf("%d Hz: %s", hz, kindsOf(all))
		}
	}
	for _, list := range []string{"1000/500,0/1500", "1000/2000,0/500", "1000/500,0/500,1000/800,0/500", "1000/50,0/50", "1000/3500,0/3500",
		"1000/500,0/500,1000/500,0/800", "480+620/500,0/900", "480/500,0/2000"} {
		for _, e := range heard(New(Config{Zone: z}), play(t, "", list, 12*time.Second)) {
			if e.Kind == Busy || e.Kind == Congestion {
				t.Errorf("%s: %s", list, e.Kind)
			}
		}
	}
}

// Busy is heard in noise, softly, beside its frequencies and in A-law steps; a
// pattern that was given is the only one that counts by rhythm.
func TestBusyUnderway(t *testing.T) {
	z := zoned(t, "tw")
	r := rand.New(rand.NewPCG(1, 5))
	noisy := play(t, "tw", "busy", 8*time.Second)
	soft := play(t, "tw", "busy", 8*time.Second)
	for i := range noisy {
		noisy[i] += int16(r.NormFloat64() * sine.Peak(-25) / math.Sqrt2) // 15 dB down
		soft[i] = int16(float64(soft[i]) * math.Pow(10, -20.0/20))
	}
	for name, sound := range map[string][]int16{
		"noisy": noisy, "soft": soft, "off by 10 Hz": play(t, "", "490+610/500,0/500", 8*time.Second), "off by 13 %": play(t, "", "480+620/435,0/565", 8*time.Second),
	} {
		if at, ok := first(heard(New(Config{Zone: z, NoRhythm: true}), sound), Busy); !ok || at > 4*Rate+Rate/4 {
			t.Errorf("%s: at %d %v", name, at, ok)
		}
	}
	for _, c := range []struct {
		list    string
		on, off time.Duration
		want    bool
	}{
		{"1000/500,0/500", 500 * time.Millisecond, 500 * time.Millisecond, true},
		{"1000/300,0/300", 500 * time.Millisecond, 500 * time.Millisecond, false},
		{"1000/200,0/2000", 200 * time.Millisecond, 2000 * time.Millisecond, true},
		{"1000/450,0/500", 500 * time.Millisecond, 500 * time.Millisecond, false},
	} {
		_, ok := first(heard(New(Config{Zone: z, On: c.on, Off: c.off}), play(t, "", c.list, 20*time.Second)), Busy)
		if ok != c.want {
			t.Errorf("%s for %v/%v: %v", c.list, c.on, c.off, ok)
		}
	}
}

func TestNothingAllocates(t *testing.T) {
	l, f, s := New(Config{Zone: zoned(t, "uk")}), NewFax(), play(t, "uk", "busy", time.Second)
	at := 0
	if n := testing.AllocsPerRun(200, func() {
		l.Hear(s[at : at+160])
		f.Hear(s[at : at+160])
		at = (at + 160) % len(s)
	}); n != 0 {
		t.Errorf("%v allocations per frame", n)
	}
	l.Reset()
	if all := heard(l, play(t, "uk", "busy", 5*time.Second)); len(all) == 0 {
		t.Error("deaf after Reset")
	}
}

func BenchmarkListen(b *testing.B) {
	l, s := New(Config{Zone: zoned(b, "tw")}), play(b, "tw", "busy", 20*time.Millisecond)
	for b.Loop() {
		l.Hear(s)
	}
}
