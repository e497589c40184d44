// Package desk is what a goroutine works with that owns something others want a
// change of: an Inbox of steps to be carried out one after the other, a Clock whose
// alarms are steps too, and an Outbox for the events it tells its owner.
//
// Nobody who gives a step to an inbox waits: neither the network nor the media
// thread may.
package desk

import (
	"sync"
	"time"
)

// An Inbox is an unbounded queue of steps for one goroutine.
type Inbox struct {
	mu     sync.Mutex
	steps  []func()
	closed bool
	ready  chan struct{}
}

// NewInbox makes an empty inbox.
func NewInbox() *Inbox { return &Inbox{ready: make(chan struct{}, 1)} }

// Put queues a step, and reports false once the inbox is closed. It may be called
// from anywhere.
func (b *Inbox) Put(step func()) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return false
	}
	b.steps = append(b.steps, step)
	select {
	case b.ready <- struct{}{}:
	default:
	}
	return true
}

// Work carries out steps until one of them makes over true.
func (b *Inbox) Work(over func() bool) {
	for range b.ready {
		for {
			step, ok := b.next()
			if !ok {
				break
			}
			step()
			if over() {
				return
			}
		}
	}
}

func (b *Inbox) next() (func(), bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.steps) == 0 {
		b.steps = nil
		return nil, false
	}
	step := b.steps[0]
	b.steps[0] = nil
	b.steps = b.steps[1:]
	return step, true
}

// Close refuses further steps and gives back what was still queued.
func (b *Inbox) Close() []func() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	left := b.steps
	b.steps = nil
	return left
}

// A Clock sets alarms that go off as steps of an inbox. It belongs to the goroutine
// of that inbox.
type Clock struct {
	In     *Inbox
	alarms []*Alarm
}

// An Alarm is a timer whose expiry is a step.
type Alarm struct {
	timer *time.Timer
	turn  uint64 // which setting is current: expiries already queued may be stale
	known bool
}

// Set starts a, or starts it anew.
func (c *Clock) Set(a *Alarm, d time.Duration, then func()) {
	c.Stop(a)
	if !a.known {
		a.known = true
		c.alarms = append(c.alarms, a)
	}
	turn := a.turn
	a.timer = time.AfterFunc(d, func() {
		c.In.Put(func() {
			if a.turn == turn {
				then()
			}
		})
	})
}

// Stop makes sure that a does not go off.
func (c *Clock) Stop(a *Alarm) {
	a.turn++
	if a.timer != nil {
		a.timer.Stop()
		a.timer = nil
	}
}

// StopAll stops every alarm that was ever set.
func (c *Clock) StopAll() {
	for _, a := range c.alarms {
		c.Stop(a)
	}
}
