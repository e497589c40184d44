package flow

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"branchline/pbx/channel"
	"branchline/pbx/dialplan"
	"branchline/pbx/dialplan/argument"
	"branchline/pbx/dialplan/live"
	"branchline/pbx/dialplan/timespec"
)

// jump is Goto([[context,]exten,]priority); a bad target ends the call.
func (a *calls) jump(_ context.Context, c *channel.Channel, args string) error {
	ctxt, exten, prio, err := a.System.Resolve(c, args)
	if err != nil {
		a.System.Warn(c, "Goto: the call ends", "error", err)
		return dialplan.ErrHangup
	}
	live.Jump(c, ctxt, exten, prio)
	a.Tracef(3, "Goto (%s,%s,%d)", ctxt, exten, prio)
	return nil
}

// branch picks a side of cond?yes:no.
func branch(args string) string {
	cond, yes, no := argument.ParseBranch(args)
	if argument.Truth(argument.Unquote(strings.TrimSpace(cond))) {
		return strings.TrimSpace(yes)
	}
	return strings.TrimSpace(no)
}

// jumpIf is GotoIf(cond?[yes][:no]); an empty branch goes on.
func (a *calls) jumpIf(ctx context.Context, c *channel.Channel, args string) error {
	target := branch(args)
	if target == "" {
		return nil
	}
	return a.jump(ctx, c, target)
}

// timed picks a side of timespec?yes:no.
func (a *calls) timed(c *channel.Channel, args string) (target string, ok bool) {
	spec, yes, no := argument.ParseBranch(args)
	when, err := timespec.Parse(spec)
	if err != nil {
		a.System.Warn(c, "time specification", "error", err)
		return "", false
	}
	if when.Match(time.Now()) {
		return strings.TrimSpace(yes), true
	}
	return strings.TrimSpace(no), true
}

func (a *calls) jumpIfTime(ctx context.Context, c *channel.Channel, args string) error {
	target, ok := a.timed(c, args)
	if !ok || target == "" {
		return nil
	}
	return a.jump(ctx, c, target)
}

// gosub is Gosub([[context,]exten,]priority[(args)]).
func (a *calls) gosub(_ context.Context, c *channel.Channel, args string) error {
	target, params := args, []string(nil)
	if open := strings.IndexByte(args, '('); open >= 0 {
		inside, found := strings.CutSuffix(strings.TrimSpace(args[open+1:]), ")")
		if !found {
			a.System.Warn(c, "Gosub: ) is missing", "argument", args)
		}
		target = args[:open]
		params = argument.Raw(inside, 0)
	}
	ctxt, exten, prio, err := a.System.Resolve(c, target)
	if err != nil {
		a.System.Warn(c, "Gosub: the call ends", "error", err)
		return dialplan.ErrHangup
	}
	if !c.PushFrame(c.Context, c.Exten, c.Priority+1, params) {
		a.System.Warn(c, "Gosub: nested too deep, the call ends", "depth", c.FrameDepth())
		return dialplan.ErrHangup
	}
	live.Jump(c, ctxt, exten, prio)
	return nil
}

func (a *calls) gosubIf(ctx context.Context, c *channel.Channel, args string) error {
	target := branch(args)
	if target == "" {
		return nil
	}
	return a.gosub(ctx, c, target)
}

// ret is Return([value]); without a Gosub the call ends.
func (a *calls) ret(_ context.Context, c *channel.Channel, args string) error {
	f := c.PopFrame()
	if f == nil {
		a.System.Warn(c, "Return without Gosub: the call ends")
		return dialplan.ErrHangup
	}
	c.SetVar("GOSUB_RETVAL", args)
	live.Jump(c, f.Context, f.Exten, f.Priority)
	return nil
}

func (a *calls) stackPop(_ context.Context, c *channel.Channel, _ string) error {
	if c.PopFrame() == nil {
		a.System.Warn(c, "StackPop without Gosub")
	}
	return nil
}

// macro maps Macro(name,args...) to Gosub(macro-name,s,1(args)).
func (a *calls) macro(ctx context.Context, c *channel.Channel, args string) error {
	p := argument.Raw(args, 2)
	a.System.Warn(c, "Macro is gone since Asterisk 21: running it as Gosub", "macro", p[0])
	c.SetVar("MACRO_EXTEN", c.Exten)
	c.SetVar("MACRO_CONTEXT", c.Context)
	c.SetVar("MACRO_PRIORITY", fmt.Sprint(c.Priority))
	target := "macro-" + strings.TrimSpace(p[0]) + ",s,1"
	if len(p) > 1 {
		target += "(" + p[1] + ")"
	}
	return a.gosub(ctx, c, target)
}

// command cuts App(args).
func command(text string) (app, args string) {
	text = strings.TrimSpace(text)
	open := strings.IndexByte(text, '(')
	if open < 0 {
		return text, ""
	}
	return strings.TrimSpace(text[:open]), strings.TrimSuffix(text[open+1:], ")")
}

func (a *calls) exec(ctx context.Context, c *channel.Channel, args string) error {
	app, data := command(args)
	if app == "" {
		return nil
	}
	return a.Exchange.Exec(ctx, c, app, data)
}

// tryExec is TryExec(app(args)): a failure is noted in TRYSTATUS.
func (a *calls) tryExec(ctx context.Context, c *channel.Channel, args string) error {
	app, data := command(args)
	if _, ok := a.System.Catalog.App(app); !ok {
		c.SetVar("TRYSTATUS", "NOAPP")
		return nil
	}
	err := a.Exchange.Exec(ctx, c, app, data)
	if errors.Is(err, dialplan.ErrHangup) && !c.Ending() {
		c.SetVar("TRYSTATUS", "FAILED")
		return nil
	}
	c.SetVar("TRYSTATUS", "SUCCESS")
	return err
}

func (a *calls) execIf(ctx context.Context, c *channel.Channel, args string) error {
	return a.exec(ctx, c, branch(args))
}

func (a *calls) execIfTime(ctx context.Context, c *channel.Channel, args string) error {
	target, ok := a.timed(c, args)
	if !ok {
		return nil
	}
	return a.exec(ctx, c, target)
}

// loops is the stack of While loops a channel is in.
type loopsKey struct{}

func loops(c *channel.Channel) []channel.Place {
	l, _ := c.Extra(loopsKey{}).([]channel.Place)
	return l
}

func setLoops(c *channel.Channel, l []channel.Place) {
	if len(l) == 0 {
		c.SetExtra(loopsKey{}, nil)
		return
	}
	c.SetExtra(loopsKey{}, l)
}

// while is While(expr). Coming back to a loop one is in already, by whatever
// way, forgets the loops inside it.
func (a *calls) while(_ context.Context, c *channel.Channel, args string) error {
	here, stack := c.Place(), loops(c)
	for i, p := range stack {
		if p == here {
			stack = stack[:i]
			break
		}
	}
	if argument.Truth(strings.TrimSpace(args)) {
		setLoops(c, append(stack[:len(stack):len(stack)], here))
		return nil
	}
	setLoops(c, stack)
	return a.leave(c, here)
}

// leave jumps behind the EndWhile of the While at p.
func (a *calls) leave(c *channel.Channel, p channel.Place) error {
	end := a.matching(c, p, "While", "EndWhile")
	if end == 0 {
		a.System.Warn(c, "While without EndWhile: the call ends")
		return dialplan.ErrHangup
	}
	live.Jump(c, p.Context, p.Exten, end+1)
	return nil
}

// matching finds the priority after p of the step that closes what opens at p;
// 0 if there is none. The names of closers are tried at the same nesting.
func (a *calls) matching(c *channel.Channel, p channel.Place, open string, closers ...string) int {
	depth := 0
	for prio := p.Priority + 1; ; prio++ {
		step, _ := a.System.Find(c, p.Context, p.Exten, prio, "")
		if step == nil {
			return 0
		}
		if strings.EqualFold(step.App, open) {
			depth++
			continue
		}
		if depth == 0 {
			for _, name := range closers {
				if strings.EqualFold(step.App, name) {
					return prio
				}
			}
		}
		if strings.EqualFold(step.App, closers[len(closers)-1]) {
			depth--
		}
	}
}

// continueWhile is EndWhile and ContinueWhile: back to the While.
func (a *calls) continueWhile(_ context.Context, c *channel.Channel, _ string) error {
	stack := loops(c)
	if len(stack) == 0 {
		a.System.Warn(c, "EndWhile without While")
		return nil
	}
	p := stack[len(stack)-1]
	live.Jump(c, p.Context, p.Exten, p.Priority)
	return nil
}

func (a *calls) exitWhile(_ context.Context, c *channel.Channel, _ string) error {
	stack := loops(c)
	if len(stack) == 0 {
		a.System.Warn(c, "ExitWhile without While")
		return nil
	}
	setLoops(c, stack[:len(stack)-1])
	return a.leave(c, stack[len(stack)-1])
}

// askedKey marks an ElseIf that was jumped to, so that it evaluates its
// condition instead of ending the branch before it.
type askedKey struct{}

func (a *calls) ifBranch(_ context.Context, c *channel.Channel, args string) error {
	if argument.Truth(strings.TrimSpace(args)) {
		return nil
	}
	return a.nextBranch(c)
}

func (a *calls) nextBranch(c *channel.Channel) error {
	here := c.Place()
	prio := a.matching(c, here, "If", "ElseIf", "Else", "EndIf")
	if prio == 0 {
		a.System.Warn(c, "If without EndIf: the call ends")
		return dialplan.ErrHangup
	}
	step, _ := a.System.Find(c, here.Context, here.Exten, prio, "")
	if step != nil && strings.EqualFold(step.App, "ElseIf") {
		c.SetExtra(askedKey{}, channel.Place{Context: here.Context, Exten: here.Exten, Priority: prio})
		live.Jump(c, here.Context, here.Exten, prio)
		return nil
	}
	live.Jump(c, here.Context, here.Exten, prio+1)
	return nil
}

func (a *calls) elseIf(ctx context.Context, c *channel.Channel, args string) error {
	if c.Extra(askedKey{}) == c.Place() {
		c.SetExtra(askedKey{}, nil)
		return a.ifBranch(ctx, c, args)
	}
	return a.elseBranch(ctx, c, "")
}

// elseBranch ends the branch before it.
func (a *calls) elseBranch(_ context.Context, c *channel.Channel, _ string) error {
	here := c.Place()
	prio := a.matching(c, here, "If", "EndIf")
	if prio == 0 {
		a.System.Warn(c, "Else without EndIf: the call ends")
		return dialplan.ErrHangup
	}
	live.Jump(c, here.Context, here.Exten, prio+1)
	return nil
}
