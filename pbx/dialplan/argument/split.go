// Package argument takes the arguments of applications and functions apart:
// commas and quotation marks, options, conditions, jump targets.
package argument

import "strings"

// Split cuts application arguments at commas outside of ( ), [ ] and " ",
// and removes quotes and backslashes; `\,` is a plain comma. It makes at most n
// pieces (n <= 0: no limit); the nth takes the rest as it stands, with quotes,
// backslashes and commas, as in Asterisk. An empty text has one empty argument.
func Split(s string, n int) []string {
	args := Raw(s, n)
	for i, a := range args {
		if n <= 0 || i < n-1 {
			args[i] = Unquote(a)
		}
	}
	return args
}

// Raw cuts as Split does, and leaves quotes and backslashes in place.
func Raw(s string, n int) []string { return At(s, ',', n) }

// At cuts like Raw at another separator.
func At(s string, separator byte, n int) []string {
	var args []string
	round, square, from := 0, 0, 0
	quoted := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == separator && round == 0 && square == 0:
			if n > 0 && len(args) == n-1 {
				return append(args, s[from:])
			}
			args = append(args, s[from:i])
			from = i + 1
		case c == '(':
			round++
		case c == ')':
			if round > 0 {
				round--
			}
		case c == '[':
			square++
		case c == ']':
			if square > 0 {
				square--
			}
		}
	}
	return append(args, s[from:])
}

// Unquote removes double quotes and backslashes; a backslash keeps the
// character after it.
func Unquote(s string) string {
	if !strings.ContainsAny(s, `"\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '"':
			continue
		case '\\':
			if i+1 < len(s) {
				i++
				b.WriteByte(s[i])
			}
			continue
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// Options are single letters, each with or without arguments in parentheses:
// `tTL(60000)m(jazz)`.
type Options map[byte]string

// ParseOptions reads an option argument. Letters may repeat; the last stays.
// Text that is not an option (an unclosed parenthesis) is taken to the end.
func ParseOptions(s string) Options {
	o := Options{}
	for i := 0; i < len(s); i++ {
		letter := s[i]
		if letter <= ' ' {
			continue
		}
		o[letter] = ""
		if i+1 >= len(s) || s[i+1] != '(' {
			continue
		}
		depth, j := 0, i+1
		for ; j < len(s); j++ {
			if s[j] == '(' {
				depth++
			} else if s[j] == ')' {
				if depth--; depth == 0 {
					break
				}
			}
		}
		o[letter] = s[i+2 : j]
		i = j
	}
	return o
}

// Has reports whether an option was given.
func (o Options) Has(letter byte) bool { _, ok := o[letter]; return ok }

// Arg gives an option's argument.
func (o Options) Arg(letter byte) (string, bool) { v, ok := o[letter]; return v, ok }

// Truth is the truth of a condition in GotoIf, ExecIf and IF: false when empty,
// blank, or beginning with a number whose value is 0; any other text is true.
func Truth(condition string) bool {
	s := strings.TrimLeft(condition, " \t\r\n\v\f")
	if s == "" {
		return false
	}
	digits := strings.TrimLeft(s, "+-")
	if len(s)-len(digits) > 1 || digits == "" || digits[0] < '0' || digits[0] > '9' {
		return true
	}
	for i := 0; i < len(digits) && digits[i] >= '0' && digits[i] <= '9'; i++ {
		if digits[i] != '0' {
			return true
		}
	}
	return false
}

// ParseBranch cuts `condition?yes:no`. Without a '?' everything is condition.
func ParseBranch(s string) (condition, yes, no string) {
	parts := At(s, '?', 2)
	if len(parts) < 2 {
		return s, "", ""
	}
	branches := At(parts[1], ':', 2)
	if len(branches) > 1 {
		no = branches[1]
	}
	return parts[0], branches[0], no
}
