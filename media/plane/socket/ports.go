package socket

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"sync"

	"golang.org/x/sys/unix"
)

// ports hands out the even ports of a range. The one that was given back longest
// ago comes first, so that late packets of a call seldom meet the next one, and
// nothing is searched. The order is random, against guessing.
type ports struct {
	mu   sync.Mutex
	free []uint16 // a ring
	head int
	n    int
}

func newPorts(first, last int) (*ports, error) {
	if first < 1 || last > 65535 || first > last {
		return nil, fmt.Errorf("rtp ports %d-%d: not a range within 1-65535", first, last)
	}
	p := new(ports)
	for port := (first + 1) &^ 1; port <= last && port < 65535; port += 2 {
		p.free = append(p.free, uint16(port))
	}
	if len(p.free) == 0 {
		return nil, fmt.Errorf("rtp ports %d-%d: no even port among them", first, last)
	}
	rand.Shuffle(len(p.free), func(i, j int) { p.free[i], p.free[j] = p.free[j], p.free[i] })
	p.n = len(p.free)
	return p, nil
}

func (p *ports) take() (uint16, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.n == 0 {
		return 0, false
	}
	port := p.free[p.head]
	p.head = (p.head + 1) % len(p.free)
	p.n--
	return port, true
}

func (p *ports) give(port uint16) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.free[(p.head+p.n)%len(p.free)] = port
	p.n++
}

var errNoPorts = errors.New("all rtp ports are in use")

// bind opens the sockets of one stream on the next pair of ports that is free. Pairs
// that another program holds go to the end of the queue.
func (p *ports) bind(local netip.Addr, tos uint8) (*wire, error) {
	for range len(p.free) {
		port, ok := p.take()
		if !ok {
			break
		}
		w, err := newWire(netip.AddrPortFrom(local, port), tos)
		if err == nil {
			w.ports = p
			return w, nil
		}
		p.give(port)
		if !errors.Is(err, unix.EADDRINUSE) {
			return nil, err
		}
	}
	return nil, errNoPorts
}
