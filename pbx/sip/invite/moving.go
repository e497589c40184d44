package invite

import "branchline/pbx/sip/link"

// Appears is how the exchange appears to the endpoint at present.
func (s *Session) Appears() link.Local { return s.facts.Load().Local }

// Move tells the session that the exchange has another address now, as l has it. Its
// RTP sockets stay (l.MediaBind does not count). The other side learns the new
// Contact and the new address for media by a re-INVITE (RFC 3261 14), at once if the
// call stands and nothing else is under way, else as soon as that is so.
func (s *Session) Move(l link.Local) {
	s.do(func() {
		l.MediaBind = s.Local.MediaBind
		if l == s.Local || s.gone {
			return
		}
		s.log.Info("our address has changed", "from", s.Local.Host, "to", l.Host)
		s.Local = l
		if s.dialog != nil {
			s.dialog.Contact.Host, s.dialog.Contact.Port = l.Host, l.Port
		}
		s.publish()
		if s.state != Idle {
			s.renegotiate()
		}
	})
}
