// Package live is the dialplan in force: the plan, the variables, functions and
// expressions its steps are evaluated with, and where a channel is in it. It
// decides, it does not act: package exchange walks the plan.
package live

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"branchline/pbx/channel"
	"branchline/pbx/dialplan"
	"branchline/pbx/dialplan/argument"
	"branchline/pbx/dialplan/expr"
	"branchline/pbx/dialplan/substitution"
)

// A System is what dialplan text is evaluated against: the current plan, the
// globals, the applications and functions. All channels share one. Its fields
// are set before the first call and not changed afterwards.
type System struct {
	Catalog  dialplan.Catalog
	Globals  *Globals
	Log      *slog.Logger
	Name     string            // ${SYSTEMNAME}
	EntityID string            // ${ENTITYID}
	Dirs     map[string]string // ASTETCDIR and the like
	// Presence is what somebody says of himself, as hints show it; nil: nobody does.
	Presence func(entity string) string

	plan atomic.Pointer[dialplan.Plan]
}

// New makes a system with an empty plan.
func New(cat dialplan.Catalog) *System {
	s := &System{Catalog: cat, Globals: &Globals{}, Log: slog.Default()}
	s.plan.Store(dialplan.Empty())
	return s
}

// Plan is the plan in force; never nil.
func (s *System) Plan() *dialplan.Plan { return s.plan.Load() }

// Install puts a plan in force and sets its globals. Running calls find their
// next step in it.
func (s *System) Install(p *dialplan.Plan) {
	s.Globals.install(p.Globals(), p.ClearGlobals())
	s.plan.Store(p)
}

// Find looks up a step for a channel in the plan in force, with its caller's
// number and the time of now. c may be nil. If label is set it is wanted
// instead of priority.
func (s *System) Find(c *channel.Channel, context, exten string, priority int, label string) (*dialplan.Step, dialplan.Miss) {
	q := dialplan.Query{Context: context, Exten: exten, Priority: priority, Label: label, Now: time.Now()}
	if c != nil {
		q.Caller = c.Caller.Number
	}
	return s.Plan().Find(q)
}

type stepKey struct{}

// Enter records which step a channel is at, so that warnings can name its file
// and line. The walk calls it before each step.
func Enter(c *channel.Channel, step *dialplan.Step) { c.SetExtra(stepKey{}, step) }

// Current is the step a channel is at, nil if unknown.
func Current(c *channel.Channel) *dialplan.Step {
	step, _ := c.Extra(stepKey{}).(*dialplan.Step)
	return step
}

type jumpKey struct{}

// Jump sends a channel to another step when the running application returns.
func Jump(c *channel.Channel, context, exten string, priority int) {
	c.Context, c.Exten, c.Priority = context, exten, priority
	c.SetExtra(jumpKey{}, true)
}

// Jumped tells the walk, once, that the application called Jump: the next step
// is at the channel's position, not after it.
func Jumped(c *channel.Channel) bool {
	if c.Extra(jumpKey{}) == nil {
		return false
	}
	c.SetExtra(jumpKey{}, nil)
	return true
}

// Warn writes a warning that names the channel and the line of the plan it is at.
func (s *System) Warn(c *channel.Channel, message string, args ...any) {
	if c != nil {
		args = append(args, "channel", c.Name)
		if step := Current(c); step != nil {
			args = append(args, "at", step.Pos.String())
		}
	}
	s.Log.Warn(message, args...)
}

// maxCalls bounds how often functions may evaluate further text from within
// one evaluation (EVAL of EVAL ...).
const maxCalls = 32

type depthKey struct{}

// evaluation is one filling-in of a text.
type evaluation struct {
	*System
	ctx context.Context
	c   *channel.Channel // may be nil
}

// Expand substitutes variables, functions and expressions in text. c may be
// nil: then only what needs no channel is found.
func (s *System) Expand(ctx context.Context, c *channel.Channel, text string) string {
	t, problem := substitution.Parse(text)
	if problem != "" {
		s.Warn(c, problem)
	}
	return s.Eval(ctx, c, t)
}

// Eval fills in a parsed text.
func (s *System) Eval(ctx context.Context, c *channel.Channel, t *substitution.Text) string {
	if t == nil {
		return ""
	}
	if t.Fixed() {
		return t.String()
	}
	depth, _ := ctx.Value(depthKey{}).(int)
	if depth >= maxCalls {
		s.Warn(c, "functions evaluate each other without end; the rest is left empty", "text", argument.Clip(t.String()))
		return ""
	}
	e := evaluation{System: s, ctx: context.WithValue(ctx, depthKey{}, depth+1), c: c}
	return t.Fill(&e)
}

// Reference, Expression and TooLong are the evaluation as substitution.Values.
func (e *evaluation) Reference(r substitution.Reference) string {
	v, err := "", error(nil)
	if r.Function {
		v, err = e.readFunction(e.ctx, e.c, r.Name, r.Args)
		if err != nil {
			e.Warn(e.c, err.Error())
		}
	} else {
		v, _ = e.variable(e.ctx, e.c, r.Name)
	}
	if len(v) > substitution.MaxValue {
		v = v[:substitution.MaxValue]
	}
	return r.Substring(v)
}

func (e *evaluation) Expression(text, source string) string {
	v, problem := expr.Eval(text, e.mathFunction)
	if problem != "" {
		e.Warn(e.c, problem, "expression", argument.Clip(source))
	}
	return v
}

func (e *evaluation) TooLong(source string) {
	e.Warn(e.c, "value is longer than 65536 bytes and is cut", "text", argument.Clip(source))
}

// mathFunction lets expressions call dialplan functions.
func (e *evaluation) mathFunction(name, args string) (string, bool) {
	if e.Catalog == nil {
		return "", false
	}
	if _, ok := e.Catalog.Function(name); !ok {
		return "", false
	}
	v, err := e.readFunction(e.ctx, e.c, name, args)
	if err != nil {
		e.Warn(e.c, err.Error())
	}
	return v, true
}

// Get reads what stands inside ${...}: a variable, or FUNC(args), with or
// without a substring. ok is false for a variable that is not set and for a
// function that failed.
func (s *System) Get(ctx context.Context, c *channel.Channel, name string) (value string, ok bool) {
	r := substitution.ParseReference(name)
	if !r.Function {
		v, ok := s.variable(ctx, c, r.Name)
		return r.Substring(v), ok
	}
	v, err := s.readFunction(ctx, c, r.Name, r.Args)
	if err != nil {
		s.Warn(c, err.Error())
	}
	return r.Substring(v), err == nil
}

// errNoCatalog is what functions give before the system is complete.
var errNoCatalog = errors.New("no functions are available")

// Function finds a dialplan function, or says why there is none.
func (s *System) Function(name string) (*dialplan.Function, error) {
	name = strings.TrimSpace(name)
	if s.Catalog == nil {
		return nil, errNoCatalog
	}
	if f, ok := s.Catalog.Function(name); ok {
		return f, nil
	}
	if why, ok := s.Catalog.Refused(name); ok {
		return nil, fmt.Errorf("function %s is refused: %s", name, why)
	}
	return nil, fmt.Errorf("function %s is not known", name)
}

func (s *System) readFunction(ctx context.Context, c *channel.Channel, name, args string) (string, error) {
	f, err := s.Function(name)
	if err != nil {
		return "", err
	}
	if f.Read == nil {
		return "", fmt.Errorf("function %s cannot be read", f.Name)
	}
	v, err := f.Read(ctx, c, args)
	if err != nil {
		err = fmt.Errorf("%s(%s): %w", f.Name, argument.Clip(args), err)
	}
	return v, err
}

// Assign does what Set(name=value) does: name is a variable, with _ or __ if
// channels dialled from here shall inherit it, or a function with arguments.
// Without a channel the global of that name is set.
func (s *System) Assign(ctx context.Context, c *channel.Channel, name, value string) error {
	if len(value) > substitution.MaxValue {
		return fmt.Errorf("%s: value is longer than %d bytes", argument.Clip(name), substitution.MaxValue)
	}
	if strings.HasSuffix(name, ")") {
		if open := strings.IndexByte(name, '('); open >= 0 {
			f, err := s.Function(name[:open])
			if err != nil {
				return err
			}
			if f.Write == nil {
				return fmt.Errorf("function %s cannot be set", f.Name)
			}
			args := name[open+1 : len(name)-1]
			if err := f.Write(ctx, c, args, value); err != nil {
				return fmt.Errorf("%s(%s): %w", f.Name, argument.Clip(args), err)
			}
			return nil
		}
	}
	if strings.Trim(name, "_") == "" {
		return errors.New("no variable name stands before =")
	}
	if strings.TrimSpace(name) != name {
		s.Warn(c, "spaces round = belong to the variable's name and value, so ${"+strings.TrimSpace(name)+"} stays as it was", "name", argument.Clip(name))
	}
	if c == nil {
		s.Globals.Set(name, value)
		return nil
	}
	if value == "" {
		// An unset variable and an empty one read alike, but an empty channel
		// variable still hides a global of its name.
		if _, global := s.Globals.Get(strings.TrimLeft(name, "_")); !global {
			c.UnsetVar(name)
			return nil
		}
	}
	c.SetVar(name, value)
	return nil
}

// variable looks up a name: built-in, of the channel, global.
func (s *System) variable(ctx context.Context, c *channel.Channel, name string) (string, bool) {
	if c != nil {
		if v, ok := s.ofChannel(ctx, c, name); ok {
			return v, true
		}
	}
	if v, ok := s.everywhere(name); ok {
		return v, true
	}
	if c != nil && !strings.HasPrefix(name, "_") { // the marks of inheritance are no part of a name
		if v, ok := c.Var(name); ok {
			return v, true
		}
	}
	return s.Globals.Get(name)
}

func (s *System) everywhere(name string) (string, bool) {
	switch name {
	case "EPOCH":
		return strconv.FormatInt(time.Now().Unix(), 10), true
	case "SYSTEMNAME":
		return s.Name, true
	case "ENTITYID":
		return s.EntityID, true
	}
	if strings.HasPrefix(name, "AST") {
		v, ok := s.Dirs[name]
		return v, ok
	}
	return "", false
}

// ofChannel gives the built-in variables of a channel.
func (s *System) ofChannel(ctx context.Context, c *channel.Channel, name string) (string, bool) {
	switch name {
	case "EXTEN":
		return c.Exten, true
	case "CONTEXT":
		return c.Context, true
	case "PRIORITY":
		return strconv.Itoa(c.Priority), true
	case "CHANNEL":
		return c.Name, true
	case "UNIQUEID":
		return c.UniqueID, true
	case "HANGUPCAUSE":
		return strconv.Itoa(int(c.Cause)), true
	case "CALLINGPRES":
		return strconv.Itoa(PresentationValue(c.Caller)), true
	case "CALLINGANI2", "CALLINGTON", "CALLINGTNS":
		return "0", true
	case "HINT":
		h, ok := s.Plan().Hint(c.Context, c.Exten, c.Caller.Number, time.Now())
		if !ok {
			return "", false
		}
		return s.Expand(ctx, c, h.Devices), true
	case "HINTNAME":
		h, ok := s.Plan().Hint(c.Context, c.Exten, c.Caller.Number, time.Now())
		if !ok || h.Step.Args.String() == "" {
			return "", false
		}
		return s.Eval(ctx, c, h.Step.Args), true
	}
	return "", false
}

// PresentationValue is a party's presentation as the number that ${CALLINGPRES}
// shows: screening in the low bits (ITU-T Q.931 4.5.10), 32 for restricted, 67
// for a number that is not known.
func PresentationValue(p channel.Party) int {
	switch pres := p.Presentation; {
	case pres == channel.Unavailable, p.Number == "" && pres == channel.AllowedNotScreened:
		return 0x43
	case pres >= channel.ProhibNotScreened:
		return 0x20 + int(pres-channel.ProhibNotScreened)
	default:
		return int(pres)
	}
}
