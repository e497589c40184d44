// Package lossless packs speech in G.711 u-law without losing a bit of it, in about
// five eighths of the room. A linear predictor that learns from what has gone by guesses
// the next sample (normalised least mean squares), and how far off the guess was is
// written by an arithmetic coder that learns how far off guesses are. The unpacker
// learns the same from the same samples, so nothing but the errors is stored.
//
// The same bits come out on every machine: no product is fused with a sum (each is
// converted, which the language defines to round), and nothing but + - * / is used.
package lossless

import (
	"errors"

	"branchline/media/g711"
)

// Pack is ulaw, packed. Unpack needs its length.
func Pack(ulaw []byte) []byte {
	c, m := writer(), newModel()
	for _, b := range ulaw {
		m.sample(c, place(b))
	}
	return c.finish()
}

// ErrTorn says that packed speech ends too early.
var ErrTorn = errors.New("packed speech is torn")

// Unpack is the first n samples of what was packed. Bytes that are not Pack's give
// noise or ErrTorn.
func Unpack(packed []byte, n int) ([]byte, error) {
	c, m := reader(packed), newModel()
	ulaw := make([]byte, n)
	for i := range ulaw {
		ulaw[i] = code(m.sample(c, 0))
		if c.missing {
			return nil, ErrTorn
		}
	}
	return ulaw, nil
}

// place puts the codes on a line in the order of their values: -128 (the most negative)
// to 127.
func place(c byte) int {
	v := int(^c & 0x7F)
	if c&0x80 == 0 {
		return ^v
	}
	return v
}

// code is the code at a place.
func code(place int) byte {
	if place < 0 {
		return ^byte(^place) & 0x7F
	}
	return ^byte(place)
}

// values are the samples at the places, -1 to 1.
var values = func() (v [256]float64) {
	u := g711.ULaw()
	for i := range v {
		v[i] = float64(u.Linear(code(i-128))) / 32768
	}
	return v
}()

// What was best for the prompts, by trial.
const (
	order   = 16         // of the predictor: 2 ms
	rate    = 4 * 0.0125 // of its learning
	memory  = 12         // samples that the guess about the next error looks back on
	longest = 20         // how far a row of ones has probabilities of its own
)

// A model is what both sides have learnt so far.
type model struct {
	weight, past [order]float64
	off          float64 // how far off the last guesses were, in places

	right, below [24][9]prob // whether the guess is right, whether it is too high
	more         [24][longest + 1]prob
	fine         [8][longest + 1]prob
}

func newModel() *model {
	m := &model{off: 8}
	for i := range m.right {
		for j := range m.right[i] {
			m.right[i][j], m.below[i][j] = even, even
		}
		for j := range m.more[i] {
			m.more[i][j] = even
		}
	}
	for i := range m.fine {
		for j := range m.fine[i] {
			m.fine[i][j] = even
		}
	}
	return m
}

// sample codes the sample at a place, or decodes one: then the argument says nothing.
func (m *model) sample(c *coder, at int) int {
	guess, power := 0.0, 1e-5
	for i, p := range m.past {
		guess += float64(m.weight[i] * p)
		power += float64(p * p)
	}
	near := nearest(guess)
	at = near + m.miss(c, near, at-near)
	at = min(max(at, -128), 127)

	x := values[at+128]
	step := float64(rate*(x-guess)) / power
	for i, p := range m.past {
		m.weight[i] += float64(step * p)
	}
	copy(m.past[1:], m.past[:])
	m.past[0] = x
	return at
}

// nearest is the place of the value nearest to x.
func nearest(x float64) int {
	low, high := 0, 255
	for low < high {
		mid := (low + high) / 2
		if float64(2*x) > values[mid]+values[mid+1] {
			low = mid + 1
		} else {
			high = mid
		}
	}
	return low - 128
}

// miss codes by how many places a guess was off.
func (m *model) miss(c *coder, guess, off int) int {
	// The more off the guesses were, the more bits of the number are left to chance.
	size, shift := 0, 0
	for edge := 0.5; m.off > edge && size < len(m.right)-1; size++ {
		edge *= 1.4
	}
	shift = max(0, size/2-2)
	level := abs(guess) / 16
	found := 0
	if !c.bit(&m.right[size][level], off == 0) {
		below := c.bit(&m.below[size][level], off < 0)
		rest := abs(off) - 1
		n := 0
		for n<<shift < 256 && c.bit(&m.more[size][min(n, longest)], rest>>shift > n) {
			n++
		}
		found = n
		for i := shift - 1; i >= 0; i-- {
			found <<= 1
			if c.bit(&m.fine[i][min(n, longest)], rest>>i&1 == 1) {
				found |= 1
			}
		}
		found++
		if below {
			found = -found
		}
	}
	m.off += (float64(abs(found)) - m.off) / memory
	return found
}

func abs(i int) int { return max(i, -i) }
