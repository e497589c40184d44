package task

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
)

type part struct {
	name  string
	ready chan struct{}
	end   chan error // a value makes Run return it
	log   func(string)
	late  bool // never ready
}

func (p *part) Name() string           { return p.name }
func (p *part) Ready() <-chan struct{} { return p.ready }
func (p *part) Run(ctx context.Context) error {
	p.log("+" + p.name)
	if !p.late {
		close(p.ready)
	}
	select {
	case err := <-p.end:
		p.log("!" + p.name)
		return err
	case <-ctx.Done():
		p.log("-" + p.name)
		return nil
	}
}

func TestOrder(t *testing.T) {
	boom := errors.New("boom")
	for _, c := range []struct {
		name string
		late string // this part never gets ready
		fail string // this part returns end once all run
		end  error
		want []string
		err  error
	}{
		{"asked to stop", "", "", nil, []string{"+a", "+b", "+c", "ready", "-c", "-b", "-a"}, nil},
		{"one fails", "", "b", boom, []string{"+a", "+b", "+c", "ready", "!b", "-c", "-a"}, boom},
		{"one ends unasked", "", "c", nil, []string{"+a", "+b", "+c", "ready", "!c", "-b", "-a"}, ErrEnded},
		{"stopped while starting", "b", "", nil, []string{"+a", "+b", "-b", "-a"}, nil},
		{"fails while starting", "b", "b", boom, []string{"+a", "+b", "!b", "-a"}, boom},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var mu sync.Mutex
				var got []string
				log := func(s string) { mu.Lock(); got = append(got, s); mu.Unlock() }
				var tasks []Task
				parts := map[string]*part{}
				for _, n := range []string{"a", "b", "c"} {
					p := &part{name: n, ready: make(chan struct{}), end: make(chan error, 1), log: log, late: n == c.late}
					parts[n] = p
					tasks = append(tasks, p)
				}
				ctx, cancel := context.WithCancel(t.Context())
				result := make(chan error)
				go func() { result <- Run(ctx, func() { log("ready") }, tasks...) }()
				synctest.Wait()
				if c.fail != "" {
					parts[c.fail].end <- c.end
				} else {
					cancel()
				}
				err := <-result
				cancel()
				if !errors.Is(err, c.err) || (c.err == nil && err != nil) {
					t.Errorf("error %v, want %v", err, c.err)
				}
				if !slices.Equal(got, c.want) {
					t.Errorf("order %v, want %v", got, c.want)
				}
			})
		})
	}
}
