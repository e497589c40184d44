// Package ringback is the ringing tone that a caller hears from the exchange instead of
// from his own phone (inband_progress).
package ringback

import (
	"sync"

	"branchline/media"
	"branchline/media/plane"
	tones "branchline/media/tone"
)

// Program marks what is played here: the owner of the leg knows nothing of it.
const Program = 1 << 63

// A Tone is the ring tone of one leg. The zero value is silent.
type Tone struct {
	mu     sync.Mutex
	plays  bool
	barred bool // the owner has something else for the caller
}

// Start begins the tone of a zone on the leg's port, unless Stop has been called in the
// meantime. A zone without one is silent; the error is of one that cannot be understood.
func (t *Tone) Start(port plane.Port, book *tones.Book, zone string) error {
	list, ok := book.Find(zone, "ring")
	if !ok {
		return nil
	}
	l, err := tones.Parse(list)
	if err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.barred {
		return nil
	}
	t.plays = true
	port.Play(&media.Program{ID: Program, Source: l.Source()})
	return nil
}

// Stop ends it for good. It runs on the owner's goroutine, so that what the owner plays
// next is not cut off.
func (t *Tone) Stop(port plane.Port) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.barred = true
	if t.plays {
		t.plays = false
		port.Play(nil)
	}
}
