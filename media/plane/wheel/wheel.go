// Package wheel keeps many timers for one thread: lists by the millisecond in
// which each is due, through the timers themselves, so that setting, stopping and
// firing one takes the same short time however many there are, and nothing is ever
// allocated.
package wheel

import "time"

// slots is one a millisecond, and more than timers are usually set ahead, so that
// a list holds little that is not due yet.
const slots = 256

const ms = int64(time.Millisecond)

// A Timer is one entry. Its Do is called when it is due, and may set it again.
type Timer struct {
	Do         func(now, due int64)
	at         int64 // when set
	set        bool
	next, prev *Timer
}

// Set reports whether t is in the wheel, and At for when.
func (t *Timer) Set() bool { return t.set }

// At is when t is due, if it is set.
func (t *Timer) At() int64 { return t.at }

// A Wheel holds timers. Times are in nanoseconds from any beginning, and never
// negative. The zero value is ready.
type Wheel struct {
	slot [slots]*Timer
	n    int
	done int64 // milliseconds up to and including this one are done
}

// Put sets t, which is not set, for the first whole millisecond that is neither before
// due nor done already.
func (w *Wheel) Put(t *Timer, due int64) {
	due = max((due+ms-1)/ms, w.done+1)
	head := &w.slot[due%slots]
	t.at, t.set, t.next, t.prev = due*ms, true, *head, nil
	if *head != nil {
		(*head).prev = t
	}
	*head = t
	w.n++
}

// Take stops t, if it is set.
func (w *Wheel) Take(t *Timer) {
	if !t.set {
		return
	}
	if t.prev != nil {
		t.prev.next = t.next
	} else {
		w.slot[t.at/ms%slots] = t.next
	}
	if t.next != nil {
		t.next.prev = t.prev
	}
	t.set, t.next, t.prev = false, nil, nil
	w.n--
}

// Any is one of the timers that are set, nil if none is.
func (w *Wheel) Any() *Timer {
	for _, t := range w.slot {
		if t != nil {
			return t
		}
	}
	return nil
}

// Advance fires all that is due by now, in order of time; what is set again for a
// time by now fires again.
func (w *Wheel) Advance(now int64) {
	end := now / ms
	if w.n == 0 || end-w.done > slots {
		// Whoever is overdue is found in one turn.
		w.done = max(w.done, end-slots)
	}
	for w.done < end {
		w.done++
		for t := w.due(w.done); t != nil; t = w.due(w.done) {
			at := t.at
			w.Take(t)
			t.Do(now, at)
		}
	}
}

// due finds a timer in the slot of a millisecond whose time has come.
func (w *Wheel) due(milli int64) *Timer {
	for t := w.slot[milli%slots]; t != nil; t = t.next {
		if t.at <= milli*ms {
			return t
		}
	}
	return nil
}

// Next is when Advance has something to do again, at the latest; false if never.
func (w *Wheel) Next() (int64, bool) {
	if w.n == 0 {
		return 0, false
	}
	for milli := w.done + 1; milli <= w.done+slots; milli++ {
		if w.due(milli) != nil {
			return milli * ms, true
		}
	}
	return (w.done + slots) * ms, true
}
