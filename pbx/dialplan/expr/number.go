package expr

import (
	"math/big"
	"strings"
)

// Expressions are computed with 64 bits of mantissa and printed with 18 digits,
// like the extended precision Asterisk uses, so that 0.1 + 0.2 is 0.3.
const mantissa = 64

// maxExponent bounds results, as a binary exponent.
const maxExponent = 16383

func newNumber() *big.Float { return new(big.Float).SetPrec(mantissa) }

// parseNumber reads digits with at most one decimal point between them, with
// or without a minus sign. Anything else is not a number.
func parseNumber(s string) (*big.Float, bool) {
	digits := strings.TrimPrefix(s, "-")
	whole, fraction, point := strings.Cut(digits, ".")
	if !allDigits(whole) || point && !allDigits(fraction) || len(s) > 4096 {
		return nil, false
	}
	n, _, err := big.ParseFloat(s, 10, mantissa, big.ToNearestEven)
	if err != nil || n.MantExp(nil) > maxExponent {
		return nil, false
	}
	return n, true
}

func allDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// formatNumber prints a number in up to 18 digits, as C's %.18Lg does.
func formatNumber(n *big.Float) string {
	s := n.Text('g', 18)
	head, exponent, found := strings.Cut(s, "e")
	if strings.Contains(head, ".") {
		head = strings.TrimRight(strings.TrimRight(head, "0"), ".")
	}
	if found {
		return head + "e" + exponent
	}
	return head
}

// remainder is C's fmod: x less as many whole y as fit, with the sign of x.
func remainder(x, y *big.Float) *big.Float {
	xr, _ := x.Rat(nil)
	yr, _ := y.Rat(nil)
	q := new(big.Rat).Quo(xr, yr)
	whole := new(big.Int).Quo(q.Num(), q.Denom()) // towards zero
	r := xr.Sub(xr, yr.Mul(yr, new(big.Rat).SetInt(whole)))
	return newNumber().SetRat(r)
}
