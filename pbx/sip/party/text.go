package party

import (
	"strings"

	"github.com/emiago/sipgo/sip"

	"branchline/pbx/channel"
)

// address reads one name-addr with its parameters.
func address(value string) (channel.Party, sip.HeaderParams, bool) {
	var u sip.Uri
	params := sip.NewParams()
	name, err := sip.ParseAddressValue(value, &u, &params)
	if err != nil {
		return channel.Party{}, nil, false
	}
	return channel.Party{Name: Unquote(name), Number: Number(&u)}, params, true
}

// firstAddress cuts a list of addresses after its first element.
func firstAddress(value string) string {
	quoted, bracket := false, false
	for i := 0; i < len(value); i++ {
		switch c := value[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '<':
			bracket = true
		case c == '>':
			bracket = false
		case c == ',' && !bracket:
			return value[:i]
		}
	}
	return value
}

// Unquote undoes the backslashes of a quoted string (RFC 3261 25.1).
func Unquote(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// Quote makes text safe within a quoted string.
func Quote(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < ' ' || r == 0x7f:
			b.WriteByte(' ')
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// EscapeUser makes a number safe as the user part of a URI (RFC 3261 25.1).
func EscapeUser(s string) string {
	const safe = "-_.!~*'()&=+$,;?/%#"
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', strings.IndexByte(safe, c) >= 0 && c != '#':
			b.WriteByte(c)
		default:
			const hex = "0123456789ABCDEF"
			b.WriteByte('%')
			b.WriteByte(hex[c>>4])
			b.WriteByte(hex[c&15])
		}
	}
	return b.String()
}
