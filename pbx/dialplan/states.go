package dialplan

import (
	"strings"

	"branchline/pbx/channel"
)

// rank orders device states by what a hint with several devices shows: the
// highest there is. The order was taken from Asterisk 22.
var rank = [...]int{
	channel.DeviceUnknown:     0,
	channel.DeviceInvalid:     1,
	channel.DeviceUnavailable: 1,
	channel.DeviceNotInUse:    2,
	channel.DeviceOnHold:      3,
	channel.DeviceInUse:       4,
	channel.DeviceBusy:        5,
	channel.DeviceRinging:     6,
	channel.DeviceRingInUse:   7,
}

// CombineStates gives the state of an extension from those of its devices:
// what rings beside something in use is RINGINUSE, what does not exist is
// UNAVAILABLE, what is not known counts as idle.
func CombineStates(states ...channel.DeviceState) channel.DeviceState {
	best, used := channel.DeviceUnknown, false
	for _, s := range states {
		switch s {
		case channel.DeviceInUse, channel.DeviceBusy, channel.DeviceOnHold:
			used = true
		}
		if int(s) < len(rank) && rank[s] > rank[best] {
			best = s
		}
	}
	switch {
	case best == channel.DeviceRinging && used:
		return channel.DeviceRingInUse
	case best == channel.DeviceInvalid:
		return channel.DeviceUnavailable
	case best == channel.DeviceUnknown:
		return channel.DeviceNotInUse
	}
	return best
}

// A StateOf tells the state of a device such as "PJSIP/101".
type StateOf func(device string) channel.DeviceState

// State gives the combined state of the devices of a hint; ${EXTEN} and other
// variables in them must be filled in.
func (h Hint) State(of StateOf) channel.DeviceState {
	var states []channel.DeviceState
	for _, d := range strings.Split(h.Devices, "&") {
		if d = strings.TrimSpace(d); d != "" {
			states = append(states, of(d))
		}
	}
	return CombineStates(states...)
}
