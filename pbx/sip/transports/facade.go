package transports

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"sync"
	"time"

	"branchline/pbx/astconf"
	"branchline/pbx/settings"
)

// A facade is a host name under which others reach this exchange
// (external_signaling_address, external_media_address, externhost) on transports
// of one family: a dynamic address behind a router has such a name.
type facade struct {
	host string
	v6   bool
}

// outsideTime bounds how long a start or a reload waits for their addresses.
const outsideTime = 2 * time.Second

// behind is the facade of a value of an external_* option; false for an address
// and for none.
func behind(t *settings.Transport, value string) (facade, bool) {
	if value == "" {
		return facade{}, false
	}
	_, err := netip.ParseAddr(value)
	return facade{value, t.Bind.Addr().Unmap().Is6()}, err != nil
}

// facades are all of a configuration, with the transports and options that name
// them first.
func facades(s *settings.Snapshot) map[facade]astconf.Diag {
	out := map[facade]astconf.Diag{}
	for _, t := range s.Transports {
		for option, value := range map[string]string{"external_signaling_address": t.ExternalSignaling, "external_media_address": t.ExternalMedia} {
			f, ok := behind(t, value)
			if !ok {
				continue
			}
			if t.Legacy {
				option = "externhost"
			}
			if _, twice := out[f]; !twice || option == "external_signaling_address" {
				out[f] = astconf.Diag{
					Pos: t.At(option), Severity: astconf.Warning, Rule: "unresolved-host", Near: value,
					Message: fmt.Sprintf("transport %s: %s=%s", t.ID, option, value),
				}
			}
		}
	}
	return out
}

// outsideNames finds the addresses of a configuration's facades, all at once.
// The names without one are looked for again while it is in force; until then
// they are written into signalling as they are, and media goes to our own
// address.
func (r *Rack) outsideNames(s *settings.Snapshot) (map[facade]netip.Addr, []astconf.Diag) {
	ctx, cancel := context.WithTimeout(r.stop, outsideTime)
	defer cancel()
	var mu sync.Mutex
	var wait sync.WaitGroup
	var diags []astconf.Diag
	found := map[facade]netip.Addr{}
	for f, d := range facades(s) {
		wait.Go(func() {
			addr, err := r.facade(ctx, f)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				found[f] = addr
				return
			}
			d.Message += fmt.Sprintf(": no address was found (%v); until there is one, phones outside local_net hear nothing of their calls", err)
			diags = append(diags, d)
		})
	}
	wait.Wait()
	return found, diags
}

// facade looks a facade's address up.
func (r *Rack) facade(ctx context.Context, f facade) (netip.Addr, error) {
	addrs, err := r.lookUp(ctx, f.host, false)
	if err != nil {
		return netip.Addr{}, err
	}
	for _, addr := range addrs {
		if addr.Is6() == f.v6 {
			return addr, nil
		}
	}
	return netip.Addr{}, fmt.Errorf("%s: no address of the transport's kind", f.host)
}

// moved notes the address of a facade and lets the transports say it.
func (r *Rack) moved(edition uint64, f facade, addr netip.Addr) {
	now := r.Load()
	if now.outside[f] == addr {
		return
	}
	if !r.amend(edition, func(w *World) {
		w.outside = maps.Clone(w.outside)
		w.outside[f] = addr
		now = w
	}) {
		return
	}
	for x, t := range now.Of {
		x.SetExternal(now.Shown(t, t.ExternalSignaling))
	}
	r.log.Info("our address outside has changed", "host", f.host, "address", addr.String())
}

// Shown is the value of an external_* option as an address, if one is known.
func (w *World) Shown(t *settings.Transport, value string) string {
	if f, ok := behind(t, value); ok {
		if addr := w.outside[f]; addr.IsValid() {
			return addr.String()
		}
	}
	return value
}
