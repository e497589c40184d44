package signal

import (
	"math"
	"strings"

	"branchline/hal"
)

// Frequencies of ITU-T Q.23, in Hz.
var (
	rows    = [4]float64{697, 770, 852, 941}
	columns = [4]float64{1209, 1336, 1477, 1633}
)

// keypad has the keys by row and column.
const keypad = "123A456B789C*0#D"

func position(key byte) (row, column int, ok bool) {
	i := strings.IndexByte(keypad, key)
	return i / 4, i % 4, i >= 0
}

// power is how much of the energy of x lies at a frequency: 1 if x is a sine of it.
func power(x []int16, hz float64) float64 {
	w := 2 * math.Pi * hz / hal.Rate
	coefficient := 2 * math.Cos(w)
	var s1, s2 float64
	for _, v := range x {
		s1, s2 = float64(v)+coefficient*s1-s2, s1
	}
	return (s1*s1 + s2*s2 - coefficient*s1*s2) * 2 / float64(len(x))
}

func energy(x []int16) float64 {
	var e float64
	for _, v := range x {
		e += float64(v) * float64(v)
	}
	return e
}

// level is the power of x in dBm0.
func level(x []int16) float64 {
	return 10*math.Log10(energy(x)/float64(len(x))/(math.MaxInt16*math.MaxInt16/2)+1e-12) + 3.17
}

// Level is the power of a frame in dBm0, -117 for silence.
func Level(f *hal.Frame) float64 { return level(f[:]) }

// PowerAt is the power of a frame around a frequency in dBm0; it tells tones apart
// that lie 100 Hz from each other.
func PowerAt(f *hal.Frame, hz float64) float64 {
	p := power(f[:], hz) / hal.FrameSize / (math.MaxInt16 * math.MaxInt16 / 2)
	return 10*math.Log10(p+1e-12) + 3.17
}

// Keypad receives the keys of the other side. A key counts when it was heard in
// two windows of 20 ms, half of it apart, and has to be missed in two before it
// counts again.
type Keypad struct {
	window       [2 * hal.FrameSize]int16
	last         byte // heard in the last window
	down         byte // counted and not yet let go
	hits, misses int
}

// Hear takes the next frame and returns the key that was recognised in it, or 0.
func (k *Keypad) Hear(f *hal.Frame) byte {
	copy(k.window[:], k.window[hal.FrameSize:])
	copy(k.window[hal.FrameSize:], f[:])
	var out byte
	for _, from := range []int{hal.FrameSize / 2, hal.FrameSize} {
		if key := k.step(k.window[from : from+hal.FrameSize]); key != 0 {
			out = key
		}
	}
	return out
}

func (k *Keypad) step(x []int16) byte {
	key := recognise(x)
	if key == k.last {
		k.hits++
	} else {
		k.hits, k.last = 1, key
	}
	if key != k.down {
		k.misses++
	} else {
		k.misses = 0
	}
	if k.misses >= 2 {
		k.down = 0
	}
	if key == 0 || k.hits < 2 || k.down != 0 {
		return 0
	}
	k.down, k.misses = key, 0
	return key
}

// Limits of a key: how loud, how much of the whole, how unequal its two tones.
const (
	leastKey  = -40.0 // dBm0
	keyShare  = 0.7
	mostTwist = 10.0 // in power: 10 dB
)

func recognise(x []int16) byte {
	if level(x) < leastKey {
		return 0
	}
	strongest := func(of *[4]float64) (best int, p float64) {
		for i, hz := range of {
			if q := power(x, hz); q > p {
				best, p = i, q
			}
		}
		return best, p
	}
	row, low := strongest(&rows)
	column, high := strongest(&columns)
	if low+high < keyShare*energy(x) || low > mostTwist*high || high > mostTwist*low {
		return 0
	}
	return keypad[row*4+column]
}
