package fn

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"

	"branchline/pbx/channel"
	"branchline/pbx/dialplan"
)

// numberFunctions compute.
func (d Deps) numberFunctions() []dialplan.Function {
	return []dialplan.Function{
		{Name: "MATH", Synopsis: "One operation on two numbers", Syntax: "MATH(a op b[,float|int|hex|octal|char])", Read: ofText(mathematics)},
		{Name: "INC", Synopsis: "Counts a variable up", Syntax: "INC(variable)", Read: d.count(1)},
		{Name: "DEC", Synopsis: "Counts a variable down", Syntax: "DEC(variable)", Read: d.count(-1)},
		{Name: "RAND", Synopsis: "A random whole number", Syntax: "RAND([min][,max])", Read: ofText(d.random)},
		{Name: "MIN", Synopsis: "The smallest of some numbers", Syntax: "MIN(a[,b[,...]])",
			Read: ofText(func(s string) (string, error) { return extreme(s, math.Min) })},
		{Name: "MAX", Synopsis: "The largest of some numbers", Syntax: "MAX(a[,b[,...]])",
			Read: ofText(func(s string) (string, error) { return extreme(s, math.Max) })},
		{Name: "ABS", Synopsis: "A number without its sign", Syntax: "ABS(a)",
			Read: ofText(func(s string) (string, error) {
				n, whole, err := number(s)
				if err != nil {
					return "", err
				}
				return plain(math.Abs(n), whole), nil
			})},
	}
}

// number reads a decimal number; whole tells that it was written without a point.
func number(s string) (n float64, whole bool, err error) {
	s = strings.TrimSpace(s)
	n, err = strconv.ParseFloat(s, 64)
	if err != nil || math.IsNaN(n) || math.IsInf(n, 0) {
		return 0, true, fmt.Errorf("%q is not a number", s)
	}
	return n, !strings.ContainsAny(s, ".eE"), nil
}

func plain(n float64, whole bool) string {
	if whole {
		return strconv.FormatFloat(n, 'f', 0, 64)
	}
	return strconv.FormatFloat(n, 'f', 6, 64)
}

func extreme(args string, pick func(a, b float64) float64) (string, error) {
	if args == "" {
		return "", errors.New("wants numbers")
	}
	var best float64
	allWhole := true
	for i, part := range dialplan.SplitArgs(args, 0) {
		n, whole, err := number(part)
		if err != nil {
			return "", err
		}
		allWhole = allWhole && whole
		if i == 0 {
			best = n
		} else {
			best = pick(best, n)
		}
	}
	return plain(best, allWhole), nil
}

func (d Deps) count(by int64) readFunc {
	return func(ctx context.Context, c *channel.Channel, name string) (string, error) {
		if name == "" {
			return "", errors.New("wants the name of a variable")
		}
		v := d.value(ctx, c, name)
		n, err := strconv.ParseInt(strings.TrimSpace(v), 10, 64)
		if err != nil {
			return "", fmt.Errorf("variable %s holds %q, not a whole number", name, v)
		}
		v = strconv.FormatInt(n+by, 10)
		return v, d.System.Assign(ctx, c, name, v)
	}
}

func (d Deps) random(args string) (string, error) {
	a := arguments(args, 2)
	bound := func(s string, otherwise int64) int64 {
		if n, err := strconv.ParseInt(strings.TrimSpace(s), 10, 32); err == nil {
			return n
		}
		return otherwise
	}
	lo, hi := bound(a[0], 0), bound(a[1], math.MaxInt32)
	if lo > hi {
		lo, hi = hi, lo
	}
	pick := rand.Int64N
	if d.Rand != nil {
		pick = d.Rand.Int64N
	}
	return strconv.FormatInt(lo+pick(hi-lo+1), 10), nil
}

// mathOperators, longer ones first.
var mathOperators = [...]string{"<<", ">>", "<=", ">=", "==", "AND", "XOR", "OR", "+", "-", "*", "/", "%", "^", "<", ">"}

func mathematics(args string) (string, error) {
	a := arguments(args, 2)
	left, op, right, err := operation(a[0])
	if err != nil {
		return "", err
	}
	x, _, err := number(left)
	if err != nil {
		return "", err
	}
	y, _, err := number(leadingNumber(right))
	if err != nil {
		return "", fmt.Errorf("%q is not a number", right)
	}
	result, verdict, err := compute(x, op, y)
	if err != nil || verdict != "" {
		return verdict, err
	}
	return mathFormat(result, strings.ToLower(strings.TrimSpace(a[1])))
}

// operation finds the operator between two numbers; a sign or an exponent
// before or in the first is none.
func operation(s string) (left, op, right string, err error) {
	s = strings.TrimSpace(s)
	start := len(leadingNumber(s))
	for i := start; i < len(s); i++ {
		for _, o := range mathOperators {
			if strings.HasPrefix(s[i:], o) {
				return s[:i], o, strings.TrimSpace(s[i+len(o):]), nil
			}
		}
	}
	return "", "", "", errors.New("wants two numbers and an operator between them")
}

// leadingNumber gives the number a text begins with.
func leadingNumber(s string) string {
	i := 0
	if i < len(s) && (s[i] == '-' || s[i] == '+') {
		i++
	}
	digits := func() {
		for i < len(s) && s[i] >= '0' && s[i] <= '9' {
			i++
		}
	}
	digits()
	if i < len(s) && s[i] == '.' {
		i++
		digits()
	}
	if i+1 < len(s) && (s[i] == 'e' || s[i] == 'E') && (s[i+1] >= '0' && s[i+1] <= '9' || (s[i+1] == '-' || s[i+1] == '+') && i+2 < len(s)) {
		i += 2
		digits()
	}
	return s[:i]
}

// compute gives a number, or the word of a comparison.
func compute(x float64, op string, y float64) (result float64, verdict string, err error) {
	word := func(b bool) string {
		if b {
			return "TRUE"
		}
		return "FALSE"
	}
	i, j := wholeOf(x), wholeOf(y)
	switch op {
	case "+":
		return x + y, "", nil
	case "-":
		return x - y, "", nil
	case "*":
		return x * y, "", nil
	case "/":
		if y == 0 {
			return 0, "", nil
		}
		return x / y, "", nil
	case "%":
		if j == 0 {
			return 0, "", nil
		}
		return float64(i % j), "", nil
	case "^":
		return math.Pow(x, y), "", nil
	case "<<", ">>":
		if j < 0 || j > 63 {
			return 0, "", fmt.Errorf("cannot shift by %d places", j)
		}
		if op == "<<" {
			return float64(i << j), "", nil
		}
		return float64(i >> j), "", nil
	case "AND":
		return float64(i & j), "", nil
	case "OR":
		return float64(i | j), "", nil
	case "XOR":
		return float64(i ^ j), "", nil
	case "<":
		return 0, word(x < y), nil
	case ">":
		return 0, word(x > y), nil
	case "<=":
		return 0, word(x <= y), nil
	case ">=":
		return 0, word(x >= y), nil
	}
	return 0, word(x == y), nil
}

// wholeOf cuts a number to a whole one that fits 63 bits.
func wholeOf(n float64) int64 {
	switch {
	case math.IsNaN(n):
		return 0
	case n >= math.MaxInt64:
		return math.MaxInt64
	case n <= math.MinInt64:
		return math.MinInt64
	}
	return int64(n)
}

func mathFormat(n float64, kind string) (string, error) {
	switch kind {
	case "", "f", "float":
		return strconv.FormatFloat(n, 'f', 6, 64), nil
	case "i", "int":
		return strconv.FormatInt(wholeOf(n), 10), nil
	case "h", "hex":
		return strconv.FormatInt(wholeOf(n), 16), nil
	case "o", "oct", "octal":
		return strconv.FormatInt(wholeOf(n), 8), nil
	case "c", "char":
		return string([]byte{byte(wholeOf(n))}), nil
	}
	return "", fmt.Errorf("%q is none of float, int, hex, octal, char", kind)
}
