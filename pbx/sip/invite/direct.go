package invite

import (
	"branchline/pbx/channel"
	"branchline/pbx/sip/facts"
)

// CanDirect reports whether this leg's party and other's could exchange their
// media without us: both may, both talk, with the same codec, packet time and
// way of sending digits.
func (s *Session) CanDirect(other channel.Leg) bool {
	o, ok := other.(*Session)
	if !ok || o == s {
		return false
	}
	return facts.Direct(s.facts.Load(), o.facts.Load())
}

// Direct lets this leg's party send its media to other's party, by a re-INVITE
// with that party's address and the codec in use; nil takes the media back. The
// port stays open meanwhile. Both legs must be told, each about the other.
func (s *Session) Direct(other channel.Leg) {
	o, _ := other.(*Session)
	s.do(func() {
		if s.gone || s.direct == o {
			return
		}
		switch s.state {
		case Confirmed:
			s.direct = o
			s.renegotiate()
		case Offered, Accepted: // once the ACK is there
			s.direct = o
			s.reinvite.wanted = true
		case Idle, Calling, Proceeding, Cancelling, Ending, Over:
		}
	})
}

// part gives direct media up, for both sides: the other party must not go on
// sending to one that is gone or did not agree.
func (s *Session) part() {
	o := s.direct
	s.direct = nil
	if o == nil {
		return
	}
	o.do(func() {
		if o.direct == s {
			o.direct = nil
			o.renegotiate()
		}
	})
}

// Replaceable reports whether another party may take this one's place (RFC 3891
// 3): in a call that stands, or that we place and which rings.
func (s *Session) Replaceable() bool { return s.facts.Load().Replaceable }

func (s *Session) replaceable() bool {
	switch s.state {
	case Accepted, Confirmed:
		return true
	case Calling, Proceeding:
		return !s.inbound
	case Idle, Offered, Cancelling, Ending, Over:
	}
	return false
}
