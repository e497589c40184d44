package prompts

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"strings"
	"testing"
	"testing/fstest"

	"branchline/media/g711"
)

// TestEveryPromptIsSpeech checks what a tool could have got wrong: an empty or
// endless file, one that is silent, far too loud, or has much silence around it.
func TestEveryPromptIsSpeech(t *testing.T) {
	total := 0
	err := fs.WalkDir(FS, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := FS.ReadFile(path)
		if err != nil {
			return err
		}
		total += len(b)
		if !strings.HasSuffix(path, ".ulaw") || len(b) < 1000 || len(b) > 20*8000 {
			t.Errorf("%s: %d bytes", path, len(b))
		}
		if strings.Contains(path, "/silence/") {
			return nil
		}
		loudest, first := -99.0, len(b)
		for at := 0; at+160 <= len(b); at += 160 {
			power := 0.0
			for _, c := range b[at : at+160] {
				v := float64(g711.ULaw().Linear(c))
				power += v * v / 160
			}
			// 15768 is the RMS of a 16-bit sine at 0 dBm0 (G.711).
			dBm0 := 10 * math.Log10(power/(15768*15768)+1e-12)
			loudest = max(loudest, dBm0)
			if dBm0 > -40 {
				first = min(first, at)
			}
		}
		if loudest < -22 || loudest > -7 {
			t.Errorf("%s: loudest 20 ms at %.1f dBm0", path, loudest)
		}
		if first > 800 {
			t.Errorf("%s: silent for the first %d ms", path, first/8)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if total > 3_000_000 {
		t.Errorf("%d bytes in all", total)
	}
}

// Seed: S-129 to S-132.
func TestWhatApplicationsAskForIsThere(t *testing.T) {
	names := strings.Fields(`digits/hundred digits/thousand digits/million digits/minus digits/point digits/and digits/oclock
		digits/a-m digits/p-m digits/pound digits/star beep beeperr invalid transfer pbx-invalid pbx-transfer pbx-invalidpark
		privacy-incorrect demo-congrats demo-thanks demo-echotest hello-world tt-monkeys tt-weasels tt-somethingwrong
		vm-intro vm-goodbye queue-thankyou conf-onlyperson auth-thankyou auth-incorrect agent-pass ss-noservice goodbye
		letters/at letters/dash letters/dollar letters/dot letters/equals letters/exclaimation-point letters/plus letters/slash letters/space letters/asterisk silence/1`)
	for i := range 20 {
		names = append(names, fmt.Sprintf("digits/%d", i), fmt.Sprintf("digits/h-%d", i+1))
	}
	for i := 20; i <= 90; i += 10 {
		names = append(names, fmt.Sprintf("digits/%d", i))
	}
	for i := range 12 {
		names = append(names, fmt.Sprintf("digits/mon-%d", i), fmt.Sprintf("digits/day-%d", i%7))
	}
	for c := 'a'; c <= 'z'; c++ {
		names = append(names, fmt.Sprintf("letters/%c", c), fmt.Sprintf("phonetic/%c_p", c))
	}
	for _, n := range names {
		if _, err := fs.Stat(FS, "en/"+n+".ulaw"); err != nil {
			t.Error(err)
		}
	}
}

// The pack is a file system like any other, also where it is wrong.
func TestPack(t *testing.T) {
	var b bytes.Buffer
	want := map[string][]byte{"a/x": []byte("1234"), "a/y": []byte("1234"), "b": bytes.Repeat([]byte("z"), 2*frameSize), "c": {}}
	if err := Write(&b, want); err != nil {
		t.Fatal(err)
	}
	p, err := Open(b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range want {
		if got, err := p.ReadFile(name); err != nil || !bytes.Equal(got, content) {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
	}
	if err := fstest.TestFS(p, "a/x", "b"); err != nil {
		t.Error(err)
	}
	for at := range 40 {
		bad := bytes.Clone(b.Bytes())
		bad[at] ^= 0x11
		if p, err := Open(bad); err == nil {
			for name := range want {
				_, _ = p.ReadFile(name) // an error or not, but no panic
			}
		}
	}
	if _, err := p.ReadFile("none"); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

// What is small shares a frame, and no frame grows beyond its size: whoever reads one
// prompt unpacks a frame.
func TestFrames(t *testing.T) {
	files := map[string][]byte{}
	for i := range 40 {
		files[fmt.Sprintf("%02d", i)] = bytes.Repeat([]byte{byte(i)}, frameSize/16)
	}
	var b bytes.Buffer
	if err := Write(&b, files); err != nil {
		t.Fatal(err)
	}
	p, err := Open(b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if len(p.frames) != 3 {
		t.Errorf("40 files of a sixteenth frame are in %d frames", len(p.frames))
	}
	for name, want := range files {
		if got, err := p.ReadFile(name); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
	}
}

func BenchmarkRead(b *testing.B) {
	for b.Loop() {
		if _, err := FS.ReadFile("en/digits/1.ulaw"); err != nil {
			b.Fatal(err)
		}
	}
}
