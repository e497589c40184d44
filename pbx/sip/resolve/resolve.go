// Package resolve finds where a SIP request goes: RFC 3263 over a small DNS
// client of our own. The system's resolver knows neither NAPTR records nor how
// long an answer is good for, and waits long for a name server that is dead.
//
// Reading order: Targets here is RFC 3263 in its order; order.go sorts SRV and
// NAPTR records; cache.go keeps answers and lets many callers share one
// question; ask.go talks to the name servers, answer.go reads what they say;
// files.go reads /etc/resolv.conf and /etc/hosts.
//
// What is bounded: questions under way, their number and their time; records of
// an answer, aliases followed, answers kept, targets returned. A name server
// that is silent is remembered for seconds, so that only the first callers wait
// for it, and an answer that has run out is used for a day if no newer one can
// be had (RFC 8767): yesterday's address of the provider is a better guess than
// none.
package resolve

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// Errors of a look-up.
var (
	ErrName      = errors.New("not a host name")
	ErrNotFound  = errors.New("no such host")
	ErrNoService = errors.New("the domain offers no such service") // RFC 2782: SRV with target "."
	ErrServers   = errors.New("no answer from the name servers")
	ErrBusy      = errors.New("too many look-ups under way")
)

// A Way is a kind of transport the exchange can use.
type Way struct {
	Network string // "udp", "tcp"
	V4, V6  bool   // address families it can reach
}

// A Query is what a URI says about its destination.
type Query struct {
	Host  string // a name or an address
	Port  uint16 // 0: the URI names none
	Ways  []Way  // what may be used, best first
	Fixed bool   // the transport is given: NAPTR has no say (RFC 3263 4.1)
	Plain bool   // addresses only, no NAPTR and SRV (srvlookup=no)
}

// A Target is one place to try.
type Target struct {
	Network string
	Addr    netip.AddrPort
}

func (t Target) String() string { return t.Network + ":" + t.Addr.String() }

// Options are what a Resolver is made from; all may be left out.
type Options struct {
	Servers    []netip.AddrPort // instead of resolv.conf's
	ResolvConf string           // path, "" is /etc/resolv.conf
	Hosts      string           // path, "" is /etc/hosts
	Dial       func(ctx context.Context, network string, server netip.AddrPort) (net.Conn, error)
	Random     func(n uint32) uint32 // below n, for weights; nil: math/rand
	ID         func() uint16         // of questions; nil: crypto/rand
	Log        *slog.Logger
}

const (
	maxTargets  = 32              // returned
	maxServices = 16              // SRV records of one name that are used
	naptrWait   = time.Second     // some routers swallow questions of type NAPTR
	failedFor   = time.Minute     // how long a target that failed is tried last
	maxFailed   = 256             // targets remembered as failed
	defaultPort = uint16(5060)    // RFC 3263 4.2
	tlsPort     = uint16(5061)    // the same
	lookupTime  = 5 * time.Second // one question with all its retries
)

// A Resolver may be used from any goroutine. It has none of its own: a question
// under way is a goroutine, and ends after five seconds.
type Resolver struct {
	o     Options
	files files
	cache *cache

	mu      sync.Mutex
	servers map[netip.AddrPort]*health
	failed  map[Target]time.Time // until when
}

// New makes a resolver; nothing is read or asked before the first look-up.
func New(o Options) *Resolver {
	if o.ResolvConf == "" {
		o.ResolvConf = "/etc/resolv.conf"
	}
	if o.Hosts == "" {
		o.Hosts = "/etc/hosts"
	}
	if o.Dial == nil {
		o.Dial = dial
	}
	if o.Random == nil {
		o.Random = rand.Uint32N
	}
	if o.ID == nil {
		o.ID = randomID
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	r := &Resolver{o: o, servers: map[netip.AddrPort]*health{}, failed: map[Target]time.Time{}}
	r.files.resolvConf, r.files.hosts = o.ResolvConf, o.Hosts
	r.cache = newCache(r.question)
	return r
}

func dial(ctx context.Context, network string, server netip.AddrPort) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, network, server.String())
}

// Targets lists where to send a request, in the order of RFC 3263 and RFC 2782,
// those that failed within the last minute at the end. It waits for name
// servers, at most until ctx ends. There is at least one target if the error is
// nil.
func (r *Resolver) Targets(ctx context.Context, q Query) ([]Target, error) {
	if addr, err := netip.ParseAddr(strings.Trim(q.Host, "[]")); err == nil {
		return r.finish(q, fits(q, addr.Unmap(), q.Port))
	}
	name, err := hostName(q.Host)
	if err != nil {
		return nil, fmt.Errorf("look up %q: %w", q.Host, err)
	}
	err = ErrNotFound
	for _, n := range r.candidates(name) {
		var out []Target
		if out, err = r.targets(ctx, q, n); err == nil {
			return r.finish(q, out)
		}
		if !errors.Is(err, ErrNotFound) {
			break
		}
	}
	return nil, fmt.Errorf("look up %s: %w", q.Host, err)
}

// targets is RFC 3263 for one full name.
func (r *Resolver) targets(ctx context.Context, q Query, name string) ([]Target, error) {
	if addrs := r.files.host(name); len(addrs) > 0 {
		// Whoever wrote the line meant it, whatever the DNS says of services.
		var out []Target
		for _, a := range addrs {
			out = append(out, fits(q, a, q.Port)...)
		}
		return out, nil
	}
	if q.Port == 0 && !q.Plain { // 4.2: SRV only if no port is given
		out, err := r.services(ctx, q, name)
		if len(out) > 0 {
			return out, nil
		}
		if errors.Is(err, ErrNoService) {
			return nil, err
		}
	}
	addrs, err := r.addresses(ctx, q, name)
	var out []Target
	for _, a := range addrs {
		out = append(out, fits(q, a, q.Port)...)
	}
	return out, err
}

// services asks for NAPTR and SRV at the same time, because most domains that
// have SRV records have no NAPTR records to wait for first.
func (r *Resolver) services(ctx context.Context, q Query, name string) ([]Target, error) {
	asked := make([]<-chan reply, len(q.Ways))
	for i, w := range q.Ways {
		asked[i] = r.start(ctx, key{"_sip._" + w.Network + "." + name, dnsmessage.TypeSRV})
	}
	var out []Target
	if !q.Fixed {
		short, cancel := context.WithTimeout(ctx, naptrWait)
		defer cancel()
		got := r.cache.lookup(short, key{name, typeNAPTR}) // that there are none is no error (4.1)
		for _, p := range sortPointers(got.records, q.Ways) {
			srvs := r.cache.lookup(ctx, key{p.replacement, dnsmessage.TypeSRV})
			found, err := r.serviceTargets(ctx, q, p.network, srvs.records)
			if err != nil {
				r.o.Log.Debug("service without address", "service", p.replacement, "error", err)
			}
			out = append(out, found...)
		}
		if len(out) > 0 {
			return out, nil
		}
	}
	var first error
	for i, w := range q.Ways {
		got := <-asked[i]
		err := got.err
		if err == nil {
			var found []Target
			found, err = r.serviceTargets(ctx, q, w.Network, got.records)
			out = append(out, found...)
		}
		if err != nil && (first == nil || errors.Is(err, ErrNoService)) {
			first = err
		}
	}
	return out, first
}

// serviceTargets is where the hosts of SRV records are.
func (r *Resolver) serviceTargets(ctx context.Context, q Query, network string, records []record) ([]Target, error) {
	srvs := sortServices(records, r.o.Random)
	if len(srvs) == 1 && srvs[0].host == "" {
		return nil, ErrNoService
	}
	if len(srvs) > maxServices {
		srvs = srvs[:maxServices]
	}
	i := slices.IndexFunc(q.Ways, func(w Way) bool { return w.Network == network })
	if i < 0 {
		return nil, nil
	}
	one := q
	one.Ways = q.Ways[i : i+1]
	type found struct {
		addrs []netip.Addr
		err   error
	}
	hosts := make([]chan found, len(srvs))
	for i, s := range srvs {
		hosts[i] = make(chan found, 1)
		go func() {
			addrs, err := r.addresses(ctx, one, s.host)
			hosts[i] <- found{addrs, err}
		}()
	}
	var out []Target
	var first error
	for i, s := range srvs {
		f := <-hosts[i]
		if f.err != nil && first == nil {
			first = f.err
		}
		for _, a := range f.addrs {
			out = append(out, fits(one, a, s.port)...)
		}
	}
	if len(out) > 0 {
		first = nil
	}
	return out, first
}

// addresses asks for A and AAAA, as far as a transport can use them. IPv4 comes
// first: in branch offices it is the one that works.
func (r *Resolver) addresses(ctx context.Context, q Query, name string) ([]netip.Addr, error) {
	if addrs := r.files.host(name); len(addrs) > 0 {
		return addrs, nil
	}
	var asked []<-chan reply
	if slices.ContainsFunc(q.Ways, func(w Way) bool { return w.V4 }) {
		asked = append(asked, r.start(ctx, key{name, dnsmessage.TypeA}))
	}
	if slices.ContainsFunc(q.Ways, func(w Way) bool { return w.V6 }) {
		asked = append(asked, r.start(ctx, key{name, dnsmessage.TypeAAAA}))
	}
	var out []netip.Addr
	err := ErrNotFound
	for _, c := range asked {
		got := <-c
		if got.err != nil && !errors.Is(got.err, ErrNotFound) {
			err = got.err
		}
		for _, rec := range got.records {
			out = append(out, rec.addr)
		}
	}
	if len(out) > 0 {
		return out, nil
	}
	return nil, err
}

// A reply is the answer to a question asked in the background.
type reply struct {
	records []record
	err     error
}

// start asks in the background; what is known is there at once.
func (r *Resolver) start(ctx context.Context, k key) <-chan reply {
	c := make(chan reply, 1)
	if known, ok := r.cache.known(k); ok {
		c <- known
		return c
	}
	go func() { c <- r.cache.lookup(ctx, k) }()
	return c
}

// LookupNetIP lists the addresses of a host (the form net.Resolver has);
// network is "ip", "ip4" or "ip6".
func (r *Resolver) LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error) {
	ts, err := r.Targets(ctx, Query{
		Host: host, Plain: true, Ways: []Way{{Network: "udp", V4: network != "ip6", V6: network != "ip4"}},
	})
	var out []netip.Addr
	for _, t := range ts {
		out = append(out, t.Addr.Addr())
	}
	return out, err
}

// fits is the target for an address: the first way that can reach it.
func fits(q Query, a netip.Addr, port uint16) []Target {
	for _, w := range q.Ways {
		if a.Is4() && w.V4 || a.Is6() && w.V6 {
			if port == 0 {
				port = defaultPort
				if w.Network == "tls" {
					port = tlsPort
				}
			}
			return []Target{{w.Network, netip.AddrPortFrom(a, port)}}
		}
	}
	return nil
}

// finish removes what is there twice, puts what failed lately last, and counts.
func (r *Resolver) finish(q Query, ts []Target) ([]Target, error) {
	if len(ts) == 0 {
		return nil, fmt.Errorf("look up %s: %w that a transport can reach", q.Host, ErrNotFound)
	}
	now := time.Now()
	var good, bad []Target
	seen := map[Target]bool{}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, t := range ts {
		switch {
		case seen[t]:
			continue
		case now.Before(r.failed[t]):
			bad = append(bad, t)
		default:
			good = append(good, t)
		}
		seen[t] = true
	}
	good = append(good, bad...)
	if len(good) > maxTargets {
		good = good[:maxTargets]
	}
	return good, nil
}

// Failed remembers that a target did not answer, or said 503: for a minute
// others are tried before it (RFC 3263 4.3).
func (r *Resolver) Failed(t Target) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	if len(r.failed) >= maxFailed {
		for old, until := range r.failed {
			if !now.Before(until) || len(r.failed) >= maxFailed {
				delete(r.failed, old)
			}
		}
	}
	r.failed[t] = now.Add(failedFor)
}

// Worked takes a target's failure back.
func (r *Resolver) Worked(t Target) {
	r.mu.Lock()
	delete(r.failed, t)
	r.mu.Unlock()
}

// candidates are the full names a name may stand for: a short one may be
// relative to the search list.
func (r *Resolver) candidates(name string) []string {
	conf := r.files.conf()
	if full, ok := strings.CutSuffix(name, "."); ok {
		return []string{full}
	}
	var out []string
	if strings.Count(name, ".") < conf.dots {
		for _, domain := range conf.search {
			if _, err := hostName(name + "." + domain); err == nil {
				out = append(out, name+"."+domain)
			}
		}
	}
	return append(out, name)
}

// hostName checks and lowers a name. A last label of digits only is refused: no
// such domain exists, and 3232235521 must never be taken for an address.
func hostName(s string) (string, error) {
	s = strings.ToLower(s)
	labels := strings.Split(strings.TrimSuffix(s, "."), ".")
	if len(s) > 253 {
		return "", ErrName
	}
	for _, l := range labels {
		if l == "" || len(l) > 63 || strings.Trim(l, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return "", ErrName
		}
	}
	if last := labels[len(labels)-1]; strings.Trim(last, "0123456789") == "" {
		return "", ErrName
	}
	return s, nil
}
