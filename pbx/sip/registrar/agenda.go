package registrar

import (
	"cmp"
	"container/heap"
	"context"
	"fmt"
	"sort"
	"time"

	"branchline/pbx/settings"
)

// An item is something to be done for an entry at a time. It is valid only
// while the entry says the same time: changing plans leaves old items in the
// agenda, where they are dropped when their time comes. A refresh therefore
// costs no search: it does not touch the agenda at all.
type item struct {
	at   time.Time
	e    *entry
	ping bool
}

// agenda is a heap of items, the next first.
type agenda []item

func (a agenda) Len() int           { return len(a) }
func (a agenda) Less(i, j int) bool { return a[i].at.Before(a[j].at) }
func (a agenda) Swap(i, j int)      { a[i], a[j] = a[j], a[i] }
func (a *agenda) Push(x any)        { *a = append(*a, x.(item)) }
func (a *agenda) Pop() any {
	old := *a
	last := old[len(old)-1]
	old[len(old)-1] = item{}
	*a = old[:len(old)-1]
	return last
}

// plan adds an item and wakes Run if it is the next one. The caller holds mu.
func (r *Registrar) plan(it item) {
	heap.Push(&r.agenda, it)
	if r.agenda[0].at.Equal(it.at) {
		select {
		case r.wake <- struct{}{}:
		default:
		}
	}
}

// expireAt makes sure that e is looked at when it expires. The caller holds mu.
func (r *Registrar) expireAt(e *entry, at time.Time) {
	if e.expiryAt.IsZero() || at.Before(e.expiryAt) {
		e.expiryAt = at
		r.plan(item{at: at, e: e})
	}
}

// qualifyLater begins or ends probing of e, as its address of record says now.
// The first probes of a start are spread over within. The caller holds mu.
func (r *Registrar) qualifyLater(e *entry, aor *settings.AOR, within time.Duration) {
	if aor == nil || aor.QualifyFrequency <= 0 || r.o.Pinger == nil {
		e.pingAt = time.Time{}
		e.now.reach.status.Store(uint32(NonQual))
		e.now.reach.rtt.Store(0)
		return
	}
	if e.now.Status() == NonQual {
		e.now.reach.status.Store(uint32(Unknown))
	}
	at := time.Now()
	if within > 0 {
		// The hash spreads contacts evenly and the same way at every start.
		at = at.Add(within / 256 * time.Duration(digit(e.now.hash[0])<<4|digit(e.now.hash[1])))
	}
	if e.pingAt.IsZero() || e.pingAt.After(at.Add(aor.QualifyFrequency)) {
		e.pingAt = at
		r.plan(item{at: at, e: e, ping: true})
	}
}

// qualifyNow probes a contact that has just come. The caller holds mu.
func (r *Registrar) qualifyNow(e *entry) {
	r.qualifyLater(e, r.snap.AORs[e.now.AOR], 0)
}

// A Probe is the regular probing of one contact, for the console.
type Probe struct {
	AOR, Hash  string
	Interval   time.Duration
	Runs       int
	Running    bool
	Last, Next time.Time // Last is zero before the first
}

// Probes lists the contacts that are probed regularly, by name.
func (r *Registrar) Probes() []Probe {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []Probe
	for _, table := range []map[string][]*entry{r.bound, r.permanent} {
		for name, entries := range table {
			aor := r.snap.AORs[name]
			if aor == nil || aor.QualifyFrequency <= 0 || r.o.Pinger == nil {
				continue
			}
			for _, e := range entries {
				out = append(out, Probe{name, e.now.Hash(), aor.QualifyFrequency, e.pings, e.pinging, e.pinged, e.pingAt})
			}
		}
	}
	sort.Slice(out, func(i, j int) bool {
		return cmp.Or(cmp.Compare(out[i].AOR, out[j].AOR), cmp.Compare(out[i].Hash, out[j].Hash)) < 0
	})
	return out
}

// maxPings is how many contacts are probed at the same time.
const maxPings = 32

// Run lets contacts expire and probes them, until ctx ends. It returns when the
// last probe has ended too.
func (r *Registrar) Run(ctx context.Context) error {
	defer r.probes.Wait()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-r.wake:
		case <-timer.C:
		}
		if next := r.due(ctx); !next.IsZero() {
			timer.Reset(time.Until(next))
		}
	}
}

// due does everything whose time has come and tells when to come back; zero
// means not before woken.
func (r *Registrar) due(ctx context.Context) time.Time {
	r.mu.Lock()
	var expired []*Contact
	now := time.Now()
	for len(r.agenda) > 0 && !r.agenda[0].at.After(now) {
		it, _ := heap.Pop(&r.agenda).(item)
		switch e := it.e; {
		case e.gone:
		case it.ping && it.at.Equal(e.pingAt):
			r.ping(ctx, e)
		case !it.ping && it.at.Equal(e.expiryAt) && e.now.Expires.After(now): // was refreshed meanwhile
			e.expiryAt = e.now.Expires
			heap.Push(&r.agenda, item{at: e.expiryAt, e: e})
		case !it.ping && it.at.Equal(e.expiryAt):
			expired = append(expired, e.now)
			r.drop(e.now, lazy)
		}
	}
	var next time.Time
	if len(r.agenda) > 0 {
		next = r.agenda[0].at
	}
	r.mu.Unlock()
	for _, c := range expired {
		r.verbose(3, "Removed contact '%s' from AOR '%s' due to expiration", c.URI, c.AOR)
		r.changed(c.AOR)
	}
	return next
}

// ping probes e, or lets it wait for a free place. The caller holds mu.
func (r *Registrar) ping(ctx context.Context, e *entry) {
	aor := r.snap.AORs[e.now.AOR]
	if aor == nil || e.pinging || r.o.Pinger == nil {
		return
	}
	if r.pinging >= maxPings {
		r.waiting = append(r.waiting, e)
		return
	}
	e.pinging, e.pinged = true, time.Now()
	e.pings++
	r.pinging++
	c := e.now
	r.probes.Go(func() { r.probe(ctx, e, c, aor) })
}

// probe sends one OPTIONS, notes the outcome and plans the next.
func (r *Registrar) probe(ctx context.Context, e *entry, c *Contact, aor *settings.AOR) {
	limit := aor.QualifyTimeout
	if limit <= 0 {
		limit = 32 * time.Second // the life of a transaction (RFC 3261 timer F)
	}
	sub, cancel := context.WithTimeout(ctx, limit)
	start := time.Now()
	status, err := r.o.Pinger.Ping(sub, c, aor)
	cancel()
	rtt := time.Since(start)
	was, is := c.Status(), Avail
	if err != nil || aor.Qualify2xxOnly && status/100 != 2 {
		is, rtt = Unavail, 0
	}
	regular := aor.QualifyFrequency > 0
	if regular && ctx.Err() == nil {
		c.reach.rtt.Store(int64(rtt))
		c.reach.status.Store(uint32(is))
	}

	r.mu.Lock()
	e.pinging = false
	r.pinging--
	e.pingAt = time.Time{}
	if now := r.snap.AORs[c.AOR]; !e.gone && now != nil && now.QualifyFrequency > 0 {
		e.pingAt = time.Now().Add(now.QualifyFrequency)
		r.plan(item{at: e.pingAt, e: e, ping: true})
	}
	for len(r.waiting) > 0 && r.pinging < maxPings && ctx.Err() == nil {
		next := r.waiting[0]
		r.waiting = r.waiting[1:]
		if !next.gone {
			r.ping(ctx, next)
		}
	}
	r.mu.Unlock()

	switch {
	case ctx.Err() != nil:
	case !regular:
		r.o.Log.Info("contact was asked", "aor", c.AOR, "contact", c.URI, "reached", is == Avail, "rtt", rtt)
	case was != is:
		r.verbose(2, "Contact %s/%s is now %s.  RTT: %s msec", c.AOR, c.URI, phrase(is), milliseconds(rtt))
		r.changed(c.AOR)
	}
}

func phrase(s Status) string {
	if s == Avail {
		return "Reachable"
	}
	return "Unreachable"
}

func milliseconds(d time.Duration) string {
	return fmt.Sprintf("%.3f", float64(d)/float64(time.Millisecond))
}

// Qualify probes all contacts of an address of record now. It reports whether
// there is any. Contacts that are not probed regularly keep their status, and
// the outcome is logged.
func (r *Registrar) Qualify(aor string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	found := false
	now := time.Now()
	for _, table := range []map[string][]*entry{r.bound, r.permanent} {
		for _, e := range table[aor] {
			found = true
			e.pingAt = now
			r.plan(item{at: now, e: e, ping: true})
		}
	}
	return found
}
