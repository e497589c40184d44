package live_test

import (
	"testing"

	"branchline/pbx/dialplan"
	"branchline/pbx/dialplan/live"
	"branchline/pbx/dialplan/plantest"
)

func TestGlobals(t *testing.T) {
	p, _ := plantest.Compile(t, "[globals]\nPAT=_9X\nG1=one\nG2=${G1}two\nG1=three\nN=${LEN(abc)}\n[a]\nexten => ${PAT},1,NoOp\n[general]\nclearglobalvars=yes\nautofallthrough=no\n[globals]\nLATE=$[1+1]\n")
	s := live.New(plantest.NewCatalog())
	s.Globals.Set("RUNTIME", "x")
	s.Globals.Set("G1", "changed")
	if s.Plan() == nil || s.Plan().Exists(dialplan.Query{Context: "a", Exten: "1"}) {
		t.Error("a system without a plan")
	}
	s.Install(p)
	want := map[string]string{"PAT": "_9X", "G1": "three", "G2": "onetwo", "N": "3", "LATE": "2"}
	for name, v := range want {
		if got, _ := s.Globals.Get(name); got != v {
			t.Errorf("%s = %q, want %q", name, got, v)
		}
	}
	if _, ok := s.Globals.Get("RUNTIME"); ok {
		t.Error("clearglobalvars kept RUNTIME")
	}
	if p.AutoFallthrough() || !p.ClearGlobals() || !p.Exists(dialplan.Query{Context: "a", Exten: "95"}) {
		t.Error("general options or a global in a pattern")
	}
	kept, _ := plantest.Compile(t, "[globals]\nG1=again\n")
	s.Globals.Set("RUNTIME", "x")
	s.Install(kept)
	if v, _ := s.Globals.Get("RUNTIME"); v != "x" {
		t.Error("a reload without clearglobalvars dropped a global")
	}
	if v, _ := s.Globals.Get("G1"); v != "again" {
		t.Error("a reload did not set [globals] again")
	}
}
