package sound

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

	"branchline/media"
	"branchline/media/g711"
)

func all(s media.Source) []byte {
	var out []byte
	f := make([]byte, 7)
	for {
		n := s.Fill(f)
		out = append(out, f[:n]...)
		if n < len(f) {
			return out
		}
	}
}

func riff(tag, channels uint16, rate uint32, bits uint16, data []byte) []byte {
	le := binary.LittleEndian
	b := []byte("RIFF\x00\x00\x00\x00WAVEJUNK\x03\x00\x00\x00abc\x00fmt \x10\x00\x00\x00")
	b = le.AppendUint16(le.AppendUint16(b, tag), channels)
	b = le.AppendUint32(le.AppendUint32(b, rate), rate*uint32(bits)/8)
	b = le.AppendUint16(le.AppendUint16(b, bits/8), bits)
	b = le.AppendUint32(append(b, "data"...), uint32(len(data)))
	return append(b, data...)
}

// pcm is the sample values 0, 1000, -1000.
var (
	pcm  = []byte{0, 0, 0xe8, 0x03, 0x18, 0xfc}
	ulaw = []byte{0xff, g711.ULaw().Code(1000), g711.ULaw().Code(-1000)}
)

func alawed() []byte {
	b := bytes.Clone(ulaw)
	g711.UToA().Apply(b)
	return b
}

func TestFormats(t *testing.T) {
	want := bytes.Clone(ulaw)
	a := alawed()
	g711.AToU().Apply(a)
	for name, c := range map[string]struct {
		data, want []byte
	}{
		"a.ulaw": {ulaw, want}, "b.alaw": {alawed(), a}, "c.sln": {append(bytes.Clone(pcm), 9), want},
		"d.wav": {riff(1, 1, 8000, 16, pcm), want}, "e.wav": {riff(7, 1, 8000, 8, ulaw), want},
		"f.wav": {riff(6, 1, 8000, 8, alawed()), a}, "g.pcm": {ulaw, want},
		"stereo.wav": {riff(1, 2, 8000, 16, pcm), nil}, "fast.wav": {riff(1, 1, 44100, 16, pcm), nil},
		"deep.wav": {riff(1, 1, 8000, 24, pcm), nil}, "no.wav": {[]byte("hello"), nil},
		"cut.wav": {riff(1, 1, 8000, 16, pcm)[:30], nil},
	} {
		l := &Library{Embedded: fstest.MapFS{name: {Data: bytes.Clone(c.data)}}}
		s, err := l.Open("", name[:len(name)-len(filepath.Ext(name))])
		if c.want == nil {
			if err == nil || errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s: error %v", name, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if got := all(s); !bytes.Equal(got, c.want) {
			t.Errorf("%s: %x, want %x", name, got, c.want)
		}
	}
}

func TestWhereASoundIsFound(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"en/hello.ulaw": "disk", "fr/digits/1.ulaw": "un", "plain.ulaw": "plain"} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	l := &Library{Dirs: []string{"/nonexistent", dir}, Embedded: fstest.MapFS{
		"en/hello.ulaw": {Data: []byte("built in")}, "en/digits/1.ulaw": {Data: []byte("one")}, "zh_TW/digits/1.ulaw": {Data: []byte("yi")},
	}}
	for _, c := range []struct{ lang, name, want string }{
		{"en", "hello", "disk"}, {"en", "digits/1", "one"}, {"fr", "digits/1", "un"}, {"fr_CA", "digits/1", "un"},
		{"zh_TW", "digits/1", "yi"}, {"de", "digits/1", "one"}, {"", "digits/1", "one"}, {"en", "plain", "plain"},
		{"en", dir + "/plain", "plain"}, {"../..", "plain", "plain"},
		{"en", "nothing", ""}, {"en", "../en/hello", ""}, {"en", "/nonexistent/x", ""}, {"en", "", ""}, {"en", "a\x00b", ""},
	} {
		s, err := l.Open(c.lang, c.name)
		if c.want == "" {
			if !errors.Is(err, fs.ErrNotExist) || l.Has(c.lang, c.name) {
				t.Errorf("%q in %q: error %v", c.name, c.lang, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%q in %q: %v", c.name, c.lang, err)
		} else if got := string(all(s)); got != c.want {
			t.Errorf("%q in %q: %q, want %q", c.name, c.lang, got, c.want)
		}
	}
	s, err := l.Open("en", "hello", "digits/1", "plain")
	if err != nil || string(all(s)) != "diskoneplain" {
		t.Errorf("three at once: %v", err)
	}
	if s, err := l.Open("en"); err != nil || len(all(s)) != 0 {
		t.Errorf("none at once: %v", err)
	}
}

func TestTooLong(t *testing.T) {
	l := &Library{Embedded: fstest.MapFS{"x.ulaw": {Data: make([]byte, maxFile+1)}}}
	if _, err := l.Open("", "x"); !errors.Is(err, errTooLong) {
		t.Errorf("error %v", err)
	}
	if _, err := l.Open("", make([]string, maxNames+1)...); err == nil {
		t.Error("thousands of names were taken")
	}
}

func FuzzWAV(f *testing.F) {
	f.Add(riff(1, 1, 8000, 16, pcm))
	f.Add(riff(wavExtensible, 1, 8000, 16, pcm))
	f.Fuzz(func(t *testing.T, b []byte) {
		n := len(b)
		if out, err := wav(b); err == nil && len(out) > n {
			t.Errorf("%d bytes became %d", n, len(out))
		}
	})
}
