package resolve

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// A key is one question.
type key struct {
	name string // lower case, without the last dot
	kind dnsmessage.Type
}

// A record is one of the things we ask for, according to the question.
type record struct {
	addr  netip.Addr
	srv   service
	naptr pointer
}

const (
	maxGood    = 1024                   // answers kept
	maxBad     = 256                    // negative answers and failures kept
	maxFlights = 256                    // questions waiting or under way
	maxAsking  = 32                     // questions under way
	maxAge     = time.Hour              // of an answer, whatever its TTL says
	minBad     = 5 * time.Second        // of a failure, and of a negative answer without SOA
	maxBadAge  = 5 * time.Minute        // of a negative answer
	staleFor   = 24 * time.Hour         // how long an old answer helps out (RFC 8767)
	stalePause = 30 * time.Second       // for which an old answer is used before asking again
	patience   = 500 * time.Millisecond // before an old answer is used
)

// An entry is an answer that is kept.
type entry struct {
	records []record
	err     error
	expires time.Time
	useless time.Time // when not even a dead name server makes it worth using
}

// A shelf is a bounded table of entries.
type shelf struct {
	m     map[key]entry
	limit int
}

func (s *shelf) put(k key, e entry, now time.Time) {
	if _, have := s.m[k]; !have && len(s.m) >= s.limit {
		for old, x := range s.m {
			if !now.Before(x.useless) {
				delete(s.m, old)
			}
		}
		for old := range s.m { // any one will do: it can be asked for again
			if len(s.m) < s.limit {
				break
			}
			delete(s.m, old)
		}
	}
	s.m[k] = e
}

// An answer is what came of a question.
type answer struct {
	records []record
	ttl     time.Duration
	err     error // ErrNotFound: there is no such record
}

// A flight is a question under way, for all who want to know.
type flight struct {
	done   chan struct{}
	answer answer // after done is closed
}

// A cache answers from memory, and asks each question only once at a time. Bad
// news has a shelf of its own, so that invented names cannot displace real ones.
type cache struct {
	ask    func(context.Context, key) answer
	asking chan struct{} // one place for each question under way

	mu        sync.Mutex
	good, bad shelf
	flights   map[key]*flight
}

func newCache(ask func(context.Context, key) answer) *cache {
	return &cache{
		ask: ask, asking: make(chan struct{}, maxAsking),
		good: shelf{map[key]entry{}, maxGood}, bad: shelf{map[key]entry{}, maxBad},
		flights: map[key]*flight{},
	}
}

// known is an answer that is still good; false if it must be asked for.
func (c *cache) known(k key) (reply, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.fresh(k)
}

func (c *cache) fresh(k key) (reply, bool) {
	now := time.Now()
	for _, s := range []*shelf{&c.good, &c.bad} {
		if e, ok := s.m[k]; ok && now.Before(e.expires) {
			return reply{e.records, e.err}, true
		}
	}
	return reply{}, false
}

// lookup answers a question. It waits until ctx ends, and not as long if there
// is an old answer to fall back on.
func (c *cache) lookup(ctx context.Context, k key) reply {
	c.mu.Lock()
	if r, ok := c.fresh(k); ok {
		c.mu.Unlock()
		return r
	}
	old, have := c.good.m[k]
	have = have && time.Now().Before(old.useless)
	f := c.flights[k]
	switch {
	case f != nil:
	case len(c.flights) < maxFlights:
		f = &flight{done: make(chan struct{})}
		c.flights[k] = f
		go c.fly(k, f)
	default:
		c.mu.Unlock()
		if have {
			return reply{old.records, nil}
		}
		return reply{err: ErrBusy}
	}
	c.mu.Unlock()

	var hurry <-chan time.Time
	if have {
		t := time.NewTimer(patience)
		defer t.Stop()
		hurry = t.C
	}
	select {
	case <-f.done:
		return reply{f.answer.records, f.answer.err}
	case <-hurry:
		return reply{old.records, nil}
	case <-ctx.Done():
		if have {
			return reply{old.records, nil}
		}
		return reply{err: ErrServers}
	}
}

// fly asks, keeps the answer and tells everybody.
func (c *cache) fly(k key, f *flight) {
	c.asking <- struct{}{}
	ctx, cancel := context.WithTimeout(context.Background(), lookupTime)
	got := c.ask(ctx, k)
	cancel()
	<-c.asking

	c.mu.Lock()
	now := time.Now()
	old, have := c.good.m[k]
	switch {
	case got.err == nil:
		age := min(got.ttl, maxAge)
		c.good.put(k, entry{got.records, nil, now.Add(age), now.Add(age + staleFor)}, now)
		delete(c.bad.m, k)
	case errors.Is(got.err, ErrNotFound):
		end := now.Add(min(max(got.ttl, minBad), maxBadAge))
		c.bad.put(k, entry{nil, got.err, end, end}, now)
		delete(c.good.m, k)
	case have && now.Before(old.useless):
		old.expires = now.Add(stalePause)
		c.good.m[k] = old
		got = answer{records: old.records}
	default:
		end := now.Add(minBad)
		if k.kind == typeNAPTR {
			end = now.Add(maxBadAge) // a router that swallows the question does so again
		}
		c.bad.put(k, entry{nil, got.err, end, end}, now)
	}
	f.answer = got
	delete(c.flights, k)
	close(f.done)
	c.mu.Unlock()
}
