package dialplan

import (
	"fmt"
	"slices"
	"strings"

	"branchline/pbx/astconf"
	"branchline/pbx/dialplan/argument"
	"branchline/pbx/dialplan/pattern"
	"branchline/pbx/dialplan/substitution"
	"branchline/pbx/dialplan/timespec"
)

// compiler is the state of one Compile.
type compiler struct {
	plan    *Plan
	cat     Catalog
	diags   []astconf.Diag
	known   Known
	context *dialContext
	last    int  // last priority of this section
	started bool // last is valid
	// afterHint is set while n cannot be used: a hint has no number.
	afterHint bool
	pattern   string // last extension as written, for same
	missing   []includeLine
}

type includeLine struct {
	astconf.Pos
	context, target string
}

// Known is what [globals] and the names of extensions are evaluated against while
// a file is read: the globals so far, and functions that need no channel.
type Known interface {
	Eval(t *substitution.Text) string
	SetGlobal(name, value string)
}

// Compile turns extensions.conf into a plan. It always returns a plan; whether
// a file with errors may be put in force is the caller's decision. cat may be
// nil, then applications are not looked up.
func Compile(f *astconf.File, cat Catalog, known Known) (*Plan, []astconf.Diag) {
	c := &compiler{plan: Empty(), cat: cat, known: known}
	for _, s := range f.Sections {
		switch s.Name {
		case "general":
			c.general(s)
		case "globals":
			c.globalLines(s)
		}
	}
	for _, s := range f.Sections {
		if s.Name != "general" && s.Name != "globals" {
			c.section(s)
		}
	}
	for _, l := range c.missing {
		if c.plan.contexts[l.target] == nil {
			c.warn(l.Pos, "include-missing-context", fmt.Sprintf("context %q includes %q, which does not exist: nothing is found there", l.context, l.target), "correct the name, or add ["+l.target+"]").Near = l.target
		}
	}
	for _, d := range c.plan.order {
		d.finish(c.plan)
	}
	return c.plan, c.diags
}

func (c *compiler) note(at astconf.Pos, rule, message, cure string) {
	c.diags = append(c.diags, astconf.Diag{Pos: at, Severity: astconf.Note, Rule: rule, Message: message, Cure: cure})
}

func (c *compiler) warn(at astconf.Pos, rule, message, cure string) *astconf.Diag {
	c.diags = append(c.diags, astconf.Diag{Pos: at, Severity: astconf.Warning, Rule: rule, Message: message, Cure: cure})
	return &c.diags[len(c.diags)-1]
}

// respell lets d be cured by other words in its line.
func respell(d *astconf.Diag, wrong, right string, safe bool) {
	d.Near = wrong
	d.Fix = &astconf.Fix{Safe: safe, Edits: []astconf.Edit{{File: d.File, Line: d.Line, Old: wrong, New: right}}}
}

// isStep reports whether a setting is a line of a context.
func isStep(name string) bool {
	name = strings.ToLower(name)
	return name == "exten" || strings.HasPrefix(name, "same") || name == "include"
}

func (c *compiler) general(s *astconf.Section) {
	for _, e := range s.Entries {
		switch name := strings.ToLower(e.Name); name {
		case "autofallthrough", "clearglobalvars":
			v, known := astconf.Bool(e.Value)
			if !known {
				c.warn(e.Pos, "not-boolean", fmt.Sprintf("%s=%s is neither yes nor no and changes nothing", e.Name, e.Value), "write yes or no")
				continue
			}
			if name == "autofallthrough" {
				c.plan.autoFallthrough = v
			} else {
				c.plan.clearGlobals = v
			}
		case "priorityjumping":
			c.note(e.Pos, "priorityjumping", "priorityjumping has no effect since Asterisk 1.6", "remove the line; use GotoIf with ${DIALSTATUS}")
		case "static", "writeprotect", "extenpatternmatchnew":
			// They steer `dialplan save` and the choice between two matchers
			// with equal results; neither exists here.
		case "userscontext", "overrideswitch":
			c.note(e.Pos, "not-honoured", e.Name+" is understood but not honoured", "")
		default:
			if isStep(e.Name) {
				c.warn(e.Pos, "step-outside-context", fmt.Sprintf("%s stands in [general], which is no context; the line is dropped", e.Name), "put it below the line of a context, such as [default]")
				continue
			}
			c.warn(e.Pos, "unknown-option", fmt.Sprintf("%s is not an option of [general] and is ignored", e.Name), "").Near = e.Name
		}
	}
}

func (c *compiler) globalLines(s *astconf.Section) {
	for _, e := range s.Entries {
		if e.Arrow && isStep(e.Name) {
			c.warn(e.Pos, "step-outside-context", fmt.Sprintf("%s stands in [globals], which is no context: it only sets a variable of that name", e.Name), "put it below the line of a context, such as [default]")
		}
		value := c.expand(e.Pos, e.Value)
		c.known.SetGlobal(e.Name, value)
		c.plan.globals = append(c.plan.globals, Global{Pos: e.Pos, Name: e.Name, Value: value})
	}
}

// expand substitutes what can be known at load: globals, and functions that
// need no channel.
func (c *compiler) expand(at astconf.Pos, text string) string {
	t, problem := substitution.Parse(text)
	if problem != "" {
		c.warn(at, "unclosed-bracket", problem, "close it")
	}
	return c.known.Eval(t)
}

func (c *compiler) section(s *astconf.Section) {
	d := c.plan.contexts[s.Name]
	if d == nil {
		d = &dialContext{name: s.Name, exact: map[string][]*extension{}, patternBy: map[string][]*extension{}}
		c.plan.contexts[s.Name] = d
		c.plan.order = append(c.plan.order, d)
	}
	c.context, c.last, c.started, c.afterHint, c.pattern = d, 0, false, false, ""
	for _, e := range s.Entries {
		name := strings.ToLower(e.Name)
		switch {
		case name == "exten":
			c.extenLine(e)
		case strings.HasPrefix(name, "same"):
			c.sameLine(e)
		case name == "include":
			c.includeLine(e)
		case name == "ignorepat":
			text := c.expand(e.Pos, e.Value)
			i := ignorePattern{Pos: e.Pos, text: pattern.Undash(text)}
			if rest, ok := strings.CutPrefix(text, "_"); ok {
				i.pattern = true
				i.elements, _ = pattern.Parse(rest)
			}
			d.ignore = append(d.ignore, i)
		case name == "switch", name == "lswitch", name == "eswitch":
			d.switches = append(d.switches, otherSwitch{Pos: e.Pos, text: e.Value})
			c.warn(e.Pos, "switch-refused", fmt.Sprintf("%s => %s: remote and real-time dialplans are not supported; nothing is looked up there", e.Name, argument.Clip(e.Value)), "write the extensions here, or Dial the other exchange")
		case name == "autohints":
			if v, _ := astconf.Bool(e.Value); v {
				d.autohints = true
				c.note(e.Pos, "not-honoured", "autohints is understood but not honoured", "write hint lines")
			}
		default:
			c.warn(e.Pos, "unknown-directive", fmt.Sprintf("%q is not a line of a context and is ignored", argument.Clip(e.Name)), "write exten, same, include or ignorepat").Near = e.Name
		}
	}
}

func (c *compiler) includeLine(e astconf.Entry) {
	text := c.expand(e.Pos, e.Value)
	name, spec := text, ""
	if i := strings.IndexAny(text, ",|"); i >= 0 {
		name, spec = text[:i], text[i+1:]
	}
	inc := include{Pos: e.Pos, text: text, context: strings.TrimSpace(name)}
	if strings.TrimSpace(spec) != "" {
		when, err := timespec.Parse(spec)
		if err != nil {
			c.warn(e.Pos, "bad-time", fmt.Sprintf("include of %q: %v; this part does not restrict the time", inc.context, err), "write times,weekdays,days,months such as 9:00-17:00,mon-fri,*,*")
		}
		inc.when = &when
	}
	for _, i := range c.context.includes {
		if i.text == text {
			c.warn(e.Pos, "include-twice", fmt.Sprintf("context %q is already included here (line %d)", inc.context, i.Line), "remove the line")
			return
		}
	}
	c.context.includes = append(c.context.includes, inc)
	c.missing = append(c.missing, includeLine{e.Pos, c.context.name, inc.context})
}

// finish builds the indexes of a context once all its lines are known.
func (d *dialContext) finish(p *Plan) {
	slices.SortStableFunc(d.extensions, func(a, b *extension) int {
		if a.pattern != b.pattern {
			if a.pattern {
				return 1
			}
			return -1
		}
		if a.pattern {
			return 0 // below, in the tree's order
		}
		if n := strings.Compare(a.key, b.key); n != 0 {
			return n
		}
		return byCaller(a, b)
	})
	names := 0
	for ; names < len(d.extensions) && !d.extensions[names].pattern; names++ {
		key := d.extensions[names].key
		if len(d.names) == 0 || d.names[len(d.names)-1] != key {
			d.names = append(d.names, key)
		}
	}
	for key := range d.exact {
		slices.SortStableFunc(d.exact[key], byCaller)
	}
	never := slices.DeleteFunc(slices.Clone(d.extensions[names:]), func(e *extension) bool { return e.elements != nil })
	d.extensions = d.extensions[:names]
	d.patterns.Walk(func(e *extension) { d.extensions = append(d.extensions, e) })
	d.extensions = append(d.extensions, never...)
	for _, e := range d.extensions {
		slices.SortFunc(e.steps, func(a, b *Step) int { return a.Priority - b.Priority })
		p.extensions++
		p.priorities += len(e.steps)
		if e.hint != nil {
			p.priorities++
			p.hints = append(p.hints, hintOf(e.hint))
		}
	}
}
