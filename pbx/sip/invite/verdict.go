package invite

import (
	"strconv"
	"strings"

	"branchline/pbx/channel"
	"branchline/pbx/sip/dialog"
)

// HangupWith ends an inbound call that is not answered with a certain final
// response, given as a number (400-699) or by its name ("BUSY_HERE"); any other
// call ends as usual. It reports false, and does nothing, if there is no such
// response.
func (s *Session) HangupWith(status string) bool {
	code := verdict(status)
	if code == 0 {
		return false
	}
	s.do(func() {
		cause := causeOf(code)
		if s.state != Offered || s.gone || s.uas.wanted != nil {
			s.hangup(cause)
			return
		}
		s.release(cause, code, "")
		s.uas.verdict = code
		s.reject(cause)
	})
	return true
}

// verdict reads a final response that refuses; 0 if it is none.
func verdict(text string) int {
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

var _ channel.Judge = (*Session)(nil)
