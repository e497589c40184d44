package flow_test

import (
	"testing"
	"time"

	"branchline/pbx/pbxtest"
)

// trail runs extension 1 of a dialplan and gives what its Verbose steps said.
func trail(t *testing.T, conf string) string {
	t.Helper()
	var said string
	pbxtest.Run(t, conf, func(o *pbxtest.Office) {
		o.Phone("a").Dial("1").Story()
		time.Sleep(time.Minute)
		said = o.Said()
	})
	return said
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
