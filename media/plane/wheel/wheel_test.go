package wheel

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

func TestOrderAndTimes(t *testing.T) {
	var w Wheel
	var fired []int64
	timer := func() *Timer {
		return &Timer{Do: func(now, due int64) {
			if now < due {
				t.Errorf("fired at %d, due at %d", now, due)
			}
			fired = append(fired, due/ms)
		}}
	}
	if _, ok := w.Next(); ok || w.Any() != nil {
		t.Error("an empty wheel has something to do")
	}
	for _, at := range []int64{7, 3, 3, 500, 1000, 259} {
		w.Put(timer(), at*ms-1) // rounded up
	}
	gone := timer()
	w.Put(gone, 3*ms)
	w.Take(gone)
	w.Take(gone)
	if n, _ := w.Next(); n != 3*ms || gone.Set() || w.Any() == nil {
		t.Errorf("next at %d", n)
	}
	for now := int64(0); now <= 1100*ms; now += ms / 2 {
		w.Advance(now)
	}
	if s := fmt.Sprint(fired); s != "[3 3 7 259 500 1000]" {
		t.Errorf("fired %v", s)
	}
	w.Put(gone, 0) // in the past: at once
	if gone.At() != 1101*ms {
		t.Errorf("set for %d", gone.At()/ms)
	}
	w.Put(timer(), 5000*ms) // beyond one turn
	if n, ok := w.Next(); !ok || n != 1101*ms {
		t.Errorf("next at %d", n/ms)
	}
	w.Take(gone)
	if n, ok := w.Next(); !ok || n > 5000*ms {
		t.Errorf("next at %d", n/ms)
	}
}

// A timer that sets itself again fires as often as is due, also when the thread was
// held up, for less than a turn or for much more.
func TestCatchUp(t *testing.T) {
	for _, pause := range []int64{1, 19, 100, 255} {
		var w Wheel
		n := 0
		var timer *Timer
		timer = &Timer{Do: func(_, due int64) { n++; w.Put(timer, due+20*ms) }}
		w.Put(timer, 20*ms)
		for now := int64(0); now <= 10000; now += pause {
			w.Advance(now * ms)
		}
		w.Advance(10000 * ms)
		if n != 500 {
			t.Errorf("pauses of %d ms: fired %d times", pause, n)
		}
	}
	var w Wheel
	n := 0
	var timer *Timer
	timer = &Timer{Do: func(now, _ int64) { n++; w.Put(timer, now+20*ms) }}
	w.Put(timer, 20*ms)
	w.Advance(1e6 * ms)
	if at := timer.At(); n != 1 || at != (1e6+20)*ms {
		t.Errorf("fired %d times, next at %d", n, at/ms)
	}
}

// Against a plain list, with random times, and nothing allocated.
func TestRandom(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	var w Wheel
	now, fired := int64(0), 0
	timers := make([]Timer, 200)
	for i := range timers {
		x := &timers[i]
		x.Do = func(now, due int64) {
			if due > now || now-due > 130*ms {
				t.Errorf("due at %d, fired at %d", due, now)
			}
			fired++
		}
	}
	step := func() {
		x := &timers[r.IntN(len(timers))]
		if x.Set() {
			w.Take(x)
		} else {
			w.Put(x, now+r.Int64N(400*ms))
		}
		if r.IntN(4) == 0 {
			now += r.Int64N(130 * ms)
			w.Advance(now)
			for i := range timers {
				if timers[i].Set() && timers[i].At() <= now/ms*ms {
					t.Errorf("overdue: %d at %d", timers[i].At(), now)
				}
			}
		}
	}
	if n := testing.AllocsPerRun(5000, step); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if fired == 0 {
		t.Error("nothing fired")
	}
}
