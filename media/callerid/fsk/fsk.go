// Package fsk is the modem that caller ID travels by: 1200 Bd, one tone for 1 and
// one for 0, characters of 8 bits between a start and a stop bit, in one direction.
//
// Two sets of tones are in use, Bell 202 (Telcordia GR-30) and V.23 (ITU-T V.23,
// ETSI EN 300 659-1). Both lie about 1700 Hz, so one Demodulator hears either.
package fsk

import (
	"math"

	"branchline/media/sine"
)

const (
	Rate = 8000 // samples a second
	Baud = 1200 // bits a second
)

// Tones are the frequencies of 1 (mark) and 0 (space), in Hz.
type Tones struct{ Mark, Space float64 }

// Bell202 are the tones of North America (GR-30 2.2).
func Bell202() Tones { return Tones{1200, 2200} }

// V23 are the tones of Europe and Japan (EN 300 659-1 table 1).
func V23() Tones { return Tones{1300, 2100} }

// A Wave tells how bits become sound.
type Wave struct {
	Tones Tones
	Level float64 // dBm0
	Baud  float64 // 0: 1200
	Twist float64 // dB by which mark is stronger than space
}

// edge is how long the sound takes to begin and to end, in samples: 1.5 ms.
const edge = 12

// A Source is a wave that carries given bits. Its phase is continuous, and a bit may
// begin between two samples.
type Source struct {
	bits       []bool
	step       [2]float64 // turns per sample of space and mark
	peak       [2]float64
	perBit     float64 // samples
	phase      float64 // turns
	n, samples int
	bit        int
	next       float64 // where the next bit begins, in samples
}

// NewSource makes a source that sends bits, true for mark.
func NewSource(w Wave, bits []bool) *Source {
	if w.Baud == 0 {
		w.Baud = Baud
	}
	s := &Source{
		bits:   bits,
		step:   [2]float64{w.Tones.Space / Rate, w.Tones.Mark / Rate},
		perBit: Rate / w.Baud,
	}
	s.peak[0] = sine.Peak(w.Level - w.Twist/2)
	s.peak[1] = sine.Peak(w.Level + w.Twist/2)
	s.samples = int(math.Ceil(float64(len(bits)) * s.perBit))
	s.next = s.perBit
	return s
}

// Len is how many samples are left.
func (s *Source) Len() int { return s.samples - s.n }

// Fill writes the next samples and returns how many; fewer than asked for means
// that the source has ended.
func (s *Source) Fill(out []int16) int {
	n := min(len(out), s.samples-s.n)
	for i := range n {
		now := s.tone()
		v := s.peak[now] * math.Sin(2*math.Pi*s.phase)
		if at := min(s.n, s.samples-1-s.n); at < edge {
			v *= 0.5 - 0.5*math.Cos(math.Pi*(float64(at)+0.5)/edge)
		}
		out[i] = int16(math.Round(max(-32768, min(32767, v))))
		s.n++
		s.turn(now)
	}
	return n
}

func (s *Source) tone() int {
	if s.bits[s.bit] {
		return 1
	}
	return 0
}

// turn moves the phase to the next sample, a part of the way with the old bit's
// frequency and the rest with the new one's.
func (s *Source) turn(now int) {
	at := float64(s.n)
	if at < s.next || s.bit == len(s.bits)-1 {
		s.phase += s.step[now]
	} else {
		late := at - s.next
		s.bit++
		s.next += s.perBit
		s.phase += s.step[now]*(1-late) + s.step[s.tone()]*late
	}
	s.phase -= math.Floor(s.phase)
}

// Bits is a transmission: seizure bits that alternate from 0, mark bits of 1, the
// characters of data, and trailer bits of 1.
func Bits(seizure, mark int, data []byte, trailer int) []bool {
	b := make([]bool, 0, seizure+mark+10*len(data)+trailer)
	for i := range seizure {
		b = append(b, i%2 == 1)
	}
	b = ones(b, mark)
	for _, c := range data {
		b = append(b, false)
		for i := range 8 {
			b = append(b, c>>i&1 == 1)
		}
		b = append(b, true)
	}
	return ones(b, trailer)
}

func ones(b []bool, n int) []bool {
	for range n {
		b = append(b, true)
	}
	return b
}
