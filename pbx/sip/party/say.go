package party

import (
	"strings"

	"github.com/emiago/sipgo/sip"

	"branchline/pbx/channel"
	"branchline/pbx/settings"
)

// From is the From header of a call to e: the caller at our address host, the
// endpoint's from_user and from_domain over it, or nobody if the caller is hidden.
// A caller without a number is called user.
func From(e *settings.Endpoint, c channel.Party, hidden bool, user, host string) *sip.FromHeader {
	h := &sip.FromHeader{DisplayName: Quote(c.Name), Address: sip.Uri{Scheme: "sip", User: EscapeUser(c.Number), Host: host}}
	if h.Address.User == "" {
		h.Address.User = user
	}
	if hidden { // whom we trust learns it from P-Asserted-Identity
		h.DisplayName, h.Address.User, h.Address.Host = "Anonymous", "anonymous", "anonymous.invalid"
	}
	if e.FromUser != "" {
		h.Address.User = EscapeUser(e.FromUser)
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

// Identity are the headers that vouch for a party towards e, P-Asserted-Identity
// and Remote-Party-ID with their privacy, as far as e is to get them; role says
// whether it is the "calling" or the "called" one, host is our address.
func Identity(e *settings.Endpoint, c channel.Party, hidden bool, role, host string) (out []sip.Header) {
	if c.Number == "" || hidden && !e.TrustIDOutbound {
		return nil
	}
	id := nameAddr(c, host)
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
		out = append(out, sip.NewHeader("Remote-Party-ID", id+";party="+role+";privacy="+privacy+";screen="+screen))
	}
	return out
}

func nameAddr(p channel.Party, host string) string {
	u := sip.Uri{Scheme: "sip", User: EscapeUser(p.Number), Host: host}
	text := "<" + u.String() + ">"
	if p.Name != "" {
		text = `"` + Quote(p.Name) + `" ` + text
	}
	return text
}
