package sip

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/emiago/sipgo/sip"

	"branchline/pbx/channel"
	"branchline/pbx/settings"
	"branchline/pbx/sip/calls"
	"branchline/pbx/sip/invite"
	"branchline/pbx/sip/registrar"
	"branchline/pbx/sip/transports"
	"branchline/pbx/sip/way"
)

// LegacyTech is the channel technology SIP: what Dial(SIP/...) calls by the
// devices and settings of sip.conf.
func (a *Agent) LegacyTech() channel.Tech { return legacyTech{a} }

type legacyTech struct{ a *Agent }

func (legacyTech) Name() string { return "SIP" }

// A callee is what a Dial argument after "SIP/" means: a device, or any host.
type callee struct {
	exten string
	host  string // as written, "" never
	dev   *settings.Device
}

// parseCallee reads device, exten@device-or-host[:port] and device/exten.
func parseCallee(s *settings.Snapshot, dest string) (c callee, why string) {
	dest, _, _ = strings.Cut(dest, "!") // who the call is said to be for: not sent
	if strings.Contains(dest, "//") {
		return c, "a proxy in the Dial argument (//host) is not supported; write outboundproxy= into the device"
	}
	if at := strings.LastIndexByte(dest, '@'); at >= 0 {
		c.exten, c.host = dest[:at], dest[at+1:]
		if strings.Contains(c.exten, ":") {
			return c, "a password in the Dial argument is not supported; write a device with remotesecret= and dial exten@device"
		}
	} else if dev := s.Device(dest); dev != nil {
		c.host = dest
	} else {
		c.host, c.exten, _ = strings.Cut(dest, "/")
	}
	c.dev = s.Device(c.host)
	if host, _, ok := strings.Cut(c.host, ":"); ok && c.dev == nil {
		c.dev = s.Device(host)
	}
	if c.dev != nil && !c.dev.Callable() {
		c.dev = nil
	}
	if c.dev == nil && strings.Trim(c.host, "0123456789") == "" {
		// Resolvers take a bare number for an address of 32 bits.
		return c, fmt.Sprintf("Purely numeric hostname (%s), and not a peer--rejecting!", c.host)
	}
	return c, ""
}

// NewLeg makes an outbound leg. All refusals are cause 20, as chan_sip's: Dial
// then ends with CHANUNAVAIL.
func (t legacyTech) NewLeg(ctx context.Context, r channel.Request) (channel.Leg, error) {
	a := t.a
	w := a.rack.Load()
	refuse := func(cause channel.Cause, why string) (channel.Leg, error) {
		a.log.Warn(why, "call", "SIP/"+r.Dest)
		return nil, &channel.Refusal{Cause: cause, Why: why}
	}
	if w.Settings == nil || w.Settings.SIP == nil {
		return refuse(channel.SubscriberAbsent, "there is no sip.conf, so SIP/ cannot be called; PJSIP/ is for pjsip.conf")
	}
	to, why := parseCallee(w.Settings, r.Dest)
	if why != "" {
		return refuse(channel.SubscriberAbsent, why)
	}
	if d := to.dev; d != nil && d.CallLimit > 0 && len(a.DeviceChannels(d.ID)) >= d.CallLimit {
		return refuse(channel.UserBusy, fmt.Sprintf("Call to peer '%s' rejected due to usage limit of %d", d.Name, d.CallLimit))
	}
	way, err := a.course(ctx, w, to)
	if err != nil {
		return refuse(channel.SubscriberAbsent, err.Error())
	}
	call := invite.Call{
		Target: way.uri, Routes: way.routes, Contact: way.uri.String(), Caller: r.Caller, Redirecting: r.Redirecting,
		Codecs: r.Codecs, Headers: r.Headers, MaxForwards: r.MaxForwards, Privacy: r.Privacy,
	}
	if to.dev != nil {
		call.AOR = to.dev.ID
	}
	return a.leg(w, calls.Outward{
		Endpoint: way.ep, Hop: way.Hop, Call: call, First: way.first, All: way.all, Late: way.late,
		Lost: channel.SubscriberAbsent, Host: calls.HostOnly(to.host), Held: way.held,
	})
}

// A course is how a call goes out.
type course struct {
	way.Hop
	ep     *settings.Endpoint
	uri    sip.Uri
	routes []sip.Uri
	held   netip.AddrPort // the one address that reaches the party; invalid: where requests point
	all    []way.Hop      // the hop and those to try when it fails
	first  *sip.Uri       // what all was found for
	late   *way.Search    // finds all, and the hop's address; nil: they are there
}

var errNoPeer = errors.New("not registered")

// course finds transport, address and URI of a call.
func (a *Agent) course(ctx context.Context, w *transports.World, to callee) (course, error) {
	if to.dev == nil {
		return a.direct(ctx, w, to)
	}
	dev := to.dev
	list := a.o.Registrar.Usable(dev.ID)
	if len(list) == 0 {
		if dev.DefaultHost == "" || len(a.o.Registrar.Contacts(dev.ID)) > 0 {
			return course{}, fmt.Errorf("device %s: %w or not reachable", dev.Name, errNoPeer)
		}
		return a.direct(ctx, w, callee{exten: to.exten, host: dev.DefaultHost, dev: dev})
	}
	x, err := a.reach(ctx, w, dev, list[0])
	if err != nil {
		return course{}, err
	}
	if to.exten != "" {
		if x.late != nil && !list[0].Permanent() {
			x.late.Within(ctx, transports.LookupTime)
			if err := x.late.Result(ctx); err != nil {
				return course{}, err
			}
			x.Hop, x.all, x.late = x.late.Hops[0], x.late.Hops, nil
		}
		// A line of the device: its address with another user.
		x.uri = sip.Uri{Scheme: "sip", User: to.exten, Host: x.To.Addr().String(), Port: int(x.To.Port())}
		if list[0].Permanent() {
			x.uri.Host, x.uri.Port = list[0].Uri.Host, list[0].Uri.Port
		}
		if x.Wire.Reliable() {
			x.uri.UriParams.Add("transport", x.Wire.Network())
		}
	}
	return x, nil
}

// reach finds the way to a contact of a device.
func (a *Agent) reach(ctx context.Context, w *transports.World, dev *settings.Device, c *registrar.Contact) (course, error) {
	x := course{ep: dev.Endpoint, uri: *c.Uri.Clone()}
	at, known := a.where.place(dev)
	if c.Permanent() {
		known = false
	}
	network := dev.Networks[0]
	if p, ok := way.Param(c.Uri.UriParams, "transport"); ok {
		network = strings.ToLower(p)
	} else if known {
		network = at.network
	}
	routes, err := way.RoutesOf(way.Target{Endpoint: dev.Endpoint, Contact: c, URI: x.uri})
	if err != nil {
		return course{}, err
	}
	x.routes = routes
	if known && at.held && len(routes) == 0 {
		if h := (way.Hop{Wire: w.LegacyWire(at.network), To: at.addr}); h.Wire != nil && h.Wire.Reaches(at.addr.Addr()) && (!h.Wire.Reliable() || h.Wire.Connected(at.addr)) {
			x.Hop, x.held, x.ep = h, at.addr, dev.NATted
			return x, nil
		}
	}
	first := &x.uri
	if len(routes) > 0 {
		first = &routes[0]
		if p, ok := way.Param(first.UriParams, "transport"); ok {
			network = strings.ToLower(p)
		}
	}
	err = a.fill(ctx, w, &x, network, first)
	return x, err
}

// fill finds the hop of x towards a URI over one network.
func (a *Agent) fill(ctx context.Context, w *transports.World, x *course, network string, first *sip.Uri) error {
	on := w.LegacyWire(network)
	if on == nil {
		return fmt.Errorf("sip.conf has no %s transport", network)
	}
	look := a.ways.Search(way.Road{Pin: on.Name(), Plain: w.Plain(true)}, first)
	if x.first = first; !look.Within(ctx, way.Moment) {
		x.Hop, x.late = way.Anywhere(on), look
		return nil
	}
	if look.Err != nil {
		return look.Err
	}
	x.Hop, x.all = look.Hops[0], look.Hops
	return nil
}

// direct is the way to a host that is no device: with the settings of [general]
// and no password.
func (a *Agent) direct(ctx context.Context, w *transports.World, to callee) (course, error) {
	x := course{ep: w.Settings.SIP.Direct}
	network := "udp"
	if to.dev != nil {
		x.ep, network = to.dev.Endpoint, to.dev.Networks[0]
	}
	text := "sip:" + to.host
	if to.exten != "" {
		text = "sip:" + to.exten + "@" + to.host
	}
	if err := way.ParseURI(text, &x.uri); err != nil {
		return course{}, err
	}
	if network != "udp" {
		x.uri.UriParams.Add("transport", network)
	}
	routes, err := way.RoutesOf(way.Target{Endpoint: x.ep})
	if err != nil {
		return course{}, err
	}
	x.routes = routes
	first := &x.uri
	if len(routes) > 0 {
		first = &routes[0]
		if p, ok := way.Param(first.UriParams, "transport"); ok {
			network = strings.ToLower(p)
		}
	}
	err = a.fill(ctx, w, &x, network, first)
	return x, err
}

// State is the device state of a device of sip.conf.
func (t legacyTech) State(dest string) channel.DeviceState {
	a := t.a
	w := a.rack.Load()
	if w.Settings == nil || w.Settings.SIP == nil {
		return channel.DeviceInvalid
	}
	to, _ := parseCallee(w.Settings, dest)
	dev := to.dev
	if dev == nil {
		return channel.DeviceInvalid
	}
	var ringing, busy int
	for _, c := range a.DeviceChannels(dev.ID) {
		switch c.State {
		case channel.RingingState:
			ringing++
		case channel.Up, channel.Ring, channel.Dialing:
			busy++
		}
	}
	switch {
	case dev.BusyLevel > 0 && ringing+busy >= dev.BusyLevel, dev.CallLimit > 0 && ringing+busy >= dev.CallLimit:
		return channel.DeviceBusy
	case ringing > 0 && busy > 0:
		return channel.DeviceRingInUse
	case ringing > 0:
		return channel.DeviceRinging
	case busy > 0:
		return channel.DeviceInUse
	case len(a.o.Registrar.Usable(dev.ID)) == 0 && dev.DefaultHost == "":
		return channel.DeviceUnavailable
	}
	return channel.DeviceNotInUse
}
