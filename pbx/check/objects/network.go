package objects

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"branchline/pbx/check/survey"
	"branchline/pbx/settings"
)

// binds reports transports that cannot or should not be bound as written.
func binds(x *survey.Survey) {
	for _, t := range x.Snap.Transports {
		a := t.Bind.Addr()
		if t.Device != "" && len(x.Interfaces) > 0 && !slices.Contains(x.Interfaces, t.Device) {
			x.Warn(t.At("bind"), "unknown-interface", fmt.Sprintf("transport [%s]: there is no interface %s on this machine", t.ID, t.Device),
				"the transport waits until there is", "bind to "+survey.Sentence(x.Interfaces, 4)+", or to 0.0.0.0").Near = t.Device
		}
		if len(x.Addresses) > 0 && !a.IsUnspecified() && !a.IsLoopback() && !a.IsLinkLocalUnicast() && !slices.Contains(x.Addresses, a) {
			x.Warn(t.At("bind"), "foreign-address", fmt.Sprintf("transport [%s]: %s is no address of this machine", t.ID, a),
				"nothing can be received there until it is", "bind to "+survey.Sentence(texts(x.Addresses), 4)+", or to 0.0.0.0").Near = a.String()
		}
		if t.Bind.Port() < 1024 && t.Bind.Port() != 0 {
			x.Note(t.At("bind"), "low-port", fmt.Sprintf("transport [%s]: port %d is one that only root may bind", t.ID, t.Bind.Port()), "", "start as root, or choose another port")
		}
		if t.ExternalSignaling == "" != (t.ExternalMedia == "") {
			have, lack := "external_signaling_address", "external_media_address"
			if t.ExternalSignaling == "" {
				have, lack = lack, have
			}
			x.Warn(t.At(have), "half-external", fmt.Sprintf("transport [%s] has %s= but no %s=", t.ID, have, lack), "calls over the border are set up and stay silent, or the reverse", "add "+lack+"=")
		}
		if (t.ExternalSignaling != "" || t.ExternalMedia != "") && len(t.LocalNets) == 0 {
			d := x.Warn(t.Pos, "no-local-net", fmt.Sprintf("transport [%s] has an external address but no local_net=", t.ID),
				"phones in the house are told the outer address too, and hear nothing unless the router sends it back", "add local_net= with your network")
			if a.IsPrivate() && a.Is4() {
				p, _ := a.Prefix(24)
				d.Insert(t.Pos, "local_net="+p.String())
			}
		}
	}
}

func texts(addrs []netip.Addr) []string {
	out := make([]string, len(addrs))
	for i, a := range addrs {
		out[i] = a.String()
	}
	return out
}

// pinned reports endpoints that can only be reached over one protocol while
// phones can register over another.
func pinned(x *survey.Survey) {
	protocols := map[string]bool{}
	for _, t := range x.Snap.Transports {
		protocols[t.Protocol] = true
	}
	for _, e := range x.Ordered {
		t := x.Snap.Transport(e.Transport)
		if t == nil {
			continue
		}
		other := map[string]string{"udp": "TCP", "tcp": "UDP"}[t.Protocol]
		if protocols["udp"] && protocols["tcp"] && other != "" && x.Phone(e) {
			x.Note(e.At("transport"), "pinned-transport", fmt.Sprintf("endpoint [%s] is only called over %s", e.ID, strings.ToUpper(t.Protocol)),
				fmt.Sprintf("a phone that registers over %s is accepted but cannot be called", other), "set the phone to "+strings.ToUpper(t.Protocol)+", or leave transport= out").Near = e.Transport
		}
		if protocols["udp"] && protocols["tcp"] && other != "" && x.Identified(e) && !x.Phone(e) && !called(x, e) {
			x.Note(e.At("transport"), "pinned-transport", fmt.Sprintf("what we send to [%s] within a call goes over %s", e.ID, strings.ToUpper(t.Protocol)),
				fmt.Sprintf("a device that calls over %s may never hear that the other side has hung up", other), "leave transport= out, or let the devices call over "+strings.ToUpper(t.Protocol)).Near = e.Transport
		}
		for _, name := range e.AORs {
			a := x.Snap.AORs[name]
			if a == nil {
				continue
			}
			for _, uri := range a.Contacts {
				_, params, _ := strings.Cut(strings.ToLower(uri), ";transport=")
				params, _, _ = strings.Cut(params, ";")
				if params != "" && params != t.Protocol {
					d := x.Warn(e.At("transport"), "transport-conflict", fmt.Sprintf("endpoint [%s] has transport=%s (%s), but its contact is %s", e.ID, t.ID, t.Protocol, uri),
						"calls go out over "+strings.ToUpper(t.Protocol)+", where nobody may listen", "make both the same")
					d.Near = e.Transport
				}
			}
		}
	}
}

// called reports whether e has an address of its own that calls go to.
func called(x *survey.Survey, e *settings.Endpoint) bool {
	return slices.ContainsFunc(e.AORs, func(name string) bool { return x.Snap.AORs[name] != nil && len(x.Snap.AORs[name].Contacts) > 0 })
}

// addressTranslation reports what fails behind a router that translates
// addresses.
func addressTranslation(x *survey.Survey) {
	for _, e := range x.Ordered {
		for _, name := range e.AORs {
			a := x.Snap.AORs[name]
			if a == nil {
				continue
			}
			if e.RewriteContact && a.MaxContacts > 0 && a.QualifyFrequency == 0 {
				d := x.Note(a.Pos, "no-qualify", fmt.Sprintf("endpoint [%s] is behind a router (rewrite_contact=yes), but its aor has no qualify_frequency=", e.ID),
					"the router forgets the way to the phone between calls", "add qualify_frequency=30")
				d.Insert(a.Pos, "qualify_frequency=30")
			}
			for _, uri := range a.Contacts {
				if addr, ok := survey.Literal(uri); ok && survey.Public(addr) {
					privateBind(x, e, addr)
				}
				if host := hostName(uri); host != "" && strings.Trim(host, "0123456789.") == "" {
					x.Warn(a.At("contact"), "bad-address", fmt.Sprintf("aor [%s]: %q in contact= is no address", name, host), "no call can be sent to "+e.ID, "write four numbers from 0 to 255, without leading zeros").Near = host
				}
			}
		}
	}
}

// privateBind reports that a trunk in the public network is told our private
// address.
func privateBind(x *survey.Survey, e *settings.Endpoint, far netip.Addr) {
	for _, t := range x.Snap.Transports {
		if e.Transport != "" && e.Transport != t.ID || e.Transport == "" && t.Protocol != "udp" {
			continue
		}
		if t.Bind.Addr().IsPrivate() && t.ExternalMedia == "" && e.MediaAddress == "" {
			x.Warn(t.At("bind"), "private-bind", fmt.Sprintf("transport [%s] is bound to the private %s, and %s is called at the public %s", t.ID, t.Bind.Addr(), e.ID, far),
				"the other side sends speech to an address it cannot reach: calls stay silent", "add external_signaling_address=, external_media_address= and local_net=").Near = t.Bind.Addr().String()
		}
	}
}
