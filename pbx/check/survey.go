package check

import (
	"maps"
	"net/netip"
	"slices"
	"strings"

	"branchline/pbx/astconf"
	"branchline/pbx/dialplan"
	"branchline/pbx/settings"
)

// Two bytes that no configuration holds stand for what is known only in a call.
const (
	unknown = "\x00"
	dialled = "\x01" // the number that was dialled, of a pattern
)

// A step is one line of the dialplan with the extension it belongs to.
type step struct {
	*dialplan.Step
	ext  dialplan.ExtensionView
	next int // index of its successor in ext.Steps
	args string
	// whole is true if args holds neither unknown nor dialled.
	whole bool
}

// is reports whether the step runs one of these applications.
func (s step) is(apps ...string) bool {
	return slices.ContainsFunc(apps, func(a string) bool { return strings.EqualFold(a, s.App) })
}

// A dial is one Dial step.
type dial struct {
	step
	targets []target
	timeout string
	options dialplan.Options
	given   int // arguments
}

// A target is one device of a Dial.
type target struct {
	text     string // as written, with what is known filled in
	tech     string
	user     string // number@..., "" if there is none
	device   string // the endpoint; may be or hold unknown and dialled
	explicit bool   // an address follows the endpoint
	// endpoints are those the device can be.
	endpoints []*settings.Endpoint
}

// An edge leads from one context to another.
type edge struct {
	astconf.Pos
	to  string
	how string // "includes", "goes to"
}

// A leap is a jump a step may make.
type leap struct {
	dialplan.Target
	from step
}

// An entrant is who may begin a call in a context.
type entrant struct {
	endpoint *settings.Endpoint
	open     bool // without proving who he is
	trunk    bool
}

func (x *examiner) survey() {
	x.ordered = slices.SortedFunc(maps.Values(x.snap.Endpoints), func(a, b *settings.Endpoint) int {
		if n := strings.Compare(a.Pos.File, b.Pos.File); n != 0 {
			return n
		}
		if n := a.Pos.Line - b.Pos.Line; n != 0 {
			return n
		}
		return strings.Compare(a.ID, b.ID)
	})
	x.everyone = slices.Clone(x.ordered)
	x.devices = map[*settings.Endpoint]*settings.Device{}
	if x.snap.SIP != nil {
		for _, d := range x.snap.SIP.List {
			if d.Endpoint != nil {
				x.everyone = append(x.everyone, d.Endpoint)
				x.devices[d.Endpoint] = d
			}
		}
	}
	x.known = map[string]bool{}
	x.reached = map[string]reached{}
	for _, i := range x.snap.Identifies {
		x.known[i.Endpoint] = true
	}
	x.users = map[string][]string{}
	for _, e := range x.ordered {
		for _, name := range slices.Concat(e.Auths, e.OutboundAuths) {
			if !slices.Contains(x.users[name], e.ID) {
				x.users[name] = append(x.users[name], e.ID)
			}
		}
	}
	for _, r := range x.snap.Registrations {
		for _, name := range r.OutboundAuths {
			x.users[name] = append(x.users[name], r.ID)
		}
	}
	x.enter()
	x.globals = map[string]string{}
	for _, g := range x.plan.Globals() {
		x.globals[g.Name] = g.Value
	}
	x.views = x.plan.Views()
	x.view = map[string]*dialplan.ContextView{}
	x.edges = map[string][]edge{}
	for i := range x.views {
		v := &x.views[i]
		x.view[v.Name] = v
		for _, inc := range v.Includes {
			x.edges[v.Name] = append(x.edges[v.Name], edge{inc.Pos, inc.Context, "includes"})
		}
		for _, ext := range v.Extensions {
			for n, s := range ext.Steps {
				x.steps = append(x.steps, x.evaluate(s, ext, n+1))
			}
		}
	}
	for _, s := range x.steps {
		if s.is("Dial") {
			x.dials = append(x.dials, x.dial(s))
		}
	}
	x.answering = map[*settings.Endpoint]bool{}
	for _, d := range x.dials {
		for _, t := range d.targets {
			for _, e := range t.endpoints {
				x.answering[e] = true
			}
		}
	}
	x.follow()
}

// enter finds who begins calls where.
func (x *examiner) enter() {
	x.entrants = map[string][]entrant{}
	for _, e := range x.ordered {
		open := len(e.Auths) == 0 && slices.Contains(e.IdentifyBy, "username") && len(e.ACL) == 0
		if e.ID == "anonymous" || strings.HasPrefix(e.ID, "anonymous@") {
			open = len(e.Auths) == 0
		}
		x.entrants[e.Context] = append(x.entrants[e.Context], entrant{e, open, x.trunk(e)})
	}
	if x.snap.SIP == nil {
		return
	}
	for _, d := range x.snap.SIP.List {
		if e := d.Endpoint; e != nil {
			open := d.Claims() && (len(e.Auths) == 0 || d.InsecureInvite) && len(e.ACL) == 0
			x.entrants[e.Context] = append(x.entrants[e.Context], entrant{e, open, x.trunk(e)})
		}
	}
	if g := x.snap.SIP.Guest; g != nil {
		x.guest = g
		x.entrants[x.snap.SIP.Context] = append(x.entrants[x.snap.SIP.Context], entrant{g, true, false})
	}
}

// phone reports whether a telephone can register as e.
func (x *examiner) phone(e *settings.Endpoint) bool {
	if d := x.devices[e]; d != nil {
		return d.Dynamic
	}
	return slices.ContainsFunc(e.AORs, func(name string) bool {
		a := x.snap.AORs[name]
		return a != nil && a.MaxContacts > 0
	})
}

// trunk reports whether e is another exchange or provider: it does not
// register here, and is known by its address or has one of its own.
func (x *examiner) trunk(e *settings.Endpoint) bool {
	if d := x.devices[e]; d != nil {
		return !d.Dynamic && d.Host != ""
	}
	if e == x.guest || x.phone(e) || e.ID == "anonymous" {
		return false
	}
	for _, name := range e.AORs {
		if a := x.snap.AORs[name]; a != nil && len(a.Contacts) > 0 {
			return true
		}
	}
	return x.identified(e) || slices.ContainsFunc(x.snap.Registrations, func(r *settings.Registration) bool { return r.Endpoint == e.ID })
}

func (x *examiner) identified(e *settings.Endpoint) bool {
	return x.known[e.ID]
}

// evaluate fills in what of a step's arguments is known before any call.
func (x *examiner) evaluate(s *dialplan.Step, ext dialplan.ExtensionView, next int) step {
	out := step{Step: s, ext: ext, next: next}
	known := func(name string) (string, bool) {
		switch name {
		case "EXTEN":
			if !ext.Pattern {
				return ext.Name, true
			}
			return "", false
		case "CONTEXT":
			return s.Context, true
		}
		v, ok := x.globals[name]
		return v, ok
	}
	text := s.Args
	if ext.Pattern && strings.Contains(text.String(), "${EXTEN}") {
		text, _ = dialplan.ParseText(strings.ReplaceAll(text.String(), "${EXTEN}", dialled))
	}
	out.args, out.whole = text.Static(known, unknown)
	out.whole = out.whole && !strings.Contains(out.args, dialled)
	return out
}

func certain(s string) bool { return !strings.ContainsAny(s, unknown+dialled) }

func (x *examiner) dial(s step) dial {
	args := dialplan.SplitArgs(s.args, 5)
	d := dial{step: s, given: len(args)}
	if len(args) > 1 {
		d.timeout = strings.TrimSpace(args[1])
	}
	if len(args) > 2 {
		d.options = dialplan.ParseOptions(args[2])
	}
	for _, t := range strings.Split(args[0], "&") {
		if t = strings.TrimSpace(t); t != "" {
			d.targets = append(d.targets, x.target(t, s.ext))
		}
	}
	return d
}

// target takes Tech/[user@]device[/address] apart.
func (x *examiner) target(text string, ext dialplan.ExtensionView) target {
	t := target{text: text}
	tech, rest, _ := strings.Cut(text, "/")
	t.tech, t.device = tech, rest
	switch strings.ToUpper(tech) {
	case "PJSIP":
		if x.snap.Endpoints[rest] == nil {
			if user, ep, ok := strings.Cut(rest, "@"); ok && !strings.Contains(user, "/") {
				t.user, t.device = user, ep
			}
		}
		if ep, _, ok := strings.Cut(t.device, "/"); ok {
			t.device, t.explicit = ep, true
		}
	case "SIP":
		t.device, _, _ = strings.Cut(t.device, "!")
		if i := strings.LastIndexByte(t.device, '@'); i >= 0 {
			t.user, t.device = t.device[:i], t.device[i+1:]
		} else if peer, number, ok := strings.Cut(t.device, "/"); ok {
			t.device, t.user = peer, number
		}
	default:
		return t
	}
	switch {
	case strings.EqualFold(tech, "SIP"):
		t.endpoints = x.deviceTargets(t.device, ext)
	case t.device == dialled:
		for _, e := range x.ordered {
			if ext.Matches(e.ID) {
				t.endpoints = append(t.endpoints, e)
			}
		}
	case certain(t.device):
		if e := x.snap.Endpoints[t.device]; e != nil {
			t.endpoints = []*settings.Endpoint{e}
		}
	}
	return t
}

func (x *examiner) deviceTargets(name string, ext dialplan.ExtensionView) []*settings.Endpoint {
	if x.snap.SIP == nil {
		return nil
	}
	if certain(name) {
		if d := x.snap.Device(name); d != nil && d.Endpoint != nil {
			return []*settings.Endpoint{d.Endpoint}
		}
		return nil
	}
	var out []*settings.Endpoint
	if name == dialled {
		for _, d := range x.snap.SIP.List {
			if d.Endpoint != nil && ext.Matches(d.Name) {
				out = append(out, d.Endpoint)
			}
		}
	}
	return out
}

// follow finds the contexts that calls are sent to.
func (x *examiner) follow() {
	for _, s := range x.steps {
		for _, j := range targetsOf(s) {
			x.leaps = append(x.leaps, leap{j, s})
			if j.Context != "" && certain(j.Context) && j.Context != s.Step.Context {
				x.edges[s.Step.Context] = append(x.edges[s.Step.Context], edge{s.Pos, j.Context, "goes to"})
			}
		}
	}
	for _, d := range x.dials {
		for _, t := range d.targets {
			if !strings.EqualFold(t.tech, "Local") {
				continue
			}
			_, context, ok := strings.Cut(t.device, "@")
			if context, _, _ = strings.Cut(context, "/"); ok && certain(context) && context != d.Context {
				x.edges[d.Context] = append(x.edges[d.Context], edge{d.Pos, context, "dials into"})
			}
		}
	}
}

// reach gives the contexts that a call in one can get to, the context itself
// first, each with the way there in words.
func (x *examiner) reach(from string) (contexts []string, way map[string]string) {
	if r, ok := x.reached[from]; ok {
		return r.contexts, r.way
	}
	way = map[string]string{from: "[" + from + "]"}
	contexts = []string{from}
	for i := 0; i < len(contexts); i++ {
		for _, e := range x.edges[contexts[i]] {
			if _, seen := way[e.to]; !seen && x.view[e.to] != nil {
				way[e.to] = way[contexts[i]] + " " + e.how + " [" + e.to + "]"
				contexts = append(contexts, e.to)
			}
		}
	}
	x.reached[from] = reached{contexts, way}
	return contexts, way
}

// reaches reports whether a call that begins in one context can get to another.
func (x *examiner) reaches(from, to string) bool {
	_, way := x.reach(from)
	return way[to] != ""
}

// reached is what reach has found.
type reached struct {
	contexts []string
	way      map[string]string
}

// included gives a context and what it includes, in the order of search.
func (x *examiner) included(from string) []string {
	out := []string{}
	var walk func(string)
	walk = func(name string) {
		if x.view[name] == nil || slices.Contains(out, name) {
			return
		}
		out = append(out, name)
		for _, i := range x.view[name].Includes {
			walk(i.Context)
		}
	}
	walk(from)
	return out
}

// find looks for a number in a context and what it includes at any time.
func (x *examiner) find(context, number string) (ext dialplan.ExtensionView, ok bool) {
	for _, c := range x.included(context) {
		if m := x.plan.Matching(c, number); len(m) > 0 {
			return m[0], true
		}
	}
	return ext, false
}

// literal is the address a SIP URI names; false for names.
func literal(uri string) (netip.Addr, bool) {
	_, rest, ok := strings.Cut(uri, ":")
	if !ok {
		return netip.Addr{}, false
	}
	if i := strings.LastIndexByte(rest, '@'); i >= 0 {
		rest = rest[i+1:]
	}
	rest, _, _ = strings.Cut(rest, ";")
	if ap, err := netip.ParseAddrPort(rest); err == nil {
		return ap.Addr().Unmap(), true
	}
	a, err := netip.ParseAddr(strings.Trim(rest, "[]"))
	return a.Unmap(), err == nil
}
