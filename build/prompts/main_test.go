package main

import (
	"bufio"
	"io/fs"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"branchline/media/sound/prompts"
)

// TestListsAndSoundsAgree fails if a list was edited and the tool not run.
func TestListsAndSoundsAgree(t *testing.T) {
	for _, v := range voices {
		var listed, made []string
		f, err := os.Open(v.language + ".txt")
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		for lines := bufio.NewScanner(f); lines.Scan(); {
			if name, _, ok := strings.Cut(lines.Text(), "\t"); ok {
				listed = append(listed, v.language+"/"+name+".ulaw")
			}
		}
		err = fs.WalkDir(prompts.FS, v.language, func(path string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() {
				made = append(made, path)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		slices.Sort(listed)
		if !slices.Equal(listed, made) {
			t.Errorf("%s: the list has %d names, the sounds are %d; run `make prompts`", v.language, len(listed), len(made))
		}
	}
}

func sine(hz, amplitude float64, n, rate int) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = amplitude * math.Sin(2*math.Pi*hz*float64(i)/float64(rate))
	}
	return out
}

func rms(in []float64) float64 {
	sum := 0.0
	for _, v := range in {
		sum += v * v
	}
	return math.Sqrt(sum / float64(len(in)))
}

func TestResampleKeepsTheBandAndNothingAbove(t *testing.T) {
	for _, tt := range []struct{ hz, low, high float64 }{{400, 0.99, 1.01}, {1000, 0.99, 1.01}, {3000, 0.97, 1.03}, {5000, 0, 0.02}, {9000, 0, 0.02}} {
		in := sine(tt.hz, 10000, 22050, 22050)
		out := resample(in, 22050)
		gain := rms(out[400:len(out)-400]) / rms(in)
		if gain < tt.low || gain > tt.high || len(out) != 8000 {
			t.Errorf("%.0f Hz: gain %.3f, %d samples", tt.hz, gain, len(out))
		}
	}
}

func TestLevelIgnoresPauses(t *testing.T) {
	in := append(sine(500, 300, 4000, rate), make([]float64, 8000)...)
	out := level(in)
	part := make([]float64, 4000)
	for i := range part {
		part[i] = float64(out[i])
	}
	if got := 20 * math.Log10(rms(part)/zeroDBm0); math.Abs(got+20) > 0.2 {
		t.Errorf("%.1f dBm0", got)
	}
}

func TestTrim(t *testing.T) {
	in := slices.Concat(make([]float64, 5000), sine(500, 1000, 800, rate), make([]float64, 5000))
	if n := len(trim(in)); n < 800 || n > 800+rate/100+rate/20 {
		t.Errorf("%d samples left", n)
	}
}

func TestSignal(t *testing.T) {
	got, err := signal("tone 440+480 100 silence 50")
	if err != nil || len(got) != 1200 || got[len(got)-1] != 0 {
		t.Errorf("%d samples, %v", len(got), err)
	}
	for _, bad := range []string{"tone", "tone x 1", "noise 3", "silence x", "tone 440 x"} {
		if _, err := signal(bad); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

func TestDecodeWAVRefusesOthers(t *testing.T) {
	if _, _, err := decodeWAV([]byte("RIFF....")); err == nil {
		t.Error("a short file was taken")
	}
}
