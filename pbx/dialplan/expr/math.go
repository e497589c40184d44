package expr

import (
	"math"
	"math/big"
	"regexp"
	"strconv"
	"strings"
)

// mathematics evaluates the functions expressions have of their own.
func (p *parser) mathematics(name string, args []value) (value, bool) {
	unary := map[string]func(float64) float64{
		"COS": math.Cos, "SIN": math.Sin, "TAN": math.Tan,
		"ACOS": math.Acos, "ASIN": math.Asin, "ATAN": math.Atan,
		"LOG": math.Log, "LOG2": math.Log2, "LOG10": math.Log10,
		"EXP": math.Exp, "EXP2": math.Exp2,
		"EXP10": func(x float64) float64 { return math.Pow(10, x) },
		"CEIL":  math.Ceil, "FLOOR": math.Floor, "TRUNC": math.Trunc,
		"ROUND": math.Round, "RINT": math.RoundToEven,
	}
	binary := map[string]func(x, y float64) float64{
		"ATAN2": math.Atan2, "POW": math.Pow, "REMAINDER": math.Remainder,
	}
	float := func(i int) float64 { f, _ := p.operand(args[i]).Float64(); return f }
	if name == "SQRT" && len(args) == 1 {
		if n := p.operand(args[0]); n.Sign() >= 0 {
			return value{number: newNumber().Sqrt(n)}, true
		}
		p.complain("square root of a negative number counts as 0")
		return value{word: "0"}, true
	}
	var result float64
	if f, ok := unary[name]; ok && len(args) == 1 {
		result = f(float(0))
	} else if f, ok := binary[name]; ok && len(args) == 2 {
		result = f(float(0), float(1))
	} else {
		return value{}, false
	}
	if math.IsNaN(result) || math.IsInf(result, 0) {
		p.complain(name + " has no result here and counts as 0")
		return value{word: "0"}, true
	}
	// Through its shortest decimal form, so that no digits appear which a
	// float64 does not hold.
	n, _, err := big.ParseFloat(strconv.FormatFloat(result, 'g', -1, 64), 10, mantissa, big.ToNearestEven)
	if err != nil {
		return value{word: "0"}, true
	}
	return value{number: n}, true
}

// regexMatch evaluates `text : pattern` (anchored) and `text =~ pattern`. With
// a group in the pattern the result is what it matched, else the length of the
// match; 0 or nothing if there is no match.
func regexMatch(text, pattern string, anchored bool) (string, error) {
	re, err := CompileRegex(pattern)
	if err != nil {
		return "", err
	}
	m := re.FindStringSubmatchIndex(text)
	// The leftmost match is found: if it does not begin at 0, none does.
	if m == nil || anchored && m[0] != 0 {
		if re.NumSubexp() > 0 {
			return "", nil
		}
		return "0", nil
	}
	if re.NumSubexp() > 0 {
		if m[2] < 0 {
			return "", nil
		}
		return text[m[2]:m[3]], nil
	}
	return strconv.Itoa(m[1] - m[0]), nil
}

// CompileRegex compiles a POSIX extended regular expression the way the C
// library reads it: a backslash before a letter or digit means nothing, except
// for \w \W \s \S.
func CompileRegex(pattern string) (*regexp.Regexp, error) {
	var b strings.Builder
	set := false
	for i := 0; i < len(pattern); i++ {
		c := pattern[i]
		switch {
		case set:
			// Inside brackets a backslash is an ordinary member.
			switch {
			case c == '\\':
				b.WriteByte('\\')
			case c == '[' && i+1 < len(pattern) && strings.IndexByte(":.=", pattern[i+1]) >= 0:
				if end := strings.Index(pattern[i+2:], string(pattern[i+1])+"]"); end >= 0 {
					b.WriteString(pattern[i : i+end+4])
					i += end + 3
					continue
				}
				b.WriteByte('\\')
			case c == '[':
				b.WriteByte('\\')
			case c == ']':
				set = false
			}
			b.WriteByte(c)
		case c == '[':
			set = true
			b.WriteByte(c)
			if i+1 < len(pattern) && pattern[i+1] == '^' {
				i++
				b.WriteByte('^')
			}
			if i+1 < len(pattern) && pattern[i+1] == ']' {
				i++
				b.WriteString(`\]`)
			}
		case c == '\\' && i+1 < len(pattern):
			i++
			switch n := pattern[i]; {
			case n == 'w':
				b.WriteString("[[:alnum:]_]")
			case n == 'W':
				b.WriteString("[^[:alnum:]_]")
			case n == 's':
				b.WriteString("[[:space:]]")
			case n == 'S':
				b.WriteString("[^[:space:]]")
			case n >= 'a' && n <= 'z' || n >= 'A' && n <= 'Z' || n >= '0' && n <= '9' || n >= 0x80:
				b.WriteByte(n)
			default:
				b.WriteByte('\\')
				b.WriteByte(n)
			}
		default:
			b.WriteByte(c)
		}
	}
	return regexp.CompilePOSIX(b.String())
}
