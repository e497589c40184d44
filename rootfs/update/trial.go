package update

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// TrialTime is how long a new system has to prove itself.
const TrialTime = 120 * time.Second

// A Judge says whether the exchange of this system works: nil once a phone has
// registered or a self-test call has passed. It returns when it knows, or when ctx
// ends.
type Judge func(ctx context.Context) error

// Confirm is what a system does first when it is on trial: it has the judge decide
// within limit, and then becomes the good one. An error means that it has not proved
// itself; the report is written, and the machine must be started again, which starts
// the system before it.
func Confirm(ctx context.Context, card Card, data string, limit time.Duration, judge Judge, last func() []string) error {
	running := card.Release()
	if !running.Trying {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	err := judge(ctx)
	if err == nil {
		err = card.Commit(running.Slot)
	}
	r := &Report{Outcome: Confirmed, Version: running.Version, Slot: running.Slot, When: time.Now()}
	if err != nil {
		if errors.Is(err, context.DeadlineExceeded) {
			err = fmt.Errorf("no phone registered and no self-test call passed within %v: %w", limit, err)
		}
		r.Outcome, r.Reason, r.Last = RolledBack, err.Error(), last()
	}
	return errors.Join(err, r.Save(data))
}

// Settle is what a system does first when it is not on trial: it learns from the
// boot loader that the one in failed did not prove itself, and completes the report.
// failed is 0 if there is nothing to learn.
func Settle(data string, report *Report, failed int) error {
	if failed == 0 || report == nil || report.Outcome != Installed {
		return nil // Confirm knew more, and wrote it
	}
	report.Outcome, report.When = RolledBack, time.Now()
	report.Reason = fmt.Sprintf("the system in slot %s was started and never got as far as to confirm itself: its kernel or its first programs failed, or the power was cut",
		SlotName(failed))
	return report.Save(data)
}
