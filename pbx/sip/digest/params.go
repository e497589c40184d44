package digest

import (
	"errors"
	"strings"
)

// A field is one name=value of a Digest header, unquoted.
type field struct{ name, value string }

// fields is a parsed challenge or set of credentials. Names are lower case.
type fields []field

func (fs fields) get(name string) string {
	for _, f := range fs {
		if f.name == name {
			return f.value
		}
	}
	return ""
}

var errNotDigest = errors.New("not a Digest header")

// parse reads the value of an Authorization, WWW-Authenticate or similar
// header. Other schemes than Digest are refused. Of a parameter that is
// repeated the first counts, as get takes it; RFC 7616 forbids repeating.
func parse(value string) (fields, error) {
	scheme, rest, ok := strings.Cut(strings.TrimSpace(value), " ")
	if !ok || !strings.EqualFold(scheme, "Digest") {
		return nil, errNotDigest
	}
	out := make(fields, 0, 12)
	for {
		rest = strings.TrimLeft(rest, " \t\r\n,")
		if rest == "" {
			return out, nil
		}
		eq := strings.IndexByte(rest, '=')
		if eq <= 0 {
			return nil, errors.New("parameter without value")
		}
		name := strings.ToLower(strings.TrimSpace(rest[:eq]))
		rest = strings.TrimLeft(rest[eq+1:], " \t")
		var v string
		if strings.HasPrefix(rest, `"`) {
			if v, rest, ok = quoted(rest[1:]); !ok {
				return nil, errors.New("quoted value without end")
			}
		} else {
			v, rest, _ = strings.Cut(rest, ",")
			v = strings.TrimSpace(v)
		}
		if len(out) == 64 {
			return nil, errors.New("too many parameters")
		}
		out = append(out, field{name, v})
	}
}

// quoted reads up to the closing quote and undoes quoted pairs (RFC 3261
// section 25.1).
func quoted(s string) (value, rest string, ok bool) {
	end := strings.IndexAny(s, `"\`)
	if end < 0 {
		return "", "", false
	}
	if s[end] == '"' {
		return s[:end], s[end+1:], true
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '"':
			return b.String(), s[i+1:], true
		case '\\':
			i++
			if i == len(s) {
				return "", "", false
			}
		}
		b.WriteByte(s[i])
	}
	return "", "", false
}

// quote is the reverse of quoted.
func quote(s string) string {
	if !strings.ContainsAny(s, `"\`) {
		return `"` + s + `"`
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}
