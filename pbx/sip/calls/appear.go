package calls

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/emiago/sipgo/sip"

	"branchline/pbx/channel"
	"branchline/pbx/settings"
	"branchline/pbx/sip/invite"
	"branchline/pbx/sip/transports"
	"branchline/pbx/sip/way"
	"branchline/pbx/sip/wire"
)

// config is what a session towards an endpoint is made from, but for the network:
// x is the transport its peer is on, peer the peer's address, local the address the
// peer used for us, if known. alive becomes the session's entry.
func (b *Book) config(w *transports.World, ep *settings.Endpoint, x *wire.Wire, peer, local netip.Addr, alive *life) invite.Config {
	alive.ep, alive.wire, alive.peer = ep, x.Name(), peer
	c := invite.Config{
		Endpoint: ep, UserAgent: b.o.Rack.UserAgent(),
		FromUser: w.Settings.Global.DefaultFromUser, MaxForwards: w.Settings.Global.MaxForwards, Local: way.Appearance(w, ep, x, peer, local),
		Plane: b.o.Plane, Dialogs: b,
		CallerContact: w.Settings.Global.CallerContact, LateRinging: w.Settings.Global.LateRinging,
		Locate: b.locate, FeatureCode: b.o.FeatureCode, Tones: b.o.Tones,
		T1: x.Retry().T1, Log: b.o.Log, Ended: func(s *invite.Session) { b.ended(alive, s) },
	}
	if !ep.Legacy { // asLegacy names those
		c.Name = b.name("PJSIP/" + ep.ID)
	}
	if auths, _ := w.Settings.UACAuths(ep); len(auths) > 0 {
		c.Credentials = &way.Credentials{Auths: auths}
	}
	return c
}

// asLegacy changes the configuration of a session so that it speaks as sip.conf
// says: x is the transport, to which it keeps, and held the address the party
// is reached at whatever its Contact says.
func (b *Book) asLegacy(w *transports.World, c *invite.Config, host string, x *wire.Wire, held netip.AddrPort) *way.Carrier {
	s := w.Settings.SIP
	name := c.Endpoint.ID
	if c.Endpoint == s.Guest || c.Endpoint == s.Direct {
		name = "SIP/" + host
	}
	c.Name = b.name(name)
	if s.UserAgent != "" {
		c.UserAgent = s.UserAgent
	}
	c.FromUser, c.MaxForwards = s.CallerID, s.MaxForwards
	if d := w.Device(c.Endpoint.ID); d != nil && d.MaxForwards > 0 {
		c.MaxForwards = d.MaxForwards
	}
	network := b.o.Ways.Carrier(way.Road{Pin: x.Name(), Prefer: x.Name(), Plain: w.Plain(true), Held: held})
	c.Network = network
	return network
}

// legacyCall is asLegacy for an inbound call. It gives the variables the channel
// begins with.
func (b *Book) legacyCall(w *transports.World, c *invite.Config, in *wire.Inbound) []channel.Header {
	req, ep := in.Request, c.Endpoint
	var held netip.AddrPort
	if ep.ForceRport || in.Wire.Reliable() {
		held = in.Source
	}
	host := in.Source.Addr().String()
	if from := req.From(); from != nil && from.Address.Host != "" {
		host = from.Address.Host
	}
	b.asLegacy(w, c, host, in.Wire, held)
	to := ""
	if h := req.To(); h != nil {
		to = h.Address.Host
	}
	vars := slices.Clip(ep.SetVars)
	for _, v := range []channel.Header{
		{Name: "SIPURI", Value: contactURI(req)}, {Name: "SIPDOMAIN", Value: to}, {Name: "SIPCALLID", Value: req.CallID().Value()},
	} {
		if v.Value != "" {
			vars = append(vars, v)
		}
	}
	return vars
}

func contactURI(req *sip.Request) string {
	if c := req.Contact(); c != nil {
		return c.Address.String()
	}
	return ""
}

func hostOnly(s string) string {
	if ap, err := netip.ParseAddrPort(s); err == nil {
		return ap.Addr().String()
	}
	host, _, _ := strings.Cut(s, ":")
	return host
}

// name makes a channel name no channel had before.
func (b *Book) name(endpoint string) string {
	return fmt.Sprintf("%s-%08x", endpoint, b.serial.Add(1)-1)
}
