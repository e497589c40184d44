//go:build e2e

package e2e

import (
	"fmt"
	"io/fs"
	"testing"

	"branchline/appliance/e2e/lan"
)

// officeOf is a full scenario C: three exchanges with nothing between them. In every pair the right
// exchange is server3, the left one server1 and server2, of which sip.conf is asked.
func (r *rig) officeOf(p pair, one, two, three fs.FS) {
	r.Helper()
	r.exchange(p.one, server1, one)
	r.exchange(p.one, server2, two)
	r.exchange(p.three, server3, three)
}

// TestCOffice plays the rows of scenario C in which phones call at an exchange that is not theirs.
// Seed: S-006.
func TestCOffice(t *testing.T) {
	legacyPairs(t, false, func(t *testing.T, p pair) {
		r := newRig(t)
		r.officeOf(p, howto(t, "a/server1"), howto(t, "b/server2"), howto(t, "c/server3"))
		for _, s := range []set{set1001, set1003, set2001} {
			r.enrol(s, 401, 200)
		}
		r.enrol(set3001, 200)

		// Of server1's phones, those whose address server3 knows get through, asked for nothing.
		at3 := func(s set) set { s.home = server3; return s }
		r.talk(at3(set1001), set3001, 100, 180, 200)
		r.talk(at3(set1002), set3001, 100, 180, 200)
		r.refused(at3(set1003), "3001", 401, 401)
		r.refused(at3(set2001), "3001", 401, 401)
		// Over TCP, which all of server3's phones are pinned to: the BYE after the prompts goes there.
		r.spoken(p.three, at3(set1002), "3009", 100, 200)

		// Server1 lets anybody call its phones, and knows no others.
		guest := set3001
		guest.home = server1
		r.talk(guest, set1001, 100, 180, 200)
		r.refused(guest, "2001", 404)
		r.refused(set3001, "1001", 404)
	})
}

// TestCRuleAdded gives server1 the rule that the how-to speaks of and does not print: its callers
// reach server2's phones.
func TestCRuleAdded(t *testing.T) {
	legacyPairs(t, false, func(t *testing.T, p pair) {
		r := newRig(t)
		a := howto(t, "a/server1")
		more := edited(t, a, "extensions.conf", "", fmt.Sprintf("exten => _20XX,1,Dial(SIP/${EXTEN}@%s)\n", addr(server2)))
		r.officeOf(p, with(t, "a/server1", more), howto(t, "b/server2"), howto(t, "c/server3"))
		r.enrol(set2001, 401, 200)
		r.enrol(set3001, 200)
		guest := set3001
		guest.home = server1
		r.talk(guest, set2001, 100, 180, 200)
	})
}

// scenarioD lists the four ways of the how-to to write down where server3 is.
func scenarioD(t *testing.T) map[string]fs.FS {
	t.Helper()
	return map[string]fs.FS{
		"1": with(t, "a/server1", howto(t, "d1/server1")),
		"2": with(t, "a/server1", howto(t, "d2/server1")),
		"3": with(t, "a/server1", howto(t, "d3/server1")),
		"4": with(t, "a/server1", howto(t, "d4/server1")),
	}
}

// serverD is server3 of scenario D: C's dialplan, and server1 known by its address.
func serverD(t *testing.T) fs.FS {
	t.Helper()
	return with(t, "c/server3", howto(t, "d/server3"))
}

// Seed: S-008 to S-012.
func TestD(t *testing.T) {
	legacyPairs(t, false, func(t *testing.T, p pair) {
		for name, one := range scenarioD(t) {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				r := newRig(t)
				r.exchange(p.one, server1, one)
				r.exchange(p.three, server3, serverD(t))
				r.enrol(set1001, 401, 200)
				r.enrol(set1009, 401, 200)
				r.enrol(set3001, 200)
				r.across(set1009)
				if name == "4" { // only 1009 knows where
					r.refused(set1001, "3001", 401, 100, 503)
				} else {
					r.across(set1001)
				}
				r.spoken(p.three, set1009, "3009", 401, 100, 200)
				r.refused(set3001, "1001", 404) // no rule at server3, whatever the text says
				elsewhere := set2001
				elsewhere.home = server3
				r.refused(elsewhere, "3001", 401, 401)
			})
		}
	})
}

// across has a phone of server1 call 3001 over the trunk and checks the way it takes.
func (r *rig) across(from set) {
	r.Helper()
	trace := r.talk(from, set3001, 401, 100, 180, 200)
	for _, leg := range []struct {
		from, to int
		proto    string
	}{{server1, server3, "UDP"}, {server3, device3001, "TCP"}} {
		invites := once(trace.Where(lan.From(addr(leg.from)), lan.To(addr(leg.to)), lan.Initial))
		if len(invites) != 1 || invites[0].Proto != leg.proto {
			r.Errorf("want one INVITE over %s from %s to %s, got\n%s", leg.proto, addr(leg.from), addr(leg.to), invites.Ladder())
		}
	}
	// Nobody listens for transfers on this leg, so the caller is told where server3 listens.
	told := trace.Where(lan.From(addr(server1)), lan.To(addr(from.device)), lan.Reinvite)
	if len(told) == 0 || told[0].MediaAt().Addr().String() != addr(server3) {
		r.Errorf("%s was not sent to server3 for its audio:\n%s", from.user, told.Ladder())
	}
}

// TestDRuleAdded gives server3 what the how-to's text takes for granted: a rule for server1's
// numbers, and the address of server1, which it prints commented out.
func TestDRuleAdded(t *testing.T) {
	legacyPairs(t, false, func(t *testing.T, p pair) {
		r := newRig(t)
		r.exchange(p.one, server1, scenarioD(t)["1"])
		conf := serverD(t)
		rule := edited(t, conf, "extensions.conf", "", "exten => _10XX,1,Dial(PJSIP/${EXTEN}@SIP1)\n")
		place := edited(t, conf, "pjsip.conf", ";[SIP1]\n;type=aor\n;contact=sip:192.168.50.9:5060",
			"[SIP1]\ntype=aor\ncontact=sip:192.168.50.9:5060")
		r.exchange(p.three, server3, with(t, "c/server3", rule, place))
		r.enrol(set1001, 401, 200)
		r.enrol(set1002, 401, 200)
		r.enrol(set3001, 200)
		r.talk(set3001, set1001, 100, 180, 200)
		trace := r.talk(set3001, set1002, 100, 180, 200)
		trunk := once(trace.Where(lan.From(addr(server3)), lan.To(addr(server1)), lan.Initial))
		if len(trunk) != 1 || trunk[0].Proto != "TCP" {
			t.Errorf("want one INVITE over TCP to server1, got\n%s", trunk.Ladder())
		}
	})
}
