//go:build e2e

package e2e

import (
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"branchline/appliance/e2e/phone"
)

// TestLamp lets 1002 watch 1001, which calls somebody: the lamp goes on and off.
// Seed: S-230, S-235.
func TestLamp(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	conf := smallOffice(plain)
	conf["extensions.conf"] = &fstest.MapFile{Data: append(conf["extensions.conf"].Data, "exten => 1001,hint,PJSIP/1001\n"...)}
	e := r.exchange(single(t), server3, conf)
	r.login(device1001, "1001", false)
	lamp := r.start(&phone.SIPp{Scenario: "lamp", Host: r.host(device1002), Server: addr(server3), User: "1002", Password: secret,
		Dial: "1001", Lamp: []string{"terminated", "confirmed", "terminated"}})
	watched := func(n string) func() bool {
		return func() bool { return strings.Contains(r.rx(e, "core show hints"), "Watchers  "+n) }
	}
	r.eventually(10*time.Second, "1002 watches 1001", watched("1"))
	if out := r.rx(e, "pjsip list subscriptions inbound"); !strings.Contains(out, "1002/<none>                    1001/dialog") {
		t.Errorf("subscriptions:\n%s", out)
	}
	r.run(&phone.SIPp{Scenario: "call", Host: r.host(device1001), Server: addr(server3), User: "1001", Password: secret,
		Dial: "600", Talk: time.Second})
	r.finish(lamp)
	r.eventually(10*time.Second, "nobody watches any more", watched("0"))
}
