package line_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"branchline/hal"
	"branchline/hal/sim"
	"branchline/hal/sim/signal"
	"branchline/media/callerid"
)

// TestCallerID: whatever the exchange sends and when, the dialplan has the number,
// and the telephones ring at most 200 ms after the exchange has told it.
func TestCallerID(t *testing.T) {
	who := callerid.Message{Number: "0223456789", Name: "Lin"}
	for _, c := range []struct {
		country string
		lead    sim.Lead
		name    string
	}{
		{"us", sim.AfterRing, "Lin"}, {"de", sim.AfterRing, "Lin"}, {"uk", sim.Reversed, "Lin"}, {"dk", sim.Reversed, ""}, {"kw", sim.Reversed, ""},
		{"de", sim.ShortRing, "Lin"},
	} {
		f, _ := callerid.FormFor(c.country)
		spill := f.Samples(who)
		for i := range spill {
			spill[i] /= 4 // 12 dB of line
		}
		var x *sim.Exchange
		open(t, "[pstn]\nexten => s,1,Dial(Test/a)\n", dahdi("signalling=fxs_ks\ncontext=pstn\nchannel=>1\n"), one(&x, sim.Loop{}), func(b *branch) {
			x.CallIn(sim.Call{Spill: spill, Lead: c.lead})
			time.Sleep(8 * time.Second)
			a := b.Phone("a").Last()
			b.want(fmt.Sprint(c.country, c.lead), a.Request.Caller.Number+" "+a.Request.Caller.Name, who.Number+" "+c.name)
			x.HangUp()
			time.Sleep(15 * time.Second)
		})
	}
}

// TestWithheld: nobody is told who calls, and a device that tells by itself is
// believed.
func TestWithheld(t *testing.T) {
	for _, c := range []struct {
		loop   sim.Loop
		caller hal.Caller
		want   string
	}{
		{sim.Loop{Caps: hal.ReportsCallerID | hal.Dials}, hal.Caller{Number: "0911", Name: "Chen"}, "0911 allowed_not_screened"},
		{sim.Loop{Caps: hal.ReportsCallerID | hal.Dials}, hal.Caller{Withheld: true}, " prohib_not_screened"},
		{sim.Loop{Caps: hal.ReportsCallerID | hal.Dials}, hal.Caller{}, " unavailable"},
		{sim.Loop{Kind: hal.Cellular}, hal.Caller{Number: "0911"}, "0911 allowed_not_screened"},
	} {
		var x *sim.Exchange
		open(t, "[pstn]\nexten => s,1,Dial(Test/a)\n", dahdi("context=pstn\nchannel=>1\n"), one(&x, c.loop), func(b *branch) {
			x.CallIn(sim.Call{Caller: c.caller})
			time.Sleep(8 * time.Second)
			p := b.Phone("a").Last().Request.Caller
			b.want("caller", p.Number+" "+p.Presentation.String(), c.want)
			x.HangUp()
			time.Sleep(15 * time.Second)
		})
	}
}

// TestHangupTold: each way in which an exchange tells that the other side has gone.
func TestHangupTold(t *testing.T) {
	for how, most := range map[sim.Hangup]time.Duration{
		sim.BatteryDrop: 200 * time.Millisecond, sim.BusyTone: 5 * time.Second, sim.CongestionTone: 3 * time.Second,
		sim.ReversalBack: 200 * time.Millisecond, sim.DialToneAgain: 32 * time.Second,
	} {
		var x *sim.Exchange
		open(t, pstn, dahdi("signalling=fxs_ks\ntonezone=tw\nhanguponpolarityswitch=yes\nansweronpolarityswitch=yes\nchannel=>1\n"), one(&x, sim.Loop{}), func(b *branch) {
			x.Hangup = how
			x.Directory = func(string) (sim.Party, sim.Verdict) {
				return sim.Party{Answer: 3 * time.Second, Voice: signal.Silence(time.Hour)}, sim.Found
			}
			a := b.Phone("a").Dial("0221234567")
			told(b.T, x, sim.Connected)
			time.Sleep(5 * time.Second)
			a.Want("progress, join, answer, join")
			x.HangUp()
			began := time.Now()
			told(b.T, x, sim.Released)
			if took := time.Since(began); took > most+time.Second {
				b.T.Errorf("%v: it took %v to notice", how, took)
			}
			time.Sleep(time.Second)
			a.Want("hangup 16")
		})
	}
}

// TestOutcomes: what an exchange says with tones before the answer, where calls are
// supervised: by a reversal of polarity, or by ringback and voice.
func TestOutcomes(t *testing.T) {
	for _, how := range []string{"answeronpolarityswitch=yes", "callprogress=yes"} {
		for _, c := range []struct {
			party sim.Party
			want  string
		}{
			{sim.Party{Busy: true}, "progress, join, hangup 17"},
			{sim.Party{Unreachable: true}, "progress, join, hangup 34"},
			{sim.Party{Answer: 6 * time.Second, Voice: signal.Tones(-20, 500, 1300)}, "progress, join, ring, answer, join"},
			{sim.Party{Never: true}, "progress, join, ring"},
		} {
			var x *sim.Exchange
			open(t, pstn, dahdi("signalling=fxs_ks\ntonezone=tw\n"+how+"\nchannel=>1\n"), one(&x, sim.Loop{}), func(b *branch) {
				x.Directory = func(string) (sim.Party, sim.Verdict) { return c.party, sim.Found }
				a := b.Phone("a").Dial("0221234567")
				time.Sleep(25 * time.Second)
				a.Want(c.want)
				a.HangsUp()
			})
		}
	}
}

// TestNoDialTone: where a dial tone is insisted on, a dead line is no way out.
func TestNoDialTone(t *testing.T) {
	var x *sim.Exchange
	open(t, pstn, dahdi("signalling=fxs_ks\ntonezone=tw\nwaitfordialtone=2000\nchannel=>1\n"), one(&x, sim.Loop{}), func(b *branch) {
		x.DialToneAfter = time.Hour
		a := b.Phone("a").Dial("0221234567")
		time.Sleep(4 * time.Second)
		a.Want("hangup 34")
	})
}

// TestPromptness: how soon the office learns of things, in the line's own time.
func TestPromptness(t *testing.T) {
	const limit = 200 * time.Millisecond
	reach := func(b *branch, what string, since time.Time, ok func() bool) {
		b.T.Helper()
		for !ok() {
			if time.Since(since) > time.Minute {
				b.T.Fatalf("%s: never", what)
			}
			time.Sleep(5 * time.Millisecond)
			synctest.Wait()
		}
		took := time.Since(since)
		b.T.Logf("%s: %v", what, took)
		if took > limit {
			b.T.Errorf("%s: it took %v", what, took)
		}
	}
	var x *sim.Exchange
	f, _ := callerid.FormFor("tw")
	spill := f.Samples(callerid.Message{Number: "0223456789"})
	for _, told := range []bool{false, true} {
		conf := "signalling=fxs_ks\ncontext=pstn\nusecallerid=no\nchannel=>1\n"
		if told {
			conf = "signalling=fxs_ks\ncontext=pstn\nchannel=>1\n"
		}
		open(t, pstn, dahdi(conf), one(&x, sim.Loop{}), func(b *branch) {
			a := b.Phone("a")
			call := sim.Call{}
			if told {
				call.Spill = spill
			}
			x.CallIn(call)
			ctx, cancel := context.WithTimeout(b.T.Context(), time.Minute)
			defer cancel()
			h, err := x.Await(ctx, sim.Rang)
			if err != nil {
				b.T.Fatal(err)
			}
			since := time.Now()
			if told { // the spill begins half a second after the burst of one second
				since = since.Add(1500*time.Millisecond + time.Duration(len(spill))*time.Second/hal.Rate)
				time.Sleep(time.Until(since) - 100*time.Millisecond)
				if a.Called() != 0 {
					b.T.Errorf("called before the number was known (%v)", h)
				}
			}
			reach(b, map[bool]string{false: "from the ring to the call", true: "from the number to the call"}[told], since, func() bool { return a.Called() > 0 })
			a.Last().PicksUp()
			time.Sleep(3 * time.Second)
			x.HangUp()
			since = time.Now()
			reach(b, "from the battery drop to the hang-up", since, func() bool { return b.channels() == "" })
		})
	}
}
