package hal_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"branchline/hal"
)

func TestOutboxLosesNothingToASlowReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := hal.NewOutbox()
		for i := range 1000 {
			o.Put(hal.Event{At: int64(i)})
		}
		o.End()
		o.Put(hal.Event{At: -1})
		next := int64(0)
		for e := range o.Events() {
			if e.At != next {
				t.Fatalf("event %d where %d was due", e.At, next)
			}
			next++
			time.Sleep(time.Millisecond)
		}
		if next != 1000 {
			t.Errorf("%d events arrived", next)
		}
	})
}

func TestOutboxClosedByItsReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := hal.NewOutbox()
		o.Put(hal.Event{})
		synctest.Wait()
		o.Close()
		o.Close()
		o.Put(hal.Event{})
		for range o.Events() { // ends
		}
	})
}

// A plug is a driver whose line comes and goes.
type plug struct {
	errs  []error // of Open, one after the other; nil opens
	tries []time.Duration
	begun time.Time
}

type socket struct {
	hal.Line
	closed bool
}

func (s *socket) Close() error { s.closed = true; return nil }

func (p *plug) Name() string { return "plug" }

func (p *plug) Open(context.Context, string) (hal.Line, error) {
	p.tries = append(p.tries, time.Since(p.begun))
	err := p.errs[0]
	p.errs = p.errs[1:]
	if err != nil {
		return nil, err
	}
	return &socket{}, nil
}

func TestReopen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken, absent, gone := errors.New("no answer"), fmt.Errorf("x: %w", hal.ErrAbsent), errors.New("unplugged")
		p := &plug{errs: []error{broken, broken, broken, nil, absent, absent, nil, broken}, begun: time.Now()}
		ctx, cancel := context.WithCancel(t.Context())
		var said []string
		var lines []*socket
		hal.Reopen(ctx, p, "a", func(_ context.Context, l hal.Line) error {
			lines = append(lines, l.(*socket))
			time.Sleep(time.Minute)
			return gone
		}, func(err error, again time.Duration) {
			said = append(said, fmt.Sprint(err, " ", again))
			if len(p.errs) == 0 {
				cancel()
			}
		})
		want := []string{"no answer 500ms", "no answer 1s", "no answer 2s", "unplugged 500ms",
			"x: no such line 1s", "x: no such line 1s", "unplugged 500ms", "no answer 1s"}
		if !slices.Equal(said, want) {
			t.Errorf("said %q\nwant %q", said, want)
		}
		for _, l := range lines {
			if !l.closed {
				t.Error("a line was left open")
			}
		}
	})
}
