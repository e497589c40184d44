// Package party reads from SIP messages, and writes into them, who takes part in a
// call: who calls and who answers (From, P-Asserted-Identity, Remote-Party-ID,
// Privacy), and who forwarded the call to whom (Diversion, History-Info).
//
// Whether a header is believed or sent is the endpoint's setting; whether now is
// the time to say something is for the call, in package invite.
package party

import (
	"strings"

	"github.com/emiago/sipgo/sip"

	"branchline/pbx/channel"
	"branchline/pbx/settings"
	"branchline/pbx/sip/header"
)

// Caller is who an INVITE comes from: with trust_id_inbound by
// P-Asserted-Identity, then Remote-Party-ID; else, or without them, by From.
// The endpoint's callerid stands in where From is not trusted and it is set.
func Caller(req *sip.Request, e *settings.Endpoint) channel.Party {
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
		p.Name = Unquote(from.DisplayName)
		p.Number = Number(&from.Address)
	}
	p.Presentation = e.CallerIDPrivacy
	if e.CallerID.Number != "" || e.CallerID.Name != "" {
		p.Number, p.Name = e.CallerID.Number, e.CallerID.Name
	}
	p.Tag = e.CallerIDTag
	return p
}

// Number is the user part of a SIP URI, or what a tel URI names, without
// parameters.
func Number(u *sip.Uri) string {
	if u.Raw() != "" { // tel:
		n, _, _ := strings.Cut(u.Raw(), ";")
		return n
	}
	n, _, _ := strings.Cut(u.User, ";")
	return n
}

// asserted reads P-Asserted-Identity (RFC 3325), with Privacy beside it.
func asserted(req sip.Message) (channel.Party, bool) {
	h := header.First(req, "P-Asserted-Identity")
	if h == "" {
		return channel.Party{}, false
	}
	p, _, ok := address(firstAddress(h))
	if ok {
		p.Presentation = channel.AllowedPassedScreen
		if priv := header.First(req, "Privacy"); priv != "" && !strings.EqualFold(strings.TrimSpace(priv), "none") {
			p.Presentation = channel.ProhibPassedScreen
		}
	}
	return p, ok
}

// remoteParty reads Remote-Party-ID (draft-ietf-sip-privacy) if it is about the
// party of that role, calling or called.
func remoteParty(req sip.Message, role string) (channel.Party, bool) {
	h := header.First(req, "Remote-Party-ID")
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

// Named is whom a message within a call says the other side is, by
// P-Asserted-Identity or Remote-Party-ID; false if it says nothing.
func Named(m sip.Message) (channel.Party, bool) {
	p, ok := asserted(m)
	if !ok {
		p, ok = remoteParty(m, "called")
	}
	if !ok {
		p, ok = remoteParty(m, "calling")
	}
	return p, ok && p.Number != ""
}
