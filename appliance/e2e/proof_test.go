//go:build e2e

package e2e

import (
	"strings"
	"testing"
	"time"

	"branchline/appliance/e2e/phone"
)

// TestProof asks an exchange whether it works on the network, as an update on trial does:
// its transports answer and it calls itself at the address of the LAN; without a cable or
// an address nothing is proven; and a phone that has registered is proof enough.
func TestProof(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	k := single(t)
	if k.Asterisk() {
		return
	}
	h := r.blank(box)
	e := r.exchange(k, box, onBox("[eth0]\naddress="+addr(box)+"/24\n"))
	r.shows(e, 10*time.Second, "pjsip show transports", "eth0:5060")

	out := r.rx(e, "net prove")
	contains(t, out, "eth0, "+addr(box), "transport lan, udp port 5060, answers: ", "speech from UDP to TCP")
	if strings.Contains(out, "FAILED") || strings.Contains(out, "127.0.0.1") {
		t.Error(out)
	}

	cable := func(state string) { r.ip(r.lan.Switch(), "link", "set", "p9", state) }
	cable("down")
	r.shows(e, 5*time.Second, "net show", "no cable")
	out, _ = e.RX(r.ctx, "net prove")
	contains(t, out, "no network cable: eth0 has no link")
	cable("up")
	r.eventually(10*time.Second, "the cable is in", func() bool { return !strings.Contains(r.rx(e, "net show"), "no cable") })
	r.eventually(10*time.Second, "it works again", func() bool { out, _ := e.RX(r.ctx, "net prove"); return strings.Contains(out, "unregistered") })

	// Deaf at the address of the LAN, and not on loopback.
	rule := func(args ...string) { r.ip(h.Namespace(), append([]string{"rule"}, args...)...) }
	rule("add", "pref", "1", "to", addr(box), "blackhole")
	rule("add", "pref", "2", "lookup", "local")
	rule("del", "pref", "0")
	out, _ = e.RX(r.ctx, "net prove")
	if !strings.Contains(out, "eth0") || strings.Contains(out, "unregistered") {
		t.Errorf("deaf on the network, and content: %s", out)
	}
	contains(t, r.rx(e, "selftest"), "unregistered")
	rule("add", "pref", "0", "lookup", "local")

	r.telephone(&phone.Baresip{Host: r.host(device1001), Server: addr(box), User: "1001", Say: hum(1004)})
	r.shows(e, 10*time.Second, "net prove", "1001 has registered from "+addr(device1001))
}
