package invite

import (
	"github.com/emiago/sipgo/sip"

	"branchline/pbx/channel"
	"branchline/pbx/sip/party"
)

// parties is what the other side is told about third ones: whom it is connected
// to, and who forwarded the call to whom.
type parties struct {
	connected channel.Party
	told      channel.Party // as our last request or response had it
	by, to    channel.Party // a forwarding
	forwarded bool
}

// Identity is the endpoint's callerid: who answers there before the phone says
// so itself.
func (s *Session) Identity() (channel.Party, bool) {
	p := s.Endpoint.CallerID
	p.Presentation, p.Tag = s.Endpoint.CallerIDPrivacy, s.Endpoint.CallerIDTag
	return p, p.Number != ""
}

// hidden reports whether the caller's identity is kept from this endpoint.
func (s *Session) hidden() bool {
	return s.uac.call.Caller.Presentation.Restricted() || s.uac.call.Privacy
}

// ConnectedLine tells the party whom it is connected to: with the next response
// while its INVITE waits for one (at once with rpid_immediate), by re-INVITE or
// UPDATE (connected_line_method) later.
func (s *Session) ConnectedLine(p channel.Party) {
	s.do(func() {
		s.parties.connected = p
		if p == s.parties.told || !s.Endpoint.SendConnectedLine || !s.Endpoint.SendPAI && !s.Endpoint.SendRPID {
			return
		}
		switch s.state {
		case Offered:
			if s.Endpoint.RPIDImmediate && s.uas.rang {
				s.provisional(180, false)
			}
		case Accepted, Confirmed, Calling, Proceeding:
			s.renew()
		case Idle, Cancelling, Ending, Over:
		}
	})
}

// renew tells a change of the connected party, as soon as nothing else is under
// way.
func (s *Session) renew() {
	if s.gone || s.parties.connected == s.parties.told {
		return
	}
	update := s.peer.allow["UPDATE"] // whatever connected_line_method says, as measured
	if s.state == Proceeding && update && s.reinvite.tx == nil && len(s.uac.early) == 1 {
		for _, d := range s.uac.early {
			s.sendUpdate(d)
			return
		}
	}
	if s.state != Confirmed || s.busy() {
		s.reinvite.renewal = true
		return
	}
	if update {
		s.sendUpdate(s.dialog)
		return
	}
	s.sendReinvite(nil)
}

// present adds to an answer to the INVITE who is called, and who forwarded.
func (s *Session) present(res *sip.Response) {
	s.introduce(res.AppendHeader)
	s.forwarding(res.AppendHeader)
}

// introduce adds whom the other side is connected to.
func (s *Session) introduce(add func(sip.Header)) {
	c, e := s.parties.connected, s.Endpoint
	if !e.SendConnectedLine {
		return
	}
	s.parties.told = c
	role := "called"
	if !s.inbound {
		role = "calling"
	}
	for _, h := range party.Identity(e, c, c.Presentation.Restricted(), role, s.Local.Host) {
		add(h)
	}
}

// Forwarding tells an unanswered caller that his call goes elsewhere (181).
func (s *Session) Forwarding(by, to channel.Party) {
	s.do(func() {
		s.parties.by, s.parties.to, s.parties.forwarded = by, to, true
		if s.state == Offered {
			s.provisional(181, false)
		}
	})
}

// forwarding are the headers about who forwarded the call, on answers to the
// INVITE.
func (s *Session) forwarding(add func(sip.Header)) {
	if !s.parties.forwarded {
		return
	}
	by, e, host := s.parties.by, s.Endpoint, s.Local.Host
	if by.Number != "" {
		for _, h := range party.Diversion(e, by, host) {
			add(h)
		}
	}
	if by.Number == "" && s.uas.req != nil {
		by.Number = party.Number(&s.uas.req.Recipient)
	}
	for _, h := range party.History(e, by, s.parties.to, host) {
		add(h)
	}
}

// forwardedBy is who sends our call elsewhere with a 3xx: by its own word, else
// the party called.
func (s *Session) forwardedBy(res *sip.Response) channel.Party {
	by := party.Redirecting(res)
	if by.Number == "" {
		if p, known := s.Identity(); known {
			by.Name, by.Number, by.Presentation = p.Name, p.Number, p.Presentation
		}
	}
	if to := res.To(); by.Number == "" && to != nil {
		by.Name, by.Number = party.Unquote(to.DisplayName), party.Number(&to.Address)
	}
	return by
}

// meet reports whom the other side says it is, where that is to be believed.
func (s *Session) meet(m sip.Message) {
	if s.gone || !s.Endpoint.TrustIDInbound || !s.Endpoint.TrustConnectedLine {
		return
	}
	p, ok := party.Named(m)
	if !ok || p == s.met {
		return
	}
	s.met = p
	s.emit(channel.Event{Kind: channel.Identity, Party: p})
}
