package channel

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"branchline/media"
)

// leg is a Leg that does nothing.
type leg struct{ name string }

func (l *leg) Name() string      { return l.name }
func (*leg) Bind(*Mailbox)       {}
func (*leg) Dial()               {}
func (*leg) Ring()               {}
func (*leg) Progress()           {}
func (*leg) Answer()             {}
func (l *leg) Hangup(Cause)      { l.name += " hung up" }
func (*leg) Media() media.Stream { return mute{} }

type mute struct{}

func (mute) Join(media.Stream)             {}
func (mute) Play(*media.Program)           {}
func (mute) SendDigit(byte, time.Duration) {}
func (mute) Watch(media.Digits)            {}
func (mute) Codec() *media.Codec           { return nil }
func (mute) Stats() media.Stats            { return media.Stats{} }
func (mute) Close()                        {}

func digit(want byte) func(Event) bool {
	return func(e Event) bool { return e.Kind == DigitEnded && e.Digit == want }
}

func TestWait(t *testing.T) {
	for _, c := range []struct {
		name   string
		events []Event
		want   error
		cause  Cause
	}{
		{"taken", []Event{{Kind: DigitEnded, Digit: '1'}, {Kind: DigitEnded, Digit: '2'}}, nil, 0},
		{"time", []Event{{Kind: DigitEnded, Digit: '1'}}, ErrTimeout, 0},
		{"gone", []Event{{Kind: Gone, Cause: 17}}, ErrHangup, 17},
		{"hang-up asked", []Event{{Kind: HangupAsked}}, ErrHangup, 16},
		{"no media", []Event{{Kind: MediaLost}}, ErrHangup, RequestedChanUnavail},
		{"redirect", []Event{{Kind: Redirect, Target: "a,b,1"}}, ErrRedirected, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			ch := New(&leg{name: "x"}, NewMailbox())
			for _, e := range c.events {
				ch.Post(e)
			}
			err := ch.Wait(context.Background(), time.Second, digit('2'))
			if !errors.Is(err, c.want) || ch.Cause != c.cause {
				t.Errorf("%s: %v, cause %d", c.name, err, ch.Cause)
			}
			if c.want == ErrHangup && ch.Wait(context.Background(), 0, nil) != ErrHangup {
				t.Errorf("%s: it can be waited with again", c.name)
			}
			if c.want == ErrRedirected && (ch.TakeRedirect() != "a,b,1" || ch.TakeRedirect() != "") {
				t.Errorf("%s: target", c.name)
			}
		})
	}
}

func TestWaitLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ch := New(&leg{}, NewMailbox())
		ch.AbsoluteEnd = time.Now().Add(3 * time.Second)
		start := time.Now()
		if err := ch.Wait(context.Background(), 0, nil); err != ErrTimeLimit || time.Since(start) != 3*time.Second {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		ch.AbsoluteEnd = time.Time{}
		if err := ch.Pause(context.Background(), time.Second); err != nil {
			t.Error(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if err := ch.Wait(ctx, 0, nil); err != ErrHangup || !ch.Ending() {
			t.Errorf("cancelled: %v", err)
		}
		ch.Finished = true // what runs on a dead channel still takes its time
		if err := ch.Pause(context.Background(), time.Second); err != nil {
			t.Error(err)
		}
	})
}

func TestCompany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mb := NewMailbox()
		ch := New(&leg{name: "a"}, mb)
		l := &leg{name: "b"}
		other := New(l, mb)
		ended, asked := 0, (*Channel)(nil)
		other.Unlist = func() { ended++ }
		ch.Accompany(other)
		other.Post(Event{Kind: Ask, Ask: func(c *Channel) { asked = c }})
		other.Post(Event{Kind: HangupAsked})
		other.Post(Event{Kind: DigitEnded, Digit: '5'})
		if err := ch.Wait(context.Background(), time.Second, digit('5')); err != nil {
			t.Fatal(err)
		}
		if asked != other || l.name != "b hung up" {
			t.Errorf("asked %v, leg %q", asked, l.name)
		}
		other.Post(Event{Kind: Gone, Cause: 17})
		seen := false
		_ = ch.Poll(context.Background(), func(e Event) bool { seen = seen || e.Kind == Gone; return false })
		other.End()
		if !seen || ended != 1 || other.Cause != 17 || !other.Ending() {
			t.Errorf("seen %v, ended %d times, cause %d", seen, ended, other.Cause)
		}
	})
}

func TestHandOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		one, two := NewMailbox(), NewMailbox()
		ch := New(&leg{}, one)
		ch.Post(Event{Kind: DigitEnded, Digit: '1'})
		ch.Bind(two)
		ch.Post(Event{Kind: DigitEnded, Digit: '2'})
		for _, want := range "12" {
			if err := ch.Wait(context.Background(), time.Second, digit(byte(want))); err != nil {
				t.Errorf("digit %c: %v", want, err)
			}
		}
	})
}

func TestReply(t *testing.T) {
	ch := New(&leg{}, NewMailbox())
	ch.Reply(200) // nobody asked
	replies, done := make(chan int, 4), 0
	ch.SetReplies(replies, func() { done++ })
	ch.Reply(180)
	ch.Reply(200)
	ch.Reply(486)
	if a, b := <-replies, <-replies; a != 180 || b != 200 || done != 1 {
		t.Errorf("%d %d, done %d times", a, b, done)
	}
	if _, open := <-replies; open {
		t.Error("not closed")
	}
}
