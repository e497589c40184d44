package bridge

import (
	"context"
	"errors"

	"branchline/pbx/channel"
	"branchline/pbx/prompt"
)

var errNoSwap = errors.New("calls cannot be connected here")

// merge carries out an attended transfer (RFC 3515 with Replaces, RFC 3891): the
// peer of s takes the place of s's other channel, e.Replaces, in whatever call
// that one is in; the party of that channel comes here instead and is let go.
func (t *talk) merge(ctx context.Context, s *side, e channel.Event) {
	peer := t.other(s)
	t.trace(3, "%s connects %s to the call of %s", s.c.Name, peer.c.Name, e.Replaces)
	t.setDirect(false)
	Part(t.a.c.Leg)
	if s.held {
		prompt.Stop(peer.c)
	}
	if e.Referrer != "" {
		peer.c.SetVar("__SIPREFERREDBYHDR", e.Referrer)
	}
	var err error
	if t.Swap == nil {
		err = errNoSwap
	} else {
		err = t.Swap(ctx, peer.c, e.Replaces)
	}
	referred := make(chan struct{})
	s.c.SetReplies(e.Replies, func() { close(referred) })
	if err != nil {
		t.Log.Warn("attended transfer", "call", s.c.Name, "error", err)
		s.c.Reply(603)
		t.connect()
		if s.held {
			t.music(peer.c)
		}
		return
	}
	s.held = false
	outcome := CallerMerged
	if s == t.a {
		outcome = CalleeMerged
	}
	t.end(Result{Outcome: outcome, Referred: referred})
	s.c.Reply(200)
}

// replaced goes on with another party on side s.
func (t *talk) replaced(s *side) {
	peer := t.other(s)
	if s.held {
		s.held = false
		prompt.Stop(peer.c)
	}
	if t.direct {
		t.direct = false
		if d, ok := peer.c.Leg.(channel.Director); ok {
			d.Direct(nil)
		}
	}
	s.typed = ""
	t.trace(3, "%s now talks to %s", s.c.Name, peer.c.Name)
	s.c.BridgeID, s.c.BridgedAt = peer.c.BridgeID, peer.c.BridgedAt
	Part(peer.c.Leg)
	t.connect()
	t.identity(s, s.c.Caller)
	t.identity(peer, peer.c.Caller)
}
