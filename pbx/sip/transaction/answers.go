package transaction

import (
	"hash/maphash"
	"net/netip"
	"time"
)

// answers remember the final responses of finished transactions for repetitions
// of their requests (timer J), first in, first out, bounded in number and in
// octets: beyond that the oldest are forgotten early, which only means that a
// late repetition is looked at again.
//
// The octets of key and response stand one behind the other in a few large
// blocks, and the index holds no pointers. A flood of a hundred thousand requests
// then costs a hundred blocks that come and go whole, instead of half a million
// small objects, whose spans and mark bits the runtime never gives back.
type answers struct {
	limit  int           // in number
	octets int           // in all blocks
	life   time.Duration // timer J
	began  time.Time     // what due counts from

	slots  []entry
	head   int    // slot of the oldest
	n      int    // slots in use
	first  uint64 // number of the oldest, counted from the beginning
	index  map[uint64]uint64
	peak   int // most entries in index since it was made
	blocks [][]byte
	gone   uint32 // blocks before the first of blocks
	timer  *time.Timer
}

// An entry is one answered request: where the octets are, and until when.
type entry struct {
	hash  uint64
	due   time.Duration // since began
	block uint32        // counted from the beginning
	start uint32        // in its block
	key   uint16        // octets of the key
	text  uint16        // octets of the response behind it
	port  uint16        // where it went
}

// block is room for any one datagram.
const block = 1 << 16

func (a *answers) add(key string, response []byte, port uint16) {
	need := len(key) + len(response)
	if need > block || len(key) > 0xffff || len(response) > 0xffff {
		return // nothing that came as one datagram makes it so long
	}
	if a.index == nil {
		a.index = map[uint64]uint64{}
	}
	for a.n == a.limit {
		a.pop()
	}
	if len(a.blocks) == 0 || len(a.blocks[len(a.blocks)-1])+need > block {
		for a.n > 0 && (len(a.blocks)+1)*block > a.octets {
			a.pop()
		}
		a.blocks = append(a.blocks, make([]byte, 0, block))
	}
	b := &a.blocks[len(a.blocks)-1]
	s := entry{
		hash: maphash.String(seed, key), due: time.Since(a.began) + a.life,
		block: a.gone + uint32(len(a.blocks)-1), start: uint32(len(*b)),
		key: uint16(len(key)), text: uint16(len(response)), port: port,
	}
	*b = append(append(*b, key...), response...)
	if a.n == len(a.slots) {
		grown := make([]entry, max(64, min(2*a.n, a.limit)))
		n := copy(grown, a.slots[a.head:])
		copy(grown[n:], a.slots[:a.head])
		a.slots, a.head = grown, 0
	}
	a.slots[(a.head+a.n)%len(a.slots)] = s
	a.index[s.hash] = a.first + uint64(a.n)
	a.n++
	a.peak = max(a.peak, len(a.index))
}

// find gives the response to the request with this key, and the port it went to.
func (a *answers) find(key string) (response []byte, port uint16, ok bool) {
	if a.n == 0 {
		return nil, 0, false
	}
	number, ok := a.index[maphash.String(seed, key)]
	if !ok {
		return nil, 0, false
	}
	at := a.slot(int(number - a.first))
	b, from := a.blocks[at.block-a.gone], int(at.start)+int(at.key)
	if string(b[at.start:from]) != key {
		return nil, 0, false
	}
	to := from + int(at.text)
	return b[from:to:to], at.port, true
}

func (a *answers) slot(i int) *entry { return &a.slots[(a.head+i)%len(a.slots)] }

// expire forgets what is due and says how long the next has left, 0 if there is
// none.
func (a *answers) expire() time.Duration {
	now := time.Since(a.began)
	for a.n > 0 {
		if wait := a.slot(0).due - now; wait > 0 {
			return wait
		}
		a.pop()
	}
	return 0
}

func (a *answers) pop() {
	s := a.slot(0)
	if a.index[s.hash] == a.first {
		delete(a.index, s.hash)
	}
	a.head = (a.head + 1) % len(a.slots)
	a.first++
	a.n--
	switch {
	case a.n == 0:
		a.gone += uint32(len(a.blocks))
		a.slots, a.head, a.blocks = nil, 0, nil
		if a.peak > 256 {
			a.index, a.peak = nil, 0 // a map keeps the room of its best days
		}
	case a.slot(0).block != s.block:
		a.gone++
		a.blocks[0] = nil
		a.blocks = a.blocks[1:]
	}
}

// seed is for the keys of answers.
var seed = maphash.MakeSeed()

// remember keeps what a finished transaction answered.
func (l *Layer) remember(s *Server, response []byte, port uint16) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.uncount(s)
	l.servers.remove(s.key, s)
	if l.closed {
		return
	}
	l.finished.add(s.key, response, port)
	if l.finished.timer == nil {
		l.finished.timer = time.AfterFunc(l.o.Timers.B, l.expire)
	}
}

// expire removes what is older than timer J, and wakes again for the next.
func (l *Layer) expire() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.finished.timer = nil
	if wait := l.finished.expire(); wait > 0 && !l.closed {
		// Ten wake-ups a second are enough for any load.
		l.finished.timer = time.AfterFunc(max(wait, 100*time.Millisecond), l.expire)
	}
}

// known finds the transaction a request belongs to: one under way, or the answer
// of one that is over, which goes to where the repetition came from (port as the
// first time: Server.AnswerAt).
func (l *Layer) known(key string, from Origin) (s *Server, response []byte, to netip.AddrPort) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if s = l.servers.m[key]; s != nil {
		return s, nil, to
	}
	response, port, ok := l.finished.find(key)
	if !ok {
		return nil, nil, to
	}
	return nil, response, netip.AddrPortFrom(from.From.Addr(), port)
}

// A table is a map that gives its room back when it is empty again.
type table[T comparable] struct {
	m    map[string]T
	peak int // most entries since m was made
}

func (t *table[T]) put(key string, v T) {
	if t.m == nil {
		t.m = map[string]T{}
	}
	t.m[key] = v
	t.peak = max(t.peak, len(t.m))
}

// remove takes v out, unless another has taken its place.
func (t *table[T]) remove(key string, v T) {
	if t.m[key] != v {
		return
	}
	delete(t.m, key)
	if len(t.m) == 0 && t.peak > 256 {
		t.m, t.peak = nil, 0
	}
}
