package argument

import (
	"strings"
	"testing"
)

func TestSplit(t *testing.T) {
	for _, c := range []struct {
		in   string
		n    int
		want string
	}{
		{"", 0, ""}, {"a", 0, "a"}, {"a,b,c", 0, "a|b|c"}, {"a,b,c", 2, "a|b,c"}, {`"a,b",c`, 0, "a,b|c"}, {`a\,b,c`, 0, "a,b|c"},
		{"f(a,b),c", 0, "f(a,b)|c"}, {"[a,b],c", 0, "[a,b]|c"}, {`x,"q",r`, 2, `x|"q",r`}, {`a,"q\",b`, 2, `a|"q\",b`}, {"a)b,c", 0, "a)b|c"}, {",", 0, "|"}, {`a\`, 0, "a"},
	} {
		if got := strings.Join(Split(c.in, c.n), "|"); got != c.want {
			t.Errorf("Split(%q, %d) = %q, want %q", c.in, c.n, got, c.want)
		}
	}
	if got := strings.Join(Raw(`a1,"q,2",a\,3`, 0), "|"); got != `a1|"q,2"|a\,3` {
		t.Errorf("Raw: %q", got)
	}
}

func TestOptions(t *testing.T) {
	o := ParseOptions("tTL(60000:30000)m(jazz)U(sub^a(b)c)g x(")
	for letter, want := range map[byte]string{'t': "", 'T': "", 'L': "60000:30000", 'm': "jazz", 'U': "sub^a(b)c", 'g': "", 'x': ""} {
		if got, ok := o.Arg(letter); !ok || got != want {
			t.Errorf("%c: %q %v", letter, got, ok)
		}
	}
	if o.Has('q') || !o.Has('t') {
		t.Error("Has")
	}
}

func TestTruthAndBranches(t *testing.T) {
	for s, want := range map[string]bool{"": false, " ": false, "0": false, "00": false, " 0": false, "-0": false, "+0": false, "0x": false, "0.5": false,
		"1": true, "x": true, "01": true, "-1": true, "--": true, "no": true} {
		if Truth(s) != want {
			t.Errorf("Truth(%q) = %v", s, !want)
		}
	}
	for in, want := range map[string]string{"1?a:b": "1|a|b", "1?a": "1|a|", "1?:b": "1||b", "1": "1||", `"?"?a:b`: `"?"|a|b`, "x?Goto(a:b):c": "x|Goto(a:b)|c", "1?a:b:c": "1|a|b:c"} {
		c, y, n := ParseBranch(in)
		if got := c + "|" + y + "|" + n; got != want {
			t.Errorf("ParseBranch(%q) = %q, want %q", in, got, want)
		}
	}
}
