package record

import (
	"encoding/binary"
	"errors"
	"math"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"branchline/media"
	"branchline/media/g711"
)

// speech is n milliseconds of a tone, in packets of 20 ms.
func speech(law *g711.Law, hz float64, length time.Duration) [][]byte {
	var out [][]byte
	for at := 0; at < int(length/(20*time.Millisecond)); at++ {
		b := make([]byte, 160)
		for i := range b {
			b[i] = law.Code(int16(4000 * math.Sin(2*math.Pi*hz*float64(at*160+i)/rate)))
		}
		out = append(out, b)
	}
	return out
}

// level is the RMS of a tone of hz in samples.
func level(samples []int16, hz float64) float64 {
	var re, im float64
	for i, v := range samples {
		s, c := math.Sincos(2 * math.Pi * hz * float64(i) / rate)
		re += float64(v) * c
		im += float64(v) * s
	}
	return 2 * math.Hypot(re, im) / float64(len(samples))
}

func read(t *testing.T, path string) []int16 {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var out []int16
	law, wav, _ := formatOf(path)
	if wav {
		if string(b[:4]) != "RIFF" || int(binary.LittleEndian.Uint32(b[40:])) != len(b)-header ||
			int(binary.LittleEndian.Uint32(b[4:])) != len(b)-8 {
			t.Errorf("%s: header %x of %d octets", path, b[:header], len(b))
		}
		b = b[header:]
	}
	if law != nil {
		for _, c := range b {
			out = append(out, law.Linear(c))
		}
		return out
	}
	for ; len(b) > 1; b = b[2:] {
		out = append(out, int16(binary.LittleEndian.Uint16(b)))
	}
	return out
}

// TestBothSides records one side in u-law and the other, which begins later and has
// a clock of its own, in A-law.
func TestBothSides(t *testing.T) {
	for _, ending := range []string{"wav", "sln", "ulaw", "alaw"} {
		t.Run(ending, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dir := t.TempDir()
				mixed := filepath.Join(dir, "deeper", "mixed."+ending)
				said, heard := filepath.Join(dir, "said.wav"), filepath.Join(dir, "heard.wav")
				ended := make(chan error, 1)
				tape, err := Start(Options{Mixed: mixed, Said: said, Heard: heard, Ended: func(err error) { ended <- err }})
				if err != nil {
					t.Fatal(err)
				}
				a, b := speech(g711.ULaw(), 440, 4*time.Second), speech(g711.ALaw(), 1000, 3*time.Second)
				began := time.Now()
				for i := range a {
					time.Sleep(20 * time.Millisecond)
					now := int64(time.Since(began)) + int64(i%3)*5e6 // it jitters
					tape.Take(now, false, media.PCMU, a[i])
					if k := i - 50; k >= 0 && k < len(b) {
						tape.Take(now, true, media.PCMA, b[k])
					}
				}
				tape.End()
				if err := <-ended; err != nil {
					t.Fatal(err)
				}
				if err := tape.Stop(); err != nil || tape.Lost() != 0 {
					t.Errorf("%v, %d lost", err, tape.Lost())
				}
				both := read(t, mixed)
				if len(both) < 4*rate-500 || len(both) > 4*rate+500 {
					t.Fatalf("%d samples", len(both))
				}
				if early := both[:rate-1000]; level(early, 440) < 3800 || level(early, 1000) > 100 {
					t.Errorf("first second: %.0f at 440 Hz, %.0f at 1000 Hz", level(early, 440), level(early, 1000))
				}
				if late := both[2*rate : 3*rate]; level(late, 440) < 3800 || level(late, 1000) < 3800 {
					t.Errorf("third second: %.0f at 440 Hz, %.0f at 1000 Hz", level(late, 440), level(late, 1000))
				}
				if s := read(t, said); level(s[2*rate:3*rate], 440) < 3800 || level(s[2*rate:3*rate], 1000) > 100 {
					t.Error("the other side is in what was said")
				}
				if s := read(t, heard); level(s[2*rate:3*rate], 1000) < 3800 || level(s[2*rate:3*rate], 440) > 100 {
					t.Error("the other side is in what was heard")
				}
			})
		})
	}
}

func TestAppendGainAndGaps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "x.wav")
		for i, o := range []Options{{Mixed: path}, {Mixed: path, Append: true, SaidGain: 0.5}} {
			tape, err := Start(o)
			if err != nil {
				t.Fatal(err)
			}
			for k, b := range speech(g711.ULaw(), 500, time.Second) {
				at := int64(k+1) * 20e6
				if k >= 25 {
					at += 5e9 // on hold
				}
				if k >= 40 {
					at += 3 * int64(time.Hour) // nobody was there
				}
				tape.Take(at, false, media.PCMU, b)
				time.Sleep(20 * time.Millisecond)
			}
			if err := tape.Stop(); err != nil {
				t.Fatal(err)
			}
			if n, want := len(read(t, path)), (i+1)*6*rate; n < want-3000 || n > want+3000 {
				t.Errorf("%d samples, want about %d", n, want)
			}
		}
		all := read(t, path)
		half := all[len(all)/2+1000 : len(all)/2+4000]
		if first, second := level(all[:3000], 500), level(half, 500); second < first*0.45 || second > first*0.55 {
			t.Errorf("levels %.0f and %.0f", first, second)
		}
	})
}

// TestSlowDisk: the media thread neither waits nor allocates, and what finds no room
// is counted.
func TestSlowDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tape, err := Start(Options{Mixed: filepath.Join(t.TempDir(), "x.sln")})
		if err != nil {
			t.Fatal(err)
		}
		b := speech(g711.ULaw(), 500, 20*time.Millisecond)[0]
		if n := testing.AllocsPerRun(50, func() { tape.Take(0, false, media.PCMU, b) }); n != 0 {
			t.Errorf("%v allocations", n)
		}
		for range slots {
			tape.Take(0, true, media.PCMU, b)
		}
		if tape.Lost() == 0 {
			t.Error("nothing lost in a full ring")
		}
		before := tape.Lost()
		tape.Take(0, true, &media.Codec{}, b)
		if tape.Lost() != before+1 {
			t.Error("a foreign codec was taken")
		}
		if err := tape.Stop(); err != nil {
			t.Error(err)
		}
	})
}

func TestNoSuchFile(t *testing.T) {
	dir := t.TempDir()
	if _, err := Start(Options{Mixed: filepath.Join(dir, "x.mp3")}); !errors.Is(err, ErrFormat) {
		t.Errorf("mp3: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "f"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Start(Options{Mixed: filepath.Join(dir, "ok.wav"), Said: filepath.Join(dir, "f", "x.wav")}); err == nil {
		t.Error("below a file")
	}
}
