package button

import (
	"context"
	"errors"
	"time"
)

// A Wish is what somebody says with a button.
type Wish string

// The wishes.
const (
	None         Wish = ""
	SafeMode     Wish = "safe mode"
	FactoryReset Wish = "factory reset"
)

// How long the button is held for a wish, and from when on it is nobody's finger: a
// wire, or a button that does not come back.
const (
	SafeModeAfter     = 3 * time.Second
	FactoryResetAfter = 10 * time.Second
	StuckAfter        = 30 * time.Second
)

// ErrStuck reports a button that is held for longer than anybody would.
var ErrStuck = errors.New("button: held for 30 seconds: it is stuck, or none is there")

// How often the button is looked at, and how many times in a row it must be found up
// to be so: contacts bounce.
const (
	look = 20 * time.Millisecond
	up   = 4
)

// Await waits until a button is let go and is what was wished. stage is told what it
// would be, if it were let go now, when that changes. Only letting go counts: a line
// that something else holds down never has anything erased. If it is not held at the
// beginning, Await returns at once.
func Await(ctx context.Context, pressed func() (bool, error), stage func(Wish)) (Wish, error) {
	tick := time.NewTicker(look)
	defer tick.Stop()
	began, since := time.Now(), 0
	wish := None
	for first := true; ; first = false {
		down, err := pressed()
		if err != nil {
			return None, err
		}
		if down {
			since = 0
		} else if since++; since == up || first {
			return wish, nil
		}
		held := time.Since(began)
		if held >= StuckAfter {
			stage(None)
			return None, ErrStuck
		}
		now := None
		switch {
		case held >= FactoryResetAfter:
			now = FactoryReset
		case held >= SafeModeAfter:
			now = SafeMode
		}
		if down && now != wish {
			wish = now
			stage(wish)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return None, ctx.Err()
		}
	}
}
