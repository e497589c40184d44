package way

import (
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"github.com/emiago/sipgo/sip"

	"branchline/pbx/settings"
	"branchline/pbx/sip/link"
	"branchline/pbx/sip/transaction"
	"branchline/pbx/sip/transports"
)

// A Carrier takes one session's requests to its endpoint (link.Network).
type Carrier struct {
	f    *Finder
	road Road

	mu    sync.Mutex
	first string // the URI that hops was found for
	hops  []Hop  // where the session's first request may go, the one that answered in front
}

// RoadTo is the road to an endpoint; prefer names the transport to take if several
// would do.
func RoadTo(w *transports.World, ep *settings.Endpoint, prefer string) Road {
	return Road{Pin: ep.Transport, Prefer: prefer, Plain: w.Plain(ep.Legacy)}
}

// Carrier takes requests along a road.
func (f *Finder) Carrier(r Road) *Carrier { return &Carrier{f: f, road: r} }

// Found notes where the first request will go, so that it is not looked up
// twice, and the answer to a challenge reaches who sent it.
func (c *Carrier) Found(u *sip.Uri, hs []Hop) {
	c.mu.Lock()
	c.first, c.hops = u.String(), hs
	c.mu.Unlock()
}

// settled keeps the hops that have not failed.
func (c *Carrier) settled(hs []Hop) {
	c.mu.Lock()
	c.hops = hs
	c.mu.Unlock()
}

func (c *Carrier) known(req *sip.Request) []Hop {
	if !req.IsInvite() {
		return nil
	}
	if to := req.To(); to == nil || to.Params.Has("tag") {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.hops) == 0 || c.first != next(req).String() {
		return nil
	}
	return c.hops
}

// Token is fresh random text.
func (c *Carrier) Token() string { return c.f.Token() }

// Request sends req in a transaction of its own. Where there are several places
// to send it to, the next is tried when one does not answer or answers 503 (RFC
// 3263 4.3).
func (c *Carrier) Request(req *sip.Request, reply func(link.Reply)) link.ClientTx {
	t := &journey{c: c, reply: reply, founding: c.known(req) != nil}
	c.resolved(req, func(hs []Hop, err error) {
		if err != nil {
			go reply(link.Reply{Err: fmt.Errorf("%w: %w", err, link.ErrUnreachable)})
			return
		}
		t.begin(req, hs)
	})
	return t
}

// Send sends an ACK.
func (c *Carrier) Send(req *sip.Request) {
	c.resolved(req, func(hs []Hop, err error) {
		if err == nil {
			err = hs[0].Wire.Send(req, hs[0].To)
		}
		if err != nil {
			c.f.Log.Warn("send", "method", req.Method, "to", next(req).String(), "error", err)
		}
	})
}

// resolved calls then with the next hops: at once for an address, later for a
// name.
func (c *Carrier) resolved(req *sip.Request, then func([]Hop, error)) {
	u := next(req)
	if c.road.Held.IsValid() && req.Route() == nil {
		if x := c.f.Rack.Load().Wire(c.road.Pin); x != nil && (!x.Reliable() || x.Connected(c.road.Held)) {
			then([]Hop{{x, c.road.Held}}, nil)
			return
		}
	}
	if d := req.MessageData.Destination(); d != "" {
		if ap, err := netip.ParseAddrPort(d); err == nil {
			u = u.Clone()
			u.Host, u.Port = ap.Addr().String(), int(ap.Port())
			u.UriParams.Remove("maddr")
		}
	} else if hs := c.known(req); hs != nil {
		then(hs, nil)
		return
	}
	if _, ok := Literal(u); ok {
		then(c.f.Hops(c.f.Rack.Life(), c.road, u))
		return
	}
	go func() { then(c.f.Hops(c.f.Rack.Life(), c.road, u)) }()
}

// A journey is a request that may still be looking for its address, or for
// one that answers.
type journey struct {
	c        *Carrier
	reply    func(link.Reply)
	founding bool // it goes to the carrier's hops

	mu       sync.Mutex
	req      *sip.Request // to be sent elsewhere if need be
	hops     []Hop        // the one in use, then those that are left
	try      int
	heard    bool // a response came for this try
	out      *transaction.Client
	patience *time.Timer
	stays    bool
	dropped  bool
}

// tries is how long a place that says nothing at all is waited for, in T1, if
// there is another: three retransmissions. RFC 3263 would wait for timer B, 32
// seconds, when most callers have hung up.
const tries = 8

func (t *journey) begin(req *sip.Request, hs []Hop) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.dropped {
		return
	}
	if t.stays { // given up while the address was looked up
		go t.reply(link.Reply{Err: fmt.Errorf("%s: %w", next(req).String(), link.ErrUnreachable)})
		return
	}
	t.hops = hs
	if len(hs) > 1 {
		t.req = req.Clone()
	}
	t.send(req)
}

// send sends req to the first hop; t.mu is held.
func (t *journey) send(req *sip.Request) {
	h, try := t.hops[0], t.try
	t.heard = false
	t.out = h.Wire.Request(req, h.To, func(res *sip.Response, err error) { t.take(try, res, err) })
	if len(t.hops) > 1 {
		t.patience = time.AfterFunc(tries*h.Wire.Retry().T1, func() { t.impatient(try) })
	}
}

// impatient goes on to the next hop if nothing was heard.
func (t *journey) impatient(try int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.try == try && !t.heard && !t.dropped && !t.stays {
		t.out.Terminate()
		t.elsewhere(transaction.ErrTimeout)
	}
}

// elsewhere tries the next hop; t.mu is held.
func (t *journey) elsewhere(why error) {
	f := t.c.f
	f.Resolver.Failed(t.hops[0].target())
	f.Log.Info("trying the next address", "uri", next(t.req).String(), "failed", t.hops[0].To.String(), "next", t.hops[1].To.String(), "error", why)
	t.hops = t.hops[1:]
	t.try++
	t.send(t.req.Clone())
}

var errUnavailable = errors.New("503 Service Unavailable")

// take takes what one try brings.
func (t *journey) take(try int, res *sip.Response, err error) {
	t.mu.Lock()
	if t.try != try || t.dropped {
		t.mu.Unlock()
		return
	}
	first := !t.heard
	t.heard = true
	if t.patience != nil {
		t.patience.Stop()
	}
	more := len(t.hops) > 1
	switch {
	case err != nil && more && !t.stays && !errors.Is(err, transaction.ErrClosed):
		t.elsewhere(err)
		t.mu.Unlock()
		return
	case err == nil && res.StatusCode == 503 && more && !t.stays:
		t.elsewhere(errUnavailable)
		t.mu.Unlock()
		return
	}
	left := t.hops
	if err == nil && res.StatusCode > 100 {
		// Whoever lets a call ring has it; another place must not ring as well.
		t.hops, t.req = t.hops[:1], nil
	}
	t.mu.Unlock()
	if err == nil && first {
		if t.founding {
			t.c.settled(left)
		}
		t.c.f.Resolver.Worked(left[0].target())
	}
	switch {
	case err == nil:
		t.reply(link.Reply{Response: res})
	case errors.Is(err, transaction.ErrClosed):
		t.reply(link.Reply{Err: fmt.Errorf("%w: %w", link.ErrClosed, link.ErrUnreachable)})
	case errors.Is(err, transaction.ErrTimeout):
		t.reply(link.Reply{Err: fmt.Errorf("%w: %w", err, link.ErrTimeout)})
	default:
		t.reply(link.Reply{Err: fmt.Errorf("%w: %w", err, link.ErrUnreachable)})
	}
}

// Stay keeps the request at the address where it is (link.Rover).
func (t *journey) Stay() {
	t.mu.Lock()
	t.stays = true
	t.mu.Unlock()
}

// Cancel cancels an INVITE.
func (t *journey) Cancel(extra ...sip.Header) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.stays = true
	if t.out != nil {
		t.out.Cancel(extra...)
	}
}

// Terminate forgets the request.
func (t *journey) Terminate() {
	t.mu.Lock()
	out := t.out
	t.dropped = true
	if t.patience != nil {
		t.patience.Stop()
	}
	t.mu.Unlock()
	if out != nil {
		out.Terminate()
	}
}
