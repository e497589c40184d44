package dial

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"branchline/pbx/app/form"
	"branchline/pbx/bridge"
	"branchline/pbx/channel"
	"branchline/pbx/dialplan"
	"branchline/pbx/dialplan/argument"
	"branchline/pbx/prompt"
)

// dialing is one Dial under way. It runs on the goroutine of c, which owns the
// dialled legs too: their events arrive in c's mailbox.
type dialing struct {
	*calls
	c       *channel.Channel
	o       argument.Options
	started time.Time
	ends    time.Time // zero: never
	legs    []*called // still in the running
	single  bool      // only one party was ever called

	total, busy, congested, unavailable int

	rang, progressed bool // told to the caller, or to the variables
	signalled        bool // the caller hears ringing
	toned            bool // because we play it
	joined           bool // early media
}

// called is a party being called.
type called struct {
	ch      *channel.Channel
	name    string // as dialled: "PJSIP/1002"
	number  string // what follows the slash
	forward string // asked to try this number instead
	hops    int    // how often it was forwarded
}

// maxForwards bounds how often one leg may be forwarded by its far ends.
const maxForwards = 10

// dial is Dial(Tech/res[&...][,timeout[,options[,URL]]]).
func (a *calls) dial(ctx context.Context, c *channel.Channel, args string) error {
	d, targets := a.asked(c, args)
	if sub, ok := d.o.Arg('B'); ok {
		if err := d.subroutine(ctx, c, sub); err != nil {
			return err
		}
	}
	return d.run(ctx, targets)
}

// asked reads Dial's arguments and begins anew with its variables.
//
//go:noinline
func (a *calls) asked(c *channel.Channel, args string) (d *dialing, targets []string) {
	p := argument.Split(args, 5)
	d = &dialing{calls: a, c: c, o: argument.ParseOptions(form.Arg(p, 2)), started: time.Now()}
	for _, v := range [...]string{"DIALSTATUS", "DIALEDPEERNUMBER", "DIALEDPEERNAME", "ANSWEREDTIME", "ANSWEREDTIME_MS",
		"DIALEDTIME", "DIALEDTIME_MS", "RINGTIME", "RINGTIME_MS", "PROGRESSTIME", "PROGRESSTIME_MS"} {
		c.SetVar(v, "")
	}
	c.Cause = channel.NoCause
	c.ForgetLegEnds()
	d.complain()
	if t := form.Arg(p, 1); t != "" {
		limit, ok := form.Seconds(t)
		if !ok {
			a.System.Warn(c, "Dial: timeout is not a number, there is none", "timeout", t)
		} else if limit > 0 {
			d.ends = d.started.Add(limit)
		}
	}
	return d, form.Files(form.Arg(p, 0))
}

// complain names the options that are known but do nothing yet.
func (d *dialing) complain() {
	for letter := range d.o {
		if strings.IndexByte("aCEIjkKMnNOpPQstTrRmgGFhHALSUbBcdeDfouiwWxXz", letter) < 0 {
			d.System.Warn(d.c, "Dial: no such option", "option", string(rune(letter)))
		} else if strings.IndexByte("aEjkKMnNOpPsuz", letter) >= 0 {
			d.System.Warn(d.c, "Dial: option has no effect yet", "option", string(rune(letter)))
		}
	}
}

// run calls all targets, waits for one to answer and connects it.
func (d *dialing) run(ctx context.Context, targets []string) error {
	if len(targets) == 0 {
		d.System.Warn(d.c, "Dial: nobody to call")
		return d.finish("CHANUNAVAIL")
	}
	if d.c.MaxForwards == 1 {
		d.System.Warn(d.c, "Dial: the call has used up its Max-Forwards")
		d.c.Cause = exchangeRoutingError
		return d.finish("CONGESTION")
	}
	d.single = len(targets) == 1
	d.total = len(targets)
	for _, t := range targets {
		if l := d.prepare(ctx, t, 0); l != nil {
			d.legs = append(d.legs, l)
		}
	}
	if err := d.predial(ctx); err != nil {
		d.dropAll(d.c.Cause)
		return err
	}
	if d.o.Has('H') || d.o.Has('d') {
		form.Listen(d.c)
	}
	d.entertain()
	for _, l := range d.legs {
		d.call(l)
	}
	winner, err := d.wait(ctx)
	if d.toned {
		prompt.Stop(d.c)
	}
	switch {
	case err == nil && winner == nil:
		return d.failed()
	case errors.Is(err, channel.ErrTimeout):
		d.Tracef(3, "Nobody picked up in %d ms", time.Since(d.started).Milliseconds())
		d.c.Cause = channel.NoCause
		d.dropAll(d.losersCause(channel.NoCause))
		return d.finish("NOANSWER")
	case err != nil:
		cause := d.c.Cause
		if _, exit := err.(dialplan.Digits); exit {
			cause = channel.NoCause
		}
		d.dropAll(d.losersCause(cause))
		d.c.SetVar("DIALSTATUS", "CANCEL")
		return err
	}
	d.remove(winner)
	d.dropAll(d.losersCause(channel.AnsweredElsewhere))
	return d.connected(ctx, winner)
}

// exchangeRoutingError is what Q.850 calls a call that goes round in circles
// (RFC 3398 maps it to 483).
const exchangeRoutingError channel.Cause = 25

// losersCause is why legs are cancelled: options c and Q decide, else cause.
func (d *dialing) losersCause(cause channel.Cause) channel.Cause {
	if q, ok := d.o.Arg('Q'); ok {
		if named, known := channel.CauseNamed(q); known {
			return named
		}
		d.System.Warn(d.c, "Dial: no such cause", "option", "Q", "cause", q)
	}
	if d.o.Has('c') {
		return channel.AnsweredElsewhere
	}
	return cause
}

// prepare makes the leg for one target; nil if it cannot be, which counts.
func (d *dialing) prepare(ctx context.Context, target string, hops int) *called {
	techName, dest, ok := strings.Cut(target, "/")
	tech, known := d.Exchange.Tech(techName)
	if !ok || !known {
		d.System.Warn(d.c, "Dial: no such technology", "target", target)
		d.refused(channel.ChanNotImplemented)
		return nil
	}
	c := d.c
	r := channel.Request{
		Dest: dest, Caller: d.caller(hops), Redirecting: c.Redirecting, Codecs: c.Codecs,
		Headers: c.Passing, Context: c.Context, Exten: c.Exten, Vars: c.Inherited(),
		LinkedID: c.LinkedID, Privacy: c.Caller.Presentation.Restricted(),
	}
	if c.MaxForwards > 1 {
		r.MaxForwards = c.MaxForwards - 1
	}
	leg, err := tech.NewLeg(ctx, r)
	if err == nil {
		var ch *channel.Channel
		if ch, err = d.Exchange.Adopt(leg, c); err == nil {
			ch.Caller = channel.Party{Number: c.Exten}
			if k, ok := leg.(channel.Known); ok {
				if p, known := k.Identity(); known {
					ch.Caller = p
				}
			}
			ch.Connected = r.Caller
			ch.Publish()
			return &called{ch: ch, name: target, number: dest, hops: hops}
		}
		leg.Hangup(channel.SwitchCongestion)
	}
	cause := channel.NoRoute
	var why *channel.Refusal
	if errors.As(err, &why) && why.Cause != channel.NoCause {
		cause = why.Cause
	}
	d.Log.Info(fmt.Sprintf("Unable to create channel of type '%s' (cause %d - %s)", techName, cause, cause),
		"call", c.Name, "target", target, "why", err)
	d.refused(cause)
	return nil
}

// caller is whom the called parties see: options f and o.
func (d *dialing) caller(hops int) channel.Party {
	p := d.c.Caller
	if x, ok := d.o.Arg('o'); ok && x != "" {
		p.Number = x
	}
	if x, ok := d.o.Arg('f'); ok && hops > 0 {
		p = channel.Party{Number: x}
		if x == "" {
			p.Number = d.c.Exten
		}
	}
	return p
}

// refused counts a leg that could not be made.
func (d *dialing) refused(cause channel.Cause) {
	d.c.Cause = cause
	d.count(cause)
}

// count enters the failure of one leg into the tally (dialplan 7.1).
func (d *dialing) count(cause channel.Cause) {
	switch cause {
	case channel.UserBusy:
		d.busy++
	case channel.NormalCircuitCongestion, channel.SwitchCongestion:
		d.congested++
	case channel.NoAnswer, channel.NormalClearing:
	default:
		d.unavailable++
	}
}

// predial runs option b on every new channel, before it is called.
func (d *dialing) predial(ctx context.Context) error {
	sub, ok := d.o.Arg('b')
	if !ok {
		return nil
	}
	for _, l := range d.legs {
		if err := d.onPeer(l.ch, func() error { return d.subroutine(ctx, l.ch, sub) }); err != nil {
			d.System.Warn(d.c, "Dial: pre-dial routine", "target", l.name, "error", err)
		}
	}
	return d.c.Poll(ctx, nil)
}

// onPeer lets f run on a dialled channel with a mailbox of its own.
func (d *dialing) onPeer(ch *channel.Channel, f func() error) error {
	d.c.Dismiss(ch)
	ch.Bind(channel.NewMailbox())
	err := f()
	ch.Bind(d.c.Mailbox())
	d.c.Accompany(ch)
	return err
}

// subroutine runs [[ctx^]ext^]pri[(a^b)] of options b, B and U. For a
// subroutine named by its context only, the entry is s,1.
func (d *dialing) subroutine(ctx context.Context, c *channel.Channel, text string) error {
	target, params := text, []string(nil)
	if open := strings.IndexByte(text, '('); open >= 0 {
		target = text[:open]
		params = strings.Split(strings.TrimSuffix(text[open+1:], ")"), "^")
	}
	if c.Exten == "" { // a dialled channel stands nowhere: count from its caller
		c.Exten = d.c.Exten
		defer func() { c.Exten = "" }()
	}
	return d.Exchange.Sub(ctx, c, strings.ReplaceAll(target, "^", ","), params)
}

// call sends one leg on its way.
func (d *dialing) call(l *called) {
	l.ch.State = channel.Dialing
	l.ch.Publish()
	l.ch.Leg.Dial()
	d.Tracef(3, "Called %s", l.name)
}

// entertain starts what the caller hears at once: options r and m.
func (d *dialing) entertain() {
	if len(d.legs) == 0 {
		return
	}
	switch tone, ringing := d.o.Arg('r'); {
	case d.o.Has('m'):
		form.OpenEarly(d.c)
		d.Tracef(3, "Started music on hold, class '%s', on channel '%s'", "default", d.c.Name)
		prompt.StartMusic(d.c)
		d.toned, d.signalled = true, true
	case ringing && tone != "":
		form.OpenEarly(d.c)
		d.ringTone(tone)
	case ringing, d.o.Has('R'):
		d.ring()
	}
}

// ring lets the caller hear ringing, once: a message as long as he has no audio
// from us, a tone afterwards.
func (d *dialing) ring() {
	if d.joined && !d.toned && d.c.Inbound && d.c.State == channel.Ring {
		d.c.Leg.Ring() // after early media the technology decides whether to say it
	}
	if d.signalled {
		return
	}
	d.signalled = true
	if d.c.Inbound && d.c.State == channel.Ring && !d.c.Hearing {
		if form.RingCaller(d.c) {
			d.ringTone("ring")
		}
		return
	}
	if d.c.Inbound || d.c.State == channel.Up {
		d.ringTone("ring")
	}
}

func (d *dialing) ringTone(tone string) {
	d.signalled = true
	if err := prompt.Start(d.c, tone); err != nil {
		d.System.Warn(d.c, "Dial: ringing tone", "error", err)
		return
	}
	d.toned = true
}

// wait deals with events until a leg answers, all have failed (nil, nil), or
// the caller has to leave.
func (d *dialing) wait(ctx context.Context) (*called, error) {
	for len(d.legs) > 0 {
		left := time.Duration(0)
		if !d.ends.IsZero() {
			left = max(time.Until(d.ends), 1)
		}
		var event channel.Event
		err := d.c.Wait(ctx, left, func(e channel.Event) bool {
			event = e
			return d.leg(e.Leg) != nil || e.Leg == d.c.Leg && (e.Kind == channel.DigitEnded || e.Kind == channel.Replaced)
		})
		if err != nil {
			return nil, err
		}
		l := d.leg(event.Leg)
		if l == nil && event.Kind == channel.Replaced {
			d.callerReplaced()
			continue
		}
		if l == nil {
			if err := d.callerDialled(event.Digit); err != nil {
				return nil, err
			}
			continue
		}
		if d.heard(ctx, l, event) {
			return l, nil
		}
	}
	return nil, nil
}

// callerReplaced goes on for somebody else: the caller gave the call away while it
// was ringing.
func (d *dialing) callerReplaced() {
	for _, l := range d.legs {
		if r, ok := l.ch.Leg.(channel.Reminder); ok {
			r.ConnectedLine(d.c.Caller)
		}
	}
	switch {
	case d.joined:
		l := d.legs[0].ch.Leg
		bridge.Part(l)
		bridge.Join(d.c.Leg, l)
	case d.signalled:
		d.signalled = false
		d.ring()
	}
	if d.single {
		d.tellIdentity(d.legs[0].ch.Caller)
	}
}

// callerDialled handles a digit of the waiting caller: the disconnect code with
// option H, a one-digit exit with option d.
func (d *dialing) callerDialled(digit byte) error {
	key := string(rune(digit))
	if d.o.Has('H') && key == d.Bridges.Codes().DisconnectCode() {
		d.Tracef(3, "User requested call disconnect.")
		d.c.Cause = channel.NormalClearing
		return dialplan.ErrHangup
	}
	if !d.o.Has('d') {
		return nil
	}
	where, _ := d.c.Var("EXITCONTEXT")
	if where == "" {
		where = d.c.Context
	}
	if exists, _ := d.Exchange.Lookup(where, key, d.c.Caller.Number); !exists {
		return nil
	}
	d.c.Context = where
	return dialplan.Digits(key)
}

// heard handles an event of a leg; true if it has answered.
func (d *dialing) heard(ctx context.Context, l *called, e channel.Event) bool {
	switch e.Kind {
	case channel.Diverted:
		if e.Party.Number != "" {
			d.c.Redirecting = e.Party
		}
		d.tellForwarding(e.Party, channel.Party{Number: e.Target})
	case channel.Ringing:
		d.Tracef(3, "%s is ringing", l.ch.Name)
		d.introduce(l)
		l.ch.State = channel.RingingState
		l.ch.Publish()
		if !d.rang {
			d.rang = true
			d.since("RINGTIME")
		}
		d.c.Reply(180)
		if !d.o.Has('m') {
			d.ring()
		}
	case channel.Progressed:
		d.introduce(l)
		d.early(l)
	case channel.Replaced: // somebody picked the call up
		if l.ch.State != channel.Up {
			return false
		}
		d.Tracef(3, "%s took the call of %s", l.ch.Name, d.c.Name)
		return true
	case channel.Answered:
		d.Tracef(3, "%s answered %s", l.ch.Name, d.c.Name)
		return true
	case channel.Forwarded:
		l.forward = e.Target
		if e.Party.Number != "" || e.Party.Reason != "" {
			l.ch.Caller = e.Party
		}
	case channel.Identity:
		l.ch.Caller = e.Party
		l.ch.Publish()
		d.introduce(l)
	case channel.Gone:
		d.remove(l)
		d.lost(ctx, l, e)
	}
	return false
}

// early lets the caller hear a party that has not answered: only when it is the
// only one, and unless he was promised something else.
func (d *dialing) early(l *called) {
	d.Tracef(3, "%s is making progress passing it to %s", l.ch.Name, d.c.Name)
	if !d.progressed {
		d.progressed = true
		d.since("PROGRESSTIME")
	}
	_, ringing := d.o.Arg('r')
	if ringing || d.o.Has('m') || !d.single && d.signalled {
		return
	}
	if d.toned {
		prompt.Stop(d.c)
		d.toned = false
	}
	form.OpenEarly(d.c)
	if d.single {
		d.signalled, d.joined = true, true
		bridge.Join(d.c.Leg, l.ch.Leg)
	}
}

// lost handles the end of a leg that had not answered.
func (d *dialing) lost(ctx context.Context, l *called, e channel.Event) {
	end := channel.LegEnd{Name: l.ch.Name, Cause: e.Cause}
	if e.Status != 0 {
		end.Detail = fmt.Sprintf("SIP %d %s", e.Status, e.Reason)
	}
	d.c.NoteLegEnd(end)
	if l.forward != "" && !d.o.Has('i') && l.hops < maxForwards {
		d.forward(ctx, l, l.ch.Caller)
		return
	}
	d.c.Cause = e.Cause
	switch e.Cause {
	case channel.UserBusy:
		d.Tracef(3, "%s is busy", l.ch.Name)
	case channel.NormalCircuitCongestion, channel.SwitchCongestion:
		d.Tracef(3, "%s is circuit-busy", l.ch.Name)
	}
	d.count(e.Cause)
}

// forward calls the number a leg's far end asked for instead; by is the party
// that asked.
func (d *dialing) forward(ctx context.Context, l *called, by channel.Party) {
	if by.Reason == "" {
		by.Reason = "unknown"
	}
	by.Count = d.c.Redirecting.Count + 1
	d.c.Redirecting = by
	to := channel.Party{Number: l.forward}
	if strings.Contains(l.forward, "/") {
		to.Number = "" // a destination, not a number
	} else {
		// As measured on Asterisk 22, the caller is told the new number where one
		// would expect the old one.
		by.Name, by.Number = "", l.forward
	}
	d.tellForwarding(by, to)
	where, _ := d.c.Var("FORWARD_CONTEXT")
	if where == "" {
		where = d.c.Context
	}
	target := l.forward
	if !strings.Contains(target, "/") {
		target = "Local/" + l.forward + "@" + where
	}
	d.Tracef(3, "Now forwarding %s to '%s' (thanks to %s)", d.c.Name, target, l.ch.Name)
	if next := d.prepare(ctx, target, l.hops+1); next != nil {
		d.legs = append(d.legs, next)
		d.call(next)
	}
}

// tellForwarding lets an unanswered caller know who forwards his call.
func (d *dialing) tellForwarding(by, to channel.Party) {
	if f, ok := d.c.Leg.(channel.Forwarder); ok && d.c.Inbound && d.c.State == channel.Ring && !d.o.Has('I') {
		f.Forwarding(by, to)
	}
}

// introduce tells the caller who is being called, before he learns anything else
// about that party; with several parties nobody knows who it will be.
func (d *dialing) introduce(l *called) {
	if d.single {
		d.tellIdentity(l.ch.Caller)
	}
}

// tellIdentity lets the caller know whom he is connected to.
func (d *dialing) tellIdentity(p channel.Party) {
	d.c.Connected = p
	if r, ok := d.c.Leg.(channel.Reminder); ok && !d.o.Has('I') {
		r.ConnectedLine(p)
	}
}

// failed settles DIALSTATUS when every leg has failed.
func (d *dialing) failed() error {
	if d.busy+d.congested+d.unavailable > 0 {
		d.Tracef(2, "Everyone is busy/congested at this time (%d:%d/%d/%d)", d.total, d.busy, d.congested, d.unavailable)
	}
	switch {
	case d.busy > 0:
		return d.finish("BUSY")
	case d.congested > 0:
		return d.finish("CONGESTION")
	case d.unavailable > 0:
		return d.finish("CHANUNAVAIL")
	}
	return d.finish("NOANSWER")
}

// finish notes the status of a Dial nobody answered; the dialplan goes on.
func (d *dialing) finish(status string) error {
	d.c.SetVar("DIALSTATUS", status)
	if d.joined {
		bridge.Part(d.c.Leg)
	}
	return nil
}

// since sets a pair of variables to the time since the call was placed.
func (d *dialing) since(name string) { d.duration(name, time.Since(d.started)) }

func (d *dialing) duration(name string, t time.Duration) {
	d.c.SetVar(name, strconv.FormatInt(int64(t/time.Second), 10))
	d.c.SetVar(name+"_MS", strconv.FormatInt(t.Milliseconds(), 10))
}

func (d *dialing) leg(l channel.Leg) *called {
	for _, c := range d.legs {
		if c.ch.Leg == l {
			return c
		}
	}
	return nil
}

func (d *dialing) remove(l *called) {
	for i, c := range d.legs {
		if c == l {
			d.legs = append(d.legs[:i:i], d.legs[i+1:]...)
			return
		}
	}
}

// dropAll cancels all legs that are still in the running.
func (d *dialing) dropAll(cause channel.Cause) {
	for _, l := range d.legs {
		d.drop(l.ch, cause)
	}
	d.legs = nil
}

// drop hangs up a dialled channel and forgets it.
func (d *dialing) drop(ch *channel.Channel, cause channel.Cause) {
	d.c.Dismiss(ch)
	ch.Leg.Hangup(cause)
	ch.End()
}
