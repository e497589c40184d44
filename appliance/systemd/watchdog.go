package systemd

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// A Pulse is one part of the exchange that must keep working: Beat returns once the
// part has done a piece of real work, and not before.
type Pulse struct {
	Name string
	Beat func(ctx context.Context) error
}

// Watch feeds the manager's watchdog as long as every pulse beats, until ctx ends.
// A pulse gets half the watchdog's time; one that stays away is logged, and the
// manager is not told that all is well, so that it starts the exchange again. Without
// a watchdog it only waits for ctx.
func Watch(ctx context.Context, log *slog.Logger, pulses ...Pulse) error {
	limit, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		return fmt.Errorf("watchdog: %w", err)
	}
	if limit <= 0 {
		<-ctx.Done()
		return nil
	}
	tick := time.NewTicker(limit / 4)
	defer tick.Stop()
	for {
		if err := feel(ctx, limit/2, pulses); err == nil {
			err = Notify(alive)
			if err != nil {
				log.Warn(err.Error())
			}
		} else if ctx.Err() == nil {
			log.Error("the exchange does not answer its watchdog", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// feel waits for every pulse, all at once.
func feel(ctx context.Context, limit time.Duration, pulses []Pulse) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	results := make(chan error, len(pulses))
	for _, p := range pulses {
		go func() {
			if err := p.Beat(ctx); err != nil {
				results <- fmt.Errorf("%s: %w", p.Name, err)
				return
			}
			results <- nil
		}()
	}
	for range pulses {
		select {
		case err := <-results:
			if err != nil {
				return err
			}
		case <-ctx.Done():
			return ctx.Err() // a beat that takes no notice of its context
		}
	}
	return nil
}
