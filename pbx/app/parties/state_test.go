package parties_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"branchline/pbx/channel"
	"branchline/pbx/pbxtest"
)

// TestState: dialplan.md 7.3 and applications.md 1, what an unanswered and an
// answered caller gets.
func TestState(t *testing.T) {
	for _, c := range []struct{ steps, want string }{
		{"Busy()", "hangup 17"},
		{"Congestion()", "hangup 34"},
		{"Answer():Busy(3)", "answer, tone, hangup 17"},
		{"Ringing():Wait(1):Hangup()", "ring, hangup 16"},
		{"Progress():Playback(x,noanswer)", "progress, play x, hangup 0"},
		{"Playback(x,skip)", "hangup 0"},
		{"Playback(x)", "answer, play x, hangup 0"},
		{"SayDigits(1)", "play digits/1, hangup 0"},
		{"SayAlpha(a1)", "play letters/a+digits/1, hangup 0"},
		{"SayNumber(121)", "play digits/1+digits/hundred+digits/20+digits/1, hangup 0"},
		{"SayPhonetic(a)", "play phonetic/a_p, hangup 0"},
		{"Hangup(user_busy)", "hangup 17"},
		{"Hangup(nonsense)", "hangup 16"},
		{"Hangup(38)", "hangup 38"},
		{"Incomplete()", "hangup 28"},
		{"NoOp()", "hangup 0"},
		{"Answer():PlayTones(dial):StopPlayTones()", "answer, tone, quiet, hangup 0"},
		{"Answer():MusicOnHold(,2)", "answer, tone, quiet, hangup 0"},
		{"Answer():SendDTMF(1w2)", "answer, digit 1, digit 2, hangup 0"},
		{"Answer():Transfer(42)", "answer, redirect 42, hangup 0"},
		{"Answer(1000):Authenticate(12)", "answer, play agent-pass, play auth-incorrect, play auth-incorrect, play vm-goodbye, hangup 0"},
	} {
		conf := "[default]\n"
		for i, s := range strings.Split(c.steps, ":") {
			conf += fmt.Sprintf("exten => 1,%d,%s\n", i+1, s)
		}
		pbxtest.Run(t, conf, func(o *pbxtest.Office) {
			o.Phone("a").Dial("1").After(time.Minute, c.want)
		})
	}
}

func TestRedirectAndHangup(t *testing.T) {
	pbxtest.Run(t, "[default]\nexten => 1,1,Answer()\nsame => n,Wait(100)\nexten => 5,1,Verbose(> five)\nsame => n,Wait(100)\nexten => 6,1,ChannelRedirect(Test/a-00000000,default,5,1)\nsame => n,Verbose(> ${CHANNELREDIRECT_STATUS})\nsame => n,SoftHangup(Test/a-00000000)\n",
		func(o *pbxtest.Office) {
			a := o.Phone("a").Dial("1")
			o.Phone("b").Dial("6")
			a.Want("answer, hangup 16")
			if got := o.Said(); got != "five SUCCESS" && got != "SUCCESS five" {
				t.Errorf("got %q", got)
			}
		})
}

func TestHangupInterrupts(t *testing.T) {
	pbxtest.Run(t, "[default]\nexten => 1,1,Answer()\nsame => n,Playback(long)\nsame => n,Verbose(> no)\nexten => h,1,Verbose(> h ${HANGUPCAUSE})\nsame => n,Playback(x)\nsame => n,Verbose(> no)\n",
		func(o *pbxtest.Office) {
			a := o.Phone("a").Dial("1")
			a.Rejects(channel.NormalClearing)
			a.Want("answer, play long, quiet")
			if got := o.Said(); got != "h 16" {
				t.Errorf("got %q", got)
			}
		})
}
