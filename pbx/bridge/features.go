package bridge

import (
	"cmp"
	"context"
	"errors"
	"strings"
	"time"

	"branchline/media"
	"branchline/pbx/channel"
	"branchline/pbx/prompt"
)

// Features are the settings of features.conf; zero values mean the defaults.
type Features struct {
	BlindTransfer        string        // "#"; "-" switches it off
	Disconnect           string        // "*"; "-" switches it off
	DigitTimeout         time.Duration // between the digits of a code, 1 s
	TransferDigitTimeout time.Duration // between the digits of a transfer target, 3 s
	TransferSound        string        // "pbx-transfer"
	InvalidSound         string        // "pbx-invalid"
	// MixMonitor and Monitor begin and end a recording; "" or "-" for none.
	MixMonitor, Monitor string
}

func (f *Features) digitTimeout() time.Duration { return cmp.Or(f.DigitTimeout, time.Second) }

// BlindTransferCode is the code in force, "-" if none.
func (f *Features) BlindTransferCode() string { return cmp.Or(f.BlindTransfer, "#") }

// DisconnectCode is the code in force, "-" if none.
func (f *Features) DisconnectCode() string { return cmp.Or(f.Disconnect, "*") }

// match compares what a party typed with the codes it may use: it gives the
// feature to carry out, or reports that more digits may make one.
func (f *Features) match(may Abilities, typed string) (run func(context.Context, *talk, *side) error, wait bool) {
	for _, code := range [...]struct {
		on   bool
		text string
		run  func(context.Context, *talk, *side) error
	}{
		{may.Transfer, f.BlindTransferCode(), blindTransfer},
		{may.Disconnect, f.DisconnectCode(), disconnect},
		{may.MixMonitor, f.MixMonitor, oneTouch},
		{may.Monitor, f.Monitor, oneTouch},
	} {
		if !code.on || code.text == "-" || code.text == "" {
			continue
		}
		if code.text == typed {
			return code.run, false
		}
		wait = wait || strings.HasPrefix(code.text, typed)
	}
	return nil, wait
}

func disconnect(_ context.Context, t *talk, s *side) error {
	t.trace(3, "%s dialled the disconnect code", s.c.Name)
	t.end(Result{Outcome: Disconnected})
	return nil
}

// blindTransfer asks s where its peer shall go, and sends it there. A number
// that does not exist brings both together again.
func blindTransfer(ctx context.Context, t *talk, s *side) error {
	peer := t.other(s).c
	t.trace(3, "Started DTMF blind transfer.")
	Part(t.a.c.Leg)
	s.c.Leg.Media().Watch(media.Digits{Report: true, Keep: true})
	t.music(peer)
	exten, ctxt, err := t.askTarget(ctx, s)
	prompt.Stop(peer)
	if err != nil {
		return err
	}
	if t.over {
		return nil
	}
	if exten != "" {
		t.send(s, channel.Place{Context: ctxt, Exten: exten, Priority: 1})
		return nil
	}
	if _, _, err := t.Booth.Files(ctx, t.a.c, s.c, []string{cmp.Or(t.codes.InvalidSound, "pbx-invalid")}, t.gone); err != nil {
		return err
	}
	if !t.over {
		t.connect()
	}
	return nil
}

// gone notices that the callee left during a dialogue with one of the parties.
func (t *talk) gone(e channel.Event) bool {
	switch {
	case e.Leg == t.b.c.Leg && e.Kind == channel.Gone:
		t.end(Result{Outcome: CalleeGone})
		return true
	case e.Leg == t.b.c.Leg && e.Kind == channel.Redirect:
		t.end(Result{Outcome: CalleeRedirected, Target: e.Target})
		return true
	}
	return false
}

// askTarget plays the transfer prompt to s and collects a number that exists
// where s may transfer to; "" if there is none.
func (t *talk) askTarget(ctx context.Context, s *side) (exten, ctxt string, err error) {
	ctxt = transferContext(s.c)
	timeout := cmp.Or(t.codes.TransferDigitTimeout, 3*time.Second)
	var typed string
	collect := func(e channel.Event) bool {
		if t.gone(e) {
			return true
		}
		if e.Kind == channel.DigitEnded && e.Leg == s.c.Leg {
			typed += string(rune(e.Digit))
			return true
		}
		return false
	}
	_, _, err = t.Booth.Files(ctx, t.a.c, s.c, []string{cmp.Or(t.codes.TransferSound, "pbx-transfer")}, collect)
	for err == nil && !t.over {
		exists, more := t.Numbers.Lookup(ctxt, typed, s.c.Caller.Number)
		if typed != "" && (exists && !more || !exists && !more) {
			break
		}
		err = t.a.c.Wait(ctx, timeout, collect)
		if errors.Is(err, channel.ErrTimeout) {
			err = nil
			break
		}
	}
	if err != nil || t.over {
		return "", ctxt, err
	}
	if exists, _ := t.Numbers.Lookup(ctxt, typed, s.c.Caller.Number); typed == "" || !exists {
		t.Log.Warn("transfer: no such number", "call", s.c.Name, "number", typed, "context", ctxt)
		return "", ctxt, nil
	}
	return typed, ctxt, nil
}

// transferContext is where a party's transfers are looked up.
func transferContext(c *channel.Channel) string {
	if v, ok := c.Var("TRANSFER_CONTEXT"); ok && v != "" {
		return v
	}
	return c.Context
}

// send ends the bridge with s's peer on its way to place.
func (t *talk) send(s *side, place channel.Place) {
	peer := t.other(s).c
	t.trace(3, "Transferring %s to '%s' (context %s) priority %d", peer.Name, place.Exten, place.Context, place.Priority)
	peer.SetVar("BLINDTRANSFER", s.c.Name)
	outcome := CallerTransferred
	if s == t.a {
		outcome = CalleeTransferred
	}
	t.end(Result{Outcome: outcome, Place: place})
}

// refer carries out a blind transfer asked for by REFER (RFC 3515).
func (t *talk) refer(ctx context.Context, s *side, e channel.Event) {
	if e.Replaces != "" {
		t.merge(ctx, s, e)
		return
	}
	ctxt := transferContext(s.c)
	exten := e.Target
	if exists, _ := t.Numbers.Lookup(ctxt, exten, s.c.Caller.Number); !exists {
		t.Log.Warn("transfer by REFER: no such number", "call", s.c.Name, "number", exten, "context", ctxt)
		peer := t.other(s).c
		peer.SetReplies(e.Replies, nil)
		peer.Reply(404)
		return
	}
	if e.Referrer != "" {
		t.other(s).c.SetVar("__SIPREFERREDBYHDR", e.Referrer)
	}
	t.send(s, channel.Place{Context: ctxt, Exten: exten, Priority: 1})
	referred := make(chan struct{})
	t.result.Referred = referred
	t.other(s).c.SetReplies(e.Replies, func() { close(referred) })
}
