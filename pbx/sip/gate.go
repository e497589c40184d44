package sip

import (
	"net/netip"
	"strings"

	"github.com/emiago/sipgo/sip"

	"branchline/pbx/settings"
	"branchline/pbx/sip/compose"
	"branchline/pbx/sip/dialog"
	"branchline/pbx/sip/door"
	"branchline/pbx/sip/party"
	"branchline/pbx/sip/registrar"
	"branchline/pbx/sip/transports"
	"branchline/pbx/sip/wire"
)

// receive is the gate: every new request comes here, on a lane of its wire. The
// order of checks is RFC 3261 8.2's, with Asterisk's identification in front.
func (a *Agent) receive(in *wire.Inbound) {
	req := in.Request
	if req.IsAck() || !in.Fresh && req.Method != sip.REGISTER {
		a.within(in)
		return
	}
	w := a.rack.Load()
	if w.Index == nil {
		a.door.Plain(in, sip.StatusServiceUnavailable)
		return
	}
	modern, old := w.Fronts(in.Wire)
	if !modern {
		a.old.Receive(w, in)
		return
	}
	if !w.Index.Permitted(req, in.Source.Addr()) {
		a.door.Failed(in, "Not match Endpoint ACL")
		a.door.Plain(in, sip.StatusForbidden)
		return
	}
	ep, _ := w.Index.Find(req, in.Source)
	if ep == nil && old {
		a.old.Receive(w, in)
		return
	}
	if ep == nil {
		a.door.Note(in)
		a.door.Failed(in, "No matching endpoint found")
		a.challenge(w, in, nil, false)
		return
	}
	if !ep.ForceRport {
		in.AsVia()
	}
	user, ok := a.authenticate(w, in, ep)
	if !ok {
		return
	}
	if tags := door.Unsupported(req); len(tags) > 0 {
		a.door.Respond(in, sip.StatusBadExtension, sip.NewHeader("Unsupported", strings.Join(tags, ", ")))
		return
	}
	switch req.Method {
	case sip.INVITE:
		a.calls.Receive(w, in, ep)
	case sip.REGISTER:
		a.registration(w, in, ep, user)
	case sip.OPTIONS:
		a.options(w, in, ep)
	case sip.MESSAGE:
		a.errands.Receive(w, in, ep)
	case sip.PUBLISH:
		a.said.Receive(in, ep)
	case sip.NOTIFY:
		a.errands.LearnWaiting(in, ep)
	case sip.SUBSCRIBE:
		a.watches.Receive(w, in, ep)
	default:
		a.door.Other(in)
	}
}

// within is a request that names a dialog.
func (a *Agent) within(in *wire.Inbound) {
	if s := a.calls.Find(dialog.IDOf(in.Request)); s != nil {
		s.Receive(in.Request, in)
		return
	}
	if a.watches.Within(in) {
		return
	}
	if !in.Request.IsAck() {
		a.door.Plain(in, sip.StatusCallTransactionDoesNotExists)
	}
}

// authenticate checks credentials where the endpoint asks for them. It reports
// false if the request has been answered.
func (a *Agent) authenticate(w *transports.World, in *wire.Inbound, ep *settings.Endpoint) (user string, ok bool) {
	req := in.Request
	if len(ep.Auths) == 0 || req.Method == sip.OPTIONS && ep.AllowUnauthenticatedOptions {
		return "", true
	}
	auths, missing := w.Settings.UASAuths(ep)
	if missing {
		a.log.Error("auth section is missing", "endpoint", ep.ID, "auth", strings.Join(ep.Auths, ","))
		a.door.Respond(in, sip.StatusInternalServerError)
		return "", false
	}
	v := a.o.Verifier.Check(req, in.Source.Addr(), auths, w.Settings.Global.DefaultRealm)
	if v.OK {
		return v.Username, true
	}
	if v.Tried {
		a.door.Failed(in, "Failed to authenticate")
	}
	a.challenge(w, in, auths, v.Stale)
	return "", false
}

// challenge asks for credentials, without keeping anything: the To tag is the
// branch, so that a repeated request gets the same one (RFC 3261 8.2.7).
func (a *Agent) challenge(w *transports.World, in *wire.Inbound, auths []*settings.Auth, stale bool) {
	var hs []sip.Header
	for _, c := range a.o.Verifier.Challenges(in.Source.Addr(), auths, w.Settings.Global.DefaultRealm, stale) {
		hs = append(hs, sip.NewHeader("WWW-Authenticate", c))
	}
	a.door.Plain(in, sip.StatusUnauthorized, hs...)
}

func (a *Agent) registration(w *transports.World, in *wire.Inbound, ep *settings.Endpoint, user string) {
	src := registrar.Source{Addr: in.Source, Protocol: door.Upper(in.Wire), Transport: in.Wire.Name()}
	if ep.RewriteContact {
		rewriteContact(in.Request, in.Source, in.Wire.Network())
	}
	r := a.o.Registrar.Register(in.Request, src, ep, user)
	res := a.door.Answer(in.Request, r.Status)
	if r.Reason != "" {
		res.Reason = r.Reason
	}
	for _, h := range r.Headers {
		res.AppendHeader(h)
	}
	if err := in.Respond(res); err != nil {
		a.log.Debug("respond", "status", r.Status, "source", in.Source, "error", err)
	}
	if r.AOR != "" {
		a.lamps.Registered(r.AOR)
	}
}

// rewriteContact writes the real source into the contacts to be registered, and
// the transport it came by (rewrite_contact): phones behind a router do not know
// their own address.
func rewriteContact(req *sip.Request, src netip.AddrPort, network string) {
	for _, h := range req.GetHeaders("contact") {
		if c, ok := h.(*sip.ContactHeader); ok && !c.Address.Wildcard {
			c.Address.Host, c.Address.Port = src.Addr().WithZone("").String(), int(src.Port())
			c.Address.UriParams.Remove("transport")
			if network != "udp" {
				c.Address.UriParams.Add("transport", network)
			}
		}
	}
}

// options answers a probe as an INVITE would be, extension-wise.
func (a *Agent) options(w *transports.World, in *wire.Inbound, ep *settings.Endpoint) {
	status := sip.StatusOK
	exten, ok := door.Exten(w, &in.Request.Recipient)
	if !ok {
		a.door.Respond(in, sip.StatusRequestedRangeNotSatisfiable)
		return
	}
	if exten != "" {
		if exists, _ := a.o.Router.Lookup(ep.Context, exten, party.Caller(in.Request, ep).Number); !exists {
			status = sip.StatusNotFound
		}
	}
	a.door.Respond(in, status,
		sip.NewHeader("Accept", "application/sdp, application/dtmf-relay"),
		sip.NewHeader("Allow", compose.Allow),
		sip.NewHeader("Supported", "100rel, timer"),
		sip.NewHeader("Accept-Encoding", "identity"),
		sip.NewHeader("Accept-Language", "en"))
}
