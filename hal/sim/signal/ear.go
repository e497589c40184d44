package signal

import (
	"math"
	"slices"
	"time"

	"branchline/hal"
)

// A Pattern is a tone that an Ear knows by name.
type Pattern struct {
	Name  string
	Hz    []float64       // one or two
	Times []time.Duration // on, off, on, off ...; nil: without end
}

// Zone are the tones of a country's exchanges.
type Zone struct {
	Dial, Busy, Congestion, Ringback Pattern
}

const ms = time.Millisecond

// Taiwan are the tones of Taiwan, which are those of North America with a shorter
// ringback.
func Taiwan() Zone {
	return Zone{
		Dial:       Pattern{"dial", []float64{350, 440}, nil},
		Busy:       Pattern{"busy", []float64{480, 620}, []time.Duration{500 * ms, 500 * ms}},
		Congestion: Pattern{"congestion", []float64{480, 620}, []time.Duration{250 * ms, 250 * ms}},
		Ringback:   Pattern{"ringback", []float64{440, 480}, []time.Duration{1000 * ms, 2000 * ms}},
	}
}

// Patterns are all tones of the zone.
func (z Zone) Patterns() []Pattern { return []Pattern{z.Dial, z.Busy, z.Congestion, z.Ringback} }

// Sound plays the pattern at the level that exchanges use, -13 dBm0 per sine.
func (p Pattern) Sound() Sound { return Cadence(-13, p.Hz, p.Times...) }

// What an Ear hears beside patterns.
const (
	Quiet = "silence" // for five seconds
	Voice = "voice"   // any other sound, for a fifth of a second
)

// Ear says by name what is heard: a cadence after its first full turn, a tone
// without end once it has lasted longer than any burst of the same sines.
type Ear struct {
	patterns []Pattern
	fits     []fit // one per set of sines
	window   [2 * hal.FrameSize]int16
	runs     [3]run // the current one last
	unsure   int    // frames of something else that may be an edge
	heard    string
}

// A run is a number of frames of the same: an index in fits, or silent, or other.
type run struct{ what, frames int }

// edges is how many frames the passage from one sound to another may be unlike
// either.
const edges = 3

const (
	silent = -1
	other  = -2
)

// NewEar makes an ear for patterns.
func NewEar(patterns ...Pattern) *Ear {
	e := &Ear{patterns: patterns}
	for _, p := range patterns {
		if e.index(p.Hz) < 0 {
			e.fits = append(e.fits, newFit(p.Hz))
		}
	}
	for i := range e.runs {
		e.runs[i].what = silent
	}
	return e
}

func (e *Ear) index(hz []float64) int {
	return slices.IndexFunc(e.fits, func(f fit) bool { return slices.Equal(f.hz, hz) })
}

// Hear takes the next frame. When it knows something new it returns its name,
// otherwise "".
func (e *Ear) Hear(f *hal.Frame) string {
	copy(e.window[:], e.window[hal.FrameSize:])
	copy(e.window[hal.FrameSize:], f[:])
	last := &e.runs[len(e.runs)-1]
	switch what := e.what(); {
	case what == last.what:
		last.frames += 1 + e.unsure
		e.unsure = 0
	case what == other && e.unsure < edges:
		e.unsure++
	default:
		// Where one sound ends and another begins is somewhere in between.
		last.frames += e.unsure / 2
		copy(e.runs[:], e.runs[1:])
		*last = run{what, 1 + e.unsure - e.unsure/2}
		e.unsure = 0
	}
	name := e.name()
	if name == "" || name == e.heard {
		return ""
	}
	e.heard = name
	return name
}

// what tells which sines the window consists of.
func (e *Ear) what() int {
	if level(e.window[:]) < -45 {
		return silent
	}
	best, share := other, 0.85
	for i := range e.fits {
		s := e.fits[i].share(e.window[:])
		if best != other {
			// Two sines always fit at least as well as one of them.
			s -= 0.05 * float64(len(e.fits[i].hz)-len(e.fits[best].hz))
		}
		if s > share {
			best, share = i, s
		}
	}
	return best
}

const frame = time.Second * hal.FrameSize / hal.Rate

func (e *Ear) name() string {
	on, off, now := e.runs[0], e.runs[1], e.runs[2]
	lasted := time.Duration(now.frames) * frame
	switch {
	case now.what == silent && lasted >= 5*time.Second:
		return Quiet
	case now.what == other && lasted >= 200*ms:
		return Voice
	case now.what < 0:
		return ""
	}
	longest, name, least := 300*ms, "", 2*time.Hour
	for _, p := range e.patterns {
		if e.index(p.Hz) != now.what {
			continue
		}
		for i := 0; i+1 < len(p.Times); i += 2 {
			longest = max(longest, p.Times[i])
			a, b := on.differs(p.Times[i]), off.differs(p.Times[i+1])
			if on.what == now.what && off.what == silent && a <= tolerance(p.Times[i]) && b <= tolerance(p.Times[i+1]) && a+b < least {
				name, least = p.Name, a+b
			}
		}
	}
	if name != "" {
		return name
	}
	if lasted < longest+200*ms {
		return ""
	}
	for _, p := range e.patterns {
		if p.Times == nil && e.index(p.Hz) == now.what {
			return p.Name
		}
	}
	return Voice
}

func (r run) differs(want time.Duration) time.Duration {
	return (time.Duration(r.frames)*frame - want).Abs()
}

// tolerance allows for the window's length, two frames, which smears the edges.
func tolerance(want time.Duration) time.Duration { return max(60*ms, want/8) }

// fit tells how much of a window some sines make up together. Sines that are
// closer than the window resolves are not independent of each other, hence the
// least squares.
type fit struct {
	hz     []float64
	base   [][]float64 // cosine and sine of each
	invert [][]float64 // the inverse of base's Gram matrix
}

func newFit(hz []float64) fit {
	f := fit{hz: hz}
	for _, hz := range hz {
		c, s := make([]float64, 2*hal.FrameSize), make([]float64, 2*hal.FrameSize)
		for i := range c {
			s[i], c[i] = math.Sincos(2 * math.Pi * hz * float64(i) / hal.Rate)
		}
		f.base = append(f.base, c, s)
	}
	n := len(f.base)
	gram := make([][]float64, n)
	for i := range gram {
		gram[i] = make([]float64, 2*n)
		gram[i][n+i] = 1
		for j := range n {
			for k, v := range f.base[i] {
				gram[i][j] += v * f.base[j][k]
			}
		}
	}
	// Gauss and Jordan; the matrix is positive definite and needs no pivots.
	for i := range gram {
		p := gram[i][i]
		for k := range gram[i] {
			gram[i][k] /= p
		}
		for j := range gram {
			if q := gram[j][i]; j != i {
				for k := range gram[j] {
					gram[j][k] -= q * gram[i][k]
				}
			}
		}
	}
	for i := range gram {
		f.invert = append(f.invert, gram[i][n:])
	}
	return f
}

// share is 1 if x is nothing but these sines.
func (f *fit) share(x []int16) float64 {
	var onto [4]float64
	for i, b := range f.base {
		for k, v := range x {
			onto[i] += b[k] * float64(v)
		}
	}
	var e float64
	for i := range f.base {
		for j := range f.base {
			e += onto[i] * f.invert[i][j] * onto[j]
		}
	}
	return e / energy(x)
}
