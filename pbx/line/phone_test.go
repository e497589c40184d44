package line_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"branchline/hal"
	"branchline/hal/sim"
	"branchline/media/callerid"
	"branchline/pbx/extstate"
	"branchline/pbx/pbxtest"
)

const phones = "signalling=fxo_ks\ntonezone=tw\ncallerid=\"Desk\" <201>\nchannel=>1\n"

// desk opens an office with one telephone on DAHDI/1.
func desk(t *testing.T, dialplan, conf string, f func(*branch, *sim.Telephone)) {
	t.Helper()
	var tel *sim.Telephone
	open(t, dialplan, dahdi(conf), func(p *sim.Plant) { tel = p.Telephone("1", sim.Loop{}) }, func(b *branch) { f(b, tel) })
}

// hears waits until the telephone knows a tone.
func hears(t *testing.T, tel *sim.Telephone, tone string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := tel.AwaitTone(ctx, tone); err != nil {
		t.Errorf("waiting for tone %q: %v", tone, err)
	}
}

func saw(t *testing.T, tel *sim.Telephone, whats ...sim.What) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for _, w := range whats {
		if h, err := tel.Await(ctx, w); err != nil {
			t.Errorf("waiting for %v: %v (last %v)", w, err, h)
		}
	}
}

const house = "[default]\nexten => 100,1,Dial(Test/a)\nexten => 1000,1,Dial(Test/long)\nexten => _2XX,1,Dial(Test/b)\nexten => 300,1,Busy()\nexten => 301,1,Congestion()\nexten => 302,1,Ringing()\nsame => n,Wait(5)\nsame => n,Answer()\nsame => n,Wait(60)\n" +
	"exten => 7,1,Dial(DAHDI/1)\nexten => 8,1,Dial(DAHDI/1r2,20)\nexten => 6,1,Dial(DAHDI/1cr2)\n"

func TestPhoneDials(t *testing.T) {
	desk(t, house, phones, func(b *branch, tel *sim.Telephone) {
		tel.Lift()
		hears(b.T, tel, "dial")
		tel.Dial("215")
		time.Sleep(2 * time.Second)
		c := b.Phone("b").Last()
		b.want("caller", c.Request.Caller.Name+" "+c.Request.Caller.Number, "Desk 201")
		b.want("channels", b.channels(), "Test/b-00000000 Dialing, DAHDI/1-1 Ring")
		c.Rings()
		hears(b.T, tel, "ringback")
		c.PicksUp()
		time.Sleep(time.Second)
		b.want("channels", b.channels(), "Test/b-00000000 Up, DAHDI/1-1 Up")
		c.HangsUp()
		saw(b.T, tel, sim.BatteryGone, sim.BatteryBack)
		hears(b.T, tel, "congestion")
		tel.PutBack()
		time.Sleep(3 * time.Second)
		b.want("state", b.DeviceState("DAHDI/1").String(), "NOT_INUSE")
	})
}

// TestPhoneOverlap: when a number is complete, and how long is waited for more.
// The lamp of a line, and that of its group, goes on when the receiver is lifted.
func TestPhoneLamp(t *testing.T) {
	const hints = "exten => 50,hint,DAHDI/1\nexten => 51,hint,DAHDI/g3\n"
	desk(t, house+hints, strings.Replace(phones, "channel", "group=3\nchannel", 1), func(b *branch, tel *sim.Telephone) {
		var mu sync.Mutex
		var told []string
		for _, exten := range []string{"50", "51"} {
			now, _, ok := b.watches.Watch("default", exten, func(r extstate.Report) {
				mu.Lock()
				defer mu.Unlock()
				told = append(told, exten+" "+r.State.String())
			})
			b.want("at first", fmt.Sprint(now, ok), "NOT_INUSE true")
		}
		since := func() string {
			synctest.Wait()
			mu.Lock()
			defer mu.Unlock()
			out := strings.Join(slices.Sorted(slices.Values(told)), ", ")
			told = nil
			return out
		}
		tel.Lift()
		hears(b.T, tel, "dial")
		b.want("lifted", since(), "50 INUSE, 51 BUSY")
		tel.PutBack()
		time.Sleep(2 * time.Second)
		b.want("hung up", since(), "50 NOT_INUSE, 51 NOT_INUSE")
	})
}

func TestPhoneOverlap(t *testing.T) {
	for _, c := range []struct {
		keys  string
		pulse bool
		wait  time.Duration // after the last digit
		calls string        // who is called by then, "": nobody
	}{
		{"205", false, time.Second, "b"}, {"100", false, 2 * time.Second, ""}, {"100", false, 4 * time.Second, "a"}, {"1000", false, time.Second, "long"},
		{"100#", false, time.Second, "a"}, {"10", false, 7 * time.Second, ""}, {"205", true, time.Second, "b"},
	} {
		desk(t, house, phones, func(b *branch, tel *sim.Telephone) {
			tel.Lift()
			tel.Wait(time.Second)
			if c.pulse {
				tel.Pulse(c.keys)
				time.Sleep(3600 * time.Millisecond)
			} else {
				tel.Dial(c.keys)
			}
			time.Sleep(1200*time.Millisecond + time.Duration(len(c.keys))*200*time.Millisecond + c.wait)
			for _, p := range []string{"a", "b", "long"} {
				if got := b.Phone(p).Called() > 0; got != (p == c.calls) {
					b.T.Errorf("%s (pulse %v), then %v: %s called: %v", c.keys, c.pulse, c.wait, p, got)
				}
			}
			tel.PutBack()
			time.Sleep(3 * time.Second)
		})
	}
}

func TestPhoneTones(t *testing.T) {
	for _, c := range []struct{ keys, tone string }{{"300", "busy"}, {"301", "congestion"}, {"999", "congestion"}, {"10", "congestion"}, {"", "congestion"}, {"302", "ringback"}} {
		desk(t, house, phones, func(b *branch, tel *sim.Telephone) {
			tel.Lift()
			tel.Wait(time.Second)
			tel.Dial(c.keys)
			hears(b.T, tel, c.tone)
			tel.PutBack()
			time.Sleep(3 * time.Second)
			b.want("channels", b.channels(), "")
		})
	}
}

// TestPhoneRings: it rings, shows who calls, is answered, and puts back.
func TestPhoneRings(t *testing.T) {
	for _, form := range []string{"", "cidsignalling=v23\ncidstart=polarity\n", "cidsignalling=dtmf\n", "cidsignalling=v23\ncidstart=ring\n"} {
		desk(t, house, form+phones, func(b *branch, tel *sim.Telephone) {
			r := callerid.NewReceiver(callerid.HearAll)
			var shown callerid.Message
			tel.Hear(func(f *hal.Frame) {
				if e := r.Hear(f[:]); e.Kind == callerid.Complete {
					shown = e.Message
				}
			})
			a := b.Phone("0912345678").Dial("7")
			saw(b.T, tel, sim.Rings)
			b.want("state", b.DeviceState("DAHDI/1").String(), "RINGING")
			a.Want("ring")
			time.Sleep(6 * time.Second)
			b.want("shown", shown.Number, "0912345678")
			tel.Lift()
			time.Sleep(time.Second)
			a.Want("answer, join")
			b.want("channels", b.channels(), "DAHDI/1-1 Up, Test/0912345678-00000000 Up")
			tel.PutBack()
			time.Sleep(3 * time.Second)
			a.Want("hangup 16")
		})
	}
	desk(t, house, phones, func(b *branch, tel *sim.Telephone) {
		a := b.Phone("a").Dial("8")
		saw(b.T, tel, sim.Rings, sim.Rings)
		a.HangsUp()
		time.Sleep(8 * time.Second)
		b.want("state", b.DeviceState("DAHDI/1").String(), "NOT_INUSE")
		tel.Lift() // it is an ordinary telephone again
		hears(b.T, tel, "dial")
		b.Phone("c").Dial("7").Want("hangup 17") // off hook: busy
		tel.PutBack()
		time.Sleep(3 * time.Second)
	})
}

// talking puts the telephone into a call with Test/b.
func talking(b *branch, tel *sim.Telephone) *pbxtest.Call {
	tel.Lift()
	tel.Wait(time.Second)
	tel.Dial("201")
	time.Sleep(3 * time.Second)
	c := b.Phone("b").Last()
	c.PicksUp()
	time.Sleep(time.Second)
	return c
}

// TestCallWaiting: a second call beeps; the flash key goes to and fro.
func TestCallWaiting(t *testing.T) {
	desk(t, house, phones, func(b *branch, tel *sim.Telephone) {
		tel.ShowsWaiting = true
		r := callerid.NewReceiver(callerid.HearFSK)
		var shown callerid.Message
		tel.Hear(func(f *hal.Frame) {
			if e := r.Hear(f[:]); e.Kind == callerid.Complete {
				shown = e.Message
			}
		})
		first := talking(b, tel)
		second := b.Phone("0911222333").Dial("7")
		time.Sleep(4 * time.Second)
		second.Want("ring")
		b.want("shown while talking", shown.Number, "0911222333")
		b.Phone("third").Dial("7").Want("hangup 17")
		tel.Flash()
		time.Sleep(2 * time.Second)
		second.Want("answer, join")
		first.Want("dial, tone") // held
		tel.Flash()
		time.Sleep(2 * time.Second)
		first.Want("quiet")
		second.Want("tone")
		first.HangsUp() // the other one comes back by itself
		time.Sleep(2 * time.Second)
		second.Want("quiet")
		tel.PutBack()
		time.Sleep(3 * time.Second)
		second.Want("hangup 16")
		b.want("channels", b.channels(), "")
	})
	// Put back while one is on hold: the telephone rings for it.
	desk(t, house, phones, func(b *branch, tel *sim.Telephone) {
		first := talking(b, tel)
		second := b.Phone("0911222333").Dial("7")
		time.Sleep(4 * time.Second)
		tel.Flash()
		time.Sleep(2 * time.Second)
		tel.PutBack()
		saw(b.T, tel, sim.Rings)
		second.Want("ring, answer, join, hangup 16")
		tel.Lift()
		time.Sleep(2 * time.Second)
		first.Want("dial, tone, quiet")
		tel.PutBack()
		time.Sleep(3 * time.Second)
		first.Want("hangup 16")
	})
}

// TestThreeWay: flash, a second number, flash: all three talk; or put back: the two
// others do.
func TestThreeWay(t *testing.T) {
	begin := func(b *branch, tel *sim.Telephone) (first, second *pbxtest.Call) {
		first = talking(b, tel)
		tel.Flash()
		time.Sleep(2 * time.Second)
		first.Want("dial, tone")
		tel.Dial("1000")
		time.Sleep(3 * time.Second)
		second = b.Phone("long").Last()
		second.PicksUp()
		time.Sleep(time.Second)
		return first, second
	}
	desk(t, house, phones, func(b *branch, tel *sim.Telephone) {
		first, second := begin(b, tel)
		tel.Flash()
		time.Sleep(2 * time.Second)
		first.Want("quiet")
		b.want("channels", b.channels(), "Test/long-00000001 Up, DAHDI/1-2 Up, Test/b-00000000 Up, DAHDI/1-1 Up")
		second.HangsUp()
		time.Sleep(2 * time.Second)
		b.want("channels", b.channels(), "Test/b-00000000 Up, DAHDI/1-1 Up")
		tel.PutBack()
		time.Sleep(3 * time.Second)
		first.Want("hangup 16")
	})
	desk(t, house, phones, func(b *branch, tel *sim.Telephone) {
		first, second := begin(b, tel)
		tel.PutBack()
		time.Sleep(4 * time.Second)
		b.want("state", b.DeviceState("DAHDI/1").String(), "NOT_INUSE")
		if got := b.channels(); strings.Contains(got, "DAHDI") || !strings.Contains(got, "Test/b") || !strings.Contains(got, "Test/long") {
			b.T.Errorf("after the transfer: %s", got)
		}
		first.HangsUp()
		time.Sleep(time.Second)
		second.Want("dial, join Test/b-00000000, part, hangup 16")
	})
}

// TestPhoneConfirms: lifting the handset is not enough where a key is asked for.
func TestPhoneConfirms(t *testing.T) {
	desk(t, house, phones, func(b *branch, tel *sim.Telephone) {
		a := b.Phone("a").Dial("6")
		saw(b.T, tel, sim.Rings)
		tel.Lift()
		tel.Dial("1")
		time.Sleep(5 * time.Second)
		a.Want("ring")
		tel.Dial("#")
		time.Sleep(time.Second)
		a.Want("answer, join")
		tel.PutBack()
		time.Sleep(3 * time.Second)
		a.Want("hangup 16")
	})
}
