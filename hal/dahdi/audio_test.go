package dahdi_test

import (
	"context"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"branchline/hal"
	"branchline/hal/dahdi"
	"branchline/hal/dahdi/abi"
	"branchline/hal/dahdi/kernel"
)

// Events in the middle of a conversation cost no block in either direction.
func TestEventsCostNoAudio(t *testing.T) {
	bubble(t, dahdi.Settings{}, func(r *rig) {
		phone, near := r.open(2)
		line, far := r.open(4)
		line.do(hal.Op{Kind: hal.Seize})
		phone.see(hal.OffHook)
		go func() {
			for range 40 {
				time.Sleep(37 * ms)
				far.Event(abi.PolarityTurn)
				near.Event(abi.HookComplete, abi.HookComplete)
			}
		}()
		carry(t, phone, line, 100)
		carry(t, line, phone, 100)
		if near.Lost+far.Lost > 0 {
			t.Errorf("lost %d and %d samples", near.Lost, far.Lost)
		}
	})
}

func TestLateReader(t *testing.T) {
	bubble(t, dahdi.Settings{}, func(r *rig) {
		line, _ := r.open(3)
		a, err := line.Audio()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := line.Audio(); err != hal.ErrBusy {
			t.Errorf("a second audio: %v", err)
		}
		time.Sleep(1005 * ms) // 50 frames, of which 4 are kept
		var f hal.Frame
		start := time.Now()
		for range 5 {
			if err := a.Read(&f); err != nil {
				t.Fatal(err)
			}
		}
		if waited := time.Since(start); waited < 10*ms || waited > 20*ms {
			t.Errorf("the fifth frame came after %v", waited)
		}
		if s := a.Stats(); s.Read != 5 || s.Overruns != 46 {
			t.Errorf("%+v", s)
		}
		a.Close()
		if err := a.Read(&f); err != io.EOF {
			t.Error(err)
		}
		if a, err = line.Audio(); err != nil {
			t.Error(err)
		}
		line.Close()
		if err := a.Read(&f); err != io.EOF {
			t.Error(err)
		}
	})
}

// The line has two frames in hand when the first is written, no room for more than
// four, and as much in hand again after a pause.
func TestWriteQueue(t *testing.T) {
	bubble(t, dahdi.Settings{}, func(r *rig) {
		line, far := r.open(3)
		a, err := line.Audio()
		if err != nil {
			t.Fatal(err)
		}
		var in, out hal.Frame
		for i := range out {
			out[i] = 1000
		}
		for range 3 { // one of them finds no room
			a.Write(&out)
		}
		if s := a.Stats(); s.Written != 2 || s.Dropped != 1 {
			t.Errorf("%+v", s)
		}
		time.Sleep(99 * ms)
		synctest.Wait()
		said := far.Said(99 * 8)
		first, last := -1, 0
		for i, v := range said {
			if v == 1000 {
				if first < 0 {
					first = i
				}
				last = i
			}
		}
		if first < 39*8 || first > 41*8 || last-first != 2*hal.FrameSize-1 {
			t.Errorf("heard from sample %d to %d", first, last)
		}
		if s := a.Stats(); s.Underruns != 1 {
			t.Errorf("%+v", s)
		}
		for range 5 {
			a.Read(&in)
		}
		a.Write(&out)
		for range 20 { // a conversation: no more underruns, though each frame is 15 ms late
			a.Read(&in)
			time.Sleep(15 * ms)
			a.Write(&out)
		}
		if s := a.Stats(); s.Underruns != 1 || s.Dropped != 1 {
			t.Errorf("%+v", s)
		}
	})
}

// still is a kernel of one channel without a clock: a block to read whenever it is asked
// for, and room for each that is written.
type still struct {
	turn  chan struct{}
	ready chan kernel.Ready
}

func (s *still) Open(string) (kernel.Device, error)               { return s, nil }
func (s *still) Poller() (kernel.Poller, error)                   { return s, nil }
func (s *still) Watch(kernel.Device, int, kernel.Readiness) error { return nil }
func (s *still) Wake() error                                      { close(s.ready); return nil }
func (s *still) Close() error                                     { return nil }
func (s *still) Write(p []byte) (int, error)                      { return len(p), nil }
func (s *still) Ioctl(r abi.Request, arg []byte) error {
	if r == abi.GetParams {
		arg[12], arg[13] = 0x04, 0x20 // FXSKS
	}
	return nil
}

func (s *still) Read(p []byte) (int, error) {
	select {
	case <-s.turn:
		return len(p), nil
	default:
		return 0, unix.EAGAIN
	}
}

func (s *still) Wait(ready []kernel.Ready) (int, error) {
	r, open := <-s.ready
	if !open {
		return 0, nil
	}
	ready[0] = r
	return 1, nil
}

func TestNoAllocationPerFrame(t *testing.T) {
	k := &still{turn: make(chan struct{}, 1), ready: make(chan kernel.Ready)}
	d := dahdi.New(dahdi.Config{Kernel: k})
	line := open(t, d, 1)
	a, err := line.Audio()
	if err != nil {
		t.Fatal(err)
	}
	var f hal.Frame
	if n := testing.AllocsPerRun(1000, func() {
		k.turn <- struct{}{}
		k.ready <- kernel.Ready{Key: 1, What: kernel.Input}
		if a.Read(&f) != nil || a.Write(&f) != nil {
			t.Fatal("no audio")
		}
	}); n > 0 {
		t.Errorf("%v allocations per frame", n)
	}
	line.Close()
	d.Close()
}

// BenchmarkFrame is what the driver adds to a frame in each direction, without the
// kernel's part.
func BenchmarkFrame(b *testing.B) {
	k := &still{turn: make(chan struct{}, 1), ready: make(chan kernel.Ready)}
	d := dahdi.New(dahdi.Config{Kernel: k})
	line, err := d.Open(context.Background(), "1")
	if err != nil {
		b.Fatal(err)
	}
	a, err := line.Audio()
	if err != nil {
		b.Fatal(err)
	}
	var f hal.Frame
	for b.Loop() {
		k.turn <- struct{}{}
		k.ready <- kernel.Ready{Key: 1, What: kernel.Input}
		if a.Read(&f) != nil || a.Write(&f) != nil {
			b.Fatal("no audio")
		}
	}
	line.Close()
	d.Close()
}
