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

// Settle is what a system does first when it is not on trial: it completes the report
// of a trial before this start. running is what runs; failed is the slot that did not
// prove itself, as the boot loader says, 0 if there is nothing to
// learn.
func Settle(data string, report *Report, running Release, failed int) (*Report, error) {
	switch {
	case report != nil && report.Outcome == Installed && running.Slot == report.Slot:
		// It has proved itself, and the power was cut before that was written down.
		report.Outcome, report.When = Confirmed, time.Now()
		return report, report.Save(data)
	case failed == 0 || failed == running.Slot:
		return report, nil
	case report == nil || report.Slot != failed:
		// The power was cut before the report of the installation was written.
		report = &Report{Outcome: Installed, Version: "of an unknown version", Slot: failed}
	case report.Outcome != Installed:
		return report, nil // Confirm knew more, and wrote it
	}
	report.Outcome, report.When = RolledBack, time.Now()
	report.Reason = fmt.Sprintf("the system in slot %s was started and never got as far as to confirm itself: its kernel or its first programs failed, or the power was cut",
		SlotName(failed))
	return report, report.Save(data)
}
