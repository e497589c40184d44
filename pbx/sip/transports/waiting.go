package transports

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"syscall"
	"time"

	"branchline/pbx/astconf"
	"branchline/pbx/settings"
	"branchline/pbx/sip/wire"
)

// bindEvery is how often a transport whose address is not up tries again. Where
// it is up is a question that one system call answers.
const bindEvery = time.Second

// notYet reports whether a socket could not be bound because the machine does
// not have the address: a cable, a VPN or DHCP may bring it later. A port in use
// or a missing permission does not pass by waiting.
func notYet(err error) bool { return errors.Is(err, syscall.EADDRNOTAVAIL) }

// waits tells the user of such a transport.
func waits(t *settings.Transport) astconf.Diag {
	if t.Device != "" {
		return astconf.Diag{
			Pos: t.At("bind"), Severity: astconf.Warning, Rule: "bind-waits", Near: t.Device,
			Message: fmt.Sprintf("transport %s: interface %s has no IPv4 address yet; the transport waits for it, and until then no call can use it", t.ID, t.Device),
		}
	}
	return astconf.Diag{
		Pos: t.At("bind"), Severity: astconf.Warning, Rule: "bind-waits",
		Message: fmt.Sprintf("transport %s: no interface has the address %s yet; the transport waits for it, and until then no call can use it", t.ID, t.Bind.Addr()),
		Cure:    "bind=an address of this machine, or 0.0.0.0 for all",
		Near:    t.Bind.Addr().String(),
	}
}

// await opens transports as their addresses come up, as long as their edition of
// the configuration is in force.
func (r *Rack) await(edition uint64) {
	for _, t := range r.Load().absent {
		r.log.Warn("transport waits for its address", "transport", t.ID, "bind", t.Binding())
	}
	tick := time.NewTicker(bindEvery)
	defer tick.Stop()
	said := map[string]bool{}
	for {
		select {
		case <-tick.C:
		case <-r.stop.Done():
			return
		}
		w := r.Load()
		if w.edition != edition || len(w.absent) == 0 {
			return
		}
		for _, t := range w.absent {
			err := r.arrive(edition, t)
			if err != nil && !notYet(err) && !said[t.ID] {
				said[t.ID] = true
				r.log.Error("transport still waits", "transport", t.ID, "error", err)
			}
		}
	}
}

// arrive opens a transport that was waited for. It takes the place of one of
// the same name, which served meanwhile.
func (r *Rack) arrive(edition uint64, t *settings.Transport) error {
	r.binding.Lock()
	defer r.binding.Unlock()
	w := r.Load()
	if w.edition != edition || r.stop.Err() != nil {
		return nil
	}
	fresh, err := r.open(w, t)
	if err != nil {
		return err
	}
	var old *wire.Wire
	r.amend(edition, func(w *World) {
		old = w.Wire(t.ID)
		w.Of = maps.Clone(w.Of)
		delete(w.Of, old)
		w.Of[fresh] = t
		w.Wires = slices.DeleteFunc(slices.Clone(w.Wires), func(x *wire.Wire) bool { return x == old })
		w.Wires = append(w.Wires, fresh)
		place := func(x *wire.Wire) int {
			return slices.IndexFunc(w.Settings.Transports, func(t *settings.Transport) bool { return t.ID == x.Name() })
		}
		slices.SortStableFunc(w.Wires, func(x, y *wire.Wire) int { return place(x) - place(y) })
		w.absent = slices.DeleteFunc(slices.Clone(w.absent), func(x *settings.Transport) bool { return x == t })
	})
	fresh.Start()
	if old != nil {
		r.logged(old.Close(), "close", old)
	}
	r.log.Info("the address is up: transport serves", "transport", t.ID, "bind", fresh.Bound().String())
	return nil
}

// amend replaces the world by a changed copy, if its edition is still in force.
func (r *Rack) amend(edition uint64, change func(*World)) bool {
	for {
		now := r.Load()
		if now.edition != edition {
			return false
		}
		next := *now
		change(&next)
		if r.world.CompareAndSwap(now, &next) {
			return true
		}
	}
}

// Missing explains why a transport cannot be used.
func (w *World) Missing(name string) error {
	for _, t := range w.absent {
		if t.ID == name {
			return fmt.Errorf("transport %s waits for its address %s", name, t.Binding())
		}
	}
	return fmt.Errorf("transport %s does not exist", name)
}
