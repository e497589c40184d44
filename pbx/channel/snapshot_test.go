package channel

import "testing"

func TestInUse(t *testing.T) {
	for _, tt := range []struct {
		states []State
		limits []int
		want   DeviceState
	}{
		{nil, []int{0, 1}, DeviceNotInUse},
		{[]State{Down}, []int{1}, DeviceNotInUse},
		{[]State{Up}, nil, DeviceInUse},
		{[]State{Ring, Dialing}, []int{0, -1, 3}, DeviceInUse},
		{[]State{Ring, Dialing}, []int{2}, DeviceBusy},
		{[]State{Dialing}, nil, DeviceNotInUse},
		{[]State{RingingState}, []int{0}, DeviceRinging},
		{[]State{RingingState, Up}, []int{3}, DeviceRingInUse},
		{[]State{RingingState, Up}, []int{0, 2}, DeviceBusy},
		{[]State{Up}, []int{1, 5}, DeviceBusy},
	} {
		var channels []*Snapshot
		for _, s := range tt.states {
			channels = append(channels, &Snapshot{State: s})
		}
		if len(channels) == 1 && channels[0].State == Up && tt.limits == nil {
			channels[0].Held = true
			if got := InUse(channels); got != DeviceOnHold {
				t.Errorf("held: %v", got)
			}
			ring := &Snapshot{State: RingingState}
			if got := InUse(append(channels, ring)); got != DeviceRingInUse {
				t.Errorf("held while it rings: %v", got)
			}
			channels[0].Held = false
		}
		if got := InUse(channels, tt.limits...); got != tt.want {
			t.Errorf("%v within %v: %v, want %v", tt.states, tt.limits, got, tt.want)
		}
	}
}
