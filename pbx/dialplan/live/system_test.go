package live_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"branchline/pbx/channel"
	"branchline/pbx/dialplan"
	"branchline/pbx/dialplan/live"
	"branchline/pbx/dialplan/plantest"
	"branchline/pbx/dialplan/substitution"
)

func quiet() (*slog.Logger, *bytes.Buffer) {
	var b bytes.Buffer
	return slog.New(slog.NewTextHandler(&b, nil)), &b
}

// The results were taken from Asterisk 22.10.1.
func TestExpand(t *testing.T) {
	s := live.New(plantest.NewCatalog())
	s.Log, _ = quiet()
	s.Name, s.EntityID, s.Dirs = "box", "00:11:22:33:44:55", map[string]string{"ASTETCDIR": "/etc/asterisk"}
	s.Globals.Set("GV", "globalvalue")
	s.Globals.Set("V", "hidden")
	c := plantest.NewChannel()
	for name, v := range map[string]string{"V": "abcdefgh", "X": "5", "Y": "", "Q": `"quoted"`, "_I": "one", "__J": "two", "DEEP": "${V}", "N": "V"} {
		c.SetVar(name, v)
	}
	for _, tt := range []struct{ in, want string }{
		{"${V}", "abcdefgh"}, {"${V:2}", "cdefgh"}, {"${V:2:3}", "cde"}, {"${V:-2}", "gh"}, {"${V:-4:2}", "ef"}, {"${V:0:-2}", "abcdef"},
		{"${V:20}", ""}, {"${V:-20}", "abcdefgh"}, {"${V:1:-9}", ""}, {"${V:2:0}", ""}, {"${V::3}", "abcdefgh"}, {"${V:a}", "abcdefgh"},
		{"${V: 2}", "cdefgh"}, {"${V:1:}", "bcdefgh"}, {"${V:1:2:3}", "bc"}, {"${V:99999999999}", ""}, {"${V:-99999999999}", "abcdefgh"},
		{"${GV}", "globalvalue"}, {"${NOVAR}x", "x"}, {"${V}${X}", "abcdefgh5"}, {"${${N}}", "abcdefgh"}, {"${${Y}V}", "abcdefgh"},
		{"$V", "$V"}, {"$", "$"}, {"$$", "$$"}, {"$${V}", "$abcdefgh"}, {`\${V}`, `\abcdefgh`}, {"{${V}}", "{abcdefgh}"},
		{"a${V b", "a"}, {"a${V", "aabcdefgh"}, {"a$[1+2", "a3"}, {"${}", ""}, {"${ V }", ""}, {"${:1}", ""},
		{"${LEN(abc):0:1}", "3"}, {"${PASSTHRU(abc):1}", "bc"}, {"${PASSTHRU(a:b)}", "a:b"}, {"${PASSTHRU(a:b):1}", ":b"}, {"${PASSTHRU(a(b):1}", "a(b"},
		{"${PASSTHRU(abc)x}", "abc"}, {"${NOFUNC(abc)}", ""}, {"${LEN}", ""}, {"${LEN()}", "0"}, {"${LEN(a)b)}", "3"}, {"${LEN(abc}", "3"},
		{"${V:${X}}", "fgh"}, {"${V:$[1+1]}", "cdefgh"}, {"$[1+$[2+3]]", "6"}, {"$[ ${V} = abcdefgh ] x", "1 x"}, {"$[${V:0:1} = a]", "1"},
		{"$[${Y} = 5]", ""}, {`$["${Y}" = ""]`, "1"}, {`$["${Q}" = "x"]`, `""`}, {`$[${Q} = "quoted"]`, "1"}, {"$[${LEN(${V})} > 0]", "1"}, {"$[LEN(${V}) + 1]", "9"},
		{"${DEEP}", "${V}"}, {"${I}${_I}|${J}${__J}", "one|two"},
		{"${EXTEN} ${CONTEXT} ${PRIORITY} ${CHANNEL} ${UNIQUEID} ${HANGUPCAUSE} ${CALLINGPRES} ${CALLINGANI2}", "s ev 7 Test/1-00000001 1795370599.112 0 67 0"},
		{"${SYSTEMNAME}|${ENTITYID}|${ASTETCDIR}|${ASTNODIR}", "box|00:11:22:33:44:55|/etc/asterisk|"},
	} {
		if got := s.Expand(context.Background(), c, tt.in); got != tt.want {
			t.Errorf("%s = %q, want %q", tt.in, got, tt.want)
		}
	}
	if v := s.Expand(context.Background(), nil, "${V}|${EXTEN}"); v != "hidden|" {
		t.Errorf("without a channel: %q", v)
	}
	if e := s.Expand(context.Background(), nil, "${EPOCH}"); len(e) < 10 {
		t.Errorf("EPOCH = %q", e)
	}
}

func TestHintVariable(t *testing.T) {
	s := live.New(nil)
	p, _ := plantest.Compile(t, "[ev]\nexten => s,hint,PJSIP/${EXTEN}(Front desk)\n")
	s.Install(p)
	if v := s.Expand(context.Background(), plantest.NewChannel(), "${HINT}"); v != "PJSIP/${EXTEN}(Front desk)" && v != "PJSIP/s(Front desk)" {
		t.Errorf("HINT = %q", v)
	}
}

func TestAssign(t *testing.T) {
	s := live.New(plantest.NewCatalog())
	s.Log, _ = quiet()
	written := ""
	cat := s.Catalog.(plantest.Catalog)
	cat.Functions["W"] = &dialplan.Function{Name: "W", Write: func(_ context.Context, _ *channel.Channel, args, v string) error {
		written = args + "=" + v
		return nil
	}}
	s.Globals.Set("GV", "g")
	c, ctx := plantest.NewChannel(), context.Background()
	for _, a := range []struct{ name, value, read, want string }{
		{"A", `1,B="2"`, "${A}", `1,B="2"`},
		{"_I", "1", "${I}", "1"},
		{"__I", "2", "${I}", "2"},
		{"I", "3", "${I}", "3"},
		{"I", "", "${I}", ""},
		{"GV", "", "${GV}", ""}, // hides the global
		{"W(x,y)", "z", "", ""},
		{"A ", "5", "${A}", `1,B="2"`},
	} {
		if err := s.Assign(ctx, c, a.name, a.value); err != nil {
			t.Errorf("%s: %v", a.name, err)
		}
		if got := s.Expand(ctx, c, a.read); got != a.want {
			t.Errorf("after %s=%s: %s = %q", a.name, a.value, a.read, got)
		}
	}
	if written != "x,y=z" {
		t.Errorf("function got %q", written)
	}
	for _, name := range []string{"", "__", "LEN(x)", "NOFUNC(x)", "SHELL(x)"} {
		if err := s.Assign(ctx, c, name, "v"); err == nil {
			t.Errorf("Set(%s=v) is accepted", name)
		}
	}
	if err := s.Assign(ctx, nil, "G2", "x"); err != nil {
		t.Error(err)
	}
	if v, _ := s.Globals.Get("G2"); v != "x" {
		t.Error("Assign without a channel sets a global")
	}
	if err := s.Assign(ctx, c, "BIG", strings.Repeat("x", substitution.MaxValue+1)); err == nil {
		t.Error("no bound on a value")
	}
}

func TestWarningsNameTheLine(t *testing.T) {
	s := live.New(plantest.NewCatalog())
	var log *bytes.Buffer
	s.Log, log = quiet()
	p, _ := plantest.Compile(t, "[ev]\nexten => s,1,NoOp($[1 + ])\n")
	s.Install(p)
	c := plantest.NewChannel()
	step, _ := s.Find(c, "ev", "s", 1, "")
	live.Enter(c, step)
	if v := s.Eval(context.Background(), c, step.Args); v != "0" {
		t.Errorf("value %q", v)
	}
	for _, want := range []string{"breaks off", "extensions.conf:2", "Test/1-00000001", "1 + "} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("log lacks %q: %s", want, log)
		}
	}
	if live.Current(c) != step {
		t.Error("Current")
	}
}

func TestExpansionIsBounded(t *testing.T) {
	s := live.New(plantest.NewCatalog())
	s.Log, _ = quiet()
	cat := s.Catalog.(plantest.Catalog)
	calls := 0
	cat.Functions["AGAIN"] = &dialplan.Function{Name: "AGAIN", Read: func(ctx context.Context, c *channel.Channel, args string) (string, error) {
		calls++
		return s.Expand(ctx, c, "${AGAIN(x)}${AGAIN(x)}"), nil
	}}
	ctx, c := context.Background(), plantest.NewChannel()
	cat.Functions["ONCE"] = &dialplan.Function{Name: "ONCE", Read: func(ctx context.Context, c *channel.Channel, args string) (string, error) {
		calls++
		return s.Expand(ctx, c, "${ONCE(x)}"), nil
	}}
	s.Expand(ctx, c, "${ONCE(x)}")
	if calls == 0 || calls > 2*32 {
		t.Errorf("%d calls", calls)
	}
	c.SetVar("A", strings.Repeat("x", 60000))
	if v := s.Expand(ctx, c, "${A}${A}${A}"); len(v) != substitution.MaxValue {
		t.Errorf("%d bytes", len(v))
	}
	if v := s.Expand(ctx, c, strings.Repeat("${", 100000)); len(v) > substitution.MaxValue {
		t.Errorf("nested: %d bytes", len(v))
	}
}

func TestResolve(t *testing.T) {
	s := live.New(nil)
	p, _ := plantest.Compile(t, "[ev]\nexten => s,1,NoOp\nsame => n(here),NoOp\nexten => 5,9(there),NoOp\n[b]\nexten => _X,1(l),NoOp\n")
	s.Install(p)
	c := plantest.NewChannel()
	for target, want := range map[string]string{
		"3": "ev s 3", "here": "ev s 2", "5,there": "ev 5 9", "b,7,l": "b 7 1", "b,7,1": "b 7 1", " b , 7 , 1 ": "b 7 1", "+2": "ev s 9", "-1": "ev s 6",
		"5,1": "ev 5 1", ",5,3": "ev 5 3", `"b","7",1`: "b 7 1",
		"": "", "nolabel": "", "-99": "", "0": "", "b,x,l": "", "nope,1,lab": "",
	} {
		ctx, ext, pri, err := s.Resolve(c, target)
		got := fmt.Sprint(ctx, " ", ext, " ", pri)
		if err != nil {
			got = ""
		}
		if got != want {
			t.Errorf("%q: %q (%v), want %q", target, got, err, want)
		}
	}
}

func TestJumpAndException(t *testing.T) {
	c := plantest.NewChannel()
	if live.Jumped(c) {
		t.Error("jumped before Jump")
	}
	live.Jump(c, "b", "5", 3)
	if c.Context != "b" || c.Exten != "5" || c.Priority != 3 || !live.Jumped(c) || live.Jumped(c) {
		t.Error("Jump")
	}
	live.SetException(c, "INVALID", "a", "i", 2)
	if e := live.ExceptionOf(c); e == nil || e.Reason != "INVALID" || e.Priority != 2 {
		t.Error("SetException")
	}
}

func FuzzExpand(f *testing.F) {
	for _, s := range []string{"${V:1:2}", "${${${", "$[${V} = 1]", "${LEN(${PASSTHRU(a,b)}):-1}", "$[$[$["} {
		f.Add(s)
	}
	s := live.New(plantest.NewCatalog())
	s.Log = slog.New(slog.DiscardHandler) // a buffer would grow with every warning
	c := plantest.NewChannel()
	c.SetVar("V", "abcdefgh")
	f.Fuzz(func(t *testing.T, text string) {
		if v := s.Expand(context.Background(), c, text); len(v) > substitution.MaxValue && len(v) > len(text) {
			t.Errorf("%d bytes", len(v))
		}
	})
}

func BenchmarkEval(b *testing.B) {
	s := live.New(plantest.NewCatalog())
	c := plantest.NewChannel()
	t, _ := substitution.Parse("PJSIP/${EXTEN}@trunk,12,tT")
	for b.Loop() {
		s.Eval(context.Background(), c, t)
	}
}
