package astconf

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
	"unicode/utf8"
)

// Bounds on what a configuration may make us read and keep. They are far above
// any real installation and keep a hostile or generated file from eating the
// memory of a small board.
const (
	maxBytes        = 32 << 20 // of all files together
	maxEntries      = 500_000  // inherited copies included
	maxParts        = 4096     // files read, repetitions counted
	maxIncludeDepth = 10
	maxDiags        = 1000
)

// A Loader reads configuration files from a directory and what they include.
type Loader struct {
	Dir  fs.FS  // the configuration directory; relative names are looked up here
	Path string // where Dir is, as an absolute path; "" if that means nothing
	Root fs.FS  // the file system's root, for absolute names; nil: such names are not found
}

// Load reads the file name below fsys. It always returns a File; Valid tells
// whether a consumer may use it, the diagnostics tell why not.
func Load(fsys fs.FS, name string) (*File, []Diag) { return Loader{Dir: fsys}.Load(name) }

// Load reads the file name and everything it includes.
func (l Loader) Load(name string) (*File, []Diag) {
	r := &reading{Loader: l, file: &File{Name: name, Valid: true}}
	if err := r.read(name, Pos{File: name}); err != nil {
		var stop *stopError
		if !errors.As(err, &stop) {
			r.diag(Error, Pos{File: name}, "unreadable", fmt.Sprintf("%v; nothing of it is used", err), "")
		}
		r.file.Valid = false
	}
	for _, s := range r.sections {
		switch {
		case !s.template:
			r.file.Sections = append(r.file.Sections, &s.Section)
		case !s.used:
			r.file.Unused = append(r.file.Unused, &s.Section)
		}
	}
	return r.file, r.diags
}

// section is a Section with what only reading needs to know about it.
type section struct {
	Section
	template bool
	used     bool // another section inherits from this one, or goes on with it
	bases    []string
}

// reading is the state of one Load.
type reading struct {
	Loader
	file     *File
	sections []*section
	current  *section
	latest   *section // the last one begun anywhere
	carried  bool     // in an included file, before its first section
	diags    []Diag
	chain    []string // files now open, outermost first
	bytes    int
	entries  int
}

// stopError ends a load whose diagnostic was already written.
type stopError struct{}

func (*stopError) Error() string { return "configuration is invalid" }

func (r *reading) diag(sev Severity, at Pos, rule, message, cure string) {
	if len(r.diags) == maxDiags {
		r.diags = append(r.diags, Diag{Pos: at, Severity: Warning, Rule: "too-many-findings",
			Message: "more than 1000 findings, the others are not listed"})
	}
	if len(r.diags) > maxDiags && sev != Error {
		return
	}
	r.diags = append(r.diags, Diag{Pos: at, Severity: sev, Rule: rule, Message: message, Cure: cure})
}

func (r *reading) warn(at Pos, rule, message, cure string) { r.diag(Warning, at, rule, message, cure) }

// fail writes an error and ends the load.
func (r *reading) fail(at Pos, rule, message, cure string) error {
	r.diag(Error, at, rule, message, cure)
	return &stopError{}
}

// locate finds the file system and the name in it that a configuration name
// means, and the prefix that turns such a name back into one of ours. fsys is
// nil for names out of reach.
func (l Loader) locate(name string) (fsys fs.FS, inside, prefix string) {
	if !path.IsAbs(name) {
		if clean := path.Clean(name); fs.ValidPath(clean) {
			return l.Dir, clean, ""
		}
		if l.Path == "" {
			return nil, "", ""
		}
		name = path.Join(l.Path, name)
	}
	name = path.Clean(name)
	if l.Path != "" {
		if rest, ok := strings.CutPrefix(name, strings.TrimSuffix(l.Path, "/")+"/"); ok {
			return l.Dir, rest, ""
		}
	}
	if l.Root == nil {
		return nil, "", ""
	}
	return l.Root, strings.TrimPrefix(name, "/"), "/"
}

// read reads one file. at is the line that asked for it. An error that is not
// a *stopError says that the file could not be read.
func (r *reading) read(name string, at Pos) error {
	fsys, inside, _ := r.locate(name)
	if fsys == nil {
		return &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	f, err := fsys.Open(inside)
	if err != nil {
		return fmt.Errorf("open %s: %w", name, bareError(err))
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("open %s: %w", name, bareError(err))
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("open %s: not a regular file", name)
	}
	data, err := io.ReadAll(io.LimitReader(f, int64(maxBytes-r.bytes)+1))
	if err != nil {
		return fmt.Errorf("read %s: %w", name, bareError(err))
	}
	r.bytes += len(data)
	if r.bytes > maxBytes {
		return r.fail(at, "too-large", "the configuration is larger than 32 MiB; nothing of it is used", "split off or shorten "+name)
	}
	if len(r.file.Parts) >= maxParts {
		return r.fail(at, "too-many-includes", "more than 4096 files are included; nothing of it is used", "remove nested or repeated #include lines")
	}
	r.file.Parts = append(r.file.Parts, name)
	r.chain = append(r.chain, name)
	err = r.lines(name, data)
	r.chain = r.chain[:len(r.chain)-1]
	return err
}

// bareError takes the path off an error, because we name the file as the
// configuration spells it.
func bareError(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

func (r *reading) lines(name string, data []byte) error {
	var ends lineEnds
	if rest, marked := bytes.CutPrefix(data, []byte("\xef\xbb\xbf")); marked {
		r.diag(Note, Pos{File: name, Line: 1, Col: 1}, "byte-order-mark", "the file begins with a byte order mark, which is skipped", "save it as UTF-8 without one")
		data = rest
	}
	var com comments
	for number := 1; len(data) > 0; number++ {
		line := data
		at := Pos{File: name, Line: number}
		if nl := bytes.IndexByte(data, '\n'); nl >= 0 {
			line, data = data[:nl], data[nl+1:]
			r.lineEnd(at, line, &ends)
		} else {
			data = nil
		}
		if !ends.coded && !utf8.Valid(line) {
			ends.coded = true
			r.diag(Note, at, "not-utf8", "the line is not UTF-8; its bytes are passed on as they are", "save the file as UTF-8")
		}
		if len(line) > maxLine {
			r.warn(at, "long-line", fmt.Sprintf("line is longer than %d bytes and is skipped: %q...", maxLine, line[:32]), "break it into several settings, or use +=")
			continue
		}
		rest, ok := com.strip(line, number)
		if !ok {
			return r.fail(at, "comment-depth", "block comments are nested deeper than 128 levels", "close them with --;")
		}
		statement, cut := trim(rest)
		if len(statement) == 0 {
			continue
		}
		at.Col = cut + 1
		if err := r.statement(at, string(statement)); err != nil {
			return err
		}
	}
	if com.inside() {
		r.warn(Pos{File: name, Line: com.opened[0]}, "open-comment",
			"block comment is never closed; everything from here to the end of the file is ignored", "end it with --;")
	}
	return nil
}

// lineEnds remembers what was already reported of a file's encoding. Neither
// does harm to Asterisk or to us; editors stumble.
type lineEnds struct {
	crlf, lf, mixed, coded bool
}

func (r *reading) lineEnd(at Pos, line []byte, seen *lineEnds) {
	crlf := bytes.HasSuffix(line, []byte("\r"))
	seen.crlf, seen.lf = seen.crlf || crlf, seen.lf || !crlf
	if seen.crlf && seen.lf && !seen.mixed {
		seen.mixed = true
		r.diag(Note, at, "mixed-line-ends", "some lines of the file end in CR LF and some in LF", "save it with one kind of line end")
	}
}

func (r *reading) statement(at Pos, s string) error {
	switch s[0] {
	case '[':
		return r.header(at, s)
	case '#':
		return r.directive(at, s)
	case '\\': // lets a setting's name begin with [ or #
		s = s[1:]
	}
	return r.setting(at, s)
}

func (r *reading) setting(at Pos, s string) error {
	if r.current == nil {
		return r.fail(at, "no-section", fmt.Sprintf("%q stands before any [section]; the file cannot be used", clip(s)), "put a [section] line above it")
	}
	name, value, found := strings.Cut(s, "=")
	if !found {
		r.warn(at, "no-equals", fmt.Sprintf("no '=' in %q; the line is ignored", clip(s)), "write name=value, or put ; before a remark")
		return nil
	}
	appending := strings.HasSuffix(name, "+")
	if appending {
		name = name[:len(name)-1]
	}
	name = trimText(name)
	if name == "" {
		r.warn(at, "no-name", fmt.Sprintf("nothing stands before '=' in %q; the line is ignored", clip(s)), "write name=value")
		return nil
	}
	if r.carried && r.current != r.latest {
		r.warn(at, "include-carry", fmt.Sprintf("settings at the start of %s belong to [%s], which includes it; Asterisk puts them into [%s], the section begun last", at.File, r.current.Name, r.latest.Name),
			"begin the file with a [section] line")
		r.carried = false
	}
	e := Entry{Pos: at, Name: name}
	if rest, ok := strings.CutPrefix(value, ">"); ok && !appending {
		e.Arrow, value = true, rest
	}
	if appending {
		if r.appendTo(name, strings.TrimRightFunc(value, isSpace)) {
			return nil
		}
	}
	e.Value = trimText(value)
	return r.add(at, r.current, e)
}

// appendTo adds text to the last setting of that exact name in this section.
func (r *reading) appendTo(name, text string) bool {
	entries := r.current.Entries
	for i := len(entries) - 1; i >= 0; i-- {
		if entries[i].Name == name {
			entries[i].Value += text
			return true
		}
	}
	return false
}

func (r *reading) add(at Pos, s *section, entries ...Entry) error {
	r.entries += len(entries)
	if r.entries > maxEntries {
		return r.fail(at, "too-many-settings", "more than 500000 settings, inherited ones included; nothing of it is used", "look for templates that copy each other")
	}
	s.Entries = append(s.Entries, entries...)
	return nil
}

func isSpace(r rune) bool { return r <= ' ' }

func trimText(s string) string { return strings.TrimFunc(s, isSpace) }

// clip shortens text for a message.
func clip(s string) string {
	if len(s) > 40 {
		return s[:40] + "..."
	}
	return s
}
