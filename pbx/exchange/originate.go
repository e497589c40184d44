package exchange

import (
	"context"
	"errors"
	"time"

	"branchline/pbx/app/form"
	"branchline/pbx/channel"
	"branchline/pbx/dialplan/live"
)

// Begin is Originate for who does not wait.
func (x *Exchange) Begin(o form.Order) { x.wg.Go(func() { x.Originate(x.ctx, o) }) }

// Originate sets up a call from here: it calls o.Tech/o.Dest and returns when
// that party has answered or cannot be had. Once answered, the channel lives on
// its own goroutine.
func (x *Exchange) Originate(ctx context.Context, o form.Order) form.Outcome {
	tech, ok := x.Tech(o.Tech)
	if !ok || x.closed.Load() {
		x.log.Warn("originate: no such technology", "technology", o.Tech)
		return form.Outcome{Status: "FAILED", Cause: channel.ChanNotImplemented}
	}
	vars := map[string]string{}
	for _, v := range o.Vars {
		vars[v.Name] = v.Value
	}
	leg, err := tech.NewLeg(ctx, channel.Request{
		Dest: o.Dest, Caller: o.Caller, Context: o.Place.Context, Exten: o.Place.Exten, Vars: vars, LinkedID: o.LinkedID,
	})
	if err != nil {
		return x.notMade(o, err)
	}
	c := channel.New(leg, channel.NewMailbox())
	c.LinkedID, c.Account = o.LinkedID, o.Account
	c.Context, c.Exten, c.Priority = o.Place.Context, o.Place.Exten, max(o.Place.Priority, 1)
	c.Caller, c.Connected = o.Caller, o.Caller
	if err := x.enlist(c); err != nil {
		leg.Hangup(channel.SwitchCongestion)
		return x.notMade(o, err)
	}
	result := make(chan form.Outcome, 1)
	x.wg.Go(func() {
		if !x.answered(c, o, result) {
			c.Leg.Hangup(c.Cause)
			c.End()
			return
		}
		x.active.Add(1)
		x.processed.Add(1)
		defer x.active.Add(-1)
		for _, v := range o.Vars {
			if err := x.sys.Assign(x.ctx, c, v.Name, v.Value); err != nil {
				x.log.Warn("originate", "call", c.Name, "variable", v.Name, "error", err)
			}
		}
		if o.App == "" {
			x.walk(x.ctx, c)
		} else {
			x.only(x.ctx, c, o.App, o.Data)
		}
		x.bury(x.ctx, c)
	})
	select {
	case out := <-result:
		return out
	case <-ctx.Done():
		c.Post(channel.Event{Kind: channel.HangupAsked, Cause: channel.NormalClearing})
		return form.Outcome{Status: "HANGUP", Cause: channel.NormalClearing}
	}
}

func (x *Exchange) notMade(o form.Order, err error) form.Outcome {
	cause := channel.NoRoute
	var why *channel.Refusal
	if errors.As(err, &why) {
		cause = why.Cause
	}
	x.log.Info("unable to create channel", "technology", o.Tech, "destination", o.Dest, "cause", int(cause), "why", err)
	return form.Outcome{Status: originateStatus(cause), Cause: cause}
}

// answered calls c's party and tells result what became of it.
func (x *Exchange) answered(c *channel.Channel, o form.Order, result chan<- form.Outcome) bool {
	c.State = channel.Dialing
	c.Publish()
	c.Leg.Dial()
	up := false
	err := c.Wait(x.ctx, o.Timeout, func(e channel.Event) bool {
		switch e.Kind {
		case channel.Ringing:
			c.State = channel.RingingState
			c.Publish()
		case channel.Answered:
			up = true
		}
		return up
	})
	if err == nil {
		c.State, c.AnsweredAt, c.Hearing = channel.Up, time.Now(), true
		c.Publish()
		result <- form.Outcome{Status: "SUCCESS"}
		return true
	}
	if errors.Is(err, channel.ErrTimeout) {
		result <- form.Outcome{Status: "RINGING", Cause: channel.NoAnswer}
		return false
	}
	result <- form.Outcome{Status: originateStatus(c.Cause), Cause: c.Cause}
	return false
}

func originateStatus(cause channel.Cause) string {
	switch cause {
	case channel.UserBusy:
		return "BUSY"
	case channel.NormalCircuitCongestion, channel.SwitchCongestion:
		return "CONGESTION"
	case channel.NormalClearing:
		return "HANGUP"
	case channel.NoAnswer:
		return "RINGING"
	}
	return "FAILED"
}

// only runs one application on c, and the dialplan if it leads there.
func (x *Exchange) only(ctx context.Context, c *channel.Channel, name, data string) {
	err := x.Exec(ctx, c, name, x.sys.Expand(ctx, c, data))
	if err == nil && !live.Jumped(c) {
		return
	}
	if x.obey(c, err) {
		x.walk(ctx, c)
	}
}
