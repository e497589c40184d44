package explain

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"branchline/media"
	"branchline/pbx/channel"
	"branchline/pbx/dialplan"
	"branchline/pbx/dialplan/live"
	"branchline/pbx/dialplan/substitution"
)

// maxSteps bounds a walk: a dialplan may go round in a circle.
const maxSteps = 400

// A walk is one way through the dialplan.
type walk struct {
	*explanation
	system    *live.System
	c         *channel.Channel
	decisions []int // at the forks to come
	told      block // since the last fork
	fork      *fork // where the walk stopped for want of a decision
	unknown   bool  // something that cannot be known was read
	visits    map[string]int
	second    int // lines told when a place was come to for the second time
	answered  bool
}

// errFork stops a walk at an undecided fork, errEnd where it has told the end.
var (
	errFork = errors.New("fork")
	errEnd  = errors.New("end")
)

// walk follows the call to its end, or to the first fork that is not decided.
func (e *explanation) walk(decisions []int) *walk {
	w := &walk{explanation: e, decisions: decisions, visits: map[string]int{}}
	w.system = live.New(nil)
	w.system.Log = slog.New(remarks{w})
	w.system.Catalog = catalog{e.Catalog(w.system), w}
	w.system.Install(e.Plan)
	for name, value := range e.Globals {
		w.system.Globals.Set(name, value)
	}
	tech := "PJSIP/"
	id := e.ep.ID
	if e.ep.Legacy {
		tech = ""
	}
	w.c = channel.New(leg(tech+id+"-00000000"), channel.NewMailbox())
	c := w.c
	c.Inbound, c.State, c.Endpoint = true, channel.Ring, id
	c.Caller = channel.Party{Number: e.caller, Name: e.ep.CallerID.Name}
	c.ANI, c.Dialed = e.caller, e.q.Number
	c.Context, c.Exten, c.Priority = e.ep.Context, e.q.Number, 1
	c.Language, c.Account, c.Codecs = e.ep.Language, e.ep.AccountCode, e.ep.Codecs
	for _, v := range e.ep.SetVars {
		c.SetVar(v.Name, v.Value)
	}
	for range maxSteps {
		err := w.next()
		if err != nil {
			if !errors.Is(err, errFork) && !errors.Is(err, errEnd) {
				w.over(err)
			}
			return w
		}
	}
	w.told.line("=> it goes round in a circle: no end after %d steps", maxSteps)
	return w
}

// decide is the way taken at a fork.
func (w *walk) decide(ways ...string) (int, error) {
	if len(w.decisions) == 0 {
		w.fork = &fork{ways}
		return 0, errFork
	}
	d := w.decisions[0]
	w.decisions, w.told, w.second = w.decisions[1:], nil, 0 // what came before has been told
	return d, nil
}

// next makes one step.
func (w *walk) next() error {
	c := w.c
	step, miss := w.Plan.Find(dialplan.Query{Context: c.Context, Exten: c.Exten, Priority: c.Priority, Caller: c.Caller.Number, Now: w.q.At})
	if step == nil {
		return w.ranOut(miss)
	}
	live.Enter(c, step)
	live.Jumped(c)
	w.unknown = w.guesses(step.Args)
	args := w.system.Eval(context.Background(), c, step.Args)
	place := fmt.Sprintf("%s,%s,%d", c.Context, c.Exten, c.Priority)
	shown := args
	if w.unknown && !strings.Contains(args, unknownMark) {
		shown = step.Args.String() // as filled in it would look as if it were known
	}
	if w.circling(place) {
		w.told.line("=> and so on: it goes round in a circle")
		return errEnd
	}
	w.told.line("%-34s %s(%s)", "["+place+"] "+step.Pos.String(), step.App, shown)
	if step.Program == nil {
		why, _ := w.system.Catalog.Refused(step.App)
		if why == "" {
			why = "there is no such application"
		}
		w.told.line("    %s: the call ends here", why)
		return dialplan.ErrHangup
	}
	if err := w.run(step.Program.Name, args); err != nil {
		return err
	}
	if !live.Jumped(c) {
		c.Priority++
	}
	return nil
}

// maxVisits is how often a call may come to the same step; loops that count do so.
const maxVisits = 50

// circling reports a step come to so often that the call will not leave it. All
// but the first rounds are left out of what was told.
func (w *walk) circling(place string) bool {
	w.visits[place]++
	if w.visits[place] == 3 && (w.second == 0 || w.second > len(w.told)) {
		w.second = len(w.told)
	}
	if w.visits[place] <= maxVisits {
		return false
	}
	w.told = w.told[:min(w.second, len(w.told))]
	return true
}

// guesses reports whether a text holds a variable whose value is not known.
func (w *walk) guesses(t *substitution.Text) bool {
	found := false
	if t != nil {
		t.Each(func(r substitution.Reference, _ bool) {
			if !r.Function {
				v, _ := w.system.Get(context.Background(), w.c, r.Name)
				found = found || strings.Contains(v, unknownMark)
			}
		})
	}
	return found
}

// ranOut decides what follows where no step is (as exchange's walk does).
func (w *walk) ranOut(miss dialplan.Miss) error {
	c := w.c
	switch {
	case miss == dialplan.NoContext:
		w.told.line("there is no context %s: the call ends", c.Context)
		return dialplan.ErrHangup
	case miss == dialplan.NoExten:
		for _, special := range []string{"i", "e"} {
			if c.Exten != special && w.exists(special) {
				w.told.line("there is no extension %s in context %s: on to %s", c.Exten, c.Context, special)
				c.SetVar("INVALID_EXTEN", c.Exten)
				c.Exten, c.Priority = special, 1
				return nil
			}
		}
		w.told.line("there is no extension %s in context %s, and no i: the call ends", c.Exten, c.Context)
		return dialplan.ErrHangup
	case !w.Plan.AutoFallthrough():
		w.told.line("no more steps, and autofallthrough=no: waits for another number")
		return w.waitsForNumber()
	}
	status, _ := c.Var("DIALSTATUS")
	switch status {
	case "BUSY":
		w.told.line("no more steps: %s", w.tone("busy", channel.UserBusy))
	case "CONGESTION", "CHANUNAVAIL":
		w.told.line("no more steps: %s", w.tone("congestion", channel.NormalCircuitCongestion))
	default:
		w.told.line("no more steps: the call ends")
	}
	return dialplan.ErrHangup
}

// tone is what an indication does.
func (w *walk) tone(name string, cause channel.Cause) string {
	if w.c.State == channel.Up {
		return "10 s of " + name + " tone"
	}
	w.c.Cause = cause
	return "the call ends with " + name
}

func (w *walk) exists(exten string) bool {
	return w.Plan.Exists(dialplan.Query{Context: w.c.Context, Exten: exten, Priority: 1, Caller: w.c.Caller.Number, Now: w.q.At})
}

// over tells how the call ended for the caller.
func (w *walk) over(err error) {
	if !errors.Is(err, dialplan.ErrHangup) {
		w.told.line("%v", err)
	}
	if w.c.State == channel.Up {
		w.told.line("=> %s has got 200 %s, and now gets BYE", w.q.Endpoint, w.Phrase(200))
	} else {
		w.told.line("=> %s", w.explanation.answer(w.Status(w.c.Cause)))
	}
	if w.c.Context != "" && w.exists("h") {
		w.told.line("   then the h extension of context %s runs", w.c.Context)
	}
}

// remarks turns warnings of the dialplan into lines.
type remarks struct{ w *walk }

func (remarks) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelWarn }
func (r remarks) WithAttrs([]slog.Attr) slog.Handler         { return r }
func (r remarks) WithGroup(string) slog.Handler              { return r }

func (r remarks) Handle(_ context.Context, m slog.Record) error {
	if r.w.unknown {
		return nil // about the mark that stands for the value
	}
	text := m.Message
	m.Attrs(func(a slog.Attr) bool {
		if a.Key != "channel" && a.Key != "at" {
			text += fmt.Sprintf(" %s=%v", a.Key, a.Value)
		}
		return true
	})
	r.w.told.line("    note: %s", text)
	return nil
}

// leg is the caller's end of a call that is not made.
type leg string

func (l leg) Name() string        { return string(l) }
func (leg) Bind(*channel.Mailbox) {}
func (leg) Dial()                 {}
func (leg) Ring()                 {}
func (leg) Progress()             {}
func (leg) Answer()               {}
func (leg) Hangup(channel.Cause)  {}
func (leg) Media() media.Stream   { return nil }

// ParseTime reads a moment: "15:04", "Mon 15:04" or "2006-01-02 15:04", the
// next such from now on, in now's time zone.
func ParseTime(s string, now time.Time) (time.Time, error) {
	day, clock, found := strings.Cut(strings.TrimSpace(s), " ")
	if !found {
		day, clock = "", day
	}
	hm, err := time.Parse("15:04", strings.TrimSpace(clock))
	if err != nil {
		return now, fmt.Errorf("time %q: not like 08:59, \"Mon 08:59\" or \"2026-12-24 08:59\"", s)
	}
	at := time.Date(now.Year(), now.Month(), now.Day(), hm.Hour(), hm.Minute(), 0, 0, now.Location())
	if day == "" {
		return at, nil
	}
	if date, err := time.ParseInLocation("2006-01-02", day, now.Location()); err == nil {
		return time.Date(date.Year(), date.Month(), date.Day(), hm.Hour(), hm.Minute(), 0, 0, now.Location()), nil
	}
	for range 7 {
		if name := at.Weekday().String(); len(day) >= 3 && len(day) <= len(name) && strings.EqualFold(name[:len(day)], day) {
			return at, nil
		}
		at = at.AddDate(0, 0, 1)
	}
	return now, fmt.Errorf("time %q: %q is neither a day of the week nor a date", s, day)
}
