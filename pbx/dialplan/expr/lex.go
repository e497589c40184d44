package expr

import "strings"

type tokenKind uint8

const (
	endOfText tokenKind = iota
	word                // number, bare word or quoted string, quotes included
	operator
)

type token struct {
	kind tokenKind
	text string
	call bool // a word directly followed by (
}

// operators of expressions, longer ones first.
var operators = [...]string{"::", "||", "&&", "==", "!=", "<=", ">=", "=~", "~~",
	"?", "|", "&", "=", "<", ">", "+", "-", "*", "/", "%", "!", ":", "(", ")", ","}

// lex cuts an expression into tokens. Characters that belong to none (braces,
// brackets, a quotation mark without its partner) vanish.
func lex(s string) []token {
	var tokens []token
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case c == '"':
			end := strings.IndexByte(s[i+1:], '"')
			if end < 0 {
				i++
				continue
			}
			tokens = append(tokens, token{kind: word, text: s[i : i+end+2]})
			i += end + 2
		case wordByte(c):
			from := i
			for i < len(s) && wordByte(s[i]) {
				i++
			}
			tokens = append(tokens, token{kind: word, text: s[from:i], call: i < len(s) && s[i] == '('})
		default:
			op := ""
			for _, o := range operators {
				if strings.HasPrefix(s[i:], o) {
					op = o
					break
				}
			}
			if op == "" {
				i++
				continue
			}
			tokens = append(tokens, token{kind: operator, text: op})
			i += len(op)
		}
	}
	return tokens
}

// wordByte reports whether a byte can stand in a bare word.
func wordByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' ||
		c >= 0x80 || strings.IndexByte(`._#@$\';^`, c) >= 0
}
