package errands

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/emiago/sipgo/sip"

	"branchline/pbx/channel"
	"branchline/pbx/settings"
	"branchline/pbx/sip/door"
	"branchline/pbx/sip/party"
	"branchline/pbx/sip/transports"
	"branchline/pbx/sip/way"
	"branchline/pbx/sip/wire"
)

// Receive takes a MESSAGE outside of any call (RFC 3428 7): the dialplan decides
// what becomes of it.
func (e *Runner) Receive(w *transports.World, in *wire.Inbound, ep *settings.Endpoint) {
	req := in.Request
	kind := "text/plain"
	if h := req.GetHeader("Content-Type"); h != nil {
		kind = h.Value()
	}
	if !strings.HasPrefix(strings.ToLower(strings.TrimSpace(kind)), "text/") {
		e.o.Door.Respond(in, sip.StatusUnsupportedMediaType, sip.NewHeader("Accept", "text/*"))
		return
	}
	exten, ok := door.Exten(w, &req.Recipient)
	if !ok {
		e.o.Door.Respond(in, sip.StatusRequestedRangeNotSatisfiable)
		return
	}
	if exten == "" {
		exten = "s"
	}
	context := ep.MessageContext
	if context == "" {
		context = ep.Context
	}
	to, able := e.o.Acceptor.(channel.TextAcceptor)
	caller := party.Caller(req, ep)
	if exists, _ := e.o.Router.Lookup(context, exten, caller.Number); !exists || !able {
		e.o.Door.Respond(in, sip.StatusNotFound)
		return
	}
	recipient := req.Recipient.Clone()
	if w.Settings.Global.IgnoreURIUserOptions {
		recipient.User, _, _ = strings.Cut(recipient.User, ";")
	}
	t := channel.Text{
		To: "pjsip:" + strings.TrimPrefix(recipient.String(), "sip:"), Body: string(req.Body()), ContentType: kind,
	}
	if from := req.From(); from != nil {
		t.From = (&sip.FromHeader{DisplayName: from.DisplayName, Address: from.Address}).Value()
	}
	for _, h := range req.Headers() {
		t.Headers = append(t.Headers, channel.Header{Name: h.Name(), Value: h.Value()})
	}
	err := to.AcceptText(e.o.Rack.Life(), channel.IncomingText{
		Text: t, Context: context, Exten: exten, Caller: caller, Endpoint: ep.ID,
	})
	if err != nil {
		e.o.Log.Warn("message not accepted", "endpoint", ep.ID, "error", err)
		e.o.Door.Respond(in, sip.StatusServiceUnavailable)
		return
	}
	e.o.Door.Respond(in, sip.StatusAccepted)
}

var errNotAccepted = errors.New("message not accepted")

// SendMessage sends a MESSAGE outside of any call to an endpoint, an endpoint and
// an address there ("1001/sip:..."), or an address (channel.Messenger).
func (e *Runner) SendMessage(ctx context.Context, dest string, text channel.Text) error {
	w := e.o.Rack.Load()
	to, err := e.addressee(w, dest)
	if err != nil {
		return err
	}
	routes, first, road, err := to.Start()
	if err != nil {
		return err
	}
	hs, err := e.o.Ways.Hops(ctx, road, first)
	if err != nil {
		return err
	}
	auths, _ := w.Settings.UACAuths(to.Endpoint)
	callID, tag := sip.CallIDHeader(e.o.Token()), e.o.Token()
	res, _, err := e.o.Ways.Deliver(ctx, hs, auths, func(h way.Hop, seq uint32) *sip.Request {
		req := e.messageTo(w, to, h, text, tag)
		req.AppendHeader(&callID)
		req.AppendHeader(&sip.CSeqHeader{SeqNo: seq, MethodName: sip.MESSAGE})
		for i := range routes {
			req.AppendHeader(&sip.RouteHeader{Address: routes[i]})
		}
		limit := sip.MaxForwardsHeader(max(w.Settings.Global.MaxForwards, 1))
		req.AppendHeader(&limit)
		req.AppendHeader(sip.NewHeader("User-Agent", e.o.Rack.UserAgent()))
		kind := sip.ContentTypeHeader("text/plain")
		if text.ContentType != "" && !strings.ContainsAny(text.ContentType, "\r\n") {
			kind = sip.ContentTypeHeader(text.ContentType)
		}
		req.AppendHeader(&kind)
		req.SetBody([]byte(text.Body))
		return req
	})
	switch {
	case err != nil && res != nil:
		return fmt.Errorf("%d %s: %w", res.StatusCode, res.Reason, err)
	case err != nil:
		return err
	case res.StatusCode >= 300:
		return fmt.Errorf("%d %s: %w", res.StatusCode, res.Reason, errNotAccepted)
	}
	return nil
}

// messageTo begins the request: who sends it to whom, and the headers that the
// dialplan adds.
func (e *Runner) messageTo(w *transports.World, to way.Target, h way.Hop, text channel.Text, tag string) *sip.Request {
	req := sip.NewRequest(sip.MESSAGE, to.URI)
	host, _ := h.Wire.Speaks(h.To.Addr())
	from := &sip.FromHeader{Address: sip.Uri{Scheme: "sip", User: to.Endpoint.FromUser, Host: host}}
	if from.Address.User == "" {
		from.Address.User = w.Settings.Global.DefaultFromUser
	}
	if name, u, ok := named(text.From); ok {
		u.Port = 0
		from.DisplayName, from.Address = name, u
	} else if f := strings.TrimSpace(text.From); f != "" && !strings.ContainsAny(f, "<>@:; \t\r\n\"") {
		from.Address.User = f
	}
	from.Params.Add("tag", tag)
	aim := &sip.ToHeader{Address: sip.Uri{Scheme: to.URI.Scheme, User: to.URI.User, Host: to.URI.Host}}
	if name, u, ok := named(text.To); ok {
		aim.DisplayName, aim.Address = name, u
	}
	req.AppendHeader(from)
	req.AppendHeader(aim)
	for _, e := range text.Extra {
		if !ownHeaders[strings.ToLower(e.Name)] && !strings.ContainsAny(e.Name+e.Value, "\r\n") {
			req.AppendHeader(sip.NewHeader(e.Name, e.Value))
		}
	}
	return req
}

// ownHeaders are those of a MESSAGE that the dialplan may not add.
var ownHeaders = map[string]bool{
	"via": true, "from": true, "to": true, "call-id": true, "cseq": true, "route": true, "record-route": true, "contact": true,
	"max-forwards": true, "user-agent": true, "content-type": true, "content-length": true, "authorization": true,
	"proxy-authorization": true,
}

// named reads an address with or without a name; false if it is no SIP address.
func named(text string) (name string, u sip.Uri, ok bool) {
	text = strings.TrimSpace(text)
	if !strings.Contains(text, "sip:") && !strings.Contains(text, "sips:") || strings.ContainsAny(text, "\r\n") {
		return "", u, false
	}
	params := sip.NewParams()
	name, err := sip.ParseAddressValue(text, &u, &params)
	return name, u, err == nil && u.Host != ""
}

// addressee is whom a message is for.
func (e *Runner) addressee(w *transports.World, dest string) (way.Target, error) {
	if strings.HasPrefix(dest, "sip:") || strings.HasPrefix(dest, "sips:") {
		to := way.Target{Endpoint: &settings.Endpoint{}}
		if err := way.ParseURI(dest, &to.URI); err != nil {
			return way.Target{}, err
		}
		return to, nil
	}
	name, _, explicit := strings.Cut(dest, "/")
	if user, _, at := strings.Cut(dest, "@"); !explicit && at && w.Endpoint(name) == nil {
		if w.Endpoint(user) == nil {
			return e.addressee(w, "sip:"+dest)
		}
		dest = user
	}
	if !explicit && strings.ContainsAny(dest, ".:") && w.Endpoint(name) == nil {
		return e.addressee(w, "sip:"+dest) // a host, perhaps with its port
	}
	to, refusal := e.o.Ways.Target(w, dest)
	if refusal != nil {
		return way.Target{}, refusal
	}
	return to, nil
}
