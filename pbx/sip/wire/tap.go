package wire

import (
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
)

// Direction of a message.
type Direction uint8

const (
	Incoming Direction = iota
	Outgoing
)

// A Tap sees every message on its way: network is "UDP" or "TCP", raw is lent
// for the call and must not be changed. It must not block.
type Tap func(d Direction, network string, peer netip.AddrPort, raw []byte)

// Taps are the listeners of a set of transports. The zero value is ready.
type Taps struct {
	mu   sync.Mutex // serialises Add and its remover
	list atomic.Pointer[[]*Tap]
}

// Add begins to show messages to t until remove is called.
func (t *Taps) Add(tap Tap) (remove func()) {
	p := &tap
	t.change(func(l []*Tap) []*Tap { return append(l, p) })
	return func() {
		t.change(func(l []*Tap) []*Tap {
			return slices.DeleteFunc(l, func(x *Tap) bool { return x == p })
		})
	}
}

func (t *Taps) change(f func([]*Tap) []*Tap) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var now []*Tap
	if l := t.list.Load(); l != nil {
		now = slices.Clone(*l)
	}
	now = f(now)
	if len(now) == 0 {
		t.list.Store(nil)
		return
	}
	t.list.Store(&now)
}

// show costs one load when nobody listens.
func (t *Taps) show(d Direction, network string, peer netip.AddrPort, raw []byte) {
	l := t.list.Load()
	if l == nil {
		return
	}
	for _, tap := range *l {
		(*tap)(d, network, peer, raw)
	}
}
