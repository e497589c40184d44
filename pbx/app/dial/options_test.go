package dial_test

import (
	"strings"
	"testing"
	"time"

	"branchline/pbx/channel"
	"branchline/pbx/pbxtest"
)

// talking sets up a call of a to b through extension 1.
func talking(o *pbxtest.Office) (a, b *pbxtest.Call) {
	o.T.Helper()
	a = o.Phone("a").Dial("1")
	b = o.Phone("b").Last()
	b.PicksUp()
	a.Story()
	forget(a, b)
	return a, b
}

func forget(calls ...*pbxtest.Call) {
	for _, c := range calls {
		c.Want(c.Story())
	}
}

func wantTrace(o *pbxtest.Office, lines ...string) {
	o.T.Helper()
	for _, l := range lines {
		if !strings.Contains(o.Trace.String(), l) {
			o.T.Errorf("trace lacks %q", l)
		}
	}
}

const transferConf = `[default]
exten => 1,1,Dial(Test/b,,%)
exten => h,1,Verbose(end of ${CHANNEL})
exten => _10XX,1,Dial(Test/${EXTEN})
`

func withOptions(conf, options string) string { return strings.ReplaceAll(conf, "%", options) }

func TestBlindTransferByCallee(t *testing.T) {
	pbxtest.Run(t, withOptions(transferConf, "tT"), func(o *pbxtest.Office) {
		a, b := talking(o)
		b.Presses("#")
		b.Want("part, play pbx-transfer")
		a.Want("part, tone")
		b.Presses("1")
		b.Want("quiet")
		b.Presses("007")
		b.Want("hangup 16") // the fourth digit completes the pattern
		c := o.Phone("1007").Last()
		c.Rings()
		a.Want("quiet, tone") // who is up hears ringing as a tone
		c.PicksUp()
		a.Want("quiet, join Test/1007-00000002")
		c.HangsUp()
		a.Want("part, hangup 16")
		wantTrace(o, "Started DTMF blind transfer.", "Executing [1007@default:1] Dial(\"Test/a-00000000\"")
	})
}

func TestBlindTransferByCaller(t *testing.T) {
	pbxtest.Run(t, withOptions(transferConf, "tT"), func(o *pbxtest.Office) {
		a, b := talking(o)
		a.Presses("#1007")
		a.Want("part, play pbx-transfer, quiet, hangup 16")
		b.Want("part, tone, quiet")
		c := o.Phone("1007").Last()
		c.PicksUp()
		b.Want("join Test/1007-00000002")
		if n := len(o.Channels()); n != 2 {
			t.Errorf("%d channels", n)
		}
		b.HangsUp()
		c.Want("dial, join Test/b-00000001, part, hangup 16")
		wantTrace(o, "end of Test/a-00000000", "end of Test/b-00000001")
	})
}

func TestTransferToNowhere(t *testing.T) {
	pbxtest.Run(t, withOptions(transferConf, "tT"), func(o *pbxtest.Office) {
		a, b := talking(o)
		b.Presses("#99") // cannot match: refused at once
		b.Want("part, play pbx-transfer, quiet, play pbx-invalid")
		b.After(time.Second, "join Test/a-00000000")
		a.Want("part, tone, quiet, join Test/b-00000001")
		b.Presses("#10") // could match: the digits are waited for
		b.After(2*time.Second, "part, play pbx-transfer, quiet")
		b.After(2*time.Second, "play pbx-invalid, join Test/a-00000000")
		a.HangsUp()
		b.Want("part, hangup 16")
	})
}

func TestTransfererLeavesMidway(t *testing.T) {
	pbxtest.Run(t, withOptions(transferConf, "t"), func(o *pbxtest.Office) {
		a, b := talking(o)
		b.Presses("#1")
		b.HangsUp()
		a.Want("part, tone, quiet, hangup 16")
	})
	pbxtest.Run(t, withOptions(transferConf, "t"), func(o *pbxtest.Office) {
		a, b := talking(o)
		b.Presses("#1")
		a.HangsUp()
		b.Want("part, play pbx-transfer, quiet, hangup 16")
	})
}

func TestDigitsWithoutFeatures(t *testing.T) {
	pbxtest.Run(t, withOptions(transferConf, "T"), func(o *pbxtest.Office) {
		a, b := talking(o)
		b.Presses("#5*") // the callee may not transfer: INFO digits pass on
		a.Want("digit #, digit 5, digit *")
		a.Presses("5")
		b.Want("digit 5")
	})
	pbxtest.Run(t, withOptions(transferConf, "hH"), func(o *pbxtest.Office) {
		a, b := talking(o)
		b.Presses("#")
		a.Want("digit #")
		a.Presses("*")
		a.Want("part, hangup 16")
		b.Want("part, hangup 16")
	})
	pbxtest.Run(t, "[default]\nexten => 1,1,Dial(Test/b)\n", func(o *pbxtest.Office) {
		o.Phone("b").Info = true
		a, b := talking(o)
		a.Presses("7")
		b.Want("info 7")
	})
}

func TestRefer(t *testing.T) {
	pbxtest.Run(t, withOptions(transferConf, ""), func(o *pbxtest.Office) {
		a, b := talking(o)
		replies := b.Refers("1007")
		c := o.Phone("1007").Last()
		c.Rings()
		a.Want("part, tone")
		b.Want("part") // kept, to hear how it went
		c.PicksUp()
		a.Want("quiet, join Test/1007-00000002")
		b.Want("hangup 16")
		wantReplies(o, replies, 180, 200)
	})
	pbxtest.Run(t, withOptions(transferConf, ""), func(o *pbxtest.Office) {
		a, b := talking(o)
		replies := a.Refers("1007") // by the caller
		b.Want("part")
		a.Want("part")
		o.Phone("1007").Last().Rejects(channel.UserBusy)
		b.Want("tone") // who is up hears busy
		a.Want("hangup 16")
		b.After(11*time.Second, "hangup 17")
		wantReplies(o, replies, 486)
		if n := len(o.Channels()); n != 0 {
			t.Errorf("%d channels left", n)
		}
	})
	pbxtest.Run(t, withOptions(transferConf, ""), func(o *pbxtest.Office) {
		a, b := talking(o)
		replies := b.Refers("4444")
		b.Want("")
		a.Want("")
		wantReplies(o, replies, 404)
	})
	pbxtest.Run(t, "[default]\nexten => 1,1,Answer()\nsame => n,Wait(60)\n", func(o *pbxtest.Office) {
		wantReplies(o, o.Phone("a").Dial("1").Refers("1"), 603) // there is no bridge
	})
}

func wantReplies(o *pbxtest.Office, replies <-chan int, want ...int) {
	o.T.Helper()
	for _, w := range want {
		if got, ok := <-replies; got != w || !ok {
			o.T.Errorf("reply %d, want %d", got, w)
		}
	}
	if got, ok := <-replies; ok {
		o.T.Errorf("further reply %d", got)
	}
}

func TestContinueAfterCall(t *testing.T) {
	conf := "[default]\nexten => 1,1,Dial(Test/b,,%)\nsame => n,Verbose(went on as ${CHANNEL} ${DIALSTATUS} ${ANSWEREDTIME} ${DIALEDTIME} ${DIALEDPEERNAME} ${DIALEDPEERNUMBER})\n"
	pbxtest.Run(t, withOptions(conf, "g"), func(o *pbxtest.Office) {
		a, b := talking(o)
		time.Sleep(7 * time.Second)
		b.HangsUp()
		a.Want("part, hangup 16")
		wantTrace(o, "went on as Test/a-00000000 ANSWER 7 7 Test/b-00000001 b")
	})
	pbxtest.Run(t, withOptions(conf, "F"), func(o *pbxtest.Office) {
		a, b := talking(o)
		a.HangsUp()
		b.Want("part, hangup 0")
		wantTrace(o, "went on as Test/b-00000001")
	})
	pbxtest.Run(t, "[default]\nexten => 1,1,Dial(Test/b,,G(default^5^1))\nexten => 5,1,Verbose(first ${CHANNEL})\nsame => n,Verbose(second ${CHANNEL})\n", func(o *pbxtest.Office) {
		o.Phone("a").Dial("1")
		o.Phone("b").Last().PicksUp()
		o.Phone("b").Last().Want("dial, hangup 0")
		wantTrace(o, "first Test/a-00000000", "second Test/a-00000000", "second Test/b-00000001")
		if strings.Contains(o.Trace.String(), "first Test/b") {
			t.Error("the called party began at the caller's place")
		}
	})
}

func TestLimits(t *testing.T) {
	pbxtest.Run(t, "[default]\nexten => 1,1,Dial(Test/b,,S(30))\n", func(o *pbxtest.Office) {
		a, b := talking(o)
		a.After(29*time.Second, "")
		a.After(2*time.Second, "part, hangup 16")
		b.Want("part, hangup 16")
	})
	pbxtest.Run(t, "[default]\nexten => 1,1,Dial(Test/b,,L(60000:20000:10000))\n", func(o *pbxtest.Office) {
		a, b := talking(o)
		a.After(39*time.Second, "")
		a.After(2*time.Second, "play beep")
		a.After(10*time.Second, "play beep")
		a.After(11*time.Second, "part, hangup 16")
		b.Want("part, hangup 16")
	})
}

func TestBeforeTheBridge(t *testing.T) {
	pbxtest.Run(t, `[default]
exten => 1,1,Dial(Test/b,,A(welcome)D(12w)U(greet^x^y)b(pre^s^1(q)))
[greet]
exten => s,1,Verbose(greet ${ARG1} ${ARG2} on ${CHANNEL})
same => n,Return()
[pre]
exten => s,1,Verbose(pre ${ARG1} on ${CHANNEL})
same => n,Return()
`, func(o *pbxtest.Office) {
		a := o.Phone("a").Dial("1")
		b := o.Phone("b").Last()
		wantTrace(o, "pre q on Test/b-00000001")
		b.PicksUp()
		b.Want("dial, play welcome")
		b.After(600*time.Millisecond, "digit 1")
		b.After(2*time.Second, "digit 2, join Test/a-00000000")
		a.Want("answer, join Test/b-00000001")
		wantTrace(o, "greet x y on Test/b-00000001")
	})
	for result, want := range map[string]string{
		"BUSY": "hangup 17", "CONTINUE": "hangup 0", "ABORT": "hangup 16", "GOTO:default^9^1": "answer, hangup 16",
	} {
		pbxtest.Run(t, "[default]\nexten => 1,1,Dial(Test/b,,U(s))\nexten => 9,1,Answer()\nsame => n,Hangup()\n[s]\nexten => s,1,Set(GOSUB_RESULT="+result+")\nsame => n,Return()\n",
			func(o *pbxtest.Office) {
				a := o.Phone("a").Dial("1")
				o.Phone("b").Last().PicksUp()
				o.Phone("b").Last().Want("dial, hangup 16")
				a.Want(want)
			})
	}
}

func TestRingingOptions(t *testing.T) {
	pbxtest.Run(t, "[default]\nexten => 1,1,Dial(Test/b,5,r)\n", func(o *pbxtest.Office) {
		o.Phone("a").Dial("1").Want("ring")
	})
	pbxtest.Run(t, "[default]\nexten => 1,1,Dial(Test/b,5,m)\n", func(o *pbxtest.Office) {
		a := o.Phone("a").Dial("1")
		a.Want("progress, tone")
		o.Phone("b").Last().Rings()
		a.Want("")
		a.After(6*time.Second, "quiet, hangup 0")
	})
	pbxtest.Run(t, "[default]\nexten => 1,1,Dial(Test/b,0.5)\n", func(o *pbxtest.Office) {
		o.Phone("a").Dial("1").After(600*time.Millisecond, "hangup 0")
		wantTrace(o, "Nobody picked up in 500 ms")
	})
}

func TestForwarding(t *testing.T) {
	pbxtest.Run(t, "[default]\nexten => 1,1,Dial(Test/b,20)\nexten => 2,1,Dial(Test/c)\n", func(o *pbxtest.Office) {
		a := o.Phone("a").Dial("1")
		o.Phone("b").Last().Forwards("2")
		c := o.Phone("c").Last()
		if r := c.Request.Redirecting; r.Number != "1" || r.Count != 1 || r.Reason != "unknown" {
			t.Errorf("redirecting %+v", r)
		}
		c.Rings()
		a.Want("forwarded by 2 unknown to 2, ring")
		c.PicksUp()
		a.Want("answer, join")
		a.Presses("5") // through both halves of the Local channel
		c.Want("dial, join, digit 5")
		c.HangsUp()
		a.Want("hangup 16")
		wantTrace(o, "Now forwarding Test/a-00000000 to 'Local/2@default' (thanks to Test/b-00000001)")
	})
	pbxtest.Run(t, "[default]\nexten => 1,1,Dial(Test/b,20,i)\n", func(o *pbxtest.Office) {
		a := o.Phone("a").Dial("1")
		o.Phone("b").Last().Forwards("1")
		a.Want("hangup 34")
	})
}

func TestMaxForwards(t *testing.T) {
	pbxtest.Run(t, "[default]\nexten => 1,1,Dial(Test/b)\n", func(o *pbxtest.Office) {
		o.Phone("a").DialHops("default", "1", 7)
		if got := o.Phone("b").Last().Request.MaxForwards; got != 6 {
			t.Errorf("Max-Forwards %d, want 6", got)
		}
		o.Phone("c").DialHops("default", "1", 1).Want("hangup 34")
	})
}

// TestLoop: a Local channel that dials itself ends when the chain is too long.
func TestLoop(t *testing.T) {
	pbxtest.Run(t, "[default]\nexten => 1,1,Dial(Local/1@default)\n", func(o *pbxtest.Office) {
		a := o.Phone("a").DialHops("default", "1", 0)
		a.Want("hangup 34")
		if !strings.Contains(o.Log.String(), "the call calls itself") {
			t.Error("nobody said why")
		}
	})
	pbxtest.Run(t, "[default]\nexten => 1,1,Dial(Local/1@default)\n", func(o *pbxtest.Office) {
		o.Phone("a").Dial("1").Want("hangup 34") // by Max-Forwards
	})
}

func TestDirectMedia(t *testing.T) {
	pbxtest.Run(t, withOptions(transferConf, ""), func(o *pbxtest.Office) {
		o.Phone("a").Direct, o.Phone("b").Direct = true, true
		a := o.Phone("a").Dial("1")
		b := o.Phone("b").Last()
		b.PicksUp()
		a.Want("answer, join Test/b-00000001, direct Test/b-00000001")
		b.Want("dial, join Test/a-00000000, direct Test/a-00000000")
		b.HangsUp()
		a.Want("direct off, part, hangup 16")
	})
	pbxtest.Run(t, withOptions(transferConf, "t"), func(o *pbxtest.Office) {
		o.Phone("a").Direct, o.Phone("b").Direct = true, true
		a := o.Phone("a").Dial("1")
		o.Phone("b").Last().PicksUp()
		a.Want("answer, join Test/b-00000001")
	})
}
