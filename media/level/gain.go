package level

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Range is the most a gain can be, in tenths of a dB, up or down.
const Range = 120

// A Gain is applied to the linear samples of a line, in tenths of a dB. The zero
// value changes nothing.
type Gain struct {
	tenths int
	factor int32 // in 1/16384; 0 for a gain of 0 dB
}

// NewGain makes a gain of so many tenths of a dB; what is beyond Range is brought
// to it.
func NewGain(tenths int) Gain {
	tenths = min(max(tenths, -Range), Range)
	if tenths == 0 {
		return Gain{}
	}
	return Gain{tenths, int32(math.Round(16384 * math.Pow(10, float64(tenths)/200)))}
}

// ParseGain reads a gain as rxgain= and txgain= have it: a number of dB from -12 to
// 12, rounded to tenths.
func ParseGain(s string) (Gain, error) {
	db, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
	if err != nil {
		return Gain{}, fmt.Errorf("gain %q: not a number of dB", s)
	}
	tenths := math.Round(10 * db)
	if !(math.Abs(tenths) <= Range) {
		return Gain{}, fmt.Errorf("gain %q: from -12.0 to 12.0 dB", s)
	}
	return NewGain(int(tenths)), nil
}

// Tenths is the gain in tenths of a dB.
func (g Gain) Tenths() int { return g.tenths }

func (g Gain) String() string { return strconv.FormatFloat(float64(g.tenths)/10, 'f', 1, 64) }

// Limit is the sample next to v: what is too loud for one is limited.
func Limit(v float32) int16 {
	switch {
	case v >= 32767:
		return 32767
	case v <= -32768:
		return -32768
	case v < 0:
		return int16(v - 0.5)
	}
	return int16(v + 0.5)
}

// Apply amplifies frame in place; what becomes too loud is limited.
func (g Gain) Apply(frame []int16) {
	f := g.factor
	switch {
	case f == 0:
	case f <= 16384:
		for i, v := range frame {
			frame[i] = int16((int32(v)*f + 8192) >> 14)
		}
	default:
		// At most 12 dB: 32768 times 65226 just fits.
		for i, v := range frame {
			frame[i] = int16(min(max((int64(v)*int64(f)+8192)>>14, -32768), 32767))
		}
	}
}
