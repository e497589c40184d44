package hal

import (
	"context"
	"errors"
	"time"
)

// How long Reopen waits between attempts. A device that is not there costs
// nothing to look for; one that is there and does not work is left in peace.
const (
	absentAgain = time.Second
	firstAgain  = 500 * time.Millisecond
	lastAgain   = 30 * time.Second
	settled     = 30 * time.Second // up for so long, a line may fail again as if for the first time
)

// Reopen keeps a line open until ctx ends, on the goroutine that calls it. It opens
// the line and hands it to up, which returns when the line's Events are closed, with
// Lost's Err; then it closes the line. After that, and after each attempt that fails,
// down is told why and how long it is until the next: a second if the device is
// absent, otherwise half a second doubling up to thirty.
func Reopen(ctx context.Context, d Driver, name string, up func(context.Context, Line) error, down func(err error, again time.Duration)) {
	wait := firstAgain
	for ctx.Err() == nil {
		line, err := d.Open(ctx, name)
		if err == nil {
			began := time.Now()
			err = up(ctx, line)
			if e := line.Close(); err == nil {
				err = e
			}
			if time.Since(began) >= settled {
				wait = firstAgain
			}
		}
		if ctx.Err() != nil {
			return
		}
		again := wait
		if errors.Is(err, ErrAbsent) {
			again, wait = absentAgain, firstAgain
		} else {
			wait = min(2*wait, lastAgain)
		}
		down(err, again)
		select {
		case <-time.After(again):
		case <-ctx.Done():
		}
	}
}
