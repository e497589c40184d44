package duplex_test

import (
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"branchline/hal"
	"branchline/hal/modem/duplex"
)

// ramp is n samples that count from first.
func ramp(first, n int) []int16 {
	s := make([]int16, n)
	for i := range s {
		s[i] = int16(first + i)
	}
	return s
}

func open(t *testing.T) (*duplex.Path, hal.Audio) {
	t.Helper()
	p := duplex.NewPath(duplex.NewClock())
	a, err := p.Open()
	if err != nil {
		t.Fatal(err)
	}
	return p, a
}

func TestFramesOfAnyPieces(t *testing.T) {
	for _, step := range []int{1, 7, 64, 160, 161, 1000} {
		p, a := open(t)
		var f hal.Frame
		next := 0
		for first := 0; first < 16000; first += step {
			p.Receive(ramp(first, step))
			for next+hal.FrameSize <= first+step {
				if err := a.Read(&f); err != nil {
					t.Fatal(err)
				}
				for _, s := range f {
					if s != int16(next) {
						t.Fatalf("pieces of %d: sample %d where %d was due", step, s, int16(next))
					}
					next++
				}
			}
		}
		if o := a.Stats().Overruns; o != 0 {
			t.Errorf("pieces of %d: %d overruns", step, o)
		}
	}
}

func TestNobodyReads(t *testing.T) {
	p, a := open(t)
	p.Receive(ramp(0, 13*hal.FrameSize))
	var f hal.Frame
	if err := a.Read(&f); err != nil || f[0] != 3*hal.FrameSize {
		t.Errorf("%v, first sample %d", err, f[0])
	}
	if s := a.Stats(); s.Overruns != 3 || s.Read != 1 {
		t.Errorf("%+v", s)
	}
}

func TestForEachSampleOne(t *testing.T) {
	p, a := open(t)
	var f hal.Frame
	copy(f[:], ramp(1, len(f)))
	for range 3 {
		if err := a.Write(&f); err != nil {
			t.Fatal(err)
		}
	}
	got := make([]int16, 4*hal.FrameSize)
	for i := 0; i < len(got); i += 64 {
		p.Fill(got[i : i+64])
	}
	for i, s := range got {
		want := int16(i%hal.FrameSize + 1)
		if i >= 2*hal.FrameSize {
			want = 0
		}
		if s != want {
			t.Fatalf("sample %d is %d, not %d", i, s, want)
		}
	}
	if s := a.Stats(); s.Written != 2 || s.Dropped != 1 || s.Underruns != 2 {
		t.Errorf("%+v", s)
	}
}

func TestDiscard(t *testing.T) {
	p, a := open(t)
	var f hal.Frame
	copy(f[:], ramp(1, len(f)))
	for range 2 {
		if err := a.Write(&f); err != nil {
			t.Fatal(err)
		}
	}
	p.Discard(100)
	p.Discard(100)
	got := make([]int16, 1)
	p.Fill(got)
	if got[0] != 41 || a.Stats().Dropped != 1 {
		t.Errorf("next %d, %+v", got[0], a.Stats())
	}
	p.Discard(1000)
	if s := a.Stats(); s.Dropped != 1 {
		t.Errorf("%+v", s)
	}
}

func TestOneReader(t *testing.T) {
	p, a := open(t)
	if _, err := p.Open(); !errors.Is(err, hal.ErrBusy) {
		t.Errorf("second reader: %v", err)
	}
	a.Close()
	b, err := p.Open()
	if err != nil {
		t.Fatal(err)
	}
	var f hal.Frame
	if err := a.Read(&f); err != io.EOF {
		t.Errorf("read after close: %v", err)
	}
	if err := a.Write(&f); err != io.EOF {
		t.Errorf("write after close: %v", err)
	}
	p.Receive(ramp(0, hal.FrameSize))
	p.End()
	if err := b.Read(&f); err != nil {
		t.Errorf("the last frame: %v", err)
	}
	if err := b.Read(&f); err != io.EOF {
		t.Errorf("after the end: %v", err)
	}
	if _, err := p.Open(); !errors.Is(err, hal.ErrClosed) {
		t.Errorf("open after the end: %v", err)
	}
}

func TestTheEndWakesAReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, a := open(t)
		done := make(chan error)
		go func() {
			var f hal.Frame
			done <- a.Read(&f)
		}()
		synctest.Wait()
		p.End()
		if err := <-done; err != io.EOF {
			t.Error(err)
		}
	})
}

func TestClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := duplex.NewClock()
		time.Sleep(time.Second)
		if n := c.Now(); n != 8000 {
			t.Errorf("after a second: %d", n)
		}
		c.Flow(true)
		time.Sleep(time.Second)
		c.Advance(4000)
		if n := c.Now(); n != 12000 {
			t.Errorf("after half a second of samples: %d", n)
		}
		c.Flow(false)
		time.Sleep(time.Second)
		if n := c.Now(); n != 20000 {
			t.Errorf("a second later: %d", n)
		}
		c.Advance(99)
		c.Flow(true)
		if n := c.Now(); n != 20000 {
			t.Errorf("again: %d", n)
		}
	})
}

func TestNoAllocation(t *testing.T) {
	p, a := open(t)
	in, out := ramp(0, hal.FrameSize), make([]int16, hal.FrameSize)
	var f hal.Frame
	if n := testing.AllocsPerRun(100, func() {
		p.Receive(in)
		p.Fill(out)
		if a.Read(&f) != nil || a.Write(&f) != nil {
			t.Fatal("closed")
		}
	}); n != 0 {
		t.Errorf("%v allocations for a frame", n)
	}
}

func BenchmarkFrame(b *testing.B) {
	p := duplex.NewPath(duplex.NewClock())
	a, err := p.Open()
	if err != nil {
		b.Fatal(err)
	}
	in, out := ramp(0, hal.FrameSize), make([]int16, hal.FrameSize)
	var f hal.Frame
	for b.Loop() {
		p.Receive(in)
		p.Fill(out)
		_ = a.Read(&f)
		_ = a.Write(&f)
	}
}
