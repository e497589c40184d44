package sessiontimer

import (
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"

	"branchline/pbx/settings"
)

func request(lines ...string) *sip.Request {
	req := sip.NewRequest(sip.INVITE, sip.Uri{})
	for i := 0; i < len(lines); i += 2 {
		req.AppendHeader(sip.NewHeader(lines[i], lines[i+1]))
	}
	return req
}

// Who refreshes and how often, by RFC 4028's table 2.
func TestTake(t *testing.T) {
	for _, c := range []struct {
		name   string
		set    string
		expire string
		able   bool
		want   time.Duration
		mine   bool
		small  bool
		answer int // headers of a 2xx
	}{
		{"not asked", "yes", "", true, 0, false, false, 0},
		{"forced", "always", "", true, 30 * time.Minute, true, false, 1},
		{"caller refreshes", "yes", "200", true, 200 * time.Second, false, false, 2},
		{"we shall", "yes", "200;refresher=uas", true, 200 * time.Second, true, false, 1},
		{"a proxy asks for who does not know", "yes", "200;refresher=uac", false, 200 * time.Second, true, false, 1},
		{"too small", "yes", "60", true, 0, false, true, 0},
		{"too small from who cannot know", "yes", "60", false, 90 * time.Second, true, false, 1},
		{"nonsense", "yes", "soon", true, 0, false, false, 0},
		{"switched off", "no", "200", true, 0, false, false, 0},
	} {
		var s State
		req := request()
		if c.expire != "" {
			req = request("Session-Expires", c.expire)
		}
		small := s.Take(&settings.Endpoint{Timers: c.set}, req, c.able)
		if small != c.small || s.Interval != c.want || s.Interval > 0 && s.Mine != c.mine || len(s.Answer()) != c.answer {
			t.Errorf("%s: %+v, small %v, %v", c.name, s, small, s.Answer())
		}
	}
}

// What the other side finds too short is asked for longer, and stays so when a
// request of it is refused.
func TestLonger(t *testing.T) {
	e := &settings.Endpoint{Timers: "yes", TimersExpires: 100 * time.Second}
	var s State
	before := s
	if s.Longer(request("Min-SE", "x")) || !s.Longer(request("Min-SE", "600;a=b")) || s.Longer(request("Min-SE", "600")) {
		t.Error("Min-SE misread")
	}
	s.Interval = time.Hour
	s.Undo(before)
	req := request()
	s.Ask(e, req)
	if got := req.GetHeader("Session-Expires").Value(); s.Interval != 0 || got != "600" {
		t.Errorf("%v, asks for %s", s.Interval, got)
	}
	s.Hear(e, sip.NewResponseFromRequest(request(), 200, "OK", nil))
	if s.Interval != 0 {
		t.Errorf("%v although nothing was said", s.Interval)
	}
}
