package desk

import (
	"sync"

	"branchline/pbx/channel"
)

// An Outbox delivers events to the mailbox of whoever owns a leg now. The lock makes
// a change of owner and a delivery follow one another, so that no event is delivered
// to the old owner after its mailbox was emptied. The zero value is ready.
type Outbox struct {
	mu    sync.Mutex
	to    *channel.Mailbox
	early []channel.Event // from before the first Bind
	ended bool
}

// Bind makes mb the receiver, from the first event on if nobody was before.
func (o *Outbox) Bind(mb *channel.Mailbox) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.to = mb
	for _, e := range o.early {
		mb.Put(e)
	}
	o.early = nil
}

// Put delivers an event.
func (o *Outbox) Put(e channel.Event) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.deliver(e)
}

// End delivers the last event; those that are put later are dropped.
func (o *Outbox) End(e channel.Event) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.deliver(e)
	o.ended = true
}

func (o *Outbox) deliver(e channel.Event) {
	switch {
	case o.ended:
	case o.to == nil:
		o.early = append(o.early, e)
	default:
		o.to.Put(e)
	}
}
