package jitter

import (
	"math"

	"branchline/media/level"
)

// comfort is noise as RFC 3389 describes it: a level, and optionally the
// reflection coefficients of its colour.
type comfort struct {
	on    bool
	from  uint32 // timestamp from which it is heard
	gain  float32
	k     [colours]float32
	order int
	state [colours + 1]float32
	seed  uint32
}

const colours = 12 // coefficients; more are not heard

// set reads the payload of a comfort noise packet.
func (c *comfort) set(stamp uint32, b []byte) {
	if len(b) == 0 {
		return
	}
	c.on, c.from = true, stamp
	c.order = min(len(b)-1, colours)
	// The level is in -dBov; the excitation is weaker by what the filter adds.
	power := float32(math.Pow(10, -float64(b[0]&0x7f)/10)) * 32767 * 32767
	for i := range c.order {
		// A quantised coefficient of +-1 would ring for ever.
		k := float32(258*(int(b[1+i])-127)) / 32768
		c.k[i] = max(-0.95, min(0.95, k))
		power *= 1 - c.k[i]*c.k[i]
	}
	c.gain = float32(math.Sqrt(float64(power)))
	if c.seed == 0 {
		c.seed = 0x9e3779b9
	}
}

// fill makes noise.
func (c *comfort) fill(dst []int16) {
	for i := range dst {
		c.seed ^= c.seed << 13
		c.seed ^= c.seed >> 17
		c.seed ^= c.seed << 5
		// The sum of two uniform numbers, of unit variance.
		v := (float32(int16(c.seed)) + float32(int16(c.seed>>16))) * (3.7376e-5 * c.gain)
		// The lattice form of the all-pole filter.
		for m := c.order - 1; m >= 0; m-- {
			v -= c.k[m] * c.state[m]
			c.state[m+1] = c.state[m] + c.k[m]*v
		}
		c.state[0] = v
		dst[i] = level.Limit(v)
	}
}
