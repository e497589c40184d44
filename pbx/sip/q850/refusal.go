package q850

import (
	"strconv"
	"strings"

	"branchline/pbx/sip/dialog"
)

// Refusal reads a final response that refuses; 0 if it is none.
func Refusal(text string) int {
	text = strings.TrimSpace(text)
	if n, err := strconv.Atoi(text); err == nil {
		if n >= 400 && n <= 699 && dialog.Phrase(n) != "" {
			return n
		}
		return 0
	}
	for n := 400; n <= 699; n++ {
		if p := dialog.Phrase(n); p != "" && strings.EqualFold(constant(p), text) {
			return n
		}
	}
	return 0
}

// constant writes a reason phrase as programs name it: CALL_TRANSACTION_DOES_NOT_EXIST.
func constant(phrase string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		case r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
			return r
		}
		return '_'
	}, phrase)
}
