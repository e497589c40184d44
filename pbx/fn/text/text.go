package text

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"branchline/pbx/dialplan"
	"branchline/pbx/dialplan/argument"
	"branchline/pbx/dialplan/expr"
	"branchline/pbx/fn/form"
)

// textFunctions are those that turn one text into another.
func textFunctions() []dialplan.Function {
	return []dialplan.Function{
		{Name: "LEN", Synopsis: "Length of a text in bytes", Syntax: "LEN(text)",
			Read: form.OfText(func(s string) (string, error) { return strconv.Itoa(len(s)), nil })},
		{Name: "TOUPPER", Synopsis: "Text in capital letters (ASCII)", Syntax: "TOUPPER(text)",
			Read: form.OfText(func(s string) (string, error) { return mapASCII(s, 'a', 'z', 'A'), nil })},
		{Name: "TOLOWER", Synopsis: "Text in small letters (ASCII)", Syntax: "TOLOWER(text)",
			Read: form.OfText(func(s string) (string, error) { return mapASCII(s, 'A', 'Z', 'a'), nil })},
		{Name: "TRIM", Synopsis: "Text without spaces at both ends", Syntax: "TRIM(text)",
			Read: form.OfText(func(s string) (string, error) { return strings.Trim(s, blanks), nil })},
		{Name: "LTRIM", Synopsis: "Text without spaces before it", Syntax: "LTRIM(text)",
			Read: form.OfText(func(s string) (string, error) { return strings.TrimLeft(s, blanks), nil })},
		{Name: "RTRIM", Synopsis: "Text without spaces after it", Syntax: "RTRIM(text)",
			Read: form.OfText(func(s string) (string, error) { return strings.TrimRight(s, blanks), nil })},
		{Name: "PASSTHRU", Synopsis: "The text itself, to take a substring of", Syntax: "PASSTHRU(text)",
			Read: form.OfText(func(s string) (string, error) { return s, nil })},
		{Name: "FILTER", Synopsis: "Only the allowed characters of a text", Syntax: "FILTER(allowed,text)", Read: form.OfText(filter)},
		{Name: "REGEX", Synopsis: "1 if a POSIX extended regular expression matches", Syntax: `REGEX("expression" text)`, Read: form.OfText(regex)},
		{Name: "QUOTE", Synopsis: "Text in quotation marks, those inside escaped", Syntax: "QUOTE(text)", Read: form.OfText(quote)},
		{Name: "CSV_QUOTE", Synopsis: "Text quoted for a CSV file", Syntax: "CSV_QUOTE(text)",
			Read: form.OfText(func(s string) (string, error) { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"`, nil })},
		{Name: "KEYPADHASH", Synopsis: "The telephone keys that spell a name", Syntax: "KEYPADHASH(text)",
			Read: form.OfText(func(s string) (string, error) { return keypad(s), nil })},
		{Name: "DIGIT_SUM", Synopsis: "The sum of the digits in a text", Syntax: "DIGIT_SUM(text)",
			Read: form.OfText(func(s string) (string, error) {
				sum := 0
				for i := range len(s) {
					if s[i] >= '0' && s[i] <= '9' {
						sum += int(s[i] - '0')
					}
				}
				return strconv.Itoa(sum), nil
			})},
		{Name: "SPRINTF", Synopsis: "Text formatted as C's printf does", Syntax: "SPRINTF(format[,value[,...]])", Read: form.OfText(sprintf)},
		{Name: "BASENAME", Synopsis: "Last part of a path", Syntax: "BASENAME(path)",
			Read: form.OfText(func(s string) (string, error) { return s[strings.LastIndexByte(s, '/')+1:], nil })},
		{Name: "DIRNAME", Synopsis: "A path without its last part", Syntax: "DIRNAME(path)",
			Read: form.OfText(func(s string) (string, error) { return s[:max(strings.LastIndexByte(s, '/'), 0)], nil })},
	}
}

const blanks = " \t\r\n\v\f"

func mapASCII(s string, from, to, first byte) string {
	b := []byte(s)
	for i, c := range b {
		if c >= from && c <= to {
			b[i] = c - from + first
		}
	}
	return string(b)
}

// charset reads the first argument of FILTER: characters, ranges, and the
// escapes \xhh, \\, \- and \,.
func charset(s string) (set [256]bool) {
	type item struct {
		c      byte
		hyphen bool // an unescaped -
	}
	var items []item
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c != '\\' || i+1 == len(s) {
			items = append(items, item{c, c == '-'})
			continue
		}
		i++
		c = s[i]
		switch c {
		case 'x', 'X':
			if n, err := strconv.ParseUint(s[i+1:min(i+3, len(s))], 16, 8); err == nil {
				c, i = byte(n), min(i+2, len(s)-1)
			}
		case 'n':
			c = '\n'
		case 'r':
			c = '\r'
		case 't':
			c = '\t'
		}
		items = append(items, item{c: c})
	}
	for i := 0; i < len(items); i++ {
		if i+2 < len(items) && items[i+1].hyphen {
			// A range that runs backwards wraps round, as in Asterisk.
			for c := items[i].c; ; c++ {
				set[c] = true
				if c == items[i+2].c {
					break
				}
			}
			i += 2
			continue
		}
		set[items[i].c] = true
	}
	return set
}

func filter(args string) (string, error) {
	parts := argument.Raw(args, 2)
	if len(parts) < 2 {
		return "", errors.New("wants the allowed characters and a text")
	}
	set := charset(parts[0])
	b := make([]byte, 0, len(parts[1]))
	for i := range len(parts[1]) {
		if set[parts[1][i]] {
			b = append(b, parts[1][i])
		}
	}
	return string(b), nil
}

func regex(args string) (string, error) {
	rest, ok := strings.CutPrefix(args, `"`)
	expression, text, closed := strings.Cut(rest, `"`)
	if !ok || !closed {
		return "", errors.New(`wants "expression" text`)
	}
	re, err := expr.CompileRegex(expression)
	if err != nil {
		return "", fmt.Errorf("expression %q: %w", expression, err)
	}
	return form.Truth(re.MatchString(strings.TrimPrefix(text, " "))), nil
}

func quote(s string) (string, error) {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`, nil
}

// keypad spells letters on the keys of ITU-T E.161; digits stay, the rest goes.
func keypad(s string) string {
	const keys = "22233344455566677778889999" // A to Z
	var b strings.Builder
	for i := range len(s) {
		switch c := s[i] &^ 0x20; {
		case s[i] >= '0' && s[i] <= '9':
			b.WriteByte(s[i])
		case c >= 'A' && c <= 'Z':
			b.WriteByte(keys[c-'A'])
		}
	}
	return b.String()
}
