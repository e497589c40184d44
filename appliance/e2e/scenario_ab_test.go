//go:build e2e

package e2e

import (
	"testing"
	"time"

	"branchline/appliance/e2e/lan"
	"branchline/appliance/e2e/phone"
)

// TestARegister registers the phones of scenario A, with the right password and with a wrong one.
// Seed: S-004.
func TestARegister(t *testing.T) {
	legacyPairs(t, false, func(t *testing.T, p pair) {
		r := newRig(t)
		r.exchange(p.one, server1, howto(t, "a/server1"))
		r.enrol(set1001, 401, 200)
		r.enrol(set1002, 401, 200)
		r.enrol(set1003, 401, 200)
		wrong := set1009
		wrong.password = "0987654321"
		r.enrol(wrong, 401, 403)
	})
}

// TestACalls has the phones of one exchange call each other, and numbers that are not there.
// Seed: S-004.
func TestACalls(t *testing.T) {
	legacyPairs(t, false, func(t *testing.T, p pair) {
		r := newRig(t)
		r.exchange(p.one, server1, howto(t, "a/server1"))
		for _, s := range []set{set1001, set1002, set1003} {
			r.enrol(s, 401, 200)
		}
		trace := r.talk(set1001, set1002, 401, 100, 180, 200)
		invites := once(trace.Where(lan.To(addr(device1002)), lan.Initial))
		if want := "sip:1002@" + addr(device1002) + ":5060;transport=tcp"; len(invites) != 1 ||
			invites[0].Proto != "TCP" || invites[0].URI != want {
			t.Errorf("want one INVITE over TCP for %s, got\n%s", want, invites.Ladder())
		}
		trace = r.talk(set1002, set1003, 401, 100, 180, 200)
		invites = once(trace.Where(lan.To(addr(device1003)), lan.Initial))
		if want := "sip:1003@" + addr(device1003) + ":5060"; len(invites) != 1 ||
			invites[0].Proto != "UDP" || invites[0].URI != want {
			t.Errorf("want one INVITE over UDP for %s, got\n%s", want, invites.Ladder())
		}
		r.refused(set1001, "1004", 401, 100, 503) // not registered
		r.refused(set1001, "2001", 401, 404)      // no rule
		r.refused(set1001, "5555", 401, 404)
	})
}

// TestAAudio checks that the audio of a call goes both ways through the exchange, which listens for
// transfers in it.
func TestAAudio(t *testing.T) {
	legacyPairs(t, false, func(t *testing.T, p pair) {
		r := newRig(t)
		r.exchange(p.one, server1, howto(t, "a/server1"))
		r.enrol(set1001, 401, 200)
		r.enrol(set1003, 401, 200)
		began := time.Now()
		callee := r.waiting(set1003, phone.SIPp{Say: tone(time.Second, 440)})
		r.run(r.calling(set1001, server1, "1003", "call", phone.SIPp{
			Say: tone(time.Second, 1004), Talk: 1300 * time.Millisecond,
		}))
		r.finish(callee)
		r.heardTone(device1001, device1003, 1004, began)
		r.heardTone(device1003, device1001, 440, began)
		for path := range r.audioPaths(began) {
			if a, b := path[0].String(), path[1].String(); a != addr(server1) && b != addr(server1) {
				t.Errorf("audio from %s to %s, not through the exchange", a, b)
			}
		}
	})
}

// TestB has two exchanges that know nothing of each other: each has its own phones only.
// Seed: S-005.
func TestB(t *testing.T) {
	legacyPairs(t, true, func(t *testing.T, p pair) {
		r := newRig(t)
		r.exchange(p.one, server1, howto(t, "a/server1")) // as printed for A
		r.exchange(p.three, server2, howto(t, "b/server2"))
		for _, s := range []set{set1001, set2001, set2002} {
			r.enrol(s, 401, 200)
		}
		wrong := set{"2009", device1009, server2, false, "0987654321", false}
		r.enrol(wrong, 401, 403)
		r.talk(set2001, set2002, 401, 100, 180, 200)
		r.talk(set2002, set2001, 401, 100, 180, 200)
		r.refused(set2001, "2004", 401, 100, 503)
		r.refused(set2001, "1001", 401, 404)
		r.refused(set1001, "2001", 401, 404)
		if between := r.sip(lan.From(addr(server1)), lan.To(addr(server2))); len(between) != 0 {
			t.Errorf("the exchanges spoke to each other:\n%s", between.Ladder())
		}
	})
}
