package dialplan

import (
	"branchline/pbx/astconf"
	"branchline/pbx/dialplan/pattern"
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
	d.each(pattern.Undash(number), pattern.All, func(e *extension, _ pattern.Verdict) bool {
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
	return v.x.elements.Number()
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
	return v.x.elements.Covers(w.x.elements)
}

// Matches reports whether the extension matches a number, whatever the caller.
func (v ExtensionView) Matches(number string) bool {
	if !v.Pattern {
		return v.x.key == pattern.Undash(number)
	}
	return v.x.elements.Matches(pattern.Undash(number))
}
