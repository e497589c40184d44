package transports

import (
	"context"
	"maps"
	"net/netip"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"branchline/pbx/settings"
	"branchline/pbx/sip/identify"
	"branchline/pbx/sip/resolve"
)

const (
	// namesEvery is how often names are looked up that tell whose requests are:
	// most of the time the answer comes from the resolver's memory.
	namesEvery = time.Minute
	// namesAgain is the same while a name has no address: the exchange may have
	// started before its way to the name server was there.
	namesAgain = 10 * time.Second
)

// LookupTime bounds name resolution.
const LookupTime = 5 * time.Second

// names are the host names by whose addresses requests are recognised: match= of
// identify sections, and host= of devices. The value says whether services of
// that name count too.
func (w *World) names() map[string]bool {
	out := map[string]bool{}
	for _, id := range w.Settings.Identifies {
		for _, m := range id.Matches {
			if m.Host != "" {
				host, _, ported := strings.Cut(m.Host, ":")
				out[host] = out[host] || id.SRVLookups && !ported
			}
		}
	}
	if s := w.Settings.SIP; s != nil {
		for _, d := range s.List {
			if d.Host != "" && len(d.Addresses) == 0 {
				out[d.Host] = out[d.Host] || s.SRVLookup && d.Port == 0
			}
		}
	}
	return out
}

// followNames keeps the addresses behind names up to date as long as w's edition
// is in force. What has once been found counts until something newer is.
func (r *Rack) followNames(w *World) {
	names, facades := w.names(), facades(w.Settings)
	if len(names) == 0 && len(facades) == 0 {
		return
	}
	every := namesEvery
	if s := w.Settings.SIP; s != nil && s.ExternalHost != "" && s.ExternalRefresh > 0 {
		every = min(every, time.Duration(s.ExternalRefresh)*time.Second)
	}
	known := map[string][]netip.Addr{}
	missing := map[string]bool{}
	for f := range facades {
		missing[f.host] = !w.outside[f].IsValid() // Prepare has said so
	}
	for {
		wait := every
		absent := func(name string, err error) {
			if !missing[name] && r.stop.Err() == nil {
				r.log.Warn("a host name in the configuration has no address", "host", name, "error", err)
			}
			missing[name], wait = true, min(every, namesAgain)
		}
		changed := false
		for _, name := range slices.Sorted(maps.Keys(names)) {
			addrs, err := r.lookUp(r.stop, name, names[name])
			if err != nil {
				absent(name, err)
				continue
			}
			missing[name] = false
			changed = changed || !slices.Equal(addrs, known[name])
			known[name] = addrs
		}
		if changed && !r.amend(w.edition, func(w *World) { w.Index = identify.New(withAddresses(w.Settings, known)) }) {
			return // there is another configuration
		}
		for f := range facades {
			addr, err := r.facade(r.stop, f)
			if err != nil {
				absent(f.host, err)
				continue
			}
			missing[f.host] = false
			r.moved(w.edition, f, addr)
		}
		t := time.NewTimer(wait)
		select {
		case <-t.C:
		case <-r.stop.Done():
			t.Stop()
			return
		}
		if r.Load().edition != w.edition {
			return
		}
	}
}

// lookUp gives all addresses of a name, sorted.
func (r *Rack) lookUp(ctx context.Context, name string, services bool) ([]netip.Addr, error) {
	ctx, cancel := context.WithTimeout(ctx, LookupTime)
	defer cancel()
	targets, err := r.o.Resolver.Targets(ctx, resolve.Query{
		Host: name, Plain: !services, Ways: []resolve.Way{{Network: "udp", V4: true, V6: true}, {Network: "tcp", V4: true, V6: true}},
	})
	var out []netip.Addr
	for _, t := range targets {
		out = append(out, t.Addr.Addr())
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Compare(out[j]) < 0 })
	return slices.Compact(out), err
}

// withAddresses is a configuration with names replaced by what is known of them.
func withAddresses(s *settings.Snapshot, known map[string][]netip.Addr) *settings.Snapshot {
	out := *s
	out.Identifies = nil
	for _, id := range s.Identifies {
		one := *id
		one.Matches = nil
		for _, m := range id.Matches {
			host, port, _ := strings.Cut(m.Host, ":")
			if m.Host == "" {
				one.Matches = append(one.Matches, m)
			}
			n, err := strconv.ParseUint(port, 10, 16)
			if err != nil && port != "" {
				continue
			}
			for _, addr := range known[host] {
				one.Matches = append(one.Matches, settings.Match{Prefix: netip.PrefixFrom(addr, addr.BitLen()), Port: uint16(n), Exclude: m.Exclude})
			}
		}
		out.Identifies = append(out.Identifies, &one)
	}
	if s.SIP != nil {
		legacy := *s.SIP
		legacy.List, legacy.Devices = nil, map[string]*settings.Device{}
		for _, d := range s.SIP.List {
			one := *d
			if addrs := known[d.Host]; d.Host != "" && len(addrs) > 0 {
				one.Addresses = addrs
			}
			legacy.List = append(legacy.List, &one)
			legacy.Devices[strings.ToLower(d.Name)] = &one
		}
		out.SIP = &legacy
	}
	return &out
}
