package sim

import (
	"context"
	"fmt"

	"branchline/hal"
	"branchline/hal/sim/wires"
)

// What happened at the simulated end of a line.
type What uint8

const (
	// At an exchange:
	Seized    What = iota // our line went off hook for a call of its own
	DialTone              // and hears dial tone
	Dialled               // a number was understood: Digits
	Rang                  // it has rung our line once more: Count
	Connected             // a call from it was answered by us, or one of ours by the party
	Key                   // our side sent a key in a call: Digits
	HookFlash             // our side flashed
	Released              // our side hung up
	GaveUp                // the caller did not want to wait any longer
	PartyGone             // the far party hung up
	Message               // a short message came from us: Digits is its body
	// At a telephone:
	Rings       // a burst of ringing began: Count
	RingsNoMore // it is over
	Hears       // a tone is known: Tone, see signal.Ear
	Reversal    // the polarity was reversed, or came back
	BatteryGone // the current stopped
	BatteryBack
	Lamp // Count messages wait
)

func (w What) String() string {
	return [...]string{"seized", "dial tone", "dialled", "rang", "connected", "key", "flash", "released", "caller gave up",
		"party hung up", "message", "rings", "stops ringing", "hears", "reversal", "battery gone", "battery back", "lamp"}[w]
}

// A Happening is something that a simulated exchange or telephone noticed or did.
type Happening struct {
	At     int64 // samples of line time
	What   What
	Digits string
	Tone   string
	Count  int
}

func (h Happening) String() string {
	s := fmt.Sprintf("%.2f s %s", float64(h.At)/hal.Rate, h.What)
	switch {
	case h.Digits != "":
		s += " " + h.Digits
	case h.Tone != "":
		s += " " + h.Tone
	case h.Count != 0:
		s += fmt.Sprintf(" %d", h.Count)
	}
	return s
}

// mostKept is how many happenings are kept for a reader who does not come.
const mostKept = 1000

// A story is what happened, in order, for one reader.
type story struct {
	pair *wires.Pair
	told []Happening
	more chan struct{}
}

func newStory(w *wires.Pair) *story { return &story{pair: w, more: make(chan struct{}, 1)} }

// tell adds to the story; the pair's lock is held.
func (s *story) tell(h Happening) {
	h.At = s.pair.Now()
	if len(s.told) == mostKept {
		s.told = append(s.told[:0], s.told[1:]...)
	}
	s.told = append(s.told, h)
	select {
	case s.more <- struct{}{}:
	default:
	}
}

// Next waits for what happens next; everything is told once, in order. A thousand
// happenings that nobody asked for are kept.
func (s *story) Next(ctx context.Context) (Happening, error) {
	for {
		s.pair.Lock()
		if len(s.told) > 0 {
			h := s.told[0]
			s.told = s.told[1:]
			s.pair.Unlock()
			return h, nil
		}
		s.pair.Unlock()
		select {
		case <-s.more:
		case <-ctx.Done():
			return Happening{}, ctx.Err()
		}
	}
}

// Await passes over what happens until one of these does.
func (s *story) Await(ctx context.Context, any ...What) (Happening, error) {
	for {
		h, err := s.Next(ctx)
		if err != nil {
			return h, fmt.Errorf("waiting for %v: %w", any, err)
		}
		for _, w := range any {
			if h.What == w {
				return h, nil
			}
		}
	}
}

// AwaitTone passes over what happens until a tone of this name is heard.
func (s *story) AwaitTone(ctx context.Context, name string) error {
	for {
		h, err := s.Await(ctx, Hears)
		if err != nil {
			return fmt.Errorf("waiting for %s: %w", name, err)
		}
		if h.Tone == name {
			return nil
		}
	}
}
