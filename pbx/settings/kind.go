package settings

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// A kind is a sort of value: how it is read, and how `pjsip show` words it.
type kind struct {
	want string // allowed values, for messages
	unit time.Duration
	read func(text string) (v any, shown string, err error)
}

// A doubt is a value that Asterisk accepts in silence although it cannot mean
// what was written. The value is used; the user gets a warning.
type doubt string

func (d doubt) Error() string { return string(d) }

// Asterisk words some booleans differently; scripts compare the words.
var (
	truth  = flag("true", "false")
	yesNo  = flag("yes", "no")
	tlsYes = flag("Yes", "No")
)

func flag(on, off string) kind {
	return kind{want: "yes or no", read: func(text string) (any, string, error) {
		switch strings.ToLower(text) {
		case "yes", "true", "y", "t", "1", "on":
			return true, on, nil
		case "no", "false", "n", "f", "0", "off", "":
			return false, off, nil
		}
		return false, off, doubt("neither yes nor no; taken as no, as Asterisk does")
	}}
}

// text is any string.
var text = kind{want: "text", read: func(s string) (any, string, error) { return s, s, nil }}

// list is a comma list; it is printed without the spaces.
var list = kind{want: "a comma list", read: func(s string) (any, string, error) {
	items := commaList(s)
	return items, strings.Join(items, ","), nil
}}

// spacedList is a comma list that is printed with a space after each comma.
var spacedList = kind{want: "a comma list", read: func(s string) (any, string, error) {
	items := commaList(s)
	return items, strings.Join(items, ", "), nil
}}

// verbatimList is a comma list that is printed as it was written.
var verbatimList = kind{want: "a comma list", read: func(s string) (any, string, error) {
	return commaList(s), s, nil
}}

func commaList(s string) []string {
	var out []string
	for item := range strings.SplitSeq(s, ",") {
		if item = strings.TrimSpace(item); item != "" {
			out = append(out, item)
		}
	}
	return out
}

var errNotNumber = errors.New("not a whole number")

// count is a whole number from low to high.
func count(low, high int64) kind {
	return kind{
		want: fmt.Sprintf("a whole number from %d to %d", low, high),
		unit: time.Second,
		read: func(s string) (any, string, error) {
			n, err := strconv.ParseInt(s, 10, 64)
			if err != nil {
				return nil, "", errNotNumber
			}
			if n < low || n > high {
				return nil, "", errors.New("out of range")
			}
			return n, strconv.FormatInt(n, 10), nil
		}}
}

// milliseconds is count in another unit.
func milliseconds(low, high int64) kind {
	k := count(low, high)
	k.unit = time.Millisecond
	return k
}

var anyCount = count(0, math.MaxInt32)

// decimalSeconds is a time that Asterisk prints as a C double.
var decimalSeconds = kind{
	want: "seconds, 0 or more",
	unit: time.Second,
	read: func(s string) (any, string, error) {
		f, err := strconv.ParseFloat(s, 64)
		if err != nil || math.IsNaN(f) || f < 0 || f > 86400 {
			return nil, "", errors.New("not a time")
		}
		return f, strconv.FormatFloat(f, 'f', 6, 64), nil
	}}

// choice is one of some words, whatever their case. "a|b|c" are spellings of
// the same choice, of which a is printed.
func choice(words ...string) kind {
	var all []string
	for _, w := range words {
		all = append(all, strings.Split(w, "|")...)
	}
	return kind{want: "one of " + strings.Join(all, ", "), read: func(s string) (any, string, error) {
		for _, w := range words {
			spellings := strings.Split(w, "|")
			for _, sp := range spellings {
				if strings.EqualFold(sp, s) {
					return spellings[0], spellings[0], nil
				}
			}
		}
		return nil, "", errors.New("not a known word")
	}}
}

// wordList is a comma list of some words.
func wordList(words ...string) kind {
	one := choice(words...)
	return kind{want: "a list of " + strings.TrimPrefix(one.want, "one of "), read: func(s string) (any, string, error) {
		var out []string
		for _, item := range commaList(s) {
			_, w, err := one.read(item)
			if err != nil {
				return nil, "", fmt.Errorf("%q is not a known word", item)
			}
			out = append(out, w)
		}
		return out, strings.Join(out, ","), nil
	}}
}

// groups is a list of numbers 0 to 63 and ranges of them; bit n stands for n.
var groups = kind{want: "group numbers from 0 to 63", read: func(s string) (any, string, error) {
	var set uint64
	var words []string
	var bad error
	for _, item := range commaList(s) {
		first, last, ranged := strings.Cut(item, "-")
		a, err := strconv.Atoi(strings.TrimSpace(first))
		b := a
		if err == nil && ranged {
			b, err = strconv.Atoi(strings.TrimSpace(last))
		}
		if err != nil || a < 0 || b > 63 || a > b {
			bad = doubt(fmt.Sprintf("%q is not a group from 0 to 63 and is left out", item))
			continue
		}
		for g := a; g <= b; g++ {
			set |= 1 << g
		}
	}
	for g := range 64 {
		if set&(1<<g) != 0 {
			words = append(words, strconv.Itoa(g))
		}
	}
	return set, strings.Join(words, ", "), bad
}}

// tos is the type-of-service octet, by name (RFC 2474, 2597, 3246) or number.
var tos = kind{want: "a number from 0 to 255 or one of cs0-cs7, af11-af43, ef", read: func(s string) (any, string, error) {
	n, ok := tosNamed(strings.ToLower(s))
	if !ok {
		v, err := strconv.ParseInt(s, 0, 64)
		if err != nil || v < 0 || v > 255 {
			return nil, "", errors.New("not a type of service")
		}
		n = v
	}
	return n, strconv.FormatInt(n, 10), nil
}}

func tosNamed(s string) (int64, bool) {
	switch {
	case s == "ef":
		return 46 << 2, true
	case len(s) == 3 && s[:2] == "cs" && s[2] >= '0' && s[2] <= '7':
		return int64(s[2]-'0') << 5, true
	case len(s) == 4 && s[:2] == "af" && s[2] >= '1' && s[2] <= '4' && s[3] >= '1' && s[3] <= '3':
		return int64(s[2]-'0')<<5 | int64(s[3]-'0')<<3, true
	}
	return 0, false
}

// sipURI is a URI that requests are sent to.
var sipURI = kind{want: "a URI that begins with sip: or sips:", read: func(s string) (any, string, error) {
	if s != "" && !isSIP(s) {
		return s, s, doubt("does not begin with sip: or sips:, so nothing can be sent there")
	}
	return s, s, nil
}}

func isSIP(s string) bool {
	scheme, rest, ok := strings.Cut(s, ":")
	return ok && rest != "" && (strings.EqualFold(scheme, "sip") || strings.EqualFold(scheme, "sips"))
}

// A lack is an object that is right and that this product cannot serve yet: it
// is left out with a warning, where a wrong one would refuse the whole file.
type lack string

func (l lack) Error() string { return string(l) }
