package calls

import (
	"net/netip"

	"github.com/emiago/sipgo/sip"

	"branchline/pbx/channel"
	"branchline/pbx/settings"
	"branchline/pbx/sip/invite"
	"branchline/pbx/sip/transports"
	"branchline/pbx/sip/way"
)

// An Outward is a call to be placed.
type Outward struct {
	Endpoint *settings.Endpoint
	Hop      way.Hop // where it goes, or by which transport while Late is looking
	Call     invite.Call
	First    *sip.Uri       // what All or Late are found for; nil: the hop is all there is
	All      []way.Hop      // the hop and those to try when it fails
	Late     *way.Search    // finds them, and the hop's address; nil: they are there
	Lost     channel.Cause  // what the leg ends with if it finds none
	Host     string         // sip.conf: the device or host as dialled
	Held     netip.AddrPort // sip.conf: the one address that reaches the party; invalid: where requests point
}

// Place makes the leg of a call; its INVITE goes out with Dial.
func (b *Book) Place(w *transports.World, o Outward) (channel.Leg, error) {
	l := &life{}
	ep, x, peer := o.Endpoint, o.Hop.Wire, o.Hop.To.Addr()
	c := b.config(w, ep, x, peer, x.Local(peer), l)
	network := b.o.Ways.Carrier(way.RoadTo(w, ep, x.Name()))
	c.Network = network
	if ep.Legacy {
		network = b.asLegacy(w, &c, hostOnly(o.Host), x, o.Held)
	}
	switch {
	case o.Late != nil:
		c.Find = b.o.Ways.Find(w, ep, network, o.Late, o.First, o.Lost)
	case o.First != nil:
		network.Found(o.First, o.All)
	}
	s, err := invite.Outgoing(c, o.Call)
	if err != nil {
		return nil, &channel.Refusal{Cause: channel.SwitchCongestion, Why: err.Error()}
	}
	b.begun(l, s)
	return s, nil
}

// locate is where an endpoint can be called, for a party that is sent there.
func (b *Book) locate(endpoint string) (uri string, ok bool) {
	ep := b.o.Rack.Load().Endpoint(endpoint)
	if ep == nil {
		return "", false
	}
	for _, aor := range ep.AORs {
		if cs := b.o.Registrar.Usable(aor); len(cs) > 0 {
			return cs[0].URI, true
		}
	}
	return "", false
}
