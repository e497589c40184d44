package update

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// TrialTime is how long a new system has to prove itself.
const TrialTime = 120 * time.Second

// pause is how long a judge is left alone after it has found something wrong.
const pause = 2 * time.Second

// A Judge looks once whether the exchange of this system works: nil if a phone has
// registered, or if the exchange has called itself on the network. It is asked again
// while the trial lasts.
type Judge func(ctx context.Context) error

// Confirm is what a system does first when it is on trial: it has the judge decide
// within limit, and then becomes the good one. An error means that it has not proved
// itself; the report is written, with what the machine said last, and the machine must
// be started again, which starts the system before it.
func Confirm(ctx context.Context, card Card, data string, limit time.Duration, judge Judge, last func() []string) error {
	running := card.Release()
	if !running.Trying {
		return nil
	}
	err := proved(ctx, limit, judge)
	if err == nil {
		err = card.Commit(running.Slot)
	}
	r := &Report{Outcome: Confirmed, Version: running.Version, Slot: running.Slot, When: time.Now()}
	if err != nil {
		r.Outcome, r.Reason, r.Last = RolledBack, err.Error(), last()
	}
	return errors.Join(err, r.Save(data))
}

// proved asks the judge until it is content or limit is over; the error is then what it
// found last.
func proved(ctx context.Context, limit time.Duration, judge Judge) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	found := errors.New("the exchange does not answer")
	for {
		switch err := judge(ctx); {
		case err == nil:
			return nil
		case ctx.Err() == nil: // and not merely interrupted
			found = err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("no phone registered and no self-test call passed on the network within %v: %w", limit, found)
		case <-time.After(pause):
		}
	}
}

// Settle is what a system does first when it is not on trial: it completes the report
// of a trial before this start. running is what runs; failed is the slot that did not
// prove itself, as the boot loader says, 0 if there is nothing to learn; last is what
// that one has left behind of its words.
func Settle(data string, report *Report, running Release, failed int, last func() []string) (*Report, error) {
	switch {
	case report != nil && (report.Outcome == Installed || report.Outcome == RolledBack) && running.Slot == report.Slot:
		// It has proved itself, and the power was cut before that was written down, or the
		// card failed at the last step of it.
		report.Outcome, report.When, report.Reason, report.Last = Confirmed, time.Now(), "", nil
		return report, report.Save(data)
	case failed == 0 || failed == running.Slot:
		return report, nil
	case report == nil || report.Slot != failed:
		// The power was cut before the report of the installation was written.
		report = &Report{Outcome: Installed, Version: Unknown, Slot: failed}
	case report.Outcome != Installed:
		return report, nil // Confirm knew more, and wrote it
	}
	report.Outcome, report.When, report.Last = RolledBack, time.Now(), last()
	report.Reason = fmt.Sprintf("the system in slot %s was started and never got as far as to confirm itself: its kernel or its first programs failed, or the power was cut",
		SlotName(failed))
	return report, report.Save(data)
}
