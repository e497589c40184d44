package option

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// A Kind is a sort of value: how it is read, and how `pjsip show` words it.
type Kind struct {
	Want string // allowed values, for messages
	Unit time.Duration
	Read func(text string) (v any, shown string, err error)
}

// A Doubt is a value that Asterisk accepts in silence although it cannot mean
// what was written. The value is used; the user gets a warning.
type Doubt string

func (d Doubt) Error() string { return string(d) }

// Asterisk words some booleans differently; scripts compare the words.
var (
	Truth  = flag("true", "false")
	YesNo  = flag("yes", "no")
	TLSYes = flag("Yes", "No")
)

func flag(on, off string) Kind {
	return Kind{Want: "yes or no", Read: func(text string) (any, string, error) {
		switch strings.ToLower(text) {
		case "yes", "true", "y", "t", "1", "on":
			return true, on, nil
		case "no", "false", "n", "f", "0", "off", "":
			return false, off, nil
		}
		return false, off, Doubt("neither yes nor no; taken as no, as Asterisk does")
	}}
}

// Text is any string.
var Text = Kind{Want: "text", Read: func(s string) (any, string, error) { return s, s, nil }}

// List is a comma list; it is printed without the spaces.
var List = Kind{Want: "a comma list", Read: func(s string) (any, string, error) {
	items := CommaList(s)
	return items, strings.Join(items, ","), nil
}}

// SpacedList is a comma list that is printed with a space after each comma.
var SpacedList = Kind{Want: "a comma list", Read: func(s string) (any, string, error) {
	items := CommaList(s)
	return items, strings.Join(items, ", "), nil
}}

// VerbatimList is a comma list that is printed as it was written.
var VerbatimList = Kind{Want: "a comma list", Read: func(s string) (any, string, error) {
	return CommaList(s), s, nil
}}

// CommaList splits at commas, without spaces and empty items.
func CommaList(s string) []string {
	var out []string
	for item := range strings.SplitSeq(s, ",") {
		if item = strings.TrimSpace(item); item != "" {
			out = append(out, item)
		}
	}
	return out
}

var errNotNumber = errors.New("not a whole number")

// Count is a whole number from low to high.
func Count(low, high int64) Kind {
	return Kind{
		Want: fmt.Sprintf("a whole number from %d to %d", low, high),
		Unit: time.Second,
		Read: func(s string) (any, string, error) {
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

// Milliseconds is Count in another unit.
func Milliseconds(low, high int64) Kind {
	k := Count(low, high)
	k.Unit = time.Millisecond
	return k
}

// AnyCount is a whole number.
var AnyCount = Count(0, math.MaxInt32)

// DecimalSeconds is a time that Asterisk prints as a C double.
var DecimalSeconds = Kind{
	Want: "seconds, 0 or more",
	Unit: time.Second,
	Read: func(s string) (any, string, error) {
		f, err := strconv.ParseFloat(s, 64)
		if err != nil || math.IsNaN(f) || f < 0 || f > 86400 {
			return nil, "", errors.New("not a time")
		}
		return f, strconv.FormatFloat(f, 'f', 6, 64), nil
	}}

// Choice is one of some words, whatever their case. "a|b|c" are spellings of
// the same choice, of which a is printed.
func Choice(words ...string) Kind {
	var all []string
	for _, w := range words {
		all = append(all, strings.Split(w, "|")...)
	}
	return Kind{Want: "one of " + strings.Join(all, ", "), Read: func(s string) (any, string, error) {
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

// WordList is a comma list of some words.
func WordList(words ...string) Kind {
	one := Choice(words...)
	return Kind{Want: "a list of " + strings.TrimPrefix(one.Want, "one of "), Read: func(s string) (any, string, error) {
		var out []string
		for _, item := range CommaList(s) {
			_, w, err := one.Read(item)
			if err != nil {
				return nil, "", fmt.Errorf("%q is not a known word", item)
			}
			out = append(out, w)
		}
		return out, strings.Join(out, ","), nil
	}}
}

// Groups is a list of numbers 0 to 63 and ranges of them; bit n stands for n.
var Groups = Kind{Want: "group numbers from 0 to 63", Read: func(s string) (any, string, error) {
	var set uint64
	var words []string
	var bad error
	for _, item := range CommaList(s) {
		first, last, ranged := strings.Cut(item, "-")
		a, err := strconv.Atoi(strings.TrimSpace(first))
		b := a
		if err == nil && ranged {
			b, err = strconv.Atoi(strings.TrimSpace(last))
		}
		if err != nil || a < 0 || b > 63 || a > b {
			bad = Doubt(fmt.Sprintf("%q is not a group from 0 to 63 and is left out", item))
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

// TOS is the type-of-service octet, by name (RFC 2474, 2597, 3246) or number.
var TOS = Kind{Want: "a number from 0 to 255 or one of cs0-cs7, af11-af43, ef", Read: func(s string) (any, string, error) {
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

// SIPURI is a URI that requests are sent to.
var SIPURI = Kind{Want: "a URI that begins with sip: or sips:", Read: func(s string) (any, string, error) {
	if s != "" && !IsSIP(s) {
		return s, s, Doubt("does not begin with sip: or sips:, so nothing can be sent there")
	}
	return s, s, nil
}}

// IsSIP reports whether s is a URI that begins with sip: or sips:.
func IsSIP(s string) bool {
	scheme, rest, ok := strings.Cut(s, ":")
	return ok && rest != "" && (strings.EqualFold(scheme, "sip") || strings.EqualFold(scheme, "sips"))
}
