package sip

import (
	"net/netip"
	"slices"
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
	seen map[netip.Addr]*stranger
}

type stranger struct {
	addr        netip.Addr
	count       int
	first, last time.Time
	what        string
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
	if x := s.seen[a]; x != nil && now.Sub(x.last) < strangerLife {
		x.count++
		x.last = now
		return
	}
	if len(s.seen) >= strangersKept {
		for k, x := range s.seen {
			if now.Sub(x.last) >= strangerLife {
				delete(s.seen, k)
			}
		}
		if len(s.seen) >= strangersKept {
			return
		}
	}
	if s.seen == nil {
		s.seen = map[netip.Addr]*stranger{}
	}
	s.seen[a] = &stranger{addr: a, count: 1, first: now, last: now, what: string(in.Request.Method)}
}

// list is the present ones, most active first.
func (s *strangers) list() []stranger {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []stranger
	for k, x := range s.seen {
		if now.Sub(x.last) >= strangerLife {
			delete(s.seen, k)
			continue
		}
		out = append(out, *x)
	}
	slices.SortFunc(out, func(a, b stranger) int {
		if a.count != b.count {
			return b.count - a.count
		}
		return strings.Compare(a.addr.String(), b.addr.String())
	})
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
