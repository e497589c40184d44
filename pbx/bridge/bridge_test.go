package bridge_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"branchline/pbx/bridge"
	"branchline/pbx/pbxtest"
)

func talking(t *testing.T, options string, f func(o *pbxtest.Office, a, b *pbxtest.Call)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		o := pbxtest.Open(t, "[default]\nexten => 1,1,Dial(Test/b,,"+options+")\nexten => _5X,1,Dial(Test/c)\n[elsewhere]\nexten => 8,1,Dial(Test/d)\n")
		o.Phone("a").Direct, o.Phone("b").Direct = true, true
		a := o.Phone("a").Dial("1")
		b := o.Phone("b").Last()
		b.PicksUp()
		a.Want(a.Story())
		b.Want(b.Story())
		f(o, a, b)
		o.Close()
	})
}

func TestHold(t *testing.T) {
	talking(t, "", func(o *pbxtest.Office, a, b *pbxtest.Call) {
		a.Holds(true)
		b.Want("direct off, tone") // music, by way of the exchange
		a.Want("direct off")
		a.Holds(false)
		b.Want("quiet, direct Test/a-00000000")
		a.Holds(true)
		a.HangsUp()
		b.Want("direct off, tone, part, quiet, hangup 16")
	})
}

func TestBridgeIDs(t *testing.T) {
	talking(t, "", func(o *pbxtest.Office, a, b *pbxtest.Call) {
		l := o.Channels()
		if len(l) != 2 || l[0].Bridge == "" || l[0].Bridge != l[1].Bridge || l[0].Peer != l[1].Name || len(l[0].Bridge) != 36 {
			t.Errorf("%+v", l)
		}
	})
}

func TestTransferContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := pbxtest.Open(t, "[default]\nexten => 1,1,Set(__TRANSFER_CONTEXT=elsewhere)\nsame => n,Dial(Test/b,,t)\n[elsewhere]\nexten => 8,1,Dial(Test/d)\n")
		a := o.Phone("a").Dial("1")
		b := o.Phone("b").Last()
		b.PicksUp()
		b.Presses("#8")
		o.Phone("d").Last().PicksUp()
		if s := a.Story(); !strings.HasSuffix(s, "join Test/d-00000002") {
			t.Error(s)
		}
		o.Close()
	})
}

// TestSlowCode: a feature code of two digits lets the first one through when
// the second does not come in time.
func TestSlowCode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := pbxtest.Open(t, "[default]\nexten => 1,1,Dial(Test/b,,h)\n")
		o.Bridges().Features = bridge.Features{Disconnect: "*0"}
		a := o.Phone("a").Dial("1")
		b := o.Phone("b").Last()
		b.PicksUp()
		a.Want("answer, join Test/b-00000001")
		b.Presses("*")
		a.Want("")
		a.After(1100*time.Millisecond, "digit *")
		b.Presses("*5")
		a.Want("digit *, digit 5")
		b.Presses("*0")
		a.Want("part, hangup 16")
		o.Close()
	})
}

func TestCodes(t *testing.T) {
	var f bridge.Features
	if f.BlindTransferCode() != "#" || f.DisconnectCode() != "*" {
		t.Error("defaults of features.conf")
	}
	f = bridge.Features{BlindTransfer: "-", Disconnect: "**"}
	if f.BlindTransferCode() != "-" || f.DisconnectCode() != "**" {
		t.Error("settings of features.conf")
	}
}
