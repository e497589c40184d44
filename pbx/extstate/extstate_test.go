package extstate_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"branchline/pbx/channel"
	"branchline/pbx/dialplan"
	"branchline/pbx/extstate"
)

// office is a plan and the states of its devices; it counts how often one is asked for.
type office struct {
	mu     sync.Mutex
	plan   map[string]string
	states map[string]channel.DeviceState
	asked  map[string]int
	told   []string
	*extstate.Watches
}

func newOffice(plan map[string]string) *office {
	o := &office{plan: plan, states: map[string]channel.DeviceState{}, asked: map[string]int{}}
	o.Watches = extstate.New(func(context, exten string) (dialplan.Hint, bool) {
		o.mu.Lock()
		defer o.mu.Unlock()
		devices, ok := o.plan[exten]
		return dialplan.Hint{Context: context, Exten: exten, Devices: devices}, ok
	}, func(device string) channel.DeviceState {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.asked[device]++
		return o.states[device]
	})
	return o
}

func (o *office) watch(t *testing.T, exten string) (stop func()) {
	t.Helper()
	now, stop, ok := o.Watch("default", exten, func(r extstate.Report) {
		text := exten + " " + r.State.String()
		if r.Gone {
			text = exten + " gone"
		}
		o.told = append(o.told, text)
	})
	o.told = append(o.told, fmt.Sprint(exten, " is ", now, " ", ok))
	return stop
}

func (o *office) set(device string, s channel.DeviceState) {
	o.mu.Lock()
	o.states[device] = s
	o.mu.Unlock()
	o.Changed(strings.ToUpper(device)) // names of devices have no case
}

func (o *office) want(t *testing.T, told ...string) {
	t.Helper()
	synctest.Wait()
	slices.Sort(o.told)
	if !slices.Equal(o.told, told) {
		t.Errorf("told %q, want %q", o.told, told)
	}
	o.told = nil
}

func TestWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(map[string]string{"1": "a & b", "2": "b", "3": "c"})
		stop := o.watch(t, "1")
		o.watch(t, "1")
		o.watch(t, "2")
		o.watch(t, "9")
		o.want(t, "1 is NOT_INUSE true", "1 is NOT_INUSE true", "2 is NOT_INUSE true", "9 is UNKNOWN false")
		if n := o.Watchers("default", "1"); n != 2 {
			t.Errorf("%d watchers", n)
		}
		o.set("a", channel.DeviceInUse)
		o.want(t, "1 INUSE", "1 INUSE")
		o.set("a", channel.DeviceInUse)
		o.set("c", channel.DeviceInUse)
		o.want(t)
		o.set("b", channel.DeviceRinging)
		o.want(t, "1 RINGINUSE", "1 RINGINUSE", "2 RINGING")
		stop()
		stop()
		o.set("a", channel.DeviceNotInUse)
		o.want(t, "1 RINGING")

		o.mu.Lock()
		o.plan = map[string]string{"1": "c"}
		o.mu.Unlock()
		o.Reloaded()
		o.want(t, "1 INUSE", "2 gone")
		o.set("b", channel.DeviceNotInUse)
		o.want(t)
		o.set("c", channel.DeviceOnHold)
		o.want(t, "1 ONHOLD")
		if n := o.Watchers("default", "2"); n != 0 {
			t.Errorf("%d watch what is gone", n)
		}
	})
}

// A change costs what the device's own watchers cost.
func TestCost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		plan := map[string]string{}
		for i := range 1000 {
			plan[fmt.Sprint(i)] = fmt.Sprint("device", i)
		}
		o := newOffice(plan)
		for i := range 1000 {
			o.watch(t, fmt.Sprint(i))
		}
		synctest.Wait()
		o.told, o.asked = nil, map[string]int{}
		o.set("device7", channel.DeviceInUse)
		o.want(t, "7 INUSE")
		if len(o.asked) != 1 || o.asked["device7"] != 1 {
			t.Errorf("asked for %v", o.asked)
		}
	})
}
