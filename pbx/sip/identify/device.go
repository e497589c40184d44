package identify

import (
	"net/netip"
	"strings"

	"github.com/emiago/sipgo/sip"

	"branchline/pbx/settings"
	"branchline/pbx/sip/digest"
)

// devices is the part of an Index that sip.conf brings.
type devices struct {
	fixed map[netip.Addr][]*settings.Device // by the address of host=
}

func newDevices(s *settings.SIP) devices {
	d := devices{fixed: map[netip.Addr][]*settings.Device{}}
	if s == nil {
		return d
	}
	for _, dev := range s.List {
		if !dev.Callable() {
			continue
		}
		for _, a := range dev.Addresses {
			d.fixed[a] = append(d.fixed[a], dev)
		}
	}
	return d
}

// Device gives the device of sip.conf that a request other than REGISTER comes
// from: by the name in From (for match_auth_username by that in credentials)
// for users and friends, then by address for peers and friends. at tells which
// registered device is at an address, "" for none. refused means that a device
// was found whose access list does not let the request in.
func (x *Index) Device(req *sip.Request, src netip.AddrPort, network string, at func(netip.AddrPort) string) (dev *settings.Device, refused bool) {
	s := x.snap.SIP
	if s == nil {
		return nil, false
	}
	name := ""
	if s.MatchAuthUsername {
		name, _, _ = digest.Claim(req)
	}
	if from := req.From(); name == "" && from != nil && sipScheme(&from.Address) {
		name, _, _ = strings.Cut(from.Address.User, ";")
	}
	if d := s.Devices[strings.ToLower(name)]; d != nil && d.Claims() {
		dev = d
	} else {
		dev = x.deviceAt(src, network, at)
	}
	if dev != nil && !permitted(dev.Endpoint.ACL, dev.Endpoint.ContactACL, req, src.Addr()) {
		return nil, true
	}
	return dev, false
}

// deviceAt matches by source. The port counts on UDP, unless insecure=port:
// connections come from any port.
func (x *Index) deviceAt(src netip.AddrPort, network string, at func(netip.AddrPort) string) *settings.Device {
	addr := src.Addr().Unmap()
	var loose *settings.Device
	for _, d := range x.devices.fixed[addr] {
		port := d.Port
		if port == 0 {
			port = 5060
		}
		switch {
		case int(src.Port()) == port:
			return d
		case loose == nil && (d.InsecurePort || network != "udp"):
			loose = d
		}
	}
	if loose != nil {
		return loose
	}
	if name := at(netip.AddrPortFrom(addr, src.Port())); name != "" {
		if d := x.snap.Device(name); d != nil && d.Callable() {
			return d
		}
	}
	return nil
}

// MayRegister reports whether dev's access lists let a REGISTER in.
func (x *Index) MayRegister(dev *settings.Device, req *sip.Request, src netip.Addr) bool {
	return permitted(dev.Endpoint.ACL, dev.Endpoint.ContactACL, req, src)
}
