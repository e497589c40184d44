package fxo

import (
	"fmt"
	"slices"
	"time"

	"branchline/hal"
	"branchline/pbx/line/lineconf"
)

// A rhythm is in which pattern a line rings, as chan_dahdi writes it down: when
// bursts end, counted from the end of the first and back from ringtimeout, in steps
// of 20 ms. 2 s of ringing and 4 s of silence are 100,0,0.
type rhythm struct {
	began time.Time // the first burst was over
	ends  [lineconf.RingEnds]int
	n     int
	known bool // all that is looked at has been heard
}

const rhythmStep = 20 * time.Millisecond

// burst takes the end of one. The pattern is known when it has gone on for half the
// ringtimeout, or is as long as it can be.
func (r *rhythm) burst(now time.Time, timeout time.Duration) {
	switch {
	case r.known:
	case r.began.IsZero():
		r.began = now
	default:
		left := timeout - now.Sub(r.began)
		r.ends[r.n] = int(max(0, left) / rhythmStep)
		r.n++
		r.known = left < timeout/2 || r.n == len(r.ends)
	}
}

func (r *rhythm) String() string { return fmt.Sprintf("%d,%d,%d", r.ends[0], r.ends[1], r.ends[2]) }

// matches reports whether the pattern is p, as exactly as p asks for.
func (r *rhythm) matches(p *lineconf.RingPattern) bool {
	if p.Context == "" {
		return false
	}
	for i, want := range p.Ends {
		if off := r.ends[i] - want; want != lineconf.AnyEnd && (off > p.Range || off < -p.Range) {
			return false
		}
	}
	return true
}

// studies reports whether the line's rhythm is to be heard out before a call is
// offered.
func (m *Machine) studies() bool {
	return m.conf.DistinctRings && !m.conf.Immediate && m.info.Kind == hal.FXO
}

// context is where the call begins, by its rhythm.
func (m *Machine) context() string {
	if !m.studies() {
		return m.conf.Context
	}
	i := slices.IndexFunc(m.conf.RingPatterns[:], func(p lineconf.RingPattern) bool { return m.rhythm.matches(&p) })
	if i < 0 {
		m.port.Note("ring pattern of no dring", "pattern", m.rhythm.String(), "context", m.conf.Context)
		return m.conf.Context
	}
	m.port.Note(fmt.Sprintf("ring pattern of dring%d", i+1), "pattern", m.rhythm.String(), "context", m.conf.RingPatterns[i].Context)
	return m.conf.RingPatterns[i].Context
}
