//go:build judge

package progress

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"branchline/build/judge"
	"branchline/media/progress"
	"branchline/media/tone"
)

var line *judge.Judge

func TestMain(m *testing.M) { os.Exit(judge.Main(&line, m.Run)) }

func play(t *testing.T, list string, d time.Duration) []int16 {
	t.Helper()
	l, err := tone.Parse(list)
	if err != nil {
		t.Fatal(err)
	}
	s := make([]int16, int(d*judge.Rate/time.Second))
	clear(s[l.Player().Sound(s):])
	return s
}

func zone(t *testing.T, name string) *progress.Zone {
	t.Helper()
	z, err := progress.Tones(tone.Builtin(), name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// No line is hung up for what people say or what they are played.
func TestSpeechAndMusic(t *testing.T) {
	zones := map[string]*progress.Zone{}
	for _, name := range tone.Zones() {
		zones[name] = zone(t, name)
	}
	for _, dir := range []string{judge.SpeechDir, judge.MusicDir} {
		names, err := judge.Recordings(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, count := range []int{3, 4, 6} {
			listeners := map[string]*progress.Listener{}
			for name, z := range zones {
				if count == 3 || name == "tw" {
					listeners[name] = progress.New(progress.Config{Zone: z, Count: count})
				}
			}
			fax, total := progress.NewFax(), 0
			for _, name := range names {
				s, err := judge.ReadWAV(name)
				if err != nil {
					t.Fatal(err)
				}
				s = append(s, make([]int16, judge.Rate)...)
				total += len(s)
				for at := 0; at < len(s); at += 160 {
					f := s[at:min(len(s), at+160)]
					for _, e := range fax.Hear(f) {
						t.Errorf("%s: %v at %.1f s", name, e.Kind, float64(at)/judge.Rate)
					}
					for zone, l := range listeners {
						for _, e := range l.Hear(f) {
							switch {
							case e.Kind == progress.Voice: // see TestVoice
							case e.Began && e.Kind != progress.Dial:
								t.Errorf("%s: %v at %.1f s with the ears of %s, exact %v", name, e.Kind, float64(at)/judge.Rate, zone, e.Exact)
							}
						}
					}
				}
			}
			t.Logf("%s, count %d: %.1f minutes for %d zones", dir, count, float64(total)/judge.Rate/60, len(listeners))
		}
	}
}

// Nor for music that was composed for the purpose.
func TestComposedMusic(t *testing.T) {
	for seed := range uint64(4) {
		sound := judge.Music(10, seed)
		fax := progress.NewFax()
		var listeners []*progress.Listener
		for _, name := range []string{"tw", "us", "cn", "jp", "uk", "de", "fr", "sg", "au"} {
			listeners = append(listeners, progress.New(progress.Config{Zone: zone(t, name)}))
		}
		for at := 0; at < len(sound); at += 160 {
			f := sound[at : at+160]
			for _, e := range fax.Hear(f) {
				t.Errorf("piece %d: %v at %.1f s", seed, e.Kind, float64(at)/judge.Rate)
			}
			for i, l := range listeners {
				for _, e := range l.Hear(f) {
					if e.Began && e.Kind != progress.Dial && e.Kind != progress.Voice {
						t.Errorf("piece %d: %v at %.1f s, exact %v, listener %d", seed, e.Kind, float64(at)/judge.Rate, e.Exact, i)
					}
				}
			}
		}
	}
}

// Somebody who speaks is noticed: within a second and a half of most prompts.
func TestVoice(t *testing.T) {
	names, err := judge.Recordings(judge.SpeechDir)
	if err != nil {
		t.Fatal(err)
	}
	l := progress.New(progress.Config{Zone: zone(t, "tw")})
	long, noticed := 0, 0
	var late []float64
	for _, name := range names {
		s, err := judge.ReadWAV(name)
		if err != nil {
			t.Fatal(err)
		}
		if len(s) < 3*judge.Rate/2 {
			continue
		}
		long++
		l.Reset()
		for at := 0; at < len(s); at += 160 {
			for _, e := range l.Hear(s[at:min(len(s), at+160)]) {
				if e.Kind == progress.Voice {
					noticed++
					late = append(late, float64(e.At)/judge.Rate)
				}
			}
		}
	}
	slices.Sort(late)
	if noticed < long*95/100 || late[len(late)/2] > 1.5 {
		t.Errorf("voice in %d of %d recordings", noticed, long)
	}
	t.Logf("voice in %d of %d recordings, after %.1f s in the median, %.1f in the worst", noticed, long, late[len(late)/2], late[len(late)-1])
}

// The judge recognises each of our cadenced tones, by its frequencies and times,
// and takes none for another.
func TestSentTones(t *testing.T) {
	for _, name := range tone.Zones() {
		for _, which := range []string{"busy", "congestion", "ring", "dial"} {
			list, _ := tone.Find(name, which)
			l, err := tone.Parse(list)
			if err != nil {
				t.Fatal(err)
			}
			steps, loop := l.Steps()
			spec, total := []string{}, time.Duration(0)
			for _, s := range steps[loop:] {
				f1, f2, ms := 0.0, 0.0, s.Length.Milliseconds()
				if len(s.Hz) > 0 {
					f1 = s.Hz[0]
				}
				if len(s.Hz) > 1 && !s.Modulated {
					f2 = s.Hz[1]
				}
				least, most := ms*85/100-30, ms*115/100+30
				if ms == 0 {
					least, most = 2000, 0
				}
				spec = append(spec, fmt.Sprintf("%g,%g,%d,%d", f1, f2, least, most))
				total += s.Length
			}
			heard, err := line.Hear(play(t, list, 6*max(total, time.Second)), "progress-hear", which+"="+strings.Join(spec, ";"))
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(fmt.Sprint(heard), "tone "+which) {
				t.Errorf("%s %s %q: %v", name, which, list, heard)
			}
			// Half as fast is another tone.
			if total == 0 {
				continue
			}
			fast, at, twice := play(t, list, 2*total), 0, []int16{}
			for _, s := range slices.Concat(steps[loop:], steps[loop:]) {
				n := int(s.Length * judge.Rate / time.Second)
				twice = append(append(twice, fast[at:at+n]...), fast[at:at+n]...)
				at += n
			}
			if heard, err = line.Hear(twice, "progress-hear", which+"="+strings.Join(spec, ";")); err != nil || strings.Contains(fmt.Sprint(heard), "tone "+which) {
				t.Errorf("%s %s %q at half the speed: %v %v", name, which, list, heard, err)
			}
		}
	}
}

// We recognise the judge's tones, in the zones that lines are mostly in.
func TestReceivedTones(t *testing.T) {
	for _, c := range []struct {
		zone string
		make string
		want progress.Kind
	}{
		{"tw", "480,-13,620,-13,500 0,0,0,0,500", progress.Busy},
		{"tw", "480,-13,620,-13,250 0,0,0,0,250", progress.Congestion},
		{"tw", "440,-13,480,-13,1000 0,0,0,0,2000", progress.Ringback},
		{"tw", "350,-13,440,-13,5000", progress.Dial},
		{"tw", "950,-13,0,0,330 1400,-13,0,0,330 1800,-13,0,0,330 0,0,0,0,1000", progress.Information},
		{"de", "425,-25,0,0,480 0,0,0,0,480", progress.Busy},
		{"cn", "450,-10,0,0,700 0,0,0,0,700", progress.Congestion},
		{"uk", "400,-20,450,-20,400 0,0,0,0,200 400,-20,450,-20,400 0,0,0,0,2000", progress.Ringback},
		{"sg", "425,-13,-24,90,400 0,0,0,0,200 425,-13,-24,90,400 0,0,0,0,2000", progress.Ringback},
		{"jp", "400,-13,-15,90,1000 0,0,0,0,2000", progress.Ringback},
	} {
		sound, err := line.Make("", "progress-make", append([]string{"5"}, strings.Fields(c.make)...)...)
		if err != nil {
			t.Fatal(err)
		}
		l := progress.New(progress.Config{Zone: zone(t, c.zone)})
		found, others := false, []progress.Event{}
		for len(sound) > 0 {
			n := min(160, len(sound))
			for _, e := range l.Hear(sound[:n]) {
				if e.Kind == c.want {
					found = true
				} else if e.Kind != progress.Busy || e.Exact {
					others = append(others, e)
				}
			}
			sound = sound[n:]
		}
		if !found || len(others) > 0 {
			t.Errorf("%s %s: %v heard %v, and %v", c.zone, c.make, c.want, found, others)
		}
	}
}

func TestFax(t *testing.T) {
	// What we make the judge hears.
	for name, list := range map[string]string{"cng": "1100/500,0/3000", "ced": "!2100/3000,0"} {
		heard, err := line.Hear(play(t, list, 5*time.Second), "connect-hear", name)
		if err != nil || len(heard) == 0 || heard[0].What != "tone" || heard[0].Args[0] != name {
			t.Errorf("%s: %v %v", name, heard, err)
		}
	}
	// What the judge makes we hear.
	for _, c := range []struct {
		name                     string
		calls, answers, reversed int
	}{{"cng", 3, 0, 0}, {"ced", 0, 1, 0}, {"ans-pr", 0, 1, 4}, {"ansam", 0, 1, 0}, {"ansam-pr", 0, 1, 4}} {
		sound, err := line.Make("", "connect-make", c.name, strconv.Itoa(11000))
		if err != nil {
			t.Fatal(err)
		}
		sound = append(make([]int16, 1000), sound...)
		f, calls, answers, reversed := progress.NewFax(), 0, 0, 0
		for len(sound) > 0 {
			n := min(160, len(sound))
			for _, e := range f.Hear(sound[:n]) {
				switch {
				case e.Kind == progress.FaxCalling:
					calls++
				case e.Kind == progress.FaxAnswer && e.Began:
					answers++
				case e.Kind == progress.Reversal:
					reversed++
				}
			}
			sound = sound[n:]
		}
		if calls != c.calls || answers != c.answers || (reversed > 0) != (c.reversed > 0) || reversed < c.reversed {
			t.Errorf("%s: %d calls, %d answers, %d reversals", c.name, calls, answers, reversed)
		}
	}
}
