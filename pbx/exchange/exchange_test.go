package exchange_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"branchline/pbx/app/form"
	"branchline/pbx/channel"
	"branchline/pbx/dialplan"
	"branchline/pbx/dialplan/live"
	"branchline/pbx/exchange"
	"branchline/pbx/pbxtest"
)

// limit is TIMEOUT(absolute) and TIMEOUT(response) for these tests.
var limit = dialplan.Function{
	Name: "TIMEOUT", Synopsis: "Time limits.", Syntax: "TIMEOUT(type)",
	Write: func(_ context.Context, c *channel.Channel, which, value string) error {
		d, err := time.ParseDuration(value + "s")
		if err != nil {
			return err
		}
		if which == "absolute" {
			c.AbsoluteEnd = time.Now().Add(d)
		} else {
			c.ResponseTimeout = d
		}
		return nil
	},
}

func run(t *testing.T, conf string, f func(*pbxtest.Office)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		o := pbxtest.Open(t, conf, limit)
		f(o)
		o.Close()
	})
}

func wantTrace(o *pbxtest.Office, lines ...string) {
	o.T.Helper()
	for _, l := range lines {
		if !strings.Contains(o.Trace.String(), l) {
			o.T.Errorf("trace lacks %q", l)
		}
	}
}

func TestAbsoluteTimeout(t *testing.T) {
	for _, c := range []struct{ special, said string }{
		{"exten => T,1,Verbose(time is up)\n", "time is up"},
		{"exten => e,1,Verbose(caught)\n", "caught"},
		{"", ""},
	} {
		run(t, "[default]\nexten => 1,1,Answer()\nsame => n,Set(TIMEOUT(absolute)=5)\nsame => n,Wait(100)\n"+c.special, func(o *pbxtest.Office) {
			a := o.Phone("a").Dial("1")
			a.After(4*time.Second, "answer")
			a.After(2*time.Second, "hangup 0")
			wantTrace(o, c.said)
		})
	}
	run(t, "[default]\nexten => 1,1,Set(TIMEOUT(absolute)=5)\nsame => n,Dial(Test/b)\nexten => T,1,Verbose(limit)\n", func(o *pbxtest.Office) {
		a := o.Phone("a").Dial("1")
		o.Phone("b").Last().PicksUp()
		a.After(6*time.Second, "answer, join Test/b-00000001, part, hangup 0")
		wantTrace(o, "limit")
	})
}

func TestWithoutAutofallthrough(t *testing.T) {
	conf := "[general]\nautofallthrough=no\n[default]\nexten => 1,1,Answer()\nexten => 22,1,Verbose(twentytwo)\nsame => n,Hangup()\nexten => t,1,Verbose(silent)\nsame => n,Hangup()\n"
	run(t, conf, func(o *pbxtest.Office) {
		a := o.Phone("a").Dial("1")
		a.Presses("22")
		a.Want("answer, hangup 16")
		wantTrace(o, "twentytwo")
	})
	run(t, conf, func(o *pbxtest.Office) {
		a := o.Phone("a").Dial("1")
		a.After(9*time.Second, "answer")
		a.After(2*time.Second, "hangup 16")
		wantTrace(o, "silent")
	})
}

func TestStartAtS(t *testing.T) {
	run(t, "[default]\nexten => s,1,Hangup(19)\n", func(o *pbxtest.Office) {
		o.Phone("a").Dial("777").Want("hangup 19")
	})
	run(t, "[default]\nexten => 1,1,NoOp()\n", func(o *pbxtest.Office) {
		o.Phone("a").Dial("777").Want("hangup 0")
		o.Phone("a").DialIn("elsewhere", "1").Want("hangup 0")
	})
}

func TestReloadDuringCall(t *testing.T) {
	run(t, "[default]\nexten => 1,1,Answer()\nsame => n,Wait(10)\nsame => n,Hangup(17)\n", func(o *pbxtest.Office) {
		a := o.Phone("a").Dial("1")
		o.Load("[default]\nexten => 1,1,Answer()\nsame => n,Wait(10)\nsame => n,Hangup(21)\n")
		a.After(11*time.Second, "answer, hangup 21")
	})
}

func TestRefusals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := exchange.New(exchange.Options{System: live.New(exchange.NewCatalog(nil, nil)), MaxCalls: 1})
		x.Refuse(true)
		var why *channel.Refusal
		if err := x.Accept(context.Background(), channel.Incoming{}); !errors.As(err, &why) || why.Cause != channel.SwitchCongestion {
			t.Errorf("accepted while stopping: %v", err)
		}
	})
}

func TestStop(t *testing.T) {
	run(t, "[default]\nexten => 1,1,Answer()\nsame => n,Wait(1000)\n", func(o *pbxtest.Office) {
		a := o.Phone("a").Dial("1")
		o.Refuse(true)
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if err := o.Drain(ctx); err == nil {
			t.Error("drained with a call up")
		}
		if err := o.Stop(context.Background()); err != nil {
			t.Error(err)
		}
		a.Want("answer, hangup 16")
	})
}

func TestOriginate(t *testing.T) {
	const conf = "[default]\nexten => 5,1,Verbose(five on ${CHANNEL} ${V})\nsame => n,Dial(Test/c)\n"
	order := form.Order{Tech: "Test", Dest: "b", Timeout: 10 * time.Second, Place: channel.Place{Context: "default", Exten: "5", Priority: 1},
		Vars: []channel.Header{{Name: "V", Value: "set"}}}
	for _, c := range []struct {
		script func(*pbxtest.Call)
		want   string
	}{
		{func(l *pbxtest.Call) { l.PicksUp() }, "SUCCESS"},
		{func(l *pbxtest.Call) { l.Rejects(channel.UserBusy) }, "BUSY"},
		{func(l *pbxtest.Call) { l.Rejects(channel.NormalCircuitCongestion) }, "CONGESTION"},
		{func(l *pbxtest.Call) { l.Rings() }, "RINGING"},
		{func(l *pbxtest.Call) { l.Rejects(channel.NoRoute) }, "FAILED"},
	} {
		run(t, conf, func(o *pbxtest.Office) {
			o.Phone("b").Script = c.script
			if got := o.Originate(context.Background(), order); got.Status != c.want {
				t.Errorf("got %s, want %s", got.Status, c.want)
			}
			if c.want == "SUCCESS" {
				o.Phone("c").Last().PicksUp()
				o.Phone("b").Last().Want("dial, join Test/c-00000001")
				wantTrace(o, "five on Test/b-00000000 set")
			}
		})
	}
	run(t, conf, func(o *pbxtest.Office) {
		o.Phone("b").Script = func(l *pbxtest.Call) { l.PicksUp() }
		order := order
		order.App, order.Data = "Playback", "hello"
		o.Originate(context.Background(), order)
		o.Phone("b").Last().After(time.Second, "dial, play hello, hangup 0")
	})
}

func TestHangupRoutines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := pbxtest.OpenWith(t, "[default]\nexten => 1,1,Hangup(17)\nexten => h,1,Verbose(h)\n[bye]\nexten => s,1,Verbose(bye ${ARG1} ${HANGUPCAUSE})\nsame => n,Return()\n",
			exchange.Options{HangupRoutines: func(*channel.Channel) []string { return []string{"bye,s,1(x)", "nowhere,s,q", "bye,s,1"} }})
		o.Phone("a").Dial("1").Want("hangup 17")
		wantTrace(o, "\nh\n", "bye x 17", "bye  17")
		o.Close()
	})
}

func TestMaxCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := pbxtest.OpenWith(t, "[default]\nexten => 1,1,Answer()\nsame => n,Wait(5)\n", exchange.Options{MaxCalls: 1})
		a := o.Phone("a").Dial("1")
		var why *channel.Refusal
		if err := o.Accept(context.Background(), channel.Incoming{Leg: a}); !errors.As(err, &why) || why.Cause != channel.SwitchCongestion {
			t.Errorf("second call: %v", err)
		}
		o.Close()
	})
}
