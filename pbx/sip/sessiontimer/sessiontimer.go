// Package sessiontimer is the session timer (RFC 4028) as a value: how long a call
// lasts without a refresh, and who refreshes it, as requests and responses settle
// it. The clock itself is the call's, in package invite.
package sessiontimer

import (
	"strconv"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"

	"branchline/pbx/settings"
)

// A State is what was settled. The zero value is a call without a timer.
type State struct {
	Interval time.Duration // 0: no session timer
	Mine     bool          // we refresh
	uac      bool          // the refresher is the sender of the last (re-)INVITE or UPDATE
	peerMin  time.Duration // highest Min-SE heard
	require  bool          // our 2xx says Require: timer
}

// MinSE is the shortest interval an endpoint may ask for.
func MinSE(e *settings.Endpoint) time.Duration {
	if m := e.TimersMinSE; m > 0 {
		return m
	}
	return 90 * time.Second
}

// Wish is the interval we ask for.
func (t *State) Wish(e *settings.Endpoint) time.Duration {
	want := e.TimersExpires
	if want <= 0 {
		want = 30 * time.Minute
	}
	return max(want, MinSE(e), t.peerMin)
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

// Longer notes the Min-SE of a message, and reports whether it asks for more than
// those before it.
func (t *State) Longer(m sip.Message) bool {
	before := t.peerMin
	if h := m.GetHeaders("Min-SE"); len(h) > 0 {
		text, _, _ := strings.Cut(h[0].Value(), ";")
		if n, err := strconv.ParseUint(strings.TrimSpace(text), 10, 31); err == nil {
			t.peerMin = max(t.peerMin, time.Duration(n)*time.Second)
		}
	}
	return t.peerMin > before
}

// Take reads what an INVITE or UPDATE asks for (9); able says that its sender knows
// the timer. It reports that the interval is too small to be accepted.
func (t *State) Take(e *settings.Endpoint, req *sip.Request, able bool) (small bool) {
	if e.Timers == "no" {
		return false
	}
	t.Longer(req)
	d, refresher, asked := expiry(req)
	switch {
	case asked && d < MinSE(e) && able:
		return true
	case asked:
		t.Interval = max(d, MinSE(e))
	case e.Timers == "always" || e.Timers == "forced":
		t.Interval, refresher = t.Wish(e), "uas"
	default:
		t.Interval = 0
		return false
	}
	// Table 2: who does not know the timer cannot refresh.
	t.uac = able && refresher != "uas"
	t.Mine = !t.uac
	t.require = t.uac
	return false
}

// Undo takes back what a refused request said.
func (t *State) Undo(before State) {
	before.peerMin = t.peerMin
	*t = before
}

// Answer are the headers by which a 2xx says what Take settled.
func (t *State) Answer() (out []sip.Header) {
	if t.Interval == 0 {
		return nil
	}
	if t.require {
		out = append(out, sip.NewHeader("Require", "timer"))
	}
	return append(out, sip.NewHeader("Session-Expires", Seconds(t.Interval)+";refresher="+role(t.uac)))
}

// Ask puts our wish on an INVITE or UPDATE (7.1).
func (t *State) Ask(e *settings.Endpoint, req *sip.Request) {
	if e.Timers == "no" || e.Timers == "accept" && t.Interval == 0 {
		return // accept: sip.conf's word for serving timers that others ask for
	}
	d := t.Wish(e)
	if t.Interval > 0 {
		d = max(t.Interval, t.peerMin)
		req.AppendHeader(sip.NewHeader("Session-Expires", Seconds(d)+";refresher="+role(t.Mine)))
	} else {
		req.AppendHeader(sip.NewHeader("Session-Expires", Seconds(d)))
	}
	req.AppendHeader(sip.NewHeader("Min-SE", Seconds(max(MinSE(e), t.peerMin))))
}

// Hear reads what a 2xx to our request settled (7.2).
func (t *State) Hear(e *settings.Endpoint, res *sip.Response) {
	if e.Timers == "no" {
		return
	}
	d, refresher, ok := expiry(res)
	switch {
	case ok:
		t.Interval, t.Mine = d, refresher != "uas"
	case e.Timers == "always" || e.Timers == "forced":
		t.Interval, t.Mine = t.Wish(e), true
	default:
		t.Interval = 0
	}
}

func role(uac bool) string {
	if uac {
		return "uac"
	}
	return "uas"
}

// Seconds is a duration as the headers have it.
func Seconds(d time.Duration) string { return strconv.FormatInt(int64(d/time.Second), 10) }
