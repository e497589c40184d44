// Package signal is what a simulated telephone line sounds of and listens with:
// tones, keys and recordings; a hybrid's echo, noise and u-law; a receiver of keys
// and an ear that knows call progress tones.
//
// It is written for the simulation alone and shares nothing with the exchange's
// own signal processing, so that a mistake in one is not hidden by the same mistake
// in the other. It is plain rather than quick: a line of it costs a fraction of a
// percent of one processor.
package signal

import (
	"math"
	"time"

	"branchline/hal"
)

// A Sound fills the next frame of itself; false says that it is over, and the
// frame was not touched.
type Sound func(f *hal.Frame) bool

// Amplitude is the peak of a sine of so many dBm0 (ITU-T G.711: full scale is
// +3.17 dBm0).
func Amplitude(dBm0 float64) float64 { return math.MaxInt16 * math.Pow(10, (dBm0-3.17)/20) }

// edge is the length of the slope at both ends of a tone, 2 ms: without it the
// click would be heard as other tones.
const edge = hal.Rate / 500

// A burst is a number of samples of some sines together, then of silence.
type burst struct {
	hz      []float64 // nil: silence
	on, off int
}

func samples(d time.Duration) int { return int(d * hal.Rate / time.Second) }

// play makes the samples of bursts, one after the other; again repeats them for
// ever.
func play(level float64, again bool, bursts []burst) Sound {
	amplitude := Amplitude(level)
	current, at, phase := 0, 0, 0
	step := func() (float64, bool) {
		for current < len(bursts) && at == bursts[current].on+bursts[current].off {
			at = 0
			if current++; current == len(bursts) && again {
				current = 0
			}
		}
		if current == len(bursts) {
			return 0, false
		}
		b := &bursts[current]
		v := 0.0
		if at < b.on {
			for _, hz := range b.hz {
				v += math.Sin(2 * math.Pi * hz * float64(phase) / hal.Rate)
			}
			v *= amplitude * min(1, float64(at+1)/edge, float64(b.on-at)/edge)
		}
		at++
		// A common period of all whole frequencies is one second.
		phase = (phase + 1) % hal.Rate
		return v, true
	}
	return func(f *hal.Frame) bool {
		for i := range f {
			v, ok := step()
			if !ok {
				if i == 0 {
					return false
				}
				clear(f[i:])
				break
			}
			f[i] = clip(v)
		}
		return true
	}
}

func clip(v float64) int16 {
	return int16(math.Round(max(math.MinInt16, min(math.MaxInt16, v))))
}

// forever is longer than any call.
const forever = math.MaxInt32 / 2

// Tones are sines of whole frequencies in Hz, each of so many dBm0, without end.
func Tones(level float64, hz ...float64) Sound {
	return play(level, false, []burst{{hz: hz, on: forever}})
}

// Cadence sounds Tones on and off for the given times, again and again.
func Cadence(level float64, hz []float64, times ...time.Duration) Sound {
	if len(times) == 0 {
		return Tones(level, hz...)
	}
	var bursts []burst
	for i := 0; i < len(times); i += 2 {
		b := burst{hz: hz, on: samples(times[i])}
		if i+1 < len(times) {
			b.off = samples(times[i+1])
		}
		bursts = append(bursts, b)
	}
	return play(level, true, bursts)
}

// Samples plays a recording once.
func Samples(s []int16) Sound {
	return func(f *hal.Frame) bool {
		if len(s) == 0 {
			return false
		}
		n := copy(f[:], s)
		clear(f[n:])
		s = s[n:]
		return true
	}
}

// Silence lasts for d.
func Silence(d time.Duration) Sound {
	return play(0, false, []burst{{off: samples(d)}})
}

// Keys are the tones of a telephone's keys (ITU-T Q.23), on for so long and apart
// by off, the low tone of so many dBm0 and the high one the same. A 'w' is a pause
// of half a second; what is on no key is left out.
func Keys(level float64, on, off time.Duration, keys string) Sound {
	var bursts []burst
	for i := range len(keys) {
		if keys[i] == 'w' || keys[i] == 'W' {
			bursts = append(bursts, burst{off: hal.Rate / 2})
		} else if row, column, ok := position(keys[i]); ok {
			bursts = append(bursts, burst{hz: []float64{rows[row], columns[column]}, on: samples(on), off: samples(off)})
		}
	}
	return play(level, false, bursts)
}

// Then plays one sound after another, each from a frame of its own.
func Then(sounds ...Sound) Sound {
	return func(f *hal.Frame) bool {
		for len(sounds) > 0 {
			if sounds[0](f) {
				return true
			}
			sounds = sounds[1:]
		}
		return false
	}
}
