package bridge_test

import (
	"io"
	"log/slog"
	"os"
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"branchline/pbx/astconf"
	"branchline/pbx/bridge"
	"branchline/pbx/exchange"
	"branchline/pbx/pbxtest"
	"branchline/pbx/recording"
)

// TestOneTouch: a party that may records the call by a code, and stops it by the same.
func TestOneTouch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		studio := recording.New(dir, slog.New(slog.NewTextHandler(io.Discard, nil)))
		o := pbxtest.OpenWith(t, "", exchange.Options{Studio: studio})
		o.Load("[default]\nexten => 1,1,Set(TOUCH_MIXMONITOR=a/../b)\nsame => n,Set(TOUCH_MIXMONITOR_BEEP=10)\nsame => n,Dial(Test/b,,X)\n" +
			"exten => 2,1,Dial(Test/b)\n")
		o.Bridges().SetFeatures(bridge.Features{MixMonitor: "*3"})
		o.Phone("a").Direct, o.Phone("b").Direct = true, true
		a := o.Phone("a").Dial("1")
		b := o.Phone("b").Last()
		b.PicksUp()
		a.Want(a.Story())
		b.Want(b.Story())
		a.Presses("*3")
		a.Want("record")
		if got := o.Channels(); len(got) != 2 {
			t.Fatalf("%d channels", len(got))
		}
		a.After(10500*time.Millisecond, "play beep")
		b.Presses("*3") // may not: the digits are the caller's to hear
		a.Want("digit *, digit 3")
		a.Presses("*3")
		a.Want("record no more")
		files, err := os.ReadDir(dir)
		if err != nil || len(files) != 1 || !strings.HasPrefix(files[0].Name(), "auto-") || !strings.HasSuffix(files[0].Name(), "-a-..-b.wav") {
			t.Errorf("files %v, %v", files, err)
		}
		a.HangsUp()
		studio.Close()
		o.Close()
	})
}

func TestFeaturesOf(t *testing.T) {
	file, diags := astconf.Load(fstest.MapFS{"features.conf": {Data: []byte(
		"[general]\nfeaturedigittimeout = 500\ntransferdigittimeout => 5\nxfersound=beep\n" +
			"[featuremap]\nblindxfer => ##\ndisconnect =>\nautomixmon => *3\nautomon = *1\natxfer => *2\n[applicationmap]\nx => 9,self,NoOp\n")}}, "features.conf")
	if astconf.Failed(diags) {
		t.Fatal(diags)
	}
	f, diags := bridge.FeaturesOf(file)
	want := bridge.Features{DigitTimeout: 500 * time.Millisecond, TransferDigitTimeout: 5 * time.Second, BlindTransfer: "##", Disconnect: "-",
		MixMonitor: "*3", Monitor: "*1"}
	if f != want || len(diags) != 0 {
		t.Errorf("%+v, %v", f, diags)
	}
	for name, code := range map[string]string{"automixmon": "*3", "AutoMon": "*1", "blindxfer": "##", "disconnect": "", "parkcall": ""} {
		if got := f.Code(name); got != code {
			t.Errorf("%s: %q", name, got)
		}
	}
	bad, _ := astconf.Load(fstest.MapFS{"features.conf": {Data: []byte("[general]\nfeaturedigittimeout=soon\n[featuremap]\nautomixmon=star\n")}}, "features.conf")
	if f, diags := bridge.FeaturesOf(bad); len(diags) != 2 || f != (bridge.Features{}) {
		t.Errorf("%+v, %v", f, diags)
	}
}
