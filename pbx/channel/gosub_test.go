package channel

import "testing"

func TestFramesShadowVariables(t *testing.T) {
	c := &Channel{vars: map[string]string{"X": "outer", "__Y": "kept"}}
	if c.SetLocal("X", "no") {
		t.Fatal("SetLocal outside a subroutine")
	}
	c.PushFrame("default", "s", 5, []string{"a", "b"})
	if !c.SetLocal("X", "inner") || !c.SetLocal("Y", "inner") || !c.SetLocal("X", "again") {
		t.Fatal("SetLocal refused")
	}
	c.PushFrame("sub", "s", 2, []string{"c"})
	for name, want := range map[string]string{"ARG1": "c", "ARG2": "", "ARGC": "1", "X": "again"} {
		if v, _ := c.Var(name); v != want {
			t.Errorf("%s = %q in the inner frame, want %q", name, v, want)
		}
	}
	if v, _ := c.LocalAt(1, "ARG1"); v != "a" {
		t.Errorf("ARG1 one level down = %q", v)
	}
	if f := c.PopFrame(); f == nil || f.Context != "sub" || f.Priority != 2 {
		t.Fatalf("popped %+v", f)
	}
	if v, _ := c.Var("ARG2"); v != "b" {
		t.Errorf("ARG2 after return = %q", v)
	}
	c.PopFrame()
	if v, _ := c.Var("X"); v != "outer" {
		t.Errorf("X after return = %q", v)
	}
	if v := c.vars["__Y"]; v != "kept" {
		t.Errorf("__Y after return = %q, its inheritance mark is lost", v)
	}
	if _, ok := c.Var("ARG1"); ok {
		t.Error("ARG1 survives Return")
	}
	if c.PopFrame() != nil || c.FrameDepth() != 0 {
		t.Error("frame left")
	}
}

func TestFramesAreBounded(t *testing.T) {
	c := &Channel{vars: map[string]string{}}
	n := 0
	for c.PushFrame("a", "s", 1, nil) {
		n++
		if n > 10000 {
			t.Fatal("no bound")
		}
	}
	if n != maxFrames {
		t.Errorf("%d frames, want %d", n, maxFrames)
	}
}
