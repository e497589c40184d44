//go:build e2e

package e2e

import (
	"testing"
	"time"

	"branchline/appliance/e2e/lan"
	"branchline/appliance/e2e/phone"
)

// officeC is server3 of scenario C: devices are known by their address.
func officeC(t *testing.T) *rig {
	t.Helper()
	r := newRig(t)
	r.exchange(single(t), server3, howto(t, "c/server3"))
	return r
}

func TestCRegisterWithoutPassword(t *testing.T) {
	t.Parallel()
	r := officeC(t)
	r.register(server3, device3001, "3001", true, 200)
}

// TestCByAddress has 1001 call from the address the how-to lists, with no account at server3.
// Seed: S-006, S-298.
func TestCByAddress(t *testing.T) {
	t.Parallel()
	r := officeC(t)
	r.register(server3, device3001, "3001", true, 200)
	callee := r.answering(&phone.SIPp{Host: r.host(device3001), Server: addr(server3), User: "3001", TCP: true})
	r.run(&phone.SIPp{
		Scenario: "call", Host: r.host(device1001), Server: addr(server3), User: "1001", Dial: "3001",
		TCP: true, Talk: 300 * time.Millisecond,
	})
	r.finish(callee)
	r.statuses(device1001, "INVITE", 100, 180, 200)
}

func TestCNotRegistered(t *testing.T) {
	t.Parallel()
	r := officeC(t)
	k := single(t)
	began := time.Now()
	r.run(&phone.SIPp{
		Scenario: "call", Host: r.host(device1001), Server: addr(server3), User: "1001", Dial: "3009",
		TCP: true, Say: tone(10*time.Second, 300),
	})
	r.statuses(device1001, "INVITE", 100, 200)
	r.heardPrompts(k, device1001, began, digits("3009")...)
	r.hungUp(device1001, server3, began, speech(t, k, digits("3009")...))
}

// TestCWrongProtocol registers a phone over UDP whose endpoint is pinned to TCP: it is accepted, but
// calls to it go out over TCP, where nobody listens.
func TestCWrongProtocol(t *testing.T) {
	t.Parallel()
	r := officeC(t)
	r.register(server3, device3002, "3002", false, 200)
	callee := r.answering(&phone.SIPp{Host: r.host(device3002), Server: addr(server3), User: "3002"})
	began := time.Now()
	r.run(&phone.SIPp{
		Scenario: "call", Host: r.host(device1001), Server: addr(server3), User: "1001", Dial: "3002",
		TCP: true, Say: tone(10*time.Second, 300),
	})
	r.statuses(device1001, "INVITE", 100, 200)
	r.heardPrompts(single(t), device1001, began, digits("3002")...)
	if n := len(r.sip(lan.To(addr(device3002)), lan.Request("INVITE"))); n != 0 {
		t.Errorf("the phone got %d INVITEs", n)
	}
	if callee.Ended() {
		t.Error("the phone was called")
	}
}

// TestCUnknownAddress calls from an address that no identify section matches.
// Seed: S-006.
func TestCUnknownAddress(t *testing.T) {
	t.Parallel()
	r := officeC(t)
	r.register(server3, device3001, "3001", true, 200)
	r.run(&phone.SIPp{
		Scenario: "refused", Host: r.host(device1009), Server: addr(server3), User: "1003", Dial: "3001",
		Extra: map[string]string{"want": "401"},
	})
	r.statuses(device1009, "INVITE", 401, 401)
	if n := len(r.sip(lan.To(addr(device3001)), lan.Request("INVITE"))); n != 0 {
		t.Errorf("3001 got %d INVITEs", n)
	}
}

// TestCNoRule dials from server3 what only server1 would know.
func TestCNoRule(t *testing.T) {
	t.Parallel()
	r := officeC(t)
	r.register(server3, device3001, "3001", true, 200)
	r.run(&phone.SIPp{
		Scenario: "refused", Host: r.host(device3001), Server: addr(server3), User: "3001", Dial: "1001", TCP: true,
		Extra: map[string]string{"want": "404"},
	})
	got := r.sip(lan.To(addr(device3001)), lan.ResponseTo("INVITE")).Statuses()
	if len(got) == 0 || got[len(got)-1] != 404 || len(got) > 2 {
		t.Errorf("3001 got %v", got)
	}
}

// TestCIdentifiedCannotRegister: an endpoint found by address, without an aor of that name.
func TestCIdentifiedCannotRegister(t *testing.T) {
	t.Parallel()
	r := officeC(t)
	r.register(server3, device1001, "1001", true, 404)
}
