package invite

import (
	"branchline/pbx/channel"
	"branchline/pbx/sip/q850"
)

// HangupWith ends an inbound call that is not answered with a certain final
// response, given as a number (400-699) or by its name ("BUSY_HERE"); any other
// call ends as usual. It reports false, and does nothing, if there is no such
// response.
func (s *Session) HangupWith(status string) bool {
	code := q850.Refusal(status)
	if code == 0 {
		return false
	}
	s.do(func() {
		cause := q850.Cause(code)
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

var _ channel.Judge = (*Session)(nil)
