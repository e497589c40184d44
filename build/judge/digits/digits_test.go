//go:build judge

package digits

import (
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"branchline/build/judge"
	"branchline/media/dtmf"
)

var line *judge.Judge

func TestMain(m *testing.M) { os.Exit(judge.Main(&line, m.Run)) }

// hear is what our receiver makes of sound, in frames of 20 ms.
func hear(d *dtmf.Detector, sound []int16) (digits string, suspect int) {
	for len(sound) > 0 {
		n := min(160, len(sound))
		if c := d.Hear(sound[:n]); c.Began != 0 {
			digits += string(c.Began)
		}
		if d.Suspect() {
			suspect++
		}
		sound = sound[n:]
	}
	return digits, suspect
}

// Whatever way we send digits, both judges read them.
func TestSentDigits(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 1))
	for _, f := range []dtmf.Form{
		{},
		{On: 50 * time.Millisecond, Off: 50 * time.Millisecond},
		{On: 60 * time.Millisecond, Off: 60 * time.Millisecond, Low: -9, High: -11},
		{On: 70 * time.Millisecond, Off: 50 * time.Millisecond, Low: -3, High: -3},
		{On: 80 * time.Millisecond, Off: 80 * time.Millisecond, Low: -20, High: -18},
	} {
		row := make([]byte, 200)
		for i := range row {
			row[i] = dtmf.Digits[r.IntN(len(dtmf.Digits))]
		}
		copy(row, dtmf.Digits)
		var s dtmf.Sender
		s.Start(string(row), f)
		var sound []int16
		for !s.Done() {
			sound = append(sound, make([]int16, 160)...)
			s.Fill(sound[len(sound)-160:])
		}
		for name, judged := range map[string]func([]int16) (string, error){"libspandsp": line.Digits, "multimon-ng": judge.MultimonDigits} {
			if got, err := judged(sound); err != nil || got != string(row) {
				t.Errorf("%+v: %s heard %d digits %q, want %q (%v)", f, name, len(got), got, row, err)
			}
		}
		if got, _ := hear(dtmf.NewDetector(), sound); got != string(row) {
			t.Errorf("%+v: we heard %q", f, got)
		}
	}
}

// We read what others send, loud and soft, fast and slow.
func TestReceivedDigits(t *testing.T) {
	for _, level := range []int{-3, -10, -17, -21} {
		for _, twist := range []int{-8, -4, 0, 4} {
			for _, on := range []int{40, 50, 100} {
				sound, err := line.MakeDigits(dtmf.Digits, level-max(0, twist), twist, on, on)
				if err != nil {
					t.Fatal(err)
				}
				if got, _ := hear(dtmf.NewDetector(), sound); got != dtmf.Digits {
					t.Errorf("%d dBm0, twist %d dB, %d ms: heard %q", level, twist, on, got)
				}
			}
		}
	}
}

// No digit is in speech and none in music.
func TestTalkOff(t *testing.T) {
	for _, dir := range []string{judge.SpeechDir, judge.MusicDir} {
		names, err := judge.Recordings(dir)
		if err != nil {
			t.Fatal(err)
		}
		d, samples, suspect := dtmf.NewDetector(), 0, 0
		for _, name := range names {
			s, err := judge.ReadWAV(name)
			if err != nil {
				t.Fatal(err)
			}
			// A pause of one second between prompts, a frame that is not whole.
			got, muted := hear(d, append(s, make([]int16, judge.Rate)...))
			if got != "" {
				t.Errorf("%s: heard %q", name, got)
			}
			samples += len(s)
			suspect += muted
		}
		t.Logf("%s: %.1f minutes, %.3f %% of frames under suspicion", dir, float64(samples)/judge.Rate/60,
			100*float64(suspect)*160/float64(samples))
	}
}

// Nor in music that was composed for the purpose: chords and melodies of many
// timbres, evenly played.
func TestComposedMusic(t *testing.T) {
	for seed := range uint64(4) {
		got, muted := hear(dtmf.NewDetector(), judge.Music(10, seed))
		t.Logf("%.3f %% of frames under suspicion", float64(muted)*160/600/judge.Rate*100)
		if got != "" {
			t.Errorf("piece %d: heard %q", seed, got)
		}
	}
}
