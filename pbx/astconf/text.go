package astconf

import "strings"

// A Text is what stands in the files of a configuration, line by line; each
// file is read once.
type Text struct {
	source func(file string) ([]byte, error)
	files  map[string][]string
}

// NewText reads through source, which gives the bytes of a file named as in
// positions. If it is nil, every file is empty.
func NewText(source func(file string) ([]byte, error)) Text {
	return Text{source, map[string][]string{}}
}

// Lines are those of a file, without their ends; none if it cannot be read.
func (t Text) Lines(file string) []string {
	if t.source == nil {
		return nil
	}
	lines, ok := t.files[file]
	if !ok {
		if data, err := t.source(file); err == nil {
			lines = strings.Split(strings.ReplaceAll(string(data), "\r\n", "\n"), "\n")
		}
		t.files[file] = lines
	}
	return lines
}

// Line gives a line, counted from 1, as it stands in the file; false if it
// cannot be read.
func (t Text) Line(file string, n int) (string, bool) {
	lines := t.Lines(file)
	if n < 1 || n > len(lines) {
		return "", false
	}
	return lines[n-1], true
}
