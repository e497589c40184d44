package board

import (
	"testing"
	"time"

	"branchline/media"
	"branchline/media/plane"
)

// A half is one end of a pair, with what it was told.
type half struct {
	*Party
	ear phone
}

func (h *half) happened() string { return h.ear.happened() }

func (x *exchange) pair() (*half, *half) {
	a, b := new(half), new(half)
	a.Party, b.Party = x.Pair(func(e media.Event) { a.ear.events = append(a.ear.events, e) }, func(e media.Event) { b.ear.events = append(b.ear.events, e) })
	return a, b
}

func TestChainOfPairs(t *testing.T) {
	x := newExchange(t)
	a, b := x.phone(plane.Config{}), x.phone(plane.Config{})
	a.apply(a.flow(media.PCMU))
	b.apply(b.flow(media.PCMA))
	l1, l2 := x.pair()
	m1, m2 := x.pair()
	heard := func(want int) {
		t.Helper()
		a.take()
		b.take()
		for range 3 {
			x.run(20 * time.Millisecond)
			a.talk(frame(1))
			b.pt = 8
			b.talk(frame(2))
		}
		ab, ba := len(b.take()), len(a.take())
		if ab != want || ba != want {
			t.Errorf("%d from a to b, %d from b to a, want %d", ab, ba, want)
		}
	}
	m2.Join(b.party) // in any order
	a.party.Join(l1.Party)
	heard(0)
	l2.Join(m1.Party)
	heard(3)
	l2.Join(nil)
	heard(0)
	m1.Join(l2.Party)
	heard(3)
	l1.Close(x.now)
	heard(0)
	if a.party.peer != nil {
		t.Error("a is joined to a closed half")
	}
	a.party.Join(b.party)
	heard(3)
}

func TestLoopsAreSilent(t *testing.T) {
	x := newExchange(t)
	a := x.phone(plane.Config{})
	a.apply(a.flow(media.PCMU))
	l1, l2 := x.pair()
	l1.Join(l2.Party)
	l2.Play(x.now, &media.Program{ID: 1, Source: &counter{left: 1600}})
	l2.SendDigit(x.now, '1', 0)
	x.run(time.Second)
	if l2.happened() != "done1/true " {
		t.Error("no end in the loop")
	}
	// A half joined to itself is an echo, as Echo() in a Local channel wants.
	a.party.Join(l1.Party)
	l2.Join(l2.Party)
	a.talk(frame(1))
	if len(a.take()) != 1 {
		t.Error("no echo through the pair")
	}
}

func TestPlayThroughPair(t *testing.T) {
	x := newExchange(t)
	a, b := x.phone(plane.Config{}), x.phone(plane.Config{})
	a.apply(a.flow(media.PCMA))
	b.apply(b.flow(media.PCMU))
	l1, l2 := x.pair()
	l2.Play(x.now, &media.Program{ID: 1, Source: &counter{left: 1600}}) // heard by nobody
	x.run(250 * time.Millisecond)
	if l2.happened() != "done1/true " {
		t.Error("no end where nobody listens")
	}
	a.party.Join(l1.Party)
	l2.Join(b.party)
	// What is played to l2 comes out of l1, where a hears it instead of b.
	l2.Play(x.now, &media.Program{ID: 2, Source: &counter{left: 1600}})
	for range 9 {
		x.run(20 * time.Millisecond)
		b.talk(frame(1))
		a.pt = 8
		a.talk(frame(1))
	}
	if n, m := len(a.take()), len(b.take()); n < 8 || n > 10 || m != 9 {
		t.Errorf("a heard %d frames, b %d", n, m)
	}
	x.run(100 * time.Millisecond)
	b.talk(frame(1))
	if got := a.take(); len(got) == 0 || got[len(got)-1].Payload[0] == 0x42 || l2.happened() != "done2/true " {
		t.Error("b is not heard again")
	}
	// A programme for a itself comes before one that comes from further away.
	l2.Play(x.now, &media.Program{ID: 3, Source: &counter{left: 1 << 20}})
	a.party.Play(x.now, &media.Program{ID: 4, Source: &counter{left: 1600}})
	x.run(200 * time.Millisecond)
	if n := len(a.take()); n != 10 {
		t.Errorf("a heard %d frames of two programmes", n)
	}
	x.run(200 * time.Millisecond)
	got := a.take()
	if len(got) < 9 {
		t.Errorf("a heard %d frames of the other programme", len(got))
	}
	steady(t, got)
	l2.Close(x.now)
	if l2.happened() != "done3/false " {
		t.Error("closing does not end a programme")
	}
}

func TestDigitsThroughPair(t *testing.T) {
	x := newExchange(t)
	a, b := x.phone(plane.Config{}), x.phone(plane.Config{})
	a.apply(withDigits(a.flow(media.PCMU), media.RFC4733))
	b.apply(withDigits(b.flow(media.PCMU), media.RFC4733))
	l1, l2 := x.pair()
	a.party.Join(l1.Party)
	l2.Join(b.party)
	l2.Watch(media.Digits{Report: true})
	a.press('5', 100)
	if got := l2.happened(); got != "+5 -5/100 " {
		t.Errorf("l2 was told %q", got)
	}
	if got := eventsIn(b.take()); got != "5/800 " {
		t.Errorf("b got %q", got)
	}
	l2.Watch(media.Digits{Report: true, Keep: true})
	a.press('6', 100)
	if got := l2.happened() + eventsIn(b.take()); got != "+6 -6/100 " {
		t.Errorf("with digits kept: %q", got)
	}
	// A digit sent to l1 comes out of l2.
	l1.SendDigit(x.now, '7', 160*time.Millisecond)
	x.run(time.Second)
	if got := l2.happened() + eventsIn(b.take()); got != "+7 -7/160 " {
		t.Errorf("sent to l1: %q", got)
	}
	l2.Watch(media.Digits{})
	l1.SendDigit(x.now, '8', 160*time.Millisecond)
	l1.SendDigit(x.now, '9', 0)
	x.run(time.Second)
	if got := l2.happened() + eventsIn(b.take()); got != "8/1280 9/800 " {
		t.Errorf("sent to l1: %q", got)
	}
}
