package dial_test

import (
	"strings"
	"testing"
	"time"

	"branchline/pbx/channel"
	"branchline/pbx/pbxtest"
)

// scenarioE is the seed's dialplan with its misprint corrected.
const scenarioE = `
[general]
autofallthrough=yes
[default]
exten => _30XX,1,Dial(Test/${EXTEN},12,tT)
same => n,Answer()
same => n,SayDigits(${EXTEN})
same => n,Playback(invalid)
same => n,Hangup()
exten => _10XX,1,Dial(Test/${EXTEN},12,tT)
`

func TestSeedNotRegistered(t *testing.T) {
	pbxtest.Run(t, scenarioE, func(o *pbxtest.Office) {
		o.Phone("3009").Refuse = channel.NoRoute
		a := o.Phone("1001").Dial("3009")
		a.Want("answer, play digits/3+digits/0+digits/0+digits/9")
		a.After(2*time.Second, "play invalid")
		a.After(time.Second, "hangup 3")
	})
}

func TestSeedNoAnswer(t *testing.T) {
	pbxtest.Run(t, scenarioE, func(o *pbxtest.Office) {
		b := o.Phone("3001")
		a := o.Phone("1001").Dial("3001")
		b.Last().Want("dial")
		b.Last().Rings()
		b.Last().Rings()
		a.Want("ring")
		a.After(11*time.Second, "")
		a.After(1100*time.Millisecond, "answer, play digits/3+digits/0+digits/0+digits/1")
		b.Last().Want("hangup 0")
		a.After(2*time.Second, "play invalid")
		a.After(time.Second, "hangup 16")
		for _, want := range []string{
			`Executing [3001@default:1] Dial("Test/1001-00000000", "Test/3001,12,tT") in new stack`,
			"Called Test/3001\n", "Test/3001-00000001 is ringing", "Nobody picked up in 12000 ms",
			"Spawn extension (default, 3001, 5) exited non-zero on 'Test/1001-00000000'",
		} {
			if !strings.Contains(o.Trace.String(), want) {
				t.Errorf("trace lacks %q", want)
			}
		}
	})
}

// TestSeedFailures: measured.md 3.2, the cause of the Dial survives to the BYE.
func TestSeedFailures(t *testing.T) {
	for cause, bye := range map[channel.Cause]string{
		channel.UserBusy: "hangup 17", channel.CallRejected: "hangup 21", channel.NoAnswer: "hangup 19", channel.Unallocated: "hangup 1",
	} {
		pbxtest.Run(t, scenarioE, func(o *pbxtest.Office) {
			a := o.Phone("1001")
			o.Phone("3001").Script = func(c *pbxtest.Call) { c.Rejects(cause) }
			call := a.Dial("3001")
			call.Want("answer, play digits/3+digits/0+digits/0+digits/1")
			call.After(4*time.Second, "play invalid, "+bye)
		})
	}
}

// TestFallthrough: dialplan.md 6.2, the final response without a fallback.
func TestFallthrough(t *testing.T) {
	for _, c := range []struct {
		cause channel.Cause
		want  string
	}{
		{channel.UserBusy, "hangup 17"},
		{channel.NormalCircuitCongestion, "hangup 34"},
		{channel.NoRoute, "hangup 34"}, // CHANUNAVAIL is indicated as congestion
		{channel.NoAnswer, "hangup 19"},
	} {
		pbxtest.Run(t, scenarioE, func(o *pbxtest.Office) {
			o.Phone("1002").Script = func(l *pbxtest.Call) { l.Rejects(c.cause) }
			o.Phone("1001").Dial("1002").Want(c.want)
		})
	}
	pbxtest.Run(t, scenarioE, func(o *pbxtest.Office) {
		o.Phone("1002").Refuse = channel.NoRoute
		o.Phone("1001").Dial("1002").Want("hangup 34")
		if want := "Auto fallthrough, channel 'Test/1001-00000000' status is 'CHANUNAVAIL'"; !strings.Contains(o.Trace.String(), want) {
			t.Errorf("trace lacks %q", want)
		}
	})
}

func TestAnsweredCall(t *testing.T) {
	pbxtest.Run(t, scenarioE, func(o *pbxtest.Office) {
		a := o.Phone("1001").Dial("3001")
		b := o.Phone("3001").Last()
		b.Rings()
		b.PicksUp()
		a.Want("ring, answer, join Test/3001-00000001")
		b.Want("dial, join Test/1001-00000000")
		if n, _ := o.Counts(); n != 1 {
			t.Errorf("%d active calls", n)
		}
		time.Sleep(time.Minute)
		b.HangsUp()
		a.Want("part, hangup 16") // no further step: the seed's Answer is not reached
	})
	pbxtest.Run(t, scenarioE, func(o *pbxtest.Office) {
		a := o.Phone("1001").Dial("3001")
		b := o.Phone("3001").Last()
		b.PicksUp()
		a.HangsUp()
		b.Want("dial, join Test/1001-00000000, part, hangup 16")
	})
}

func TestCancel(t *testing.T) {
	pbxtest.Run(t, `[default]
exten => 1,1,Dial(Test/b&Test/c)
exten => h,1,Verbose(status ${DIALSTATUS} cause ${HANGUPCAUSE} in ${EXTEN})
`, func(o *pbxtest.Office) {
		b, c := o.Phone("b"), o.Phone("c")
		a := o.Phone("a").Dial("1")
		b.Last().Rings()
		a.Rejects(channel.Interworking)
		b.Last().Want("dial, hangup 127")
		c.Last().Want("dial, hangup 127")
		if want := "status CANCEL cause 127 in h"; !strings.Contains(o.Trace.String(), want) {
			t.Errorf("trace lacks %q", want)
		}
	})
}

func TestForking(t *testing.T) {
	pbxtest.Run(t, "[default]\nexten => 1,1,Dial(Test/b&Test/c&Test/nobody,20)\n", func(o *pbxtest.Office) {
		b, c := o.Phone("b"), o.Phone("c")
		a := o.Phone("a").Dial("1")
		c.Last().Speaks() // early media of one among several is not passed on
		b.Last().Rings()
		a.Want("progress, tone") // so the ringing is a tone by now
		c.Last().PicksUp()
		b.Last().Want("dial, hangup 26")
		a.Want("quiet, answer, join Test/c-00000002")
		c.Last().Want("dial, join Test/a-00000000")
		c.Last().HangsUp()
		a.Want("part, hangup 16")
	})
	pbxtest.Run(t, "[default]\nexten => 1,1,Dial(Test/b,20)\nsame => n,Verbose(went on)\n", func(o *pbxtest.Office) {
		a := o.Phone("a")
		b := o.Phone("b")
		call := a.Dial("1")
		b.Last().Speaks()
		call.Want("progress, join Test/b-00000001")
		b.Last().Rings()
		call.Want("ring") // which SIP ignores unless it is told otherwise
		b.Last().Rejects(channel.UserBusy)
		call.Want("part, hangup 17")
	})
}

// TestStatus: dialplan.md 7.1, mixed failures.
func TestStatus(t *testing.T) {
	for _, c := range []struct {
		causes []channel.Cause
		want   string
	}{
		{nil, "CHANUNAVAIL"},
		{[]channel.Cause{17}, "BUSY"},
		{[]channel.Cause{34}, "CONGESTION"},
		{[]channel.Cause{1}, "CHANUNAVAIL"},
		{[]channel.Cause{19}, "NOANSWER"},
		{[]channel.Cause{16}, "NOANSWER"},
		{[]channel.Cause{0}, "CHANUNAVAIL"},
		{[]channel.Cause{34, 17}, "BUSY"},
		{[]channel.Cause{17, 34, 19}, "BUSY"},
		{[]channel.Cause{3, 34}, "CONGESTION"},
		{[]channel.Cause{19, 3}, "CHANUNAVAIL"},
	} {
		var targets []string
		for i := range c.causes {
			targets = append(targets, "Test/p"+string(rune('0'+i)))
		}
		conf := "[default]\nexten => 1,1,Dial(" + strings.Join(targets, "&") + ")\nsame => n,Verbose(status=${DIALSTATUS}.)\n"
		pbxtest.Run(t, conf, func(o *pbxtest.Office) {
			for i, cause := range c.causes {
				o.Phone("p" + string(rune('0'+i))).Script = func(l *pbxtest.Call) { l.Rejects(cause) }
			}
			o.Phone("a").Dial("1").Story()
			if want := "status=" + c.want + "."; !strings.Contains(o.Trace.String(), want) {
				t.Errorf("%v: trace lacks %q", c.causes, want)
			}
		})
	}
}

func TestLegEnds(t *testing.T) {
	pbxtest.Run(t, "[default]\nexten => 1,1,Dial(Test/b&Test/c)\nsame => n,Wait(10)\n", func(o *pbxtest.Office) {
		o.Phone("b").Script = func(l *pbxtest.Call) { l.Rejects(channel.UserBusy) }
		o.Phone("c").Script = func(l *pbxtest.Call) { l.Rejects(channel.NoRoute) }
		a := o.Phone("a").Dial("1")
		a.Story()
		ends := map[string]channel.Cause{}
		o.Ask(o.T.Context(), "Test/a-00000000", func(c *channel.Channel) {
			for _, e := range c.LegEnds() {
				ends[e.Name] = e.Cause
			}
		})
		if len(ends) != 2 || ends["Test/b-00000001"] != channel.UserBusy || ends["Test/c-00000002"] != channel.NoRoute {
			t.Errorf("%v", ends)
		}
	})
}
