// Package dest reads what the dialplan writes behind DAHDI/ and the other names of
// telephone lines.
package dest

import (
	"fmt"
	"strconv"
	"strings"
)

// A Target is what follows DAHDI/ in Dial, read.
type Target struct {
	Group  bool
	Number int    // of the group
	Last   bool   // G, R: from the highest line down
	Turns  bool   // r, R: go on after the line taken last
	Line   string // or the line's name
	Ring   int    // distinctive ringing, 0: the usual
	// Confirm: who answers must press # before the call counts as answered.
	Confirm bool
	Digits  string // to be dialled over it
}

// Parse reads `3`, `3/5551234`, `g1/5551234`, `2r3` and the like. Names of DAHDI lines
// are numbers; those of others may be anything.
func Parse(dest string, numbered bool) (t Target, err error) {
	var who string
	who, t.Digits, _ = strings.Cut(dest, "/")
	t.Digits, _, _ = strings.Cut(t.Digits, "/")
	if who == "" {
		return t, fmt.Errorf("%q names no line", dest)
	}
	if n, rest, ok := leading(who[1:]); strings.IndexByte("gGrR", who[0]) >= 0 && ok && (numbered || rest == "") {
		t.Group, t.Number = true, n
		t.Last, t.Turns = who[0] == 'G' || who[0] == 'R', who[0] == 'r' || who[0] == 'R'
		return t, t.options(rest)
	}
	if n, rest, ok := leading(who); numbered && ok {
		t.Line = strconv.Itoa(n)
		return t, t.options(rest)
	}
	t.Line = who
	return t, nil
}

// leading cuts the number s begins with.
func leading(s string) (n int, rest string, ok bool) {
	i := 0
	for i < len(s) && s[i] >= '0' && s[i] <= '9' {
		i++
	}
	n, err := strconv.Atoi(s[:i])
	return n, s[i:], err == nil
}

// options reads what may follow the line: c, and r with a number.
func (t *Target) options(s string) error {
	for whole := s; s != ""; {
		if s[0] == 'c' {
			t.Confirm, s = true, s[1:]
			continue
		}
		n, rest, ok := leading(s[1:])
		if s[0] != 'r' || !ok || n < 1 {
			return fmt.Errorf("%q after the line: only c (answer confirmed with #) and r1, r2 ... (distinctive ringing) are supported", whole)
		}
		t.Ring, s = n, rest
	}
	return nil
}
