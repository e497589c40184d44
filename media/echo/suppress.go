package echo

import "math"

// suppressor is the non-linear processor: it replaces what subtraction has left
// of the echo by noise like that of the line, while the far side is silent
// (ITU-T G.168 clause 5, 6.4.2.3).
type suppressor struct {
	share  float32 // of the subtracted echo that is left, in power
	echo   float32 // power of the subtracted echo lately
	level  float32 // of the output now: 1 passes what is there, 0 replaces it
	linger int     // blocks that the far side is taken to talk on for
	speech bool    // it talks

	slow    float32    // power of the output over 40 ms
	lows    [8]float32 // its minima in stretches of 0.2 s
	low     int        // blocks in the present one
	noise   float32    // power of the line's noise
	noiseR  [order + 1]float32
	colour  whitening
	tail    [order]float32
	seed    uint32
	learned int
}

const (
	margin   = 5.6   // the error that is not echo is so much stronger than what echo is expected (7.5 dB)
	leeway   = 1.5   // the same for echo that is only guessed
	loudest  = 41000 // power of noise that is still made: -38 dBm0; louder is a tone
	decay    = 0.6   // of the echo from block to block, after the reference has ended
	faintest = 82    // -65 dBm0: echo below need not be suppressed (G.168)
)

func (p *suppressor) reset() {
	p.share, p.level, p.seed = hybrid, 1, 0x9e3779b9
	p.noise, p.noiseR[0], p.colour.gain = 20, 20*chunk, 1 // -71 dBm0, until the line's own is known
	for i := range p.lows {
		p.lows[i] = loudest
	}
}

// open lets through what comes until there is reason to do otherwise.
func (p *suppressor) open() { p.level, p.linger = 1, 0 }

// suppress finishes one block of n samples in c.out.
func (c *Canceller) suppress(s *sums, n int) {
	p := &c.suppressor
	size := float32(n)
	left, echo := s.fore/size, s.echo/size
	p.echo = max(echo, p.echo*decay)
	// As long as the path is not known, the echo is what a bad hybrid would return.
	known, guess := p.share*p.echo, c.missing()*s.around
	expected := max(known, guess)
	p.listen(c, left, expected, n)

	talking := left > max(margin*known, leeway*guess)+2*p.noise
	if left > 0.1*p.echo+4*p.noise && c.control.unexplained() {
		talking = true
	}
	if p.echo > 16*p.noise && p.echo > faintest {
		p.learn(left/p.echo, talking)
	}
	switch {
	case talking:
		p.linger = 8
		if c.fore.miss > 0.01 {
			p.linger = 2 // what passes in the meantime may be loud echo
		}
	case p.linger > 0:
		p.linger--
	}
	p.speech = talking
	target := float32(1)
	if p.linger == 0 && expected > max(0.3*p.noise, 1) {
		target = 0
	}
	if p.level == 1 && target == 1 {
		return
	}
	// Opening takes 2 ms, so that the far side's first syllable is whole; closing 5.
	rate := float32(1.0 / 16)
	if target == 0 {
		rate = -1.0 / 40
	}
	gain := float32(0)
	if !c.conf.Silent {
		gain = float32(math.Sqrt(float64(p.noise / p.colour.gain)))
	}
	for i := range c.out[:n] {
		p.level = min(1, max(0, p.level+rate))
		c.out[i] = p.level*c.out[i] + (1-p.level)*p.hiss(gain)
	}
}

// trust takes the learner's word for the share that will be left, with some doubt:
// while the far side talks it cannot be measured.
func (p *suppressor) trust(share float32) { p.share = min(p.share, max(16*share, 1e-3)) }

// learn follows the share of the echo that subtraction leaves: down quickly, up
// slowly, and hardly at all while the far side talks.
func (p *suppressor) learn(share float32, talking bool) {
	switch {
	case share < p.share:
		p.share += (share - p.share) * 0.1
	case !talking:
		p.share *= 1.03
	default:
		p.share *= 1.001
	}
	p.share = min(max(p.share, 1e-4), hybrid)
}

// listen follows the noise of the line: its power is the mean of blocks that are
// not much louder than the quietest of the last 1.6 s, and its colour theirs.
func (p *suppressor) listen(c *Canceller, left, expected float32, n int) {
	p.slow += (left - p.slow) * (1.0 / 8)
	p.lows[0] = min(p.lows[0], p.slow)
	if p.low++; p.low == 40 {
		p.low = 0
		copy(p.lows[1:], p.lows[:])
		p.lows[0] = p.slow
	}
	least := p.lows[0]
	for _, v := range p.lows[1:] {
		least = min(least, v)
	}
	if least >= loudest {
		return
	}
	if p.noise > 4*least+1 {
		p.noise = 2 * least // the noise has ceased
	}
	if left > 3*least+1 || expected > 0.3*left+0.3 {
		return
	}
	rate := float32(1.0 / 100)
	if p.learned < 100 {
		p.learned++
		rate = 1 / float32(p.learned)
	}
	p.noise += (left - p.noise) * rate
	for i, v := range c.control.talkR {
		p.noiseR[i] += (v - p.noiseR[i]) * rate
	}
	p.colour.solve(&p.noiseR)
}

// hiss is the next sample of noise as the line has it.
func (p *suppressor) hiss(gain float32) float32 {
	if gain == 0 {
		return 0
	}
	// Two uniform numbers of sixteen bits, whose sum has unit variance.
	p.seed ^= p.seed << 13
	p.seed ^= p.seed >> 17
	p.seed ^= p.seed << 5
	u := float32(int16(p.seed)) + float32(int16(p.seed>>16))
	v := u * (gain * 3.7378e-5)
	for k, a := range p.colour.a {
		v -= a * p.tail[k]
	}
	copy(p.tail[1:], p.tail[:])
	p.tail[0] = v
	return v
}
