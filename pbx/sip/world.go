package sip

import (
	"fmt"
	"net/netip"
	"slices"

	"branchline/pbx/astconf"
	"branchline/pbx/settings"
	"branchline/pbx/sip/identify"
	"branchline/pbx/sip/wire"
)

// A world is one configuration in force. It is never changed; a reload makes
// another.
type world struct {
	settings *settings.Snapshot
	index    *identify.Index
	wires    []*wire.Wire // the open ones, in file order
	of       map[*wire.Wire]*settings.Transport
	edition  uint64                // which Prepare it comes from; amend keeps it
	absent   []*settings.Transport // whose addresses are not up yet, see waiting.go
	outside  map[facade]netip.Addr // behind the names of external_* options, see facade.go
}

func (w *world) wire(name string) *wire.Wire {
	for _, x := range w.wires {
		if x.Name() == name {
			return x
		}
	}
	return nil
}

func (w *world) endpoint(id string) *settings.Endpoint {
	if w.settings == nil {
		return nil
	}
	return w.settings.Endpoints[id]
}

// userAgent is the Server and User-Agent header.
func (a *Agent) userAgent(w *world) string {
	if w.settings != nil && w.settings.Global.UserAgent != "" {
		return w.settings.Global.UserAgent
	}
	return a.o.UserAgent
}

// Prepare makes ready to run under next: sockets of new transports are bound, so
// that an address in use is known before anything changes. commit puts next into
// force and cannot fail in a way that matters to calls; without it nothing has
// happened. old may be nil. A transport that cannot be bound is an Error among
// the diagnostics, and commit then goes on without it; one whose address is not
// up yet is waited for, which is a Warning. Names of the exchange's own outside
// addresses are looked up, which takes no longer than outsideTime.
func (a *Agent) Prepare(old, next *settings.Snapshot) (commit func(), diags []astconf.Diag, err error) {
	outside, diags := a.outsideNames(next)
	a.binding.Lock()
	defer a.binding.Unlock()
	for _, w := range a.pending {
		a.logged(w.Close(), "close", w)
	}
	a.pending = nil
	now := a.world.Load()
	a.editions++
	w := &world{settings: next, index: identify.New(next), of: map[*wire.Wire]*settings.Transport{}, edition: a.editions, outside: outside}
	var reopen []*settings.Transport // same socket, new settings
	kept := map[*wire.Wire]bool{}
	for _, t := range next.Transports {
		running := now.wire(t.ID)
		switch {
		case running == nil:
			fresh, err := a.open(w, t)
			if notYet(err) {
				w.absent = append(w.absent, t)
				diags = append(diags, waits(t))
				continue
			}
			if err != nil {
				diags = append(diags, astconf.Diag{
					Pos: t.Pos, Severity: astconf.Error, Rule: "bind",
					Message: fmt.Sprintf("transport %s: %v; no call can use it", t.ID, err),
				})
				continue
			}
			a.pending = append(a.pending, fresh)
			w.add(fresh, t)
		case sameTransport(now.of[running], t):
			kept[running] = true
			w.add(running, t)
		case !t.AllowReload:
			kept[running] = true
			w.add(running, now.of[running])
			diags = append(diags, astconf.Diag{
				Pos: t.Pos, Severity: astconf.Warning, Rule: "transport-reload",
				Message: fmt.Sprintf("transport %s was changed, but keeps running as it was until the next start", t.ID),
				Cure:    "allow_reload=yes",
			})
		case sameSocket(now.of[running], t):
			reopen = append(reopen, t)
		default:
			fresh, err := a.open(w, t)
			if notYet(err) { // the old one serves until then
				kept[running] = true
				w.add(running, now.of[running])
				w.absent = append(w.absent, t)
				diags = append(diags, waits(t))
				continue
			}
			if err != nil {
				kept[running] = true
				w.add(running, now.of[running])
				diags = append(diags, astconf.Diag{
					Pos: t.Pos, Severity: astconf.Error, Rule: "bind",
					Message: fmt.Sprintf("transport %s: %v; the old one stays", t.ID, err),
				})
				continue
			}
			a.pending = append(a.pending, fresh)
			w.add(fresh, t)
		}
	}
	if len(next.Transports) == 0 {
		diags = append(diags, astconf.Diag{
			Pos: astconf.Pos{File: "pjsip.conf"}, Severity: astconf.Warning, Rule: "no-transport",
			Message: "no transport is configured: no phone can reach this exchange and no SIP call can leave it",
			Cure:    "[transport-udp] type=transport protocol=udp bind=0.0.0.0",
		})
	}
	opened := slices.Clone(a.pending)
	commit = func() {
		a.binding.Lock()
		defer a.binding.Unlock()
		a.pending = nil
		for _, x := range a.world.Load().wires { // one may have come since
			if !kept[x] {
				a.logged(x.Close(), "close", x)
			}
		}
		for _, t := range reopen {
			x, err := a.open(w, t)
			if notYet(err) {
				w.absent = append(w.absent, t)
				continue
			}
			if err != nil {
				a.log.Error("transport lost", "transport", t.ID, "error", err)
				continue
			}
			opened = append(opened, x)
			w.add(x, t)
		}
		a.world.Store(w)
		for _, x := range opened {
			x.Start()
		}
		for x, t := range w.of {
			x.SetExternal(w.shown(t, t.ExternalSignaling))
			x.SetKeepAlive(next.Global.KeepAliveInterval)
		}
		if len(w.absent) > 0 {
			go a.await(w.edition)
		}
		go a.followNames(w)
		a.debug(next.Global.Debug, old)
		a.legacyDebug(next, old)
		select {
		case <-a.ready:
		default:
			close(a.ready)
		}
	}
	return commit, diags, nil
}

func (w *world) add(x *wire.Wire, t *settings.Transport) {
	w.wires = append(w.wires, x)
	w.of[x] = t
}

func (a *Agent) logged(err error, doing string, w *wire.Wire) {
	if err != nil {
		a.log.Warn(doing, "transport", w.Name(), "error", err)
	}
}

func sameSocket(a, b *settings.Transport) bool {
	return a.Protocol == b.Protocol && a.Bind == b.Bind && a.Device == b.Device
}

func sameTransport(a, b *settings.Transport) bool {
	return sameSocket(a, b) && a.ExternalSignaling == b.ExternalSignaling &&
		a.ExternalSignalingPort == b.ExternalSignalingPort && a.ExternalMedia == b.ExternalMedia &&
		a.Domain == b.Domain && a.TOS == b.TOS && a.COS == b.COS && a.Symmetric == b.Symmetric &&
		alive(a) == alive(b) && slices.Equal(a.LocalNets, b.LocalNets)
}

// alive is how the kernel watches over a transport's connections.
func alive(t *settings.Transport) wire.Alive {
	if !t.KeepAlive {
		return wire.Alive{}
	}
	return wire.Alive{On: true, Idle: t.KeepAliveIdle, Every: t.KeepAliveEvery, Probes: t.KeepAliveProbes}
}

// open binds one transport.
func (a *Agent) open(w *world, t *settings.Transport) (*wire.Wire, error) {
	name, s := t.ID, w.settings
	bind, err := a.bind(t)
	if err != nil {
		return nil, err
	}
	return wire.Open(wire.Config{
		Name: name, Network: t.Protocol, Bind: bind,
		External: w.shown(t, t.ExternalSignaling), ExternalPort: t.ExternalSignalingPort, LocalNets: t.LocalNets,
		DSCP: t.TOS >> 2, KeepAlive: s.Global.KeepAliveInterval, Alive: alive(t), Limits: a.o.Limits,
		Timers:  wire.Timers{T1: s.System.TimerT1, B: s.System.TimerB},
		Receive: a.receive, Answer: a.answer, Taps: &a.taps, Net: a.o.Net, Token: a.o.Token, Log: a.log,
		Closed: func(peer netip.AddrPort) {
			if a.o.Closed != nil {
				a.o.Closed(name, peer)
			}
		},
	})
}

// Snapshot is the configuration in force, never nil.
func (a *Agent) Snapshot() *settings.Snapshot {
	if s := a.world.Load().settings; s != nil {
		return s
	}
	return &settings.Snapshot{}
}

// Identifiers lists the ways of identifying a request, as they run.
func (a *Agent) Identifiers() []string {
	if x := a.world.Load().index; x != nil {
		return x.Order()
	}
	return nil
}
