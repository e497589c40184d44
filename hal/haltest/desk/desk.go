// Package desk is where a test sits at a line: it asks for operations, waits for
// events, and speaks and listens. What goes wrong ends the test.
package desk

import (
	"testing"
	"time"

	"branchline/hal"
	"branchline/hal/haltest/sequence"
)

// patience is how long an event is waited for.
const patience = 2 * time.Minute

// A Desk is a test with a line.
type Desk struct {
	*testing.T
	Line hal.Line
	told []hal.Event
}

// Do carries out an operation.
func (d *Desk) Do(op hal.Op) {
	d.Helper()
	if err := d.Line.Do(d.Context(), op); err != nil {
		d.Fatal(err)
	}
}

// Await waits for an event of a kind; those before it are passed over.
func (d *Desk) Await(k hal.EventKind) hal.Event {
	d.Helper()
	after := time.After(patience)
	for {
		select {
		case e, ok := <-d.Line.Events():
			if !ok {
				d.Fatalf("the line is closed, no %v", k)
			}
			d.told = append(d.told, e)
			if e.Kind == k {
				return e
			}
		case <-after:
			d.Fatalf("no %v, only %v", k, d.told)
		}
	}
}

// Quiet fails if anything is told in some time.
func (d *Desk) Quiet(length time.Duration) {
	d.Helper()
	select {
	case e := <-d.Line.Events():
		d.Fatalf("unexpected %v (%v)", e.Kind, e.Err)
	case <-time.After(length):
	}
}

// Audio opens the speech path.
func (d *Desk) Audio() hal.Audio {
	d.Helper()
	a, err := d.Line.Audio()
	if err != nil {
		d.Fatal(err)
	}
	return a
}

// Talk moves frames of a sequence both ways and tells what was heard; before each but
// nil, step is called with its number.
func (d *Desk) Talk(a hal.Audio, frames int, step func(int)) sequence.Verdict {
	d.Helper()
	var (
		judge sequence.Judge
		count sequence.Count
		f     hal.Frame
	)
	for n := range frames {
		if step != nil {
			step(n)
		}
		if err := a.Read(&f); err != nil {
			d.Fatalf("after %d frames: %v", n, err)
		}
		judge.Hear(f[:])
		count.Fill(f[:])
		if err := a.Write(&f); err != nil {
			d.Fatalf("after %d frames: %v", n, err)
		}
	}
	return judge.Verdict()
}

// TenMinutes is a call of that length, of which nothing may get lost: said is what
// listens at the far end, which speaks a sequence too; step is as in Talk.
func (d *Desk) TenMinutes(said *sequence.Judge, step func(int)) hal.Audio {
	d.Helper()
	const (
		frames  = 10 * 60 * 50
		samples = frames * hal.FrameSize
		onTheir = 3 * hal.FrameSize // way when the last frame is heard
	)
	a := d.Audio()
	if v := d.Talk(a, frames, step); v != (sequence.Verdict{Right: samples}) {
		d.Errorf("from the line: %+v", v)
	}
	if v := said.Verdict(); v.Right < samples-onTheir || v.Wrong+v.Silence != 0 {
		d.Errorf("to the line: %+v", v)
	}
	if s := a.Stats(); s.Overruns+s.Dropped != 0 || s.Underruns > 1 || s.Read != frames || s.Written != frames {
		d.Errorf("%+v", s)
	}
	return a
}

// Drain reads what is left when a call has ended, and gives the error at its end.
func Drain(a hal.Audio) error {
	for {
		if err := a.Read(new(hal.Frame)); err != nil {
			return err
		}
	}
}
