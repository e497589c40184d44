package invite

import (
	"strconv"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"

	"branchline/pbx/channel"
	"branchline/pbx/sip/desk"
	"branchline/pbx/sip/header"
)

// timing is the session timer (RFC 4028): a call whose refresh fails to come is
// over.
type timing struct {
	interval time.Duration // 0: no session timer
	mine     bool          // we refresh
	uac      bool          // the refresher is the sender of the last (re-)INVITE or UPDATE
	peerMin  time.Duration // highest Min-SE heard
	require  bool          // our 2xx says Require: timer
	refresh  desk.Alarm
	end      desk.Alarm
}

func (s *Session) minSE() time.Duration {
	if m := s.Endpoint.TimersMinSE; m > 0 {
		return m
	}
	return 90 * time.Second
}

func (s *Session) sessionExpires() time.Duration {
	want := s.Endpoint.TimersExpires
	if want <= 0 {
		want = 30 * time.Minute
	}
	return max(want, s.minSE(), s.timing.peerMin)
}

// expiry reads Session-Expires.
func expiry(m sip.Message) (d time.Duration, refresher string, ok bool) {
	hs := m.GetHeaders("Session-Expires")
	hs = append(hs, m.GetHeaders("x")...)
	if len(hs) == 0 {
		return 0, "", false
	}
	parts := strings.Split(hs[0].Value(), ";")
	n, err := strconv.ParseUint(strings.TrimSpace(parts[0]), 10, 31)
	if err != nil {
		return 0, "", false
	}
	for _, p := range parts[1:] {
		if k, v, _ := strings.Cut(strings.TrimSpace(p), "="); strings.EqualFold(k, "refresher") {
			refresher = strings.ToLower(strings.TrimSpace(v))
		}
	}
	return time.Duration(n) * time.Second, refresher, true
}

func (t *timing) heardMin(m sip.Message) {
	if h := m.GetHeaders("Min-SE"); len(h) > 0 {
		text, _, _ := strings.Cut(h[0].Value(), ";")
		if n, err := strconv.ParseUint(strings.TrimSpace(text), 10, 31); err == nil {
			t.peerMin = max(t.peerMin, time.Duration(n)*time.Second)
		}
	}
}

// take reads what an INVITE or UPDATE asks for (9). It reports that the interval
// is too small to be accepted.
func (t *timing) take(s *Session, req *sip.Request) (small bool) {
	if s.Endpoint.Timers == "no" {
		return false
	}
	t.heardMin(req)
	d, refresher, asked := expiry(req)
	able := s.peer.supported["timer"] || header.Requires(req, "timer")
	switch {
	case asked && d < s.minSE() && able:
		return true
	case asked:
		t.interval = max(d, s.minSE())
	case s.Endpoint.Timers == "always" || s.Endpoint.Timers == "forced":
		t.interval, refresher = s.sessionExpires(), "uas"
	default:
		t.interval = 0
		return false
	}
	// Table 2: who does not know the timer cannot refresh.
	t.uac = able && refresher != "uas"
	t.mine = !t.uac
	t.require = t.uac
	return false
}

// answer says in a 2xx what take settled.
func (t *timing) answer(s *Session, res *sip.Response) {
	if t.interval == 0 {
		return
	}
	if t.require {
		res.AppendHeader(sip.NewHeader("Require", "timer"))
	}
	res.AppendHeader(sip.NewHeader("Session-Expires", seconds(t.interval)+";refresher="+role(t.uac)))
}

// ask puts our wish on an INVITE or UPDATE (7.1).
func (t *timing) ask(s *Session, req *sip.Request) {
	if s.Endpoint.Timers == "no" || s.Endpoint.Timers == "accept" && t.interval == 0 {
		return // accept: sip.conf's word for serving timers that others ask for
	}
	d := s.sessionExpires()
	if t.interval > 0 {
		d = max(t.interval, t.peerMin)
		req.AppendHeader(sip.NewHeader("Session-Expires", seconds(d)+";refresher="+role(t.mine)))
	} else {
		req.AppendHeader(sip.NewHeader("Session-Expires", seconds(d)))
	}
	req.AppendHeader(sip.NewHeader("Min-SE", seconds(max(s.minSE(), t.peerMin))))
}

// hear reads what a 2xx to our request settled (7.2).
func (t *timing) hear(s *Session, res *sip.Response) {
	if s.Endpoint.Timers == "no" {
		return
	}
	d, refresher, ok := expiry(res)
	switch {
	case ok:
		t.interval, t.mine = d, refresher != "uas"
	case s.Endpoint.Timers == "always" || s.Endpoint.Timers == "forced":
		t.interval, t.mine = s.sessionExpires(), true
	default:
		t.interval = 0
	}
}

// start sets the clock anew: half the interval to our refresh, or a bit less
// than the whole until the other side's must have come (10).
func (t *timing) start(s *Session) {
	s.clock.Stop(&t.refresh)
	s.clock.Stop(&t.end)
	if t.interval == 0 {
		return
	}
	if t.mine {
		s.clock.Set(&t.refresh, t.interval/2, s.refresh)
	}
	s.clock.Set(&t.end, t.interval-min(32*time.Second, t.interval/3), func() {
		if s.state == Accepted || s.state == Confirmed {
			s.log.Info("session timer expired")
			s.fail(channel.RecoveryOnTimerExpire, 408, "session timer expired")
		}
	})
}

func role(uac bool) string {
	if uac {
		return "uac"
	}
	return "uas"
}

func seconds(d time.Duration) string { return strconv.FormatInt(int64(d/time.Second), 10) }
