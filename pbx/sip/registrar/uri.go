package registrar

import (
	"strings"

	"github.com/emiago/sipgo/sip"
)

// sameURI compares two contacts as RFC 3261 section 19.1.4 asks: user, password
// and headers exactly, scheme and host without case, a missing port differing
// from the default one. Of the parameters user, ttl, method, maddr and
// transport must be in both or in none; others matter only if both have them.
func sameURI(a, b *sip.Uri) bool {
	if !strings.EqualFold(a.Scheme, b.Scheme) || a.Port != b.Port || !strings.EqualFold(a.Host, b.Host) ||
		unescape(a.User) != unescape(b.User) || unescape(a.Password) != unescape(b.Password) ||
		a.Raw() != b.Raw() || len(a.Headers) != len(b.Headers) {
		return false
	}
	return params(a.UriParams, b.UriParams) && params(b.UriParams, a.UriParams) && headers(a.Headers, b.Headers)
}

// params reports whether b agrees with every parameter of a.
func params(a, b sip.HeaderParams) bool {
	for _, p := range a {
		v, found := lookup(b, p.K)
		if found && !strings.EqualFold(unescape(v), unescape(p.V)) {
			return false
		}
		if !found && decides(p.K) {
			return false
		}
	}
	return true
}

func decides(name string) bool {
	switch strings.ToLower(name) {
	case "user", "ttl", "method", "maddr", "transport":
		return true
	}
	return false
}

func headers(a, b sip.HeaderParams) bool {
	for _, h := range a {
		if v, found := lookup(b, h.K); !found || unescape(v) != unescape(h.V) {
			return false
		}
	}
	return true
}

func lookup(list sip.HeaderParams, name string) (string, bool) {
	for _, p := range list {
		if strings.EqualFold(p.K, name) {
			return p.V, true
		}
	}
	return "", false
}

// unescape undoes %xx; what is not a valid escape stays.
func unescape(s string) string {
	if !strings.Contains(s, "%") {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			hi, lo := digit(s[i+1]), digit(s[i+2])
			if hi >= 0 && lo >= 0 {
				b.WriteByte(byte(hi<<4 | lo))
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

func digit(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return -1
}
