package door

import (
	"net/netip"
	"sort"
	"strings"
	"sync"
	"time"

	"branchline/pbx/sip/wire"
)

// strangers counts requests that no endpoint claims, by source address, for
// `pjsip show unidentified_requests`. It forgets a source after a while, and is
// bounded: a flood with invented addresses costs nothing.
type strangers struct {
	mu   sync.Mutex
	seen map[netip.Addr]*Stranger
}

// A Stranger is somebody whose requests nobody claims.
type Stranger struct {
	Addr        netip.Addr
	Count       int
	first, Last time.Time
	What        string // the method of the first request
}

const (
	strangersKept = 1000
	strangerLife  = 30 * time.Second // unidentified_request_prune_interval
)

func (s *strangers) note(in *wire.Inbound) {
	now := time.Now()
	a := in.Source.Addr()
	s.mu.Lock()
	defer s.mu.Unlock()
	if x := s.seen[a]; x != nil && now.Sub(x.Last) < strangerLife {
		x.Count++
		x.Last = now
		return
	}
	if len(s.seen) >= strangersKept {
		for k, x := range s.seen {
			if now.Sub(x.Last) >= strangerLife {
				delete(s.seen, k)
			}
		}
		if len(s.seen) >= strangersKept {
			return
		}
	}
	if s.seen == nil {
		s.seen = map[netip.Addr]*Stranger{}
	}
	s.seen[a] = &Stranger{Addr: a, Count: 1, first: now, Last: now, What: string(in.Request.Method)}
}

// list is the present ones, most active first.
func (s *strangers) list() []Stranger {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Stranger
	for k, x := range s.seen {
		if now.Sub(x.Last) >= strangerLife {
			delete(s.seen, k)
			continue
		}
		out = append(out, *x)
	}
	order := func(a, b Stranger) int {
		if a.Count != b.Count {
			return b.Count - a.Count
		}
		return strings.Compare(a.Addr.String(), b.Addr.String())
	}
	sort.Slice(out, func(i, j int) bool { return order(out[i], out[j]) < 0 })
	return out
}

// throttle lets so many log lines per second through.
type throttle struct {
	mu    sync.Mutex
	until time.Time
	n     int
}

const linesPerSecond = 20

func (t *throttle) allow() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if now := time.Now(); now.After(t.until) {
		t.until, t.n = now.Add(time.Second), 0
	}
	t.n++
	return t.n <= linesPerSecond
}
