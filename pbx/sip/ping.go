package sip

import (
	"context"
	"fmt"
	"slices"

	"github.com/emiago/sipgo/sip"

	"branchline/pbx/settings"
	"branchline/pbx/sip/invite"
	"branchline/pbx/sip/registrar"
)

// Ping sends OPTIONS to a contact and returns the final status of the answer
// (registrar.Pinger). It waits for it, but not longer than ctx.
func (a *Agent) Ping(ctx context.Context, c *registrar.Contact, aor *settings.AOR) (int, error) {
	w := a.world.Load()
	ep := w.owner(c, aor)
	pin, from := "", w.settings.Global.DefaultFromUser
	var auths []*settings.Auth
	if ep != nil {
		pin = ep.Transport
		if ep.FromUser != "" {
			from = ep.FromUser
		}
		if aor.AuthenticateQualify {
			auths, _ = w.settings.UACAuths(ep)
		}
	}
	to := target{ep: &settings.Endpoint{OutboundProxy: aor.OutboundProxy}, contact: c, uri: c.Uri}
	routes, err := routesOf(to)
	if err != nil {
		return 0, err
	}
	first := &to.uri
	if len(routes) > 0 {
		first = &routes[0]
	}
	h, err := a.hop(ctx, pin, c.Source.Transport, first)
	if err != nil {
		return 0, err
	}
	host, port := h.wire.Speaks(h.to.Addr())
	me := sip.Uri{Scheme: "sip", User: from, Host: host}
	contact := sip.Uri{Scheme: "sip", User: from, Host: host, Port: port}
	if h.wire.Reliable() {
		contact.UriParams.Add("transport", "TCP")
	}
	callID := sip.CallIDHeader(a.o.Token())
	tag := a.o.Token()
	creds := credentials{auths: auths}
	var challenge *sip.Response
	for seq := uint32(1); ; seq++ {
		req := sip.NewRequest(sip.OPTIONS, c.Uri)
		for i := range routes {
			req.AppendHeader(&sip.RouteHeader{Address: routes[i]})
		}
		req.AppendHeader(&sip.FromHeader{Address: me, Params: sip.HeaderParams{{K: "tag", V: tag}}})
		req.AppendHeader(&sip.ToHeader{Address: plainURI(c.Uri)})
		req.AppendHeader(&sip.ContactHeader{Address: contact})
		req.AppendHeader(&callID)
		req.AppendHeader(&sip.CSeqHeader{SeqNo: seq, MethodName: sip.OPTIONS})
		hops := sip.MaxForwardsHeader(max(w.settings.Global.MaxForwards, 1))
		req.AppendHeader(&hops)
		req.AppendHeader(sip.NewHeader("User-Agent", a.userAgent(w)))
		req.SetBody(nil)
		if challenge != nil {
			if err := creds.Authorize(req, challenge); err != nil {
				return challenge.StatusCode, nil // it is there, which is what was asked
			}
		}
		res, err := a.ask(ctx, h, req)
		if err != nil {
			return 0, err
		}
		if len(auths) == 0 || res.StatusCode != 401 && res.StatusCode != 407 || seq > 2 {
			return res.StatusCode, nil
		}
		challenge = res
	}
}

// ask sends a request and waits for its final response.
func (a *Agent) ask(ctx context.Context, h hop, req *sip.Request) (*sip.Response, error) {
	type outcome struct {
		res *sip.Response
		err error
	}
	done := make(chan outcome, 1)
	o := h.wire.Request(req, h.to, func(res *sip.Response, err error) {
		if err == nil && res.IsProvisional() {
			return
		}
		select {
		case done <- outcome{res, err}:
		default:
		}
	})
	select {
	case r := <-done:
		return r.res, r.err
	case <-ctx.Done():
		o.Terminate()
		return nil, fmt.Errorf("%s: %w", req.Recipient.String(), invite.ErrTimeout)
	}
}

// owner is the endpoint a contact belongs to.
func (w *world) owner(c *registrar.Contact, aor *settings.AOR) *settings.Endpoint {
	if ep := w.endpoint(c.Endpoint); ep != nil {
		return ep
	}
	ids := make([]string, 0, 1)
	for id, ep := range w.settings.Endpoints {
		if slices.Contains(ep.AORs, aor.ID) {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	return w.settings.Endpoints[slices.Min(ids)]
}

// plainURI is a URI without parameters, as To carries it.
func plainURI(u sip.Uri) sip.Uri {
	return sip.Uri{Scheme: u.Scheme, User: u.User, Host: u.Host, Port: u.Port}
}
