package desk

import (
	"testing"
	"testing/synctest"
	"time"

	"branchline/pbx/channel"
)

func TestStepsAndAlarms(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := NewInbox()
		clock := Clock{In: in}
		var once, often Alarm
		var heard []string
		over := false
		said := func(what string) func() { return func() { heard = append(heard, what) } }
		in.Put(said("first"))
		in.Put(func() {
			clock.Set(&once, 2*time.Second, said("late"))
			clock.Set(&once, time.Second, said("in time")) // takes the first one's place
			clock.Set(&often, 3*time.Second, said("never"))
		})
		time.AfterFunc(1500*time.Millisecond, func() { in.Put(func() { clock.StopAll() }) })
		time.AfterFunc(5*time.Second, func() {
			in.Put(func() { over = true })
			in.Put(said("left over"))
		})
		in.Work(func() bool { return over })
		if len(heard) != 2 || heard[0] != "first" || heard[1] != "in time" {
			t.Error(heard)
		}
		left := in.Close()
		if len(left) != 1 || in.Put(said("x")) {
			t.Error("a closed inbox takes steps", len(left))
		}
	})
}

// An alarm that has expired while it is stopped does not go off.
func TestStaleAlarm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := NewInbox()
		clock := Clock{In: in}
		var a Alarm
		clock.Set(&a, time.Second, func() { t.Error("went off") })
		time.Sleep(2 * time.Second) // its step is queued
		clock.Stop(&a)
		over := false
		in.Put(func() { over = true })
		in.Work(func() bool { return over })
	})
}

func TestOutbox(t *testing.T) {
	var o Outbox
	o.Put(channel.Event{Kind: channel.Ringing})
	a, b := channel.NewMailbox(), channel.NewMailbox()
	o.Bind(a)
	o.Bind(b)
	o.Put(channel.Event{Kind: channel.Answered})
	o.End(channel.Event{Kind: channel.Gone})
	o.Put(channel.Event{Kind: channel.Ringing})
	for _, c := range []struct {
		mb   *channel.Mailbox
		want []channel.EventKind
	}{{a, []channel.EventKind{channel.Ringing}}, {b, []channel.EventKind{channel.Answered, channel.Gone}}} {
		for _, want := range c.want {
			if e, ok := c.mb.Next(); !ok || e.Kind != want {
				t.Errorf("%v %v, want %v", e.Kind, ok, want)
			}
		}
		if e, ok := c.mb.Next(); ok {
			t.Errorf("%v as well", e.Kind)
		}
	}
}
