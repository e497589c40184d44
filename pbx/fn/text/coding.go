package text

import (
	"context"
	"crypto/md5"
	"crypto/rand"
	"crypto/sha1"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"branchline/pbx/channel"
	"branchline/pbx/dialplan"
	"branchline/pbx/fn/form"
)

// codingFunctions change the representation of a text.
func codingFunctions() []dialplan.Function {
	return []dialplan.Function{
		{Name: "URIENCODE", Synopsis: "Text percent-encoded for a URI", Syntax: "URIENCODE(text)",
			Read: form.OfText(func(s string) (string, error) { return uriEncode(s), nil })},
		{Name: "URIDECODE", Synopsis: "Percent-encoded text decoded", Syntax: "URIDECODE(text)",
			Read: form.OfText(func(s string) (string, error) { return uriDecode(s), nil })},
		{Name: "BASE64_ENCODE", Synopsis: "Text in base64 (RFC 4648 section 4)", Syntax: "BASE64_ENCODE(text)",
			Read: form.OfText(func(s string) (string, error) { return base64.StdEncoding.EncodeToString([]byte(s)), nil })},
		{Name: "BASE64_DECODE", Synopsis: "Text from base64", Syntax: "BASE64_DECODE(text)", Read: form.OfText(fromBase64)},
		{Name: "MD5", Synopsis: "MD5 digest in hex", Syntax: "MD5(text)",
			Read: form.OfText(func(s string) (string, error) { sum := md5.Sum([]byte(s)); return hex.EncodeToString(sum[:]), nil })},
		{Name: "SHA1", Synopsis: "SHA-1 digest in hex", Syntax: "SHA1(text)",
			Read: form.OfText(func(s string) (string, error) { sum := sha1.Sum([]byte(s)); return hex.EncodeToString(sum[:]), nil })},
		{Name: "UUID", Synopsis: "A random UUID (RFC 9562 version 4)", Syntax: "UUID()",
			Read: func(context.Context, *channel.Channel, string) (string, error) { return uuid(), nil }},
	}
}

func fromBase64(s string) (string, error) {
	b, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(strings.TrimSpace(s), "="))
	if err != nil {
		return "", errors.New("not base64")
	}
	if i := strings.IndexByte(string(b), 0); i >= 0 {
		b = b[:i] // a text ends there
	}
	return string(b), nil
}

// uriEncode leaves RFC 2396's unreserved characters.
func uriEncode(s string) string {
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-_.~!*'()", c) >= 0 {
			b.WriteByte(c)
			continue
		}
		fmt.Fprintf(&b, "%%%02X", c)
	}
	return b.String()
}

func uriDecode(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if v, err := hex.DecodeString(s[i+1 : i+3]); err == nil {
				b.Write(v)
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

func uuid() string {
	var u [16]byte
	rand.Read(u[:]) // never fails: crypto/rand ends the program instead
	u[6] = u[6]&0x0f | 0x40
	u[8] = u[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", u[:4], u[4:6], u[6:8], u[8:10], u[10:])
}
