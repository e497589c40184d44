package line_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"branchline/hal"
	"branchline/hal/sim"
	"branchline/hal/sim/signal"
	"branchline/media/callerid"
	"branchline/pbx/channel"
)

const pstn = "[pstn]\nexten => s,1,Dial(Test/a)\n[default]\nexten => _X.,1,Dial(DAHDI/1/${EXTEN})\nexten => _gX.,1,Dial(DAHDI/g1/${EXTEN:1})\nexten => hang,1,Hangup()\n"

func one(x **sim.Exchange, loop sim.Loop) func(*sim.Plant) {
	return func(p *sim.Plant) { *x = p.Exchange("1", loop); (*x).AnswerReversal = true }
}

func TestCallerGivesUp(t *testing.T) {
	var x *sim.Exchange
	open(t, pstn, dahdi("signalling=fxs_ks\ncontext=pstn\nusecallerid=no\nchannel=>1\n"), one(&x, sim.Loop{}), func(b *branch) {
		x.CallIn(sim.Call{Rings: 3})
		told(b.T, x, sim.GaveUp)
		time.Sleep(9 * time.Second)
		b.Phone("a").Last().Want("dial, hangup 16")
		b.want("channels", b.channels(), "")
	})
}

// TestNotWanted: the dialplan ends the call, which rings on; that is not a new one.
func TestNotWanted(t *testing.T) {
	var x *sim.Exchange
	open(t, "[pstn]\nexten => s,1,Verbose(call)\nsame => n,Hangup()\n", dahdi("signalling=fxs_ks\ncontext=pstn\nusecallerid=no\nchannel=>1\n"), one(&x, sim.Loop{}), func(b *branch) {
		x.CallIn(sim.Call{Rings: 4})
		told(b.T, x, sim.GaveUp)
		time.Sleep(10 * time.Second)
		if n := strings.Count(b.Trace.String(), "Verbose("); n != 1 {
			b.T.Errorf("the call came %d times", n)
		}
		b.want("state", b.DeviceState("DAHDI/1").String(), "NOT_INUSE")
	})
}

func TestOutgoing(t *testing.T) {
	var x *sim.Exchange
	open(t, pstn, dahdi("signalling=fxs_ks\nwaitfordialtone=no\nansweronpolarityswitch=yes\nchannel=>1\n"), one(&x, sim.Loop{}), func(b *branch) {
		a := b.Phone("a").Dial("0221234567")
		told(b.T, x, sim.Seized, sim.Dialled)
		time.Sleep(time.Second)
		b.want("channels", b.channels(), "DAHDI/1-1 Dialing, Test/a-00000000 Ring")
		b.want("state", b.DeviceState("DAHDI/1").String(), "INUSE")
		told(b.T, x, sim.Connected)
		time.Sleep(time.Second)
		b.want("channels", b.channels(), "DAHDI/1-1 Up, Test/a-00000000 Up")
		a.HangsUp()
		told(b.T, x, sim.Released)
		time.Sleep(4 * time.Second)
		b.want("state", b.DeviceState("DAHDI/1").String(), "NOT_INUSE")
	})
}

// TestDialledAsAnswered: without any supervision the last digit is the answer.
func TestDialledAsAnswered(t *testing.T) {
	var x *sim.Exchange
	open(t, pstn, dahdi("signalling=fxs_ks\nwaitfordialtone=no\nchannel=>1\n"), one(&x, sim.Loop{}), func(b *branch) {
		a := b.Phone("a").Dial("0221234567")
		told(b.T, x, sim.Dialled)
		b.want("channels", b.channels(), "DAHDI/1-1 Up, Test/a-00000000 Up")
		a.HangsUp()
	})
}

func TestGroups(t *testing.T) {
	lines := map[string]*sim.Exchange{}
	open(t, "[default]\nexten => _[gGrR]X.,1,Dial(DAHDI/${EXTEN:0:2}/${EXTEN:2})\n",
		dahdi("signalling=fxs_ks\nwaitfordialtone=no\ngroup=1\nchannel=>4\ngroup=1,5\nchannel=>1-2\n"),
		func(p *sim.Plant) {
			for _, n := range []string{"1", "2", "4"} {
				lines[n] = p.Exchange(n, sim.Loop{})
			}
		}, func(b *branch) {
			call := func(dial string) string {
				a := b.Phone("a").Dial(dial)
				time.Sleep(200 * time.Millisecond)
				for _, c := range b.Channels() {
					if strings.HasPrefix(c.Name, "DAHDI") {
						defer time.Sleep(5 * time.Second)
						a.HangsUp()
						return c.Name
					}
				}
				a.HangsUp()
				return "none"
			}
			for _, c := range []struct{ dial, takes string }{
				{"g1555", "1"}, {"g1555", "1"}, {"G1555", "4"}, {"r1555", "1"}, {"r1555", "2"}, {"r1555", "4"}, {"r1555", "1"},
				{"R1555", "4"}, {"R1555", "2"}, {"R1555", "1"}, {"R1555", "4"}, {"g5555", "1"}, {"G5555", "2"},
			} {
				b.want(c.dial, call(c.dial), "DAHDI/"+c.takes+"-1")
			}
			b.want("no such group", call("g7555"), "none")
			x, y, z := b.Phone("x").Dial("g1555"), b.Phone("y").Dial("g1555"), b.Phone("z").Dial("g1555")
			b.want("group", b.DeviceState("DAHDI/g1").String(), "BUSY")
			b.Phone("w").Dial("g1555").Want("hangup 34")
			x.HangsUp()
			y.HangsUp()
			z.HangsUp()
		})
}

func TestRefusals(t *testing.T) {
	var x *sim.Exchange
	open(t, pstn, dahdi("signalling=fxs_ks\nchannel=>1\nchannel=>7\nsignalling=fxo_ks\nchannel=>2\n"), func(p *sim.Plant) {
		x = p.Exchange("1", sim.Loop{})
		p.Exchange("2", sim.Loop{})
	}, func(b *branch) {
		tech, _ := b.Tech("dahdi")
		for dest, want := range map[string]channel.Cause{
			"3/1": channel.NoRoute, "": channel.InvalidNumberFormat, "1d/5": channel.InvalidNumberFormat, "1cr/5": channel.InvalidNumberFormat, "g9/1": channel.NoRoute,
			"7/1": channel.DestinationOutOfOrder, "2/1": channel.DestinationOutOfOrder, "x/1": channel.NoRoute,
		} {
			_, err := tech.NewLeg(b.T.Context(), channel.Request{Dest: dest})
			var why *channel.Refusal
			if !errors.As(err, &why) || why.Cause != want {
				b.T.Errorf("%s: %v, want cause %d", dest, err, want)
			}
		}
		if _, err := tech.NewLeg(b.T.Context(), channel.Request{Dest: "2/1"}); err == nil || !strings.Contains(err.Error(), "fxs_ks") {
			b.T.Errorf("a line of the wrong kind: %v", err)
		}
		leg, err := tech.NewLeg(b.T.Context(), channel.Request{Dest: "1/1"})
		if err != nil {
			b.T.Fatal(err)
		}
		if _, err := tech.NewLeg(b.T.Context(), channel.Request{Dest: "1/1"}); err == nil {
			b.T.Error("a line was given away twice")
		}
		b.want("reserved", b.DeviceState("DAHDI/1").String(), "INUSE")
		leg.Hangup(channel.NormalClearing)
		time.Sleep(time.Second)
		b.want("given back", b.DeviceState("DAHDI/1").String(), "NOT_INUSE")
		x.Cut()
		time.Sleep(3 * time.Second)
		b.want("unplugged", b.DeviceState("DAHDI/1").String(), "UNAVAILABLE")
		_, err = tech.NewLeg(b.T.Context(), channel.Request{Dest: "1/1"})
		var why *channel.Refusal
		if !errors.As(err, &why) || why.Cause != channel.DestinationOutOfOrder {
			b.T.Errorf("unplugged: %v", err)
		}
		x.Mend()
		time.Sleep(3 * time.Second)
		b.want("mended", b.DeviceState("DAHDI/1").String(), "NOT_INUSE")
	})
}

// TestUnplugged: the device is pulled out in the middle of a call, and comes back.
func TestUnplugged(t *testing.T) {
	var x *sim.Exchange
	open(t, pstn, dahdi("signalling=fxs_ks\nwaitfordialtone=no\nchannel=>1\n"), one(&x, sim.Loop{}), func(b *branch) {
		a := b.Phone("a").Dial("5551234")
		told(b.T, x, sim.Dialled)
		x.Unplug(errors.New("no such device"))
		time.Sleep(time.Second)
		a.Want("progress, join, answer, join, hangup 27")
		b.want("state", b.DeviceState("DAHDI/1").String(), "UNAVAILABLE")
		x.Plug()
		time.Sleep(3 * time.Second)
		b.want("state", b.DeviceState("DAHDI/1").String(), "NOT_INUSE")
	})
}

// TestEmergency: the only line is in use; the call for help gets it.
func TestEmergency(t *testing.T) {
	for _, ringing := range []bool{false, true} {
		var x *sim.Exchange
		open(t, pstn, dahdi("signalling=fxs_ks\ncontext=pstn\nusecallerid=no\nwaitfordialtone=no\ngroup=1\nemergency=110,119\nchannel=>1\n"), one(&x, sim.Loop{}), func(b *branch) {
			if ringing {
				x.CallIn(sim.Call{})
				time.Sleep(2 * time.Second)
			} else {
				b.Phone("chat").Dial("5551234")
				told(b.T, x, sim.Dialled)
			}
			b.Phone("b").Dial("g555").Want("hangup 34")
			help := b.Phone("help").Dial("g119")
			time.Sleep(8 * time.Second)
			b.want("the channel", b.channels()[len("DAHDI/1-x"):], " Up, Test/help-00000002 Up")
			ctx, cancel := context.WithTimeout(b.T.Context(), time.Minute)
			defer cancel()
			h, err := x.Await(ctx, sim.Dialled)
			if err != nil {
				b.T.Error(err)
			}
			b.want("dialled", h.Digits, "119")
			b.Phone("other").Dial("g110").Want("hangup 34") // one call for help does not end another
			help.HangsUp()
		})
	}
}

// TestAudio: both hear each other.
func TestAudio(t *testing.T) {
	var x *sim.Exchange
	open(t, "[default]\nexten => _X.,1,Answer()\nsame => n,Dial(DAHDI/1/${EXTEN})\n[pstn]\nexten => s,1,Answer()\nsame => n,Milliwatt()\n",
		dahdi("signalling=fxs_ks\ncontext=pstn\nusecallerid=no\nechocancel=no\nchannel=>1\n"), one(&x, sim.Loop{Hybrid: []float64{}}), func(b *branch) {
			loud := 0
			x.Hear(func(f *hal.Frame) {
				if signal.Level(f) > -3 {
					loud++
				}
			})
			x.CallIn(sim.Call{})
			told(b.T, x, sim.Connected)
			time.Sleep(5 * time.Second)
			synctest.Wait()
			if loud < 220 {
				b.T.Errorf("%d of 250 frames heard", loud)
			}
			x.HangUp()
			time.Sleep(3 * time.Second)
		})
}

// TestFlash: the far exchange sees it, and the call goes on; digits follow.
func TestFlash(t *testing.T) {
	var x *sim.Exchange
	open(t, "[pstn]\nexten => s,1,Answer()\nsame => n,Wait(2)\nsame => n,Flash()\nsame => n,Wait(2)\nsame => n,SendDTMF(12#)\nsame => n,Verbose(${CHANNEL})\nsame => n,Wait(2)\n", dahdi("signalling=fxs_ks\ncontext=pstn\nusecallerid=no\nflash=500\nchannel=>1\n"), one(&x, sim.Loop{}), func(b *branch) {
		x.CallIn(sim.Call{Party: sim.Party{Voice: signal.Silence(time.Minute)}})
		told(b.T, x, sim.Connected, sim.HookFlash)
		ctx, cancel := context.WithTimeout(b.T.Context(), 20*time.Second)
		defer cancel()
		keys := ""
		for len(keys) < 3 {
			h, err := x.Await(ctx, sim.Key)
			if err != nil {
				b.T.Fatal(err)
			}
			keys += h.Digits
		}
		b.want("keys", keys, "12#")
		told(b.T, x, sim.Released)
	})
	open(t, "[default]\nexten => 1,1,Flash()\n", dahdi("channel=>1\n"), func(p *sim.Plant) { p.Exchange("1", sim.Loop{}) }, func(b *branch) {
		b.Phone("a").Dial("1")
		if !strings.Contains(b.Log.String(), "not a telephone line") {
			b.T.Error(b.Log)
		}
	})
}

// TestKeysFromLine: the caller's keys reach the dialplan, once, whoever hears them.
func TestKeysFromLine(t *testing.T) {
	for _, caps := range []hal.Caps{0, hal.ReportsDigits | hal.ReportsCallerID | hal.Dials} {
		var x *sim.Exchange
		open(t, "[pstn]\nexten => s,1,Answer()\nsame => n,Read(N,,4)\nsame => n,Verbose(got ${N})\n", dahdi("signalling=fxs_ks\ncontext=pstn\nusecallerid=no\nchannel=>1\n"), one(&x, sim.Loop{Caps: caps}), func(b *branch) {
			x.CallIn(sim.Call{Party: sim.Party{Voice: signal.Then(signal.Silence(2*time.Second), signal.Keys(-10, 100*time.Millisecond, 100*time.Millisecond, "4711"), signal.Silence(time.Minute))}})
			told(b.T, x, sim.Connected)
			time.Sleep(12 * time.Second)
			if !strings.Contains(b.Trace.String(), "got 4711") {
				b.T.Errorf("caps %b", caps)
			}
			x.HangUp()
			time.Sleep(3 * time.Second)
		})
	}
}

// TestConfirmed: an answer that is to be confirmed counts from the key on; a device
// that tells keys by itself is believed.
func TestConfirmed(t *testing.T) {
	for _, caps := range []hal.Caps{0, hal.ReportsDigits | hal.Dials} {
		var x *sim.Exchange
		open(t, "[default]\nexten => _X.,1,Dial(DAHDI/1c/${EXTEN})\n", dahdi("signalling=fxs_ks\nwaitfordialtone=no\nechocancel=no\nchannel=>1\n"), one(&x, sim.Loop{Caps: caps}), func(b *branch) {
			x.Directory = func(string) (sim.Party, sim.Verdict) {
				return sim.Party{Answer: 2 * time.Second, Voice: signal.Then(signal.Silence(3*time.Second), signal.Keys(-10, 100*time.Millisecond, 100*time.Millisecond, "5"),
					signal.Silence(2*time.Second), signal.Keys(-10, 100*time.Millisecond, 100*time.Millisecond, "#"), signal.Silence(time.Minute))}, sim.Found
			}
			a := b.Phone("a").Dial("5551234")
			told(b.T, x, sim.Connected)
			time.Sleep(4500 * time.Millisecond)
			b.want("before the key", b.channels(), "DAHDI/1-1 Dialing, Test/a-00000000 Ring")
			time.Sleep(2 * time.Second)
			b.want("after it", b.channels(), "DAHDI/1-1 Up, Test/a-00000000 Up")
			a.HangsUp()
		})
	}
}

// TestDistinctiveRing: the rhythm says for which of the line's numbers a call is.
func TestDistinctiveRing(t *testing.T) {
	const conf = "signalling=fxs_ks\ncontext=other\nusedistinctiveringdetection=yes\ndring1=95,0,0\ndring1context=house\ndring2=325,95,0\ndring2context=shop\nchannel=>1\n"
	const ms = time.Millisecond
	form, _ := callerid.FormFor("us")
	spill := form.Samples(callerid.Message{Number: "0223456789"})
	for where, ring := range map[string][]time.Duration{
		"house": {2000 * ms, 4000 * ms}, "shop": {1000 * ms, 500 * ms, 1000 * ms, 3500 * ms}, "other": {1000 * ms, 2000 * ms},
	} {
		var x *sim.Exchange
		open(t, "[house]\nexten => s,1,Dial(Test/house)\n[shop]\nexten => s,1,Dial(Test/shop)\n[other]\nexten => s,1,Dial(Test/other)\n", dahdi(conf), one(&x, sim.Loop{}), func(b *branch) {
			x.Ring = ring
			call := sim.Call{}
			if where == "house" { // the others leave no room for it
				call.Spill = spill
			}
			x.CallIn(call)
			time.Sleep(14 * time.Second)
			for _, p := range []string{"house", "shop", "other"} {
				b.want(where+": calls to "+p, fmt.Sprint(b.Phone(p).Called()), map[bool]string{true: "1", false: "0"}[p == where])
			}
			if where == "house" {
				b.want("caller", b.Phone(where).Last().Request.Caller.Number, "0223456789")
			}
			b.Phone(where).Last().PicksUp()
			told(b.T, x, sim.Connected)
			x.HangUp()
			time.Sleep(15 * time.Second)
		})
	}
}
