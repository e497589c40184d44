package sip

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/emiago/sipgo/sip"

	"branchline/pbx/channel"
	"branchline/pbx/settings"
	"branchline/pbx/sip/dialog"
	"branchline/pbx/sip/invite"
	"branchline/pbx/sip/party"
	"branchline/pbx/sip/registrar"
	"branchline/pbx/sip/transports"
	"branchline/pbx/sip/way"
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
		a.plain(in, sip.StatusServiceUnavailable)
		return
	}
	modern, old := w.Fronts(in.Wire)
	if !modern {
		a.legacy(w, in)
		return
	}
	if !w.Index.Permitted(req, in.Source.Addr()) {
		a.failed(in, "Not match Endpoint ACL")
		a.plain(in, sip.StatusForbidden)
		return
	}
	ep, _ := w.Index.Find(req, in.Source)
	if ep == nil && old {
		a.legacy(w, in)
		return
	}
	if ep == nil {
		a.strange.note(in)
		a.failed(in, "No matching endpoint found")
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
	if tags := unsupported(req); len(tags) > 0 {
		a.respond(in, sip.StatusBadExtension, sip.NewHeader("Unsupported", strings.Join(tags, ", ")))
		return
	}
	switch req.Method {
	case sip.INVITE:
		a.call(w, in, ep)
	case sip.REGISTER:
		a.registration(w, in, ep, user)
	case sip.OPTIONS:
		a.options(w, in, ep)
	case sip.MESSAGE:
		a.message(w, in, ep)
	default:
		a.other(in)
	}
}

// within is a request that names a dialog.
func (a *Agent) within(in *wire.Inbound) {
	if s := a.session(dialog.IDOf(in.Request)); s != nil {
		s.Receive(in.Request, in)
		return
	}
	if !in.Request.IsAck() {
		a.plain(in, sip.StatusCallTransactionDoesNotExists)
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
		a.respond(in, sip.StatusInternalServerError)
		return "", false
	}
	v := a.o.Verifier.Check(req, in.Source.Addr(), auths, w.Settings.Global.DefaultRealm)
	if v.OK {
		return v.Username, true
	}
	if v.Tried {
		a.failed(in, "Failed to authenticate")
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
	a.plain(in, sip.StatusUnauthorized, hs...)
}

// plain answers without a transaction.
func (a *Agent) plain(in *wire.Inbound, status int, hs ...sip.Header) {
	if branch, ok := in.Request.Via().Params.Get("branch"); ok && in.Fresh && branch != "" {
		in.Request.To().Params.Add("tag", branch)
	}
	in.Plain()
	a.respond(in, status, hs...)
}

// respond answers with extra headers and no body.
func (a *Agent) respond(in *wire.Inbound, status int, hs ...sip.Header) {
	res := a.answer(in.Request, status)
	for _, h := range hs {
		res.AppendHeader(h)
	}
	if err := in.Respond(res); err != nil {
		a.log.Debug("respond", "status", status, "source", in.Source, "error", err)
	}
}

// answer makes a response as Asterisk shapes it; wires use it for their own.
func (a *Agent) answer(req *sip.Request, status int) *sip.Response {
	res := dialog.Respond(req, status, "", "")
	if status != 100 {
		res.AppendHeader(sip.NewHeader("Server", a.rack.UserAgent()))
	}
	if status == sip.StatusRequestTerminated {
		res.AppendHeader(sip.NewHeader("Allow", invite.Allow))
		res.AppendHeader(sip.NewHeader("Reason", "Q.850;cause=0"))
	}
	return res // the wire ends it with Content-Length
}

// known are the option tags that a Require may hold; what they ask of a session
// it checks itself.
var known = map[string]bool{"100rel": true, "timer": true, "replaces": true, "norefersub": true, "path": true}

// unsupported lists the tags of Require that we do not know (RFC 3261 8.2.2.3).
func unsupported(req *sip.Request) (tags []string) {
	for _, h := range req.GetHeaders("require") {
		for t := range strings.SplitSeq(h.Value(), ",") {
			if t = strings.TrimSpace(t); t != "" && !known[strings.ToLower(t)] {
				tags = append(tags, t)
			}
		}
	}
	return tags
}

// call is an INVITE outside any dialog.
func (a *Agent) call(w *transports.World, in *wire.Inbound, ep *settings.Endpoint) {
	req := in.Request
	hops := hopsOf(req)
	if hops == 0 {
		a.respond(in, sip.StatusTooManyHops)
		return
	}
	exten, ok := a.exten(w, &req.Recipient)
	if c := req.Contact(); c != nil && c.Address.Scheme != "sip" && c.Address.Scheme != "sips" && c.Address.Scheme != "" {
		ok = false // requests of ours could not follow it
	}
	if !ok {
		a.respond(in, sip.StatusRequestedRangeNotSatisfiable)
		return
	}
	key := mergeKey{callID: req.CallID().Value(), seq: req.CSeq().SeqNo}
	key.tag, _ = req.From().Params.Get("tag")
	a.mu.RLock()
	twice := a.merged[key] != nil
	a.mu.RUnlock()
	if twice {
		a.respond(in, sip.StatusLoopDetected)
		return
	}
	if exten == "" {
		exten = "s"
	}
	caller := party.Caller(req, ep)
	replaced, ok := a.replaced(req)
	if !ok {
		a.respond(in, sip.StatusCallTransactionDoesNotExists)
		return
	}
	exists, more := a.o.Router.Lookup(ep.Context, exten, caller.Number)
	switch {
	case exists, replaced != "":
	case more && ep.AllowOverlap:
		a.respond(in, sip.StatusAddressIncomplete)
		return
	default:
		a.log.Info(fmt.Sprintf("Call (%s:%s) to extension '%s' rejected because extension not found in context '%s'.",
			upper(in.Wire), in.Source, exten, ep.Context), "endpoint", ep.ID)
		a.respond(in, sip.StatusNotFound)
		return
	}
	l := &life{key: key}
	c := a.config(w, ep, in.Wire, in.Source.Addr(), in.Local, l)
	if pin := w.Wire(ep.Transport); pin != nil && pin.Network() != in.Wire.Network() {
		// The pin is for calls to the endpoint. A caller that came another way,
		// recognised by his address perhaps, has no port to hear our BYE on there.
		road := way.RoadTo(w, ep, in.Wire.Name())
		road.Pin = in.Wire.Name()
		c.Network = a.ways.Carrier(road)
	}
	vars := ep.SetVars
	if ep.Legacy {
		vars = a.legacyCall(w, &c, in)
	}
	s, err := invite.Incoming(c, req, in)
	if err != nil {
		a.log.Info("call refused", "endpoint", ep.ID, "source", in.Source, "error", err)
		return
	}
	a.begun(l, s)
	err = a.o.Acceptor.Accept(a.rack.Life(), channel.Incoming{
		Leg: s, Replaces: replaced, Context: ep.Context, Exten: exten, Dialed: exten, Caller: caller,
		Redirecting: party.Redirecting(req), Account: ep.AccountCode, Language: ep.Language,
		ToneZone: ep.ToneZone, MusicClass: ep.MOHSuggest, CallGroup: ep.CallGroup, PickupGroup: ep.PickupGroup,
		Vars: vars, MaxForwards: hops, Endpoint: ep.ID, Codecs: s.Codecs(),
	})
	if err != nil {
		a.log.Warn("call not accepted", "endpoint", ep.ID, "call", s.Name(), "error", err)
		s.Hangup(channel.SwitchCongestion)
	}
}

// exten is the extension a Request-URI asks for; false if it is no URI we serve.
func (a *Agent) exten(w *transports.World, u *sip.Uri) (string, bool) {
	var user string
	switch u.Scheme {
	case "sip", "sips", "":
		user = u.User
	case "tel":
		user = u.Raw()
	default:
		return "", false
	}
	if u.Scheme == "tel" || w.Settings.Global.IgnoreURIUserOptions {
		user, _, _ = strings.Cut(user, ";")
	}
	return unescape(user), true
}

// unescape undoes RFC 3261 19.1.2 escapes; a broken one stays as it is.
func unescape(s string) string {
	if !strings.Contains(s, "%") {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			hi, lo := unhex(s[i+1]), unhex(s[i+2])
			if c := hi<<4 | lo; hi >= 0 && lo >= 0 && c >= ' ' && c != 0x7f {
				b.WriteByte(byte(c))
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

func unhex(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return -1
}

// hopsOf is what Max-Forwards allows, 70 if it does not say.
func hopsOf(req *sip.Request) int {
	h := req.MaxForwards()
	if h == nil {
		return 70
	}
	return int(min(h.Val(), 255))
}

func (a *Agent) registration(w *transports.World, in *wire.Inbound, ep *settings.Endpoint, user string) {
	src := registrar.Source{Addr: in.Source, Protocol: upper(in.Wire), Transport: in.Wire.Name()}
	if ep.RewriteContact {
		rewriteContact(in.Request, in.Source, in.Wire.Network())
	}
	r := a.o.Registrar.Register(in.Request, src, ep, user)
	res := a.answer(in.Request, r.Status)
	if r.Reason != "" {
		res.Reason = r.Reason
	}
	for _, h := range r.Headers {
		res.AppendHeader(h)
	}
	if err := in.Respond(res); err != nil {
		a.log.Debug("respond", "status", r.Status, "source", in.Source, "error", err)
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
	exten, ok := a.exten(w, &in.Request.Recipient)
	if !ok {
		a.respond(in, sip.StatusRequestedRangeNotSatisfiable)
		return
	}
	if exten != "" {
		if exists, _ := a.o.Router.Lookup(ep.Context, exten, party.Caller(in.Request, ep).Number); !exists {
			status = sip.StatusNotFound
		}
	}
	a.respond(in, status,
		sip.NewHeader("Accept", "application/sdp, application/dtmf-relay"),
		sip.NewHeader("Allow", invite.Allow),
		sip.NewHeader("Supported", "100rel, timer"),
		sip.NewHeader("Accept-Encoding", "identity"),
		sip.NewHeader("Accept-Language", "en"))
}

// events are the event packages Asterisk knows; without a hint or mailbox
// behind them a subscription finds nothing.
var events = map[string]bool{"presence": true, "dialog": true, "message-summary": true, "refer": true}

// other is any further method outside a dialog, as measured on Asterisk where
// the method is one of its own.
func (a *Agent) other(in *wire.Inbound) {
	switch in.Request.Method {
	case sip.SUBSCRIBE:
		event := ""
		for _, name := range []string{"event", "o"} {
			if h := in.Request.GetHeader(name); h != nil {
				event, _, _ = strings.Cut(h.Value(), ";")
			}
		}
		if events[strings.TrimSpace(event)] {
			a.respond(in, sip.StatusNotFound)
			return
		}
		a.respond(in, statusBadEvent)
	case sip.PUBLISH:
		a.respond(in, statusBadEvent)
	case sip.BYE, sip.UPDATE, sip.PRACK:
		a.respond(in, sip.StatusCallTransactionDoesNotExists)
	default:
		a.respond(in, sip.StatusNotImplemented, sip.NewHeader("Allow", invite.Allow))
	}
}

// statusBadEvent is RFC 6665 8.3.2's 489.
const statusBadEvent = 489

// failed is the log line for a request that was turned away, in Asterisk's
// words because fail2ban and the like look for them.
func (a *Agent) failed(in *wire.Inbound, why string) {
	if !a.quiet.allow() {
		return
	}
	req := in.Request
	from := "<>"
	if h := req.From(); h != nil {
		from = "<" + h.Address.String() + ">"
		if h.DisplayName != "" {
			from = `"` + h.DisplayName + `" ` + from
		}
	}
	a.log.Info(fmt.Sprintf("Request '%s' from '%s' failed for '%s' (callid: %s) - %s",
		req.Method, from, in.Source, req.CallID().Value(), why))
}

func upper(w *wire.Wire) string { return strings.ToUpper(w.Network()) }
