//go:build e2e

package e2e

import (
	"strings"
	"testing"
	"time"

	"branchline/appliance/e2e/lan"
	"branchline/appliance/e2e/phone"
)

// TestWaitingMessages lets a provider tell what waits in a mailbox, and looks whether the telephone
// is told: when it registers, and when it changes.
// Seed: S-230.
func TestWaitingMessages(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	conf := smallOffice(map[string]string{"1001": "allow=ulaw\nmailboxes=1001@default"})
	conf["pjsip.conf"].Data = append(conf["pjsip.conf"].Data, "[provider]\ntype=endpoint\naors=provider\ncontext=default\nincoming_mwi_mailbox=1001@default\n"+
		"[provider]\ntype=aor\ncontact=sip:"+addr(device1002)+"\n[provider]\ntype=identify\nendpoint=provider\nmatch="+addr(device1002)+"\n"...)
	r.exchange(single(t), server3, conf)
	r.start(&phone.SIPp{
		Scenario: "register", Aside: "told", Host: r.host(device1001), Server: addr(server3), User: "1001", Password: secret,
		Extra: map[string]string{"stay": "60000"},
	})
	told := func(waiting, voice string) {
		t.Helper()
		m := r.await(10*time.Second, "NOTIFY of "+voice, lan.To(addr(device1001)), lan.Request("NOTIFY"), func(m lan.Message) bool {
			return m.Body() == "Messages-Waiting: "+waiting+"\r\nVoice-Message: "+voice+" (0/0)\r\n"
		})
		if m.Header("Event") != "message-summary" || m.Header("Content-Type") != "application/simple-message-summary" {
			t.Errorf("it says:\n%s", m.Raw)
		}
	}
	told("no", "0/0")
	for _, c := range [][2]string{{"yes", "2/8"}, {"no", "0/10"}} {
		r.run(&phone.SIPp{
			Scenario: "summary", Host: r.host(device1002), Server: addr(server3), User: "provider", Dial: "1001",
			Extra: map[string]string{"waiting": c[0], "voice": c[1] + " (0/0)"},
		})
		told(c[0], c[1])
	}
	r.await(5*time.Second, "answer to the last NOTIFY", func(m lan.Message) bool {
		return m.Status == 200 && len(r.sip(lan.From(addr(device1001)), lan.Response(200, "NOTIFY"))) == 3
	})
}

// TestPublish lets a telephone say that its user is busy, and looks at the hint and at
// the lamp of 1002, which watches it.
// Seed: S-232.
func TestPublish(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	conf := smallOffice(plain)
	conf["extensions.conf"].Data = append(conf["extensions.conf"].Data, "exten => 1001,hint,PJSIP/1001\n"...)
	e := r.exchange(single(t), server3, conf)
	r.login(device1001, "1001", false)
	lamp := r.start(&phone.SIPp{Scenario: "lamp", Host: r.host(device1002), Server: addr(server3), User: "1002", Password: secret,
		Dial: "1001", Lamp: []string{"terminated", "confirmed", "terminated", "confirmed"}})
	r.eventually(10*time.Second, "1002 watches 1001", func() bool { return strings.Contains(r.rx(e, "core show hints"), "Watchers  1") })
	for _, c := range []struct{ activity, state, presence string }{
		{"busy", "Busy", "dnd"}, {"away", "Idle", "away"}, {"on-the-phone", "InUse", "dnd"},
	} {
		r.run(&phone.SIPp{
			Scenario: "publish", Host: r.host(device1001), Server: addr(server3), User: "1001", Password: secret,
			Extra: map[string]string{"activity": c.activity},
		})
		if out := r.rx(e, "core show hint 1001"); !strings.Contains(out, "State:"+c.state+" ") || !strings.Contains(out, "Presence:"+c.presence+" ") {
			t.Errorf("%s is shown as\n%s", c.activity, out)
		}
	}
	r.finish(lamp)
}
