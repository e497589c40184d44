package dialplan

import (
	"strings"

	"branchline/pbx/astconf"
	"branchline/pbx/dialplan/argument"
	"branchline/pbx/dialplan/expr"
)

// What follows lets tools look at a plan and its texts as they are written,
// without a call: the checks, and explanations of what a call would do.

// A ContextView is one context of a plan.
type ContextView struct {
	Name       string
	Includes   []IncludeView
	Extensions []ExtensionView // in the order of search
	Elsewhere  bool            // a switch line also looks somewhere else
}

// An IncludeView is one include line.
type IncludeView struct {
	astconf.Pos
	Context string
	Timed   bool // holds at certain times only
}

// An ExtensionView is one name or pattern, with or without a caller match.
type ExtensionView struct {
	Name    string // as written
	Pattern bool
	Caller  bool // only for certain callers
	Steps   []*Step
	Hint    *Step // nil if there is none

	x *extension
}

// Views gives all contexts, in file order.
func (p *Plan) Views() []ContextView {
	out := make([]ContextView, 0, len(p.order))
	for _, d := range p.order {
		v := ContextView{Name: d.name, Elsewhere: len(d.switches) > 0}
		for _, i := range d.includes {
			v.Includes = append(v.Includes, IncludeView{Pos: i.Pos, Context: i.context, Timed: i.when != nil})
		}
		for _, e := range d.extensions {
			v.Extensions = append(v.Extensions, e.view())
		}
		out = append(out, v)
	}
	return out
}

func (e *extension) view() ExtensionView {
	return ExtensionView{Name: e.name, Pattern: e.pattern, Caller: e.caller != nil, Steps: e.steps, Hint: e.hint, x: e}
}

// Matching gives the extensions of one context itself, without those it
// includes, that match a number, best first.
func (p *Plan) Matching(context, number string) []ExtensionView {
	d := p.contexts[context]
	if d == nil {
		return nil
	}
	var out []ExtensionView
	d.each(undash(number), matchAll, func(e *extension, _ verdict) bool {
		out = append(out, e.view())
		return false
	})
	return out
}

// Number gives a number that the extension matches; "" for a pattern that
// matches nothing.
func (v ExtensionView) Number() string {
	if !v.Pattern {
		return v.x.key
	}
	var b strings.Builder
	for i := range v.x.elements {
		switch e := &v.x.elements[i]; e.end {
		case single:
			b.WriteByte(e.low)
		case some:
			b.WriteByte('0')
			return b.String()
		default:
			return b.String()
		}
	}
	return b.String()
}

// Covers reports whether v matches every number that w matches, whatever the
// caller.
func (v ExtensionView) Covers(w ExtensionView) bool {
	if !w.Pattern {
		return v.Matches(w.x.key)
	}
	if !v.Pattern {
		return false
	}
	a, b := v.x.elements, w.x.elements
	for i := range a {
		switch {
		case a[i].end == any0:
			return true
		case i >= len(b):
			return false
		case a[i].end == some:
			return b[i].end != any0
		case b[i].end != single:
			return false
		}
		for k, bits := range b[i].set {
			if bits&^a[i].set[k] != 0 {
				return false
			}
		}
	}
	return len(a) == len(b) && len(a) > 0
}

// Matches reports whether the extension matches a number, whatever the caller.
func (v ExtensionView) Matches(number string) bool {
	if !v.Pattern {
		return v.x.key == undash(number)
	}
	return matches(v.x.elements, undash(number), matchAll) == yes
}

// A Reference is one ${...} of a text whose name is written plainly.
type Reference struct {
	Name     string
	Function bool
	Args     string // of a function, as written
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
			if r := parseReference(p.inner.source); !strings.ContainsAny(r.name, "${}[]") {
				visit(Reference{Name: r.name, Function: r.function, Args: r.args}, inExpression)
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
			r := parseReference(inner)
			name := r.name
			if r.function && strings.EqualFold(name, "GLOBAL") {
				name, r.function = r.args, false
			}
			if v, ok := known(name); ok && !r.function {
				b.WriteString(r.substring(v))
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
