package lineedit

import (
	"unicode"
	"unicode/utf8"
)

// A Key is a rune as typed, or one of the negative values below.
type Key rune

const (
	keyUp Key = -1 - iota
	keyDown
	keyLeft
	keyRight
	keyWordLeft
	keyWordRight
	keyHome
	keyEnd
	keyDelete
	keyKillWord // Alt-D
	keyUnknown
)

// Control characters as a terminal in raw mode sends them.
const (
	ctrlA     Key = 1
	ctrlB     Key = 2
	CtrlC     Key = 3
	ctrlD     Key = 4
	ctrlE     Key = 5
	ctrlF     Key = 6
	ctrlH     Key = 8
	tab       Key = 9
	newline   Key = 10
	ctrlK     Key = 11
	ctrlL     Key = 12
	enter     Key = 13
	ctrlN     Key = 14
	ctrlP     Key = 16
	ctrlT     Key = 20
	ctrlU     Key = 21
	ctrlW     Key = 23
	ctrlY     Key = 25
	escape    Key = 27
	backspace Key = 127
)

// DecodeKeys takes the keys out of what a terminal sent; rest is the beginning
// of a sequence that has not come whole yet.
func DecodeKeys(in []byte) (keys []Key, rest []byte) {
	for len(in) > 0 {
		k, n := decodeKey(in)
		if n == 0 {
			return keys, in
		}
		if k != keyUnknown {
			keys = append(keys, k)
		}
		in = in[n:]
	}
	return keys, nil
}

// decodeKey gives the first key and its length in bytes, 0 if more are needed.
func decodeKey(in []byte) (Key, int) {
	if Key(in[0]) != escape {
		if !utf8.FullRune(in) {
			return 0, 0
		}
		r, n := utf8.DecodeRune(in)
		if r == utf8.RuneError && n == 1 {
			return keyUnknown, 1
		}
		return Key(r), n
	}
	if len(in) < 2 {
		return 0, 0
	}
	switch in[1] {
	case '[':
		return decodeCSI(in)
	case 'O': // the arrows of a keypad in application mode
		if len(in) < 3 {
			return 0, 0
		}
		return finalKey(in[2], nil), 3
	case 'b':
		return keyWordLeft, 2
	case 'f':
		return keyWordRight, 2
	case 'd':
		return keyKillWord, 2
	case byte(backspace), byte(ctrlH):
		return ctrlW, 2
	case byte(escape):
		return keyUnknown, 1
	}
	return keyUnknown, 2
}

// decodeCSI reads ESC [ parameters final (ECMA-48 section 5.4).
func decodeCSI(in []byte) (Key, int) {
	for i := 2; i < len(in); i++ {
		switch c := in[i]; {
		case c >= 0x40 && c <= 0x7e:
			return finalKey(c, in[2:i]), i + 1
		case c < 0x20 || c > 0x7e || i > 16:
			return keyUnknown, i
		}
	}
	return 0, 0
}

func finalKey(final byte, params []byte) Key {
	modified := len(params) > 2 && params[1] == ';' // 1;5C: with Ctrl
	switch final {
	case 'A':
		return keyUp
	case 'B':
		return keyDown
	case 'C':
		if modified {
			return keyWordRight
		}
		return keyRight
	case 'D':
		if modified {
			return keyWordLeft
		}
		return keyLeft
	case 'H':
		return keyHome
	case 'F':
		return keyEnd
	case '~':
		switch string(params) {
		case "1", "7":
			return keyHome
		case "3":
			return keyDelete
		case "4", "8":
			return keyEnd
		}
	}
	return keyUnknown
}

// cells is how many columns a rune takes on a terminal: the wide ones of East
// Asian scripts take two (Unicode Standard Annex 11, the blocks that matter).
func cells(r rune) int {
	switch {
	case unicode.Is(unicode.Mn, r):
		return 0
	case r >= 0x1100 && r <= 0x115f, r >= 0x2e80 && r <= 0xa4cf, r >= 0xac00 && r <= 0xd7a3,
		r >= 0xf900 && r <= 0xfaff, r >= 0xfe30 && r <= 0xfe6f, r >= 0xff00 && r <= 0xff60,
		r >= 0xffe0 && r <= 0xffe6, r >= 0x1f300 && r <= 0x1faff, r >= 0x20000 && r <= 0x3fffd:
		return 2
	}
	return 1
}

func width(rs []rune) (n int) {
	for _, r := range rs {
		n += cells(r)
	}
	return n
}
