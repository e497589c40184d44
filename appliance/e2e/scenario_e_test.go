//go:build e2e

package e2e

import (
	"testing"
	"time"

	"branchline/appliance/e2e/lan"
	"branchline/appliance/e2e/phone"
	"branchline/appliance/e2e/switchboard"
)

// officeE is scenario E of the how-to: two exchanges, joined by a TCP trunk.
type officeE struct {
	*rig
	one, three *switchboard.Exchange
}

func newOfficeE(t *testing.T, p pair) *officeE {
	t.Helper()
	r := newRig(t)
	return &officeE{
		rig:   r,
		one:   r.exchange(p.one, server1, howto(t, "e/server1")),
		three: r.exchange(p.three, server3, howto(t, "e/server3")),
	}
}

// eachPair runs a test for every pair of exchanges asked for.
func eachPair(t *testing.T, run func(*testing.T, pair)) {
	t.Parallel()
	for _, p := range pairs(t) {
		t.Run(p.String(), func(t *testing.T) {
			t.Parallel()
			run(t, p)
		})
	}
}

// Seed: S-299.
func TestERegister(t *testing.T) {
	eachPair(t, func(t *testing.T, p pair) {
		o := newOfficeE(t, p)
		o.register(server1, device1001, "1001", false, 200)
		o.register(server1, device1002, "1002", true, 200)
		o.register(server3, device3001, "3001", false, 200)
		o.register(server3, device3002, "3002", true, 200)
	})
}

// TestEAcross has a call from and to each kind of phone pass both exchanges.
// Seed: S-013.
func TestEAcross(t *testing.T) {
	rows := []struct {
		from, to       string
		device, callee int
		home, far      int
		tcp            bool
	}{
		{"1001", "3001", device1001, device3001, server1, server3, false},
		{"1002", "3002", device1002, device3002, server1, server3, true},
		{"3001", "1001", device3001, device1001, server3, server1, false},
		{"3002", "1002", device3002, device1002, server3, server1, true},
	}
	eachPair(t, func(t *testing.T, p pair) {
		o := newOfficeE(t, p)
		for _, row := range rows {
			o.register(row.home, row.device, row.from, row.tcp, 200)
		}
		for _, row := range rows {
			began := time.Now()
			since := func(m lan.Message) bool { return m.Time.After(began) }
			callee := o.answering(&phone.SIPp{
				Host: o.host(row.callee), Server: addr(row.far), User: row.to, TCP: row.tcp,
			})
			o.run(&phone.SIPp{
				Scenario: "call", Host: o.host(row.device), Server: addr(row.home), User: row.from,
				Dial: row.to, TCP: row.tcp, Talk: 700 * time.Millisecond,
			})
			o.finish(callee)
			got := o.sip(since, lan.To(addr(row.device)), lan.ResponseTo("INVITE")).Statuses()
			if !equal(got, 100, 180, 200) {
				t.Errorf("%s to %s: the caller got %v", row.from, row.to, got)
			}
			trunk := o.sip(since, lan.From(addr(row.home)), lan.To(addr(row.far)), lan.Initial)
			if len(trunk) != 1 || trunk[0].Proto != "TCP" || trunk[0].Dst.Port() != 5060 {
				t.Errorf("%s to %s: want one INVITE over TCP to port 5060 of the far exchange, got\n%s",
					row.from, row.to, trunk.Ladder())
			}
			if n := len(o.sip(since, lan.From(addr(row.far)), lan.To(addr(row.callee)), lan.Reinvite)); n != 0 {
				t.Errorf("%s to %s: %d re-INVITEs to a phone dialled with t", row.from, row.to, n)
			}
		}
	})
}

// TestEDirectMedia checks that the exchange that dialled the trunk without t or T takes itself out
// of the audio path, and comes back into it when the callee hangs up.
func TestEDirectMedia(t *testing.T) {
	eachPair(t, func(t *testing.T, p pair) {
		o := newOfficeE(t, p)
		o.register(server1, device1002, "1002", true, 200)
		o.register(server3, device3002, "3002", true, 200)
		callee := o.answering(&phone.SIPp{
			Host: o.host(device3002), Server: addr(server3), User: "3002", TCP: true,
			Talk: 3 * time.Second, Say: tone(2500*time.Millisecond, 440),
		})
		o.run(&phone.SIPp{
			Scenario: "call", Host: o.host(device1002), Server: addr(server1), User: "1002",
			Dial: "3002", TCP: true, Say: tone(2500*time.Millisecond, 1004),
		})
		o.finish(callee)
		toCaller := o.sip(lan.From(addr(server1)), lan.To(addr(device1002)), lan.Reinvite)
		if len(toCaller) == 0 {
			t.Fatal("the caller got no re-INVITE")
		}
		if at := toCaller[0].MediaAt().Addr().String(); at != addr(server3) {
			t.Errorf("the re-INVITE sends the caller's audio to %s, want server3", at)
		}
		toTrunk := o.sip(lan.From(addr(server1)), lan.To(addr(server3)), lan.Reinvite)
		if len(toTrunk) == 0 {
			t.Fatal("server3 got no re-INVITE")
		}
		if at := toTrunk[0].MediaAt().Addr().String(); at != addr(device1002) {
			t.Errorf("the re-INVITE sends server3's audio to %s, want the caller", at)
		}
		if n := len(o.sip(lan.From(addr(server3)), lan.To(addr(device3002)), lan.Reinvite)); n != 0 {
			t.Errorf("the callee, dialled with tT, got %d re-INVITEs", n)
		}
		direct := len(lan.Sound(o.lan.Tap().RTP(), addr(server3), addr(device1002)))
		around := len(lan.Sound(o.lan.Tap().RTP(), addr(server1), addr(device1002)))
		if direct < 50 || around > direct/4 {
			t.Errorf("the caller got %d packets from server3 and %d from server1, want nearly all direct", direct, around)
		}
		if len(toCaller) < 2 || toCaller[len(toCaller)-1].MediaAt().Addr().String() != addr(server1) {
			t.Error("the audio was not taken back when the callee hung up")
		}
	})
}

// Seed: S-013.
func TestEInside(t *testing.T) {
	eachPair(t, func(t *testing.T, p pair) {
		o := newOfficeE(t, p)
		o.register(server1, device1001, "1001", false, 200)
		o.register(server1, device1002, "1002", true, 200)
		callee := o.answering(&phone.SIPp{
			Host: o.host(device1002), Server: addr(server1), User: "1002", TCP: true,
			Say: tone(time.Second, 440),
		})
		began := time.Now()
		o.run(&phone.SIPp{
			Scenario: "call", Host: o.host(device1001), Server: addr(server1), User: "1001",
			Dial: "1002", Talk: 1200 * time.Millisecond, Say: tone(time.Second, 1004),
		})
		o.finish(callee)
		o.statuses(device1001, "INVITE", 100, 180, 200)
		if n := len(o.sip(lan.From(addr(server1)), lan.Reinvite)); n != 0 {
			t.Errorf("%d re-INVITEs on a call dialled with tT", n)
		}
		o.heardTone(device1002, device1001, 440, began)
		o.heardTone(device1001, device1002, 1004, began)
	})
}

// TestENotRegistered dials phones that are not there, at home and at the far exchange: the exchange
// they belong to answers at once and speaks.
// Seed: S-013.
func TestENotRegistered(t *testing.T) {
	eachPair(t, func(t *testing.T, p pair) {
		for _, dial := range []string{"1009", "3009"} {
			t.Run(dial, func(t *testing.T) {
				t.Parallel()
				o := newOfficeE(t, p)
				o.register(server1, device1001, "1001", false, 200)
				began := time.Now()
				o.run(&phone.SIPp{
					Scenario: "call", Host: o.host(device1001), Server: addr(server1), User: "1001", Dial: dial,
					// A phone sends too, and the exchange may wait for it to learn where to.
					Say: tone(10*time.Second, 300),
				})
				o.statuses(device1001, "INVITE", 100, 200)
				kind := p.one
				if dial == "3009" {
					kind = p.three
				}
				o.heardPrompts(kind, device1001, began, digits(dial)...)
				o.hungUp(device1001, server1, began, speech(t, kind, digits(dial)...))
			})
		}
	})
}

// TestENoAnswer lets a phone ring for the 12 s of the how-to's Dial.
// Seed: S-013.
func TestENoAnswer(t *testing.T) {
	eachPair(t, func(t *testing.T, p pair) {
		for _, row := range []struct {
			to           string
			home, callee int
		}{{"1002", server1, device1002}, {"3002", server3, device3002}} {
			t.Run(row.to, func(t *testing.T) {
				t.Parallel()
				o := newOfficeE(t, p)
				o.register(server1, device1001, "1001", false, 200)
				o.register(row.home, row.callee, row.to, true, 200)
				callee := o.answering(&phone.SIPp{
					Host: o.host(row.callee), Server: addr(row.home), User: row.to, TCP: true, Ring: 40 * time.Second,
				})
				began := time.Now()
				o.run(&phone.SIPp{
					Scenario: "call", Host: o.host(device1001), Server: addr(server1), User: "1001", Dial: row.to,
					Say: tone(10*time.Second, 300),
				})
				o.finish(callee)
				o.statuses(device1001, "INVITE", 100, 180, 200)
				ringing := o.sip(lan.To(addr(row.callee)), lan.Initial)[0].Time
				cancel := o.sip(lan.To(addr(row.callee)), lan.Request("CANCEL"))[0].Time
				between(t, "CANCEL after", cancel.Sub(ringing), 11500*time.Millisecond, 13*time.Second)
				kind := p.one
				if row.home == server3 {
					kind = p.three
				}
				o.heardPrompts(kind, device1001, began, digits(row.to)...)
				o.hungUp(device1001, server1, began, 12*time.Second+speech(t, kind, digits(row.to)...))
			})
		}
	})
}

func TestENumberThatIsNot(t *testing.T) {
	eachPair(t, func(t *testing.T, p pair) {
		o := newOfficeE(t, p)
		o.register(server1, device1001, "1001", false, 200)
		o.run(&phone.SIPp{
			Scenario: "refused", Host: o.host(device1001), Server: addr(server1), User: "1001", Dial: "4444",
			Extra: map[string]string{"want": "404"},
		})
		got := o.sip(lan.To(addr(device1001)), lan.ResponseTo("INVITE")).Statuses()
		if len(got) == 0 || got[len(got)-1] != 404 || len(got) > 2 {
			t.Errorf("1001 got %v", got)
		}
	})
}

func TestEUnknownCaller(t *testing.T) {
	eachPair(t, func(t *testing.T, p pair) {
		o := newOfficeE(t, p)
		o.register(server1, device1001, "1001", false, 200)
		o.run(&phone.SIPp{
			Scenario: "refused", Host: o.host(stranger), Server: addr(server1), User: "5555", Dial: "1001",
			Extra: map[string]string{"want": "401"},
		})
		o.statuses(stranger, "INVITE", 401, 401)
	})
}

// TestEDisplaced has a second device register as 1002; the calls then go there and nowhere else.
func TestEDisplaced(t *testing.T) {
	eachPair(t, func(t *testing.T, p pair) {
		o := newOfficeE(t, p)
		o.register(server1, device1001, "1001", false, 200)
		o.register(server1, device1002, "1002", true, 200)
		o.register(server1, stranger, "1002", true, 200)
		callee := o.answering(&phone.SIPp{Host: o.host(stranger), Server: addr(server1), User: "1002", TCP: true})
		o.run(&phone.SIPp{
			Scenario: "call", Host: o.host(device1001), Server: addr(server1), User: "1001", Dial: "1002",
			Talk: 200 * time.Millisecond,
		})
		o.finish(callee)
		if n := len(o.sip(lan.To(addr(device1002)), lan.Initial)); n != 0 {
			t.Errorf("the displaced phone got %d INVITEs", n)
		}
		o.statuses(device1001, "INVITE", 100, 180, 200)
	})
}

// TestEMisprint checks what `same =>> n,Hangup()` of the how-to does: a warning per line, and the
// rest of the context works (which the other tests show).
func TestEMisprint(t *testing.T) {
	eachPair(t, func(t *testing.T, p pair) {
		o := newOfficeE(t, p)
		for _, e := range []*switchboard.Exchange{o.one, o.three} {
			contains(t, e.Log(), "extensions.conf", "> n")
			contains(t, o.rx(e, "dialplan show default"), "_30XX", "_10XX", "Dial(PJSIP/${EXTEN},12,tT)")
		}
	})
}

// TestEFarDown calls while the other exchange is not there.
// Seed: S-013.
func TestEFarDown(t *testing.T) {
	eachPair(t, func(t *testing.T, p pair) {
		r := newRig(t)
		r.host(server3) // there, but nothing listens
		r.exchange(p.one, server1, howto(t, "e/server1"))
		r.register(server1, device1001, "1001", false, 200)
		r.run(&phone.SIPp{
			Scenario: "refused", Host: r.host(device1001), Server: addr(server1), User: "1001", Dial: "3001",
			Extra: map[string]string{"want": "503"},
		})
		r.statuses(device1001, "INVITE", 100, 503)
	})
}
