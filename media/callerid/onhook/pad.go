package onhook

import (
	"math"

	"branchline/media/sine"
)

// How a digit is told on a line that nobody speaks on. The detector of media/dtmf
// has voices to tell from digits, and for that wants them strong and clean; here
// they may be weak and noisy, and what is no digit is only noise or a ring.
const (
	// A block is 12.75 ms, so that a tone of 40 ms holds two whole ones wherever it
	// begins, and a pause of 40 ms two empty ones.
	padBlock  = 102
	padOn     = 2 // blocks in a row that begin a digit
	padOff    = 2 // and that end it
	padWeak   = -45.0
	padTwist  = 10.0 // dB between the tones at most
	padApart  = 6.0  // dB between the best tone of a group and the others
	padPurity = 0.75 // share of all energy that the tones must hold
)

// The keys, by rows and columns (ITU-T Q.23).
var (
	padHz = [8]float64{697, 770, 852, 941, 1209, 1336, 1477, 1633}
	// A sine of amplitude A leaves (A N/2)^2 in its bin.
	padFloor      = math.Pow(sine.Peak(padWeak)*padBlock/2, 2)
	padTwistRatio = math.Pow(10, padTwist/10)
	padApartRatio = math.Pow(10, padApart/10)
)

const padKeys = "123A456B789C*0#D"

// A pad hears keys.
type pad struct {
	k      [8]float64
	s      [8][2]float64
	total  float64
	n      int
	key    byte // that sounds, 0: none
	cand   byte
	hits   int
	misses int
}

func newPad() (p pad) {
	for i, hz := range padHz {
		p.k[i] = 2 * math.Cos(2*math.Pi*hz/Rate)
	}
	return p
}

func (p *pad) reset() { *p = pad{k: p.k} }

// hear takes up to 20 ms and says which key began in it and which ended.
func (p *pad) hear(speech []int16) (began, ended byte) {
	for len(speech) > 0 {
		n := min(len(speech), padBlock-p.n)
		p.feed(speech[:n])
		p.n += n
		speech = speech[n:]
		if p.n == padBlock {
			b, e := p.step(p.judge())
			began |= b
			ended |= e
		}
	}
	return began, ended
}

func (p *pad) feed(speech []int16) {
	for _, v := range speech {
		p.total += float64(v) * float64(v)
	}
	for i := range p.k {
		k, s1, s2 := p.k[i], p.s[i][0], p.s[i][1]
		for _, v := range speech {
			s1, s2 = float64(v)+k*s1-s2, s1
		}
		p.s[i] = [2]float64{s1, s2}
	}
}

// judge finds the key in a full block, 0 if there is none.
func (p *pad) judge() byte {
	var e [8]float64
	for i := range e {
		s1, s2 := p.s[i][0], p.s[i][1]
		e[i] = s1*s1 + s2*s2 - p.k[i]*s1*s2
	}
	all := p.total * padBlock / 2
	p.s, p.total, p.n = [8][2]float64{}, 0, 0
	row, low := strongest(e[:4])
	column, high := strongest(e[4:])
	if low < padFloor || high < padFloor || low > high*padTwistRatio || high > low*padTwistRatio || low+high < padPurity*all {
		return 0
	}
	return padKeys[4*row+column]
}

// strongest is the tone of a group that stands apart from the others, with its
// energy; 0 if none does.
func strongest(e []float64) (tone int, energy float64) {
	for i := range e {
		if e[i] > e[tone] {
			tone = i
		}
	}
	for i := range e {
		if i != tone && e[i]*padApartRatio > e[tone] {
			return 0, 0
		}
	}
	return tone, e[tone]
}

// step moves on by a block in which hit was heard.
func (p *pad) step(hit byte) (began, ended byte) {
	if hit != 0 && hit == p.cand {
		p.hits++
	} else {
		p.cand, p.hits = hit, 1
	}
	if p.key != 0 {
		if hit == p.key {
			p.misses = 0
		} else if p.misses++; p.misses >= padOff {
			ended, p.key = p.key, 0
		}
	}
	if p.key == 0 && hit != 0 && p.hits >= padOn {
		p.key, p.misses = hit, 0
		began = hit
	}
	return began, ended
}
