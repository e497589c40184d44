package substitution

import (
	"slices"
	"strings"
	"testing"
)

// echo fills a text with what is asked for.
type echo struct{ cut int }

func (*echo) Reference(r Reference) string {
	if r.Function {
		return r.Substring(r.Name + "/" + r.Args)
	}
	return r.Substring(strings.ToLower(r.Name))
}
func (*echo) Expression(text, _ string) string { return "=" + text }
func (e *echo) TooLong(string)                 { e.cut++ }

func TestFill(t *testing.T) {
	for _, c := range []struct{ in, want, problem string }{
		{"plain $5 {}", "plain $5 {}", ""},
		{"${NAME}", "name", ""},
		{"a${NAME:1:2}b", "aamb", ""},
		{"${NAME:-2}", "me", ""},
		{"${F(a,${X})}", "F/a,x", ""},
		{"${${A}}", "a", ""},
		{"$[${A} + 1]", "=a + 1", ""},
		{"x${NAME", "xname", "missing } in ${NAME"},
		{"$[1", "=1", "missing ] in $[1"},
	} {
		text, problem := Parse(c.in)
		if got := text.Fill(&echo{}); got != c.want || problem != c.problem || text.String() != c.in {
			t.Errorf("%s: %q, %q; want %q, %q", c.in, got, problem, c.want, c.problem)
		}
	}
}

func TestFillIsBounded(t *testing.T) {
	var e echo
	text, _ := Parse(strings.Repeat("x", MaxValue) + "${NAME}")
	if got := text.Fill(&e); len(got) != MaxValue || e.cut != 1 {
		t.Errorf("%d bytes, cut %d times", len(got), e.cut)
	}
}

func TestCalls(t *testing.T) {
	text, _ := Parse("${A(${B(x)})}${C}$[${D(1)}]${${E}(1)}")
	if got := text.Calls(); !slices.Equal(got, []string{"B", "A", "D"}) {
		t.Errorf("calls %q", got)
	}
	var names []string
	text.Each(func(r Reference, inExpression bool) {
		if inExpression {
			r.Name += "!"
		}
		names = append(names, r.Name)
	})
	if got := strings.Join(names, " "); got != "A B C D! E" {
		t.Errorf("references %s", got)
	}
}
