package invite

import (
	"net"
	"strconv"
	"strings"

	"github.com/emiago/sipgo/sip"

	"branchline/pbx/channel"
	"branchline/pbx/sip/compose"
	"branchline/pbx/sip/dialog"
	"branchline/pbx/sip/header"
)

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

// rewrite puts the address a message came from into the dialog, in place of the
// Contact's or the nearest proxy's (rewrite_contact).
func (s *Session) rewrite(d *dialog.Dialog, m sip.Message) {
	if !s.Endpoint.RewriteContact {
		return
	}
	host, portText, err := net.SplitHostPort(m.Source())
	if err != nil {
		return
	}
	port, err := strconv.Atoi(portText)
	if err != nil {
		return
	}
	at := &d.Target
	if len(d.Routes) > 0 {
		at = &d.Routes[0]
	}
	at.Host, at.Port = host, port
}

// voice is how this leg speaks at present.
func (s *Session) voice() *compose.Voice {
	v := &compose.Voice{
		Endpoint: s.Endpoint, Local: s.Local, UserAgent: s.UserAgent, FromUser: s.FromUser, CallerContact: s.CallerContact,
		Inbound: s.inbound, Caller: s.uac.call.Caller, Hidden: s.hidden(),
	}
	if s.uas.req != nil {
		v.Called = s.uas.req.Recipient.User
	}
	return v
}

// answerTo begins a response to a request of this session. Responses that make
// or refresh the dialog are described, too.
func (s *Session) answerTo(req *sip.Request, status int) *sip.Response {
	tag := s.uas.tag
	if s.dialog != nil {
		tag = s.dialog.Local.Tag
	}
	return s.voice().Respond(req, status, tag)
}

// describe adds what an answer to INVITE or UPDATE says about us.
func (s *Session) describe(res *sip.Response) {
	v := s.voice()
	contact := v.Contact("")
	if s.dialog != nil {
		contact = s.dialog.Contact
	}
	v.Describe(res, contact)
}

// finish adds the headers every request ends with, and the body.
func (s *Session) finish(req *sip.Request, hops int, contentType string, body []byte) {
	s.voice().Finish(req, hops, contentType, body)
}

// reasons are the Reason headers for a cause (RFC 3326).
func (s *Session) reasons(c channel.Cause) []sip.Header {
	return s.voice().Reasons(c, s.state == Cancelling)
}

// targetURI is where target is: an endpoint, a URI, or a user at the address of ours.
func (s *Session) targetURI(target string) string {
	if s.Locate != nil {
		if uri, ok := s.Locate(target); ok {
			return uri
		}
	}
	return s.voice().TargetURI(target)
}
