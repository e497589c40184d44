package dialplan

import (
	"math/bits"
	"strings"
)

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

// undash removes what the dialplan does not see in numbers and names: dashes
// and spaces. Inside the brackets of a pattern a dash makes a range.
func undash(s string) string {
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

// parsePattern reads what follows the underscore. ok is false for a set that
// is never closed: such a pattern matches nothing.
func parsePattern(s string) (elements []element, ok bool) {
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
			elements = append(elements, e)
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
			elements = append(elements, e)
		}
	}
	return elements, true
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

// matchKind says what a text must have to do with a pattern.
type matchKind uint8

const (
	matchAll  matchKind = iota // the pattern matches the text
	matchCan                   // it does, or would with more digits
	matchMore                  // it would with more digits
)

// verdict of a comparison.
type verdict uint8

const (
	no verdict = iota
	yes
	final // an early match with '!': nothing longer is waited for
)

// matches compares one pattern, given as its elements, with a number.
func matches(elements []element, number string, kind matchKind) verdict {
	for _, e := range elements {
		switch e.end {
		case some:
			if number == "" && kind == matchAll {
				return no
			}
			return yes
		case any0:
			if kind == matchMore {
				return final
			}
			return yes
		}
		if number == "" {
			if kind == matchAll {
				return no
			}
			return yes
		}
		if !e.has(number[0]) {
			return no
		}
		number = number[1:]
	}
	if number != "" || kind == matchMore {
		return no
	}
	return yes
}
