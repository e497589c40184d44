package steps

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"branchline/pbx/astconf"
	"branchline/pbx/check/survey"
	"branchline/pbx/dialplan"
)

// ends reports whether no call goes on to the next step after this one.
func ends(s survey.Step) bool {
	return s.Is("Hangup", "Goto", "Return", "Busy", "Congestion", "Macro") && !(s.Is("Busy", "Congestion") && s.Filled != "")
}

// elsewhere finds a step of that priority in another extension of the context
// that matches all of ext's numbers, or any if some is set.
func elsewhere(x *survey.Survey, context string, ext dialplan.ExtensionView, priority int) *dialplan.Step {
	number := ext.Number()
	if number == "" {
		return nil
	}
	for _, c := range x.Included(context) {
		for _, other := range x.Plan.Matching(c, number) {
			if c == context && other.Name == ext.Name && other.Caller == ext.Caller || !other.Covers(ext) {
				continue
			}
			for _, s := range other.Steps {
				if s.Priority == priority {
					return s
				}
			}
		}
	}
	return nil
}

// priorities reports extensions that no call enters, and steps no call reaches.
func priorities(x *survey.Survey) {
	for i := range x.Views {
		v := &x.Views[i]
		for _, ext := range v.Extensions {
			if len(ext.Steps) == 0 {
				continue
			}
			if first := ext.Steps[0]; first.Priority > 1 && first.Label == "" && elsewhere(x, v.Name, ext, 1) == nil {
				x.Warn(first.Pos, "no-priority-1", fmt.Sprintf("extension %s of [%s] begins with priority %d", ext.Name, v.Name, first.Priority),
					"a call to it is answered 404", "begin it with priority 1").Near = ext.Name
			}
			for n := 1; n < len(ext.Steps); n++ {
				follows(x, v.Name, ext, ext.Steps[n-1], ext.Steps[n])
			}
		}
	}
}

// follows looks at two steps that stand one after the other.
func follows(x *survey.Survey, context string, ext dialplan.ExtensionView, a, b *dialplan.Step) {
	before := survey.Step{Step: a}
	before.Filled = a.Args.String()
	switch {
	case b.Priority > a.Priority+1:
		if !ends(before) && b.Label == "" && !jumpedTo(x, context, b) && elsewhere(x, context, ext, a.Priority+1) == nil {
			x.Warn(b.Pos, "priority-gap", fmt.Sprintf("extension %s goes from priority %d to %d", ext.Name, a.Priority, b.Priority),
				fmt.Sprintf("a call ends after priority %d and never comes here", a.Priority), fmt.Sprintf("write n, or %d", a.Priority+1))
		}
	case ends(before) && b.Label == "" && !jumpedTo(x, context, b):
		x.Note(b.Pos, "dead-step", fmt.Sprintf("no call comes here: %s in line %d always ends or leaves the extension", a.App, a.Pos.Line), "", "remove it, or give it a label to jump to")
	}
}

// jumpedTo reports whether some jump may lead to a step by its number.
func jumpedTo(x *survey.Survey, context string, s *dialplan.Step) bool {
	return slices.ContainsFunc(x.Leaps, func(l survey.Leap) bool {
		if l.Context != "" && survey.Certain(l.Context) && l.Context != context || l.Context == "" && l.From.Context != context {
			return false
		}
		exten := l.Exten
		if exten == "" {
			exten = l.From.Exten
		}
		if survey.Certain(exten) && exten != s.Exten && !strings.HasPrefix(s.Exten, "_") {
			return false
		}
		return s.Priority != 1 && l.Priority == strconv.Itoa(s.Priority) || !survey.Certain(l.Priority) || strings.IndexByte("+-", l.Priority[0]) >= 0
	})
}

// names reports extensions that are spelled like patterns without being one.
func names(x *survey.Survey) {
	for i := range x.Views {
		for _, ext := range x.Views[i].Extensions {
			if ext.Pattern || len(ext.Steps) == 0 || !looksLikePattern(ext.Name) {
				continue
			}
			for _, s := range ext.Steps {
				d := x.Warn(s.Pos, "no-underscore", fmt.Sprintf("%s is a name, not a pattern: patterns begin with an underscore", ext.Name),
					"only who dials exactly these characters comes here", "write _"+ext.Name)
				if l, ok := x.Line(s.File, s.Line); !ok || strings.Contains(l, ext.Name) {
					d.Replace(ext.Name, "_"+ext.Name, true)
				}
			}
		}
	}
}

// looksLikePattern: digits together with X, Z or N, or a number that ends in a
// dot or exclamation mark.
func looksLikePattern(name string) bool {
	digits, wild := 0, 0
	for i := range len(name) {
		switch c := name[i]; {
		case c >= '0' && c <= '9':
			digits++
		case c == 'X' || c == 'Z' || c == 'N':
			wild++
		case (c == '.' || c == '!') && i == len(name)-1 && i > 0:
			wild++
		case c == '+' || c == '*' || c == '#' || c == '[' || c == ']' || c == '-':
		default:
			return false
		}
	}
	return wild > 0 && digits+wild > 1
}

// runsOn reports extensions whose last step is followed, by accident, by one of
// a broader pattern that has the next priority.
func runsOn(x *survey.Survey) {
	for i := range x.Views {
		v := &x.Views[i]
		for _, ext := range v.Extensions {
			if len(ext.Steps) == 0 {
				continue
			}
			last := ext.Steps[len(ext.Steps)-1]
			if s := (survey.Step{Step: last, Filled: last.Args.String()}); ends(s) {
				continue
			}
			if next := elsewhere(x, v.Name, ext, last.Priority+1); next != nil && next.Priority > 1 && next.Label == "" {
				x.Warn(last.Pos, "runs-on", fmt.Sprintf("after its last step extension %s runs on into %s in line %d, which also matches", ext.Name, next.Exten, next.Pos.Line),
					fmt.Sprintf("a call to %s then does %s", ext.Number(), next.App), "end it with Hangup()")
			}
		}
	}
}

// hidden reports extensions of an included context that can never be reached
// from the context that includes it, since its own come first.
func hidden(x *survey.Survey) {
	for i := range x.Views {
		v := &x.Views[i]
		for _, inc := range v.Includes {
			lost := map[string][]string{}
			winners := map[string]*dialplan.Step{}
			var order []string
			for _, c := range x.Included(inc.Context) {
				if c == v.Name {
					continue
				}
				for _, ext := range x.View[c].Extensions {
					if len(ext.Steps) == 0 || survey.Special(ext.Name) {
						continue
					}
					if w := coveredBy(x, v, ext); w != nil {
						if lost[w.Exten] == nil {
							order = append(order, w.Exten)
							winners[w.Exten] = w
						}
						lost[w.Exten] = append(lost[w.Exten], ext.Name)
					}
				}
			}
			for _, name := range order {
				x.Warn(inc.Pos, "hidden-by-own", fmt.Sprintf("%s of [%s] cannot be reached from [%s]: %s in line %d comes first", survey.Sentence(lost[name], 3), inc.Context, v.Name, name, winners[name].Pos.Line),
					fmt.Sprintf("who dials %s gets %s", lost[name][0], winners[name].App), "move "+name+" into a context that is included after this one").Near = inc.Context
			}
		}
	}
}

// coveredBy finds the first step of v's own extension that takes all numbers of
// ext.
func coveredBy(x *survey.Survey, v *dialplan.ContextView, ext dialplan.ExtensionView) *dialplan.Step {
	number := ext.Number()
	if number == "" {
		return nil
	}
	for _, w := range x.Plan.Matching(v.Name, number) {
		if w.Pattern && !w.Caller && len(w.Steps) > 0 && w.Steps[0].Priority == 1 && w.Covers(ext) {
			return w.Steps[0]
		}
	}
	return nil
}

// includeLoops reports contexts that include each other in a circle.
func includeLoops(x *survey.Survey) {
	const (
		open = 1
		done = 2
	)
	state := map[string]int{}
	var path []string
	var walk func(string)
	walk = func(name string) {
		state[name] = open
		path = append(path, name)
		for _, inc := range x.View[name].Includes {
			switch {
			case x.View[inc.Context] == nil:
			case state[inc.Context] == open:
				from := slices.Index(path, inc.Context)
				circle := append(slices.Clone(path[from:]), inc.Context)
				x.Warn(inc.Pos, "include-loop", "contexts include each other in a circle: "+strings.Join(circle, " -> "),
					"this line adds nothing", "remove it").Near = inc.Context
			case state[inc.Context] == 0:
				walk(inc.Context)
			}
		}
		path = path[:len(path)-1]
		state[name] = done
	}
	for i := range x.Views {
		if state[x.Views[i].Name] == 0 {
			walk(x.Views[i].Name)
		}
	}
}

// unusedContexts notes contexts in which no call begins and none is sent to.
func unusedContexts(x *survey.Survey) {
	if len(x.Ordered) == 0 || len(x.Entrants) == 0 {
		return
	}
	used := map[string]bool{}
	for context := range x.Entrants {
		contexts, _ := x.Reach(context)
		for _, c := range contexts {
			used[c] = true
		}
	}
	elsewhere := x.FromLines()
	for _, e := range x.Ordered {
		elsewhere = append(elsewhere, e.MessageContext, e.SubscribeContext) // "": where its calls go
	}
	for _, from := range elsewhere {
		contexts, _ := x.Reach(from)
		for _, c := range contexts {
			used[c] = true
		}
	}
	for _, edges := range x.Edges {
		for _, e := range edges {
			used[e.To] = true
		}
	}
	for i := range x.Views {
		v := &x.Views[i]
		if used[v.Name] || strings.HasPrefix(v.Name, "macro-") || strings.HasPrefix(v.Name, "sub-") || len(v.Extensions) == 0 {
			continue
		}
		if len(v.Extensions[0].Steps) == 0 {
			continue
		}
		at := astconf.Pos{File: v.Extensions[0].Steps[0].File, Line: v.Extensions[0].Steps[0].Line}
		if f := x.Files["extensions.conf"]; f != nil {
			if s := f.Section(v.Name); s != nil {
				at = s.Pos
			}
		}
		x.Note(at, "unused-context", fmt.Sprintf("no endpoint has context=%s and nothing leads to it", v.Name), "no call comes here", "")
	}
}
