// Package form is what dialplan applications are made with: what they reach of
// the exchange, and what they do to a channel alike.
package form

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"branchline/media"
	"branchline/pbx/bridge"
	"branchline/pbx/channel"
	"branchline/pbx/dialplan/live"
	"branchline/pbx/prompt"
)

// Exchange is what applications need of the exchange.
type Exchange interface {
	Tech(name string) (channel.Tech, bool)
	Lookup(context, exten, caller string) (exists, more bool)
	// Adopt makes a channel of a leg about to be dialled; Release gives such a
	// channel a life of its own; Linger waits for it to hang up by itself.
	Adopt(leg channel.Leg, parent *channel.Channel) (*channel.Channel, error)
	Release(owner, c *channel.Channel, place channel.Place)
	Linger(owner, c *channel.Channel, done <-chan struct{})
	// Sub runs a subroutine, Exec one application, Epilogue the h extension.
	Sub(ctx context.Context, c *channel.Channel, target string, args []string) error
	Exec(ctx context.Context, c *channel.Channel, app, args string) error
	Epilogue(ctx context.Context, c *channel.Channel)
	Originate(ctx context.Context, o Order) Outcome
	Find(name string) (*channel.Channel, bool)
}

// An Order asks for a call to be set up from here: Tech/Dest is called, and
// once it has answered it runs App, or the dialplan at Place.
type Order struct {
	Tech, Dest string
	Caller     channel.Party
	Timeout    time.Duration // for the answer
	App, Data  string        // if set, instead of Place
	Place      channel.Place
	Vars       []channel.Header
	LinkedID   string // "" for a call of its own
	Account    string
}

// Outcome is what became of an Order: ORIGINATE_STATUS and a cause.
type Outcome struct {
	Status string // SUCCESS, BUSY, CONGESTION, HANGUP, RINGING (no answer in time), FAILED
	Cause  channel.Cause
}

// Store is the small database behind DBdel and DBdeltree.
type Store interface {
	Del(family, key string) (bool, error)
	DelTree(family, key string) (int, error)
}

// Deps is what the applications work with. Store may be nil.
type Deps struct {
	System   *live.System
	Exchange Exchange
	Booth    *prompt.Booth
	Bridges  *bridge.Bridges
	Store    Store
	Trace    channel.Tracer // nil: nobody listens
	Log      *slog.Logger
}

// Tracef shows a line of the verbose trace.
func (d *Deps) Tracef(level int, format string, args ...any) {
	if d.Trace != nil && d.Trace.Level() >= level {
		d.Trace.Trace(level, fmt.Sprintf(format, args...))
	}
}

// Seconds reads a number of seconds with or without a fraction; false if it is
// none or negative.
func Seconds(s string) (time.Duration, bool) {
	var f float64
	if _, err := fmt.Sscan(strings.TrimSpace(s), &f); err != nil || f < 0 || f != f {
		return 0, false
	}
	const most = float64(100 * 365 * 24 * 3600)
	return time.Duration(min(f, most) * float64(time.Second)), true
}

// Arg gives the nth argument, "" if there are fewer.
func Arg(args []string, n int) string {
	if n < len(args) {
		return strings.TrimSpace(args[n])
	}
	return ""
}

// Files cuts a&b&c.
func Files(list string) []string {
	var out []string
	for _, f := range strings.Split(list, "&") {
		if f = strings.TrimSpace(f); f != "" {
			out = append(out, f)
		}
	}
	return out
}

// PickUp answers a channel that is about to hear something.
func PickUp(c *channel.Channel) {
	c.Answer()
	c.Reply(200)
}

// RingCaller tells an unanswered caller that it rings. It reports true if his
// technology opened an audio path for that (inband_progress): he then waits to
// hear the tone from us.
func RingCaller(c *channel.Channel) bool {
	c.Leg.Ring()
	f, ok := c.Leg.(channel.Facts)
	if !ok {
		return false
	}
	if v, _ := f.Fact("inband_progress"); v != "yes" {
		return false
	}
	c.Hearing = true
	return true
}

// OpenEarly gives an unanswered caller an audio path (183).
func OpenEarly(c *channel.Channel) {
	if c.Inbound && c.State == channel.Ring && !c.Hearing {
		c.Leg.Progress()
		c.Hearing = true
	}
}

// Listen makes the digits of c's party arrive.
func Listen(c *channel.Channel) { c.Leg.Media().Watch(media.Digits{Report: true}) }

// SendDigits dials digits to a party; w pauses half a second, W a whole one.
func SendDigits(ctx context.Context, c, to *channel.Channel, digits string, gap, length time.Duration) error {
	for _, d := range []byte(strings.ToUpper(strings.ReplaceAll(digits, "w", "\x00"))) {
		pause := length + gap
		switch {
		case d == 0:
			pause = 500 * time.Millisecond
		case d == 'W':
			pause = time.Second
		case strings.IndexByte("0123456789*#ABCD", d) >= 0:
			bridge.SendDigit(to.Leg, d, length)
		default:
			continue
		}
		if err := c.Pause(ctx, pause); err != nil {
			return err
		}
	}
	return nil
}
