package invite

import (
	"time"

	"branchline/pbx/channel"
	"branchline/pbx/sip/desk"
	"branchline/pbx/sip/sessiontimer"
)

// timing is the session timer (RFC 4028) with its clock: a call whose refresh fails
// to come is over.
type timing struct {
	sessiontimer.State
	refresh desk.Alarm
	end     desk.Alarm
}

// startTimer sets the clock anew: half the interval to our refresh, or a bit less
// than the whole until the other side's must have come (10).
func (s *Session) startTimer() {
	t := &s.timing
	s.clock.Stop(&t.refresh)
	s.clock.Stop(&t.end)
	if t.Interval == 0 {
		return
	}
	if t.Mine {
		s.clock.Set(&t.refresh, t.Interval/2, s.refresh)
	}
	s.clock.Set(&t.end, t.Interval-min(32*time.Second, t.Interval/3), func() {
		if s.state == Accepted || s.state == Confirmed {
			s.log.Info("session timer expired")
			s.fail(channel.RecoveryOnTimerExpire, 408, "session timer expired")
		}
	})
}
