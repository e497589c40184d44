// Package legacy is the front end of sip.conf: who sends a request by its devices, how
// he proves it and what he may, and the technology SIP that Dial(SIP/...) asks for.
// Answers and refusals are chan_sip's, as it was measured.
package legacy

import (
	"log/slog"
	"net/netip"
	"strings"

	"github.com/emiago/sipgo/sip"

	"branchline/pbx/settings"
	"branchline/pbx/sip/calls"
	"branchline/pbx/sip/compose"
	"branchline/pbx/sip/devices"
	"branchline/pbx/sip/digest"
	"branchline/pbx/sip/door"
	"branchline/pbx/sip/errands"
	"branchline/pbx/sip/party"
	"branchline/pbx/sip/publish"
	"branchline/pbx/sip/registrar"
	"branchline/pbx/sip/subscribe"
	"branchline/pbx/sip/transports"
	"branchline/pbx/sip/wire"
)

// Options are what the front end of sip.conf is made from. All must be set.
type Options struct {
	Rack      *transports.Rack
	Door      *door.Door
	Devices   *devices.Directory
	Calls     *calls.Book
	Errands   *errands.Runner
	Said      *publish.Book
	Watches   *subscribe.Book
	Registrar *registrar.Registrar
	Verifier  *digest.Verifier
	Router    calls.Router
	// Registered is called after a device has registered and has been answered.
	Registered func(id string)
	Log        *slog.Logger
}

// A Front is the front end of sip.conf.
type Front struct{ o Options }

// New makes the front end.
func New(o Options) *Front { return &Front{o: o} }

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

// Receive is the gate for what comes in by a transport of sip.conf.
func (f *Front) Receive(w *transports.World, in *wire.Inbound) {
	req := in.Request
	if tags := door.Unsupported(req); len(tags) > 0 {
		f.o.Door.Respond(in, sip.StatusBadExtension, sip.NewHeader("Unsupported", strings.Join(tags, ", ")))
		return
	}
	if req.Method == sip.REGISTER {
		f.register(w, in)
		return
	}
	s := w.Settings.SIP
	dev, refused := w.Index.Device(req, in.Source, in.Wire.Network(), f.o.Devices.At)
	ep := s.Guest
	if dev != nil {
		ep = seen(dev, in)
	}
	switch {
	case refused:
		f.o.Door.Failed(in, "Device does not match ACL")
		f.unknown(w, in)
		return
	case ep == nil && (req.Method == sip.INVITE || req.Method == sip.SUBSCRIBE || req.Method == sip.MESSAGE):
		f.o.Door.Note(in)
		f.o.Door.Failed(in, "No matching peer found")
		f.unknown(w, in)
		return
	case ep == nil:
		ep = s.Direct // may be told that we are here, and nothing else
	}
	if !ep.ForceRport {
		in.AsVia()
	}
	if dev != nil && asked(s, dev, req.Method) {
		if _, ok := f.prove(w, in, dev); !ok {
			return
		}
	}
	switch req.Method {
	case sip.INVITE:
		if dev != nil && dev.CallLimit > 0 && len(f.o.Calls.Channels("SIP", dev.ID)) >= dev.CallLimit {
			f.o.Log.Info("call refused: the device has as many calls as call-limit allows", "device", dev.Name, "call-limit", dev.CallLimit)
			f.o.Door.Respond(in, sip.StatusTemporarilyUnavailable)
			return
		}
		f.o.Calls.Receive(w, in, ep)
	case sip.OPTIONS:
		f.options(w, in, ep)
	case sip.MESSAGE:
		if !s.AcceptMessages {
			f.o.Door.Respond(in, sip.StatusMethodNotAllowed, sip.NewHeader("Allow", compose.Allow))
			return
		}
		f.o.Errands.Receive(w, in, ep)
	case sip.SUBSCRIBE:
		f.o.Watches.Receive(w, in, ep)
	default:
		f.other(in, dev)
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
func (f *Front) prove(w *transports.World, in *wire.Inbound, dev *settings.Device) (user string, ok bool) {
	auths, _ := w.Settings.UASAuths(dev.Endpoint)
	realm := w.Settings.SIP.Realm
	v := f.o.Verifier.Check(in.Request, in.Source.Addr(), auths, realm)
	switch {
	case v.OK:
		return v.Username, true
	case v.Tried && !v.Stale:
		f.o.Door.Failed(in, "Wrong password")
		f.o.Door.Plain(in, sip.StatusForbidden)
	default:
		f.classic(w, in, v.Stale)
	}
	return "", false
}

func (f *Front) classic(w *transports.World, in *wire.Inbound, stale bool) {
	f.o.Door.Plain(in, sip.StatusUnauthorized, sip.NewHeader("WWW-Authenticate", f.o.Verifier.Classic(in.Source.Addr(), w.Settings.SIP.Realm, stale)))
}

// unknown answers who is nobody we know as it answers a wrong password: whoever
// tries names must not find out which exist (alwaysauthreject).
func (f *Front) unknown(w *transports.World, in *wire.Inbound) {
	_, _, tried := digest.Claim(in.Request)
	switch {
	case !w.Settings.SIP.AlwaysAuthReject && in.Request.Method == sip.REGISTER:
		f.o.Door.Plain(in, sip.StatusNotFound)
	case tried || !w.Settings.SIP.AlwaysAuthReject:
		f.o.Door.Plain(in, sip.StatusForbidden)
	default:
		f.classic(w, in, false)
	}
}

// register answers the REGISTER of a device.
func (f *Front) register(w *transports.World, in *wire.Inbound) {
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
		f.o.Door.Note(in)
		f.o.Door.Failed(in, why)
		f.unknown(w, in)
		return
	}
	ep := seen(dev, in)
	if !ep.ForceRport {
		in.AsVia()
	}
	user := ""
	if asked(w.Settings.SIP, dev, sip.REGISTER) {
		var ok bool
		if user, ok = f.prove(w, in, dev); !ok {
			return
		}
	}
	if !dev.Permits(in.Wire.Network()) {
		f.o.Log.Warn("register refused: the device may not use this transport", "device", dev.Name, "transport", in.Wire.Network(),
			"allowed", strings.Join(dev.Networks, ","), "source", in.Source)
		f.o.Door.Plain(in, sip.StatusForbidden)
		return
	}
	src := registrar.Source{Addr: in.Source, Protocol: door.Upper(in.Wire), Transport: in.Wire.Name()}
	r := f.o.Registrar.Register(req, src, ep, user)
	if r.Status == sip.StatusOK {
		f.o.Devices.Learn(dev, in.Source, in.Wire.Network(), ep.ForceRport)
	}
	res := f.o.Door.Answer(req, r.Status)
	res.AppendHeader(sip.NewHeader("Allow", compose.Allow))
	for _, h := range r.Headers {
		res.AppendHeader(h)
	}
	if err := in.Respond(res); err != nil {
		f.o.Log.Debug("respond", "status", r.Status, "source", in.Source, "error", err)
	}
	if r.AOR != "" {
		f.o.Registered(r.AOR)
	}
}

// options answers a probe as an INVITE to the same address would be.
func (f *Front) options(w *transports.World, in *wire.Inbound, ep *settings.Endpoint) {
	exten, ok := door.Exten(w, &in.Request.Recipient)
	if !ok {
		f.o.Door.Respond(in, sip.StatusRequestedRangeNotSatisfiable)
		return
	}
	if exten == "" {
		exten = "s"
	}
	status := sip.StatusOK
	if exists, _ := f.o.Router.Lookup(ep.Context, exten, party.Caller(in.Request, ep).Number); !exists {
		status = sip.StatusNotFound
	}
	f.o.Door.Respond(in, status, sip.NewHeader("Allow", compose.Allow), sip.NewHeader("Supported", "timer"), sip.NewHeader("Accept", "application/sdp"))
}

// other is any further method outside a dialog, as chan_sip was measured
// to answer it where it differs.
func (f *Front) other(in *wire.Inbound, dev *settings.Device) {
	req := in.Request
	switch req.Method {
	case sip.PUBLISH:
		if dev == nil {
			f.o.Door.Other(in)
			return
		}
		f.o.Said.Receive(in, dev.Endpoint)
	case sip.NOTIFY:
		if h := req.GetHeader("event"); h != nil && strings.EqualFold(strings.TrimSpace(h.Value()), "keep-alive") {
			f.o.Door.Respond(in, sip.StatusOK)
			return
		}
		f.o.Errands.LearnDeviceWaiting(in, dev)
	case sip.REFER:
		f.o.Door.Respond(in, sip.StatusGlobalDecline)
	case sip.INFO:
		f.o.Door.Respond(in, sip.StatusCallTransactionDoesNotExists)
	default:
		f.o.Door.Other(in)
	}
}
