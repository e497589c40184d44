package signal

import (
	"math"
	"math/bits"
	"math/rand/v2"

	"branchline/hal"
)

// Hybrid is the echo of a hybrid, the transformer that joins two wires to four: a
// finite impulse response over what was sent into it.
type Hybrid struct {
	taps []float64
	past []float64 // the newest last
	idle int       // samples of silence at the end of past
}

// NewHybrid makes a hybrid whose tap k acts k samples after what is sent.
func NewHybrid(taps []float64) *Hybrid {
	return &Hybrid{taps: taps, past: make([]float64, len(taps)+hal.FrameSize)}
}

// Add puts the echo of sent onto f.
func (h *Hybrid) Add(sent, f *hal.Frame) {
	n := len(h.taps)
	if *sent == (hal.Frame{}) {
		if h.idle >= len(h.past) {
			return // nothing echoes any more
		}
		h.idle += hal.FrameSize
	} else {
		h.idle = 0
	}
	copy(h.past, h.past[hal.FrameSize:])
	for i, v := range sent {
		h.past[n+i] = float64(v)
	}
	for i := range f {
		v := float64(f[i])
		for k, tap := range h.taps {
			v += tap * h.past[n+i-k]
		}
		f[i] = clip(v)
	}
}

// TypicalHybrid is an echo path of our own making: 4 ms long behind 1 ms of delay,
// with a return loss of about 12 dB, a decaying resonance near 900 Hz.
func TypicalHybrid() []float64 {
	taps := make([]float64, 48)
	var sum float64
	for i := 8; i < len(taps); i++ {
		t := float64(i - 8)
		taps[i] = math.Exp(-t/9) * math.Cos(2*math.Pi*900*t/hal.Rate+0.4)
		sum += taps[i] * taps[i]
	}
	scale := math.Pow(10, -12.0/20) / math.Sqrt(sum)
	for i := range taps {
		taps[i] *= scale
	}
	return taps
}

// Noise is white, of Gaussian distribution.
type Noise struct {
	random *rand.Rand
	sigma  float64
}

// NewNoise makes noise of so many dBm0, the same for the same seed.
func NewNoise(dBm0 float64, seed uint64) *Noise {
	return &Noise{random: rand.New(rand.NewPCG(seed, 0x9E3779B97F4A7C15)), sigma: Amplitude(dBm0) / math.Sqrt2}
}

// Add puts noise onto f.
func (n *Noise) Add(f *hal.Frame) {
	for i := range f {
		f[i] = clip(float64(f[i]) + n.sigma*n.random.NormFloat64())
	}
}

// Attenuate takes dB off f.
func Attenuate(f *hal.Frame, dB float64) {
	if dB == 0 {
		return
	}
	factor := math.Pow(10, -dB/20)
	for i := range f {
		f[i] = clip(float64(f[i]) * factor)
	}
}

// Delay holds sound back.
type Delay struct {
	held []int16
	at   int
}

// NewDelay makes a delay of n samples.
func NewDelay(n int) *Delay { return &Delay{held: make([]int16, n)} }

// Pass replaces f by what entered n samples before it.
func (d *Delay) Pass(f *hal.Frame) {
	if len(d.held) == 0 {
		return
	}
	for i := range f {
		f[i], d.held[d.at] = d.held[d.at], f[i]
		if d.at++; d.at == len(d.held) {
			d.at = 0
		}
	}
}

// Compand sends f through u-law and back (ITU-T G.711): a sign, a segment of eight
// and sixteen steps in each. The value handed back is the middle of the step.
func Compand(f *hal.Frame) {
	for i, v := range f {
		magnitude := int(v)
		if v < 0 {
			magnitude = -magnitude
		}
		// 14-bit magnitudes, biased so that each segment is twice the one before.
		m := min(magnitude>>2, 8158) + 33
		segment := bits.Len(uint(m)) - 6 // 0..7: m lies in [33, 8191]
		step := 2 << segment
		m = m/step*step + step/2
		magnitude = min((m-33)<<2, math.MaxInt16)
		if v < 0 {
			magnitude = -magnitude
		}
		f[i] = int16(magnitude)
	}
}
