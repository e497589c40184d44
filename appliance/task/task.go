// Package task starts the long-running parts of the exchange in order and stops
// them in the reverse order; the first that ends takes the others with it.
package task

import (
	"context"
	"errors"
	"fmt"
)

// A Task is one long-running part.
type Task interface {
	Name() string
	// Run works until ctx is cancelled, then cleans up and returns nil. An
	// error, or a return before that, ends the whole group.
	Run(ctx context.Context) error
	// Ready is closed once the part serves; the next one is started after it.
	Ready() <-chan struct{}
}

// ErrEnded reports a task that returned although nobody had asked it to stop.
var ErrEnded = errors.New("ended unasked")

type running struct {
	task   Task
	cancel context.CancelFunc
	done   chan struct{}
	err    error
}

// Run starts the tasks one after another, each once its predecessor is ready,
// calls ready when all are, and waits for ctx to be cancelled or one of them to
// end. It then stops them, last first, and returns what went wrong.
func Run(ctx context.Context, ready func(), tasks ...Task) error {
	var (
		started []*running
		failed  = make(chan *running, len(tasks))
	)
	stop := func() error {
		var errs []error
		for i := len(started) - 1; i >= 0; i-- {
			r := started[i]
			r.cancel()
			<-r.done
			if r.err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", r.task.Name(), r.err))
			}
		}
		return errors.Join(errs...)
	}
	for _, t := range tasks {
		// Not derived from ctx: cancelling the parent must not stop all parts
		// at once, it is the reverse order below that keeps calls alive while
		// they are being ended.
		own, cancel := context.WithCancel(context.WithoutCancel(ctx))
		r := &running{task: t, cancel: cancel, done: make(chan struct{})}
		started = append(started, r)
		go func() {
			defer close(r.done)
			r.err = t.Run(own)
			if r.err == nil && own.Err() == nil {
				r.err = ErrEnded
			}
			failed <- r
		}()
		select {
		case <-t.Ready():
		case <-failed:
			return stop()
		case <-ctx.Done():
			return stop()
		}
	}
	if ready != nil {
		ready()
	}
	select {
	case <-failed:
	case <-ctx.Done():
	}
	return stop()
}
