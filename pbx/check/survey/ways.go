package survey

import (
	"slices"
	"strings"

	"branchline/pbx/astconf"
	"branchline/pbx/dialplan"
	"branchline/pbx/dialplan/argument"
)

// An Edge leads from one context to another.
type Edge struct {
	astconf.Pos
	To  string
	how string // "includes", "goes to"
}

// A Leap is a jump a step may make.
type Leap struct {
	argument.Target
	From Step
}

// reached is what reach has found.
type reached struct {
	contexts []string
	way      map[string]string
}

// follow finds the contexts that calls are sent to.
func (x *Survey) follow() {
	for _, s := range x.Steps {
		for _, j := range Jumps(s) {
			x.Leaps = append(x.Leaps, Leap{j, s})
			if j.Context != "" && Certain(j.Context) && j.Context != s.Step.Context {
				x.Edges[s.Step.Context] = append(x.Edges[s.Step.Context], Edge{s.Pos, j.Context, "goes to"})
			}
		}
	}
	for _, d := range x.Dials {
		for _, t := range d.Targets {
			if !strings.EqualFold(t.Tech, "Local") {
				continue
			}
			_, context, ok := strings.Cut(t.Device, "@")
			if context, _, _ = strings.Cut(context, "/"); ok && Certain(context) && context != d.Context {
				x.Edges[d.Context] = append(x.Edges[d.Context], Edge{d.Pos, context, "dials into"})
			}
		}
	}
}

// Jumps lists where a step may jump to. Parts that are not known hold
// Unknown or Dialled; empty ones mean the present context or extension.
func Jumps(s Step) []argument.Target {
	var texts []string
	switch {
	case s.Is("Goto", "Gosub"):
		texts = []string{s.Filled}
	case s.Is("GotoIf", "GosubIf", "GotoIfTime"):
		_, yes, no := argument.ParseBranch(s.Filled)
		texts = []string{yes, no}
	case s.Is("Macro"):
		name, _, _ := strings.Cut(s.Filled, ",")
		texts = []string{"macro-" + strings.TrimSpace(name) + ",s,1"}
	case s.Is("Dial"):
		args := argument.Split(s.Filled, 5)
		if len(args) > 2 {
			if to, ok := argument.ParseOptions(args[2]).Arg('G'); ok {
				texts = []string{strings.ReplaceAll(to, "^", ",")}
			}
		}
	default:
		return nil
	}
	var out []argument.Target
	for _, t := range texts {
		t = strings.TrimSpace(t)
		if s.Is("Gosub", "GosubIf") {
			t = withoutArguments(t)
		}
		if t == "" {
			continue
		}
		if target, err := argument.ParseTarget(t); err == nil {
			out = append(out, target)
		}
	}
	return out
}

// withoutArguments cuts (arguments) off the end of a subroutine's place.
func withoutArguments(s string) string {
	parts := argument.Raw(s, 3)
	last := parts[len(parts)-1]
	if open := strings.IndexByte(last, '('); open >= 0 {
		parts[len(parts)-1] = last[:open]
	}
	return strings.Join(parts, ",")
}

// Reach gives the contexts that a call in one can get to, the context itself
// first, each with the way there in words.
func (x *Survey) Reach(from string) (contexts []string, way map[string]string) {
	if r, ok := x.reached[from]; ok {
		return r.contexts, r.way
	}
	way = map[string]string{from: "[" + from + "]"}
	contexts = []string{from}
	for i := 0; i < len(contexts); i++ {
		for _, e := range x.Edges[contexts[i]] {
			if _, seen := way[e.To]; !seen && x.View[e.To] != nil {
				way[e.To] = way[contexts[i]] + " " + e.how + " [" + e.To + "]"
				contexts = append(contexts, e.To)
			}
		}
	}
	x.reached[from] = reached{contexts, way}
	return contexts, way
}

// Reaches reports whether a call that begins in one context can get to another.
func (x *Survey) Reaches(from, to string) bool {
	_, way := x.Reach(from)
	return way[to] != ""
}

// Included gives a context and what it includes, in the order of search.
func (x *Survey) Included(from string) []string {
	out := []string{}
	var walk func(string)
	walk = func(name string) {
		if x.View[name] == nil || slices.Contains(out, name) {
			return
		}
		out = append(out, name)
		for _, i := range x.View[name].Includes {
			walk(i.Context)
		}
	}
	walk(from)
	return out
}

// Find looks for a number in a context and what it includes at any time.
func (x *Survey) Find(context, number string) (ext dialplan.ExtensionView, ok bool) {
	for _, c := range x.Included(context) {
		if m := x.Plan.Matching(c, number); len(m) > 0 {
			return m[0], true
		}
	}
	return ext, false
}

// FromLines are the contexts that calls and messages from lines begin in.
func (x *Survey) FromLines() []string {
	var out []string
	for _, l := range x.Trunks.Lines {
		out = append(out, l.Context)
		for _, p := range l.RingPatterns {
			if l.DistinctRings && p.Context != "" {
				out = append(out, p.Context)
			}
		}
		if l.Driver == "cell" {
			out = append(out, l.TextContext)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
