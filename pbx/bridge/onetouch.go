package bridge

import (
	"cmp"
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"branchline/pbx/channel"
	"branchline/pbx/recording"
)

// byKey names the recordings that a party began by a key.
const byKey = "one touch"

// recorded: the speech of both has to come past the exchange.
func (t *talk) recorded() bool {
	return t.Studio != nil && (t.Studio.Recorded(t.a.c) || t.Studio.Recorded(t.b.c))
}

// oneTouch begins a recording of the call, or ends the one that was begun so.
func oneTouch(_ context.Context, t *talk, s *side) error {
	if t.Studio == nil {
		return nil
	}
	if t.Studio.StopKey(t.a.c, byKey)+t.Studio.StopKey(t.b.c, byKey) > 0 {
		t.trace(3, "%s stopped the recording", s.c.Name)
		t.beep = time.Time{}
		t.message(s, "TOUCH_MIXMONITOR_MESSAGE_STOP")
		t.setDirect(t.canDirect())
		return nil
	}
	name := t.takeName(s)
	order := recording.Order{Mixed: name, Key: byKey}
	_, err := t.Studio.Start(s.c, order)
	if err != nil { // a Local channel has no speech of its own, but its peer may
		if _, other := t.Studio.Start(t.other(s).c, order); other != nil {
			t.Log.Warn("one-touch recording", "call", s.c.Name, "error", err)
			return nil
		}
	}
	for _, p := range [...]*side{t.a, t.b} {
		p.c.SetVar("TOUCH_MIXMONITOR_OUTPUT", t.Studio.Path(name))
	}
	t.trace(3, "%s started to record into %s", s.c.Name, name)
	t.setDirect(t.canDirect())
	t.message(s, "TOUCH_MIXMONITOR_MESSAGE_START")
	if n, err := strconv.Atoi(t.either(s, "TOUCH_MIXMONITOR_BEEP")); err == nil && n > 0 {
		t.every = time.Duration(max(n, 5)) * time.Second
		t.beep = time.Now().Add(t.every)
	}
	return nil
}

// either is a variable of s, or of its peer.
func (t *talk) either(s *side, name string) string {
	if v, ok := s.c.Var(name); ok && v != "" {
		return v
	}
	v, _ := t.other(s).c.Var(name)
	return v
}

// takeName is auto-<seconds>-<caller>-<callee>.wav, or what the variables of the
// call ask for.
func (t *talk) takeName(s *side) string {
	who := t.either(s, "TOUCH_MIXMONITOR")
	if who == "" {
		who = called(t.a.c) + "-" + called(t.b.c)
	}
	name := fmt.Sprintf("%s-%d-%s.%s", cmp.Or(t.either(s, "TOUCH_MIXMONITOR_PREFIX"), "auto"), time.Now().Unix(), who,
		cmp.Or(t.either(s, "TOUCH_MIXMONITOR_FORMAT"), "wav"))
	// Callers choose their names themselves, and shall not choose directories.
	return strings.Map(func(r rune) rune {
		if r < ' ' || strings.ContainsRune(`/\`, r) {
			return '-'
		}
		return r
	}, name)
}

// called is what a channel goes by in the name of a file.
func called(c *channel.Channel) string {
	name, _, _ := strings.Cut(c.Name, "-")
	return cmp.Or(c.Caller.Number, name)
}

// message plays what a variable names to s.
func (t *talk) message(s *side, variable string) {
	if file := t.either(s, variable); file != "" {
		t.announce(s == t.a, s == t.b, file)
	}
}

// beepDue lets both hear from time to time that they are recorded.
func (t *talk) beepDue(now time.Time) {
	if t.beep.IsZero() || now.Before(t.beep) {
		return
	}
	t.beep = now.Add(t.every)
	t.announce(true, true, "beep")
}
