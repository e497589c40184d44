package callerid

import "strings"

// A Style is how a number is put between DTMF digits (EN 300 659-1 annex B and
// national forms).
type Style struct {
	Begin byte // 'A', 'D', or 0 for none
	End   byte // 'C' or '#'
}

// What stands for a number that may not or cannot be told.
const (
	keysWithheld       = "B10C" // after A ... C
	keysUnavailable    = "B00C"
	keysWithheldHash   = "D1#" // after A ... #
	keysInternational  = "D2#"
	keysTechnicalCause = "D3#"
)

// keys is the digits for m, "" if the form has none for it.
func (s Style) keys(m Message) string {
	m = m.sendable()
	n := strings.ReplaceAll(m.Number, "+", "")
	if strings.ContainsAny(n, "*#") {
		n, m.Unavailable = "", true
	}
	absent := m.Withheld || n == ""
	switch {
	case s == Style{'A', 'C'}:
		b := "A" + n
		if absent {
			b = keysUnavailable[:3]
			if m.Withheld {
				b = keysWithheld[:3]
			}
		}
		if r := strings.ReplaceAll(m.Redirect, "+", ""); r != "" && !absent && !strings.ContainsAny(r, "*#") {
			b += "D" + r
		}
		return b + "C"
	case s == Style{'A', '#'} && m.Withheld:
		return keysWithheldHash
	case s == Style{'A', '#'} && absent:
		return keysTechnicalCause
	case absent:
		return ""
	case s.Begin == 0:
		return n + string(s.End)
	}
	return string(s.Begin) + n + string(s.End)
}

// parseKeys reads digits that end with C or #; false if they are of no form.
func parseKeys(keys []byte) (m Message, ok bool) {
	m.Signal = DTMF
	if len(keys) < 2 {
		return m, false
	}
	end := keys[len(keys)-1]
	keys = keys[:len(keys)-1]
	hash := end == '#'
	switch {
	case hash && keys[0] == 'D':
		reason := string(keys) + "#"
		m.Withheld = reason == keysWithheldHash
		m.Unavailable = reason == keysInternational || reason == keysTechnicalCause
		return m, m.Withheld || m.Unavailable
	case !hash && keys[0] == 'D':
		m.Number = string(keys[1:])
		return m, digits(keys[1:])
	case hash && digits(keys):
		m.Number = string(keys)
		return m, true
	}
	for len(keys) > 0 {
		n := 1
		for n < len(keys) && keys[n] >= '0' && keys[n] <= '9' {
			n++
		}
		if !m.setKeys(keys[0], keys[1:n]) {
			return Message{}, false
		}
		keys = keys[n:]
	}
	if m.Number == "" && !m.Withheld {
		m.Unavailable = true
	}
	return m, true
}

// setKeys takes one part: A number, D redirecting number, B why there is none.
func (m *Message) setKeys(kind byte, data []byte) bool {
	switch {
	case kind == 'A':
		m.Number = string(data)
	case kind == 'D' && len(data) > 0:
		m.Redirect = string(data)
	case kind == 'B' && string(data) == keysWithheld[1:3]:
		m.Withheld, m.Number = true, ""
	case kind == 'B' && string(data) == keysUnavailable[1:3]:
		m.Unavailable = true
	default:
		return false
	}
	return true
}

func digits(b []byte) bool {
	for _, c := range b {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(b) > 0
}
