// Package bridge keeps two channels talking: it joins their media, carries
// digits between the ways they travel, listens for feature codes, carries out
// transfers, plays hold music and watches time limits. The goroutine that owns
// the first channel runs the bridge and owns the second one as well.
package bridge

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"branchline/media"
	"branchline/pbx/channel"
	"branchline/pbx/prompt"
	"branchline/pbx/recording"
)

// Numbers tells whether a number can be dialled, now or with more digits.
type Numbers interface {
	Lookup(context, exten, caller string) (exists, more bool)
}

// Bridges is what all bridges of an exchange share.
type Bridges struct {
	Booth    *prompt.Booth
	Numbers  Numbers
	Trace    channel.Tracer
	Log      *slog.Logger
	Features Features // until SetFeatures is called
	// Studio records calls; nil: that cannot be done.
	Studio *recording.Studio
	// Swap exchanges the parties of a channel the caller owns and of one named;
	// nil: attended transfers are refused.
	Swap func(ctx context.Context, mine *channel.Channel, name string) error

	inForce atomic.Pointer[Features]
}

// SetFeatures changes the features of the bridges that begin from now on.
func (br *Bridges) SetFeatures(f Features) { br.inForce.Store(&f) }

// Codes are the features in force.
func (br *Bridges) Codes() *Features {
	if f := br.inForce.Load(); f != nil {
		return f
	}
	return &br.Features
}

// Abilities say what a party may do by dialling in the call.
type Abilities struct{ Transfer, Disconnect, MixMonitor, Monitor bool }

// Options of one bridge.
type Options struct {
	Caller, Callee Abilities // the channel that runs the bridge, and the other
	Limit          Limit
}

// Outcome says why a bridge ended.
type Outcome uint8

const (
	CallerGone        Outcome = iota // it left; the error says how
	CalleeGone                       // the other side hung up
	Disconnected                     // a party dialled the disconnect code
	LimitReached                     // time is up
	CallerTransferred                // the callee sent the caller to Place
	CalleeTransferred                // the caller sent the callee to Place
	CalleeRedirected                 // somebody else sent the callee to Target
	CallerMerged                     // the callee gave the caller to another call of its own
	CalleeMerged                     // the caller gave the callee to another call of its own
)

func (o Outcome) String() string {
	return [...]string{"caller gone", "callee gone", "disconnected", "limit reached",
		"caller transferred", "callee transferred", "callee redirected", "caller merged", "callee merged"}[o]
}

// A Result is how a bridge ended.
type Result struct {
	Outcome Outcome
	Err     error         // CallerGone: what Wait returned
	Place   channel.Place // transfers
	Target  string        // CalleeRedirected
	Started time.Time
	// Referred is closed once the party that asked for a transfer by REFER has
	// been told its result; nil if the transfer was dialled.
	Referred <-chan struct{}
}

// A side is one party of a running bridge.
type side struct {
	c      *channel.Channel
	may    Abilities
	listen bool   // digits reach the peer through us
	typed  string // beginning of a feature code
	since  time.Time
	held   bool
}

type talk struct {
	*Bridges
	codes  *Features
	a, b   *side
	limit  limit
	direct bool
	result Result
	over   bool
	beep   time.Time                   // when the next tells that they are recorded, zero: never
	every  time.Duration               // between beeps
	todo   func(context.Context) error // what an event asks for, done outside of the mailbox
}

// Two lets c, the channel whose goroutine this is, and peer talk until one of
// them leaves or is sent elsewhere. Neither leg is hung up.
func (br *Bridges) Two(ctx context.Context, c, peer *channel.Channel, o Options) Result {
	t := &talk{Bridges: br, codes: br.Codes(), a: &side{c: c, may: o.Caller}, b: &side{c: peer, may: o.Callee}}
	t.result.Started = time.Now()
	t.limit = o.Limit.start(t.result.Started)
	t.introduce()
	for !t.over {
		t.step(ctx)
	}
	t.part()
	return t.result
}

// introduce makes both sides aware of each other and connects their media.
func (t *talk) introduce() {
	id := newID()
	for _, s := range [...]*side{t.a, t.b} {
		s.c.BridgeID, s.c.BridgedAt = id, t.result.Started
		s.c.SetBridged(t.other(s).c)
		s.c.SetVar("BRIDGEPEER", t.other(s).c.Name)
		s.c.Publish()
		t.trace(3, "Channel %s joined 'simple_bridge' basic-bridge <%s>", s.c.Name, id)
	}
	t.connect()
}

// connect joins the media, sets how digits are treated and lets the media flow
// past the exchange where that is possible.
func (t *talk) connect() {
	t.watch(t.a)
	t.watch(t.b)
	Join(t.a.c.Leg, t.b.c.Leg)
	t.setDirect(t.canDirect())
}

// watch: digits of s come to us when s may dial feature codes, or when the
// peer gets digits by signalling. Then the plane withholds them and we pass
// them on; otherwise only digits that came by signalling arrive here.
func (t *talk) watch(s *side) {
	s.listen = s.may != Abilities{} || signals(t.other(s).c.Leg)
	s.c.Leg.Media().Watch(media.Digits{Report: s.listen, Keep: s.listen})
}

func signals(l channel.Leg) bool {
	d, ok := l.(channel.DigitSignaller)
	return ok && d.SignalsDigits()
}

func (t *talk) other(s *side) *side {
	if s == t.a {
		return t.b
	}
	return t.a
}

func (t *talk) side(l channel.Leg) *side {
	switch l {
	case t.a.c.Leg:
		return t.a
	case t.b.c.Leg:
		return t.b
	}
	return nil
}

// canDirect: both technologies can, and nobody here needs to hear the digits
// or to speak to the parties.
func (t *talk) canDirect() bool {
	if t.a.listen || t.b.listen || t.a.held || t.b.held || t.limit.active() || t.recorded() {
		return false
	}
	a, ok := t.a.c.Leg.(channel.Director)
	if !ok || !a.CanDirect(t.b.c.Leg) {
		return false
	}
	b, ok := t.b.c.Leg.(channel.Director)
	return ok && b.CanDirect(t.a.c.Leg)
}

func (t *talk) setDirect(on bool) {
	if on == t.direct {
		return
	}
	t.direct = on
	a, b := channel.Leg(nil), channel.Leg(nil)
	if on {
		a, b = t.a.c.Leg, t.b.c.Leg
	}
	t.a.c.Leg.(channel.Director).Direct(b)
	t.b.c.Leg.(channel.Director).Direct(a)
}

// part undoes introduce. A leg that is gone ignores it.
func (t *talk) part() {
	t.setDirect(false)
	Part(t.a.c.Leg)
	for _, s := range [...]*side{t.a, t.b} {
		if s.held || t.other(s).held {
			prompt.Stop(s.c)
		}
		t.trace(3, "Channel %s left 'simple_bridge' basic-bridge <%s>", s.c.Name, s.c.BridgeID)
		s.c.BridgeID = ""
		s.c.SetBridged(nil)
		s.c.Leg.Media().Watch(media.Digits{Report: true})
		s.c.Publish()
	}
}

// step waits for the next thing to happen and does it.
func (t *talk) step(ctx context.Context) {
	d, limited := t.nextDeadline(time.Now())
	err := t.a.c.Wait(ctx, d, t.take)
	switch {
	case errors.Is(err, channel.ErrTimeout):
		t.flush(time.Now())
		t.beepDue(time.Now())
		if limited {
			t.limit.due(ctx, t, time.Now())
		}
	case err != nil:
		t.end(Result{Outcome: CallerGone, Err: err})
	case t.todo != nil:
		f := t.todo
		t.todo = nil
		if err := f(ctx); err != nil && !t.over {
			t.end(Result{Outcome: CallerGone, Err: err})
		}
	}
}

// end settles the result; the first one counts.
func (t *talk) end(r Result) {
	if t.over {
		return
	}
	r.Started = t.result.Started
	t.result, t.over = r, true
}

// nextDeadline is when step has to look again though nothing happened.
func (t *talk) nextDeadline(now time.Time) (d time.Duration, limited bool) {
	next := t.limit.next()
	limited = !next.IsZero()
	for _, s := range [...]*side{t.a, t.b} {
		if s.typed == "" {
			continue
		}
		if at := s.since.Add(t.codes.digitTimeout()); next.IsZero() || at.Before(next) {
			next = at
		}
	}
	if !t.beep.IsZero() && (next.IsZero() || t.beep.Before(next)) {
		next = t.beep
	}
	if next.IsZero() {
		return 0, false
	}
	return max(next.Sub(now), 1), limited
}

// take handles one event of either party; true ends the wait.
func (t *talk) take(e channel.Event) bool {
	s := t.side(e.Leg)
	if s == nil {
		return false
	}
	switch e.Kind {
	case channel.Gone: // the caller's own never comes here
		t.end(Result{Outcome: CalleeGone})
		return true
	case channel.Redirect:
		t.end(Result{Outcome: CalleeRedirected, Target: e.Target})
		return true
	case channel.DigitEnded:
		if !s.listen && !e.Signalled { // the plane has passed it on already
			return false
		}
		return t.digit(s, e)
	case channel.Held, channel.Unheld:
		t.hold(s, e.Kind == channel.Held)
	case channel.Transfer:
		t.todo = func(ctx context.Context) error { t.refer(ctx, s, e); return nil }
		return true
	case channel.Identity:
		t.identity(s, e.Party)
	case channel.Pictured:
		if p, ok := t.other(s).c.Leg.(channel.Painter); ok && e.Asked {
			p.SetPictures(channel.Pictures{Send: e.Pictures.Receive, Receive: e.Pictures.Send})
		}
		joinVideo(t.a.c.Leg, t.b.c.Leg)
	case channel.PictureAsked:
		if p, ok := t.other(s).c.Leg.(channel.Painter); ok {
			p.AskPicture()
		}
	case channel.Texted:
		if to, ok := t.other(s).c.Leg.(channel.Texter); ok && e.Text != nil {
			to.SendText(*e.Text)
		}
	case channel.Replaced:
		t.todo = func(context.Context) error { t.replaced(s); return nil }
		return true
	}
	return false
}

// digit handles a digit dialled by s; true when there is something to do.
func (t *talk) digit(s *side, e channel.Event) bool {
	s.typed += string(rune(e.Digit))
	s.since = time.Now()
	f, wait := t.codes.match(s.may, s.typed)
	switch {
	case f != nil:
		s.typed = ""
		t.todo = func(ctx context.Context) error { return f(ctx, t, s) }
		return true
	case wait:
		return true // take the new deadline into account
	}
	t.relay(s, e.Length)
	return false
}

// flush passes on what turned out not to be a feature code.
func (t *talk) flush(now time.Time) {
	for _, s := range [...]*side{t.a, t.b} {
		if s.typed != "" && now.Sub(s.since) >= t.codes.digitTimeout() {
			t.relay(s, 0)
		}
	}
}

// relay sends what s typed to its peer.
func (t *talk) relay(s *side, length time.Duration) {
	to := t.other(s).c
	for _, d := range []byte(s.typed) {
		SendDigit(to.Leg, d, length)
	}
	s.typed = ""
}

// SendDigit sends a digit to a leg's party the way agreed with it.
func SendDigit(l channel.Leg, d byte, length time.Duration) {
	if ds, ok := l.(channel.DigitSender); ok && ds.SendDigit(d, length) {
		return
	}
	l.Media().SendDigit(d, length)
}

// hold plays music to the party whose peer put it on hold, and ends it.
func (t *talk) hold(s *side, on bool) {
	if s.held == on {
		return
	}
	s.held = on
	peer := t.other(s).c
	if on {
		t.setDirect(false)
		t.music(peer)
		return
	}
	prompt.Stop(peer)
	t.trace(3, "Stopped music on hold on %s", peer.Name)
	t.setDirect(t.canDirect())
}

// music starts what a party hears while it is kept waiting.
func (t *talk) music(c *channel.Channel) {
	class := c.MusicClass
	if class == "" {
		class = "default"
	}
	t.trace(3, "Started music on hold, class '%s', on channel '%s'", class, c.Name)
	prompt.StartMusic(c)
}

// identity carries a change of one party's number to the other.
func (t *talk) identity(s *side, p channel.Party) {
	s.c.Caller = p
	peer := t.other(s).c
	peer.Connected = p
	if r, ok := peer.Leg.(channel.Reminder); ok {
		r.ConnectedLine(p)
	}
	s.c.Publish()
	peer.Publish()
}

func (br *Bridges) trace(level int, format string, args ...any) {
	if br.Trace != nil && br.Trace.Level() >= level {
		br.Trace.Trace(level, fmt.Sprintf(format, args...))
	}
}

// Join connects the speech of two legs, and their video where both have it.
func Join(a, b channel.Leg) {
	a.Media().Join(b.Media())
	joinVideo(a, b)
}

func joinVideo(a, b channel.Leg) {
	if va, vb := video(a), video(b); va != nil && vb != nil {
		va.Join(vb)
	}
}

// Part undoes Join.
func Part(a channel.Leg) {
	a.Media().Join(nil)
	if v := video(a); v != nil {
		v.Join(nil)
	}
}

func video(l channel.Leg) media.Stream {
	if v, ok := l.(channel.Viewer); ok {
		return v.Video()
	}
	return nil
}

// newID makes a random UUID (RFC 9562 5.4), as consoles show bridges.
func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // crypto/rand.Read never fails since Go 1.24
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
