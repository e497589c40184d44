// Package substitution is what the dialplan does to texts with ${...} and $[...]
// in them: it takes them apart once, and fills them in for each call.
package substitution

import (
	"strings"

	"branchline/pbx/dialplan/argument"
)

// A Text is what stands in a step, cut once into fixed parts, variables and
// expressions, so that a running call only has to fill them in.
type Text struct {
	source string
	parts  []part // nil: source is all there is
}

type partKind uint8

const (
	fixed      partKind = iota
	variable            // ${...}
	expression          // $[...]
)

// part is a piece of a Text.
type part struct {
	kind  partKind
	fixed string
	inner *Text     // what is between the brackets
	ref   Reference // variable whose inner text is fixed: already taken apart
}

// A Reference is the inside of ${...} after nested substitution: a name, or a
// function with its arguments, and a substring.
type Reference struct {
	Name           string // a variable, or a function's name
	Args           string // of a function, as written
	Function       bool
	cut            bool // :offset or :offset:length follows
	offset, length int
	hasLength      bool
}

// maxTextNesting bounds ${${${...}}}.
const maxTextNesting = 64

// Parse takes text apart. It never fails: what is not closed is cut off,
// as in Asterisk, and problem says so.
func Parse(source string) (t *Text, problem string) {
	t = &Text{source: source}
	problem = t.parse(0)
	return t, problem
}

// String gives the text as it was written.
func (t *Text) String() string { return t.source }

// Fixed reports whether the text holds nothing to substitute.
func (t *Text) Fixed() bool { return t.parts == nil }

func (t *Text) parse(depth int) (problem string) {
	s := t.source
	if strings.IndexByte(s, '$') < 0 {
		return ""
	}
	from := 0
	for i := 0; i+1 < len(s); {
		var kind partKind
		switch {
		case s[i] == '$' && s[i+1] == '{':
			kind = variable
		case s[i] == '$' && s[i+1] == '[':
			kind = expression
		default:
			i++
			continue
		}
		if i > from {
			t.parts = append(t.parts, part{fixed: s[from:i]})
		}
		length := matching(s[i+1:])
		if length < 0 {
			problem = "missing } in " + argument.Clip(s[i:])
			if kind == expression {
				problem = "missing ] in " + argument.Clip(s[i:])
			}
			length = len(s) - i - 1
		}
		inner := &Text{source: s[i+2 : i+1+length]}
		p := part{kind: kind, inner: inner}
		if depth >= maxTextNesting {
			return "variables are nested deeper than 64 levels"
		}
		if inside := inner.parse(depth + 1); inside != "" && problem == "" {
			problem = inside
		}
		if kind == variable && inner.Fixed() {
			p.ref = ParseReference(inner.source)
		}
		t.parts = append(t.parts, p)
		i = min(i+1+length+1, len(s))
		from = i
	}
	if t.parts != nil && from < len(s) {
		t.parts = append(t.parts, part{fixed: s[from:]})
	}
	return problem
}

// matching gives the index of the bracket that closes the one at s[0], or -1.
// Only brackets of the same kind count.
func matching(s string) int {
	open, shut := s[0], byte('}')
	if open == '[' {
		shut = ']'
	}
	depth := 0
	for i := range len(s) {
		switch s[i] {
		case open:
			depth++
		case shut:
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return -1
}

// ParseReference takes apart NAME, NAME:offset:length and FUNC(args):offset:length.
func ParseReference(s string) Reference {
	var r Reference
	depth, open := 0, -1
	end := len(s)
scan:
	for i := range len(s) {
		switch s[i] {
		case '(':
			if depth++; open < 0 {
				open = i
			}
		case ')':
			depth--
		case ':':
			if depth <= 0 {
				end = i
				break scan
			}
		}
	}
	r.Name = s[:end]
	if end < len(s) {
		offset, length, _ := strings.Cut(s[end+1:], ":")
		if r.offset, r.cut = leadingInt(offset); r.cut {
			r.length, r.hasLength = leadingInt(length)
		}
	}
	if open >= 0 && open < end {
		r.Function = true
		r.Args = r.Name[open+1:]
		r.Name = r.Name[:open]
		if last := strings.LastIndexByte(r.Args, ')'); last >= 0 {
			r.Args = r.Args[:last] // text after the parenthesis has no meaning
		}
	}
	return r
}

// leadingInt reads the number a text begins with, as C's scanf does, kept
// within 30 bits. ok is false if there is none.
func leadingInt(s string) (n int, ok bool) {
	s = strings.TrimLeft(s, " \t")
	negative := strings.HasPrefix(s, "-")
	if negative || strings.HasPrefix(s, "+") {
		s = s[1:]
	}
	for i := 0; i < len(s) && s[i] >= '0' && s[i] <= '9'; i++ {
		ok = true
		if n = n*10 + int(s[i]-'0'); n >= 1<<26 {
			n = 1 << 26
		}
	}
	if negative {
		n = -n
	}
	return n, ok
}

// Substring applies :offset:length to a value.
func (r Reference) Substring(v string) string {
	if !r.cut {
		return v
	}
	from := r.offset
	if from < 0 {
		from = max(len(v)+from, 0)
	}
	if from >= len(v) {
		return ""
	}
	v = v[from:]
	switch {
	case !r.hasLength:
		return v
	case r.length < 0:
		return v[:max(len(v)+r.length, 0)]
	}
	return v[:min(r.length, len(v))]
}
