package desk

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"

	"branchline/media"
	"branchline/media/plane"
	"branchline/pbx/channel"
)

// A Call is one phone's part in a call: the leg that the exchange sees, and what a
// person does with it.
type Call struct {
	Caller channel.Party // whom the display shows

	phone   *Phone
	name    string
	port    plane.Port
	at      netip.AddrPort
	event   uint32 // time stamp of the last key
	mailbox atomic.Pointer[channel.Mailbox]
	over    chan struct{}
	news    chan struct{}

	mu    sync.Mutex
	ended bool
	notes []string
	say   func(frame []int16)
	hear  func(frame []int16)
}

var _ channel.Leg = (*Call)(nil)

// Name and the following are the leg.
func (c *Call) Name() string            { return c.name }
func (c *Call) Bind(m *channel.Mailbox) { c.mailbox.Store(m) }
func (c *Call) Media() media.Stream     { return c.port }
func (c *Call) Ring()                   { c.note("ringing") }
func (c *Call) Progress()               { c.note("progress") }
func (c *Call) Answer()                 { c.note("answered") }

func (c *Call) Dial() {
	c.put(channel.Event{Kind: channel.Ringing})
	c.phone.calls <- c
}

func (c *Call) Hangup(cause channel.Cause) {
	if c.end() {
		c.note(fmt.Sprintf("hung up %d", cause))
		c.put(channel.Event{Kind: channel.Gone, Cause: cause})
	}
}

func (c *Call) end() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		return false
	}
	c.ended = true
	close(c.over)
	c.port.Close()
	return true
}

func (c *Call) put(e channel.Event) {
	e.Leg = c
	if m := c.mailbox.Load(); m != nil {
		m.Put(e)
	}
}

// media passes on what the plane has to report.
func (c *Call) media(e media.Event) {
	switch e.Kind {
	case media.DigitBegin:
		c.put(channel.Event{Kind: channel.DigitBegan, Digit: e.Digit})
	case media.DigitEnd:
		c.put(channel.Event{Kind: channel.DigitEnded, Digit: e.Digit, Length: e.Length})
	case media.PlayDone:
		c.put(channel.Event{Kind: channel.PlayDone, ID: e.ID, Whole: e.Whole})
	case media.Latched, media.Silent:
	}
}

func (c *Call) note(s string) {
	c.mu.Lock()
	c.notes = append(c.notes, s)
	c.mu.Unlock()
	select {
	case c.news <- struct{}{}:
	default:
	}
}

// Await waits until the exchange has done something to the call: "ringing",
// "progress", "answered", "key 5", "hung up 16". What came before it is passed over.
func (c *Call) Await(ctx context.Context, what string) error {
	var passed []string
	for {
		c.mu.Lock()
		for len(c.notes) > 0 {
			n := c.notes[0]
			c.notes = c.notes[1:]
			if n == what {
				c.mu.Unlock()
				return nil
			}
			passed = append(passed, n)
		}
		c.mu.Unlock()
		select {
		case <-c.news:
		case <-ctx.Done():
			return fmt.Errorf("%s: waiting for %q, after %q: %w", c.name, what, passed, ctx.Err())
		}
	}
}

// PickUp answers.
func (c *Call) PickUp() { c.put(channel.Event{Kind: channel.Answered}) }

// HangUp ends the call, or refuses it.
func (c *Call) HangUp(cause channel.Cause) {
	if c.end() {
		c.put(channel.Event{Kind: channel.Gone, Cause: cause})
	}
}

// Say makes the person say what f fills frames with; nil: nothing.
func (c *Call) Say(f func(frame []int16)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.say = f
}

// Hear gives f what the phone hears, packet by packet as they come in; it must not
// keep the plane waiting.
func (c *Call) Hear(f func(frame []int16)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.hear = f
}
