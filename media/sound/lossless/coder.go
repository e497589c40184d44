package lossless

// A prob is how likely a bit is set, in 65536ths: two estimates, a quick one and a
// steady one.
type prob struct{ quick, steady uint16 }

var even = prob{1 << 15, 1 << 15}

// chance is 1 to 65535.
func (p *prob) chance() uint32 {
	return min(max((uint32(p.quick)+uint32(p.steady))/2, 32), 65536-32)
}

func (p *prob) learn(set bool) {
	if set {
		p.quick += (65535 - p.quick) >> 4
		p.steady += (65535 - p.steady) >> 7
	} else {
		p.quick -= p.quick >> 4
		p.steady -= p.steady >> 7
	}
}

// A coder writes bits or reads them. It narrows an interval by each bit, in proportion
// to the bit's probability; what is the same at both ends of the interval is written, or
// has been read.
type coder struct {
	low, high uint32

	writes bool
	out    []byte

	in      []byte
	at      uint32 // the next four bytes of in
	missing bool   // in was too short
}

func writer() *coder { return &coder{high: 1<<32 - 1, writes: true} }

func reader(packed []byte) *coder {
	c := &coder{high: 1<<32 - 1, in: packed}
	for range 4 {
		c.next()
	}
	return c
}

// next takes in a byte.
func (c *coder) next() {
	c.at <<= 8
	if len(c.in) == 0 {
		c.missing = true
		return
	}
	c.at |= uint32(c.in[0])
	c.in = c.in[1:]
}

// bit writes set and returns it; a reader returns the bit that it reads.
func (c *coder) bit(p *prob, set bool) bool {
	mid := c.low + uint32(uint64(c.high-c.low)*uint64(p.chance())>>16)
	if !c.writes {
		set = c.at <= mid
	}
	if set {
		c.high = mid
	} else {
		c.low = mid + 1
	}
	for (c.low^c.high)>>24 == 0 {
		if c.writes {
			c.out = append(c.out, byte(c.high>>24))
		} else {
			c.next()
		}
		c.low <<= 8
		c.high = c.high<<8 | 0xFF
	}
	p.learn(set)
	return set
}

// finish writes what names a number within the interval, and is all that was written.
func (c *coder) finish() []byte {
	mid := c.low + (c.high-c.low)/2
	return append(c.out, byte(mid>>24), byte(mid>>16), byte(mid>>8), byte(mid))
}
