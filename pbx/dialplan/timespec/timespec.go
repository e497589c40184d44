// Package timespec is the dialplan's way to say when something holds.
package timespec

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// A Spec says when an include, GotoIfTime or IFTIME holds:
// times,weekdays,days of month,months[,time zone].
type Spec struct {
	minutes  []span // of the day, both ends included; nil: any
	weekdays uint8  // bit 0: Sunday; 0: any
	days     uint32 // bit 1: the first; 0: any
	months   uint16 // bit 1: January; 0: any
	zone     *time.Location
}

type span struct{ from, to int }

var (
	weekdayNames = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}
	monthNames   = []string{"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"}
)

// Parse reads a time specification; '|' separates as ',' does. A part
// that cannot be read does not restrict, and the error names it.
func Parse(s string) (Spec, error) {
	var t Spec
	var errs []error
	s = strings.ReplaceAll(s, "|", ",")
	parts := strings.SplitN(s, ",", 5)
	for i, part := range parts {
		part = strings.TrimSpace(part)
		if part == "*" || part == "" {
			continue
		}
		if err := t.read(i, part); err != nil {
			errs = append(errs, fmt.Errorf("%q: %w", part, err))
		}
	}
	return t, errors.Join(errs...)
}

func (t *Spec) read(i int, part string) error {
	switch i {
	case 0:
		return t.readTimes(part)
	case 1:
		bits, err := ranges(part, 0, 6, weekdayNames, "weekday")
		t.weekdays = uint8(bits)
		return err
	case 2:
		bits, err := ranges(part, 1, 31, nil, "day of the month")
		t.days = uint32(bits)
		return err
	case 3:
		bits, err := ranges(part, 1, 12, monthNames, "month")
		t.months = uint16(bits)
		return err
	}
	zone, err := time.LoadLocation(part)
	if err != nil {
		return errors.New("not a time zone")
	}
	t.zone = zone
	return nil
}

func (t *Spec) readTimes(s string) error {
	var spans []span
	for _, r := range strings.Split(s, "&") {
		from, to, found := strings.Cut(strings.TrimSpace(r), "-")
		if !found {
			return errors.New("not a range of times like 9:00-17:00")
		}
		a, ok := minuteOf(from)
		b, ok2 := minuteOf(to)
		if !ok || !ok2 {
			return errors.New("not a range of times like 9:00-17:00")
		}
		if a <= b {
			spans = append(spans, span{a, b})
		} else { // over midnight
			spans = append(spans, span{a, 24*60 - 1}, span{0, b})
		}
	}
	t.minutes = spans
	return nil
}

func minuteOf(s string) (int, bool) {
	h, m, found := strings.Cut(strings.TrimSpace(s), ":")
	hour, err := strconv.Atoi(h)
	minute, err2 := strconv.Atoi(m)
	if !found || err != nil || err2 != nil || hour < 0 || hour > 23 || minute < 0 || minute > 59 {
		return 0, false
	}
	return hour*60 + minute, true
}

// ranges reads `a`, `a-b` and `a&b` into bits; a range may wrap round.
func ranges(s string, lo, hi int, names []string, what string) (uint64, error) {
	var bits uint64
	for _, r := range strings.Split(s, "&") {
		from, to, found := strings.Cut(r, "-")
		a, ok := numbered(from, lo, hi, names)
		b := a
		if found {
			var ok2 bool
			b, ok2 = numbered(to, lo, hi, names)
			ok = ok && ok2
		}
		if !ok {
			return 0, fmt.Errorf("not a %s", what)
		}
		for i := a; ; {
			bits |= 1 << i
			if i == b {
				break
			}
			if i++; i > hi {
				i = lo
			}
		}
	}
	return bits, nil
}

func numbered(s string, lo, hi int, names []string) (int, bool) {
	s = strings.ToLower(strings.TrimSpace(s))
	if len(s) >= 3 {
		for i, n := range names {
			if s[:3] == n {
				return lo + i, true
			}
		}
	}
	n, err := strconv.Atoi(s)
	if names != nil && lo == 0 { // weekdays have names only
		return 0, false
	}
	return n, err == nil && n >= lo && n <= hi
}

// Match reports whether the moment lies within the specification.
func (t Spec) Match(now time.Time) bool {
	if t.zone != nil {
		now = now.In(t.zone)
	}
	if t.months != 0 && t.months&(1<<now.Month()) == 0 ||
		t.days != 0 && t.days&(1<<now.Day()) == 0 ||
		t.weekdays != 0 && t.weekdays&(1<<now.Weekday()) == 0 {
		return false
	}
	if t.minutes == nil {
		return true
	}
	minute := now.Hour()*60 + now.Minute()
	for _, s := range t.minutes {
		if minute >= s.from && minute <= s.to {
			return true
		}
	}
	return false
}
