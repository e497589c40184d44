package onhook

import (
	"math"
	"strings"
	"testing"

	"branchline/media/dtmf"
	"branchline/media/sine"
)

// keyed is digits of on and pauses of off milliseconds at the level in dBm0 per
// tone; a space is a tone that is no digit.
func keyed(digits string, on, off int, low, high float64) (sound []int16) {
	sound = make([]int16, 500)
	for _, d := range []byte(digits) {
		part := make([]int16, (on+off)*Rate/1000)
		tone := part[:on*Rate/1000]
		if d == ' ' {
			for i := range tone {
				tone[i] = int16(sine.Peak(low) * math.Sin(float64(i)))
			}
		} else {
			var t dtmf.Tone
			t.StartAt(d, low, high)
			t.Fill(tone)
		}
		sound = append(sound, part...)
	}
	return append(sound, make([]int16, rowPause+Rate/10)...)
}

func heard(k *Keys, sound []int16) string {
	var got []string
	for ; len(sound) >= 160; sound = sound[160:] {
		switch k.Hear(sound[:160]) {
		case Begun:
			got = append(got, "begun")
		case Broken:
			got = append(got, "broken")
		case Whole:
			got = append(got, string(k.Row()))
		}
	}
	return strings.Join(got, " ")
}

func TestRows(t *testing.T) {
	k := NewKeys()
	for _, c := range []struct {
		name      string
		digits    string
		on, off   int
		low, high float64
		want      string
	}{
		{"usual", "D0912345678C", 70, 70, -10, -8, "begun D0912345678C"},
		{"shortest", "D0912345678C", 40, 40, -10, -10, "begun D0912345678C"},
		{"long", "A1234567890*#", 150, 100, -10, -10, "begun A1234567890*#"},
		{"weak", "D09123C", 50, 50, -42, -42, "begun D09123C"},
		{"loud", "D09123C", 50, 50, 0, 0, "begun D09123C"},
		{"twisted", "D09123C", 50, 50, -20, -12, "begun D09123C"},
		{"twisted back", "D09123C", 50, 50, -12, -20, "begun D09123C"},
		{"repeated digits", "D1122333C", 50, 50, -10, -10, "begun D1122333C"},
		{"two rows", "D1CA5#", 50, 50, -10, -10, "begun D1C begun A5#"},
		{"far too weak", "D09123C", 50, 50, -60, -60, ""},
		{"too short", "D09123C", 15, 50, -10, -10, ""},
		{"no end", "D09123", 50, 50, -10, -10, "begun broken"},
		{"one missed", "D09 23C", 50, 50, -10, -10, "begun broken"},
		{"first missed", " 9123#", 50, 50, -10, -10, "begun broken"},
		{"last missed", "D0912 C", 50, 50, -10, -10, "begun broken"},
		{"endless", strings.Repeat("1", 60) + "#", 50, 50, -10, -10, "begun broken"},
	} {
		k.Reset()
		if got := heard(k, keyed(c.digits, c.on, c.off, c.low, c.high)); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// Tones beside the keypad's frequencies are no digits, nor is a single tone.
func TestNoKeys(t *testing.T) {
	for low := 300.0; low < 2200; low += 47 {
		for _, high := range []float64{low, 1209, 2500} {
			if math.Abs(low-697) < 60 || math.Abs(low-770) < 60 || math.Abs(low-852) < 60 || math.Abs(low-941) < 60 {
				continue
			}
			sound := make([]int16, 4000)
			for i := range sound {
				x := 2 * math.Pi * float64(i) / Rate
				sound[i] = int16(4000 * (math.Sin(low*x) + math.Sin(high*x)))
			}
			if got := heard(NewKeys(), sound); got != "" {
				t.Errorf("%v and %v Hz: %s", low, high, got)
			}
		}
	}
}
