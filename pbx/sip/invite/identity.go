package invite

import (
	"strings"

	"github.com/emiago/sipgo/sip"

	"branchline/pbx/channel"
	"branchline/pbx/settings"
)

// CallerOf is who an INVITE comes from: with trust_id_inbound by
// P-Asserted-Identity, then Remote-Party-ID; else, or without them, by From.
// The endpoint's callerid stands in where From is not trusted and it is set.
func CallerOf(req *sip.Request, e *settings.Endpoint) channel.Party {
	if e.TrustIDInbound {
		if p, ok := asserted(req); ok {
			return p
		}
		if p, ok := remoteParty(req, "calling"); ok {
			return p
		}
	}
	var p channel.Party
	if from := req.From(); from != nil {
		p.Name = unquote(from.DisplayName)
		p.Number = userOf(&from.Address)
	}
	p.Presentation = e.CallerIDPrivacy
	if e.CallerID.Number != "" || e.CallerID.Name != "" {
		p.Number, p.Name = e.CallerID.Number, e.CallerID.Name
	}
	p.Tag = e.CallerIDTag
	return p
}

func userOf(u *sip.Uri) string {
	if u.Raw() != "" { // tel:
		n, _, _ := strings.Cut(u.Raw(), ";")
		return n
	}
	n, _, _ := strings.Cut(u.User, ";")
	return n
}

// asserted reads P-Asserted-Identity (RFC 3325), with Privacy beside it.
func asserted(req sip.Message) (channel.Party, bool) {
	h := header1(req, "P-Asserted-Identity")
	if h == "" {
		return channel.Party{}, false
	}
	p, _, ok := address(firstAddress(h))
	if ok {
		p.Presentation = channel.AllowedPassedScreen
		if priv := header1(req, "Privacy"); priv != "" && !strings.EqualFold(strings.TrimSpace(priv), "none") {
			p.Presentation = channel.ProhibPassedScreen
		}
	}
	return p, ok
}

// remoteParty reads Remote-Party-ID (draft-ietf-sip-privacy) if it is about the
// party of that role, calling or called.
func remoteParty(req sip.Message, role string) (channel.Party, bool) {
	h := header1(req, "Remote-Party-ID")
	if h == "" {
		return channel.Party{}, false
	}
	p, params, ok := address(h)
	if !ok {
		return p, false
	}
	if party, _ := params.Get("party"); party != "" && !strings.EqualFold(party, role) {
		return p, false
	}
	privacy, _ := params.Get("privacy")
	screen, _ := params.Get("screen")
	passed := strings.EqualFold(screen, "yes")
	switch hidden := privacy != "" && !strings.EqualFold(privacy, "off"); {
	case hidden && passed:
		p.Presentation = channel.ProhibPassedScreen
	case hidden:
		p.Presentation = channel.ProhibNotScreened
	case passed:
		p.Presentation = channel.AllowedPassedScreen
	}
	return p, true
}

// address reads one name-addr with its parameters.
func address(value string) (channel.Party, sip.HeaderParams, bool) {
	var u sip.Uri
	params := sip.NewParams()
	name, err := sip.ParseAddressValue(value, &u, &params)
	if err != nil {
		return channel.Party{}, nil, false
	}
	return channel.Party{Name: unquote(name), Number: userOf(&u)}, params, true
}

// firstAddress cuts a list of addresses after its first element.
func firstAddress(value string) string {
	quoted, bracket := false, false
	for i := 0; i < len(value); i++ {
		switch c := value[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '<':
			bracket = true
		case c == '>':
			bracket = false
		case c == ',' && !bracket:
			return value[:i]
		}
	}
	return value
}

// unquote undoes the backslashes of a quoted string (RFC 3261 25.1).
func unquote(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// quote makes text safe within a quoted string.
func quote(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < ' ' || r == 0x7f:
			b.WriteByte(' ')
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// escapeUser makes a number safe as the user part of a URI (RFC 3261 25.1).
func escapeUser(s string) string {
	const safe = "-_.!~*'()&=+$,;?/%#"
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', strings.IndexByte(safe, c) >= 0 && c != '#':
			b.WriteByte(c)
		default:
			const hex = "0123456789ABCDEF"
			b.WriteByte('%')
			b.WriteByte(hex[c>>4])
			b.WriteByte(hex[c&15])
		}
	}
	return b.String()
}

// hidden reports whether the caller's identity is kept from this endpoint.
func (s *Session) hidden() bool {
	return s.uac.call.Caller.Presentation.Restricted() || s.uac.call.Privacy
}

// from is our From header: the caller at our address, the endpoint's from_user
// and from_domain over it, or nobody if the caller must not be shown.
func (s *Session) from() *sip.FromHeader {
	c, e := s.uac.call.Caller, s.Endpoint
	h := &sip.FromHeader{DisplayName: quote(c.Name), Address: sip.Uri{Scheme: "sip", User: escapeUser(c.Number), Host: s.Local.Host}}
	if h.Address.User == "" {
		h.Address.User = s.fromUser()
	}
	if s.hidden() { // whom we trust learns it from P-Asserted-Identity
		h.DisplayName, h.Address.User, h.Address.Host = "Anonymous", "anonymous", "anonymous.invalid"
	}
	if e.FromUser != "" {
		h.Address.User = escapeUser(e.FromUser)
	}
	if e.FromDomain != "" {
		h.Address.Host = e.FromDomain
	}
	if e.UserEqPhone && numeric(h.Address.User) {
		h.Address.UriParams.Add("user", "phone")
	}
	return h
}

func numeric(s string) bool {
	s = strings.TrimPrefix(s, "+")
	return s != "" && strings.Trim(s, "0123456789*#") == ""
}

// identityHeaders are P-Asserted-Identity, Remote-Party-ID, Privacy, Diversion
// and History-Info of an INVITE, as far as the endpoint is to get them.
func (s *Session) identityHeaders() []sip.Header {
	out := s.identity(s.uac.call.Caller, s.hidden(), "calling")
	add := func(h sip.Header) { out = append(out, h) }
	if r := s.uac.call.Redirecting; r.Number != "" {
		s.diversion(add, r)
		s.history(add, r, channel.Party{Number: userOf(&s.uac.target)})
	}
	return out
}

// identity are the headers that vouch for a party, which is the calling or the
// called one.
func (s *Session) identity(c channel.Party, hidden bool, party string) (out []sip.Header) {
	e := s.Endpoint
	if c.Number == "" || hidden && !e.TrustIDOutbound {
		return nil
	}
	id := nameAddr(c, s.Local.Host)
	if e.SendPAI {
		if hidden {
			out = append(out, sip.NewHeader("Privacy", "id"))
		}
		out = append(out, sip.NewHeader("P-Asserted-Identity", id))
	}
	if e.SendRPID {
		privacy, screen := "off", "no"
		if hidden {
			privacy = "full"
		}
		if c.Presentation == channel.AllowedPassedScreen || c.Presentation == channel.ProhibPassedScreen {
			screen = "yes"
		}
		out = append(out, sip.NewHeader("Remote-Party-ID", id+";party="+party+";privacy="+privacy+";screen="+screen))
	}
	return out
}

func nameAddr(p channel.Party, host string) string {
	u := sip.Uri{Scheme: "sip", User: escapeUser(p.Number), Host: host}
	text := "<" + u.String() + ">"
	if p.Name != "" {
		text = `"` + quote(p.Name) + `" ` + text
	}
	return text
}
