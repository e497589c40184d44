package dialplan

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"branchline/pbx/cli"
	"branchline/pbx/dialplan/pattern"
)

// registrar is what Asterisk's console calls the part that read
// extensions.conf; scripts look for it.
const registrar = "pbx_config"

// shown counts what a listing printed.
type shown struct{ contexts, extensions, priorities int }

// ShowAll prints the whole plan as `dialplan show` does.
func (p *Plan) ShowAll(w io.Writer) {
	var n shown
	for _, d := range slices.Backward(p.order) {
		p.showContext(w, d, &n)
	}
	n.print(w)
}

// ShowContext prints one context; it reports false if there is none of that name.
func (p *Plan) ShowContext(w io.Writer, context string) bool {
	d := p.contexts[context]
	if d == nil {
		return false
	}
	var n shown
	p.showContext(w, d, &n)
	n.print(w)
	return true
}

// ShowExten prints what would match a number dialled in a context (any
// context, if it is ""), with the contexts that are included. It reports false
// if nothing matches.
func (p *Plan) ShowExten(w io.Writer, exten, context string, now time.Time) bool {
	var n shown
	for _, d := range slices.Backward(p.order) {
		if context == "" || d.name == context {
			var visited []*dialContext
			p.showMatches(w, d, pattern.Undash(exten), now, false, &visited, &n)
		}
	}
	if n.extensions > 0 {
		n.print(w)
	}
	return n.extensions > 0
}

// record is a context, with some of its extensions, in a document.
func (d *dialContext) record(list []*extension, included bool) cli.Record {
	extensions, includes, ignored, switches := []cli.Record{}, []string{}, []string{}, []string{}
	for _, e := range list {
		extensions = append(extensions, e.record())
	}
	for _, i := range d.includes {
		includes = append(includes, i.text)
	}
	for _, i := range d.ignore {
		ignored = append(ignored, i.text)
	}
	for _, s := range d.switches {
		switches = append(switches, s.text)
	}
	return cli.Fields("name", d.name, "included", included, "extensions", extensions, "includes", includes,
		"ignore_patterns", ignored, "switches", switches)
}

func (e *extension) record() cli.Record {
	r := cli.Fields("name", e.name)
	if e.caller != nil {
		r = append(r, cli.Field{Name: "caller", Value: e.caller.text})
	}
	if e.hint != nil {
		r = append(r, cli.Field{Name: "hint", Value: e.hint.text()})
	}
	steps := []cli.Record{}
	for _, s := range e.steps {
		steps = append(steps, cli.Fields("priority", s.Priority, "label", s.Label, "application", s.App, "arguments", s.Args.String(), "file", s.File, "line", s.Line))
	}
	return append(r, cli.Field{Name: "steps", Value: steps})
}

func (n *shown) print(w io.Writer) {
	cli.Put(w, "extensions", n.extensions)
	cli.Put(w, "priorities", n.priorities)
	fmt.Fprintf(w, "-= %d %s (%d %s) in %d %s. =-\n",
		n.extensions, plural(n.extensions, "extension", "extensions"),
		n.priorities, plural(n.priorities, "priority", "priorities"),
		n.contexts, plural(n.contexts, "context", "contexts"))
}

func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

func (p *Plan) showContext(w io.Writer, d *dialContext, n *shown) {
	n.contexts++
	d.header(w, false)
	cli.Add(w, "contexts", d.record(d.extensions, false))
	for _, e := range d.extensions {
		e.show(w, n)
	}
	for _, i := range d.includes {
		d.line(w, "Include =>", i.text)
	}
	for _, i := range d.ignore {
		d.line(w, "Ignore pattern =>", i.text)
	}
	for _, s := range d.switches {
		d.line(w, "Alt. Switch =>", s.text)
	}
	fmt.Fprintln(w)
}

func (d *dialContext) header(w io.Writer, included bool) {
	what := "Context"
	if included {
		what = "Included context"
	}
	fmt.Fprintf(w, "[ %s '%s' created by '%s' ]\n", what, d.name, registrar)
	if d.autohints {
		fmt.Fprintln(w, "Autohints support enabled")
	}
}

func (d *dialContext) line(w io.Writer, what, text string) {
	fmt.Fprintf(w, "  %-17s %-45s [%s]\n", what, "'"+text+"'", registrar)
}

// showMatches prints the extensions that match, then those of included contexts.
func (p *Plan) showMatches(w io.Writer, d *dialContext, exten string, now time.Time, included bool, visited *[]*dialContext, n *shown) {
	if slices.Contains(*visited, d) || len(*visited) >= maxNesting {
		return
	}
	*visited = append(*visited, d)
	before := *n
	var shown []*extension
	for _, e := range d.extensions {
		if !e.showsFor(exten) {
			continue
		}
		shown = append(shown, e)
		if n.extensions == before.extensions {
			n.contexts++
			d.header(w, included)
		}
		e.show(w, n)
	}
	if shown != nil {
		cli.Add(w, "contexts", d.record(shown, included))
	}
	for _, i := range d.includes {
		if c := p.contexts[i.context]; c != nil && (i.when == nil || i.when.Match(now)) {
			p.showMatches(w, c, exten, now, true, visited, n)
		}
	}
	for _, s := range d.switches {
		d.line(w, "Alt. Switch =>", s.text)
	}
	if n.extensions > before.extensions {
		fmt.Fprintln(w)
	}
}

func (e *extension) showsFor(exten string) bool {
	if !e.pattern {
		return e.key == exten
	}
	return strings.EqualFold(e.key, exten) || e.elements != nil && e.elements.Matches(exten)
}

// show prints an extension's hint and steps.
func (e *extension) show(w io.Writer, n *shown) {
	n.extensions++
	head := "'" + e.name + "' =>"
	if e.caller != nil {
		head = "'" + e.name + "' (CID match '" + e.caller.text + "') => "
	}
	if e.hint != nil {
		e.hint.show(w, head)
		n.priorities++
		head = ""
	}
	for i, s := range e.steps {
		if s.Label != "" && (i > 0 || e.hint != nil) {
			head = "   [" + s.Label + "]"
		}
		s.show(w, head)
		n.priorities++
		head = ""
	}
}

// show prints one line; the label of a first step gives way to the extension.
func (s *Step) show(w io.Writer, head string) {
	text := "hint: " + s.text()
	if s.Priority != HintPriority {
		text = fmt.Sprintf("%d. %s", s.Priority, s.text())
	}
	fmt.Fprintf(w, "  %-17s %-45s [%s:%d]\n", head, text, s.File, s.Line)
}

// text gives a step as the plan lists it: App(args).
func (s *Step) text() string {
	if s.Priority == HintPriority {
		if a := s.Args.String(); a != "" {
			return s.App + "(" + a + ")"
		}
		return s.App
	}
	return s.App + "(" + s.Args.String() + ")"
}
