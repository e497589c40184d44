package invite

import (
	"strconv"
	"strings"

	"github.com/emiago/sipgo/sip"

	"branchline/pbx/channel"
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
	for _, h := range s.identity(c, c.Presentation.Restricted(), role) {
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
	by := s.parties.by
	if by.Number != "" {
		s.diversion(add, by)
	}
	if by.Number == "" && s.uas.req != nil {
		by.Number = userOf(&s.uas.req.Recipient)
	}
	s.history(add, by, s.parties.to)
}

// diversion is RFC 5806's header.
func (s *Session) diversion(add func(sip.Header), by channel.Party) {
	if !s.Endpoint.SendDiversion {
		return
	}
	reason := by.Reason
	if reason == "" {
		reason = "unknown"
	}
	add(sip.NewHeader("Diversion", nameAddr(by, s.Local.Host)+";reason="+reason))
}

// history is RFC 7044's: the first and the last party the call was meant for.
func (s *Session) history(add func(sip.Header), by, to channel.Party) {
	if !s.Endpoint.SendHistoryInfo || by.Number == "" {
		return
	}
	entry := func(p channel.Party, cause int, index string) {
		u := sip.Uri{Scheme: "sip", User: escapeUser(p.Number), Host: s.Local.Host}
		if cause > 0 {
			u.UriParams.Add("cause", strconv.Itoa(cause))
		}
		text := "<" + u.String() + ">;index=" + index
		if p.Name != "" {
			text = `"` + quote(p.Name) + `" ` + text
		}
		add(sip.NewHeader("History-Info", text))
	}
	entry(by, 0, "1")
	if to.Number != "" {
		entry(to, historyCause(by.Reason), "1.1")
	}
}

// historyReasons are the words of Diversion (RFC 5806) for the causes that
// History-Info gives a forwarding (RFC 4458 2).
var historyReasons = [...]struct {
	word  string
	cause int
}{
	{"user-busy", 486}, {"no-answer", 408}, {"unavailable", 503}, {"unconditional", 302},
	{"time-of-day", 404}, {"do-not-disturb", 480}, {"deflection", 480}, {"follow-me", 302},
	{"out-of-service", 503}, {"away", 480},
}

func historyCause(reason string) int {
	for _, r := range historyReasons {
		if r.word == reason {
			return r.cause
		}
	}
	return 302
}

func historyReason(cause string) string {
	n, err := strconv.Atoi(cause)
	if err != nil {
		return ""
	}
	for _, r := range historyReasons {
		if r.cause == n {
			return r.word
		}
	}
	return "unknown"
}

// RedirectingOf is who forwarded the call here, by Diversion (RFC 5806), or else
// by History-Info (RFC 7044): the entry before the last one.
func RedirectingOf(m sip.Message) channel.Party {
	by, _ := forwarders(m)
	return by
}

// forwarders are who forwarded a call and to whom, as a message tells it.
func forwarders(m sip.Message) (by, to channel.Party) {
	if hs := m.GetHeaders("Diversion"); len(hs) > 0 {
		p, params, ok := address(firstAddress(hs[0].Value()))
		if !ok {
			return by, to
		}
		reason, _ := params.Get("reason")
		p.Reason = strings.Trim(reason, `"`)
		p.Count = len(hs)
		return p, to
	}
	type entry struct {
		party channel.Party
		cause string
	}
	var list []entry
	for _, h := range m.GetHeaders("History-Info") {
		for rest := h.Value(); rest != "" && len(list) < 32; {
			one := firstAddress(rest)
			rest = strings.TrimPrefix(rest[len(one):], ",")
			var u sip.Uri
			params := sip.NewParams()
			name, err := sip.ParseAddressValue(strings.TrimSpace(one), &u, &params)
			if err != nil {
				return by, to
			}
			cause, _ := u.UriParams.Get("cause")
			list = append(list, entry{channel.Party{Name: unquote(name), Number: userOf(&u)}, cause})
		}
	}
	if len(list) < 2 {
		return by, to
	}
	last := list[len(list)-1]
	by, to = list[len(list)-2].party, last.party
	by.Reason, by.Count = historyReason(last.cause), len(list)-1
	return by, to
}

// forwardedBy is who sends our call elsewhere with a 3xx: by its own word, else
// the party called.
func (s *Session) forwardedBy(res *sip.Response) channel.Party {
	by, _ := forwarders(res)
	if by.Number == "" {
		if p, known := s.Identity(); known {
			by.Name, by.Number, by.Presentation = p.Name, p.Number, p.Presentation
		}
	}
	if to := res.To(); by.Number == "" && to != nil {
		by.Name, by.Number = unquote(to.DisplayName), userOf(&to.Address)
	}
	return by
}

// meet reports whom the other side says it is, where that is to be believed.
func (s *Session) meet(m sip.Message) {
	if s.gone || !s.Endpoint.TrustIDInbound || !s.Endpoint.TrustConnectedLine {
		return
	}
	p, ok := asserted(m)
	if !ok {
		p, ok = remoteParty(m, "called")
	}
	if !ok {
		p, ok = remoteParty(m, "calling")
	}
	if !ok || p.Number == "" || p == s.met {
		return
	}
	s.met = p
	s.emit(channel.Event{Kind: channel.Identity, Party: p})
}
