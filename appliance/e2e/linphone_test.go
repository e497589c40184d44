//go:build e2e

package e2e

import (
	"path/filepath"
	"testing"
	"time"

	"branchline/appliance/e2e/ear"
	"branchline/appliance/e2e/lan"
	"branchline/appliance/e2e/phone"
)

// softphone starts Linphone as one of the sets and waits until it is registered.
func (r *rig) softphone(s set, hz float64) *phone.Linphone {
	r.Helper()
	p := &phone.Linphone{
		Host: r.host(s.device), Dir: filepath.Join(r.dir, "l"+s.user), Server: addr(s.home),
		User: s.user, Password: s.password, Say: hum(hz),
	}
	r.Cleanup(func() {
		if r.Failed() {
			r.Logf("the phone %s printed:\n%s", p.User, p.Screen())
		}
		if err := p.Stop(); err != nil {
			r.Error(err)
		}
	})
	r.must(p.Start(r.ctx))
	registered := r.await(15*time.Second, "registration of "+s.user, lan.To(p.Host.Addr), lan.Response(200, "REGISTER"))
	if registered.Proto != "TCP" {
		r.Errorf("%s registered over %s", s.user, registered.Proto)
	}
	return p
}

// chat has two softphones talk until the one that was called hangs up.
func (r *rig) chat(from, to set, uri string) {
	r.Helper()
	began := time.Now()
	a, b := r.softphone(from, 1004), r.softphone(to, 700)
	r.must(a.Type("call " + uri))
	r.must(b.Shows(10*time.Second, "incoming call"))
	r.must(b.Type("answer"))
	r.must(a.Shows(10*time.Second, "connected"))
	r.eventually(10*time.Second, "two seconds of audio both ways", func() bool {
		return len(r.heard(from.device, began)) > 2*ear.Rate && len(r.heard(to.device, began)) > 2*ear.Rate
	})
	r.must(b.Type("terminate"))
	r.must(a.Shows(10*time.Second, "ended"))
	r.must(b.Shows(10*time.Second, "ended"))
	r.heardBy(from.user, a, 700)
	r.heardBy(to.user, b, 1004)
	if refused := r.sip(lan.ResponseTo("BYE")).Where(func(m lan.Message) bool { return m.Status != 200 }); len(refused) > 0 {
		r.Errorf("hanging up was refused:\n%s", refused.Ladder())
	}
}

// at is the address of a number at an exchange, as the how-to has the user type it.
func at(number string, server int) string { return "sip:" + number + "@" + addr(server) }

// TestASoftphones has the phones that the how-to recommends register with their password over TCP,
// call, answer, talk and hang up; so do the next tests with the other scenarios.
// Seed: S-295.
func TestASoftphones(t *testing.T) {
	legacyPairs(t, false, func(t *testing.T, p pair) {
		r := newRig(t)
		r.exchange(p.one, server1, howto(t, "a/server1"))
		r.chat(set1001, set1009, at("1009", server1))
	})
}

// Seed: S-295.
func TestBSoftphones(t *testing.T) {
	legacyPairs(t, true, func(t *testing.T, p pair) {
		r := newRig(t)
		r.exchange(p.three, server2, howto(t, "b/server2"))
		r.chat(set2002, set2001, at("2001", server2))
	})
}

// TestCSoftphones: the caller belongs to server1 and calls at server3, which knows its address.
// Seed: S-295.
func TestCSoftphones(t *testing.T) {
	legacyPairs(t, false, func(t *testing.T, p pair) {
		r := newRig(t)
		r.exchange(p.one, server1, howto(t, "a/server1"))
		r.exchange(p.three, server3, howto(t, "c/server3"))
		r.chat(set1001, set3001, at("3001", server3)+";transport=tcp")
	})
}

// Seed: S-295.
func TestDSoftphones(t *testing.T) {
	legacyPairs(t, false, func(t *testing.T, p pair) {
		r := newRig(t)
		r.exchange(p.one, server1, scenarioD(t)["4"])
		r.exchange(p.three, server3, serverD(t))
		r.chat(set1009, set3001, at("3001", server1))
	})
}

// Seed: S-295.
func TestESoftphones(t *testing.T) {
	eachPair(t, func(t *testing.T, p pair) {
		o := newOfficeE(t, p)
		caller, callee := set1002, set3001
		caller.password, callee.user, callee.device = "", "3002", device3002
		o.chat(caller, callee, at("3002", server1))
	})
}
