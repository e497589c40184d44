package way

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"github.com/emiago/sipgo/sip"

	"branchline/pbx/channel"
	"branchline/pbx/settings"
	"branchline/pbx/sip/link"
	"branchline/pbx/sip/transports"
	"branchline/pbx/sip/wire"
)

// Moment is how long the making of a leg waits for a name. Most names are found
// in less, and the dialplan hears at once when one does not exist. A leg whose
// name takes longer looks on by itself, so that a silent name server delays no
// other leg of the same Dial.
const Moment = 100 * time.Millisecond

// A Search is the looking up of a URI's hops.
type Search struct {
	done chan struct{} // closed when the rest is there
	Hops []Hop
	Err  error
}

// Search begins to look for the hops of a URI; an address needs no waiting.
func (f *Finder) Search(way Road, u *sip.Uri) *Search {
	s := &Search{done: make(chan struct{})}
	look := func() {
		defer close(s.done)
		s.Hops, s.Err = f.Hops(f.Rack.Life(), way, u)
	}
	if _, ok := Literal(u); ok {
		look()
	} else {
		u = u.Clone()
		go look()
	}
	return s
}

// Within waits for the search and reports whether it is over.
func (s *Search) Within(ctx context.Context, d time.Duration) bool {
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

// Result is how the search ended, or that nobody waits for it any more.
func (s *Search) Result(ctx context.Context) error {
	select {
	case <-s.done:
		return s.Err
	default:
		return errors.Join(errSlow, ctx.Err())
	}
}

var errSlow = errors.New("the name server is silent")

// Guess is the hop of a URI without its address, for the media port of a leg to
// be opened; false if transports on different addresses may come to it.
func Guess(w *transports.World, way Road, u *sip.Uri) (Hop, bool) {
	ways, _, err := ways(w, way, u)
	if err != nil {
		return Hop{}, false
	}
	var first Hop
	for _, one := range ways {
		for _, dst := range []netip.Addr{netip.IPv4Unspecified(), netip.IPv6Unspecified()} {
			x, err := pick(w, way, []string{one.Network}, dst)
			if err != nil {
				continue
			}
			if first.Wire == nil {
				first = Anywhere(x)
			}
			if x.Bound().Addr() != first.Wire.Bound().Addr() {
				return Hop{}, false
			}
		}
	}
	return first, first.Wire != nil
}

// Anywhere is a hop over x to an address that is not known.
func Anywhere(x *wire.Wire) Hop {
	if x.Bound().Addr().Unmap().Is6() {
		return Hop{x, netip.AddrPortFrom(netip.IPv6Unspecified(), 0)}
	}
	return Hop{x, netip.AddrPortFrom(netip.IPv4Unspecified(), 0)}
}

// Find makes the invite.Config.Find of a leg to ep whose search goes on; cause
// is what a name that is not found ends the leg with.
func (f *Finder) Find(w *transports.World, ep *settings.Endpoint, c *Carrier, s *Search, first *sip.Uri, cause channel.Cause) func(func(link.Local, error)) {
	return func(done func(link.Local, error)) {
		go func() {
			<-s.done
			if s.Err != nil {
				f.Log.Error("call cannot be sent", "endpoint", ep.ID, "uri", first.String(), "error", s.Err)
				done(link.Local{}, &channel.Refusal{Cause: cause, Why: s.Err.Error()})
				return
			}
			h := s.Hops[0]
			c.Found(first, s.Hops)
			c.road.Prefer = h.Wire.Name()
			done(Appearance(w, ep, h.Wire, h.To.Addr(), h.Wire.Local(h.To.Addr())), nil)
		}()
	}
}
