package sip

import (
	"net/netip"

	"branchline/pbx/settings"
	"branchline/pbx/sip/invite"
	"branchline/pbx/sip/transports"
	"branchline/pbx/sip/way"
	"branchline/pbx/sip/wire"
)

// config is what a session towards an endpoint is made from; see appearance.
func (a *Agent) config(w *transports.World, ep *settings.Endpoint, x *wire.Wire, peer, local netip.Addr, alive *life) invite.Config {
	alive.ep, alive.wire, alive.peer = ep, x.Name(), peer
	c := invite.Config{
		Endpoint: ep, UserAgent: a.rack.UserAgent(),
		FromUser: w.Settings.Global.DefaultFromUser, MaxForwards: w.Settings.Global.MaxForwards, Local: way.Appearance(w, ep, x, peer, local),
		Network: a.ways.Carrier(way.RoadTo(w, ep, x.Name())), Plane: a.o.Plane, Dialogs: a,
		CallerContact: w.Settings.Global.CallerContact, LateRinging: w.Settings.Global.LateRinging,
		Locate: a.locate, FeatureCode: a.o.FeatureCode, Tones: a.o.Tones,
		T1: x.Retry().T1, Log: a.log, Ended: func(s *invite.Session) { a.ended(alive, s) },
	}
	if !ep.Legacy { // asLegacy names those
		c.Name = a.channelName(ep.ID)
	}
	if auths, _ := w.Settings.UACAuths(ep); len(auths) > 0 {
		c.Credentials = &way.Credentials{Auths: auths}
	}
	return c
}
