//go:build judge

package judge_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"branchline/build/judge"
)

var line *judge.Judge

func TestMain(m *testing.M) { os.Exit(judge.Main(&line, m.Run)) }

const digits = "0123456789*#ABCD"

// The judges agree with each other, and hear nothing where there is nothing.
func TestJudgesOnDigits(t *testing.T) {
	sound, err := line.MakeDigits(digits, -10, 2, 60, 60)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name  string
		hear  func([]int16) (string, error)
		sound []int16
		want  string
	}{
		{"libspandsp", line.Digits, sound, digits},
		{"multimon-ng", judge.MultimonDigits, sound, digits},
		{"libspandsp on silence", line.Digits, make([]int16, 8000), ""},
		{"multimon-ng on silence", judge.MultimonDigits, make([]int16, 8000), ""},
	} {
		if got, err := c.hear(c.sound); err != nil || got != c.want {
			t.Errorf("%s heard %q, want %q (%v)", c.name, got, c.want, err)
		}
	}
}

func TestJudgesOnCallerID(t *testing.T) {
	number := judge.Field{Type: 2, Body: []byte("0223456789")}
	for _, c := range []struct {
		standard judge.Standard
		sent     judge.Message
	}{
		{judge.CLASS, judge.Message{Type: 0x80, Fields: []judge.Field{number, {Type: 7, Body: []byte("Chen")}}}},
		{judge.CLIP, judge.Message{Type: 0x80, Fields: []judge.Field{number}}},
		{judge.CLIP, judge.Message{Type: 0x80, Fields: []judge.Field{number}, Alert: true}},
		{judge.JCLIP, judge.Message{Type: 0x40, Fields: []judge.Field{number}}},
		{judge.DTMF, judge.Message{Type: 'C', Fields: []judge.Field{{Type: 'D', Body: number.Body}}}},
	} {
		c.sent.Gap = 300 * time.Millisecond
		sound, err := line.MakeCallerID(c.standard, c.sent, c.sent)
		if err != nil {
			t.Fatal(err)
		}
		got, err := line.CallerIDs(c.standard, sound)
		if err != nil || len(got) != 2 {
			t.Fatalf("%s: %v %v", c.standard, got, err)
		}
		for _, m := range got {
			for _, f := range c.sent.Fields {
				if string(m.Field(f.Type)) != string(f.Body) {
					t.Errorf("%s: %v", c.standard, m)
				}
			}
		}
		if c.standard == judge.CLASS {
			text, err := judge.Minimodem(sound, "callerid")
			if err != nil || !strings.Contains(text, "022-345-6789") {
				t.Errorf("minimodem: %q %v", text, err)
			}
			lines, err := judge.Multimon(sound, "CLIPFSK")
			if err != nil || !strings.Contains(strings.Join(lines, " "), "0223456789") {
				t.Errorf("multimon-ng: %q %v", lines, err)
			}
		}
		for i := range sound {
			sound[i] /= 1000 // far below any threshold
		}
		if got, err := line.CallerIDs(c.standard, sound); err != nil || len(got) > 0 {
			t.Errorf("%s at -74 dBm0: %v %v", c.standard, got, err)
		}
	}
}

func TestJudgeOnTones(t *testing.T) {
	for _, name := range []string{"cng", "ced", "ans-pr"} {
		sound, err := line.Make("", "connect-make", name, "3000")
		if err != nil {
			t.Fatal(err)
		}
		heard, err := line.Hear(sound, "connect-hear", name)
		if err != nil || len(heard) == 0 || heard[0].What != "tone" || heard[0].Args[0] != name {
			t.Errorf("%s: %v %v", name, heard, err)
		}
	}
	busy, err := line.Make("", "progress-make", "6", "480,-13,620,-13,500", "0,0,0,0,500")
	if err != nil {
		t.Fatal(err)
	}
	heard, err := line.Hear(busy, "progress-hear", "busy=480,620,400,600;0,0,400,600")
	if err != nil || !strings.Contains(fmt.Sprint(heard), "tone busy") {
		t.Errorf("busy: %v %v", heard, err)
	}
}

func TestJudgeOnEcho(t *testing.T) {
	for model := 2; model <= 9; model++ {
		if taps, err := line.EchoPath(model); err != nil || len(taps) < 64 {
			t.Errorf("D.%d: %d taps, %v", model, len(taps), err)
		}
	}
	sent := make([]int16, 800)
	if left, err := line.Echo(sent, sent, 128, 1); err != nil || len(left) != len(sent) {
		t.Errorf("%d samples left, %v", len(left), err)
	}
}

func TestRecordingsAreThere(t *testing.T) {
	for dir, minutes := range map[string]float64{judge.SpeechDir: 20, judge.MusicDir: 10} {
		names, err := judge.Recordings(dir)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, name := range names {
			s, err := judge.ReadWAV(name)
			if err != nil {
				t.Error(err)
			}
			n += len(s)
		}
		if got := float64(n) / judge.Rate / 60; got < minutes {
			t.Errorf("%s: %.1f minutes", dir, got)
		}
	}
}
