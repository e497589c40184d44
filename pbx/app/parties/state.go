package parties

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"branchline/pbx/app/form"
	"branchline/pbx/channel"
	"branchline/pbx/dialplan"
	"branchline/pbx/dialplan/argument"
	"branchline/pbx/prompt"
)

// answer is Answer([delay_ms][,i]).
func (a *calls) answer(ctx context.Context, c *channel.Channel, args string) error {
	p := argument.Split(args, 3)
	if c.State == channel.Up {
		return nil
	}
	c.Answer()
	c.Reply(200)
	if ms, err := strconv.Atoi(form.Arg(p, 0)); err == nil && ms > 0 {
		return c.Pause(ctx, time.Duration(ms)*time.Millisecond)
	}
	return c.Poll(ctx, nil)
}

// hangup is Hangup([cause]): without one, the cause so far is kept.
func (a *calls) hangup(_ context.Context, c *channel.Channel, args string) error {
	if p := form.Arg(argument.Split(args, 2), 0); p != "" {
		cause, ok := channel.CauseNamed(p)
		if !ok {
			a.System.Warn(c, "Hangup: no such cause, 16 is used", "cause", p)
			cause = channel.NormalClearing
		}
		c.Cause = cause
	}
	if c.Cause == channel.NoCause {
		c.Cause = channel.NormalClearing
	}
	return dialplan.ErrHangup
}

func (a *calls) busy(ctx context.Context, c *channel.Channel, args string) error {
	return a.indicate(ctx, c, channel.UserBusy, "busy", args)
}

func (a *calls) congestion(ctx context.Context, c *channel.Channel, args string) error {
	return a.indicate(ctx, c, channel.NormalCircuitCongestion, "congestion", args)
}

// indicate ends the call with cause. A caller who is not up gets it as the
// final response at once; one who is hears the tone until he hangs up or the
// given seconds are over.
func (a *calls) indicate(ctx context.Context, c *channel.Channel, cause channel.Cause, tone, args string) error {
	if c.State != channel.Up {
		c.Cause = cause
		return dialplan.ErrHangup
	}
	c.Reply(map[channel.Cause]int{channel.UserBusy: 486, channel.NormalCircuitCongestion: 503}[cause])
	if err := prompt.Start(c, tone); err != nil {
		return err
	}
	d, _ := form.Seconds(form.Arg(argument.Split(args, 2), 0))
	err := c.Wait(ctx, d, nil)
	if errors.Is(err, channel.ErrTimeout) {
		c.Cause = cause
		return dialplan.ErrHangup
	}
	return err
}

// judge is PJSIPHangup(status): an unanswered caller gets just that response, or
// 603 if there is no such status.
func (a *calls) judge(_ context.Context, c *channel.Channel, args string) error {
	j, ok := c.Leg.(channel.Judge)
	if !ok || !j.HangupWith(strings.TrimSpace(args)) {
		a.System.Warn(c, "PJSIPHangup: no such status, or not a SIP channel", "argument", args)
		c.Cause = channel.NormalClearing
	}
	return dialplan.ErrHangup
}

// incomplete is Incomplete([n]): more digits were expected (Q.850 28, SIP 484).
func (a *calls) incomplete(_ context.Context, c *channel.Channel, _ string) error {
	c.Cause = channel.InvalidNumberFormat
	return dialplan.ErrHangup
}

func (a *calls) ringing(ctx context.Context, c *channel.Channel, _ string) error {
	if c.Inbound && c.State == channel.Ring && form.RingCaller(c) {
		if err := prompt.Start(c, "ring"); err != nil {
			return err
		}
	}
	return c.Poll(ctx, nil)
}

func (a *calls) progress(ctx context.Context, c *channel.Channel, _ string) error {
	form.OpenEarly(c)
	return c.Poll(ctx, nil)
}

// proceeding is Proceeding(): SIP has said 100 already.
func (a *calls) proceeding(ctx context.Context, c *channel.Channel, _ string) error {
	return c.Poll(ctx, nil)
}
