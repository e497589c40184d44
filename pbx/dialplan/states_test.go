package dialplan_test

import (
	"strings"
	"testing"

	"branchline/pbx/channel"
	"branchline/pbx/dialplan"
)

// The results were taken from Asterisk 22.10.1 with a hint of two Custom devices.
func TestCombineStates(t *testing.T) {
	states := []channel.DeviceState{channel.DeviceNotInUse, channel.DeviceInUse, channel.DeviceBusy, channel.DeviceInvalid,
		channel.DeviceUnavailable, channel.DeviceRinging, channel.DeviceRingInUse, channel.DeviceOnHold}
	for a, line := range map[channel.DeviceState]string{
		channel.DeviceUnknown:     "NOT_INUSE INUSE BUSY UNAVAILABLE UNAVAILABLE RINGING RINGINUSE ONHOLD",
		channel.DeviceNotInUse:    "NOT_INUSE INUSE BUSY NOT_INUSE NOT_INUSE RINGING RINGINUSE ONHOLD",
		channel.DeviceInUse:       "INUSE INUSE BUSY INUSE INUSE RINGINUSE RINGINUSE INUSE",
		channel.DeviceBusy:        "BUSY BUSY BUSY BUSY BUSY RINGINUSE RINGINUSE BUSY",
		channel.DeviceInvalid:     "NOT_INUSE INUSE BUSY UNAVAILABLE UNAVAILABLE RINGING RINGINUSE ONHOLD",
		channel.DeviceUnavailable: "NOT_INUSE INUSE BUSY UNAVAILABLE UNAVAILABLE RINGING RINGINUSE ONHOLD",
		channel.DeviceRinging:     "RINGING RINGINUSE RINGINUSE RINGING RINGING RINGING RINGINUSE RINGINUSE",
		channel.DeviceRingInUse:   "RINGINUSE RINGINUSE RINGINUSE RINGINUSE RINGINUSE RINGINUSE RINGINUSE RINGINUSE",
		channel.DeviceOnHold:      "ONHOLD INUSE BUSY ONHOLD ONHOLD RINGINUSE RINGINUSE ONHOLD",
	} {
		for i, want := range strings.Fields(line) {
			if got := dialplan.CombineStates(a, states[i]); got.String() != want {
				t.Errorf("%s + %s = %s, want %s", a, states[i], got, want)
			}
		}
	}
	if got := dialplan.CombineStates(channel.DeviceUnknown); got != channel.DeviceNotInUse {
		t.Errorf("unknown alone: %s", got)
	}
}
