package errands

import (
	"context"

	"github.com/emiago/sipgo/sip"

	"branchline/pbx/settings"
	"branchline/pbx/sip/registrar"
	"branchline/pbx/sip/transports"
	"branchline/pbx/sip/way"
)

// Ping sends OPTIONS to a contact and returns the final status of the answer
// (registrar.Pinger). It waits for it, but not longer than ctx.
func (e *Runner) Ping(ctx context.Context, c *registrar.Contact, aor *settings.AOR) (int, error) {
	w := e.o.Rack.Load()
	ep := owner(w, c, aor)
	pin, from := "", w.Settings.Global.DefaultFromUser
	var auths []*settings.Auth
	if ep != nil {
		pin = ep.Transport
		if ep.FromUser != "" {
			from = ep.FromUser
		}
		if aor.AuthenticateQualify {
			auths, _ = w.Settings.UACAuths(ep)
		}
	}
	to := way.Target{Endpoint: &settings.Endpoint{OutboundProxy: aor.OutboundProxy, Transport: pin}, Contact: c, URI: c.Uri}
	routes, first, road, err := to.Start()
	if err != nil {
		return 0, err
	}
	hs, err := e.pingHops(ctx, w, c, road, first)
	if err != nil {
		return 0, err
	}
	callID := sip.CallIDHeader(e.o.Token())
	tag := e.o.Token()
	res, _, err := e.o.Ways.Deliver(ctx, hs, auths, func(h way.Hop, seq uint32) *sip.Request {
		host, port := h.Wire.Speaks(h.To.Addr())
		me := sip.Uri{Scheme: "sip", User: from, Host: host}
		contact := sip.Uri{Scheme: "sip", User: from, Host: host, Port: port}
		if h.Wire.Reliable() {
			contact.UriParams.Add("transport", "TCP")
		}
		req := sip.NewRequest(sip.OPTIONS, c.Uri)
		for i := range routes {
			req.AppendHeader(&sip.RouteHeader{Address: routes[i]})
		}
		req.AppendHeader(&sip.FromHeader{Address: me, Params: sip.HeaderParams{{K: "tag", V: tag}}})
		req.AppendHeader(&sip.ToHeader{Address: plainURI(c.Uri)})
		req.AppendHeader(&sip.ContactHeader{Address: contact})
		req.AppendHeader(&callID)
		req.AppendHeader(&sip.CSeqHeader{SeqNo: seq, MethodName: sip.OPTIONS})
		hops := sip.MaxForwardsHeader(max(w.Settings.Global.MaxForwards, 1))
		req.AppendHeader(&hops)
		req.AppendHeader(sip.NewHeader("User-Agent", e.o.Rack.UserAgent()))
		req.SetBody(nil)
		return req
	})
	if res == nil {
		return 0, err
	}
	return res.StatusCode, nil // a challenge shows that it is there, which is what was asked
}

// pingHops are where a contact is asked, one after the other.
func (e *Runner) pingHops(ctx context.Context, w *transports.World, c *registrar.Contact, road way.Road, first *sip.Uri) ([]way.Hop, error) {
	if dev := w.Device(c.AOR); dev != nil {
		x, err := e.o.Devices.Reach(ctx, w, dev, c)
		return []way.Hop{x.Hop}, err
	}
	return e.o.Ways.Hops(ctx, road, first)
}

// owner is the endpoint a contact belongs to.
func owner(w *transports.World, c *registrar.Contact, aor *settings.AOR) *settings.Endpoint {
	if dev := w.Device(aor.ID); dev != nil {
		return dev.Endpoint
	}
	if ep := w.Endpoint(c.Endpoint); ep != nil {
		return ep
	}
	if ids := w.Index.Owners(aor.ID); len(ids) > 0 {
		return w.Settings.Endpoints[ids[0]]
	}
	return nil
}

// plainURI is a URI without parameters, as To carries it.
func plainURI(u sip.Uri) sip.Uri {
	return sip.Uri{Scheme: u.Scheme, User: u.User, Host: u.Host, Port: u.Port}
}
