package history

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"sort"
	"strings"

	"branchline/pbx/astconf"
	"branchline/pbx/dialplan"
)

// A Config is what Changes compares: the files as they were parsed, by name, and
// the plan made of extensions.conf.
type Config struct {
	Files map[string]*astconf.File
	Plan  *dialplan.Plan
}

// A Change is one object that differs.
type Change struct {
	What   string // "added", "removed", "changed"
	Kind   string // "endpoint", "context", ...
	Name   string
	Detail string // of a changed one: options or extensions; values are never told
}

func (c Change) String() string {
	s := fmt.Sprintf("%-8s%s", c.What, c.Kind)
	if c.Name != "" {
		s += " " + c.Name
	}
	if c.Detail != "" {
		s += ": " + c.Detail
	}
	return s
}

// Write prints changes, one a line, at most limit of them.
func Write(w io.Writer, all []Change, limit int) {
	for i, c := range all {
		if i == limit {
			fmt.Fprintf(w, "  and %d more\n", len(all)-limit)
			return
		}
		fmt.Fprintln(w, "  "+c.String())
	}
}

// Changes lists what is different in next: the objects of pjsip.conf and
// sip.conf, the sections of other files, contexts and their extensions.
func Changes(old, next Config) []Change {
	var out []Change
	for _, name := range names(old.Files, next.Files) {
		if name == "extensions.conf" {
			continue
		}
		out = append(out, between(objects(name, old.Files[name]), objects(name, next.Files[name]))...)
	}
	return append(out, between(contexts(old.Plan), contexts(next.Plan))...)
}

func names(a, b map[string]*astconf.File) []string {
	var out []string
	for _, m := range []map[string]*astconf.File{a, b} {
		for name := range m {
			if !slices.Contains(out, name) {
				out = append(out, name)
			}
		}
	}
	slices.Sort(out)
	return out
}

// An object is something with a kind, a name and lines.
type object struct {
	kind, name string
	lines      []line
}

// A line is one setting, or one extension of a context.
type line struct{ name, value string }

func (o object) key() string { return o.kind + "\x00" + o.name }

// objects are the sections of a file. Sections of pjsip.conf are told apart by
// type and name; those of one kind and name are one object.
func objects(file string, f *astconf.File) []object {
	if f == nil {
		return nil
	}
	var out []object
	for _, s := range f.Sections {
		o := object{kind: "section", name: s.Name + " of " + file}
		switch kind, ok := s.Get("type"); {
		case file == "pjsip.conf" && ok:
			o.kind, o.name = strings.ToLower(kind), s.Name
		case file == "sip.conf" && !strings.EqualFold(s.Name, "general"):
			o.kind, o.name = "device", s.Name
		}
		for _, e := range s.Entries {
			o.lines = append(o.lines, line{strings.ToLower(e.Name), e.Value})
		}
		out = merged(out, o)
	}
	return out
}

func merged(all []object, o object) []object {
	for i := range all {
		if all[i].key() == o.key() {
			all[i].lines = append(all[i].lines, o.lines...)
			return all
		}
	}
	return append(all, o)
}

// contexts are the contexts of a plan; their lines are extensions, each with all
// its steps as the value.
func contexts(p *dialplan.Plan) []object {
	if p == nil {
		return nil
	}
	globals := object{kind: "globals"}
	for _, g := range p.Globals() {
		globals.lines = append(globals.lines, line{g.Name, g.Value})
	}
	var out []object
	if len(globals.lines) > 0 {
		out = append(out, globals)
	}
	for _, v := range p.Views() {
		o := object{kind: "context", name: v.Name}
		for _, i := range v.Includes {
			o.lines = append(o.lines, line{"include " + i.Context, fmt.Sprint(i.Timed)})
		}
		for _, e := range v.Extensions {
			var b strings.Builder
			for _, s := range e.Steps {
				fmt.Fprintf(&b, "%d %s %s %s\n", s.Priority, s.Label, s.App, s.Args)
			}
			if e.Hint != nil {
				fmt.Fprintf(&b, "hint %s %s\n", e.Hint.App, e.Hint.Args)
			}
			o.lines = append(o.lines, line{e.Name, b.String()})
		}
		out = append(out, o)
	}
	return out
}

// between compares two lists of objects.
func between(old, next []object) []Change {
	was := map[string]object{}
	for _, o := range old {
		was[o.key()] = o
	}
	var out []Change
	for _, o := range next {
		before, had := was[o.key()]
		delete(was, o.key())
		if !had {
			out = append(out, Change{What: "added", Kind: o.kind, Name: o.name})
			continue
		}
		if slices.Equal(before.lines, o.lines) {
			continue
		}
		c := Change{What: "changed", Kind: o.kind, Name: o.name}
		if o.kind == "context" {
			c.Detail = differingContext(before.lines, o.lines)
		} else {
			c.Detail = differing(before.lines, o.lines)
		}
		out = append(out, c)
	}
	for _, o := range was {
		out = append(out, Change{What: "removed", Kind: o.kind, Name: o.name})
	}
	order := func(a, b Change) int {
		return cmp.Or(cmp.Compare(a.What, b.What), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name))
	}
	sort.SliceStable(out, func(i, j int) bool { return order(out[i], out[j]) < 0 })
	return out
}

// values are the values of each name, in order.
func values(lines []line) (order []string, all map[string]string) {
	all = map[string]string{}
	for _, l := range lines {
		if _, have := all[l.name]; !have {
			order = append(order, l.name)
		}
		all[l.name] += l.value + "\n"
	}
	return order, all
}

// maxDetail is how many names a Detail lists.
const maxDetail = 12

// differing names the options that are not the same.
func differing(a, b []line) string {
	var out []string
	oldNames, old := values(a)
	newNames, next := values(b)
	for _, n := range append(newNames, oldNames...) {
		if old[n] != next[n] && !slices.Contains(out, n) {
			out = append(out, n)
		}
	}
	if len(out) == 0 {
		return "order of its lines"
	}
	return listed(out)
}

// differingContext names extensions and includes, and says what became of each.
func differingContext(a, b []line) string {
	var out []string
	oldNames, old := values(a)
	newNames, next := values(b)
	for _, n := range newNames {
		switch was, had := old[n]; {
		case !had:
			out = append(out, n+" added")
		case was != next[n]:
			out = append(out, n+" changed")
		}
	}
	for _, n := range oldNames {
		if _, stays := next[n]; !stays {
			out = append(out, n+" removed")
		}
	}
	if len(out) == 0 {
		return "order of its lines"
	}
	return listed(out)
}

func listed(names []string) string {
	if len(names) > maxDetail {
		return strings.Join(names[:maxDetail], ", ") + fmt.Sprintf(" and %d more", len(names)-maxDetail)
	}
	return strings.Join(names, ", ")
}
