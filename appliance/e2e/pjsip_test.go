//go:build e2e && interop

package e2e

import (
	"fmt"
	"testing"
	"time"

	"branchline/appliance/e2e/ear"
	"branchline/appliance/e2e/lan"
	"branchline/appliance/e2e/phone"
)

// TestPJSIPPhone has a telephone made of pjsip, the library that MicroSIP is made of too: a real
// Asterisk 22 that registers as 1001 with its password, is called, and calls.
// Seed: S-297.
func TestPJSIPPhone(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.exchange(kind(t, "branchline"), server3, smallOffice(plain))
	r.login(device1002, "1002", true)
	desk := r.exchange(kind(t, "ast22"), device1001, files(fmt.Sprintf(`[udp]
type=transport
protocol=udp
bind=%[1]s
[line]
type=registration
outbound_auth=line
server_uri=sip:%[2]s
client_uri=sip:1001@%[2]s
contact_user=1001
[line]
type=auth
auth_type=userpass
username=1001
password=%[3]s
[line]
type=aor
contact=sip:%[2]s
[line]
type=endpoint
context=phone
disallow=all
allow=ulaw,alaw
aors=line
outbound_auth=line
from_user=1001
[line]
type=identify
endpoint=line
match=%[2]s
`, addr(device1001), addr(server3), secret), `[phone]
exten => 1001,1,Answer()
 same => n,Milliwatt()
`))
	r.eventually(10*time.Second, "a registration", func() bool {
		return len(r.sip(lan.From(addr(server3)), lan.To(addr(device1001)), lan.Response(200, "REGISTER"))) > 0
	})
	r.statuses(device1001, "REGISTER", 401, 200)
	tone := func(when string, after time.Time) {
		got, err := ear.MeasureTone(ear.Trim(r.heard(device1002, after)))
		if err != nil || got.Hz < 1002 || got.Hz > 1006 || got.Share < 0.97 {
			t.Errorf("%s: 1002 heard %v, %v", when, got, err)
		}
	}
	began := time.Now()
	r.run(&phone.SIPp{Scenario: "call", Host: r.host(device1002), Server: addr(server3), User: "1002", Password: secret, TCP: true,
		Dial: "1001", Talk: 2 * time.Second})
	tone("called by 1002", began)

	began = time.Now()
	callee := r.answering(r.callee(phone.SIPp{Talk: 2 * time.Second}))
	r.rx(desk, "channel originate PJSIP/1002@line application Milliwatt")
	r.finish(callee)
	tone("calling 1002", began)
	r.statuses(device1001, "INVITE", 401, 100, 180, 200)
	r.undisturbed(r.sip())
}
