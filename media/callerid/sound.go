package callerid

import (
	"math"
	"time"

	"branchline/media/dtmf"
	"branchline/media/sine"
)

// Levels: GR-30 2.2 and EN 300 659-1 5.4.2 have the modem at -13.5 dBm0, 1.5 dB
// either way.
const (
	modemLevel   = -13.5
	alertLevel   = -16.0 // dBm0 per tone, in the middle of what telephones must take
	waitingLevel = -13.0
)

// A Sound is a row of signals, made sample by sample.
type Sound struct {
	parts []part
	at    int
}

// A part is one signal of a sound. Fill writes fewer samples than there is room
// for when it ends.
type part interface {
	Fill(out []int16) int
	Len() int
}

// Len is how many samples the sound has left.
func (s *Sound) Len() (n int) {
	if s != nil {
		for _, p := range s.parts[s.at:] {
			n += p.Len()
		}
	}
	return n
}

// Fill writes the next samples and returns how many; fewer than asked for means
// that the sound is over. The rest of out is left as it is.
func (s *Sound) Fill(out []int16) (n int) {
	for s != nil && n < len(out) && s.at < len(s.parts) {
		n += s.parts[s.at].Fill(out[n:])
		if n < len(out) {
			s.at++
		}
	}
	return n
}

// AckTone is what a telephone answers the alerting tone with in a call: DTMF D for
// 60 ms (GR-30 2.5.3 has 55-65).
func AckTone() *Sound {
	return &Sound{parts: []part{newKeys("D", 60*time.Millisecond, 0)}}
}

// tones is one or two sines.
type tones struct {
	step [2]float64 // turns per sample; 0: none
	peak float64
	n, k int
}

func newTones(level float64, d time.Duration, hz ...float64) *tones {
	t := &tones{peak: sine.Peak(level), n: samples(d)}
	for i := range hz {
		t.step[i] = hz[i] / Rate
	}
	return t
}

func (t *tones) Len() int { return t.n - t.k }

func (t *tones) Fill(out []int16) int {
	n := min(len(out), t.Len())
	for i := range n {
		var v float64
		for _, s := range t.step {
			v += math.Sin(2 * math.Pi * s * float64(t.k))
		}
		v *= t.peak
		out[i] = int16(v * sine.Rise(min(t.k, t.n-1-t.k)))
		t.k++
	}
	return n
}

// pause is silence.
type pause int

func newPause(d time.Duration) *pause {
	p := pause(samples(d))
	return &p
}

func (p *pause) Len() int { return int(*p) }

func (p *pause) Fill(out []int16) int {
	n := min(len(out), int(*p))
	clear(out[:n])
	*p -= pause(n)
	return n
}

// keyRow is DTMF digits, each followed by a pause.
type keyRow struct {
	digits  string
	on, off int
	tone    dtmf.Tone
	k       int // samples into the current digit and its pause
}

func newKeys(digits string, on, off time.Duration) *keyRow {
	return &keyRow{digits: digits, on: samples(on), off: samples(off)}
}

func (r *keyRow) Len() int { return len(r.digits)*(r.on+r.off) - r.k }

func (r *keyRow) Fill(out []int16) (n int) {
	for n < len(out) && len(r.digits) > 0 {
		if r.k == 0 {
			r.tone.Start(r.digits[0])
		}
		var m int
		if r.k < r.on {
			m = min(len(out)-n, r.on-r.k)
			r.tone.Fill(out[n : n+m])
		} else {
			m = min(len(out)-n, r.on+r.off-r.k)
			clear(out[n : n+m])
		}
		n += m
		if r.k += m; r.k == r.on+r.off {
			r.digits, r.k = r.digits[1:], 0
		}
	}
	return n
}

func samples(d time.Duration) int { return int(d * Rate / time.Second) }
