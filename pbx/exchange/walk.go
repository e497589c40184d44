package exchange

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"branchline/media"
	"branchline/pbx/channel"
	"branchline/pbx/dialplan"
	"branchline/pbx/dialplan/argument"
	"branchline/pbx/dialplan/live"
	"branchline/pbx/prompt"
)

// errNoStep says that the walk ran off the dialplan; with it comes the Miss.
type errNoStep struct{ miss dialplan.Miss }

func (e errNoStep) Error() string { return "no such step" }

// indicateFor is how long a caller who is up hears busy or congestion before
// he is hung up on.
const indicateFor = 10 * time.Second

// walk takes c through the dialplan until its call is to end.
func (x *Exchange) walk(ctx context.Context, c *channel.Channel) {
	x.startingPoint(c)
	for {
		err := x.steps(ctx, c, 0)
		if x.proceed(ctx, c, err) {
			continue
		}
		return
	}
}

// startingPoint sends a channel that came without a usable number to s.
func (x *Exchange) startingPoint(c *channel.Channel) {
	if x.exists(c, c.Exten) {
		return
	}
	if c.Exten != "s" && x.exists(c, "s") {
		x.tracef(2, "%s: number '%s' is not in context '%s', going to 's'", c.Name, c.Exten, c.Context)
		c.Exten, c.Priority = "s", 1
	}
}

// proceed decides where the walk goes after it stopped with err, and reports
// false when the call is over.
func (x *Exchange) proceed(ctx context.Context, c *channel.Channel, err error) bool {
	var digits dialplan.Digits
	var none errNoStep
	switch {
	case errors.As(err, &digits):
		return x.obey(c, x.collect(ctx, c, string(digits)))
	case errors.As(err, &none):
		return x.obey(c, x.runOut(ctx, c, none.miss))
	case errors.Is(err, dialplan.ErrNoDigits):
		return x.obey(c, x.silent(c))
	}
	return x.obey(c, err)
}

// obey deals with what ends a wait; nil goes on where c stands now.
func (x *Exchange) obey(c *channel.Channel, err error) bool {
	switch {
	case err == nil:
		return true
	case errors.Is(err, channel.ErrRedirected):
		return x.redirect(c)
	case errors.Is(err, channel.ErrTimeLimit):
		c.AbsoluteEnd = time.Time{}
		return x.special(c, "T", "ABSOLUTETIMEOUT")
	case !errors.Is(err, dialplan.ErrHangup) && !errors.Is(err, channel.ErrHangup):
		x.sys.Warn(c, "the call ends", "error", err)
	}
	return false
}

func (x *Exchange) redirect(c *channel.Channel) bool {
	target := c.TakeRedirect()
	ctxt, exten, prio, err := x.sys.Resolve(c, target)
	if err != nil {
		x.log.Warn("redirect", "call", c.Name, "target", target, "error", err)
		return false
	}
	c.SetPlace(channel.Place{Context: ctxt, Exten: exten, Priority: prio})
	return true
}

// steps runs the steps of c from its present place on. It returns what stopped
// it, or nil when the subroutine at depth has returned (depth 0: never).
func (x *Exchange) steps(ctx context.Context, c *channel.Channel, depth int) error {
	live.Jumped(c) // one left by an application that failed does not count
	for {
		step, miss := x.sys.Find(c, c.Context, c.Exten, c.Priority, "")
		if step == nil {
			return errNoStep{miss}
		}
		if err := x.step(ctx, c, step); err != nil {
			return err
		}
		if depth > 0 && c.FrameDepth() < depth {
			return nil
		}
		if err := c.Poll(ctx, nil); err != nil {
			return err
		}
	}
}

// step runs one step and moves c to the next.
func (x *Exchange) step(ctx context.Context, c *channel.Channel, step *dialplan.Step) error {
	live.Enter(c, step)
	args := x.sys.Eval(ctx, c, step.Args)
	c.App, c.AppData = step.App, args
	c.Publish()
	if x.trace != nil && x.trace.Level() >= 3 {
		x.trace.Trace(3, fmt.Sprintf("Executing [%s@%s:%d] %s(\"%s\", \"%s\") in new stack",
			c.Exten, c.Context, c.Priority, step.App, c.Name, args))
	}
	at := c.Place()
	if step.Program == nil {
		x.unknown(c, step.App)
		return x.spawned(c, at, dialplan.ErrHangup)
	}
	if err := step.Program.Run(ctx, c, args); err != nil {
		return x.spawned(c, at, err)
	}
	if !live.Jumped(c) {
		c.Priority++
	}
	return nil
}

// unknown explains a step whose application does not exist; the call ends.
func (x *Exchange) unknown(c *channel.Channel, app string) {
	if why, ok := x.sys.Catalog.Refused(app); ok {
		x.sys.Warn(c, "application not supported: the call ends", "application", app, "why", why)
		return
	}
	x.sys.Warn(c, "no such application: the call ends", "application", app)
}

// spawned traces the end of a walk by an application.
func (x *Exchange) spawned(c *channel.Channel, at channel.Place, err error) error {
	var digits dialplan.Digits
	if !errors.As(err, &digits) && !errors.Is(err, dialplan.ErrNoDigits) && !c.Finished {
		x.tracef(2, "Spawn extension (%s, %s, %d) exited non-zero on '%s'", at.Context, at.Exten, at.Priority, c.Name)
	}
	return err
}

// runOut decides what follows when there is no step at c's place.
func (x *Exchange) runOut(ctx context.Context, c *channel.Channel, miss dialplan.Miss) error {
	if miss == dialplan.NoContext {
		x.sys.Warn(c, "no such context: the call ends", "context", c.Context, "extension", c.Exten)
		return dialplan.ErrHangup
	}
	if miss == dialplan.NoExten {
		return x.invalid(c, c.Exten)
	}
	if x.sys.Plan().AutoFallthrough() {
		return x.fallThrough(ctx, c)
	}
	return x.collect(ctx, c, "")
}

// fallThrough ends the call the way the last Dial went. Towards a caller who is
// not up, the cause is the indication.
func (x *Exchange) fallThrough(ctx context.Context, c *channel.Channel) error {
	status, _ := c.Var("DIALSTATUS")
	shown := status
	if shown == "" {
		shown = "UNKNOWN"
	}
	x.tracef(2, "Auto fallthrough, channel '%s' status is '%s'", c.Name, shown)
	if b, ok := c.Leg.(channel.Blamer); ok && c.State != channel.Up {
		b.Blame(c.Cause)
	}
	var tone string
	switch status {
	case "BUSY":
		tone = "busy"
		if c.State != channel.Up {
			c.Cause = channel.UserBusy
		}
	case "CONGESTION", "CHANUNAVAIL":
		tone = "congestion"
		if c.State != channel.Up {
			c.Cause = channel.NormalCircuitCongestion
		}
	}
	if tone == "" || c.State != channel.Up {
		return dialplan.ErrHangup
	}
	c.Reply(statusOf(c.Cause))
	if err := prompt.Start(c, tone); err != nil {
		x.log.Warn("indication", "call", c.Name, "error", err)
	}
	if err := c.Pause(ctx, indicateFor); err != nil {
		return err
	}
	return dialplan.ErrHangup
}

// collect adds digits to a number begun in the call while a longer one is
// possible, and moves c there.
func (x *Exchange) collect(ctx context.Context, c *channel.Channel, number string) error {
	c.Leg.Media().Watch(media.Digits{Report: true})
	wait := c.DigitTimeout
	if number == "" {
		wait = c.ResponseTimeout
	}
	for number == "" || x.more(c, number) {
		var digit byte
		err := c.Wait(ctx, max(wait, time.Millisecond), func(e channel.Event) bool {
			if e.Kind == channel.DigitEnded && e.Leg == c.Leg {
				digit = e.Digit
				return true
			}
			return false
		})
		if errors.Is(err, channel.ErrTimeout) {
			break
		}
		if err != nil {
			return err
		}
		number += string(rune(digit))
		wait = c.DigitTimeout
	}
	if number == "" {
		return x.silent(c)
	}
	if x.exists(c, number) {
		c.SetPlace(channel.Place{Context: c.Context, Exten: number, Priority: 1})
		return nil
	}
	return x.invalid(c, number)
}

// silent sends a caller who dialled nothing to t, or to e.
func (x *Exchange) silent(c *channel.Channel) error {
	if x.special(c, "t", "RESPONSETIMEOUT") {
		return nil
	}
	x.sys.Warn(c, "nothing dialled, and no extension t or e: the call ends", "context", c.Context)
	return dialplan.ErrHangup
}

// invalid sends c to i, or to e.
func (x *Exchange) invalid(c *channel.Channel, number string) error {
	from := c.Place()
	if number != "i" && x.special(c, "i", "INVALID") {
		c.SetVar("INVALID_EXTEN", number)
		return nil
	}
	c.SetPlace(from)
	x.sys.Warn(c, "invalid number, and no extension i or e: the call ends", "number", number, "context", c.Context)
	return dialplan.ErrHangup
}

// special moves c to a special extension of its context, or to e, which learns
// the reason through EXCEPTION().
func (x *Exchange) special(c *channel.Channel, exten, reason string) bool {
	from := c.Place()
	for _, e := range [...]string{exten, "e"} {
		if c.Exten == e || !x.exists(c, e) { // a handler that fails is not its own handler
			continue
		}
		c.SetPlace(channel.Place{Context: from.Context, Exten: e, Priority: 1})
		if e == "e" {
			live.SetException(c, reason, from.Context, from.Exten, from.Priority)
		}
		return true
	}
	return false
}

func (x *Exchange) exists(c *channel.Channel, exten string) bool {
	step, _ := x.sys.Find(c, c.Context, exten, 1, "")
	return step != nil
}

func (x *Exchange) more(c *channel.Channel, number string) bool {
	return x.sys.Plan().CouldMatchMore(dialplan.Query{
		Context: c.Context, Exten: number, Priority: 1, Caller: c.Caller.Number, Now: time.Now(),
	})
}

// bury ends a channel: hangs up its leg, walks h and takes it off the list.
func (x *Exchange) bury(ctx context.Context, c *channel.Channel) {
	c.Leg.Hangup(c.Cause)
	c.Reply(statusOf(c.Cause))
	c.State = channel.Down
	c.Finished = true
	x.Epilogue(ctx, c)
	x.sayRecord(ctx, c)
	c.End()
}

// Epilogue runs the h extension of the context the call ended in, then the
// channel's hang-up routines.
func (x *Exchange) Epilogue(ctx context.Context, c *channel.Channel) {
	c.Finished = true
	for c.PopFrame() != nil { // h does not return into the subroutine the call ended in
	}
	if x.exists(c, "h") {
		c.SetPlace(channel.Place{Context: c.Context, Exten: "h", Priority: 1})
		_ = x.steps(ctx, c, 0) // whatever stops it, nothing follows
	}
	if x.routines == nil {
		return
	}
	for _, r := range x.routines(c) {
		target, args, _ := strings.Cut(r, "(")
		var params []string
		if args = strings.TrimSuffix(args, ")"); args != "" {
			params = argument.Raw(args, 0)
		}
		if err := x.Sub(ctx, c, target, params); err != nil && !errors.Is(err, dialplan.ErrHangup) {
			x.sys.Warn(c, "hang-up routine", "routine", r, "error", err)
		}
	}
}

// statusOf is what a party that transferred a call is told about its failure.
func statusOf(cause channel.Cause) int {
	switch cause {
	case channel.UserBusy:
		return 486
	case channel.NoAnswer, channel.NoUserResponse:
		return 480
	case channel.Unallocated, channel.NoRoute:
		return 404
	case channel.NormalCircuitCongestion:
		return 503
	}
	return 603
}

// Sub runs the subroutine at target ("[[context,]exten,]priority") on c until
// it returns. c must have a mailbox to itself meanwhile. When the subroutine
// does not come back, the error says why.
func (x *Exchange) Sub(ctx context.Context, c *channel.Channel, target string, args []string) error {
	home := c.Place()
	ctxt, exten, prio, err := x.sys.Resolve(c, target)
	if err != nil {
		return fmt.Errorf("subroutine %s: %w", target, err)
	}
	if !c.PushFrame(home.Context, home.Exten, home.Priority, args) {
		return fmt.Errorf("subroutine %s: nested too deep", target)
	}
	depth := c.FrameDepth()
	app, data := c.App, c.AppData
	c.SetPlace(channel.Place{Context: ctxt, Exten: exten, Priority: prio})
	err = x.steps(ctx, c, depth)
	for c.FrameDepth() >= depth {
		c.PopFrame()
	}
	c.SetPlace(home)
	c.App, c.AppData = app, data
	c.Publish()
	var none errNoStep
	if errors.As(err, &none) { // ran off its end: as good as a Return
		return nil
	}
	return err
}

// Exec runs one application by name, as ExecIf and Exec do.
func (x *Exchange) Exec(ctx context.Context, c *channel.Channel, app, args string) error {
	a, ok := x.sys.Catalog.App(strings.TrimSpace(app))
	if !ok {
		x.unknown(c, app)
		return dialplan.ErrHangup
	}
	c.App, c.AppData = a.Name, args
	c.Publish()
	return a.Run(ctx, c, args)
}
