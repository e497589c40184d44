package devices

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/emiago/sipgo/sip"

	"branchline/pbx/settings"
	"branchline/pbx/sip/registrar"
	"branchline/pbx/sip/transports"
	"branchline/pbx/sip/way"
)

// A Callee is what a Dial argument after "SIP/" means: a device, or any host.
type Callee struct {
	exten  string
	Host   string // as written, "" never
	Device *settings.Device
}

// Parse reads device, exten@device-or-host[:port] and device/exten.
func Parse(s *settings.Snapshot, dest string) (c Callee, why string) {
	dest, _, _ = strings.Cut(dest, "!") // who the call is said to be for: not sent
	if strings.Contains(dest, "//") {
		return c, "a proxy in the Dial argument (//host) is not supported; write outboundproxy= into the device"
	}
	if at := strings.LastIndexByte(dest, '@'); at >= 0 {
		c.exten, c.Host = dest[:at], dest[at+1:]
		if strings.Contains(c.exten, ":") {
			return c, "a password in the Dial argument is not supported; write a device with remotesecret= and dial exten@device"
		}
	} else if dev := s.Device(dest); dev != nil {
		c.Host = dest
	} else {
		c.Host, c.exten, _ = strings.Cut(dest, "/")
	}
	c.Device = s.Device(c.Host)
	if host, _, ok := strings.Cut(c.Host, ":"); ok && c.Device == nil {
		c.Device = s.Device(host)
	}
	if c.Device != nil && !c.Device.Callable() {
		c.Device = nil
	}
	if c.Device == nil && strings.Trim(c.Host, "0123456789") == "" {
		// Resolvers take a bare number for an address of 32 bits.
		return c, fmt.Sprintf("Purely numeric hostname (%s), and not a peer--rejecting!", c.Host)
	}
	return c, ""
}

// A Course is how a call goes out.
type Course struct {
	way.Hop
	Endpoint *settings.Endpoint
	URI      sip.Uri
	Routes   []sip.Uri
	Held     netip.AddrPort // the one address that reaches the party; invalid: where requests point
	All      []way.Hop      // the hop and those to try when it fails
	First    *sip.Uri       // what all was found for
	Late     *way.Search    // finds all, and the hop's address; nil: they are there
}

var ErrNoPeer = errors.New("not registered")

// Course finds transport, address and URI of a call.
func (d *Directory) Course(ctx context.Context, w *transports.World, to Callee) (Course, error) {
	if to.Device == nil {
		return d.direct(ctx, w, to)
	}
	dev := to.Device
	list := d.registrar.Usable(dev.ID)
	if len(list) == 0 {
		if dev.DefaultHost == "" || len(d.registrar.Contacts(dev.ID)) > 0 {
			return Course{}, fmt.Errorf("device %s: %w or not reachable", dev.Name, ErrNoPeer)
		}
		return d.direct(ctx, w, Callee{exten: to.exten, Host: dev.DefaultHost, Device: dev})
	}
	x, err := d.Reach(ctx, w, dev, list[0])
	if err != nil {
		return Course{}, err
	}
	if to.exten != "" {
		if x.Late != nil && !list[0].Permanent() {
			x.Late.Within(ctx, transports.LookupTime)
			if err := x.Late.Result(ctx); err != nil {
				return Course{}, err
			}
			x.Hop, x.All, x.Late = x.Late.Hops[0], x.Late.Hops, nil
		}
		// A line of the device: its address with another user.
		x.URI = sip.Uri{Scheme: "sip", User: to.exten, Host: x.To.Addr().String(), Port: int(x.To.Port())}
		if list[0].Permanent() {
			x.URI.Host, x.URI.Port = list[0].Uri.Host, list[0].Uri.Port
		}
		if x.Wire.Reliable() {
			x.URI.UriParams.Add("transport", x.Wire.Network())
		}
	}
	return x, nil
}

// Reach finds the way to a contact of a device.
func (d *Directory) Reach(ctx context.Context, w *transports.World, dev *settings.Device, c *registrar.Contact) (Course, error) {
	x := Course{Endpoint: dev.Endpoint, URI: *c.Uri.Clone()}
	at, known := d.where.place(dev)
	if c.Permanent() {
		known = false
	}
	network := dev.Networks[0]
	if p, ok := way.Param(c.Uri.UriParams, "transport"); ok {
		network = strings.ToLower(p)
	} else if known {
		network = at.network
	}
	routes, err := way.RoutesOf(way.Target{Endpoint: dev.Endpoint, Contact: c, URI: x.URI})
	if err != nil {
		return Course{}, err
	}
	x.Routes = routes
	if known && at.held && len(routes) == 0 {
		if h := (way.Hop{Wire: w.LegacyWire(at.network), To: at.addr}); h.Wire != nil && h.Wire.Reaches(at.addr.Addr()) && (!h.Wire.Reliable() || h.Wire.Connected(at.addr)) {
			x.Hop, x.Held, x.Endpoint = h, at.addr, dev.NATted
			return x, nil
		}
	}
	err = d.fill(ctx, w, &x, network)
	return x, err
}

// fill finds the hop of x towards its first route, or else its URI, over a network unless
// the route names another.
func (d *Directory) fill(ctx context.Context, w *transports.World, x *Course, network string) error {
	first := &x.URI
	if len(x.Routes) > 0 {
		first = &x.Routes[0]
		if p, ok := way.Param(first.UriParams, "transport"); ok {
			network = strings.ToLower(p)
		}
	}
	on := w.LegacyWire(network)
	if on == nil {
		return fmt.Errorf("sip.conf has no %s transport", network)
	}
	look := d.ways.Search(way.Road{Pin: on.Name(), Plain: w.Plain(true)}, first)
	if x.First = first; !look.Within(ctx, way.Moment) {
		x.Hop, x.Late = way.Anywhere(on), look
		return nil
	}
	if look.Err != nil {
		return look.Err
	}
	x.Hop, x.All = look.Hops[0], look.Hops
	return nil
}

// direct is the way to a host that is no device: with the settings of [general]
// and no password.
func (d *Directory) direct(ctx context.Context, w *transports.World, to Callee) (Course, error) {
	x := Course{Endpoint: w.Settings.SIP.Direct}
	network := "udp"
	if to.Device != nil {
		x.Endpoint, network = to.Device.Endpoint, to.Device.Networks[0]
	}
	text := "sip:" + to.Host
	if to.exten != "" {
		text = "sip:" + to.exten + "@" + to.Host
	}
	if err := way.ParseURI(text, &x.URI); err != nil {
		return Course{}, err
	}
	if network != "udp" {
		x.URI.UriParams.Add("transport", network)
	}
	routes, err := way.RoutesOf(way.Target{Endpoint: x.Endpoint})
	if err != nil {
		return Course{}, err
	}
	x.Routes = routes
	err = d.fill(ctx, w, &x, network)
	return x, err
}
