package appliance

import (
	"net"
	"runtime/debug"
	"strings"

	"branchline/pbx/channel"
	"branchline/pbx/fn"
	"branchline/pbx/sip/registrar"
)

// customFamily is where states set with Set(DEVICE_STATE(Custom:x)=...) are
// kept, under Asterisk's name, so that they outlive a restart.
const customFamily = "CustomDevstate"

// deviceState is the state of any device a hint or DEVICE_STATE may name.
func (d *daemon) deviceState(device string) channel.DeviceState {
	kind, name, ok := strings.Cut(device, ":")
	if !ok || !strings.EqualFold(kind, "Custom") {
		return d.exchange.DeviceState(device)
	}
	word, _ := d.db.Get(customFamily, name)
	state, _ := channel.ParseDeviceState(word)
	return state
}

// setDeviceState sets a Custom: device; false if there is no such state.
func (d *daemon) setDeviceState(device, word string) bool {
	_, name, ok := strings.Cut(device, ":")
	state, known := channel.ParseDeviceState(strings.ToUpper(word))
	if !ok || !known {
		return false
	}
	return d.db.Put(customFamily, name, state.String()) == nil
}

// contacts tells the dialplan where an address of record can be reached.
func (d *daemon) contacts(aor string) []fn.Contact {
	var out []fn.Contact
	for _, c := range d.registrar.Contacts(aor) {
		out = append(out, fn.Contact{
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
