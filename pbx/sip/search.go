package sip

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"github.com/emiago/sipgo/sip"

	"branchline/pbx/channel"
	"branchline/pbx/settings"
	"branchline/pbx/sip/invite"
	"branchline/pbx/sip/transports"
	"branchline/pbx/sip/wire"
)

// moment is how long the making of a leg waits for a name. Most names are found
// in less, and the dialplan hears at once when one does not exist. A leg whose
// name takes longer looks on by itself, so that a silent name server delays no
// other leg of the same Dial.
const moment = 100 * time.Millisecond

// A search is the looking up of a URI's hops.
type search struct {
	done chan struct{} // closed when the rest is there
	hops []hop
	err  error
}

// search begins to look for the hops of a URI; an address needs no waiting.
func (f *finder) search(way road, u *sip.Uri) *search {
	s := &search{done: make(chan struct{})}
	look := func() {
		defer close(s.done)
		s.hops, s.err = f.hops(f.rack.Life(), way, u)
	}
	if _, ok := literal(u); ok {
		look()
	} else {
		u = u.Clone()
		go look()
	}
	return s
}

// within waits for the search and reports whether it is over.
func (s *search) within(ctx context.Context, d time.Duration) bool {
	select {
	case <-s.done:
		return true
	default:
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-s.done:
		return true
	case <-t.C:
	case <-ctx.Done():
	}
	return false
}

// result is how the search ended, or that nobody waits for it any more.
func (s *search) result(ctx context.Context) error {
	select {
	case <-s.done:
		return s.err
	default:
		return errors.Join(errSlow, ctx.Err())
	}
}

var errSlow = errors.New("the name server is silent")

// guess is the hop of a URI without its address, for the media port of a leg to
// be opened; false if transports on different addresses may come to it.
func guess(w *transports.World, way road, u *sip.Uri) (hop, bool) {
	ways, _, err := ways(w, way, u)
	if err != nil {
		return hop{}, false
	}
	var first hop
	for _, one := range ways {
		for _, dst := range []netip.Addr{netip.IPv4Unspecified(), netip.IPv6Unspecified()} {
			x, err := pick(w, way, []string{one.Network}, dst)
			if err != nil {
				continue
			}
			if first.wire == nil {
				first = anywhere(x)
			}
			if x.Bound().Addr() != first.wire.Bound().Addr() {
				return hop{}, false
			}
		}
	}
	return first, first.wire != nil
}

// anywhere is a hop over x to an address that is not known.
func anywhere(x *wire.Wire) hop {
	if x.Bound().Addr().Unmap().Is6() {
		return hop{x, netip.AddrPortFrom(netip.IPv6Unspecified(), 0)}
	}
	return hop{x, netip.AddrPortFrom(netip.IPv4Unspecified(), 0)}
}

// find makes the invite.Config.Find of a leg to ep whose search goes on; cause
// is what a name that is not found ends the leg with.
func (f *finder) find(w *transports.World, ep *settings.Endpoint, c *carrier, s *search, first *sip.Uri, cause channel.Cause) func(func(invite.Local, error)) {
	return func(done func(invite.Local, error)) {
		go func() {
			<-s.done
			if s.err != nil {
				f.log.Error("call cannot be sent", "endpoint", ep.ID, "uri", first.String(), "error", s.err)
				done(invite.Local{}, &channel.Refusal{Cause: cause, Why: s.err.Error()})
				return
			}
			h := s.hops[0]
			c.found(first, s.hops)
			c.way.prefer = h.wire.Name()
			done(appearance(w, ep, h.wire, h.to.Addr(), h.wire.Local(h.to.Addr())), nil)
		}()
	}
}
