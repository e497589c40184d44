// Package exchange owns the channels: it accepts inbound calls, originates
// outbound ones, lists what is up and takes every channel through the dialplan
// on a goroutine of its own. Reading order: Accept, live, walk.
package exchange

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sort"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"branchline/pbx/bridge"
	"branchline/pbx/channel"
	"branchline/pbx/dialplan"
	"branchline/pbx/dialplan/live"
	"branchline/pbx/prompt"
	"branchline/pbx/recording"
)

// Options of an exchange. System is required.
type Options struct {
	System   *live.System
	MaxCalls int            // calls in the dialplan at a time, 0: no limit
	Chain    int            // legs one call may have at a time, 0: 200
	Trace    channel.Tracer // nil: nobody listens
	Log      *slog.Logger   // nil: slog.Default
	Booth    *prompt.Booth
	Features bridge.Features
	Studio   *recording.Studio // nil: calls cannot be recorded
	// HangupRoutines gives the subroutines a channel wants run after h, as
	// "[[context,]exten,]priority[(args)]"; nil: there are none.
	HangupRoutines func(*channel.Channel) []string
	// Changed is called when the state of a device ("PJSIP/1001") may be another because
	// of one of its channels. It must not block; nil: nobody cares.
	Changed func(device string)
}

// An Exchange is a running telephone exchange.
type Exchange struct {
	sys      *live.System
	booth    *prompt.Booth
	bridges  *bridge.Bridges
	trace    channel.Tracer
	log      *slog.Logger
	maxCalls int
	chainMax int
	routines func(*channel.Channel) []string
	changed  func(device string)
	began    time.Time
	records  atomic.Bool // `cdr set debug on`

	ctx  context.Context // ends when calls must
	kill context.CancelFunc
	wg   sync.WaitGroup

	serial    atomic.Uint64
	active    atomic.Int64 // walks under way
	processed atomic.Uint64
	closed    atomic.Bool // no new calls

	texts texts
	notes atomic.Uint32 // numbers the channels of messages

	mu    sync.Mutex
	techs map[string]channel.Tech
	list  map[string]*channel.Channel
	chain map[string]int // legs by LinkedID
}

// New makes an exchange without technologies; see AddTech.
func New(o Options) *Exchange {
	x := &Exchange{
		sys: o.System, booth: o.Booth, trace: o.Trace, log: o.Log,
		maxCalls: o.MaxCalls, chainMax: cmp.Or(o.Chain, 200), routines: o.HangupRoutines, changed: o.Changed, began: time.Now(),
		techs: map[string]channel.Tech{}, list: map[string]*channel.Channel{}, chain: map[string]int{},
	}
	if x.log == nil {
		x.log = slog.Default()
	}
	x.ctx, x.kill = context.WithCancel(context.Background())
	x.bridges = &bridge.Bridges{Booth: o.Booth, Numbers: x, Trace: o.Trace, Log: x.log, Features: o.Features, Studio: o.Studio, Swap: x.Swap}
	return x
}

// System is what the exchange's dialplan text is evaluated against.
func (x *Exchange) System() *live.System { return x.sys }

// Bridges is where two channels talk.
func (x *Exchange) Bridges() *bridge.Bridges { return x.bridges }

// Began is when the exchange was made.
func (x *Exchange) Began() time.Time { return x.began }

// AddTech makes a technology available to Dial. A technology of the same name
// is replaced.
func (x *Exchange) AddTech(t channel.Tech) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.techs[strings.ToLower(t.Name())] = t
}

// Tech finds a technology by name, without case.
func (x *Exchange) Tech(name string) (channel.Tech, bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	t, ok := x.techs[strings.ToLower(name)]
	return t, ok
}

// Techs lists the technologies by name.
func (x *Exchange) Techs() []channel.Tech {
	x.mu.Lock()
	defer x.mu.Unlock()
	out := make([]channel.Tech, 0, len(x.techs))
	for _, t := range x.techs {
		out = append(out, t)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Name() < out[j].Name() })
	return out
}

// DeviceState gives the state of "Tech/dest".
func (x *Exchange) DeviceState(device string) channel.DeviceState {
	tech, dest, ok := strings.Cut(device, "/")
	if !ok {
		return channel.DeviceInvalid
	}
	t, known := x.Tech(tech)
	if !known {
		return channel.DeviceInvalid
	}
	return t.State(dest)
}

// Lookup tells the technologies whether a number exists in a context for a
// caller, and whether a longer one could.
func (x *Exchange) Lookup(context, exten, caller string) (exists, more bool) {
	q := dialplan.Query{Context: context, Exten: exten, Priority: 1, Caller: caller, Now: time.Now()}
	p := x.sys.Plan()
	return p.Exists(q), p.CouldMatchMore(q)
}

// Accept takes an inbound call into the dialplan. It is refused, with a
// *channel.Refusal, when the exchange is stopping or full.
func (x *Exchange) Accept(_ context.Context, in channel.Incoming) error {
	if x.closed.Load() {
		return &channel.Refusal{Cause: channel.SwitchCongestion, Why: "exchange is stopping"}
	}
	if x.maxCalls > 0 && x.active.Load() >= int64(x.maxCalls) {
		x.log.Warn("call refused: maximum number of calls reached", "call", in.Leg.Name(), "maxcalls", x.maxCalls)
		return &channel.Refusal{Cause: channel.SwitchCongestion, Why: "maximum number of calls reached"}
	}
	c := channel.New(in.Leg, channel.NewMailbox())
	c.Inbound, c.State = true, channel.Ring
	c.Context, c.Exten, c.Dialed = in.Context, in.Exten, in.Dialed
	c.Caller, c.Redirecting, c.ANI = in.Caller, in.Redirecting, in.Caller.Number
	c.Account, c.Language, c.ToneZone, c.MusicClass = in.Account, in.Language, in.ToneZone, in.MusicClass
	c.CallGroup, c.PickupGroup = in.CallGroup, in.PickupGroup
	c.Endpoint, c.Codecs, c.MaxForwards = in.Endpoint, in.Codecs, in.MaxForwards
	c.LinkedID, c.Passing = in.LinkedID, in.Passing
	if err := x.enlist(c); err != nil {
		return err
	}
	if in.Replaces != "" {
		x.launch(c, func(ctx context.Context) { x.replace(ctx, c, in.Replaces) })
		return nil
	}
	x.launch(c, func(ctx context.Context) {
		for _, v := range in.Vars {
			if err := x.sys.Assign(ctx, c, v.Name, v.Value); err != nil {
				x.log.Warn("set_var", "call", c.Name, "variable", v.Name, "error", err)
			}
		}
		x.walk(ctx, c)
	})
	return nil
}

// launch runs a channel's life on a goroutine of its own.
func (x *Exchange) launch(c *channel.Channel, life func(context.Context)) {
	x.active.Add(1)
	x.processed.Add(1)
	x.wg.Go(func() {
		defer x.active.Add(-1)
		life(x.ctx)
		x.bury(x.ctx, c)
	})
}

// enlist numbers a channel and puts it on the list.
func (x *Exchange) enlist(c *channel.Channel) error {
	c.Serial = x.serial.Add(1) - 1
	c.UniqueID = fmt.Sprintf("%d.%d", c.Created.Unix(), c.Serial)
	if c.LinkedID == "" {
		c.LinkedID = c.UniqueID
	}
	if c.Language == "" {
		c.Language = "en"
	}
	c.Tones = x.booth.Book()
	linked := c.LinkedID
	x.mu.Lock()
	if x.chain[linked] >= x.chainMax {
		x.mu.Unlock()
		x.log.Warn("leg refused: the call calls itself", "call", c.Name, "linkedid", linked, "legs", x.chainMax)
		return &channel.Refusal{Cause: channel.SwitchCongestion, Why: "too many legs in one call"}
	}
	x.chain[linked]++
	x.list[c.Name] = c
	x.mu.Unlock()
	c.Shown = func() { x.shown(c.Name) }
	c.Unlist = func() {
		defer x.shown(c.Name)
		x.mu.Lock()
		defer x.mu.Unlock()
		if x.list[c.Name] == c {
			delete(x.list, c.Name)
		}
		if x.chain[linked]--; x.chain[linked] <= 0 {
			delete(x.chain, linked)
		}
	}
	c.Publish()
	return nil
}

// shown tells who cares that the state of a channel's device may have changed. The
// device is what a channel's name has before its last dash.
func (x *Exchange) shown(name string) {
	if i := strings.LastIndexByte(name, '-'); i > 0 && x.changed != nil {
		x.changed(name[:i])
	}
}

// Adopt makes a listed channel of a leg that parent's goroutine is about to
// dial. Its events arrive in parent's mailbox.
func (x *Exchange) Adopt(leg channel.Leg, parent *channel.Channel) (*channel.Channel, error) {
	c := channel.New(leg, parent.Mailbox())
	c.LinkedID = parent.LinkedID
	c.Language, c.ToneZone = parent.Language, parent.ToneZone
	c.Context, c.App, c.AppData = parent.Context, "AppDial", "(Outgoing Line)"
	c.MaxForwards = parent.MaxForwards
	c.PeerAccount = parent.Account
	if f, ok := leg.(channel.Facts); ok {
		c.Endpoint, _ = f.Fact("endpoint")
	}
	for name, value := range parent.Inherited() {
		c.SetVar(name, value)
	}
	if err := x.enlist(c); err != nil {
		return nil, err
	}
	parent.Accompany(c)
	return c, nil
}

// Release gives a channel that owner's goroutine dialled a life of its own,
// beginning at place.
func (x *Exchange) Release(owner, c *channel.Channel, place channel.Place) {
	owner.Dismiss(c)
	c.Bind(channel.NewMailbox())
	c.SetPlace(place)
	c.App, c.AppData = "", ""
	x.launch(c, func(ctx context.Context) { x.walk(ctx, c) })
}

// Linger keeps a channel with nothing to do until it goes, done is closed or a
// minute has passed: a phone that transferred its call hangs up by itself.
func (x *Exchange) Linger(owner, c *channel.Channel, done <-chan struct{}) {
	owner.Dismiss(c)
	c.Bind(channel.NewMailbox())
	x.wg.Go(func() {
		ctx, cancel := context.WithTimeout(x.ctx, time.Minute)
		defer cancel()
		go func() {
			select {
			case <-done:
				cancel()
			case <-ctx.Done():
			}
		}()
		_ = c.Wait(ctx, 0, nil)
		c.Leg.Hangup(channel.NormalClearing)
		c.End()
	})
}

// Channels lists the channels, newest first.
func (x *Exchange) Channels() []*channel.Snapshot {
	x.mu.Lock()
	all := make([]*channel.Channel, 0, len(x.list))
	for _, c := range x.list {
		all = append(all, c)
	}
	x.mu.Unlock()
	slices.SortFunc(all, func(a, b *channel.Channel) int { return cmp.Compare(b.Serial, a.Serial) })
	out := make([]*channel.Snapshot, len(all))
	for i, c := range all {
		out[i] = c.Snapshot()
	}
	return out
}

// Find looks a channel up by its name, without case. It is for posting events
// to, not for reading.
func (x *Exchange) Find(name string) (*channel.Channel, bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if c, ok := x.list[name]; ok {
		return c, true
	}
	for n, c := range x.list {
		if strings.EqualFold(n, name) {
			return c, true
		}
	}
	return nil, false
}

// Ask runs f on the goroutine that owns the channel and waits until it has; it
// reports false if the channel is unknown or did not come to it in time.
func (x *Exchange) Ask(ctx context.Context, name string, f func(*channel.Channel)) bool {
	c, ok := x.Find(name)
	if !ok {
		return false
	}
	done := make(chan struct{})
	var taken atomic.Bool // by the owner, or by our giving up
	c.Post(channel.Event{Kind: channel.Ask, Ask: func(c *channel.Channel) {
		if taken.CompareAndSwap(false, true) {
			f(c)
			close(done)
		}
	}})
	t := time.NewTimer(2 * time.Second)
	defer t.Stop()
	select {
	case <-done:
		return true
	case <-t.C:
	case <-ctx.Done():
	}
	if taken.CompareAndSwap(false, true) {
		return false
	}
	<-done
	return true
}

// ErrNoSwap says that the other channel is gone, or part of the same call.
var ErrNoSwap = errors.New("no such channel to take over")

// Swap lets mine, which the caller's goroutine owns, and another channel exchange
// their parties; see channel.Swap.
func (x *Exchange) Swap(ctx context.Context, mine *channel.Channel, name string) error {
	other, ok := x.Find(name)
	if !ok || other.Mailbox() == mine.Mailbox() {
		return fmt.Errorf("%s: %w", name, ErrNoSwap)
	}
	done := false
	x.Ask(ctx, name, func(c *channel.Channel) {
		if c.Ending() || c.Finished || mine.Ending() {
			return
		}
		x.tracef(3, "%s takes the place of %s", mine.Name, c.Name)
		channel.Swap(mine, c)
		x.mu.Lock()
		x.list[mine.Name], x.list[c.Name] = mine, c
		x.mu.Unlock()
		done = true
	})
	if !done {
		return fmt.Errorf("%s: %w", name, ErrNoSwap)
	}
	return nil
}

// replace puts the party of c, a new call, into the place of another channel's,
// which is then let go.
func (x *Exchange) replace(ctx context.Context, c *channel.Channel, name string) {
	c.Answer()
	c.Cause = channel.NormalClearing
	if err := x.Swap(ctx, c, name); err != nil {
		x.log.Warn("call to be replaced", "call", c.Name, "error", err)
	} else if c.State != channel.Up {
		c.Cause = channel.AnsweredElsewhere
	}
	c.Context = "" // it was never anywhere in the dialplan
}

// Hangup asks for a channel's end.
func (x *Exchange) Hangup(name string, cause channel.Cause) bool {
	c, ok := x.Find(name)
	if ok {
		c.Post(channel.Event{Kind: channel.HangupAsked, Cause: cause})
	}
	return ok
}

// Counts gives the calls in the dialplan now and since the start.
func (x *Exchange) Counts() (active int, processed uint64) {
	return int(x.active.Load()), x.processed.Load()
}

// Refuse makes the exchange take no new calls, or take them again.
func (x *Exchange) Refuse(on bool) { x.closed.Store(on) }

// Stop ends all calls and waits for their goroutines, or for ctx.
func (x *Exchange) Stop(ctx context.Context) error {
	x.Refuse(true)
	x.kill()
	return x.Drain(ctx)
}

// Drain waits until no call is left, or for ctx.
func (x *Exchange) Drain(ctx context.Context) error {
	done := make(chan struct{})
	go func() { x.wg.Wait(); close(done) }()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("calls still up: %w", context.Cause(ctx))
	}
}

// tracef shows a line of the verbose trace; it costs nothing when nobody listens.
func (x *Exchange) tracef(level int, format string, args ...any) {
	if x.trace != nil && x.trace.Level() >= level {
		x.trace.Trace(level, fmt.Sprintf(format, args...))
	}
}
