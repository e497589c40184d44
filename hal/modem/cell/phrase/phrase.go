// Package phrase reads what cellular modules say: fields, names, numbers and reasons,
// which every maker words in his own way.
package phrase

import (
	"strconv"
	"strings"
	"unicode/utf16"
)

// Number is field i as a number, -1 if there is none.
func Number(fields []string, i int) int {
	if i >= len(fields) {
		return -1
	}
	n, err := strconv.Atoi(fields[i])
	if err != nil {
		return -1
	}
	return n
}

// Text reads what may be UCS-2 in hexadecimal digits, four to the character.
func Text(s string) string {
	if len(s) == 0 || len(s)%4 != 0 {
		return s
	}
	var units []uint16
	for i := 0; i < len(s); i += 4 {
		u, err := strconv.ParseUint(s[i:i+4], 16, 16)
		if err != nil || u < ' ' {
			return s
		}
		units = append(units, uint16(u))
	}
	return string(utf16.Decode(units))
}

// Caller is a number that may be UCS-2 in hexadecimal digits, which a number of 4n
// digits looks like too: only digits make a number.
func Caller(s string) string {
	if t := Text(s); t != s && strings.Trim(t, "+0123456789*#") == "" {
		return t
	}
	return s
}

// International puts '+' before a number whose type says so.
func International(number string, kind int) string {
	if kind == 145 && number != "" && number[0] != '+' {
		return "+" + number
	}
	return number
}

// Cause reads the answer to AT+CEER, which every maker words in his own way: a
// Number of Q.850 at its end, or a phrase.
func Cause(report string) int {
	if report == "" {
		return 0
	}
	f := strings.FieldsFunc(report, func(r rune) bool { return r == ',' || r == ' ' || r == ':' })
	if len(f) > 1 {
		if n, err := strconv.Atoi(f[len(f)-1]); err == nil && n > 0 && n < 128 {
			return n
		}
	}
	low := strings.ToLower(report)
	for _, p := range []struct {
		phrase string
		cause  int
	}{{"user busy", 17}, {"no user responding", 18}, {"no answer", 19}, {"rejected", 21}, {"unassigned", 1}, {"unallocated", 1}, {"no route", 3},
		{"out of order", 27}, {"invalid number", 28}, {"no circuit", 34}, {"congestion", 42}, {"temporary failure", 41}, {"no service", 38},
		{"normal call clearing", 16}, {"client ended", 16}, {"peer ended", 16}} {
		if strings.Contains(low, p.phrase) {
			return p.cause
		}
	}
	return 0
}

// Value is the longest useful line of an answer without its name and quotes: ATI
// gives the maker, the model and the revision in lines of their own.
func Value(lines []string) string {
	var all []string
	for _, line := range lines {
		if strings.HasPrefix(line, "+") {
			if _, rest, ok := strings.Cut(line, ":"); ok {
				line = rest
			}
		}
		if line = strings.Trim(line, " \""); line != "" {
			all = append(all, line)
		}
	}
	return strings.Join(all, " ")
}

// Access names a radio technology (3GPP TS 27.007, 7.3), "" if it is unknown.
func Access(act int) string {
	switch act {
	case 0, 1, 3, 8:
		return "GSM"
	case 2, 4, 5, 6:
		return "UMTS"
	case 7, 9:
		return "LTE"
	}
	return ""
}
