package sip

import (
	"strings"
	"sync"
	"testing"
	"time"

	"branchline/pbx/channel"
	"branchline/pbx/sip/siptest"
)

// says is a presence document with an activity.
func says(basic, activity string) string {
	if activity != "" {
		activity = "<dm:person><rpid:activities><rpid:" + activity + "/></rpid:activities></dm:person>"
	}
	return `<?xml version="1.0"?><presence xmlns="urn:ietf:params:xml:ns:pidf"><tuple id="a"><status><basic>` + basic + "</basic></status></tuple>" + activity + "</presence>"
}

func published(p *siptest.Phone, to, body, want string, extra ...string) *siptest.Message {
	if body != "" {
		extra = append(extra, "Content-Type: application/pidf+xml")
	}
	req := p.Make("PUBLISH", "sip:"+to+"@"+pbxAddr, append([]string{"Event: presence"}, extra...)...)
	req.SetBody([]byte(body))
	p.Put(req)
	return p.Want(want)
}

// S-232: what telephones publish of themselves is seen on hints while they are idle
// (RFC 3903).
func TestPublish(t *testing.T) {
	inSite(t, office, plan, func(s *site) {
		var mu sync.Mutex
		var told []string // of which devices
		s.knobs.changed = func(device string) {
			mu.Lock()
			defer mu.Unlock()
			told = append(told, device)
		}
		p := s.phone("1001", "198.51.100.206")
		defer p.Close()
		state := func(device channel.DeviceState, value string) {
			t.Helper()
			if got := s.agent.State("1001"); got != device {
				t.Errorf("device is %v, want %v", got, device)
			}
			if got := s.agent.Published("PJSIP/1001").Value; got != value {
				t.Errorf("presence is %v, want %v", got, value)
			}
		}
		m := published(p, "1001", says("open", "busy"), "200", "Expires: 7200")
		state(channel.DeviceUnavailable, "dnd") // not registered
		p.Send("REGISTER", "sip:"+pbxAddr)
		p.Want("200")
		state(channel.DeviceBusy, "dnd")
		tag := m.Header("sip-etag")
		if tag == "" || m.Header("expires") != "3600" {
			t.Errorf("\n%s", m.Raw)
		}

		// Renewed, replaced, withdrawn.
		m = published(p, "1001", "", "200", "SIP-If-Match: "+tag)
		state(channel.DeviceBusy, "dnd")
		published(p, "1001", "", "412", "SIP-If-Match: "+tag)
		m = published(p, "1001", says("open", "on-the-phone"), "200", "SIP-If-Match: "+m.Header("sip-etag"))
		state(channel.DeviceInUse, "dnd")
		first := m.Header("sip-etag")
		m = published(p, "1001", says("closed", ""), "200") // another telephone of the same user
		state(channel.DeviceUnavailable, "unavailable")
		published(p, "1001", "", "200", "SIP-If-Match: "+m.Header("sip-etag"), "Expires: 0")
		state(channel.DeviceInUse, "dnd")
		published(p, "1001", "", "200", "SIP-If-Match: "+first, "Expires: 0")
		state(channel.DeviceNotInUse, "not_set")
		published(p, "1001", "", "412", "SIP-If-Match: "+first, "Expires: 0")

		// Expired, though renewed once.
		m = published(p, "1001", says("open", "away"), "200", "Expires: 100")
		p.After(90 * time.Second)
		state(channel.DeviceNotInUse, "away")
		published(p, "1001", "", "200", "Expires: 100", "SIP-If-Match: "+m.Header("sip-etag"))
		p.After(90 * time.Second)
		state(channel.DeviceNotInUse, "away")
		p.After(20 * time.Second)
		state(channel.DeviceNotInUse, "not_set")

		mu.Lock()
		if got := strings.Join(told, " "); got != strings.TrimSpace(strings.Repeat("PJSIP/1001 ", 7)) {
			t.Errorf("told of %s", got)
		}
		mu.Unlock()

		// Refused.
		published(p, "1001", says("open", ""), "423", "Expires: 10")
		published(p, "1001", says("open", ""), "400", "Expires: soon")
		published(p, "1001", "<presence>", "400")
		published(p, "1001", "", "400")
		published(p, "1002", says("open", "busy"), "403") // of somebody else
		p.Send("PUBLISH", "sip:1001@"+pbxAddr, "Event: dialog", "Content-Type: application/dialog-info+xml")
		if m = p.Want("489"); m.Header("allow-events") != "presence" {
			t.Errorf("\n%s", m.Raw)
		}
		req := p.Make("PUBLISH", "sip:1001@"+pbxAddr, "Event: presence", "Content-Type: text/plain")
		req.SetBody([]byte("busy"))
		p.Put(req)
		if m = p.Want("415"); m.Header("accept") != "application/pidf+xml" {
			t.Errorf("\n%s", m.Raw)
		}
		state(channel.DeviceNotInUse, "not_set")

		// No more than there is room for.
		for range 16 {
			published(p, "1001", says("open", ""), "200")
		}
		published(p, "1001", says("open", ""), "503")

		// Whoever has a password must prove it.
		q := s.phone("1003", "198.51.100.207")
		defer q.Close()
		published(q, "1003", says("open", "busy"), "401")
		p.After(time.Hour + time.Minute)
		state(channel.DeviceUnavailable, "not_set")
	})
}
