package dial_test

import (
	"strings"
	"testing"
	"time"

	"branchline/pbx/pbxtest"
)

const mergeConf = `[default]
exten => _X,1,Dial(Test/${EXTEN})
same => n,Hangup()
exten => echo,1,Answer()
same => n,Playback(demo-congrats)
same => n,Playback(demo-congrats)
same => n,Wait(100)
`

// TestAttendedTransfer: b has a call with a and one with c, and connects the two,
// whoever of them called whom.
func TestAttendedTransfer(t *testing.T) {
	for _, tt := range []struct {
		name          string
		calledByA     bool
		callsC        bool
		refersOnFirst bool
	}{
		{"called by both sides", true, false, true},
		{"called by a, calls c", true, true, true},
		{"calls a, called by c", false, false, true},
		{"calls both", false, true, true},
		{"calls both, on the other one", false, true, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			pbxtest.Run(t, mergeConf, func(o *pbxtest.Office) {
				call := func(from, to string) (x, y *pbxtest.Call) {
					x = o.Phone(from).Dial(to)
					y = o.Phone(to).Last()
					y.PicksUp()
					forget(x, y)
					return x, y
				}
				var a, b1, b2, c *pbxtest.Call
				if tt.calledByA {
					a, b1 = call("1", "2")
				} else {
					b1, a = call("2", "1")
				}
				b1.Holds(true)
				a.Want("tone")
				if tt.callsC {
					b2, c = call("2", "3")
				} else {
					c, b2 = call("3", "2")
				}
				refers, other, first, second := b1, b2, a, c
				if !tt.refersOnFirst {
					refers, other, first, second = b2, b1, c, a
				}
				wantReplies(o, refers.Joins(other), 200)
				if !strings.Contains(other.Story(), "hangup 16") {
					t.Errorf("the other call goes on: %s", other.Story())
				}
				refers.HangsUp()
				forget(first, second)
				first.Presses("5")
				second.Want("digit 5")
				second.Presses("7")
				first.Want("digit 7")
				if n := len(o.Channels()); n != 2 {
					t.Errorf("%d channels", n)
				}
				second.HangsUp()
				first.After(time.Second, "part, hangup 16")
				if n := len(o.Channels()); n != 0 {
					t.Errorf("%d channels are left", n)
				}
			})
		})
	}
}

// TestBlondeTransfer: b gives a to c while c still rings.
func TestBlondeTransfer(t *testing.T) {
	pbxtest.Run(t, mergeConf, func(o *pbxtest.Office) {
		a := o.Phone("1").Dial("2")
		b1 := o.Phone("2").Last()
		b1.PicksUp()
		b2 := o.Phone("2").Dial("3")
		c := o.Phone("3").Last()
		c.Rings()
		forget(a, b1, b2)
		wantReplies(o, b1.Joins(b2), 200)
		a.Want("part, tone") // is up, and hears it ring
		b2.Want("hangup 16")
		c.PicksUp()
		a.Want("quiet, join " + c.Name())
		b1.HangsUp()
		c.HangsUp()
		a.Want("part, hangup 16")
		if n := len(o.Channels()); n != 0 {
			t.Errorf("%d channels are left", n)
		}
	})
}

// TestTransferToApplication: b gives a to what b itself listens to.
func TestTransferToApplication(t *testing.T) {
	pbxtest.Run(t, mergeConf, func(o *pbxtest.Office) {
		a := o.Phone("1").Dial("2")
		b1 := o.Phone("2").Last()
		b1.PicksUp()
		b2 := o.Phone("2").Dial("echo")
		forget(a, b1, b2)
		wantReplies(o, b1.Joins(b2), 200)
		b2.Want("hangup 16")
		a.Want("part, play demo-congrats")
		b1.HangsUp()
		a.HangsUp()
		forget(a)
		if n := len(o.Channels()); n != 0 {
			t.Errorf("%d channels are left", n)
		}
	})
}

// TestTransferToNoCall: the call that a party names is gone.
func TestTransferToNoCall(t *testing.T) {
	pbxtest.Run(t, mergeConf, func(o *pbxtest.Office) {
		a := o.Phone("1").Dial("2")
		b1 := o.Phone("2").Last()
		b1.PicksUp()
		b2 := o.Phone("2").Dial("echo")
		b2.HangsUp()
		forget(a, b1)
		wantReplies(o, b1.Joins(b2), 603)
		wantReplies(o, b1.Joins(b1), 603)
		a.Presses("5")
		b1.Want("part, join " + a.Name() + ", part, join " + a.Name() + ", digit 5")
	})
}

// TestReplaces: a phone takes the place of one that talks, or picks up for one
// that rings.
func TestReplaces(t *testing.T) {
	pbxtest.Run(t, mergeConf, func(o *pbxtest.Office) {
		a := o.Phone("1").Dial("2")
		b := o.Phone("2").Last()
		b.PicksUp()
		forget(a, b)
		d := o.Phone("4").Replaces(b)
		b.Want("part, hangup 16")
		a.Want("part, join " + d.Name())
		d.Want("answer, join " + a.Name())
		e := o.Phone("5").Replaces(a) // the caller, too
		a.Want("part, hangup 16")
		forget(d, e)
		d.Presses("5")
		e.Want("digit 5")
		d.HangsUp()
		e.Want("part, hangup 16")
		if n := len(o.Channels()); n != 0 {
			t.Errorf("%d channels are left", n)
		}
	})
	pbxtest.Run(t, mergeConf, func(o *pbxtest.Office) {
		a := o.Phone("1").Dial("2")
		b := o.Phone("2").Last()
		b.Rings()
		a.Want("ring")
		d := o.Phone("4").Replaces(b)
		b.Want("dial, hangup 26")
		a.Want("answer, join " + d.Name())
		d.HangsUp()
		a.Want("part, hangup 16")
		o.Phone("4").Replaces(b).Want("answer, hangup 16") // gone already
		if n := len(o.Channels()); n != 0 {
			t.Errorf("%d channels are left", n)
		}
	})
}
