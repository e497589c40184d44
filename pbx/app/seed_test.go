package app_test

import (
	"strings"
	"testing"
	"time"

	"branchline/pbx/channel"
	"branchline/pbx/pbxtest"
)

// What the how-to writes in extensions.conf, item by item: the text, a number
// that is dialled, and what the phone that dials it sees.
func TestSeedDialplan(t *testing.T) {
	const general = "[general]\nstatic=yes\nwriteprotect=no\npriorityjumping=no\nautofallthrough=yes\nclearglobalvars=no\n"
	for _, c := range []struct{ id, plan, dial, story string }{
		{"S-105 S-106 S-107 S-109", general + "[default]\nexten => 1,1,Answer()\n", "1", "answer, hangup 0"},
		{"S-108 autofallthrough=yes", general + "[default]\nexten => 1,1,NoOp()\n", "1", "hangup 0"},
		{"S-108 absent is yes", "[default]\nexten => 1,1,NoOp()\n", "1", "hangup 0"},
		{"S-110 S-123", "[globals]\nDEST_IP=192.168.50.52\n[default]\nexten => _30XX,1,Dial(Test/${EXTEN}@${DEST_IP},60,tT)\n", "3001", "dials Test/3001@192.168.50.52"},
		{"S-111 S-112 S-119 S-121", "[default]\nexten => _10XX,1,Dial(Test/${EXTEN},60,tT)\n", "1002", "dials Test/1002"},
		{"S-113", "[default]\nexten => _20XX,1,Dial(Test/${EXTEN},60,tT)\n", "2009", "dials Test/2009"},
		{"S-114", "[default]\nexten => _30XX,1,Dial(Test/${EXTEN},12,tT)\n", "3009", "dials Test/3009"},
		{"S-115", "[default]\nexten => _X0XX,1,Dial(Test/${EXTEN},60,tT)\n", "5012", "dials Test/5012"},
		{"S-116", "[default]\nexten => _30XX,1,Answer()\nexten => _30XX,n,SayDigits(12)\nexten => _30XX,n,Hangup()\n", "3001", "answer, play digits/1+digits/2"},
		{"S-117", "[default]\nexten => 1,1,Answer()\nsame => n,SayDigits(3)\n", "1", "answer, play digits/3"},
		{"S-118 the line is left out", "[default]\nexten => _30XX,1,Answer()\nsame =>> n,Hangup()\n", "3001", "answer, hangup 0"},
		{"S-120 S-134", "[default]\nexten => _30XX,1,Set(DEST_IP=192.168.50.52)\nsame => n,Dial(Test/${EXTEN}@${DEST_IP},60,tT)\n", "3002", "dials Test/3002@192.168.50.52"},
		{"S-122", "[default]\nexten => _30XX,1,Dial(Test/${EXTEN}@192.168.50.52)\n", "3001", "dials Test/3001@192.168.50.52"},
		{"S-125", "[default]\nexten => _30XX,1,Dial(Test/${EXTEN}@SIP3)\n", "3001", "dials Test/3001@SIP3"},
		{"S-128", "[default]\nexten => 1,1,Answer()\nsame => n,Wait(9)\n", "1", "answer"},
		{"S-129", "[default]\nexten => _30XX,1,Answer()\nsame => n,SayDigits(${EXTEN})\n", "3009", "answer, play digits/3+digits/0+digits/0+digits/9"},
		{"S-130", "[default]\nexten => 1,1,Answer()\nsame => n,Playback(invalid)\n", "1", "answer, play invalid"},
		{"S-131 skipped on a line that is not up", "[default]\nexten => 1,1,Playback(transfer,skip)\nsame => n,Busy()\n", "1", "hangup 17"},
		{"S-131 played on one that is", "[default]\nexten => 1,1,Answer()\nsame => n,Playback(transfer,skip)\n", "1", "answer, play transfer"},
		{"S-132 demo-thanks", "[default]\nexten => 1,1,Answer()\nsame => n,Playback(demo-thanks)\n", "1", "answer, play demo-thanks"},
		{"S-132 demo-abouttotry", "[default]\nexten => 1,1,Answer()\nsame => n,Playback(demo-abouttotry)\n", "1", "answer, play demo-abouttotry"},
		{"S-132 demo-nogo", "[default]\nexten => 1,1,Answer()\nsame => n,Playback(demo-nogo)\n", "1", "answer, play demo-nogo"},
		{"S-133", "[default]\nexten => 1,1,Answer()\nsame => n,Hangup()\nsame => n,Wait(9)\n", "1", "answer, hangup 16"},
	} {
		t.Run(c.id, func(t *testing.T) {
			pbxtest.Run(t, c.plan, func(o *pbxtest.Office) {
				call := o.Phone("1001").Dial(c.dial)
				story := call.Story()
				if target, dials := strings.CutPrefix(c.story, "dials "); dials {
					// The number in the target is a phone of this office.
					if !strings.Contains(o.Trace.String(), "Called "+target+"\n") {
						t.Errorf("%s was not called\n%s", target, o.Trace)
					}
				} else if !strings.HasPrefix(story, c.story) {
					t.Errorf("got %s, want %s", story, c.story)
				}
				call.HangsUp()
			})
		})
	}
}

// S-124, S-127: how long a phone rings.
func TestSeedDialTimes(t *testing.T) {
	for limit, text := range map[time.Duration]string{12 * time.Second: "12", 60 * time.Second: "60"} {
		pbxtest.Run(t, "[default]\nexten => 1,1,Dial(Test/b,"+text+",tT)\nsame => n,Verbose(1,status ${DIALSTATUS})\n", func(o *pbxtest.Office) {
			a := o.Phone("a").Dial("1")
			b := o.Phone("b").Last()
			b.Rings()
			a.Want("ring")
			a.After(limit-100*time.Millisecond, "")
			b.Want("dial")
			a.After(200*time.Millisecond, "hangup 0")
			b.Want("hangup 0")
			if !strings.Contains(o.Trace.String(), "status NOANSWER") {
				t.Error(o.Trace)
			}
		})
	}
}

// S-126: # sends the other party elsewhere, for the caller with T, for the callee
// with t, and for nobody without.
func TestSeedTransferOptions(t *testing.T) {
	for options, may := range map[string]struct{ caller, callee bool }{"tT": {true, true}, "t": {false, true}, "T": {true, false}, "": {}} {
		pbxtest.Run(t, "[default]\nexten => 1,1,Dial(Test/b,60,"+options+")\nexten => 7,1,Dial(Test/c)\n", func(o *pbxtest.Office) {
			for _, who := range []string{"caller", "callee"} {
				a := o.Phone("a").Dial("1")
				b := o.Phone("b").Last()
				b.PicksUp()
				a.Story()
				presses, want := a, may.caller
				if who == "callee" {
					presses, want = b, may.callee
				}
				presses.Presses("#7")
				time.Sleep(5 * time.Second)
				if got := strings.Contains(presses.Story(), "play pbx-transfer"); got != want {
					t.Errorf("options %q: # of the %s transfers: %v", options, who, got)
				}
				a.HangsUp()
				b.HangsUp()
				if o.Phone("c").Called() > 0 {
					o.Phone("c").Last().Rejects(channel.UserBusy)
				}
				time.Sleep(time.Second)
			}
		})
	}
}
