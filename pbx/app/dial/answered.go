package dial

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"branchline/pbx/app/form"
	"branchline/pbx/bridge"
	"branchline/pbx/channel"
	"branchline/pbx/dialplan"
	"branchline/pbx/dialplan/live"
)

// connected is Dial from the moment a leg has answered.
func (d *dialing) connected(ctx context.Context, l *called) error {
	if done, err := d.welcome(ctx, l); done || err != nil {
		return err
	}
	d.c.Answer()
	return d.talk(ctx, l.ch)
}

// welcome is what comes before the two may talk; done says that they will not.
//
//go:noinline
func (d *dialing) welcome(ctx context.Context, l *called) (done bool, err error) {
	peer := l.ch
	peer.State, peer.AnsweredAt, peer.Hearing = channel.Up, time.Now(), true
	d.tellIdentity(peer.Caller)
	d.c.Cause = channel.NoCause
	d.c.SetVar("DIALSTATUS", "ANSWER")
	d.c.SetVar("DIALEDPEERNAME", peer.Name)
	d.c.SetVar("DIALEDPEERNUMBER", l.number)
	peer.Publish()
	d.c.Reply(200)
	for _, before := range [...]func(context.Context, *channel.Channel) (bool, error){d.announce, d.routine, d.digits, d.split} {
		done, err := before(ctx, peer)
		if err != nil {
			d.drop(peer, d.c.Cause)
		}
		if done || err != nil {
			return done, err
		}
	}
	return false, nil
}

// gone watches for the called party's hanging up before the bridge.
func gone(peer *channel.Channel) func(channel.Event) bool {
	return func(e channel.Event) bool { return e.Kind == channel.Gone && e.Leg == peer.Leg }
}

// announce is option A(x[:y]): play x to the called party, y to the caller.
func (d *dialing) announce(ctx context.Context, peer *channel.Channel) (bool, error) {
	text, ok := d.o.Arg('A')
	if !ok {
		return false, nil
	}
	toPeer, toCaller, _ := strings.Cut(text, ":")
	for _, p := range [...]struct {
		list string
		c    *channel.Channel
	}{{toPeer, peer}, {toCaller, d.c}} {
		names := form.Files(p.list)
		if len(names) == 0 {
			continue
		}
		if p.c == d.c {
			d.c.Answer()
		}
		_, missing, err := d.Booth.Files(ctx, d.c, p.c, names, gone(peer))
		for _, m := range missing {
			d.System.Warn(d.c, "Dial: no such sound", "file", m)
		}
		if err != nil {
			return false, err
		}
		if peer.Ending() {
			return true, d.peerLeft(peer)
		}
	}
	return false, nil
}

// routine is option U: a subroutine on the called channel, whose GOSUB_RESULT
// can end the call.
func (d *dialing) routine(ctx context.Context, peer *channel.Channel) (bool, error) {
	text, ok := d.o.Arg('U')
	if !ok {
		return false, nil
	}
	name, rest, _ := strings.Cut(text, "^")
	sub := name + ",s,1"
	var params []string
	if rest != "" {
		params = strings.Split(rest, "^")
	}
	err := d.onPeer(peer, func() error { return d.Exchange.Sub(ctx, peer, sub, params) })
	if peer.Ending() {
		d.c.Dismiss(peer)
		return true, d.peerLeft(peer)
	}
	if err != nil {
		d.System.Warn(d.c, "Dial: routine of the called party", "error", err)
	}
	result, _ := peer.Var("GOSUB_RESULT")
	if result == "" && errors.Is(err, dialplan.ErrHangup) {
		return true, d.peerLeft(peer)
	}
	place, jump := strings.CutPrefix(result, "GOTO:")
	switch {
	case jump:
		d.drop(peer, channel.NormalClearing)
		ctxt, exten, prio, err := d.System.Resolve(d.c, strings.ReplaceAll(place, "^", ","))
		if err != nil {
			d.System.Warn(d.c, "Dial: GOSUB_RESULT", "error", err)
			return true, dialplan.ErrHangup
		}
		live.Jump(d.c, ctxt, exten, prio)
		return true, nil
	case result == "CONTINUE":
		d.drop(peer, channel.NormalClearing)
		return true, nil
	case result == "BUSY", result == "CONGESTION":
		d.drop(peer, channel.NormalClearing)
		return true, d.finish(result)
	case result == "ABORT":
		d.drop(peer, channel.NormalClearing)
		d.c.Cause = channel.NormalClearing
		return true, dialplan.ErrHangup
	}
	return false, nil
}

// digits is option D([called][:calling[:progress]]).
func (d *dialing) digits(ctx context.Context, peer *channel.Channel) (bool, error) {
	text, ok := d.o.Arg('D')
	if !ok {
		return false, nil
	}
	p := strings.Split(text, ":")
	if err := form.SendDigits(ctx, d.c, peer, p[0], 250*time.Millisecond, 100*time.Millisecond); err != nil {
		return false, err
	}
	if peer.Ending() {
		return true, d.peerLeft(peer)
	}
	if len(p) > 1 {
		d.c.Answer()
		if err := form.SendDigits(ctx, d.c, d.c, p[1], 250*time.Millisecond, 100*time.Millisecond); err != nil {
			return false, err
		}
	}
	return false, nil
}

// split is option G(ctx^exten^pri): the caller goes to pri, the called party to
// pri+1; they do not talk.
func (d *dialing) split(_ context.Context, peer *channel.Channel) (bool, error) {
	text, ok := d.o.Arg('G')
	if !ok {
		return false, nil
	}
	ctxt, exten, prio, err := d.System.Resolve(d.c, strings.ReplaceAll(text, "^", ","))
	if err != nil {
		d.System.Warn(d.c, "Dial: option G", "error", err)
		return false, dialplan.ErrHangup
	}
	d.c.Answer()
	d.Exchange.Release(d.c, peer, channel.Place{Context: ctxt, Exten: exten, Priority: prio + 1})
	live.Jump(d.c, ctxt, exten, prio)
	return true, nil
}

// talk connects both parties and settles what follows.
func (d *dialing) talk(ctx context.Context, peer *channel.Channel) error {
	r := d.Bridges.Two(ctx, d.c, peer, bridge.Options{
		Caller: bridge.Abilities{Transfer: d.o.Has('T'), Disconnect: d.o.Has('H'), MixMonitor: d.o.Has('X'), Monitor: d.o.Has('W')},
		Callee: bridge.Abilities{Transfer: d.o.Has('t'), Disconnect: d.o.Has('h'), MixMonitor: d.o.Has('x'), Monitor: d.o.Has('w')},
		Limit:  d.limit(),
	})
	d.duration("ANSWEREDTIME", time.Since(r.Started))
	d.since("DIALEDTIME")
	switch r.Outcome {
	case bridge.CallerTransferred: // by the called party, which is done
		d.dismiss(peer, r.Referred)
		live.Jump(d.c, r.Place.Context, r.Place.Exten, r.Place.Priority)
		return nil
	case bridge.CalleeTransferred: // by the caller, who is done
		d.Exchange.Release(d.c, peer, r.Place)
		d.c.Cause = channel.NormalClearing
		if r.Referred != nil {
			return d.stay(ctx, r.Referred)
		}
		return dialplan.ErrHangup
	case bridge.CallerMerged: // what is left are two calls of the callee
		d.dismiss(peer, r.Referred)
		d.c.Cause = channel.NormalClearing
		return dialplan.ErrHangup
	case bridge.CalleeMerged:
		d.drop(peer, channel.NormalClearing)
		d.c.Cause = channel.NormalClearing
		return d.stay(ctx, r.Referred)
	case bridge.CalleeRedirected:
		return d.redirected(peer, r.Target)
	case bridge.CallerGone:
		return d.callerLeft(ctx, peer, r.Err)
	case bridge.CalleeGone:
		return d.peerGone(ctx, peer)
	case bridge.Disconnected, bridge.LimitReached:
		d.drop(peer, channel.NormalClearing)
		return d.peerGone(ctx, peer)
	}
	return dialplan.ErrHangup
}

// dismiss hangs up a party that transferred the call, at once if it did so by
// dialling; one that sent REFER is given time to hear the result.
func (d *dialing) dismiss(peer *channel.Channel, referred <-chan struct{}) {
	if referred == nil {
		d.drop(peer, channel.NormalClearing)
		return
	}
	d.Exchange.Linger(d.c, peer, referred)
}

// stay keeps the caller, who sent REFER, until he knows the result and hangs up.
func (d *dialing) stay(ctx context.Context, referred <-chan struct{}) error {
	go func() {
		<-referred
		d.c.Post(channel.Event{Kind: channel.HangupAsked, Cause: channel.NormalClearing})
	}()
	err := d.c.Wait(ctx, time.Minute, nil)
	if errors.Is(err, channel.ErrTimeout) {
		return dialplan.ErrHangup
	}
	return err
}

// redirected sends the called party where somebody else wanted it.
func (d *dialing) redirected(peer *channel.Channel, target string) error {
	ctxt, exten, prio, err := d.System.Resolve(peer, target)
	if err != nil {
		d.System.Warn(d.c, "redirect of the called party", "error", err)
		d.drop(peer, channel.NormalClearing)
	} else {
		d.Exchange.Release(d.c, peer, channel.Place{Context: ctxt, Exten: exten, Priority: prio})
	}
	return d.goOn(channel.NormalClearing)
}

// callerLeft: with option F the called party goes on in the dialplan.
func (d *dialing) callerLeft(ctx context.Context, peer *channel.Channel, err error) error {
	text, ok := d.o.Arg('F')
	if !ok || !errors.Is(err, channel.ErrHangup) || ctx.Err() != nil {
		cause := d.c.Cause
		if cause == channel.NoCause {
			cause = channel.NormalClearing
		}
		d.drop(peer, cause)
		return d.epilogue(ctx, peer, err)
	}
	place := channel.Place{Context: d.c.Context, Exten: d.c.Exten, Priority: d.c.Priority + 1}
	if text != "" {
		ctxt, exten, prio, bad := d.System.Resolve(d.c, strings.ReplaceAll(text, "^", ","))
		if bad != nil {
			d.System.Warn(d.c, "Dial: option F", "error", bad)
			d.drop(peer, channel.NormalClearing)
			return err
		}
		place = channel.Place{Context: ctxt, Exten: exten, Priority: prio}
	}
	d.Exchange.Release(d.c, peer, place)
	return err
}

// peerLeft: the called party hung up before it was bridged.
func (d *dialing) peerLeft(peer *channel.Channel) error {
	d.drop(peer, channel.NormalClearing)
	return d.goOn(peer.Cause)
}

// peerGone: the called party's side of the bridge is over.
func (d *dialing) peerGone(ctx context.Context, peer *channel.Channel) error {
	d.c.NoteLegEnd(channel.LegEnd{Name: peer.Name, Cause: peer.Cause})
	return d.epilogue(ctx, peer, d.goOn(peer.Cause))
}

// goOn: without option g the call ends with the called party.
func (d *dialing) goOn(cause channel.Cause) error {
	if cause == channel.NoCause {
		cause = channel.NormalClearing
	}
	d.c.Cause = cause
	if d.o.Has('g') {
		return nil
	}
	return dialplan.ErrHangup
}

// epilogue is option e: h on the called channel.
func (d *dialing) epilogue(ctx context.Context, peer *channel.Channel, err error) error {
	if d.o.Has('e') {
		peer.Bind(channel.NewMailbox())
		peer.Context, peer.Exten = d.c.Context, d.c.Exten
		d.Exchange.Epilogue(ctx, peer)
	}
	return err
}

// limit reads options L(max[:warn[:repeat]]) and S(sec).
func (d *dialing) limit() bridge.Limit {
	var l bridge.Limit
	if text, ok := d.o.Arg('L'); ok {
		p := strings.Split(text, ":")
		l.Max, l.Warn, l.Repeat = millis(p, 0), millis(p, 1), millis(p, 2)
		l.PlayCaller, l.PlayCallee = d.yes("LIMIT_PLAYAUDIO_CALLER", true), d.yes("LIMIT_PLAYAUDIO_CALLEE", false)
		l.WarnFile, _ = d.c.Var("LIMIT_WARNING_FILE")
		l.EndFile, _ = d.c.Var("LIMIT_TIMEOUT_FILE")
	}
	if text, ok := d.o.Arg('S'); ok {
		if s, ok := form.Seconds(text); ok && s > 0 && (l.Max == 0 || s < l.Max) {
			l.Max = s
		}
	}
	return l
}

func millis(p []string, n int) time.Duration {
	ms, err := strconv.ParseInt(form.Arg(p, n), 10, 32)
	if err != nil || ms < 0 {
		return 0
	}
	return time.Duration(ms) * time.Millisecond
}

// yes reads a yes-or-no variable.
func (d *dialing) yes(name string, otherwise bool) bool {
	v, ok := d.c.Var(name)
	if !ok || v == "" {
		return otherwise
	}
	return strings.EqualFold(v, "yes") || strings.EqualFold(v, "true") || v == "1" || strings.EqualFold(v, "on")
}
