package jitter

import "branchline/media/level"

// concealer fills gaps in speech by ITU-T G.711 Appendix I: the last pitch period
// goes on, then the last two, then three, ever weaker, until after 60 ms there is
// silence. What it returns is late samples behind what it was given, so that the
// last quarter of a period can still be bent towards what follows.
type concealer struct {
	history [recall]int16 // what was given or made up, newest last
	tail    [late]int16   // of it, not returned yet

	lost   int // samples made up since the last good one
	pitch  int
	before [recall]int16      // the history as it was when the gap began
	cycle  [3 * longest]int16 // what is repeated
	size   int                // how much of it
	pos    int
	old    [3 * longest]int16 // what was, being faded out
	oldN   int
	oldAt  int
	fade   int // samples of it still to be mixed in
	level  float32
	hushed bool // fading quickly
}

const (
	recall   = 390 // 48.75 ms: three periods and a quarter
	late     = 30  // 3.75 ms: a quarter of the longest period
	longest  = 120 // pitch period: 66 Hz
	shortest = 40  // 200 Hz
	tenth    = 80  // samples in 10 ms
	mute     = 6 * tenth
)

func (c *concealer) reset() { *c = concealer{lost: mute} }

// silent reports whether nothing is heard any more of what was.
func (c *concealer) silent() bool { return c.lost >= mute }

// good takes in received speech and puts as much into out. They may be the same.
func (c *concealer) good(out, in []int16) {
	if c.lost > 0 && c.lost < mute {
		// The way back takes a quarter period and 4 ms for each 10 ms lost.
		n := min(c.pitch/4+32*(c.lost/tenth), tenth, len(in))
		var made [tenth]int16
		c.make(made[:n])
		for i := range n {
			w := float32(i+1) / float32(n+1)
			in[i] = level.Limit(float32(made[i])*(1-w) + float32(in[i])*w)
		}
	} else if c.lost > 0 {
		// Out of silence: no edge.
		n := min(tenth/4, len(in))
		for i := range n {
			in[i] = int16(int(in[i]) * (i + 1) / (n + 1))
		}
	}
	c.lost = 0
	c.give(out, in)
}

// bad makes up speech for a gap.
func (c *concealer) bad(out []int16) {
	if c.lost == 0 {
		c.begin()
	}
	c.make(out)
	c.give(out, out)
}

// hush lets what is being made up end within 10 ms, since silence is meant.
func (c *concealer) hush() {
	if c.lost == 0 {
		c.begin()
	}
	c.hushed = true
}

// give delays in by late samples and remembers it.
func (c *concealer) give(out, in []int16) {
	n := len(in)
	if n >= recall {
		copy(c.history[:], in[n-recall:])
	} else {
		copy(c.history[:], c.history[n:])
		copy(c.history[recall-n:], in)
	}
	// out and in may be the same memory.
	var kept [late]int16
	if n >= late {
		copy(kept[:], in[n-late:])
		copy(out[late:], in[:n-late])
		copy(out, c.tail[:])
		c.tail = kept
		return
	}
	copy(kept[:], c.tail[n:])
	copy(kept[late-n:], in)
	copy(out, c.tail[:n])
	c.tail = kept
}

// begin prepares for a gap.
func (c *concealer) begin() {
	c.before = c.history
	c.pitch = c.period()
	c.pos, c.fade, c.level, c.hushed = 0, 0, 1, false
	c.repeat(1)
	// What has not been returned yet ends as the cycle does, which leads into its
	// beginning.
	q := c.pitch / 4
	copy(c.tail[late-q:], c.cycle[c.size-q:c.size])
	copy(c.history[recall-q:], c.cycle[c.size-q:c.size])
}

// repeat makes the cycle of the last periods pitch periods, its end faded into
// what comes before its beginning.
func (c *concealer) repeat(periods int) {
	n, q := periods*c.pitch, c.pitch/4
	h := &c.before
	from := recall - n
	copy(c.cycle[:n], h[from:])
	for i := range q {
		w := float32(i+1) / float32(q+1)
		c.cycle[n-q+i] = level.Limit(float32(h[recall-q+i])*(1-w) + float32(h[from-q+i])*w)
	}
	c.size = n
}

// lengthen goes over to a longer cycle, at the same phase.
func (c *concealer) lengthen(periods int) {
	copy(c.old[:c.size], c.cycle[:c.size])
	c.oldN, c.oldAt, c.fade = c.size, c.pos, c.pitch/4
	c.repeat(periods)
	c.pos %= c.pitch
}

// join lets what is given next be faded in, since it does not follow from what was.
func (c *concealer) join() {
	if c.lost == 0 {
		c.begin()
		c.lost = 1
	}
}

// make goes on with the cycle.
func (c *concealer) make(dst []int16) {
	for i := range dst {
		if c.lost >= mute {
			clear(dst[i:])
			return
		}
		if c.lost == tenth || c.lost == 2*tenth {
			c.lengthen(1 + c.lost/tenth)
		}
		v := float32(c.cycle[c.pos])
		if c.pos++; c.pos == c.size {
			c.pos = 0
		}
		if c.fade > 0 {
			w := float32(c.fade) / float32(c.pitch/4+1)
			v = v*(1-w) + float32(c.old[c.oldAt])*w
			if c.oldAt++; c.oldAt == c.oldN {
				c.oldAt = 0
			}
			c.fade--
		}
		switch {
		case c.hushed:
			c.level -= 1.0 / tenth
		case c.lost >= tenth:
			c.level -= 1.0 / (mute - tenth)
		}
		dst[i] = level.Limit(v * max(0, c.level))
		if c.lost++; c.level <= 0 {
			c.lost = mute
		}
	}
}

// period is the pitch period of the last 20 ms: the lag of the best normalised
// correlation, looked for at every other sample first.
func (c *concealer) period() int {
	const span = 160
	h := c.history[recall-span-longest:]
	at, _ := bestLag(h[longest:], h, longest, shortest, longest)
	return at
}

// bestLag finds lag in [least, most] for which x, and the same many samples that
// begin zero-lag in y, are most alike, and how much (1: the same, 0: not at all).
func bestLag(x, y []int16, zero, least, most int) (lag int, likeness float32) {
	lag, likeness = least, -1
	try := func(l, stride int) {
		z := y[zero-l:]
		var xy, xx, yy float32
		for i := 0; i < len(x); i += stride {
			a, b := float32(x[i]), float32(z[i])
			xy += a * b
			xx += a * a
			yy += b * b
		}
		// Compared without the root, the sign kept.
		if s := xy * abs(xy) / (xx*yy + 1); s > likeness {
			lag, likeness = l, s
		}
	}
	for l := least; l <= most; l += 2 {
		try(l, 2)
	}
	near := lag
	lag, likeness = near, -1
	for l := max(least, near-1); l <= min(most, near+1); l++ {
		try(l, 1)
	}
	return lag, likeness
}

func abs(x float32) float32 {
	if x < 0 {
		return -x
	}
	return x
}
