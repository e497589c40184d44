package line

import "sync"

// An inbox holds what others want done on a port's goroutine, in order.
type inbox struct {
	mu    sync.Mutex
	queue []func()
	ready chan struct{}
}

func newInbox() *inbox { return &inbox{ready: make(chan struct{}, 1)} }

// post never blocks.
func (i *inbox) post(f func()) {
	i.mu.Lock()
	i.queue = append(i.queue, f)
	i.mu.Unlock()
	select {
	case i.ready <- struct{}{}:
	default:
	}
}

// drain does what has been posted so far.
func (i *inbox) drain() {
	i.mu.Lock()
	todo := i.queue
	i.queue = nil
	i.mu.Unlock()
	for _, f := range todo {
		f()
	}
}
