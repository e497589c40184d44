package text

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
	"branchline/pbx/dialplan/argument"
	"branchline/pbx/fn/form"
)

// numberFunctions compute.
func (d variables) numberFunctions() []dialplan.Function {
	return []dialplan.Function{
		{Name: "MATH", Synopsis: "One operation on two numbers", Syntax: "MATH(a op b[,float|int|hex|octal|char])", Read: form.OfText(mathematics)},
		{Name: "INC", Synopsis: "Counts a variable up", Syntax: "INC(variable)", Read: d.count(1)},
		{Name: "DEC", Synopsis: "Counts a variable down", Syntax: "DEC(variable)", Read: d.count(-1)},
		{Name: "RAND", Synopsis: "A random whole number", Syntax: "RAND([min][,max])", Read: form.OfText(random)},
		{Name: "MIN", Synopsis: "The smallest of some numbers", Syntax: "MIN(a[,b[,...]])",
			Read: form.OfText(func(s string) (string, error) { return extreme(s, math.Min) })},
		{Name: "MAX", Synopsis: "The largest of some numbers", Syntax: "MAX(a[,b[,...]])",
			Read: form.OfText(func(s string) (string, error) { return extreme(s, math.Max) })},
		{Name: "ABS", Synopsis: "A number without its sign", Syntax: "ABS(a)",
			Read: form.OfText(func(s string) (string, error) {
				n, whole, err := form.Number(s)
				if err != nil {
					return "", err
				}
				return plain(math.Abs(n), whole), nil
			})},
	}
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
	for i, part := range argument.Split(args, 0) {
		n, whole, err := form.Number(part)
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

func (d variables) count(by int64) form.Read {
	return func(ctx context.Context, c *channel.Channel, name string) (string, error) {
		if name == "" {
			return "", errors.New("wants the name of a variable")
		}
		v := form.Value(ctx, d.System, c, name)
		n, err := strconv.ParseInt(strings.TrimSpace(v), 10, 64)
		if err != nil {
			return "", fmt.Errorf("variable %s holds %q, not a whole number", name, v)
		}
		v = strconv.FormatInt(n+by, 10)
		return v, d.System.Assign(ctx, c, name, v)
	}
}

func random(args string) (string, error) {
	a := form.Arguments(args, 2)
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
	return strconv.FormatInt(lo+rand.Int64N(hi-lo+1), 10), nil
}

// mathOperators, longer ones first.
var mathOperators = [...]string{"<<", ">>", "<=", ">=", "==", "AND", "XOR", "OR", "+", "-", "*", "/", "%", "^", "<", ">"}

func mathematics(args string) (string, error) {
	a := form.Arguments(args, 2)
	left, op, right, err := operation(a[0])
	if err != nil {
		return "", err
	}
	x, _, err := form.Number(left)
	if err != nil {
		return "", err
	}
	y, _, err := form.Number(form.LeadingNumber(right))
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
	start := len(form.LeadingNumber(s))
	for i := start; i < len(s); i++ {
		for _, o := range mathOperators {
			if strings.HasPrefix(s[i:], o) {
				return s[:i], o, strings.TrimSpace(s[i+len(o):]), nil
			}
		}
	}
	return "", "", "", errors.New("wants two numbers and an operator between them")
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
