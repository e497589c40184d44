package parties

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"branchline/pbx/app/form"
	"branchline/pbx/channel"
	"branchline/pbx/dialplan/argument"
)

// transfer is Transfer([tech/]dest): 302 before the answer, REFER after it.
func (a *calls) transfer(ctx context.Context, c *channel.Channel, args string) error {
	dest := form.Arg(argument.Split(args, 2), 0)
	if tech, rest, ok := strings.Cut(dest, "/"); ok {
		own, _, _ := strings.Cut(c.Name, "/")
		if !strings.EqualFold(tech, own) {
			c.SetVar("TRANSFERSTATUS", "FAILURE")
			a.System.Warn(c, "Transfer: the channel is of another technology", "destination", dest)
			return nil
		}
		dest = rest
	}
	r, ok := c.Leg.(channel.Redirector)
	switch {
	case dest == "":
		c.SetVar("TRANSFERSTATUS", "FAILURE")
		a.System.Warn(c, "Transfer: no destination")
	case !ok:
		c.SetVar("TRANSFERSTATUS", "UNSUPPORTED")
	default:
		return a.sendAway(ctx, c, r, dest)
	}
	return c.Poll(ctx, nil)
}

// transferPatience is how long a party that was sent elsewhere has to report on
// it or to leave before the dialplan goes on.
const transferPatience = 32 * time.Second

// sendAway asks the party to go to dest and waits for what becomes of it; a
// party that leaves ends the call as usual.
func (a *calls) sendAway(ctx context.Context, c *channel.Channel, r channel.Redirector, dest string) error {
	var status int
	r.Redirect(dest)
	c.SetVar("TRANSFERSTATUS", "SUCCESS")
	err := c.Wait(ctx, transferPatience, func(e channel.Event) bool {
		status = e.Status
		return e.Kind == channel.Transferred && e.Leg == c.Leg
	})
	switch {
	case errors.Is(err, channel.ErrTimeout):
		c.SetVar("TRANSFERSTATUS", "FAILURE")
		return nil
	case err != nil:
		return err
	case status >= 300:
		c.SetVar("TRANSFERSTATUS", "FAILURE")
	}
	c.SetVar("TRANSFERSTATUSPROTOCOL", strconv.Itoa(status))
	return nil
}

// channelRedirect is ChannelRedirect(channel,[[context,]extension,]priority).
func (a *calls) channelRedirect(_ context.Context, c *channel.Channel, args string) error {
	p := argument.Raw(args, 2)
	other, ok := a.Exchange.Find(form.Arg(p, 0))
	if !ok || form.Arg(p, 1) == "" {
		c.SetVar("CHANNELREDIRECT_STATUS", "NOCHANNEL")
		a.System.Warn(c, "ChannelRedirect: no such channel, or no place", "argument", args)
		return nil
	}
	other.Post(channel.Event{Kind: channel.Redirect, Target: form.Arg(p, 1)})
	c.SetVar("CHANNELREDIRECT_STATUS", "SUCCESS")
	return nil
}

// softHangup is SoftHangup(channel[,a]).
func (a *calls) softHangup(_ context.Context, c *channel.Channel, args string) error {
	p := argument.Split(args, 3)
	other, ok := a.Exchange.Find(form.Arg(p, 0))
	if !ok {
		a.System.Warn(c, "SoftHangup: no such channel", "wanted", form.Arg(p, 0))
		return nil
	}
	other.Post(channel.Event{Kind: channel.HangupAsked, Cause: channel.NormalClearing})
	return nil
}

// originate is Originate(tech_data,app|exten,arg1[,arg2[,arg3[,timeout[,options]]]]).
func (a *calls) originate(ctx context.Context, c *channel.Channel, args string) error {
	p := argument.Split(args, 8)
	tech, dest, ok := strings.Cut(form.Arg(p, 0), "/")
	o := form.Order{Tech: tech, Dest: dest, Timeout: 30 * time.Second, Caller: c.Caller, Account: c.Account}
	if d, given := form.Seconds(form.Arg(p, 5)); given && d > 0 {
		o.Timeout = d
	}
	switch strings.ToLower(form.Arg(p, 1)) {
	case "app":
		o.App, o.Data = form.Arg(p, 2), form.Arg(p, 3)
	case "exten":
		o.Place = channel.Place{Context: form.Arg(p, 2), Exten: form.Arg(p, 3), Priority: 1}
		if o.Place.Exten == "" {
			o.Place.Exten = "s"
		}
		if prio := form.Arg(p, 4); prio != "" {
			_, _, n, err := a.System.Resolve(c, o.Place.Context+","+o.Place.Exten+","+prio)
			ok = ok && err == nil
			o.Place.Priority = n
		}
	default:
		ok = false
	}
	if !ok || o.App == "" && o.Place.Context == "" {
		a.System.Warn(c, "Originate: arguments", "argument", args)
		c.SetVar("ORIGINATE_STATUS", "FAILED")
		return nil
	}
	opts := argument.ParseOptions(form.Arg(p, 6))
	if n, given := opts.Arg('c'); given {
		o.Caller.Number = n
	}
	if n, given := opts.Arg('n'); given {
		o.Caller.Name = n
	}
	if v, given := opts.Arg('v'); given {
		for _, pair := range strings.Split(v, "^") {
			name, value, _ := strings.Cut(pair, "=")
			o.Vars = append(o.Vars, channel.Header{Name: name, Value: value})
		}
	}
	for k, v := range c.Inherited() {
		o.Vars = append(o.Vars, channel.Header{Name: k, Value: v})
	}
	if opts.Has('a') {
		go a.Exchange.Originate(context.WithoutCancel(ctx), o) // its end is not waited for: option a
		c.SetVar("ORIGINATE_STATUS", "SUCCESS")
		return nil
	}
	done := make(chan form.Outcome, 1)
	go func() {
		done <- a.Exchange.Originate(ctx, o)
		c.Post(channel.Event{Kind: channel.Nudge})
	}()
	err := c.Wait(ctx, 0, func(e channel.Event) bool { return e.Kind == channel.Nudge && len(done) > 0 })
	if err == nil {
		c.SetVar("ORIGINATE_STATUS", (<-done).Status)
	}
	return err
}

// addHeader is SIPAddHeader(Name: value).
func (a *calls) addHeader(_ context.Context, c *channel.Channel, args string) error {
	name, value, ok := strings.Cut(args, ":")
	if name = strings.TrimSpace(name); !ok || name == "" || strings.ContainsAny(args, "\r\n") {
		a.System.Warn(c, "SIPAddHeader: wants Header: content", "argument", args)
		return nil
	}
	c.Passing = append(slices.Clip(c.Passing), channel.Header{Name: name, Value: strings.TrimSpace(value)})
	return nil
}

// removeHeader is SIPRemoveHeader([Name]); without a name all are forgotten.
func (a *calls) removeHeader(_ context.Context, c *channel.Channel, args string) error {
	var kept []channel.Header
	if name := strings.TrimSuffix(strings.TrimSpace(args), ":"); name != "" {
		for _, h := range c.Passing {
			if !strings.EqualFold(h.Name, name) {
				kept = append(kept, h)
			}
		}
	}
	c.Passing = kept
	return nil
}
