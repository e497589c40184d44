// Package sound finds recorded prompts and makes sources of them: files below the
// sounds directories, as Asterisk names them, and those built into the program.
// Reading and converting happen in Open, off the media thread.
package sound

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"

	"branchline/media"
)

const (
	maxFile  = 32 << 20 // bytes; 34 minutes of linear speech
	maxNames = 1000
)

// A Library is where prompts are looked for. It may be shared; its fields are set
// before use.
type Library struct {
	Dirs     []string // searched first, in order
	Embedded fs.FS    // raw u-law files; may be nil
	Default  string   // the language tried last, "": en
}

type format struct {
	suffix string
	decode func([]byte) ([]byte, error)
}

// formats by suffix, in the order in which they are preferred.
var formats = []format{
	{"ulaw", raw}, {"alaw", alaw}, {"sln", linear}, {"wav", wav}, {"ul", raw}, {"pcm", raw}, {"al", alaw},
}

// Open finds the named prompts in a language and gives a source that plays one
// after another. A name has no suffix ("digits/1"); one that begins with a slash
// is a file anywhere. The error for a prompt that does not exist wraps
// fs.ErrNotExist.
func (l *Library) Open(lang string, names ...string) (media.Source, error) {
	if len(names) > maxNames {
		return nil, fmt.Errorf("%d sounds at once", len(names))
	}
	c := new(clip)
	for _, name := range names {
		b, err := l.load(lang, name)
		if err != nil {
			return nil, fmt.Errorf("sound %q: %w", name, err)
		}
		c.parts = append(c.parts, b)
	}
	return c, nil
}

// Has reports whether a prompt exists, in the language or one that stands in.
func (l *Library) Has(lang, name string) bool {
	_, err := l.find(lang, name)
	return err == nil
}

// places are where prompts are looked for, in this order.
func (l *Library) places() []fs.FS {
	places := make([]fs.FS, 0, len(l.Dirs)+1)
	for _, d := range l.Dirs {
		places = append(places, os.DirFS(d))
	}
	if l.Embedded != nil {
		places = append(places, l.Embedded)
	}
	return places
}

// Names lists the prompts that exist in any language, without it, sorted. It
// reads directories.
func (l *Library) Names() []string {
	found := map[string]bool{}
	for _, place := range l.places() {
		// A place that cannot be read has no prompts.
		_ = fs.WalkDir(place, ".", func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return nil
			}
			suffix := strings.TrimPrefix(path.Ext(name), ".")
			if !slices.ContainsFunc(formats, func(f format) bool { return f.suffix == suffix }) {
				return nil
			}
			name = strings.TrimSuffix(name, "."+suffix)
			if lang, rest, ok := strings.Cut(name, "/"); ok && isLanguage(lang) {
				name = rest
			}
			found[name] = true
			return nil
		})
	}
	return slices.Sorted(maps.Keys(found))
}

// isLanguage tells "en" and "zh_TW" from "digits".
func isLanguage(dir string) bool {
	base, _, _ := strings.Cut(dir, "_")
	return len(base) == 2 && strings.ToLower(base) == base
}

// Formats lists the suffixes of the files that can be played, most wanted first.
func Formats() []string {
	var out []string
	for _, f := range formats {
		out = append(out, f.suffix)
	}
	return out
}

// A hit is a file that was found.
type hit struct {
	open   func() (fs.File, error)
	decode func([]byte) ([]byte, error)
}

// find looks for a prompt: in the language as it is ("pt_BR"), without its country,
// in none, in the default; each time in all places.
func (l *Library) find(lang, name string) (hit, error) {
	if strings.HasPrefix(name, "/") {
		if h, ok := findIn(os.DirFS("/"), strings.TrimPrefix(path.Clean(name), "/")); ok {
			return h, nil
		}
		return hit{}, fs.ErrNotExist
	}
	if name = path.Clean(name); !fs.ValidPath(name) || name == "." { // leads out of the library
		return hit{}, fs.ErrNotExist
	}
	base, _, _ := strings.Cut(lang, "_")
	def := l.Default
	if def == "" {
		def = "en"
	}
	places := l.places()
	for i, prefix := range []string{lang, base, "", def} {
		if i != 2 && !fs.ValidPath(prefix) { // also the empty one
			continue
		}
		for _, place := range places {
			if h, ok := findIn(place, path.Join(prefix, name)); ok {
				return h, nil
			}
		}
	}
	return hit{}, fs.ErrNotExist
}

func findIn(place fs.FS, name string) (hit, bool) {
	for _, f := range formats {
		full := name + "." + f.suffix
		if s, err := fs.Stat(place, full); err == nil && s.Mode().IsRegular() {
			return hit{func() (fs.File, error) { return place.Open(full) }, f.decode}, true
		}
	}
	return hit{}, false
}

var errTooLong = errors.New("file is too long")

func (l *Library) load(lang, name string) ([]byte, error) {
	h, err := l.find(lang, name)
	if err != nil {
		return nil, err
	}
	f, err := h.open()
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, err
	}
	if len(b) > maxFile {
		return nil, errTooLong
	}
	return h.decode(b)
}

// A clip is speech in memory.
type clip struct {
	parts [][]byte
	at    int
}

// Fill writes the next samples (see media.Source).
func (c *clip) Fill(frame []byte) int {
	done := 0
	for done < len(frame) && len(c.parts) > 0 {
		n := copy(frame[done:], c.parts[0][c.at:])
		done += n
		if c.at += n; c.at == len(c.parts[0]) {
			c.parts, c.at = c.parts[1:], 0
		}
	}
	return done
}
