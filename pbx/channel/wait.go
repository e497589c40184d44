package channel

import (
	"context"
	"errors"
	"time"
)

// Reasons for which a Wait ends without the event it was for. Applications pass
// them on unchanged: the exchange decides where the call goes next.
var (
	ErrHangup     = errors.New("channel hung up")
	ErrTimeout    = errors.New("time is up")
	ErrRedirected = errors.New("channel redirected")
	ErrTimeLimit  = errors.New("absolute time limit reached")
)

// Wait reads the channel's mailbox until take returns true for an event (nil),
// d has passed (ErrTimeout; d <= 0 waits for ever), or the channel has to leave:
// ErrHangup, ErrRedirected, ErrTimeLimit. It is the one place that deals with
// the events every application must obey; take, which may be nil, sees the
// others, from the channel's own leg and from those it has in its Company.
// Events nobody takes are dropped, as digits during Wait() are.
func (c *Channel) Wait(ctx context.Context, d time.Duration, take func(Event) bool) error {
	if c.ending && !c.Finished {
		return ErrHangup
	}
	var up <-chan time.Time
	limited := false
	if c.hasLimit() {
		if left := time.Until(c.AbsoluteEnd); d <= 0 || left < d {
			d, limited = max(left, 1), true
		}
	}
	if d > 0 {
		t := time.NewTimer(d)
		defer t.Stop()
		up = t.C
	}
	for {
		if taken, err := c.attend(take); taken || err != nil {
			return err
		}
		select {
		case <-c.Mailbox().Ready():
		case <-up:
			if limited {
				return ErrTimeLimit
			}
			return ErrTimeout
		case <-ctx.Done():
			if c.Finished {
				return ErrHangup
			}
			return c.leave(NormalClearing)
		}
	}
}

// attend deals with the events that are there. It is apart from Wait because
// events are large: a goroutine that waits shall not keep room for them, which
// would double the stack of every call.
//
//go:noinline
func (c *Channel) attend(take func(Event) bool) (taken bool, err error) {
	mb := c.Mailbox()
	for e, ok := mb.Next(); ok; e, ok = mb.Next() {
		pass, err := c.obey(e)
		if err != nil {
			return false, err
		}
		if pass && take != nil && take(e) {
			return true, nil
		}
		e.refuse()
		mb = c.Mailbox() // take may have handed the channel over
	}
	return false, nil
}

func (c *Channel) hasLimit() bool { return !c.AbsoluteEnd.IsZero() && !c.Finished }

// Pause lets d pass while the channel stays responsive; nil when it is over.
func (c *Channel) Pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return c.Poll(ctx, nil)
	}
	if err := c.Wait(ctx, d, nil); !errors.Is(err, ErrTimeout) {
		return err
	}
	return nil
}

// Poll deals with the events that are there and returns at once; take as in Wait.
func (c *Channel) Poll(ctx context.Context, take func(Event) bool) error {
	if c.ending && !c.Finished {
		return ErrHangup
	}
	if ctx.Err() != nil && !c.Finished {
		return c.leave(NormalClearing)
	}
	_, err := c.attend(take)
	return err
}

// refuse answers a transfer that nobody could carry out: there was no bridge.
func (e Event) refuse() {
	if e.Kind == Transfer && e.Replies != nil {
		select {
		case e.Replies <- 603:
		default:
		}
		close(e.Replies)
	}
}

// obey carries out what an event demands of any owner. It reports whether the
// event is also for the application.
func (c *Channel) obey(e Event) (pass bool, err error) {
	if e.Leg != nil && e.Leg != c.Leg {
		return c.obeyCompany(e), nil
	}
	switch e.Kind {
	case Ask:
		e.Ask(c)
		return false, nil
	case Gone:
		c.State = Down
		if c.Finished {
			return false, nil
		}
		return false, c.leave(e.Cause)
	case HangupAsked:
		if c.Finished {
			return false, nil
		}
		if e.Cause == NoCause {
			e.Cause = NormalClearing
		}
		return false, c.leave(e.Cause)
	case MediaLost:
		if c.Finished {
			return false, nil
		}
		return false, c.leave(RequestedChanUnavail)
	case Redirect:
		if c.Finished {
			return false, nil
		}
		c.redirect = e.Target
		return false, ErrRedirected
	case Held, Unheld:
		c.keep(e.Kind == Held)
	}
	return true, nil
}

// keep notes that the party keeps the other one waiting, or does not any more.
func (c *Channel) keep(waiting bool) {
	c.Held = waiting
	c.Publish()
}

// obeyCompany does the same for the legs that c's goroutine dialled.
func (c *Channel) obeyCompany(e Event) (pass bool) {
	other := c.company[e.Leg]
	if other == nil {
		return true
	}
	switch e.Kind {
	case Ask:
		e.Ask(other)
		return false
	case HangupAsked:
		if e.Cause == NoCause {
			e.Cause = NormalClearing
		}
		other.Leg.Hangup(e.Cause) // its Gone follows
		return false
	case MediaLost:
		other.Leg.Hangup(RequestedChanUnavail)
		return false
	case Held, Unheld:
		other.keep(e.Kind == Held)
	case Gone:
		c.Dismiss(other)
		other.Cause = e.Cause
		other.End()
	}
	return true
}

func (c *Channel) leave(cause Cause) error {
	c.ending = true
	if cause != NoCause {
		c.Cause = cause
	}
	return ErrHangup
}

// Ending reports whether the channel has been told to go or has lost its leg.
func (c *Channel) Ending() bool { return c.ending }

// TakeRedirect gives the target of the last ErrRedirected, once.
func (c *Channel) TakeRedirect() string {
	t := c.redirect
	c.redirect = ""
	return t
}

// Accompany puts a dialled channel, whose leg is bound to c's mailbox, under
// c's care: what others ask of it is carried out while c waits.
func (c *Channel) Accompany(other *Channel) {
	if c.company == nil {
		c.company = map[Leg]*Channel{}
	}
	c.company[other.Leg] = other
	other.patron = c
}

// Dismiss takes other out of c's care.
func (c *Channel) Dismiss(other *Channel) {
	delete(c.company, other.Leg)
	other.patron = nil
}

// End records that the channel is over and takes it off the exchange's list.
// Only the first call counts.
func (c *Channel) End() {
	c.ending = true
	c.State = Down
	if f := c.Unlist; f != nil {
		c.Unlist = nil
		f()
	}
}
