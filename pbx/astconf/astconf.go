// Package astconf reads Asterisk's configuration dialect: sections, templates,
// appends, includes and comments. It keeps file and line of every entry and
// reports what is wrong as diagnostics instead of failing at the first.
package astconf

import (
	"fmt"
)

// Severity of a diagnostic.
type Severity uint8

const (
	Note    Severity = iota // works, could be better
	Warning                 // works, but not as meant
	Error                   // the file, or an object in it, cannot be used
)

func (s Severity) String() string { return [...]string{"note", "warning", "error"}[s] }

// MarshalText writes the word, for JSON.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Pos is a place in a configuration file. Line and Col, in bytes, count from 1; 0
// means unknown.
type Pos struct {
	File      string
	Line, Col int
}

func (p Pos) String() string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d", p.File, p.Line)
}

// A Diag is one finding about a configuration: where, what, what happens
// because of it, and the cure.
type Diag struct {
	Pos
	Severity Severity
	Rule     string // short stable id: "no-inbound-auth"
	Message  string // what is wrong, and what happens because of it unless Effect says so
	Effect   string // what happens because of it, in the user's words; may be empty
	Cure     string // what to write instead; may be empty
	Near     string // the text in the line that is meant, "" for all of it
	Fix      *Fix   // the cure as a change of files; nil if it needs thought
}

// A Fix changes files so that a finding is gone.
type Fix struct {
	// Safe says that the fix makes the file say what it was plainly meant to
	// say; others change who can call whom, or choose for the user.
	Safe  bool
	Edits []Edit
}

// An Edit replaces the first Old in a line's statement by New. With an empty
// Old, New (one or more lines) comes after the line as it stands.
type Edit struct {
	File     string
	Line     int // from 1
	Old, New string
}

// Replace makes the fix of d a change of words in its line.
func (d *Diag) Replace(was, is string, safe bool) {
	if d.Near == "" {
		d.Near = was
	}
	d.Fix = &Fix{Safe: safe, Edits: []Edit{{File: d.File, Line: d.Line, Old: was, New: is}}}
}

// Insert makes the fix of d lines that are added after a line. It always needs
// the user's consent: what is added was not written.
func (d *Diag) Insert(after Pos, lines string) {
	d.Fix = &Fix{Edits: []Edit{{File: after.File, Line: after.Line, New: lines}}}
}

func (d Diag) String() string {
	s := d.Pos.String() + ": " + d.Severity.String() + ": " + d.Message
	if d.Effect != "" {
		s += ": " + d.Effect
	}
	if d.Cure != "" {
		s += " (" + d.Cure + ")"
	}
	return s
}

// Failed reports whether any of the diagnostics is an Error.
func Failed(ds []Diag) bool {
	for _, d := range ds {
		if d.Severity == Error {
			return true
		}
	}
	return false
}

// A File is a configuration file with its includes read in and its templates
// applied.
type File struct {
	Name     string
	Sections []*Section // in reading order, templates left out
	// Unused are the templates that no section inherits from.
	Unused []*Section
	Valid  bool     // false: consumers must treat the load as failed
	Parts  []string // every file that was read, Name first
}

// Section finds the first section of that name, compared exactly; nil if there is none.
func (f *File) Section(name string) *Section {
	for _, s := range f.Sections {
		if s.Name == name {
			return s
		}
	}
	return nil
}

// All gives the sections of that name, compared exactly, in reading order.
func (f *File) All(name string) []*Section {
	var all []*Section
	for _, s := range f.Sections {
		if s.Name == name {
			all = append(all, s)
		}
	}
	return all
}

// A Section is one [name] with its entries, inherited ones first.
type Section struct {
	Pos
	Name    string
	Entries []Entry
}

// An Entry is one `name = value` line.
type Entry struct {
	Pos
	Name, Value string
	Arrow       bool // written =>
}
