package dtmf

// How a dial tone is told from the low part of a voice, which is the best sign
// against a digit: it stood there before, evenly, and was all there was. It is
// judged by the strongest window in 42 ms, since tones that are close together beat.
const (
	standHops   = 20   // of a span
	standSpans  = 5    // it stood for 210 ms
	standShare  = 0.90 // of all energy is below the digits
	standEven   = 1.6  // strongest window of one span to that of another
	standSpare  = 1.6  // what it may grow by when a digit's edge falls on it
	standStays  = 20   // spans for which it is believed after it was not seen
	standFloor  = 3e4  // energy of a window at about -45 dBm0, below which nothing stands
	ripple      = 0.12 // share of a digit that the filter leaves below
	standMissed = 0.4  // it is no longer seen when less than this is left
)

// A standing watches for a steady low tone.
type standing struct {
	hops         int     // of the span
	peak         float64 // strongest window of it below the digits
	below, above float64 // energy of it
	ref          float64 // peak of the spans counted
	spans        int     // how many were even
	level        float64 // of the tone that stands; 0: none
	left         int     // spans for which it is still believed
}

// step takes the window after another hop.
func (s *standing) step(below, above float64) {
	s.peak = max(s.peak, below)
	s.below += below
	s.above += above
	if s.hops++; s.hops == standHops {
		s.span()
		s.hops, s.peak, s.below, s.above = 0, 0, 0, 0
	}
}

func (s *standing) span() {
	if s.level > 0 {
		if s.peak > s.level*standMissed && s.peak < s.level*2+ripple*s.above {
			s.left = standStays
		} else if s.left--; s.left == 0 {
			s.level = 0
		}
	}
	switch {
	case s.peak < standFloor || s.below*(1-standShare) < s.above*standShare:
		s.spans = 0
		return
	case s.spans == 0 || s.peak > s.ref*standEven || s.peak*standEven < s.ref:
		s.spans, s.ref = 0, s.peak
	}
	if s.spans++; s.spans >= standSpans {
		s.level, s.left = max(s.ref, s.peak), standStays
	}
}

// strange is the energy below the digits that is neither of a digit nor of a dial
// tone.
func (s *standing) strange(below, above float64) float64 {
	return max(0, below-ripple*above-s.level*standSpare)
}
