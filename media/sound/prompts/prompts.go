// Package prompts holds what the exchange says: digits, letters, announcements
// and signals, as raw 8 kHz G.711 u-law under the file names that dialplans and
// applications ask for. build/prompts makes them from its word lists and packs them
// into prompts.pack: speech is a fifth of the program, and packed it is a seventh.
package prompts

import (
	"bytes"
	_ "embed" // the pack
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"sort"
	"strings"
	"time"

	"branchline/media/sound/lossless"
)

//go:embed prompts.pack
var pack []byte

// FS has one directory per language at its root: "en/digits/1.ulaw". A language
// may lack prompts that English has.
var FS = mustOpen(pack)

// A Pack is a read-only file system: an index, and frames of packed speech that hold
// several files each, so that the pack is small and reading one file unpacks little.
//
// It begins with the length of the index in bytes (32 bits, big end first). A line of
// the index is "name frame offset length", sorted by name; after the lines of all
// files comes one "= length" for each frame, its packed length. The frames follow.
type Pack struct {
	files  []entry // sorted by name
	frames [][]byte
}

type entry struct {
	name                  string
	frame, offset, length int
}

// frameSize is how much speech a frame holds unless one file is longer: the longer, the
// more its packer has learnt, and the more has to be unpacked before a file.
const frameSize = 16 << 10

// longest is how long a file may be, in bytes: half an hour.
const longest = 1800 * 8000

func mustOpen(b []byte) *Pack {
	p, err := Open(b)
	if err != nil {
		panic("prompts.pack: " + err.Error()) // part of the program; its test opens it
	}
	return p
}

// Open reads a pack's index. b is kept.
func Open(b []byte) (*Pack, error) {
	bad := errors.New("no pack of prompts")
	if len(b) < 4 {
		return nil, bad
	}
	n := int64(binary.BigEndian.Uint32(b))
	if n > int64(len(b)-4) {
		return nil, bad
	}
	p := &Pack{}
	rest := b[4+n:]
	for line := range strings.Lines(string(b[4 : 4+n])) {
		var e entry
		var length int
		if c, err := fmt.Sscanf(line, "= %d", &length); c == 1 && err == nil {
			if length < 0 || length > len(rest) {
				return nil, bad
			}
			p.frames, rest = append(p.frames, rest[:length]), rest[length:]
		} else if _, err := fmt.Sscanf(line, "%s %d %d %d", &e.name, &e.frame, &e.offset, &e.length); err == nil && fs.ValidPath(e.name) && e.offset >= 0 && e.length >= 0 {
			p.files = append(p.files, e)
		} else {
			return nil, bad
		}
	}
	for i, e := range p.files {
		if e.frame < 0 || e.frame >= len(p.frames) && e.length > 0 || e.offset > frameSize || e.length > longest || i > 0 && p.files[i-1].name >= e.name {
			return nil, bad
		}
	}
	return p, nil
}

// Write packs files, name to content.
func Write(w io.Writer, files map[string][]byte) error {
	names := make([]string, 0, len(files))
	for name := range files {
		names = append(names, name)
	}
	sort.Strings(names)
	var index bytes.Buffer
	var frames [][]byte
	var frame []byte
	end := func() {
		if len(frame) > 0 {
			frames, frame = append(frames, lossless.Pack(frame)), nil
		}
	}
	at := map[string]entry{} // by content: many prompts have two names
	for _, name := range names {
		b := files[name]
		e, ok := at[string(b)]
		if !ok {
			if len(frame)+len(b) > frameSize {
				end()
			}
			e = entry{frame: len(frames), offset: len(frame), length: len(b)}
			at[string(b)] = e
			frame = append(frame, b...)
		}
		fmt.Fprintf(&index, "%s %d %d %d\n", name, e.frame, e.offset, e.length)
	}
	end()
	for _, f := range frames {
		fmt.Fprintf(&index, "= %d\n", len(f))
	}
	out := binary.BigEndian.AppendUint32(nil, uint32(index.Len()))
	out = append(out, index.Bytes()...)
	for _, f := range frames {
		out = append(out, f...)
	}
	_, err := w.Write(out)
	return err
}

// find is where name is, or would be, among the files.
func (p *Pack) find(name string) (int, bool) {
	return slices.BinarySearchFunc(p.files, name, func(e entry, name string) int { return strings.Compare(e.name, name) })
}

// ReadFile unpacks one file.
func (p *Pack) ReadFile(name string) ([]byte, error) {
	i, ok := p.find(name)
	if !ok {
		return nil, &fs.PathError{Op: "read", Path: name, Err: fs.ErrNotExist}
	}
	e := p.files[i]
	if e.length == 0 {
		return nil, nil
	}
	b, err := lossless.Unpack(p.frames[e.frame], e.offset+e.length)
	if err != nil {
		return nil, &fs.PathError{Op: "read", Path: name, Err: err}
	}
	return bytes.Clone(b[e.offset:]), nil
}

// Stat tells of a file or directory without unpacking anything.
func (p *Pack) Stat(name string) (fs.FileInfo, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: "stat", Path: name, Err: fs.ErrInvalid}
	}
	i, ok := p.find(name)
	switch {
	case ok:
		return info{path.Base(name), int64(p.files[i].length), false}, nil
	case name == "." || p.below(name+"/") < len(p.files):
		return info{path.Base(name), 0, true}, nil
	}
	return nil, &fs.PathError{Op: "stat", Path: name, Err: fs.ErrNotExist}
}

// below is the first file under a directory's name and slash, len(p.files) if none.
func (p *Pack) below(dir string) int {
	i, _ := p.find(dir)
	if i < len(p.files) && strings.HasPrefix(p.files[i].name, dir) {
		return i
	}
	return len(p.files)
}

// ReadDir lists a directory.
func (p *Pack) ReadDir(name string) ([]fs.DirEntry, error) {
	at, err := p.Stat(name)
	if err != nil {
		return nil, err
	}
	if !at.IsDir() {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: errors.New("not a directory")}
	}
	prefix := name + "/"
	if name == "." {
		prefix = ""
	}
	var out []fs.DirEntry
	for _, e := range p.files[p.below(prefix):] {
		rest, ok := strings.CutPrefix(e.name, prefix)
		if !ok {
			break
		}
		base, _, dir := strings.Cut(rest, "/")
		i := info{base, int64(e.length), dir}
		if dir {
			i.size = 0
			if slices.ContainsFunc(out, func(d fs.DirEntry) bool { return d.Name() == base }) {
				continue
			}
		}
		out = append(out, fs.FileInfoToDirEntry(i))
	}
	slices.SortFunc(out, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return out, nil
}

// Open opens a file or directory.
func (p *Pack) Open(name string) (fs.File, error) {
	i, err := p.Stat(name)
	if err != nil {
		return nil, err
	}
	if i.IsDir() {
		list, err := p.ReadDir(name)
		return &file{FileInfo: i, list: list}, err
	}
	b, err := p.ReadFile(name)
	return &file{FileInfo: i, Reader: bytes.NewReader(b)}, err
}

// A file is an open file, or an open directory, whose Reader is nil.
type file struct {
	fs.FileInfo
	*bytes.Reader
	list []fs.DirEntry
}

func (f *file) Stat() (fs.FileInfo, error) { return f.FileInfo, nil }
func (f *file) Close() error               { return nil }
func (f *file) Size() int64                { return f.FileInfo.Size() }

func (f *file) Read(b []byte) (int, error) {
	if f.Reader == nil {
		return 0, fs.ErrInvalid
	}
	return f.Reader.Read(b)
}

// ReadDir lists the next n entries, all that are left if n is not above 0.
func (f *file) ReadDir(n int) ([]fs.DirEntry, error) {
	if f.Reader != nil {
		return nil, fs.ErrInvalid
	}
	if n > 0 && len(f.list) == 0 {
		return nil, io.EOF
	}
	if n <= 0 || n > len(f.list) {
		n = len(f.list)
	}
	out := f.list[:n]
	f.list = f.list[n:]
	return out, nil
}

// info is what is known of a file or directory.
type info struct {
	name string
	size int64
	dir  bool
}

func (i info) Name() string       { return i.name }
func (i info) Size() int64        { return i.size }
func (i info) ModTime() time.Time { return time.Time{} }
func (i info) IsDir() bool        { return i.dir }
func (i info) Sys() any           { return nil }

func (i info) Mode() fs.FileMode {
	if i.dir {
		return fs.ModeDir | 0o555
	}
	return 0o444
}
