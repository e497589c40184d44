package hal

import "sync"

// An Outbox is what a driver makes its channel of events with: whoever puts
// something in never waits, and nothing is lost to a slow reader.
type Outbox struct {
	out  chan Event
	stop chan struct{}
	wake chan struct{} // capacity 1

	mu     sync.Mutex
	queue  []Event
	ending bool
	closed bool
}

// NewOutbox starts an empty outbox. It holds a goroutine until it was closed, or
// ended and read to its end.
func NewOutbox() *Outbox {
	o := &Outbox{out: make(chan Event), stop: make(chan struct{}), wake: make(chan struct{}, 1)}
	go o.run()
	return o
}

// Events is the reader's end.
func (o *Outbox) Events() <-chan Event { return o.out }

// Put adds an event. After End and Close it does nothing.
func (o *Outbox) Put(e Event) {
	o.mu.Lock()
	if !o.ending && !o.closed {
		o.queue = append(o.queue, e)
	}
	o.mu.Unlock()
	o.nudge()
}

// End closes the channel as soon as everything in it was read: after Lost.
func (o *Outbox) End() {
	o.mu.Lock()
	o.ending = true
	o.mu.Unlock()
	o.nudge()
}

// Close closes the channel now. What was not read is dropped, since it is the
// reader who closes a line. It may be called more than once.
func (o *Outbox) Close() {
	o.mu.Lock()
	closed := o.closed
	o.closed = true
	o.mu.Unlock()
	if !closed {
		close(o.stop)
	}
}

func (o *Outbox) nudge() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

func (o *Outbox) run() {
	defer close(o.out)
	var batch []Event
	for {
		o.mu.Lock()
		batch, o.queue = o.queue, batch[:0]
		ending := o.ending
		o.mu.Unlock()
		for _, e := range batch {
			select {
			case o.out <- e:
			case <-o.stop:
				return
			}
		}
		if len(batch) > 0 {
			continue
		}
		if ending {
			return
		}
		select {
		case <-o.wake:
		case <-o.stop:
			return
		}
	}
}
