//go:build e2e

package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"branchline/appliance/e2e/lan"
	"branchline/appliance/e2e/phone"
)

// busyOffice is an exchange without passwords: one line calls, another is called; more is what
// stands in both files besides.
func busyOffice(morePJSIP, moreExtensions string) (pjsip, extensions string) {
	pjsip = fmt.Sprintf(`[udp]
type=transport
protocol=udp
bind=%s
[caller]
type=endpoint
allow=ulaw
[callee]
type=endpoint
aors=callee
allow=ulaw
direct_media=no
[callee]
type=aor
contact=sip:callee@%s:5060
`, addr(server3), addr(device1002)) + morePJSIP
	return pjsip, "[default]\nexten => _5XXX,1,Dial(PJSIP/callee)\n" + moreExtensions
}

// TestReloadUnderLoad changes the configuration while fifty calls are up: the console says what is
// different, no call ends, and what is new is in force for the next one.
func TestReloadUnderLoad(t *testing.T) {
	t.Parallel()
	const calls = 50
	k := single(t)
	if !ownOnly(t, k) {
		return
	}
	r := newRig(t)
	e := r.exchange(k, server3, files(busyOffice("[1007]\ntype=endpoint\nallow=ulaw\n", "exten => 600,1,Answer()\n")))
	r.answering(&phone.SIPp{
		Scenario: "load-answer", Host: r.host(device1002), Server: addr(server3), User: "callee", Codecs: "0",
		Args: []string{"-m", fmt.Sprint(calls)},
	})
	load := r.start(&phone.SIPp{
		Scenario: "load-call", Host: r.host(device1001), Server: addr(server3), User: "caller", Dial: "5000", Codecs: "0",
		Talk: 12 * time.Second, Args: []string{"-m", fmt.Sprint(calls), "-r", "25"},
	})
	up := fmt.Sprintf("%d active channels", 2*calls)
	r.eventually(20*time.Second, up, func() bool { return strings.Contains(r.rx(e, "core show channels count"), up) })

	out, err := e.Reload(r.ctx, files(busyOffice("[1005]\ntype=endpoint\nallow=ulaw\n", "exten => 600,1,Echo()\nexten => 601,1,Answer()\n")))
	r.must(err)
	contains(t, out, "added", "1005", "removed", "1007", "changed", "600")
	contains(t, r.rx(e, "core show channels count"), up)
	if n := len(r.sip(lan.Request("BYE"))); n != 0 {
		t.Errorf("%d calls ended with the reload", n)
	}
	contains(t, r.rx(e, "pjsip show endpoints"), "1005")
	r.must(load.Wait()) // every call to its end
	if n := len(r.sip(lan.From(addr(server3)), lan.To(addr(device1001)), lan.Request("BYE"))); n != 0 {
		t.Errorf("the exchange ended %d calls", n)
	}
	r.run(&phone.SIPp{
		Scenario: "call", Host: r.host(device1009), Server: addr(server3), User: "1005", Dial: "601", Talk: 200 * time.Millisecond,
	})
	r.run(&phone.SIPp{
		Scenario: "refused", Host: r.host(device1009), Server: addr(server3), User: "1007", Dial: "601",
		Extra: map[string]string{"want": "401"},
	})
}
