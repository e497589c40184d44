package local_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"branchline/pbx/channel"
	"branchline/pbx/pbxtest"
)

func open(t *testing.T, conf string, f func(*pbxtest.Office)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		o := pbxtest.Open(t, conf)
		f(o)
		o.Close()
	})
}

func TestChain(t *testing.T) {
	conf := "[default]\nexten => 1,1,Dial(Local/2@default)\nexten => 2,1,Dial(Local/3@default/n)\nexten => 3,1,Dial(Test/b)\n"
	open(t, conf, func(o *pbxtest.Office) {
		a := o.Phone("a").Dial("1")
		b := o.Phone("b").Last()
		if got := b.Request.MaxForwards; got != 67 {
			t.Errorf("Max-Forwards %d after three dials, want 67", got)
		}
		b.Rings()
		a.Want("ring")
		b.PicksUp()
		a.Want("answer, join")
		if n := len(o.Channels()); n != 6 {
			t.Errorf("%d channels", n)
		}
		for _, c := range o.Channels() {
			if c.LinkedID != o.Channels()[5].UniqueID {
				t.Errorf("%s belongs to another call", c.Name)
			}
		}
		b.Presses("1")
		a.Want("digit 1")
		b.HangsUp()
		a.Want("hangup 16")
	})
	open(t, conf, func(o *pbxtest.Office) {
		a := o.Phone("a").Dial("1")
		a.HangsUp()
		o.Phone("b").Last().Want("dial, hangup 16")
	})
	open(t, conf, func(o *pbxtest.Office) {
		a := o.Phone("a").Dial("1")
		o.Phone("b").Last().Rejects(channel.UserBusy)
		a.Want("hangup 17") // the cause comes all the way
	})
}

func TestEarlyMedia(t *testing.T) {
	open(t, "[default]\nexten => 1,1,Dial(Local/2@default)\nexten => 2,1,Progress()\nsame => n,Playback(sorry,noanswer)\nsame => n,Wait(5)\nsame => n,Hangup(34)\n", func(o *pbxtest.Office) {
		a := o.Phone("a").Dial("1")
		a.Want("progress, join")
		a.After(10*time.Second, "hangup 34")
	})
}

func TestRefusal(t *testing.T) {
	open(t, "[default]\nexten => 1,1,Dial(Local/9@default)\n", func(o *pbxtest.Office) {
		o.Phone("a").Dial("1").Want("hangup 34")
		tech, _ := o.Tech("local")
		_, err := tech.NewLeg(context.Background(), channel.Request{Dest: "9@default"})
		var why *channel.Refusal
		if !errors.As(err, &why) || why.Cause != channel.NoRoute {
			t.Error(err)
		}
		if s := tech.State("1@default"); s != channel.DeviceNotInUse {
			t.Error(s)
		}
		if s := tech.State("9@default"); s != channel.DeviceInvalid {
			t.Error(s)
		}
	})
}

// TestWithoutAnswer: whoever dialled the first half hangs up while the second
// one is still playing to nobody.
func TestCancelled(t *testing.T) {
	open(t, "[default]\nexten => 1,1,Dial(Local/2@default,3)\nexten => 2,1,Wait(100)\nexten => h,1,Verbose(h of ${CHANNEL})\n", func(o *pbxtest.Office) {
		o.Phone("a").Dial("1").After(4*time.Second, "hangup 0")
		if n := len(o.Channels()); n != 0 {
			t.Errorf("%d channels left", n)
		}
	})
}
