package substitution

import (
	"strings"

	"branchline/pbx/dialplan/argument"
	"branchline/pbx/dialplan/expr"
)

// What follows lets tools look at a text as it is written, without a call.

// Calls gives the names of the functions a text calls, inner ones first, as far as
// they are written plainly.
func (t *Text) Calls() []string {
	var names []string
	for i := range t.parts {
		p := &t.parts[i]
		if p.inner == nil {
			continue
		}
		names = append(names, p.inner.Calls()...)
		if p.kind != variable {
			continue
		}
		if name, _, isCall := strings.Cut(p.inner.source, "("); isCall && !strings.ContainsAny(name, "${:") {
			names = append(names, name)
		}
	}
	return names
}

// Each visits all references of a text, nested ones too. inExpression tells
// whether one stands inside $[...].
func (t *Text) Each(visit func(r Reference, inExpression bool)) { t.each(false, visit) }

func (t *Text) each(inExpression bool, visit func(Reference, bool)) {
	for i := range t.parts {
		p := &t.parts[i]
		if p.inner == nil {
			continue
		}
		if p.kind == variable {
			if r := ParseReference(p.inner.source); !strings.ContainsAny(r.Name, "${}[]") {
				visit(r, inExpression)
			}
		}
		p.inner.each(inExpression || p.kind == expression, visit)
	}
}

// Static fills in what known tells of variables. What cannot be known becomes
// placeholder, and complete is false.
func (t *Text) Static(known func(name string) (string, bool), placeholder string) (s string, complete bool) {
	if t.parts == nil {
		return t.source, true
	}
	var b strings.Builder
	complete = true
	for i := range t.parts {
		p := &t.parts[i]
		if p.inner == nil {
			b.WriteString(p.fixed)
			continue
		}
		inner, all := p.inner.Static(known, placeholder)
		if all && p.kind == variable {
			r := ParseReference(inner)
			name := r.Name
			if r.Function && strings.EqualFold(name, "GLOBAL") {
				name, r.Function = r.Args, false
			}
			if v, ok := known(name); ok && !r.Function {
				b.WriteString(r.Substring(v))
				continue
			}
		}
		complete = false
		b.WriteString(placeholder)
	}
	return b.String(), complete
}

// ExpressionProblems reads every $[...] of a text with each variable taken as 1,
// and gives what is wrong with their form.
func (t *Text) ExpressionProblems() []string {
	var out []string
	for i := range t.parts {
		p := &t.parts[i]
		if p.inner == nil {
			continue
		}
		out = append(out, p.inner.ExpressionProblems()...)
		if p.kind != expression {
			continue
		}
		text, _ := p.inner.Static(func(string) (string, bool) { return "", false }, "1")
		if _, problem := expr.Eval(text, anyFunction); strings.HasPrefix(problem, "expression ") {
			out = append(out, "$["+argument.Clip(p.inner.source)+"]: "+problem)
		}
	}
	return out
}

func anyFunction(string, string) (string, bool) { return "1", true }
