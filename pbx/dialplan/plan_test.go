package dialplan_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"branchline/pbx/astconf"
	"branchline/pbx/dialplan"
	"branchline/pbx/dialplan/live"
	"branchline/pbx/dialplan/plantest"
)

// steps lists a context as "exten:priority App(args)".
func steps(p *dialplan.Plan, context string) string {
	var b strings.Builder
	for _, v := range p.Views() {
		if v.Name == context {
			for _, e := range v.Extensions {
				stepsOf(&b, e)
			}
		}
	}
	return b.String()
}

func stepsOf(b *strings.Builder, e dialplan.ExtensionView) {
	if e.Hint != nil {
		fmt.Fprintf(b, "%s:hint %s\n", e.Name, e.Hint.App)
	}
	for _, s := range e.Steps {
		name := e.Name
		if e.Caller {
			name += "/" + dialplan.CallerOf(e)
		}
		label := ""
		if s.Label != "" {
			label = "(" + s.Label + ")"
		}
		fmt.Fprintf(b, "%s:%d%s %s(%s)\n", name, s.Priority, label, s.App, s.Args)
	}
}

func rules(ds []astconf.Diag) string {
	var all []string
	for _, d := range ds {
		all = append(all, fmt.Sprintf("%d %s", d.Line, d.Rule))
	}
	return strings.Join(all, "\n")
}

func TestCompile(t *testing.T) {
	for _, c := range []struct {
		name, text  string
		want, rules string
	}{
		{"priorities", "[a]\nexten => 1,1,NoOp(a)\nexten => 1,n(lab),Answer\nsame => n+3,NoOp\nsame => n,NoOp (x)\nsame => s+5,NoOp\nexten => 2,n,NoOp\nexten => 2,lab2,NoOp\nexten => 1,lab+2,NoOp\n",
			"1:1 NoOp(a)\n1:2(lab) Answer()\n1:4 NoOp()\n1:6 NoOp()\n1:7 NoOp(x)\n1:12 NoOp()\n2:13 NoOp()\n", "8 bad-priority"},
		{"n first", "[a]\nsame => n,NoOp\nexten => 1,n,NoOp\nexten => 2,1,NoOp\n[b]\nexten => 5,1,NoOp\n[a]\nexten => 3,n,NoOp\n",
			"2:1 NoOp()\n", "2 same-without-exten\n3 n-first\n8 n-first"},
		{"misprint", "[a]\nexten => _30XX,1,Dial(PJSIP/${EXTEN},12,tT)\nsame =>> n,Hangup()\nexten =>> t,1,NoOp\n",
			">t:1 NoOp()\n_30XX:1 Dial(PJSIP/${EXTEN},12,tT)\n", "3 arrow-misprint\n4 arrow-misprint"},
		{"duplicates", "[a]\nexten => 8-00,1,NoOp(first)\nexten => 800,1,NoOp\nexten => _NX,1,NoOp(n)\nexten => _[2-9]X,1,NoOp\nexten => _nx,2,NoOp(2)\nexten => 9,1(x),NoOp\nexten => 9,2(x),NoOp\n",
			"8-00:1 NoOp(first)\n9:1(x) NoOp()\n9:2 NoOp()\n_NX:1 NoOp(n)\n_NX:2 NoOp(2)\n", "3 duplicate-priority\n5 duplicate-priority\n8 duplicate-label"},
		{"hint", "[a]\nexten => 1,hint,PJSIP/1&SIP/2,pres\nexten => 1,n,NoOp\nexten => 1,1,NoOp\nsame => n,NoOp\nsame => hint,X\n",
			"1:hint PJSIP/1&SIP/2,pres\n1:1 NoOp()\n1:2 NoOp()\n", "3 n-after-hint\n6 duplicate-priority"},
		{"application text", "[a]\nexten => 1,1,Dial(a,b)(c)\nsame => n,NoOp(a)b)tail\nsame => n,NoOp(no close\nsame => n,${APP}(x)\nsame => n\nsame => n,NoOp( a )\n",
			"1:1 Dial(a,b)(c)\n1:2 NoOp(a)b)\n1:3 NoOp(no close)\n1:4 ${APP}(x)()\n1:5 ()\n1:6 NoOp( a )\n", "3 after-parenthesis\n4 no-parenthesis\n5 unknown-application\n6 unknown-application"},
		{"words are case-sensitive", "[a]\nexten => 1,1,NoOp\nexten => 1,N,NoOp\nexten => 1,Hint,X\nexten => 1,next,NoOp\nexten => 1,0,NoOp\nexten => 1,-1,NoOp\nexten => 1,99999999999,NoOp\nexten => 1,7a,NoOp\n",
			"1:1 NoOp()\n1:2 NoOp()\n1:7 NoOp()\n", "3 bad-priority\n4 bad-priority\n6 bad-priority\n7 bad-priority\n8 bad-priority\n9 bad-priority"},
		{"caller match", "[a]\nexten => s/5551212,1,NoOp(cid)\nexten => s/,1,NoOp(none)\nexten => s/_555.,1,NoOp(pattern)\nexten => s,1,NoOp(any)\n",
			"s/:1 NoOp(none)\ns/5551212:1 NoOp(cid)\ns/_555.:1 NoOp(pattern)\ns:1 NoOp(any)\n", ""},
		{"names", "[a]\nexten => a b,1,NoOp\nexten => ,1,NoOp\nexten => -,1,NoOp\nfoo => bar\nsamex => n,NoOp\nEXTEN = 4,1,NoOp\nexten => _[1,2]X,1,NoOp\n",
			"4:1 NoOp()\nab:1 NoOp()\n_[1,2]X:1 NoOp()\n", "3 empty-exten\n4 empty-exten\n5 unknown-directive\n6 empty-exten"},
		{"patterns to warn of", "[a]\nexten => _.,1,NoOp\nexten => _!,1,NoOp\nexten => _[3,1,NoOp\nexten => _[1-]5,1,NoOp\nexten => _,1,NoOp\n",
			"_.:1 NoOp()\n_!:1 NoOp()\n_[1-]5:1 NoOp()\n_:1 NoOp()\n", "2 broad-pattern\n3 broad-pattern\n4 bad-priority\n5 open-set\n6 empty-pattern"},
		{"applications and functions", "[a]\nexten => 1,1,Nope(${LEN(x)})\nexten => 1,2,System(ls)\nexten => 1,3,NoOp(${NOFUNC(1)} ${SHELL(ls)} $[${BAD(x)}])\nexten => 1,4,DIAL(${X:1:2})\nexten => 1,5,NoOp(${X\n",
			"1:1 Nope(${LEN(x)})\n1:2 System(ls)\n1:3 NoOp(${NOFUNC(1)} ${SHELL(ls)} $[${BAD(x)}])\n1:4 DIAL(${X:1:2})\n1:5 NoOp(${X)\n",
			"2 unknown-application\n3 refused-application\n4 unknown-function\n4 refused-function\n4 unknown-function\n6 no-parenthesis\n6 unclosed-bracket"},
		{"includes", "[a]\ninclude => b\ninclude => b\ninclude => nope\ninclude => b,25:00-26:00,xyz,*,*\ninclude => b|9:00-17:00|mon-fri|*|*\nswitch => Lua/\nignorepat => 9\nautohints=yes\n[b]\n",
			"", "3 include-twice\n5 bad-time\n7 switch-refused\n9 not-honoured\n4 include-missing-context"},
		{"general", "[general]\nstatic=yes\nwriteprotect=no\npriorityjumping=no\nautofallthrough=maybe\nfoo=1\n[a]\n",
			"", "4 priorityjumping\n5 not-boolean\n6 unknown-option"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, ds := plantest.Compile(t, c.text)
			if got := steps(p, "a"); got != c.want {
				t.Errorf("steps\n%swant\n%s", got, c.want)
			}
			if got := rules(ds); got != c.rules {
				t.Errorf("findings\n%s\nwant\n%s\nall: %v", got, c.rules, ds)
			}
		})
	}
}

func TestMisprintSaysTheCure(t *testing.T) {
	_, ds := plantest.Compile(t, "[a]\nexten => _30XX,1,NoOp\nsame =>> n,Hangup()\n")
	if len(ds) != 1 || ds[0].String() != `extensions.conf:3: warning: '=>>' makes "> n" the priority, which is neither a number nor a label; the line is dropped and extension _30XX ends before it (write same => n,Hangup())` {
		t.Errorf("%v", ds)
	}
}

func at(h, m int) time.Time { return time.Date(2026, 11, 23, h, m, 59, 0, time.Local) } // a Monday

func TestFind(t *testing.T) {
	p, _ := plantest.Compile(t, `[a]
exten => 1234,1,NoOp
exten => _12XX,1,NoOp
exten => _1[2-4]XX,1,NoOp
exten => _1NXX,1,NoOp
exten => _1ZXX,1,NoOp
exten => _1XXX,1,NoOp
exten => _1.,1,NoOp
exten => _1!,1,NoOp
exten => _XXXX,1,NoOp
exten => _X.,1,NoOp
exten => _2[13]X,1,NoOp
exten => _2[1-3]X,1,NoOp
exten => _2[135]X,1,NoOp
[overlap]
exten => _12XX,1,NoOp(narrow)
exten => _1XXX,2,NoOp(wide)
exten => _1XXX,3(lab),NoOp(wide)
[dash]
exten => 8-00,1,NoOp
exten => _55-5XX,1,NoOp
exten => i,1,NoOp
[cid]
exten => s/5551212,1,NoOp
exten => s/_555.,1,NoOp
exten => s/,1,NoOp(none)
exten => s/_9X.,1,NoOp
exten => s,1,NoOp(plain)
exten => _1X/201,1,NoOp
exten => _1X,1,NoOp(plain)
[day]
include => inner,9:00-17:00,mon-fri,*,*
include => night
exten => 1,1,NoOp
[night]
exten => 7,1,NoOp(night)
[inner]
include => day
exten => 7,1,NoOp(day)
exten => _X,1,NoOp(day)
[broad]
include => exact
exten => _X.,1,NoOp(broad)
[exact]
exten => 42,1,NoOp(exact)
`)
	for _, c := range []struct {
		q    dialplan.Query
		want string // pattern:priority(args), or the miss
	}{
		{dialplan.Query{Context: "a", Exten: "1234"}, "1234"},
		{dialplan.Query{Context: "a", Exten: "1235"}, "_12XX"},
		{dialplan.Query{Context: "a", Exten: "1334"}, "_1[2-4]XX"},
		{dialplan.Query{Context: "a", Exten: "1934"}, "_1NXX"},
		{dialplan.Query{Context: "a", Exten: "1134"}, "_1ZXX"},
		{dialplan.Query{Context: "a", Exten: "1034"}, "_1XXX"},
		{dialplan.Query{Context: "a", Exten: "12345"}, "_1."},
		{dialplan.Query{Context: "a", Exten: "1"}, "_1!"},
		{dialplan.Query{Context: "a", Exten: "5678"}, "_XXXX"},
		{dialplan.Query{Context: "a", Exten: "555"}, "_X."},
		{dialplan.Query{Context: "a", Exten: "212"}, "_2[13]X"},
		{dialplan.Query{Context: "a", Exten: "221"}, "_2[1-3]X"},
		{dialplan.Query{Context: "a", Exten: "251"}, "_2[135]X"},
		{dialplan.Query{Context: "a", Exten: "5"}, "no such extension"},
		{dialplan.Query{Context: "a", Exten: ""}, "no such extension"},
		{dialplan.Query{Context: "A", Exten: "1234"}, "no such context"},
		{dialplan.Query{Context: "a", Exten: "1234", Priority: 2}, "no such priority"},
		{dialplan.Query{Context: "a", Exten: "_12xx"}, "_12XX"},
		{dialplan.Query{Context: "overlap", Exten: "1234"}, "_12XX narrow"},
		{dialplan.Query{Context: "overlap", Exten: "1234", Priority: 2}, "_1XXX wide"},
		{dialplan.Query{Context: "overlap", Exten: "1234", Label: "lab"}, "_1XXX wide"},
		{dialplan.Query{Context: "overlap", Exten: "1234", Label: "nope"}, "no such priority"},
		{dialplan.Query{Context: "dash", Exten: "800"}, "8-00"},
		{dialplan.Query{Context: "dash", Exten: "8-0-0"}, "8-00"},
		{dialplan.Query{Context: "dash", Exten: "55512"}, "_55-5XX"},
		{dialplan.Query{Context: "dash", Exten: "I"}, "no such extension"},
		{dialplan.Query{Context: "cid", Exten: "s", Caller: "5551212"}, "s"},
		{dialplan.Query{Context: "cid", Exten: "s", Caller: "555-9999"}, "s"},
		{dialplan.Query{Context: "cid", Exten: "s", Caller: "201"}, "s plain"},
		{dialplan.Query{Context: "cid", Exten: "12", Caller: "201"}, "_1X"},
		{dialplan.Query{Context: "cid", Exten: "12", Caller: "202"}, "_1X plain"},
		{dialplan.Query{Context: "day", Exten: "7", Now: at(9, 0)}, "7 day"},
		{dialplan.Query{Context: "day", Exten: "7", Now: at(17, 0)}, "7 day"},
		{dialplan.Query{Context: "day", Exten: "7", Now: at(17, 1)}, "7 night"},
		{dialplan.Query{Context: "day", Exten: "7", Now: at(8, 59)}, "7 night"},
		{dialplan.Query{Context: "day", Exten: "8", Now: at(18, 0)}, "no such extension"},
		{dialplan.Query{Context: "broad", Exten: "42"}, "_X. broad"},
	} {
		step, miss := p.Find(c.q)
		got := miss.String()
		if step != nil {
			got = strings.TrimSpace(step.Exten + " " + step.Args.String())
		}
		if got != c.want {
			t.Errorf("%+v: %s, want %s", c.q, got, c.want)
		}
	}
	if step, _ := p.Find(dialplan.Query{Context: "cid", Exten: "s"}); step.Args.String() != "none" {
		t.Errorf("caller without number: %s", step.Pos)
	}
}

func TestMoreDigits(t *testing.T) {
	p, _ := plantest.Compile(t, `[a]
exten => 123,1,NoOp
exten => 12,2,NoOp
exten => _4XX,1,NoOp
exten => _5X.,1,NoOp
exten => _6X!,1,NoOp
exten => _7XX,2,NoOp
include => b
[b]
exten => 90,1,NoOp
`)
	for _, c := range []struct {
		digits           string
		more, can, exact bool
	}{
		{"", true, true, false}, {"1", true, true, false}, {"12", true, true, false}, {"123", false, true, true}, {"1234", false, false, false},
		{"4", true, true, false}, {"41", true, true, false}, {"412", false, true, true}, {"4x", false, false, false},
		{"5", true, true, false}, {"51", true, true, false}, {"512", true, true, true},
		{"6", true, true, false}, {"61", false, true, true}, {"612", false, true, true},
		{"7", false, false, false}, {"9", true, true, false}, {"90", false, true, true}, {"8", false, false, false},
	} {
		q := dialplan.Query{Context: "a", Exten: c.digits}
		if p.CouldMatchMore(q) != c.more || p.CanMatch(q) != c.can || p.Exists(q) != c.exact {
			t.Errorf("%q: more %v can %v exact %v, want %v %v %v", c.digits, p.CouldMatchMore(q), p.CanMatch(q), p.Exists(q), c.more, c.can, c.exact)
		}
	}
}

func TestIgnorePattern(t *testing.T) {
	p, _ := plantest.Compile(t, "[a]\nignorepat => 9\nignorepat => _0X\n")
	for digits, want := range map[string]bool{"9": true, "91": false, "05": true, "0": false, "": false} {
		if p.IgnorePattern("a", digits) != want {
			t.Errorf("%q: %v", digits, !want)
		}
	}
	if p.IgnorePattern("nope", "9") {
		t.Error("in no context")
	}
}

func TestIncludeLoop(t *testing.T) {
	p, _ := plantest.Compile(t, "[a]\ninclude => b\n[b]\ninclude => a\ninclude => b\nexten => 1,1,NoOp\n")
	if !p.Exists(dialplan.Query{Context: "a", Exten: "1"}) || p.Exists(dialplan.Query{Context: "a", Exten: "2"}) {
		t.Error("contexts that include each other")
	}
}

func BenchmarkFind(b *testing.B) {
	for _, n := range []int{100, 1000, 10000} {
		var text strings.Builder
		text.WriteString("[a]\ninclude => c\n[c]\n")
		for i := range n {
			fmt.Fprintf(&text, "exten => %d,1,NoOp\nexten => _9%dXX,1,NoOp\n", 20000+i, 20000+i)
		}
		p, _ := plantest.Compile(b, text.String())
		b.Run(fmt.Sprintf("names/%d", n), func(b *testing.B) {
			q := dialplan.Query{Context: "a", Exten: fmt.Sprint(20000 + n/2)}
			for b.Loop() {
				if _, miss := p.Find(q); miss != dialplan.Found {
					b.Fatal(miss)
				}
			}
		})
		b.Run(fmt.Sprintf("patterns/%d", n), func(b *testing.B) {
			q := dialplan.Query{Context: "a", Exten: fmt.Sprint(9, 20000+n/2, 42)}
			q.Exten = strings.ReplaceAll(q.Exten, " ", "")
			for b.Loop() {
				if _, miss := p.Find(q); miss != dialplan.Found {
					b.Fatal(miss)
				}
			}
		})
	}
}

// The how-to's own file for the first of two bridged exchanges, misprint included.
// Seed: S-045, S-118.
func TestTwoExchanges(t *testing.T) {
	p, ds := plantest.Compile(t, `[general]
static=yes
writeprotect=no
clearglobalvars=no

[default]
exten => _10XX,1,Dial(PJSIP/${EXTEN},12,tT)
exten => _10XX,n,Answer()
exten => _10XX,n,SayDigits(${EXTEN})
exten => _10XX,n,Playback(invalid)
;exten => _10XX,n,Playback(transfer,skip)		; "Please hold while..."
exten => _10XX,n,Hangup()

exten => _30XX,1,Dial(PJSIP/${EXTEN}@SIP3)
same =>> n,Hangup()
`)
	if got := rules(ds); got != "15 arrow-misprint" {
		t.Errorf("findings %s", got)
	}
	s := live.New(plantest.NewCatalog())
	s.Install(p)
	c := plantest.NewChannel()
	c.Exten = "3001"
	step, miss := s.Find(c, "default", "3001", 1, "")
	if miss != dialplan.Found || s.Eval(context.Background(), c, step.Args) != "PJSIP/3001@SIP3" || step.Program == nil || step.Program.Name != "Dial" {
		t.Errorf("%v %v", step, miss)
	}
	if _, miss := s.Find(c, "default", "3001", 2, ""); miss != dialplan.NoPriority {
		t.Errorf("priority 2: %v", miss)
	}
	if step, _ := s.Find(c, "default", "1002", 5, ""); step == nil || step.Line != 12 || step.App != "Hangup" {
		t.Errorf("the fifth step: %+v", step)
	}
}
