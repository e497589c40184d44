// Package sip is the SIP agent: it puts together the transports (package
// transports), the way of a request (way), the legs there are (calls) and what stands
// alone (errands), and is the front end of pjsip.conf: it recognises who sends a
// request and whether he may, and makes legs for Dial(PJSIP/...). The front end of
// sip.conf is package legacy.
//
// Reading order: New here for how the parts hang together; gate.go for what a
// request meets; tech.go for calls going out.
package sip

import (
	"context"
	"log/slog"
	"net/netip"
	"slices"
	"time"

	"github.com/emiago/sipgo/sip"

	"branchline/media/plane"
	"branchline/media/tone"
	"branchline/pbx/astconf"
	"branchline/pbx/astdb"
	"branchline/pbx/channel"
	"branchline/pbx/cli"
	"branchline/pbx/mailbox"
	"branchline/pbx/presence"
	"branchline/pbx/settings"
	"branchline/pbx/sip/calls"
	"branchline/pbx/sip/devices"
	"branchline/pbx/sip/digest"
	"branchline/pbx/sip/door"
	"branchline/pbx/sip/errands"
	"branchline/pbx/sip/lamps"
	"branchline/pbx/sip/legacy"
	"branchline/pbx/sip/outreg"
	"branchline/pbx/sip/publish"
	"branchline/pbx/sip/registrar"
	"branchline/pbx/sip/resolve"
	"branchline/pbx/sip/showcalls"
	"branchline/pbx/sip/sockets"
	"branchline/pbx/sip/subscribe"
	"branchline/pbx/sip/trace"
	"branchline/pbx/sip/transports"
	"branchline/pbx/sip/way"
	"branchline/pbx/sip/wire"
)

// Options are what an Agent is made from.
type Options struct {
	Router    calls.Router
	Acceptor  channel.Acceptor
	Plane     plane.Plane
	Registrar *registrar.Registrar
	Mailboxes *mailbox.Store // nil: one that nobody else knows
	Store     *astdb.DB      // where devices of sip.conf are, across restarts; may be nil
	Verifier  *digest.Verifier
	// Extensions are what phones may watch, beside mailboxes; nil: there is none.
	Extensions subscribe.Extensions
	// Changed is called when the state of a device ("PJSIP/1001") may be another because
	// of its contacts or of what it publishes. It must not block; may be nil.
	Changed   func(device string)
	UserAgent string                     // Server and User-Agent, unless pjsip.conf sets another
	Channels  func() []*channel.Snapshot // all channels, for states and the console; may be nil
	Say       func(text string)          // where `pjsip set logger` prints; nil: nowhere
	// FeatureCode is what is dialled for a feature of features.conf; nil: nothing is.
	FeatureCode func(feature string) string
	// Tones gives the zones in force, as indications.conf has them; nil: the built-in ones.
	Tones     func() *tone.Book
	Net       sockets.Network                        // nil: the kernel's
	Resolver  transports.Resolver                    // nil: resolve.New
	Addresses func(device string) []netip.Addr       // of one of the machine's interfaces, "": of all; nil: the kernel's
	Token     func() string                          // nil: wire.Token
	Limits    wire.Limits                            // of each transport
	Closed    func(name string, peer netip.AddrPort) // a TCP connection ended; may be nil
	Log       *slog.Logger                           // nil: slog.Default
}

// An Agent is the SIP side of the exchange. Prepare gives it its first
// configuration; Run lives as long as the exchange.
type Agent struct {
	o       Options
	log     *slog.Logger
	taps    wire.Taps
	rack    *transports.Rack
	ways    *way.Finder
	door    *door.Door
	calls   *calls.Book
	devices *devices.Directory // of sip.conf
	errands *errands.Runner
	lamps   *lamps.Lamps
	said    *publish.Book // what telephones publish
	watches *subscribe.Book
	old     *legacy.Front
	views   *trace.Views
	ready   chan struct{}
}

// New makes an agent without configuration.
func New(o Options) *Agent {
	o = o.filled()
	a := &Agent{o: o, log: o.Log, ready: make(chan struct{})}
	a.rack = transports.New(transports.Options{
		Receive: a.receive, Answer: func(req *sip.Request, status int) *sip.Response { return a.door.Answer(req, status) },
		UserAgent: o.UserAgent, Taps: &a.taps, Net: o.Net, Resolver: o.Resolver, Addresses: o.Addresses, Token: o.Token,
		Limits: o.Limits, Closed: o.Closed, Log: o.Log,
	})
	a.ways = &way.Finder{Rack: a.rack, Resolver: o.Resolver, Registrar: o.Registrar, Token: o.Token, Log: o.Log}
	a.door = door.New(a.rack, o.Log)
	a.calls = calls.New(calls.Options{
		Rack: a.rack, Ways: a.ways, Door: a.door, Router: o.Router, Acceptor: o.Acceptor, Plane: o.Plane, Registrar: o.Registrar,
		Channels: o.Channels, FeatureCode: o.FeatureCode, Tones: o.Tones, Log: o.Log,
	})
	a.devices = devices.New(o.Store, a.rack, a.ways, o.Registrar)
	a.errands = errands.New(errands.Options{
		Rack: a.rack, Ways: a.ways, Devices: a.devices, Door: a.door, Registrar: o.Registrar, Router: o.Router,
		Mailboxes: o.Mailboxes, Acceptor: o.Acceptor, Token: o.Token, Log: o.Log,
	})
	a.lamps = lamps.New(lamps.Options{Mailboxes: o.Mailboxes, Teller: a.errands, Life: a.rack.Life, Subscribed: a.subscribed, Log: o.Log})
	a.said = publish.New(publish.Options{Door: a.door, Token: o.Token, Changed: o.Changed, Log: o.Log})
	a.watches = subscribe.New(subscribe.Options{
		Rack: a.rack, Ways: a.ways, Door: a.door, Extensions: o.Extensions, Mailboxes: o.Mailboxes, Store: o.Store, Log: o.Log,
	})
	a.old = legacy.New(legacy.Options{
		Rack: a.rack, Door: a.door, Devices: a.devices, Calls: a.calls, Errands: a.errands, Said: a.said, Watches: a.watches,
		Registrar: o.Registrar, Verifier: o.Verifier, Router: o.Router, Registered: a.lamps.Registered, Log: o.Log,
	})
	a.views = trace.New(trace.Options{
		Taps: &a.taps, Say: o.Say, Snapshot: a.Snapshot, Address: a.DeviceAddress, CallIDs: a.callIDs, Log: o.Log,
	})
	return a
}

// filled are the options with what they leave open.
func (o Options) filled() Options {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Mailboxes == nil {
		o.Mailboxes = &mailbox.Store{}
	}
	if o.Token == nil {
		o.Token = wire.Token
	}
	if o.Resolver == nil {
		o.Resolver = resolve.New(resolve.Options{Log: o.Log})
	}
	if o.Net == nil {
		o.Net = sockets.Kernel{}
	}
	if o.Addresses == nil {
		o.Addresses = transports.SystemAddresses
	}
	if o.Say == nil {
		o.Say = func(string) {}
	}
	if o.Channels == nil {
		o.Channels = func() []*channel.Snapshot { return nil }
	}
	return o
}

// Name names the agent among the exchange's tasks.
func (a *Agent) Name() string { return "sip" }

// Ready is closed when the first configuration is in force and its sockets are
// bound.
func (a *Agent) Ready() <-chan struct{} { return a.ready }

// farewell is how long Run waits for the BYEs of the last calls to be answered.
const farewell = 2 * time.Second

// Run serves until ctx ends, then lets the sessions that are saying goodbye
// finish, and closes all transports.
func (a *Agent) Run(ctx context.Context) error {
	<-ctx.Done()
	<-a.watches.Close()
	idle := a.calls.Drain()
	limit := time.NewTimer(farewell)
	defer limit.Stop()
	select {
	case <-idle:
	case <-limit.C:
	}
	return a.Close()
}

// AddressesChanged follows what has happened to the machine's interfaces. Transports
// bound to an interface that has another address now are bound to that one; others
// are left alone. Calls whose address of ours is still there do not notice; the
// parties of the others are told the new one.
func (a *Agent) AddressesChanged() {
	if w := a.rack.Load(); w.Settings == nil || a.rack.Life().Err() != nil {
		return
	}
	a.rack.Follow()
	here := a.o.Addresses("")
	a.calls.Move(a.rack.Load(), here)
	a.watches.Move(here)
}

// Sessions is how many SIP legs there are, those that still say goodbye
// included.
func (a *Agent) Sessions() int { return a.calls.Count() }

// EndpointChannels are the channels of an endpoint.
func (a *Agent) EndpointChannels(endpoint string) []*channel.Snapshot {
	return a.calls.Channels("PJSIP", endpoint)
}

// DeviceChannels are the channels of a device of sip.conf; its id begins with
// "SIP/". The empty id asks for those of all devices, guests and direct calls.
func (a *Agent) DeviceChannels(id string) []*channel.Snapshot {
	return a.calls.Channels("SIP", id)
}

// LegacyTech is the channel technology SIP: what Dial(SIP/...) calls by the
// devices and settings of sip.conf.
func (a *Agent) LegacyTech() channel.Tech { return a.old.Tech() }

// Published is what a device ("PJSIP/1001") publishes of its user; presence.NotSet if
// nothing.
func (a *Agent) Published(device string) presence.State { return a.said.Presence(device) }

// Ping asks a contact whether it is there (registrar.Pinger); see errands.
func (a *Agent) Ping(ctx context.Context, c *registrar.Contact, aor *settings.AOR) (int, error) {
	return a.errands.Ping(ctx, c, aor)
}

// SendRegister sends REGISTER for one of our own registrations (outreg.Caller); see
// errands.
func (a *Agent) SendRegister(ctx context.Context, r *settings.Registration, t *outreg.Thread, expires time.Duration) (*sip.Response, error) {
	return a.errands.SendRegister(ctx, r, t, expires)
}

// Notify sends a NOTIFY outside any dialog to every contact of an endpoint of
// pjsip.conf, or to an address; see errands.
func (a *Agent) Notify(ctx context.Context, dest string, what *astconf.Section) error {
	return a.errands.Notify(ctx, dest, what)
}

// NotifyDevice sends a NOTIFY outside any dialog to a device of sip.conf; see
// errands.
func (a *Agent) NotifyDevice(ctx context.Context, dev *settings.Device, what *astconf.Section) error {
	return a.errands.NotifyDevice(ctx, dev, what)
}

// subscribed reports whether an endpoint has subscribed to mailboxes.
func (a *Agent) subscribed(endpoint string) bool {
	return slices.ContainsFunc(a.watches.List(), func(e subscribe.Entry) bool {
		return e.Endpoint == endpoint && e.Event == "message-summary" && !e.Over
	})
}

// ContactsChanged is to be called when the contacts of an address of record have
// changed (registrar.Options.Changed): a device of sip.conf that has none left
// is nowhere any more.
func (a *Agent) ContactsChanged(aor string) {
	a.devices.ContactsChanged(aor)
	if a.o.Changed == nil {
		return
	}
	w := a.rack.Load()
	if dev := w.Device(aor); dev != nil {
		a.o.Changed(dev.ID)
		return
	}
	for _, id := range w.Index.Owners(aor) {
		a.o.Changed("PJSIP/" + id)
	}
}

// Subscriptions are what phones watch, oldest first.
func (a *Agent) Subscriptions() []subscribe.Entry { return a.watches.List() }

// DeviceAddress is the address a device of sip.conf is reached at; invalid while
// it is not registered.
func (a *Agent) DeviceAddress(dev *settings.Device) netip.AddrPort { return a.devices.Address(dev) }

// Commands are the console commands about messages and channels. Those about
// configuration are in package show.
func (a *Agent) Commands() []cli.Command {
	pjsip, _ := a.live()
	return append(a.views.Commands(), pjsip...)
}

// LegacyCommands are the `sip ...` console commands about messages, dialogs and
// connections. Those about devices are in package showsip.
func (a *Agent) LegacyCommands() []cli.Command {
	_, legacy := a.live()
	return append(a.views.LegacyCommands(), legacy...)
}

func (a *Agent) live() (pjsip, legacy []cli.Command) {
	return showcalls.Commands(showcalls.Deps{
		All: a.o.Channels, Sessions: a.calls.Sessions, Strangers: a.door.Strangers, Snapshot: a.Snapshot, Address: a.DeviceAddress,
		Subscriptions: a.Subscriptions,
		Wires:         func() []*wire.Wire { return a.rack.Load().LegacyWires() },
	})
}

// callIDs are those of the dialogs of sip.conf.
func (a *Agent) callIDs() (out []string) {
	for _, s := range a.calls.Sessions() {
		if id, _ := s.Fact("pjsip,call-id"); s.Endpoint.Legacy {
			out = append(out, id)
		}
	}
	return out
}

// Close closes all transports at once.
func (a *Agent) Close() error {
	err := a.rack.Close()
	a.views.Off()
	return err
}

// Prepare makes ready to run under next: sockets of new transports are bound, so
// that an address in use is known before anything changes. commit puts next into
// force and cannot fail in a way that matters to calls; without it nothing has
// happened. old may be nil. A transport that cannot be bound is an Error among
// the diagnostics, and commit then goes on without it; one whose address is not
// up yet is waited for, which is a Warning. Names of the exchange's own outside
// addresses are looked up, which takes no longer than two seconds.
func (a *Agent) Prepare(old, next *settings.Snapshot) (commit func(), diags []astconf.Diag, err error) {
	force, diags := a.rack.Prepare(next)
	return func() {
		force()
		a.views.Configured(next, old)
		a.lamps.Configure(next)
		a.watches.Restore()
		select {
		case <-a.ready:
		default:
			close(a.ready)
		}
	}, diags, nil
}

// Snapshot is the configuration in force, never nil.
func (a *Agent) Snapshot() *settings.Snapshot {
	if s := a.rack.Load().Settings; s != nil {
		return s
	}
	return &settings.Snapshot{}
}

// Identifiers lists the ways of identifying a request, as they run.
func (a *Agent) Identifiers() []string {
	if x := a.rack.Load().Index; x != nil {
		return x.Order()
	}
	return nil
}
