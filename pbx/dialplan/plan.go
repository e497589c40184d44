package dialplan

import (
	"slices"
	"strings"
	"time"

	"branchline/pbx/astconf"
	"branchline/pbx/dialplan/pattern"
	"branchline/pbx/dialplan/substitution"
	"branchline/pbx/dialplan/timespec"
)

// HintPriority is the Priority of a step that is a hint.
const HintPriority = -1

// A Plan is one accepted extensions.conf. It is never changed after Compile;
// a reload makes another.
type Plan struct {
	contexts map[string]*dialContext
	order    []*dialContext // as they first appear
	globals  []Global
	hints    []Hint

	autoFallthrough, clearGlobals bool
	extensions, priorities        int
}

// A Global is one line of [globals], its value with substitutions made.
type Global struct {
	astconf.Pos
	Name, Value string
}

// A Step is one line of an extension.
type Step struct {
	astconf.Pos
	Context  string
	Exten    string // the name or pattern as written
	Priority int    // from 1, or HintPriority
	Label    string
	App      string // application as written; of a hint, its devices
	Args     *substitution.Text
	Program  *App // what App names, nil if there is no such application
}

// A Hint maps an extension to the devices whose state it shows.
type Hint struct {
	Context, Exten string // Exten may be a pattern
	Devices        string // "PJSIP/101&SIP/102"
	Presence       string // presence provider, "" if none
	Step           *Step
}

// dialContext is a context: all [sections] of one name together.
type dialContext struct {
	name       string
	exact      map[string][]*extension // dash-free name: variants, by caller
	names      []string                // keys of exact, sorted
	patterns   pattern.Tree[*extension]
	patternBy  map[string][]*extension // lower-case pattern text, dash-free: variants
	extensions []*extension            // in the order of search and show
	includes   []include
	ignore     []ignorePattern
	switches   []otherSwitch
	autohints  bool
}

// extension is one pattern (or name), with or without a caller-number match.
type extension struct {
	name     string // as first written
	key      string // dash-free
	elements pattern.Pattern
	pattern  bool
	caller   *callerMatch
	hint     *Step
	steps    []*Step // sorted by priority
}

type callerMatch struct {
	text     string // as written, "" matches callers without a number
	elements pattern.Pattern
	pattern  bool
}

type include struct {
	astconf.Pos
	text, context string
	when          *timespec.Spec // nil: always
}

type ignorePattern struct {
	astconf.Pos
	text     string
	elements pattern.Pattern
	pattern  bool
}

type otherSwitch struct {
	astconf.Pos
	text string
}

// Empty is a plan without contexts.
func Empty() *Plan {
	return &Plan{contexts: map[string]*dialContext{}, autoFallthrough: true}
}

// AutoFallthrough tells what to do when an extension has no next step: end the
// call (true), or wait for a new number.
func (p *Plan) AutoFallthrough() bool { return p.autoFallthrough }

// ClearGlobals tells whether a reload forgets the globals of the plan before.
func (p *Plan) ClearGlobals() bool { return p.clearGlobals }

// Globals gives the lines of [globals], in order.
func (p *Plan) Globals() []Global { return p.globals }

// Hints gives all hints, in the order of the contexts.
func (p *Plan) Hints() []Hint { return p.hints }

// HasContext reports whether there is a context of that name.
func (p *Plan) HasContext(name string) bool { return p.contexts[name] != nil }

// Contexts gives the names of all contexts, in file order.
func (p *Plan) Contexts() []string {
	names := make([]string, len(p.order))
	for i, c := range p.order {
		names[i] = c.name
	}
	return names
}

// Extensions gives the names and patterns of one context, in the order of search.
func (p *Plan) Extensions(context string) []string {
	var names []string
	if c := p.contexts[context]; c != nil {
		for _, e := range c.extensions {
			if len(names) == 0 || names[len(names)-1] != e.name {
				names = append(names, e.name)
			}
		}
	}
	return names
}

// at finds the step of a priority, or that carries a label.
func (e *extension) at(priority int, label string) *Step {
	if label != "" {
		for _, s := range e.steps {
			if s.Label == label {
				return s
			}
		}
		return nil
	}
	if priority == HintPriority {
		return e.hint
	}
	if i, ok := slices.BinarySearchFunc(e.steps, priority, func(s *Step, n int) int { return s.Priority - n }); ok {
		return e.steps[i]
	}
	return nil
}

// accepts compares the caller's number; it wants callers without one to have "".
func (e *extension) accepts(caller string) bool {
	m := e.caller
	if m == nil {
		return true
	}
	if m.text == "" || caller == "" {
		return m.text == caller
	}
	if m.pattern {
		return m.elements.Matches(pattern.Undash(caller))
	}
	return pattern.Undash(m.text) == pattern.Undash(caller)
}

// A Query asks a plan for a step.
type Query struct {
	Context, Exten string
	Priority       int    // from 1; 0 means 1
	Label          string // if set, wanted instead of Priority
	Caller         string // the caller's number, "" if unknown
	Now            time.Time
}

// Miss says how far a search came.
type Miss uint8

const (
	Found Miss = iota
	NoContext
	NoExten
	NoPriority // or no such label
)

func (m Miss) String() string {
	return [...]string{"found", "no such context", "no such extension", "no such priority"}[m]
}

// search is one walk through contexts and what they include.
type search struct {
	plan    *Plan
	query   Query
	exten   string // dash-free
	kind    pattern.Kind
	visited []*dialContext
	step    *Step
	miss    Miss
	stop    bool // decided without a step
}

// Find looks for the step with the wanted priority (or label) of the extension
// that matches. Where several match, the first of them that has that priority
// is taken: own extensions before included ones, names before patterns,
// narrower patterns before wider ones.
func (p *Plan) Find(q Query) (*Step, Miss) { return p.search(q, pattern.All) }

func (p *Plan) search(q Query, kind pattern.Kind) (*Step, Miss) {
	if q.Priority == 0 {
		q.Priority = 1
	}
	s := search{plan: p, query: q, exten: pattern.Undash(q.Exten), kind: kind, miss: NoContext}
	s.context(q.Context)
	if s.step != nil {
		return s.step, Found
	}
	return nil, s.miss
}

// Exists reports whether the number (with the wanted priority, 1 if none is
// set) can be dialled.
func (p *Plan) Exists(q Query) bool { step, _ := p.Find(q); return step != nil }

// CouldMatchMore reports whether a longer number that begins with Exten could
// match, so that more digits are worth waiting for.
func (p *Plan) CouldMatchMore(q Query) bool { step, _ := p.search(q, pattern.More); return step != nil }

// CanMatch reports whether Exten matches, or could with more digits.
func (p *Plan) CanMatch(q Query) bool { step, _ := p.search(q, pattern.Can); return step != nil }

// maxNesting bounds how deeply contexts include each other.
const maxNesting = 128

// context searches one context and what it includes; it reports whether the
// search is over.
func (s *search) context(name string) bool {
	c := s.plan.contexts[name]
	if c == nil || len(s.visited) >= maxNesting || slices.Contains(s.visited, c) {
		return false
	}
	if s.miss == NoContext {
		s.miss = NoExten
	}
	s.visited = append(s.visited, c)
	if c.each(s.exten, s.kind, s.try) {
		return true
	}
	for i := range c.includes {
		inc := &c.includes[i]
		if inc.when != nil && !inc.when.Match(s.query.Now) {
			continue
		}
		if s.context(inc.context) {
			return true
		}
	}
	return false
}

// try takes an extension whose name matched; it reports whether the search is over.
func (s *search) try(e *extension, v pattern.Verdict) bool {
	if !e.accepts(s.query.Caller) {
		return false
	}
	if v == pattern.Final {
		s.stop = true
		return true
	}
	if step := e.at(s.query.Priority, s.query.Label); step != nil {
		s.step = step
		return true
	}
	s.miss = NoPriority
	return false
}

// each calls visit for the extensions that match, best first, until it returns true.
func (c *dialContext) each(exten string, kind pattern.Kind, visit func(*extension, pattern.Verdict) bool) bool {
	if kind != pattern.More {
		for _, e := range c.exact[exten] {
			if visit(e, pattern.Yes) {
				return true
			}
		}
	}
	if kind != pattern.All {
		i, _ := slices.BinarySearch(c.names, exten)
		for ; i < len(c.names) && strings.HasPrefix(c.names[i], exten); i++ {
			if len(c.names[i]) == len(exten) {
				continue
			}
			for _, e := range c.exact[c.names[i]] {
				if visit(e, pattern.Yes) {
					return true
				}
			}
		}
	}
	if kind == pattern.All && strings.HasPrefix(exten, "_") {
		for _, e := range c.patternBy[strings.ToLower(exten)] {
			if visit(e, pattern.Yes) {
				return true
			}
		}
	}
	return c.patterns.Each(exten, kind, visit)
}

// Hint finds the hint of an extension. Variables in the hint of a pattern are
// not yet substituted.
func (p *Plan) Hint(context, exten, caller string, now time.Time) (Hint, bool) {
	step, _ := p.Find(Query{Context: context, Exten: exten, Priority: HintPriority, Caller: caller, Now: now})
	if step == nil {
		return Hint{}, false
	}
	return hintOf(step), true
}

func hintOf(s *Step) Hint {
	devices, presence, _ := strings.Cut(s.App, ",")
	return Hint{Context: s.Context, Exten: s.Exten, Devices: strings.TrimSpace(devices), Presence: strings.TrimSpace(presence), Step: s}
}

// IgnorePattern reports whether dial tone stays on after these digits.
func (p *Plan) IgnorePattern(context, digits string) bool {
	c := p.contexts[context]
	if c == nil {
		return false
	}
	digits = pattern.Undash(digits)
	for _, i := range c.ignore {
		if i.pattern && i.elements.Matches(digits) || !i.pattern && i.text == digits {
			return true
		}
	}
	return false
}

// byCaller orders the variants of one extension: those with a caller-number
// match first, names before patterns.
func byCaller(a, b *extension) int {
	switch {
	case a.caller == nil && b.caller == nil:
		return 0
	case a.caller == nil:
		return 1
	case b.caller == nil:
		return -1
	case a.caller.text < b.caller.text:
		return -1
	case a.caller.text > b.caller.text:
		return 1
	}
	return 0
}
