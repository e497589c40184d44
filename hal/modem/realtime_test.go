//go:build realtime

package modem_test

import (
	"errors"
	"flag"
	"io"
	"slices"
	"sync"
	"testing"
	"time"

	"branchline/hal"
	"branchline/hal/haltest/desk"
	"branchline/hal/haltest/modemtest"
	"branchline/hal/haltest/sequence"
	"branchline/hal/modem/at"
)

var minutes = flag.Int("minutes", 10, "how long the calls of TestRealTime last")

// TestRealTime has a call of ten minutes on a voice modem and one on a module, both
// at the line's own speed, while the machine does what else it does. No sample may be
// lost. When the machine is so busy that it leaves the driver, the kernel's terminals
// or the reader without a turn for longer than the driver can bridge, the line waits,
// as hardware could not. That the machine was to blame is seen from the emulator's own
// clock, which then is late too.
func TestRealTime(t *testing.T) {
	t.Run("voice", func(t *testing.T) {
		t.Parallel()
		p := newParty()
		m := modemtest.NewVoice(modemtest.CX93010, modemtest.Options{Speed: 1, Source: p.speak, Sink: p.judge.Hear})
		l := voiceLab(t, m)
		l.open()
		l.Do(hal.Op{Kind: hal.Answer})
		l.converse(p, m.Stood)
		if n := m.Lost(); n != 0 {
			t.Errorf("the port had no room for %d samples", n)
		}
	})
	t.Run("cell", func(t *testing.T) {
		t.Parallel()
		p := newParty()
		m := modemtest.NewCell(modemtest.EC25, modemtest.Options{Speed: 1, Source: p.speak, Sink: p.judge.Hear})
		l := cellLab(t, m)
		l.open()
		m.Ring("1")
		l.Await(hal.CallerID)
		l.Do(hal.Op{Kind: hal.Answer})
		l.converse(p, m.Stood)
	})
}

// lead is how many samples may be on the way from the party to whoever reads the line:
// two frames, which is as much as the driver queues in the other direction. A reader
// who is later loses what he says.
const lead = 2 * hal.FrameSize

// A party is the far side of a call: it speaks a sequence, listens to one, and can
// wait for the near side.
type party struct {
	count sequence.Count
	judge sequence.Judge

	mu      sync.Mutex
	moved   *sync.Cond
	waits   bool
	sent    int // samples
	base    int // sent when the reader began
	read    int // samples of the frames that the reader has read, and answered
	waited  time.Duration
	longest time.Duration
}

func newParty() *party {
	p := &party{}
	p.moved = sync.NewCond(&p.mu)
	return p
}

// speak is the party's Source.
func (p *party) speak(samples []int16) {
	p.mu.Lock()
	defer p.mu.Unlock()
	since := time.Now()
	for p.waits && p.sent-p.base-p.read > lead-len(samples) {
		p.moved.Wait()
	}
	d := time.Since(since)
	p.waited += d
	p.longest = max(p.longest, d)
	p.sent += len(samples)
	p.count.Fill(samples)
}

// turned is told how many frames the reader has read, and answered.
func (p *party) turned(frames int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if frames == 0 {
		p.waits, p.base = true, p.sent
	}
	p.read = frames * hal.FrameSize
	p.moved.Broadcast()
}

// over ends the waiting.
func (p *party) over() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waits = false
	p.moved.Broadcast()
}

func (l *lab) converse(p *party, stood func() time.Duration) {
	l.Cleanup(p.over)
	frames := *minutes * 60 * 50
	gaps := make([]time.Duration, 0, frames)
	last := time.Now()
	began := last
	a := l.Audio()
	from := l.Talk(a, frames, func(n int) {
		p.turned(n)
		gaps = append(gaps, time.Since(last))
		last = time.Now()
	})
	took := time.Since(began)
	p.over()
	to, stats := p.judge.Verdict(), a.Stats()
	slices.Sort(gaps)
	l.Logf("from the line %+v, to the line %+v, %+v; between frames: half %v, 99.9 %% %v, most %v", from, to, stats, gaps[frames/2], gaps[frames*999/1000], gaps[frames-1])
	p.mu.Lock()
	waited, longest := p.waited, p.longest
	p.mu.Unlock()
	own := max(0, stood()-waited)
	l.Logf("%v of line time in %v; the line's clock stood still %v for want of a turn of its own, %v for driver and reader, at most %v at a time",
		time.Duration(frames)*20*time.Millisecond, took.Round(time.Millisecond), own.Round(time.Millisecond), waited.Round(time.Millisecond), longest)
	switch {
	case from.Wrong+from.Silence != 0, to.Wrong != 0, stats.Overruns+stats.Dropped != 0:
		l.Error("samples were lost")
	case to.Silence > lead:
		l.Errorf("%d samples of silence to the line", to.Silence)
	case waited > time.Second+own: // a busy machine lets all of them wait
		l.Error("driver and reader were slow, and the machine was not")
	}
	l.Do(hal.Op{Kind: hal.Clear})
}

// TestRealTimeStuck: devices that stop in a call. It takes their drivers seconds to be
// sure.
func TestRealTimeStuck(t *testing.T) {
	t.Run("a voice modem whose stream sticks", func(t *testing.T) {
		t.Parallel()
		m := modemtest.NewVoice(modemtest.CX93010, modemtest.Options{Speed: 1})
		l := voiceLab(t, m)
		l.open()
		l.Do(hal.Op{Kind: hal.Answer})
		a := l.Audio()
		l.Talk(a, 10, nil)
		m.Stick()
		if e := l.Await(hal.Cleared); e.Err == nil {
			t.Error("no reason")
		}
		if err := desk.Drain(a); err != io.EOF {
			t.Error(err)
		}
		if err := l.Line.Do(t.Context(), hal.Op{Kind: hal.Clear}); err == nil {
			t.Error("a dead modem has hung up")
		}
		if e := l.Await(hal.Lost); !errors.Is(e.Err, at.ErrSilent) {
			t.Errorf("lost: %v", e.Err)
		}
	})
	t.Run("a module whose sound stops", func(t *testing.T) {
		t.Parallel()
		m := modemtest.NewCell(modemtest.SIM7600, modemtest.Options{Speed: 1})
		l := cellLab(t, m)
		l.open()
		m.Ring("1")
		l.Await(hal.CallerID)
		l.Do(hal.Op{Kind: hal.Answer})
		m.Stick()
		if e := l.Await(hal.Cleared); e.Cause != 41 || e.Err == nil {
			t.Errorf("cause %d, %v", e.Cause, e.Err)
		}
	})
}
