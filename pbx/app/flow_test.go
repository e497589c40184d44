package app_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"branchline/pbx/channel"
	"branchline/pbx/pbxtest"
)

// trail runs extension 1 of a dialplan and gives what its Verbose steps said.
func trail(t *testing.T, conf string) string {
	t.Helper()
	var said string
	run(t, conf, func(o *pbxtest.Office) {
		o.Phone("a").Dial("1").Story()
		time.Sleep(time.Minute)
		said = verbose(o)
	})
	return said
}

// verbose extracts the lines that begin with "> ".
func verbose(o *pbxtest.Office) string {
	var out []string
	for l := range strings.Lines(o.Trace.String()) {
		if s, ok := strings.CutPrefix(l, "> "); ok {
			out = append(out, strings.TrimSpace(s))
		}
	}
	return strings.Join(out, " ")
}

func TestFlow(t *testing.T) {
	for _, c := range []struct{ name, conf, want string }{
		{"goto", "exten => 1,1,Goto(x)\nsame => n,Verbose(> no)\nsame => n(x),Verbose(> x)\nsame => n,Goto(2,1)\nexten => 2,1,Verbose(> two)\n", "x two"},
		{"goto, missing label", "exten => 1,1,Goto(x)\nsame => n,Verbose(> no)\n", ""},
		{"goto, missing extension", "exten => 1,1,Goto(7,1)\nexten => i,1,Verbose(> invalid ${INVALID_EXTEN})\n", "invalid 7"},
		{"goto, missing context", "exten => 1,1,Goto(other,7,1)\nexten => i,1,Verbose(> invalid)\n", ""},
		{"gotoif", "exten => 1,1,GotoIf(1?x:y)\nsame => n(y),Verbose(> y)\nsame => n(x),Verbose(> x)\nsame => n,GotoIf(0?x)\nsame => n,GotoIf(0?x:z)\nsame => n,Verbose(> no)\nsame => n(z),Verbose(> z)\n", "x z"},
		{"gotoiftime", "exten => 1,1,GotoIfTime(*,*,*,*?x)\nsame => n,Verbose(> no)\nsame => n(x),Verbose(> x)\n", "x"},
		{"unknown application", "exten => 1,1,Verbose(> a)\nsame => n,Frobnicate(1)\nsame => n,Verbose(> no)\nexten => h,1,Verbose(> h)\n", "a h"},
		{"refused application", "exten => 1,1,System(rm -rf /)\nsame => n,Verbose(> no)\n", ""},
		{"gosub", "exten => 1,1,Gosub(sub,1(a,\"b c\"))\nsame => n,Verbose(> back ${GOSUB_RETVAL}.${ARG1}.)\nexten => sub,1,Verbose(> in ${ARG1} ${ARG2} ${ARGC})\nsame => n,Gosub(deep,1(z))\nsame => n,Verbose(> in ${ARG1} ${ARG2})\nsame => n,Return(val)\nexten => deep,1,Verbose(> deep ${ARG1}.${ARG2}.)\nsame => n,Return()\n",
			`in a "b c" 2 deep z.. in a "b c" back val..`},
		{"gosubif", "exten => 1,1,GosubIf(0?a,1:b,1(q))\nsame => n,GosubIf(0?a,1)\nsame => n,Verbose(> end)\nexten => a,1,Verbose(> a)\nsame => n,Return()\nexten => b,1,Verbose(> b ${ARG1})\nsame => n,Return()\n", "b q end"},
		{"return without gosub", "exten => 1,1,Return()\nsame => n,Verbose(> no)\n", ""},
		{"stackpop", "exten => 1,1,Gosub(s,1)\nsame => n,Verbose(> no)\nexten => s,1,StackPop()\nsame => n,Return()\nsame => n,Verbose(> no)\n", ""},
		{"macro", "exten => 1,1,Macro(m,a,b)\nsame => n,Verbose(> back)\n[macro-m]\nexten => s,1,Verbose(> ${ARG1} ${ARG2} ${MACRO_EXTEN})\nsame => n,Return()\n", "a b 1 back"},
		{"while", "exten => 1,1,Set(i=0)\nsame => n,While($[${i} < 3])\nsame => n,Verbose(> ${i})\nsame => n,Set(i=$[${i} + 1])\nsame => n,EndWhile()\nsame => n,Verbose(> end)\n", "0 1 2 end"},
		{"while, nested", "exten => 1,1,Set(i=0)\nsame => n,While($[${i} < 2])\nsame => n,Set(j=0)\nsame => n,While($[${j} < 2])\nsame => n,Verbose(> ${i}${j})\nsame => n,Set(j=$[${j} + 1])\nsame => n,EndWhile()\nsame => n,Set(i=$[${i} + 1])\nsame => n,EndWhile()\nsame => n,Verbose(> end)\n", "00 01 10 11 end"},
		{"exitwhile", "exten => 1,1,While(1)\nsame => n,Verbose(> in)\nsame => n,ExitWhile()\nsame => n,Verbose(> no)\nsame => n,EndWhile()\nsame => n,Verbose(> end)\n", "in end"},
		{"continuewhile", "exten => 1,1,Set(i=0)\nsame => n,While($[${i} < 3])\nsame => n,Set(i=$[${i} + 1])\nsame => n,ExecIf($[${i} = 2]?ContinueWhile())\nsame => n,Verbose(> ${i})\nsame => n,EndWhile()\nsame => n,Verbose(> end)\n", "1 3 end"},
		{"if", "exten => 1,1,If(0)\nsame => n,Verbose(> no)\nsame => n,ElseIf(1)\nsame => n,Verbose(> elseif)\nsame => n,Else()\nsame => n,Verbose(> no)\nsame => n,EndIf()\nsame => n,If(1)\nsame => n,Verbose(> then)\nsame => n,ElseIf(1)\nsame => n,Verbose(> no)\nsame => n,EndIf()\nsame => n,If(0)\nsame => n,If(1)\nsame => n,Verbose(> no)\nsame => n,EndIf()\nsame => n,Else()\nsame => n,Verbose(> else)\nsame => n,EndIf()\nsame => n,Verbose(> end)\n", "elseif then else end"},
		{"execif", "exten => 1,1,ExecIf(1?Verbose(> yes):Verbose(> no))\nsame => n,ExecIf(0?Verbose(> no):Verbose(> else))\nsame => n,ExecIf(0?Verbose(> no))\nsame => n,Exec(Verbose(> exec))\nsame => n,TryExec(Nope())\nsame => n,Verbose(> ${TRYSTATUS})\n", "yes else exec NOAPP"},
		{"set", "exten => 1,1,Set(A=1,B=2)\nsame => n,Verbose(> ${A})\nsame => n,Set(C=\"q\")\nsame => n,Verbose(> ${C})\nsame => n,MSet(x=1,y=\"2 3\")\nsame => n,Verbose(> ${x} ${y})\n", `1,B=2 "q" 1 2 3`},
		{"absolute timeout", "exten => 1,1,Answer()\nsame => n,Wait(5)\nsame => n,Verbose(> waited)\n", "waited"},
		{"gap", "exten => 1,1,Verbose(> a)\nexten => 1,3,Verbose(> no)\n", "a"},
		{"h after subroutine", "exten => 1,1,Gosub(s,1(x))\nexten => s,1,Hangup(19)\nexten => h,1,Verbose(> h ${HANGUPCAUSE} ${ARG1}.)\nsame => n,Wait(1)\nsame => n,Verbose(> h2)\n", "h 19 . h2"},
		{"readers", "exten => 1,1,Read(X,,3,,1,2)\nsame => n,Verbose(> ${READSTATUS} ${X}.)\nsame => n,ReadExten(Y,,,,1)\nsame => n,Verbose(> ${READEXTENSTATUS})\nsame => n,WaitDigit(1)\nsame => n,Verbose(> ${WAITDIGITSTATUS})\n", "TIMEOUT . TIMEOUT TIMEOUT"},
		{"originate", "exten => 1,1,Originate(Test/nobody,app,NoOp)\nsame => n,Verbose(> ${ORIGINATE_STATUS})\nsame => n,Originate(Local/9@default,exten,default,8,1)\nsame => n,Wait(1)\nsame => n,Verbose(> ${ORIGINATE_STATUS})\nexten => 9,1,Answer()\nsame => n,Wait(1)\nexten => 8,1,Verbose(> eight)\n", "FAILED eight SUCCESS"},
		{"local variables travel", "exten => 1,1,Set(_ONE=1)\nsame => n,Set(__EVER=2)\nsame => n,Set(PLAIN=3)\nsame => n,Dial(Local/9@default)\nexten => 9,1,Verbose(> ${ONE} ${EVER} ${PLAIN}. ${CALLERID(num)})\n", "1 2 ."},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := trail(t, "[default]\n"+c.conf); got != c.want {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
		})
	}
}

const menu = `[default]
exten => 1,1,Answer()
same => n,BackGround(welcome&menu)
same => n,WaitExten(5)
same => n,Verbose(> no)
exten => 2,1,Verbose(> two)
exten => 22,1,Verbose(> twentytwo)
exten => 3,1,Verbose(> three)
exten => i,1,Verbose(> invalid ${INVALID_EXTEN})
exten => t,1,Verbose(> silent)
`

func TestMenu(t *testing.T) {
	for _, c := range []struct {
		name   string
		pause  time.Duration
		digits string
		want   string
		story  string
	}{
		{"at once", 300 * time.Millisecond, "3", "three", "answer, play welcome+menu, quiet, hangup 0"},
		{"longer possible", 300 * time.Millisecond, "2", "two", "answer, play welcome+menu, quiet, hangup 0"},
		{"longer", 300 * time.Millisecond, "22", "twentytwo", "answer, play welcome+menu, quiet, hangup 0"},
		{"invalid", 300 * time.Millisecond, "9", "invalid 9", "answer, play welcome+menu, quiet, hangup 0"},
		{"in WaitExten", 3 * time.Second, "3", "three", "answer, play welcome+menu, hangup 0"},
		{"nothing", 0, "", "silent", "answer, play welcome+menu, hangup 0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			run(t, menu, func(o *pbxtest.Office) {
				a := o.Phone("a").Dial("1")
				time.Sleep(c.pause)
				a.Presses(c.digits)
				a.After(20*time.Second, c.story)
				if got := verbose(o); got != c.want {
					t.Errorf("got %q, want %q", got, c.want)
				}
			})
		})
	}
}

func TestRead(t *testing.T) {
	conf := "[default]\nexten => 1,1,Answer()\nsame => n,Read(PIN,enter,%)\nsame => n,Verbose(> ${READSTATUS} ${PIN})\n"
	for _, c := range []struct{ args, digits, want string }{
		{"4", "1590", "OK 1590"},
		{"", "12#", "OK 12"},
		{"", "12", "TIMEOUT 12"},
		{"2", "#", "OK"},
		{",t(*)", "1#2*", "OK 1#2"},
		{"1,,2", "#5", "OK 5"},
	} {
		run(t, strings.ReplaceAll(conf, "%", c.args), func(o *pbxtest.Office) {
			a := o.Phone("a").Dial("1")
			a.Presses(c.digits)
			time.Sleep(30 * time.Second)
			if got := verbose(o); got != c.want {
				t.Errorf("Read(..,%s) with %s: got %q, want %q", c.args, c.digits, got, c.want)
			}
		})
	}
}

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
		run(t, conf, func(o *pbxtest.Office) {
			o.Phone("a").Dial("1").After(time.Minute, c.want)
		})
	}
}

func TestEcho(t *testing.T) {
	run(t, "[default]\nexten => 1,1,Answer()\nsame => n,Echo()\nsame => n,Verbose(> left)\n", func(o *pbxtest.Office) {
		a := o.Phone("a").Dial("1")
		a.Presses("1")
		a.Want("answer, echo")
		a.Presses("#")
		a.Want("part, hangup 0")
	})
}

func TestMissingSound(t *testing.T) {
	run(t, "[default]\nexten => 1,1,Playback(gone&here)\nsame => n,Verbose(> ${PLAYBACKSTATUS})\n", func(o *pbxtest.Office) {
		o.Sounds.Missing = []string{"gone"}
		a := o.Phone("a").Dial("1")
		a.After(time.Second, "answer, play here, hangup 0")
		if got := verbose(o); got != "FAILED" {
			t.Errorf("PLAYBACKSTATUS %q", got)
		}
	})
}

func TestRedirectAndHangup(t *testing.T) {
	run(t, "[default]\nexten => 1,1,Answer()\nsame => n,Wait(100)\nexten => 5,1,Verbose(> five)\nsame => n,Wait(100)\nexten => 6,1,ChannelRedirect(Test/a-00000000,default,5,1)\nsame => n,Verbose(> ${CHANNELREDIRECT_STATUS})\nsame => n,SoftHangup(Test/a-00000000)\n",
		func(o *pbxtest.Office) {
			a := o.Phone("a").Dial("1")
			o.Phone("b").Dial("6")
			a.Want("answer, hangup 16")
			if got := verbose(o); got != "five SUCCESS" && got != "SUCCESS five" {
				t.Errorf("got %q", got)
			}
		})
}

func TestHangupInterrupts(t *testing.T) {
	run(t, "[default]\nexten => 1,1,Answer()\nsame => n,Playback(long)\nsame => n,Verbose(> no)\nexten => h,1,Verbose(> h ${HANGUPCAUSE})\nsame => n,Playback(x)\nsame => n,Verbose(> no)\n",
		func(o *pbxtest.Office) {
			a := o.Phone("a").Dial("1")
			a.Rejects(channel.NormalClearing)
			a.Want("answer, play long, quiet")
			if got := verbose(o); got != "h 16" {
				t.Errorf("got %q", got)
			}
		})
}
