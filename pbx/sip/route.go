package sip

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/emiago/sipgo/sip"

	"branchline/pbx/settings"
	"branchline/pbx/sip/digest"
	"branchline/pbx/sip/invite"
	"branchline/pbx/sip/wire"
)

// A hop is where a request goes next, and by which transport.
type hop struct {
	wire *wire.Wire
	to   netip.AddrPort
}

// lookupTime bounds name resolution.
const lookupTime = 5 * time.Second

// hop finds transport and address for a URI: the endpoint's own transport if it
// names one, whatever the URI says (Asterisk calls a phone that registered over
// UDP on the TCP its endpoint is pinned to, and so do we); else the URI's
// transport parameter; else UDP, or TCP where no UDP transport exists. prefer
// names the transport to take if several would do.
func (a *Agent) hop(ctx context.Context, pin, prefer string, u *sip.Uri) (hop, error) {
	w := a.world.Load()
	addrs, err := a.addresses(ctx, u)
	if err != nil {
		return hop{}, err
	}
	port := u.Port
	if port == 0 {
		port = sip.DefaultUdpPort
	}
	if port < 0 || port > 65535 {
		return hop{}, fmt.Errorf("port %d: out of range", port)
	}
	for _, addr := range addrs {
		x, err := w.pick(pin, prefer, u, addr)
		if err == nil {
			return hop{x, netip.AddrPortFrom(addr, uint16(port))}, nil
		}
		if pin != "" && w.wire(pin) == nil {
			return hop{}, err
		}
	}
	return hop{}, fmt.Errorf("%s: %w", u.String(), errNoTransport)
}

// pick chooses the transport.
func (w *world) pick(pin, prefer string, u *sip.Uri, dst netip.Addr) (*wire.Wire, error) {
	if pin != "" {
		x := w.wire(pin)
		switch {
		case x == nil:
			return nil, fmt.Errorf("transport %s does not exist", pin)
		case !x.Reaches(dst):
			return nil, fmt.Errorf("transport %s cannot reach %s", pin, dst)
		}
		return x, nil
	}
	networks := []string{"udp", "tcp"}
	if u.IsEncrypted() {
		networks = []string{"tls"}
	} else if p, ok := param(u.UriParams, "transport"); ok {
		networks = []string{strings.ToLower(p)}
	}
	for _, network := range networks {
		if x := w.wire(prefer); x != nil && x.Network() == network && x.Reaches(dst) {
			return x, nil
		}
		for _, x := range w.wires {
			if x.Network() == network && x.Reaches(dst) {
				return x, nil
			}
		}
	}
	return nil, errNoTransport
}

// param finds a URI parameter; its name has no case.
func param(ps sip.HeaderParams, name string) (string, bool) {
	for _, p := range ps {
		if strings.EqualFold(p.K, name) {
			return p.V, true
		}
	}
	return "", false
}

// literal is the address a URI names without a resolver.
func literal(u *sip.Uri) (netip.Addr, bool) {
	host := u.Host
	if m, ok := param(u.UriParams, "maddr"); ok && m != "" {
		host = m
	}
	a, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return a.Unmap(), err == nil
}

func (a *Agent) addresses(ctx context.Context, u *sip.Uri) ([]netip.Addr, error) {
	if addr, ok := literal(u); ok {
		return []netip.Addr{addr}, nil
	}
	if u.Host == "" {
		return nil, errors.New("uri without host")
	}
	ctx, cancel := context.WithTimeout(ctx, lookupTime)
	defer cancel()
	addrs, err := a.o.Resolver.LookupNetIP(ctx, "ip", u.Host)
	if err != nil {
		return nil, fmt.Errorf("look up %s: %w", u.Host, err)
	}
	for i := range addrs {
		addrs[i] = addrs[i].Unmap()
	}
	return addrs, nil
}

// next is where RFC 3261 8.1.2 sends a request: the topmost Route, else the
// Request-URI.
func next(req *sip.Request) *sip.Uri {
	if r := req.Route(); r != nil {
		return &r.Address
	}
	return &req.Recipient
}

// A carrier takes one session's requests to its endpoint (invite.Network).
type carrier struct {
	a      *Agent
	pin    string // the endpoint's transport
	prefer string // the transport the dialog came in on
}

// Token is fresh random text.
func (c *carrier) Token() string { return c.a.o.Token() }

// Request sends req in a transaction of its own.
func (c *carrier) Request(req *sip.Request, reply func(invite.Reply)) invite.ClientTx {
	t := &transaction{}
	c.resolved(req, func(h hop, err error) {
		if err != nil {
			go reply(invite.Reply{Err: fmt.Errorf("%w: %w", err, invite.ErrUnreachable)})
			return
		}
		t.begin(func() *wire.Outbound {
			return h.wire.Request(req, h.to, func(res *sip.Response, err error) {
				switch {
				case err == nil:
					reply(invite.Reply{Response: res})
				case errors.Is(err, wire.ErrTimeout):
					reply(invite.Reply{Err: fmt.Errorf("%w: %w", err, invite.ErrTimeout)})
				default:
					reply(invite.Reply{Err: fmt.Errorf("%w: %w", err, invite.ErrUnreachable)})
				}
			})
		})
	})
	return t
}

// Send sends an ACK.
func (c *carrier) Send(req *sip.Request) {
	c.resolved(req, func(h hop, err error) {
		if err == nil {
			err = h.wire.Send(req, h.to)
		}
		if err != nil {
			c.a.log.Warn("send", "method", req.Method, "to", next(req).String(), "error", err)
		}
	})
}

// resolved calls then with the next hop: at once for an address, later for a
// name.
func (c *carrier) resolved(req *sip.Request, then func(hop, error)) {
	u := next(req)
	if d := req.MessageData.Destination(); d != "" {
		if ap, err := netip.ParseAddrPort(d); err == nil {
			u = u.Clone()
			u.Host, u.Port = ap.Addr().String(), int(ap.Port())
			u.UriParams.Remove("maddr")
		}
	}
	if _, ok := literal(u); ok {
		then(c.a.hop(c.a.stop, c.pin, c.prefer, u))
		return
	}
	go func() { then(c.a.hop(c.a.stop, c.pin, c.prefer, u)) }()
}

// A transaction is a request that may still be looking for its address.
type transaction struct {
	mu        sync.Mutex
	out       *wire.Outbound
	cancelled bool
	extra     []sip.Header
	dropped   bool
}

func (t *transaction) begin(start func() *wire.Outbound) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.dropped {
		return
	}
	t.out = start()
	if t.cancelled {
		t.out.Cancel(t.extra...)
	}
}

// Cancel cancels an INVITE.
func (t *transaction) Cancel(extra ...sip.Header) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.out == nil {
		t.cancelled, t.extra = true, extra
		return
	}
	t.out.Cancel(extra...)
}

// Terminate forgets the request.
func (t *transaction) Terminate() {
	t.mu.Lock()
	out := t.out
	t.dropped = true
	t.mu.Unlock()
	if out != nil {
		out.Terminate()
	}
}

// credentials answer challenges with the endpoint's outbound_auth.
type credentials struct {
	client digest.Client
	auths  []*settings.Auth
}

func (c *credentials) Authorize(req *sip.Request, res *sip.Response) error {
	return c.client.Answer(req, res, c.auths)
}

// config is what a session towards an endpoint is made from: x is the transport
// its peer is on, peer the peer's address, local the address the peer used for
// us, if known.
func (a *Agent) config(w *world, ep *settings.Endpoint, x *wire.Wire, peer, local netip.Addr, alive *life) invite.Config {
	host, port := x.Speaks(peer)
	own := x.Local(peer)
	if x.Bound().Addr().IsUnspecified() && local.IsValid() && !local.IsUnspecified() {
		if host == own.String() {
			host = local.String()
		}
		own = local
	}
	l := invite.Local{Host: host, Port: port, Transport: upper(x), Media: own, MediaBind: x.Bound().Addr()}
	t := w.of[x]
	if t != nil && t.ExternalMedia != "" && !inside(t.LocalNets, peer) {
		if m, err := netip.ParseAddr(t.ExternalMedia); err == nil {
			l.Media = m
		}
	}
	if m, err := netip.ParseAddr(ep.MediaAddress); err == nil {
		l.Media = m
		if ep.BindRTPToMediaAddress {
			l.MediaBind = m
		}
	}
	if l.Media.Is6() != l.MediaBind.Is6() {
		l.MediaBind = netip.IPv4Unspecified()
		if l.Media.Is6() {
			l.MediaBind = netip.IPv6Unspecified()
		}
	}
	c := invite.Config{
		Name: a.channelName(ep.ID), Endpoint: ep, UserAgent: a.userAgent(w),
		FromUser: w.settings.Global.DefaultFromUser, MaxForwards: w.settings.Global.MaxForwards, Local: l,
		Network: &carrier{a: a, pin: ep.Transport, prefer: x.Name()}, Plane: a.o.Plane, Dialogs: a,
		CallerContact: w.settings.Global.CallerContact, LateRinging: w.settings.Global.LateRinging,
		T1: x.Retry().T1, Log: a.log, Ended: func(s *invite.Session) { a.ended(alive, s) },
	}
	if auths, _ := w.settings.UACAuths(ep); len(auths) > 0 {
		c.Credentials = &credentials{auths: auths}
	}
	return c
}

func inside(nets []netip.Prefix, addr netip.Addr) bool {
	for _, p := range nets {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}
