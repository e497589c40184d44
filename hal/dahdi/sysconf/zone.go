package sysconf

import (
	"fmt"
	"math"
	"time"

	"branchline/hal/dahdi/abi"
)

// A Zone is a country's way of ringing and of making tones.
type Zone struct {
	Ring  []time.Duration // on, off, on, off ...; nil: 1 s on, 4 s off
	Tones map[int]Tone    // by abi.ToneDial and so on
	// Low and High are the levels of a digit's two tones in dBm0, 0: -10 and -8
	// (ETSI ES 201 235-2 has the high group 1 to 4 dB above the low one).
	Low, High float64
}

// A Tone is a sequence of Pieces, which goes on with Pieces[Again] after the last.
type Tone struct {
	Pieces []Piece
	Again  int
}

// A Piece of a tone: silence, a frequency, two together, or the first modulated by the
// second.
type Piece struct {
	A, B     float64 // Hz, 0: none
	Modulate bool
	Level    float64       // dBm0 of each frequency, 0: -13
	Length   time.Duration // 0: for ever
}

// Defaults of Zone and Piece.
const (
	defaultLow   = -10
	defaultHigh  = -8
	defaultLevel = -13
)

var defaultRing = []time.Duration{time.Second, 4 * time.Second}

const rate = 8000

// fullScale is the level in dBm0 of a sine that reaches 32768 in the kernel's
// arithmetic (user.h of dahdi-linux, beside the record of a tone).
const fullScale = 3.14

// oscillator makes a sine of f Hz at a level in dBm0: sample n is 2 cos w times sample
// n-1, less sample n-2, begun with the samples -2 and -1 of a sine.
func oscillator(f, level float64) abi.Oscillator {
	if f <= 0 {
		return abi.Oscillator{}
	}
	w := 2 * math.Pi * f / rate
	gain := math.Pow(10, (level-fullScale)/20) * 32768
	return abi.Oscillator{Factor: int32(math.Round(2 * math.Cos(w) * 32768)),
		Two: int32(math.Round(math.Sin(-2*w) * gain)), Three: int32(math.Round(math.Sin(-w) * gain))}
}

// digits of DTMF in the order of the kernel's numbers: 0-9 * # A-D (ITU-T Q.23).
var digits = func() (d [16][2]float64) {
	rows, columns := [4]float64{697, 770, 852, 941}, [4]float64{1209, 1336, 1477, 1633}
	for i, key := range [16][2]int{{3, 1}, {0, 0}, {0, 1}, {0, 2}, {1, 0}, {1, 1}, {1, 2}, {2, 0}, {2, 1}, {2, 2},
		{3, 0}, {3, 2}, {0, 3}, {1, 3}, {2, 3}, {3, 3}} {
		d[i] = [2]float64{rows[key[0]], columns[key[1]]}
	}
	return d
}()

// table makes the record that the kernel loads.
func table(number int, name string, z Zone) ([]byte, error) {
	header := abi.ZoneHeader{Zone: int32(number)}
	copy(header.Name[:len(header.Name)-1], name)
	ring := z.Ring
	if len(ring) == 0 {
		ring = defaultRing
	}
	if len(ring) > len(header.Ring) || len(ring)%2 != 0 {
		return nil, fmt.Errorf("a ring cadence of %d times: want an even number up to %d", len(ring), len(header.Ring))
	}
	for i, d := range ring {
		header.Ring[i] = int32(d / time.Millisecond)
	}
	low, high := z.Low, z.High
	if low == 0 && high == 0 {
		low, high = defaultLow, defaultHigh
	}
	var steps []abi.Step
	for tone := range int32(abi.ToneStutter + 1) {
		t, there := z.Tones[int(tone)]
		if !there || len(t.Pieces) == 0 {
			continue
		}
		if t.Again < 0 || t.Again >= len(t.Pieces) {
			return nil, fmt.Errorf("tone %d goes on with piece %d of %d", tone, t.Again, len(t.Pieces))
		}
		first := int32(len(steps))
		for i, p := range t.Pieces {
			steps = append(steps, step(tone, first, i, t, p))
		}
	}
	for i, f := range digits {
		steps = append(steps, abi.Step{Tone: abi.ToneDTMF + int32(i), A: oscillator(f[0], low), B: oscillator(f[1], high)})
	}
	if len(steps) > abi.MaxSteps {
		return nil, fmt.Errorf("%d pieces of tones, the kernel takes %d", len(steps), abi.MaxSteps)
	}
	header.Count = int32(len(steps))
	b, err := abi.Marshal(header)
	if err != nil {
		return nil, err
	}
	more, err := abi.Marshal(steps)
	return append(b, more...), err
}

// step makes piece i of a tone whose first step has the number first.
func step(tone, first int32, i int, t Tone, p Piece) abi.Step {
	level := p.Level
	if level == 0 {
		level = defaultLevel
	}
	s := abi.Step{Tone: tone, Next: first + int32(i) + 1, Samples: int32(p.Length * rate / time.Second),
		A: oscillator(p.A, level), B: oscillator(p.B, level)}
	if i == len(t.Pieces)-1 {
		s.Next = first + int32(t.Again)
	}
	if p.Length == 0 { // a second, and again
		s.Samples, s.Next = rate, first+int32(i)
	}
	if p.Modulate {
		s.Modulate = 1
	}
	return s
}
