// Package digest is HTTP Digest authentication for SIP, both sides: RFC 3261
// section 22 with the algorithms of RFC 8760. A Verifier challenges and checks
// those who call us; a Client answers the challenges of those we call.
//
// Challenges have the form Asterisk gives them. Nonces keep no state: a nonce
// is a time, a serial number and a keyed hash over both, the source address
// and the realm. Only the counts of nonces in use are remembered, to refuse
// replays, in a table of bounded size.
package digest

import (
	"crypto/md5"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"strings"

	"branchline/pbx/settings"
)

// Algorithms by their names in challenges and in pjsip.conf.
const (
	algorithmMD5       = "MD5"
	algorithmSHA256    = "SHA-256"
	algorithmSHA512256 = "SHA-512-256"
)

// sum is H() of RFC 7616 section 3.3 over the parts joined by colons, in
// lower-case hexadecimal. ok is false for an algorithm we do not know.
func sum(algorithm string, parts ...string) (digest string, ok bool) {
	var buf [256]byte
	b := buf[:0]
	for i, p := range parts {
		if i > 0 {
			b = append(b, ':')
		}
		b = append(b, p...)
	}
	var raw [sha256.Size]byte
	var n int
	switch algorithm {
	case algorithmMD5:
		s := md5.Sum(b)
		n = copy(raw[:], s[:])
	case algorithmSHA256:
		raw = sha256.Sum256(b)
		n = len(raw)
	case algorithmSHA512256:
		raw = sha512.Sum512_256(b)
		n = len(raw)
	default:
		return "", false
	}
	var text [2 * sha256.Size]byte
	hex.Encode(text[:2*n], raw[:n])
	return string(text[:2*n]), true
}

// ha1 is the digest of user, realm and password; precomputed ones go first.
func ha1(a *settings.Auth, algorithm, realm string) (string, bool) {
	if stored := a.Digests[algorithm]; stored != "" && (a.Type == "md5" || a.Password == "") {
		return stored, true
	}
	if a.Password == "" && a.Type != "userpass" {
		return "", false
	}
	return sum(algorithm, a.Username, realm, a.Password)
}

// response is request-digest of RFC 7616 section 3.4.1; without qop the older
// form of RFC 2069.
func response(algorithm, ha1, method, uri, nonce, qop, nc, cnonce string) (string, bool) {
	ha2, ok := sum(algorithm, method, uri)
	if !ok {
		return "", false
	}
	if qop == "" {
		return sum(algorithm, ha1, nonce, ha2)
	}
	return sum(algorithm, ha1, nonce, nc, cnonce, qop, ha2)
}

// canonical gives an algorithm's name its usual case; "" means MD5 (RFC 7616
// section 3.3).
func canonical(algorithm string) string {
	if algorithm == "" {
		return algorithmMD5
	}
	return strings.ToUpper(algorithm)
}
