//go:build realtime

package modem_test

import (
	"slices"
	"testing"
	"time"

	"branchline/hal"
	"branchline/hal/haltest/modemtest"
)

// TestRealTime has a call of ten minutes on a voice modem and one on a module, both
// at the line's own speed, while the machine does what else it does.
func TestRealTime(t *testing.T) {
	t.Run("voice", func(t *testing.T) {
		t.Parallel()
		var count modemtest.Count
		var judge modemtest.Judge
		m := modemtest.NewVoice(modemtest.VoiceOptions{Speed: 1, Source: count.Fill, Sink: judge.Hear})
		line := voiceLab(t, m).open()
		do(t, line, hal.Op{Kind: hal.Answer})
		listen(t, line, &judge)
		if n := m.Lost(); n != 0 {
			t.Errorf("the port had no room for %d samples", n)
		}
	})
	t.Run("cell", func(t *testing.T) {
		t.Parallel()
		var count modemtest.Count
		var judge modemtest.Judge
		m := modemtest.NewCell(modemtest.CellOptions{Speed: 1, Source: count.Fill, Sink: judge.Hear})
		line := cellLab(t, m).open()
		m.Ring("1")
		want(t, line, hal.CallerID)
		do(t, line, hal.Op{Kind: hal.Answer})
		listen(t, line, &judge)
	})
}

func listen(t *testing.T, line hal.Line, judge *modemtest.Judge) {
	a, err := line.Audio()
	if err != nil {
		t.Fatal(err)
	}
	const frames = 10 * 60 * 50
	var (
		heard modemtest.Judge
		count modemtest.Count
		f     hal.Frame
		gaps  []time.Duration
		last  = time.Now()
	)
	for range frames {
		if err := a.Read(&f); err != nil {
			for e := range line.Events() {
				t.Logf("%v: %v", e.Kind, e.Err)
				if e.Kind == hal.Cleared || e.Kind == hal.Lost {
					break
				}
			}
			t.Fatalf("after %d frames: %v", len(gaps), err)
		}
		now := time.Now()
		gaps = append(gaps, now.Sub(last))
		last = now
		heard.Hear(f[:])
		count.Fill(f[:])
		if err := a.Write(&f); err != nil {
			t.Fatal(err)
		}
	}
	slices.Sort(gaps)
	from, to, stats := heard.Verdict(), judge.Verdict(), a.Stats()
	t.Logf("from the line %+v, to the line %+v, %+v; between frames: half %v, 99.9 %% %v, most %v",
		from, to, stats, gaps[frames/2], gaps[frames*999/1000], gaps[frames-1])
	if from.Wrong+from.Silence != 0 || to.Wrong != 0 || stats.Overruns+stats.Dropped != 0 {
		t.Error("samples were lost")
	}
	do(t, line, hal.Op{Kind: hal.Clear})
}
