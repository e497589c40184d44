package invite

import (
	"sync"

	"branchline/media"
	tones "branchline/media/tone"
)

// ownProgram marks programmes the owner of the leg knows nothing of.
const ownProgram = 1 << 63

// tone is the ring tone a caller with inband_progress hears instead of a 180.
type tone struct {
	mu     sync.Mutex
	plays  bool
	barred bool // the owner has something else for the caller
}

// ringTone begins it, unless the owner went on in the meantime.
func (s *Session) ringTone() {
	book := tones.Builtin()
	if s.Tones != nil {
		book = s.Tones()
	}
	list, ok := book.Find(s.Endpoint.ToneZone, "ring")
	if !ok {
		return
	}
	l, err := tones.Parse(list)
	if err != nil {
		s.log.Warn("no ring tone", "err", err)
		return
	}
	s.tone.mu.Lock()
	defer s.tone.mu.Unlock()
	if s.tone.barred {
		return
	}
	s.tone.plays = true
	s.port.Play(&media.Program{ID: ownProgram, Source: l.Source()})
}

// quiet ends it. It runs on the owner's goroutine, so that what the owner plays
// next is not cut off.
func (s *Session) quiet() {
	s.tone.mu.Lock()
	defer s.tone.mu.Unlock()
	s.tone.barred = true
	if s.tone.plays {
		s.tone.plays = false
		s.port.Play(nil)
	}
}
