package invite

import (
	"branchline/pbx/channel"
	"branchline/pbx/sip/facts"
	"branchline/pbx/sip/negotiation"
)

// publish makes the present state visible.
func (s *Session) publish() {
	f := &facts.Facts{
		Endpoint: s.Endpoint, Talks: s.state == Confirmed || s.state == Accepted || s.state == Offered, Replaceable: s.replaceable(),
		Local: s.Local, Port: s.port.Local().Port(), Video: s.video, Contact: s.uac.call.Contact, AOR: s.uac.call.AOR,
	}
	if s.talk.InForce || s.talk.Prepared != nil {
		r := s.talk.Result
		f.Remote, f.Send, f.Recv = r.Audio.Remote, r.Audio.Send, r.Audio.Recv
		f.Ptime, f.Digits, f.EventPT = r.Audio.Ptime, negotiation.Digits(s.Endpoint, r.Audio), r.Audio.EventPT
		if len(r.Audio.Formats) > 0 {
			f.Codec = r.Audio.Formats[0].Codec
		}
	}
	switch {
	case s.uas.req != nil:
		f.Source = s.uas.req.Source()
		f.RequestURI = s.uas.req.Recipient.String()
	case s.uac.req != nil:
		f.RequestURI = s.uac.req.Recipient.String()
		f.CallID = s.uac.callID
		f.LocalTag = s.uac.tag
		if h := s.uac.req.From(); h != nil {
			f.LocalURI = h.Address.String()
		}
		if h := s.uac.req.To(); h != nil {
			f.RemoteURI = h.Address.String()
		}
	}
	if d := s.dialog; d != nil {
		f.CallID = d.CallID
		f.LocalURI, f.LocalTag = d.Local.URI.String(), d.Local.Tag
		f.RemoteURI, f.RemoteTag = d.Remote.URI.String(), d.Remote.Tag
		f.Target = d.Target.String()
		if f.Source == "" {
			f.Source = facts.Text(f.Remote)
		}
	}
	s.facts.Store(f)
}

// Fact answers CHANNEL(), see facts.Facts.
func (s *Session) Fact(name string) (string, bool) { return s.facts.Load().Fact(name) }

// The optional abilities a session has.
var (
	_ channel.Leg         = (*Session)(nil)
	_ channel.DigitSender = (*Session)(nil)
	_ channel.Director    = (*Session)(nil)
	_ channel.Facts       = (*Session)(nil)
	_ channel.Headers     = (*Session)(nil)
	_ channel.Redirector  = (*Session)(nil)
	_ channel.Forwarder   = (*Session)(nil)
	_ channel.Known       = (*Session)(nil)
	_ channel.Reminder    = (*Session)(nil)
)
