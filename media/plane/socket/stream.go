package socket

import (
	"net/netip"
	"sync/atomic"
	"time"

	"branchline/media"
	"branchline/media/plane"
	"branchline/media/plane/board"
)

// A stream is one party: a port with sockets, or half of a pair.
type stream struct {
	plane *Plane
	party *board.Party
	wire  *wire // nil for half of a pair
	slot  uint32
	codec atomic.Pointer[media.Codec]
	gone  atomic.Bool
}

var (
	_ plane.Port       = (*stream)(nil)
	_ media.Recordable = (*stream)(nil)
)

// self is the stream behind a line, too.
func (s *stream) self() *stream { return s }

func (s *stream) do(f func(now int64)) {
	if !s.gone.Load() {
		s.plane.do(f)
	}
}

// Join exchanges audio with peer. A stream of another plane counts as nil.
func (s *stream) Join(peer media.Stream) {
	var q *board.Party
	if p, ok := peer.(interface{ self() *stream }); ok {
		if t := p.self(); t != nil && t.plane == s.plane {
			q = t.party
		}
	}
	s.do(func(int64) { s.party.Join(q) })
}

func (s *stream) Play(g *media.Program) { s.do(func(now int64) { s.party.Play(now, g) }) }

func (s *stream) SendDigit(d byte, length time.Duration) {
	s.do(func(now int64) { s.party.SendDigit(now, d, length) })
}

func (s *stream) Watch(d media.Digits) { s.do(func(int64) { s.party.Watch(d) }) }

// Record has r told of the party's speech.
func (s *stream) Record(r media.Recorder) {
	if s.gone.Load() {
		r.End()
		return
	}
	s.do(func(int64) { s.party.Record(r) })
}

// Forget tells r no more.
func (s *stream) Forget(r media.Recorder) { s.do(func(int64) { s.party.Forget(r) }) }

func (s *stream) Codec() *media.Codec { return s.codec.Load() }

func (s *stream) Stats() media.Stats { return s.party.Stats() }

func (s *stream) Apply(f media.Flow) {
	if !s.gone.Load() && s.wire != nil {
		s.apply(f)
	}
}

func (s *stream) apply(f media.Flow) {
	var c *media.Codec
	if len(f.Formats) > 0 {
		c = f.Formats[0].Codec
	}
	s.codec.Store(c)
	s.do(func(now int64) { s.party.Apply(now, f) })
}

func (s *stream) Local() netip.AddrPort {
	if s.wire == nil {
		return netip.AddrPort{}
	}
	return s.wire.local
}

func (s *stream) Close() {
	if !s.gone.Swap(true) {
		s.plane.do(func(now int64) { s.plane.thread.remove(s, now) })
	}
}
