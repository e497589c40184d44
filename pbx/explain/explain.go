// Package explain says what a call would do, without making it: who the caller
// is taken for, which extension is chosen, what each step does, whom Dial
// rings, and how the call ends for the caller in each case.
//
// Jumps, conditions and variables are the real thing, run on a channel that
// leads nowhere; what would be heard, sent or stored is only told (apps.go).
// Where the way depends on what nobody can know, a party that answers or a
// value in a database, the walk is made once for each possibility (tree.go).
package explain

import (
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
	"time"

	"branchline/pbx/channel"
	"branchline/pbx/dialplan"
	"branchline/pbx/dialplan/live"
	"branchline/pbx/settings"
)

// A Contact is a place where an address of record is reached.
type Contact struct {
	URI       string
	Transport string // by which it registered, "" for a permanent one
	Source    netip.AddrPort
	Reachable bool // no, if it was asked and did not answer
}

// World is what an explanation is made from.
type World struct {
	Settings *settings.Snapshot
	Plan     *dialplan.Plan
	// Catalog makes applications and functions that work on system.
	Catalog func(system *live.System) dialplan.Catalog
	Globals map[string]string // as they are now; nil: as the plan sets them
	// Identify tells whose a request from this user and address is, and by
	// which identifier; src may be invalid.
	Identify func(user string, src netip.AddrPort) (ep *settings.Endpoint, by string)
	// Contacts lists where an address of record is reached now; nil: nobody
	// knows who is registered.
	Contacts func(aor string) []Contact
	// Status and Phrase are the SIP answer for a cause.
	Status func(channel.Cause) int
	Phrase func(status int) string
}

// A Question is what is to be explained.
type Question struct {
	Endpoint string
	Number   string
	From     netip.Addr // where the call comes from; invalid: where the endpoint is registered
	At       time.Time
}

// Explain writes to out what would happen. The error is for questions that
// make no sense; a call that fails is an explanation like any other.
func (w World) Explain(out io.Writer, q Question) error {
	e := &explanation{World: w, q: q}
	ep, device := w.Settings.Endpoints[q.Endpoint], w.Settings.Device(q.Endpoint)
	if ep == nil && device == nil {
		return fmt.Errorf("there is no endpoint %s%s", q.Endpoint, w.nearest(q.Endpoint))
	}
	fmt.Fprintf(out, "%s dials %s on %s\n", q.Endpoint, q.Number, q.At.Format("Monday 2006-01-02 at 15:04"))
	var b block
	if ep != nil {
		ep = e.who(&b, ep)
	} else {
		ep = device.Endpoint
		b.line("device %s of sip.conf (%s), recognised by its name", device.Name, ep.Pos)
		b.line("%s", e.password(ep))
	}
	section(out, "Who calls", b)
	if ep == nil {
		return nil
	}
	e.ep = ep
	e.caller = ep.CallerID.Number
	if e.caller == "" {
		e.caller = q.Endpoint
	}
	b = nil
	found := e.choice(&b)
	section(out, "Which extension", b)
	if !found {
		return nil
	}
	section(out, "What happens", e.tree(nil, 0))
	return nil
}

// An explanation is one answer under way.
type explanation struct {
	World
	q      Question
	ep     *settings.Endpoint // the caller's
	caller string             // his number
	runs   int
}

// block is lines of text.
type block []string

func (b *block) line(format string, args ...any) { *b = append(*b, fmt.Sprintf(format, args...)) }

func (b *block) indent(by string, lines block) {
	for _, l := range lines {
		*b = append(*b, by+l)
	}
}

func section(out io.Writer, title string, b block) {
	fmt.Fprintf(out, "\n%s\n", title)
	for _, l := range b {
		fmt.Fprintln(out, strings.TrimRight("  "+l, " "))
	}
}

// who tells whom a call of ep is taken for; nil if nobody.
func (e *explanation) who(b *block, ep *settings.Endpoint) *settings.Endpoint {
	src, how := netip.AddrPortFrom(e.q.From, 5060), "from "+e.q.From.String()
	if !e.q.From.IsValid() {
		src, how = e.whereIs(ep), ""
		if src.IsValid() {
			how = "from " + src.Addr().String() + ", where it is registered"
		}
	}
	found, by := e.Identify(e.q.Endpoint, src)
	if how == "" {
		how = "from an address that is not known (--from tells it)"
	}
	if found == nil {
		b.line("a call as %s %s belongs to no endpoint: 401 Unauthorized, for ever", e.q.Endpoint, how)
		if !slices.Contains(ep.IdentifyBy, "username") {
			b.line("endpoint %s (%s) is not recognised by its name: identify_by=%s", ep.ID, ep.Pos, strings.Join(ep.IdentifyBy, ","))
		}
		return nil
	}
	b.line("endpoint %s (%s), recognised by %s, %s", found.ID, found.Pos, byWhat(by), how)
	if found != ep {
		b.line("and not endpoint %s: the identifier %s comes first", ep.ID, by)
	}
	b.line("%s", e.password(found))
	return found
}

func byWhat(by string) string {
	switch by {
	case "ip":
		return "its address (identifier ip)"
	case "username":
		return "the name in From (identifier username)"
	}
	return "identifier " + by
}

// whereIs is the address an endpoint is registered from.
func (e *explanation) whereIs(ep *settings.Endpoint) netip.AddrPort {
	if e.Contacts == nil {
		return netip.AddrPort{}
	}
	for _, aor := range ep.AORs {
		for _, c := range e.Contacts(aor) {
			if c.Source.IsValid() {
				return c.Source
			}
		}
	}
	return netip.AddrPort{}
}

func (e *explanation) password(ep *settings.Endpoint) string {
	if len(ep.Auths) == 0 {
		return "no password is asked for: it has no " + map[bool]string{false: "auth=", true: "secret="}[ep.Legacy]
	}
	if ep.Legacy {
		return "it has to prove itself with its secret"
	}
	return "it has to prove itself with the password of auth " + strings.Join(ep.Auths, " or ")
}

func (w World) nearest(name string) string {
	for id := range w.Settings.Endpoints {
		if strings.EqualFold(id, name) {
			return "; there is " + id
		}
	}
	return ""
}

// choice tells which extension is taken, and which others would match.
func (e *explanation) choice(b *block) bool {
	query := dialplan.Query{Context: e.ep.Context, Exten: e.q.Number, Priority: 1, Caller: e.caller, Now: e.q.At}
	step, miss := e.Plan.Find(query)
	switch {
	case miss == dialplan.NoContext:
		b.line("none: there is no context %s, which endpoint %s calls from (%s)", e.ep.Context, e.ep.ID, e.ep.Pos)
		b.line("=> %s", e.answer(404))
		return false
	case step == nil && e.ep.AllowOverlap && e.Plan.CouldMatchMore(query):
		b.line("none in context %s, but a longer number could match", e.ep.Context)
		b.line("=> %s", e.answer(484))
		return false
	case step == nil:
		b.line("none in context %s matches %s", e.ep.Context, e.q.Number)
		b.line("=> %s", e.answer(404))
		return false
	}
	b.line("%s in context %s (%s)", step.Exten, step.Context, step.Pos)
	for _, c := range e.contexts(e.ep.Context, nil) {
		for _, v := range e.Plan.Matching(c, e.q.Number) {
			if len(v.Steps) == 0 || c == step.Context && v.Name == step.Exten {
				continue
			}
			why := "less exact"
			switch {
			case c != step.Context:
				why = "its context comes later"
			case v.Caller:
				why = "for other callers"
			case v.Steps[0].Priority != 1:
				why = "it has no priority 1"
			}
			b.line("before %s in context %s (%s): %s", v.Name, c, v.Steps[0].Pos, why)
		}
	}
	return true
}

// contexts are those a search in name goes through.
func (e *explanation) contexts(name string, seen []string) []string {
	if slices.Contains(seen, name) {
		return seen
	}
	seen = append(seen, name)
	for _, v := range e.Plan.Views() {
		if v.Name == name {
			for _, i := range v.Includes {
				seen = e.contexts(i.Context, seen)
			}
		}
	}
	return seen
}

// answer is the final response the caller gets.
func (e *explanation) answer(status int) string {
	return fmt.Sprintf("%s gets %d %s", e.q.Endpoint, status, e.Phrase(status))
}
