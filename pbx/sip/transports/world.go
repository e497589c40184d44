package transports

import (
	"fmt"
	"net/netip"
	"slices"

	"branchline/pbx/astconf"
	"branchline/pbx/settings"
	"branchline/pbx/sip/identify"
	"branchline/pbx/sip/sockets"
	"branchline/pbx/sip/transaction"
	"branchline/pbx/sip/wire"
)

// A World is one configuration in force. It is never changed; a reload makes
// another.
type World struct {
	Settings *settings.Snapshot
	Index    *identify.Index
	Wires    []*wire.Wire // the open ones, in file order
	Of       map[*wire.Wire]*settings.Transport
	edition  uint64                // which Prepare it comes from; amend keeps it
	absent   []*settings.Transport // whose addresses are not up yet, see waiting.go
	outside  map[facade]netip.Addr // behind the names of external_* options, see facade.go
}

func (w *World) Wire(name string) *wire.Wire {
	for _, x := range w.Wires {
		if x.Name() == name {
			return x
		}
	}
	return nil
}

func (w *World) Endpoint(id string) *settings.Endpoint {
	if w.Settings == nil {
		return nil
	}
	return w.Settings.Endpoints[id]
}

// UserAgent is the Server and User-Agent header.
func (r *Rack) UserAgent() string {
	if s := r.Load().Settings; s != nil && s.Global.UserAgent != "" {
		return s.Global.UserAgent
	}
	return r.o.UserAgent
}

// Prepare makes ready to run under next: sockets of new transports are bound, so
// that an address in use is known before anything changes. commit puts next into
// force and cannot fail in a way that matters to calls; without it nothing has
// happened. A transport that cannot be bound is an Error among
// the diagnostics, and commit then goes on without it; one whose address is not
// up yet is waited for, which is a Warning. Names of the exchange's own outside
// addresses are looked up, which takes no longer than outsideTime.
func (r *Rack) Prepare(next *settings.Snapshot) (commit func(), diags []astconf.Diag) {
	outside, diags := r.outsideNames(next)
	r.binding.Lock()
	defer r.binding.Unlock()
	for _, w := range r.pending {
		r.logged(w.Close(), "close", w)
	}
	r.pending = nil
	now := r.Load()
	r.editions++
	w := &World{Settings: next, Index: identify.New(next), Of: map[*wire.Wire]*settings.Transport{}, edition: r.editions, outside: outside}
	var reopen []*settings.Transport // same socket, new settings
	kept := map[*wire.Wire]bool{}
	for _, t := range next.Transports {
		running := now.Wire(t.ID)
		switch {
		case running == nil:
			fresh, err := r.open(w, t)
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
			r.pending = append(r.pending, fresh)
			w.add(fresh, t)
		case sameTransport(now.Of[running], t):
			kept[running] = true
			w.add(running, t)
		case !t.AllowReload:
			kept[running] = true
			w.add(running, now.Of[running])
			diags = append(diags, astconf.Diag{
				Pos: t.Pos, Severity: astconf.Warning, Rule: "transport-reload",
				Message: fmt.Sprintf("transport %s was changed, but keeps running as it was until the next start", t.ID),
				Cure:    "allow_reload=yes",
			})
		case sameSocket(now.Of[running], t):
			reopen = append(reopen, t)
		default:
			fresh, err := r.open(w, t)
			if notYet(err) { // the old one serves until then
				kept[running] = true
				w.add(running, now.Of[running])
				w.absent = append(w.absent, t)
				diags = append(diags, waits(t))
				continue
			}
			if err != nil {
				kept[running] = true
				w.add(running, now.Of[running])
				diags = append(diags, astconf.Diag{
					Pos: t.Pos, Severity: astconf.Error, Rule: "bind",
					Message: fmt.Sprintf("transport %s: %v; the old one stays", t.ID, err),
				})
				continue
			}
			r.pending = append(r.pending, fresh)
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
	opened := slices.Clone(r.pending)
	commit = func() {
		r.binding.Lock()
		defer r.binding.Unlock()
		r.pending = nil
		for _, x := range r.Load().Wires { // one may have come since
			if !kept[x] {
				r.logged(x.Close(), "close", x)
			}
		}
		for _, t := range reopen {
			x, err := r.open(w, t)
			if notYet(err) {
				w.absent = append(w.absent, t)
				continue
			}
			if err != nil {
				r.log.Error("transport lost", "transport", t.ID, "error", err)
				continue
			}
			opened = append(opened, x)
			w.add(x, t)
		}
		r.world.Store(w)
		for _, x := range opened {
			x.Start()
		}
		for x, t := range w.Of {
			x.SetExternal(w.Shown(t, t.ExternalSignaling))
			x.SetKeepAlive(next.Global.KeepAliveInterval)
		}
		if len(w.absent) > 0 {
			go r.await(w.edition)
		}
		go r.followNames(w)
	}
	return commit, diags
}

func (w *World) add(x *wire.Wire, t *settings.Transport) {
	w.Wires = append(w.Wires, x)
	w.Of[x] = t
}

func (r *Rack) logged(err error, doing string, w *wire.Wire) {
	if err != nil {
		r.log.Warn(doing, "transport", w.Name(), "error", err)
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
func alive(t *settings.Transport) sockets.Alive {
	if !t.KeepAlive {
		return sockets.Alive{}
	}
	return sockets.Alive{On: true, Idle: t.KeepAliveIdle, Every: t.KeepAliveEvery, Probes: t.KeepAliveProbes}
}

// open binds one transport.
func (r *Rack) open(w *World, t *settings.Transport) (*wire.Wire, error) {
	name, s := t.ID, w.Settings
	bind, err := r.bind(t)
	if err != nil {
		return nil, err
	}
	return wire.Open(wire.Config{
		Name: name, Network: t.Protocol, Bind: bind,
		External: w.Shown(t, t.ExternalSignaling), ExternalPort: t.ExternalSignalingPort, LocalNets: t.LocalNets,
		DSCP: t.TOS >> 2, KeepAlive: s.Global.KeepAliveInterval, Alive: alive(t), Limits: r.o.Limits,
		Timers:  transaction.Timers{T1: s.System.TimerT1, B: s.System.TimerB},
		Receive: r.o.Receive, Answer: r.o.Answer, Taps: r.o.Taps, Net: r.o.Net, Token: r.o.Token, Log: r.log,
		Closed: func(peer netip.AddrPort) {
			if r.o.Closed != nil {
				r.o.Closed(name, peer)
			}
		},
	})
}
