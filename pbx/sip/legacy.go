package sip

import (
	"net/netip"
	"strings"

	"github.com/emiago/sipgo/sip"

	"branchline/pbx/settings"
	"branchline/pbx/sip/digest"
	"branchline/pbx/sip/door"
	"branchline/pbx/sip/invite"
	"branchline/pbx/sip/party"
	"branchline/pbx/sip/registrar"
	"branchline/pbx/sip/transports"
	"branchline/pbx/sip/wire"
)

// natted reports whether a request was sent from behind a router: its Via names
// another address than it came from.
func natted(in *wire.Inbound) bool {
	via := in.Request.Via()
	if via == nil {
		return false
	}
	a, err := netip.ParseAddr(strings.Trim(via.Host, "[]"))
	return err == nil && a.Unmap() != in.Source.Addr().Unmap()
}

// seen is the device as this request shows it: behind a router or not.
func seen(dev *settings.Device, in *wire.Inbound) *settings.Endpoint {
	if natted(in) {
		return dev.NATted
	}
	return dev.Endpoint
}

// legacy is the gate for what comes in by a transport of sip.conf.
func (a *Agent) legacy(w *transports.World, in *wire.Inbound) {
	req := in.Request
	if tags := door.Unsupported(req); len(tags) > 0 {
		a.door.Respond(in, sip.StatusBadExtension, sip.NewHeader("Unsupported", strings.Join(tags, ", ")))
		return
	}
	if req.Method == sip.REGISTER {
		a.legacyRegister(w, in)
		return
	}
	s := w.Settings.SIP
	dev, refused := w.Index.Device(req, in.Source, in.Wire.Network(), a.devices.At)
	ep := s.Guest
	if dev != nil {
		ep = seen(dev, in)
	}
	switch {
	case refused:
		a.door.Failed(in, "Device does not match ACL")
		a.unknown(w, in)
		return
	case ep == nil && (req.Method == sip.INVITE || req.Method == sip.SUBSCRIBE || req.Method == sip.MESSAGE):
		a.door.Note(in)
		a.door.Failed(in, "No matching peer found")
		a.unknown(w, in)
		return
	case ep == nil:
		ep = s.Direct // may be told that we are here, and nothing else
	}
	if !ep.ForceRport {
		in.AsVia()
	}
	if dev != nil && asked(s, dev, req.Method) {
		if _, ok := a.prove(w, in, dev); !ok {
			return
		}
	}
	switch req.Method {
	case sip.INVITE:
		if dev != nil && dev.CallLimit > 0 && len(a.DeviceChannels(dev.ID)) >= dev.CallLimit {
			a.log.Info("call refused: the device has as many calls as call-limit allows", "device", dev.Name, "call-limit", dev.CallLimit)
			a.door.Respond(in, sip.StatusTemporarilyUnavailable)
			return
		}
		a.calls.Receive(w, in, ep)
	case sip.OPTIONS:
		a.legacyOptions(w, in, ep)
	case sip.MESSAGE:
		if !s.AcceptMessages {
			a.door.Respond(in, sip.StatusMethodNotAllowed, sip.NewHeader("Allow", invite.Allow))
			return
		}
		a.errands.Receive(w, in, ep)
	default:
		a.legacyOther(in)
	}
}

// asked reports whether a device has to prove itself for a method.
func asked(s *settings.SIP, dev *settings.Device, m sip.RequestMethod) bool {
	if len(dev.Endpoint.Auths) == 0 {
		return false
	}
	switch m {
	case sip.INVITE:
		return !dev.InsecureInvite
	case sip.REGISTER, sip.SUBSCRIBE, sip.PUBLISH:
		return true
	case sip.MESSAGE:
		return s.AuthMessages
	case sip.OPTIONS:
		return s.AuthOptions
	}
	return false
}

// prove checks the credentials of a device. It reports false if the request has
// been answered: 401 for credentials that lack or are too old, 403 for wrong
// ones.
func (a *Agent) prove(w *transports.World, in *wire.Inbound, dev *settings.Device) (user string, ok bool) {
	auths, _ := w.Settings.UASAuths(dev.Endpoint)
	realm := w.Settings.SIP.Realm
	v := a.o.Verifier.Check(in.Request, in.Source.Addr(), auths, realm)
	switch {
	case v.OK:
		return v.Username, true
	case v.Tried && !v.Stale:
		a.door.Failed(in, "Wrong password")
		a.door.Plain(in, sip.StatusForbidden)
	default:
		a.classic(w, in, v.Stale)
	}
	return "", false
}

func (a *Agent) classic(w *transports.World, in *wire.Inbound, stale bool) {
	a.door.Plain(in, sip.StatusUnauthorized, sip.NewHeader("WWW-Authenticate", a.o.Verifier.Classic(in.Source.Addr(), w.Settings.SIP.Realm, stale)))
}

// unknown answers who is nobody we know as it answers a wrong password: whoever
// tries names must not find out which exist (alwaysauthreject).
func (a *Agent) unknown(w *transports.World, in *wire.Inbound) {
	_, _, tried := digest.Claim(in.Request)
	switch {
	case !w.Settings.SIP.AlwaysAuthReject && in.Request.Method == sip.REGISTER:
		a.door.Plain(in, sip.StatusNotFound)
	case tried || !w.Settings.SIP.AlwaysAuthReject:
		a.door.Plain(in, sip.StatusForbidden)
	default:
		a.classic(w, in, false)
	}
}

// legacyRegister answers the REGISTER of a device.
func (a *Agent) legacyRegister(w *transports.World, in *wire.Inbound) {
	req := in.Request
	name := ""
	if to := req.To(); to != nil {
		name, _, _ = strings.Cut(door.Unescape(to.Address.User), ";")
	}
	dev := w.Settings.Device(name)
	why := ""
	switch {
	case dev == nil || !dev.Callable():
		why = "No matching peer found"
	case !dev.Dynamic:
		why = "Peer is not supposed to register"
	case !w.Index.MayRegister(dev, req, in.Source.Addr()):
		why = "Device does not match ACL"
	}
	if why != "" {
		a.door.Note(in)
		a.door.Failed(in, why)
		a.unknown(w, in)
		return
	}
	ep := seen(dev, in)
	if !ep.ForceRport {
		in.AsVia()
	}
	user := ""
	if asked(w.Settings.SIP, dev, sip.REGISTER) {
		var ok bool
		if user, ok = a.prove(w, in, dev); !ok {
			return
		}
	}
	if !dev.Permits(in.Wire.Network()) {
		a.log.Warn("register refused: the device may not use this transport", "device", dev.Name, "transport", in.Wire.Network(),
			"allowed", strings.Join(dev.Networks, ","), "source", in.Source)
		a.door.Plain(in, sip.StatusForbidden)
		return
	}
	src := registrar.Source{Addr: in.Source, Protocol: door.Upper(in.Wire), Transport: in.Wire.Name()}
	r := a.o.Registrar.Register(req, src, ep, user)
	if r.Status == sip.StatusOK {
		a.devices.Learn(dev, in.Source, in.Wire.Network(), ep.ForceRport)
	}
	res := a.door.Answer(req, r.Status)
	res.AppendHeader(sip.NewHeader("Allow", invite.Allow))
	for _, h := range r.Headers {
		res.AppendHeader(h)
	}
	if err := in.Respond(res); err != nil {
		a.log.Debug("respond", "status", r.Status, "source", in.Source, "error", err)
	}
}

// legacyOptions answers a probe as an INVITE to the same address would be.
func (a *Agent) legacyOptions(w *transports.World, in *wire.Inbound, ep *settings.Endpoint) {
	exten, ok := door.Exten(w, &in.Request.Recipient)
	if !ok {
		a.door.Respond(in, sip.StatusRequestedRangeNotSatisfiable)
		return
	}
	if exten == "" {
		exten = "s"
	}
	status := sip.StatusOK
	if exists, _ := a.o.Router.Lookup(ep.Context, exten, party.Caller(in.Request, ep).Number); !exists {
		status = sip.StatusNotFound
	}
	a.door.Respond(in, status, sip.NewHeader("Allow", invite.Allow), sip.NewHeader("Supported", "timer"), sip.NewHeader("Accept", "application/sdp"))
}

// legacyOther is any further method outside a dialog, as chan_sip was measured
// to answer it where it differs.
func (a *Agent) legacyOther(in *wire.Inbound) {
	req := in.Request
	switch req.Method {
	case sip.NOTIFY:
		if h := req.GetHeader("event"); h != nil && strings.EqualFold(strings.TrimSpace(h.Value()), "keep-alive") {
			a.door.Respond(in, sip.StatusOK)
			return
		}
		a.door.Respond(in, door.StatusBadEvent)
	case sip.REFER:
		a.door.Respond(in, sip.StatusGlobalDecline)
	case sip.INFO:
		a.door.Respond(in, sip.StatusCallTransactionDoesNotExists)
	default:
		a.door.Other(in)
	}
}
