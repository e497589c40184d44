package way

import (
	"net/netip"
	"strings"

	"branchline/pbx/settings"
	"branchline/pbx/sip/link"
	"branchline/pbx/sip/transports"
	"branchline/pbx/sip/wire"
)

// Appearance is how the exchange appears to an endpoint: x is the transport its peer
// is on, peer the peer's address, local the address the peer used for us, if
// known.
func Appearance(w *transports.World, ep *settings.Endpoint, x *wire.Wire, peer, local netip.Addr) link.Local {
	host, port := x.Speaks(peer)
	own := x.Local(peer)
	if x.Bound().Addr().IsUnspecified() && local.IsValid() && !local.IsUnspecified() {
		if host == own.String() {
			host = local.String()
		}
		own = local
	}
	l := link.Local{Host: host, Port: port, Transport: strings.ToUpper(x.Network()), Media: own, MediaBind: x.Bound().Addr()}
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

func inside(nets []netip.Prefix, addr netip.Addr) bool {
	for _, p := range nets {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}
