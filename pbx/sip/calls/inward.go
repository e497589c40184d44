package calls

import (
	"fmt"

	"github.com/emiago/sipgo/sip"

	"branchline/pbx/channel"
	"branchline/pbx/settings"
	"branchline/pbx/sip/dialog"
	"branchline/pbx/sip/door"
	"branchline/pbx/sip/invite"
	"branchline/pbx/sip/party"
	"branchline/pbx/sip/transports"
	"branchline/pbx/sip/way"
	"branchline/pbx/sip/wire"
)

// A Router knows the dialplan: whether an extension exists in a context for a
// caller, and whether a longer one might.
type Router interface {
	Lookup(context, exten, callerNum string) (exists, more bool)
}

// Receive takes an INVITE outside any dialog.
func (b *Book) Receive(w *transports.World, in *wire.Inbound, ep *settings.Endpoint) {
	req := in.Request
	hops := hopsOf(req)
	if hops == 0 {
		b.o.Door.Respond(in, sip.StatusTooManyHops)
		return
	}
	exten, ok := door.Exten(w, &req.Recipient)
	if c := req.Contact(); c != nil && c.Address.Scheme != "sip" && c.Address.Scheme != "sips" && c.Address.Scheme != "" {
		ok = false // requests of ours could not follow it
	}
	if !ok {
		b.o.Door.Respond(in, sip.StatusRequestedRangeNotSatisfiable)
		return
	}
	key := mergeKey{callID: req.CallID().Value(), seq: req.CSeq().SeqNo}
	key.tag, _ = req.From().Params.Get("tag")
	b.mu.RLock()
	twice := b.merged[key] != nil
	b.mu.RUnlock()
	if twice {
		b.o.Door.Respond(in, sip.StatusLoopDetected)
		return
	}
	if exten == "" {
		exten = "s"
	}
	caller := party.Caller(req, ep)
	replaced, ok := b.replaced(req)
	if !ok {
		b.o.Door.Respond(in, sip.StatusCallTransactionDoesNotExists)
		return
	}
	exists, more := b.o.Router.Lookup(ep.Context, exten, caller.Number)
	switch {
	case exists, replaced != "":
	case more && ep.AllowOverlap:
		b.o.Door.Respond(in, sip.StatusAddressIncomplete)
		return
	default:
		b.o.Log.Info(fmt.Sprintf("Call (%s:%s) to extension '%s' rejected because extension not found in context '%s'.",
			door.Upper(in.Wire), in.Source, exten, ep.Context), "endpoint", ep.ID)
		b.o.Door.Respond(in, sip.StatusNotFound)
		return
	}
	l := &life{key: key}
	c := b.config(w, ep, in.Wire, in.Source.Addr(), in.Local, l)
	road := way.RoadTo(w, ep, in.Wire.Name())
	if pin := w.Wire(ep.Transport); pin != nil && pin.Network() != in.Wire.Network() {
		// The pin is for calls to the endpoint. A caller that came another way,
		// recognised by his address perhaps, has no port to hear our BYE on there.
		road.Pin = in.Wire.Name()
	}
	c.Network = b.o.Ways.Carrier(road)
	vars := ep.SetVars
	if ep.Legacy {
		vars = b.legacyCall(w, &c, in)
	}
	s, err := invite.Incoming(c, req, in)
	if err != nil {
		b.o.Log.Info("call refused", "endpoint", ep.ID, "source", in.Source, "error", err)
		return
	}
	b.begun(l, s)
	err = b.o.Acceptor.Accept(b.o.Rack.Life(), channel.Incoming{
		Leg: s, Replaces: replaced, Context: ep.Context, Exten: exten, Dialed: exten, Caller: caller,
		Redirecting: party.Redirecting(req), Account: ep.AccountCode, Language: ep.Language,
		ToneZone: ep.ToneZone, MusicClass: ep.MOHSuggest, CallGroup: ep.CallGroup, PickupGroup: ep.PickupGroup,
		Vars: vars, MaxForwards: hops, Endpoint: ep.ID, Codecs: s.Codecs(),
	})
	if err != nil {
		b.o.Log.Warn("call not accepted", "endpoint", ep.ID, "call", s.Name(), "error", err)
		s.Hangup(channel.SwitchCongestion)
	}
}

// hopsOf is what Max-Forwards allows, 70 if it does not say.
func hopsOf(req *sip.Request) int {
	h := req.MaxForwards()
	if h == nil {
		return 70
	}
	return int(min(h.Val(), 255))
}

// replaced is the name of the channel whose place an INVITE with Replaces wants
// (RFC 3891 3), "" if it wants none; false if there is no such call.
func (b *Book) replaced(req *sip.Request) (name string, ok bool) {
	h := req.GetHeader("Replaces")
	if h == nil {
		return "", true
	}
	id, ok := dialog.Replaced(h.Value())
	if !ok {
		return "", false
	}
	s := b.Find(id)
	if s == nil || !s.Replaceable() {
		return "", false
	}
	return s.Name(), true
}
