package voice

import (
	"errors"
	"strings"
	"sync"
	"time"

	"branchline/hal"
)

// Causes of ITU-T Q.850.
const (
	normalClearing   = 16
	userBusy         = 17
	noAnswer         = 19
	outOfOrder       = 27
	temporaryFailure = 41
)

const (
	// burst is how long a ring is said to last: modems tell of its beginning only, some
	// of them by RING and by DLE R.
	burst = time.Second
	// nameAfter is how long a name comes after its number. Most exchanges send none.
	nameAfter = 100 * time.Millisecond
)

// news takes a line that nobody asked for.
func (l *Line) news(line, _ string) {
	switch {
	case strings.HasPrefix(line, "RING"):
		l.rings()
	case l.caller.take(line, l.called):
	case line == "NO CARRIER":
		l.end(errors.New("the modem says " + line))
	}
}

func (l *Line) called(c hal.Caller) { l.put(hal.Event{Kind: hal.CallerID, Caller: c}) }

// rings tells of one burst of ringing.
func (l *Line) rings() {
	l.mu.Lock()
	again := l.ringing != nil && l.path == nil
	offHook := l.path != nil
	if again {
		l.ringing.Stop()
	}
	if !offHook {
		l.ringing = time.AfterFunc(burst, func() {
			l.mu.Lock()
			l.ringing = nil
			l.mu.Unlock()
			l.put(hal.Event{Kind: hal.RingEnd})
		})
	}
	l.mu.Unlock()
	if !again && !offHook {
		l.put(hal.Event{Kind: hal.RingBegin})
	}
}

// quiet ends a burst: the call was answered.
func (l *Line) quiet() {
	l.mu.Lock()
	ringing := l.ringing != nil && l.ringing.Stop()
	l.ringing = nil
	l.mu.Unlock()
	if ringing {
		l.put(hal.Event{Kind: hal.RingEnd})
	}
}

// code takes an event that came behind DLE (V.253, tables 16 and 17).
func (l *Line) code(c byte) {
	switch c {
	case 'R':
		l.rings()
	case 'b':
		l.hears(hal.Busy)
	case 'd':
		l.hears(hal.DialTone)
	case 'r':
		l.hears(hal.Ringback)
	case 'c', 'e':
		l.hears(hal.FaxCalling)
	case 'a', 'f':
		l.hears(hal.FaxAnswer)
	case 'l': // the exchange has let go
		l.mu.Lock()
		told := l.ended || l.path == nil
		l.ended = true
		path := l.path
		l.mu.Unlock()
		if !told {
			l.put(hal.Event{Kind: hal.Cleared, Cause: normalClearing})
			path.End()
		}
	case 'L':
		l.mu.Lock()
		l.reversed = !l.reversed
		reversed := l.reversed
		l.mu.Unlock()
		l.put(hal.Event{Kind: hal.Polarity, Reversed: reversed})
	default:
		if l.o.Digits && strings.IndexByte("0123456789*#ABCD", c) >= 0 {
			l.put(hal.Event{Kind: hal.Digit, Digit: c})
		}
	}
}

// hears tells of a tone, at most once a second while it goes on.
func (l *Line) hears(t hal.Tone) {
	now := l.clock.Now()
	if t == l.heard && now-l.heardAt < hal.Rate {
		return
	}
	l.heard, l.heardAt = t, now
	l.put(hal.Event{Kind: hal.Progress, Tone: t})
}

// callerLines puts together what a modem says of a caller, in lines of their own:
// DATE = 1122, TIME = 2026, NMBR = 0912345678, NAME = someone.
type callerLines struct {
	mu     sync.Mutex
	caller hal.Caller
	stamp  string // MMDD, then HHMM
	number bool
	name   bool
	timer  *time.Timer
}

// take reports whether line is one of them. done gets the caller when he is
// complete, or when no more came for a while.
func (c *callerLines) take(line string, done func(hal.Caller)) bool {
	key, value, ok := strings.Cut(line, "=")
	if !ok {
		return false
	}
	value = strings.TrimSpace(value)
	c.mu.Lock()
	defer c.mu.Unlock()
	switch strings.TrimSpace(key) {
	case "DATE":
		c.stamp = value
	case "TIME":
		if len(c.stamp) == len("0102") {
			c.caller.Time = stamp(c.stamp+value, time.Now())
		}
	case "NMBR", "DDN_NMBR":
		c.number = true
		switch value {
		case "P", "PRIVATE":
			c.caller.Withheld = true
		case "O", "OUT OF AREA", "":
			c.caller.Unavailable = true
		default:
			c.caller.Number = value
		}
	case "NAME":
		c.name = true
		if value != "P" && value != "O" {
			c.caller.Name = value
		}
	default:
		return false
	}
	switch {
	case c.number && c.name:
		c.give(done)
	case (c.number || c.name) && c.timer == nil:
		c.timer = time.AfterFunc(nameAfter, func() {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.give(done)
		})
	}
	return true
}

// give ends a caller. The lock is held.
func (c *callerLines) give(done func(hal.Caller)) {
	if c.number || c.name {
		done(c.caller)
	}
	c.clear()
}

func (c *callerLines) clear() {
	if c.timer != nil {
		c.timer.Stop()
		c.timer = nil
	}
	c.caller, c.stamp, c.number, c.name = hal.Caller{}, "", false, false
}

// stop forgets what is incomplete.
func (c *callerLines) stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.clear()
}

// stamp reads MMDDHHMM. The year is that which makes it closest to now.
func stamp(s string, now time.Time) time.Time {
	t, err := time.ParseInLocation("01021504", s, now.Location())
	if err != nil {
		return time.Time{}
	}
	best := time.Time{}
	for year := now.Year() - 1; year <= now.Year()+1; year++ {
		at := time.Date(year, t.Month(), t.Day(), t.Hour(), t.Minute(), 0, 0, now.Location())
		if best.IsZero() || at.Sub(now).Abs() < best.Sub(now).Abs() {
			best = at
		}
	}
	return best
}
