// Package pattern matches dialled numbers with what extensions.conf writes after
// an underscore: one pattern, or a tree of all patterns of a context.
package pattern

import (
	"math/bits"
	"strings"
)

// A Pattern is one pattern, taken apart. An empty one matches nothing that is
// dialled.
type Pattern []element

// An element is one place of a pattern: a set of bytes, or one of the two
// endings.
type element struct {
	set   [4]uint64
	count int  // members of set
	low   byte // the smallest of them
	end   ending
}

type ending uint8

const (
	single ending = iota // exactly one byte of set
	some                 // '.': one or more of anything
	any0                 // '!': zero or more of anything, decided at once
)

func (e *element) add(b byte) { e.set[b>>6] |= 1 << (b & 63) }

func (e *element) has(b byte) bool { return e.set[b>>6]&(1<<(b&63)) != 0 }

func (e *element) count8() {
	e.count = 0
	for i, w := range e.set {
		if e.count == 0 && w != 0 {
			e.low = byte(i*64 + bits.TrailingZeros64(w))
		}
		e.count += bits.OnesCount64(w)
	}
}

// before orders elements as Asterisk searches them: fewest choices first, then
// the lower characters, then '.', then '!'.
func (e *element) before(o *element) int {
	if e.end != o.end {
		return int(e.end) - int(o.end)
	}
	if e.count != o.count {
		return e.count - o.count
	}
	if e.low != o.low {
		return int(e.low) - int(o.low)
	}
	// Equal weight, different members: the set holding the first character
	// that the other lacks.
	for i := range e.set {
		if d := e.set[i] ^ o.set[i]; d != 0 {
			if e.set[i]&(d&-d) != 0 {
				return -1
			}
			return 1
		}
	}
	return 0
}

// Undash removes what the dialplan does not see in numbers and names: dashes
// and spaces. Inside the brackets of a pattern a dash makes a range.
func Undash(s string) string {
	if !strings.ContainsAny(s, "- ") {
		return s
	}
	var b strings.Builder
	depth := false
	for i := range len(s) {
		switch c := s[i]; {
		case c == '[' && s[0] == '_':
			depth = true
		case c == ']':
			depth = false
		case c == ' ' || c == '-' && !depth:
			continue
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// Parse reads what follows the underscore. ok is false for a set that is never
// closed: such a pattern matches nothing.
func Parse(s string) (p Pattern, ok bool) {
	for i := 0; i < len(s); i++ {
		var e element
		switch c := s[i]; c {
		case 'X', 'x':
			e.span('0', '9')
		case 'Z', 'z':
			e.span('1', '9')
		case 'N', 'n':
			e.span('2', '9')
		case '.', '!':
			// What follows has no meaning, but makes another pattern of it.
			e.end = some
			if c == '!' {
				e.end = any0
			}
			p = append(p, e)
			continue
		case '[':
			length := e.members(s[i+1:])
			if length < 0 {
				return nil, false
			}
			i += length + 1
		case '-', ' ':
			continue
		default:
			e.add(c)
		}
		e.count8()
		if e.count > 0 { // an empty set is ignored
			p = append(p, e)
		}
	}
	return p, true
}

func (e *element) span(from, to byte) {
	for c := int(from); c <= int(to); c++ {
		e.add(byte(c))
	}
}

// members reads the inside of brackets up to the closing one, and gives the
// number of bytes before it, or -1 if there is none. In `[1-]` the bracket is
// the end of a range, so that set is never closed.
func (e *element) members(s string) int {
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == ']':
			return i
		case i+2 < len(s) && s[i+1] == '-':
			e.span(s[i], s[i+2])
			i += 2
		default:
			e.add(s[i])
		}
	}
	return -1
}

// A Kind says what a number must have to do with a pattern.
type Kind uint8

const (
	All  Kind = iota // the pattern matches the number
	Can              // it does, or would with more digits
	More             // it would with more digits
)

// A Verdict is the result of a comparison.
type Verdict uint8

const (
	No Verdict = iota
	Yes
	Final // an early match with '!': nothing longer is waited for
)

// Match compares a number, without its dashes, with the pattern.
func (p Pattern) Match(number string, kind Kind) Verdict {
	for _, e := range p {
		switch e.end {
		case some:
			if number == "" && kind == All {
				return No
			}
			return Yes
		case any0:
			if kind == More {
				return Final
			}
			return Yes
		}
		if number == "" {
			if kind == All {
				return No
			}
			return Yes
		}
		if !e.has(number[0]) {
			return No
		}
		number = number[1:]
	}
	if number != "" || kind == More {
		return No
	}
	return Yes
}

// Matches reports whether the pattern matches a number, without its dashes.
func (p Pattern) Matches(number string) bool { return p.Match(number, All) == Yes }

// Number gives a number that the pattern matches; "" if there is none.
func (p Pattern) Number() string {
	var b strings.Builder
	for i := range p {
		switch e := &p[i]; e.end {
		case single:
			b.WriteByte(e.low)
		case some:
			b.WriteByte('0')
			return b.String()
		default:
			return b.String()
		}
	}
	return b.String()
}

// Covers reports whether p matches every number that q matches.
func (p Pattern) Covers(q Pattern) bool {
	for i := range p {
		switch {
		case p[i].end == any0:
			return true
		case i >= len(q):
			return false
		case p[i].end == some:
			return q[i].end != any0
		case q[i].end != single:
			return false
		}
		for k, bits := range q[i].set {
			if bits&^p[i].set[k] != 0 {
				return false
			}
		}
	}
	return len(p) == len(q) && len(p) > 0
}
