package appliance

import (
	"net"
	"runtime/debug"
	"strings"

	"branchline/pbx/fn/office"
	"branchline/pbx/sip/registrar"
)

// contacts tells the dialplan where an address of record can be reached.
func (d *daemon) contacts(aor string) []office.Contact {
	var out []office.Contact
	for _, c := range d.registrar.Contacts(aor) {
		out = append(out, office.Contact{
			ID: c.AOR + "@@" + c.Hash(), AOR: c.AOR, URI: c.URI, Status: reachability(c.Status()), RTT: c.RTT(),
			Expires: c.Expires, UserAgent: c.UserAgent, Endpoint: c.Endpoint,
			CallID: c.CallID, ViaAddr: c.ViaAddr, ViaPort: c.ViaPort,
		})
	}
	return out
}

// reachability is a contact's status in the words of PJSIP_CONTACT().
func reachability(s registrar.Status) string {
	switch s {
	case registrar.Avail:
		return "Reachable"
	case registrar.Unavail:
		return "Unreachable"
	case registrar.NonQual:
		return "NonQualified"
	}
	return "Unknown"
}

// entityID tells exchanges apart: the hardware address of the first network
// interface that has one, as Asterisk has it, "" on a machine without.
func entityID() string {
	interfaces, err := net.Interfaces()
	if err != nil {
		return ""
	}
	for _, i := range interfaces {
		if len(i.HardwareAddr) == 6 {
			return i.HardwareAddr.String()
		}
	}
	return ""
}

// sipStack is the version of the SIP message library in this binary.
func sipStack() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range info.Deps {
			if m.Path == "github.com/emiago/sipgo" {
				return "sipgo " + strings.TrimPrefix(m.Version, "v")
			}
		}
	}
	return "sipgo"
}
