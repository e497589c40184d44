package voice

import (
	"io"
	"log/slog"
	"testing"

	"branchline/hal"
	"branchline/hal/modem/at"
	"branchline/hal/modem/duplex"
)

type sink struct{ n int }

func (s *sink) Read([]byte) (int, error)    { return 0, io.EOF }
func (s *sink) Write(b []byte) (int, error) { s.n += len(b); return len(b), nil }

// flowing is a line in the middle of a call, with somebody who reads and writes.
func flowing(tb testing.TB) (*Line, hal.Audio, *sink) {
	s := &sink{}
	l := &Line{o: Options{Log: slog.New(slog.DiscardHandler)}, clock: duplex.NewClock(), engine: at.New(s, at.Options{}), streaming: true, fresh: true,
		in: make([]int16, hal.FrameSize), out: make([]int16, hal.FrameSize), queued: func() int { return 0 },
		format: choose([]string{"131,ULAW,8,0,8000,0,0"})}
	l.path = duplex.NewPath(l.clock)
	a, err := l.path.Open()
	if err != nil {
		tb.Fatal(err)
	}
	return l, a, s
}

// piece is a frame as it comes from a modem, with DLE in it.
func piece() []byte {
	b := make([]byte, 0, hal.FrameSize+1)
	for i := range hal.FrameSize {
		if i == 0x10 {
			b = append(b, 0x10)
		}
		b = append(b, byte(i))
	}
	return b
}

func TestAFrameCostsNoMemory(t *testing.T) {
	l, a, s := flowing(t)
	in := piece()
	var f hal.Frame
	frame := func() {
		if n, over := l.stream(in); n != len(in) || over {
			t.Fatal("the stream ended")
		}
		if a.Read(&f) != nil || a.Write(&f) != nil {
			t.Fatal("the call ended")
		}
	}
	frame()
	if n := testing.AllocsPerRun(100, frame); n != 0 {
		t.Errorf("%v allocations for a frame", n)
	}
	// The cushion, then for each frame as much; its DLE doubled, but in the first.
	if want := duplex.Cushion + 102*hal.FrameSize + 101; s.n != want {
		t.Errorf("%d bytes were sent, not %d", s.n, want)
	}
}

func BenchmarkFrame(b *testing.B) {
	l, a, _ := flowing(b)
	in := piece()
	var f hal.Frame
	for b.Loop() {
		l.stream(in)
		_ = a.Read(&f)
		_ = a.Write(&f)
	}
}
