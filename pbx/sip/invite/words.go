package invite

import (
	"slices"
	"strings"

	"github.com/emiago/sipgo/sip"

	"branchline/pbx/sip/dialog"
	"branchline/pbx/sip/header"
	"branchline/pbx/sip/party"
)

// Allow lists the methods sessions and their agent serve, in Asterisk's order.
const Allow = "OPTIONS, REGISTER, INVITE, ACK, BYE, CANCEL, UPDATE, PRACK, INFO, NOTIFY, MESSAGE, REFER"

// supported is our Supported header: what the endpoint's settings leave of it.
func (s *Session) supported() string {
	var tags []string
	if s.Endpoint.Rel100 != "no" {
		tags = append(tags, "100rel")
	}
	if s.Endpoint.Timers != "no" {
		tags = append(tags, "timer")
	}
	return strings.Join(append(tags, "replaces", "norefersub"), ", ")
}

// contact is our Contact URI; user stands in it for requests.
func (s *Session) contact(user string) sip.Uri {
	if s.Endpoint.Legacy { // chan_sip names the number called, or the caller's
		switch {
		case s.inbound:
			user = s.uas.req.Recipient.User
		case s.uac.call.Caller.Number != "" && !s.hidden():
			user = party.EscapeUser(s.uac.call.Caller.Number)
		}
	}
	if s.Endpoint.ContactUser != "" {
		user = s.Endpoint.ContactUser
	}
	u := sip.Uri{Scheme: "sip", User: user, Host: s.Local.Host, Port: s.Local.Port}
	if t := strings.ToUpper(s.Local.Transport); t != "" && t != "UDP" {
		if s.Endpoint.Legacy {
			t = strings.ToLower(t)
		}
		u.UriParams.Add("transport", t)
	}
	return u
}

// answerTo begins a response to a request of this session. Responses that make
// or refresh the dialog carry Allow, Contact and Supported.
func (s *Session) answerTo(req *sip.Request, status int) *sip.Response {
	tag := s.uas.tag
	if s.dialog != nil {
		tag = s.dialog.Local.Tag
	}
	res := dialog.Respond(req, status, "", tag)
	if !s.Endpoint.ForceRport && !sip.IsReliable(req.Transport()) {
		if via := req.Via(); via != nil && !via.Params.Has("rport") {
			res.SetDestination(sentBy(req, via))
		}
	}
	if status == 100 {
		res.SetBody(nil)
		return res
	}
	res.AppendHeader(sip.NewHeader("Server", s.UserAgent))
	return res
}

// describe adds what an answer to INVITE or UPDATE says about us.
func (s *Session) describe(res *sip.Response) {
	res.AppendHeader(sip.NewHeader("Allow", Allow))
	contact := s.contact("")
	if s.dialog != nil {
		contact = s.dialog.Contact
	}
	res.AppendHeader(&sip.ContactHeader{Address: *contact.Clone()})
	res.AppendHeader(sip.NewHeader("Supported", s.supported()))
}

// finish adds the headers every request ends with, and the body.
func (s *Session) finish(req *sip.Request, hops int, contentType string, body []byte) {
	max := sip.MaxForwardsHeader(hops)
	req.AppendHeader(&max)
	req.AppendHeader(sip.NewHeader("User-Agent", s.UserAgent))
	header.Carry(req, contentType, body)
}

// learn keeps what a message says about the other side's abilities.
func (p *peer) learn(m sip.Message) {
	if a := header.Tokens(m, "Allow", strings.ToUpper); a != nil {
		p.allow = a
	}
	if t := header.Tokens(m, "Supported", strings.ToLower); t != nil {
		p.supported = t
	}
}

// knowsTimer reports whether the sender of a request knows session timers.
func (s *Session) knowsTimer(req *sip.Request) bool {
	return s.peer.supported["timer"] || header.Requires(req, "timer")
}

// unsupported are the option tags of Require that we do not have.
func (s *Session) unsupported(req *sip.Request) []string {
	ours := strings.Split(s.supported(), ", ")
	var out []string
	for _, h := range req.GetHeaders("Require") {
		for _, t := range strings.Split(h.Value(), ",") {
			t = strings.ToLower(strings.TrimSpace(t))
			if t != "" && !slices.Contains(ours, t) {
				out = append(out, t)
			}
		}
	}
	return out
}
