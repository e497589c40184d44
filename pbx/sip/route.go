package sip

import (
	"net/netip"

	"github.com/emiago/sipgo/sip"

	"branchline/pbx/settings"
	"branchline/pbx/sip/digest"
	"branchline/pbx/sip/invite"
	"branchline/pbx/sip/transports"
	"branchline/pbx/sip/wire"
)

// credentials answer challenges with the endpoint's outbound_auth.
type credentials struct {
	client digest.Client
	auths  []*settings.Auth
	signed uint32 // CSeq of the last request with credentials
}

// Authorize answers the challenge in res on req. Only a challenge to a request
// that had credentials refuses them: each request within a dialog is challenged
// for itself.
func (c *credentials) Authorize(req *sip.Request, res *sip.Response) error {
	if h := res.CSeq(); h == nil || c.signed == 0 || h.SeqNo != c.signed {
		c.client = digest.Client{}
	}
	if err := c.client.Answer(req, res, c.auths); err != nil {
		return err
	}
	if h := req.CSeq(); h != nil {
		c.signed = h.SeqNo
	}
	return nil
}

// carrier takes requests to ep; prefer names the transport to take if several
// would do.
func (a *Agent) carrier(w *transports.World, ep *settings.Endpoint, prefer string) *carrier {
	return &carrier{a: a, way: road{pin: ep.Transport, prefer: prefer, plain: w.Plain(ep.Legacy)}}
}

// local is how the exchange appears to an endpoint: x is the transport its peer
// is on, peer the peer's address, local the address the peer used for us, if
// known.
func (a *Agent) local(w *transports.World, ep *settings.Endpoint, x *wire.Wire, peer, local netip.Addr) invite.Local {
	host, port := x.Speaks(peer)
	own := x.Local(peer)
	if x.Bound().Addr().IsUnspecified() && local.IsValid() && !local.IsUnspecified() {
		if host == own.String() {
			host = local.String()
		}
		own = local
	}
	l := invite.Local{Host: host, Port: port, Transport: upper(x), Media: own, MediaBind: x.Bound().Addr()}
	t := w.Of[x]
	if t != nil && t.Device != "" { // speech goes on when the interface's address changes
		l.MediaBind = netip.IPv4Unspecified()
	}
	if t != nil && t.ExternalMedia != "" && !inside(t.LocalNets, peer) {
		if m, err := netip.ParseAddr(w.Shown(t, t.ExternalMedia)); err == nil {
			l.Media = m
		}
	}
	if m, err := netip.ParseAddr(ep.MediaAddress); err == nil {
		l.Media = m
		if ep.BindRTPToMediaAddress {
			l.MediaBind = m
		}
	}
	if l.Media.Is6() != l.MediaBind.Is6() {
		l.MediaBind = netip.IPv4Unspecified()
		if l.Media.Is6() {
			l.MediaBind = netip.IPv6Unspecified()
		}
	}
	return l
}

// config is what a session towards an endpoint is made from; see local.
func (a *Agent) config(w *transports.World, ep *settings.Endpoint, x *wire.Wire, peer, local netip.Addr, alive *life) invite.Config {
	alive.ep, alive.wire, alive.peer = ep, x.Name(), peer
	c := invite.Config{
		Endpoint: ep, UserAgent: a.rack.UserAgent(),
		FromUser: w.Settings.Global.DefaultFromUser, MaxForwards: w.Settings.Global.MaxForwards, Local: a.local(w, ep, x, peer, local),
		Network: a.carrier(w, ep, x.Name()), Plane: a.o.Plane, Dialogs: a,
		CallerContact: w.Settings.Global.CallerContact, LateRinging: w.Settings.Global.LateRinging,
		Locate: a.locate, FeatureCode: a.o.FeatureCode, Tones: a.o.Tones,
		T1: x.Retry().T1, Log: a.log, Ended: func(s *invite.Session) { a.ended(alive, s) },
	}
	if !ep.Legacy { // asLegacy names those
		c.Name = a.channelName(ep.ID)
	}
	if auths, _ := w.Settings.UACAuths(ep); len(auths) > 0 {
		c.Credentials = &credentials{auths: auths}
	}
	return c
}

func inside(nets []netip.Prefix, addr netip.Addr) bool {
	for _, p := range nets {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}
