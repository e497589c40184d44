//go:build realtime

package modem_test

import (
	"slices"
	"testing"
	"time"

	"branchline/hal"
	"branchline/hal/haltest/modemtest"
	"branchline/hal/haltest/sequence"
)

// TestRealTime has a call of ten minutes on a voice modem and one on a module, both
// at the line's own speed, while the machine does what else it does.
func TestRealTime(t *testing.T) {
	t.Run("voice", func(t *testing.T) {
		t.Parallel()
		var count sequence.Count
		var judge sequence.Judge
		m := modemtest.NewVoice(modemtest.CX93010, modemtest.Options{Speed: 1, Source: count.Fill, Sink: judge.Hear})
		l := voiceLab(t, m)
		l.open()
		l.Do(hal.Op{Kind: hal.Answer})
		l.listen(&judge)
		if n := m.Lost(); n != 0 {
			t.Errorf("the port had no room for %d samples", n)
		}
	})
	t.Run("cell", func(t *testing.T) {
		t.Parallel()
		var count sequence.Count
		var judge sequence.Judge
		m := modemtest.NewCell(modemtest.EC25, modemtest.Options{Speed: 1, Source: count.Fill, Sink: judge.Hear})
		l := cellLab(t, m)
		l.open()
		m.Ring("1")
		l.Await(hal.CallerID)
		l.Do(hal.Op{Kind: hal.Answer})
		l.listen(&judge)
	})
}

func (l *lab) listen(judge *sequence.Judge) {
	const frames = 10 * 60 * 50
	gaps := make([]time.Duration, 0, frames)
	last := time.Now()
	a := l.Audio()
	from := l.Talk(a, frames, func(int) {
		gaps = append(gaps, time.Since(last))
		last = time.Now()
	})
	slices.Sort(gaps)
	to, stats := judge.Verdict(), a.Stats()
	l.Logf("from the line %+v, to the line %+v, %+v; between frames: half %v, 99.9 %% %v, most %v",
		from, to, stats, gaps[frames/2], gaps[frames*999/1000], gaps[frames-1])
	if from.Wrong+from.Silence != 0 || to.Wrong != 0 || stats.Overruns+stats.Dropped != 0 {
		l.Error("samples were lost")
	}
	l.Do(hal.Op{Kind: hal.Clear})
}
