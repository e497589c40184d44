package progress

import (
	"errors"
	"math"
	"slices"

	"branchline/media/tone"
)

// A template is a tone as a space of signals: all that its frequencies, each a
// little off, can make in a window. How much of a window's energy lies in that
// space says whether the tone is there, however its frequencies beat or lie
// between the bins of a transform.
type template struct {
	hz        []float64
	modulated bool
	share     float64              // of the energy
	basis     [][windowLen]float32 // orthonormal
	// duals give the amplitude of each frequency of a tone whose frequencies are far
	// enough apart to be told in a window: cosine and sine.
	duals [][windowLen]float32
}

const (
	bend     = 12.0 // Hz a single frequency may be off without loss
	alone    = 0.88 // of a window's energy that a single frequency holds
	together = 0.80 // that several hold, which are a little off
	balance  = 16.0 // energy of one frequency to that of another, at most: 12 dB
	tellable = 60.0 // Hz between frequencies that can be told apart
	maxTones = 60
)

// tone finds or makes the template of what sounds in s and returns its number.
func (z *Zone) tone(s tone.Step, bend float64) (int, error) {
	for i := range z.tones {
		if t := &z.tones[i]; slices.Equal(t.hz, s.Hz) && t.modulated == s.Modulated {
			return i, nil
		}
	}
	if len(z.tones) == maxTones {
		return 0, errors.New("too many different tones")
	}
	t := template{hz: s.Hz, modulated: s.Modulated, share: alone}
	if len(s.Hz) > 1 {
		bend, t.share = 0, together // several of them, bent, could make anything between them
	}
	for _, hz := range t.lines() {
		for _, by := range []float64{-bend, 0, bend} {
			t.span(hz+by, 0)
			t.span(hz+by, math.Pi/2)
		}
	}
	if !s.Modulated && len(s.Hz) == 2 && math.Abs(s.Hz[0]-s.Hz[1]) >= tellable {
		t.dual()
	}
	z.tones = append(z.tones, t)
	return len(z.tones) - 1, nil
}

// span adds a wave to the space, if it is not in it already.
func (t *template) span(hz, phase float64) {
	v := wave(hz, phase)
	full := dot(&v, &v)
	for range 2 { // twice, for what rounding leaves
		for i := range t.basis {
			var b [windowLen]float64
			for k, x := range t.basis[i] {
				b[k] = float64(x)
			}
			p := dot(&v, &b)
			for k := range v {
				v[k] -= p * b[k]
			}
		}
	}
	rest := dot(&v, &v)
	if rest < full*1e-5 {
		return
	}
	var b [windowLen]float32
	for k := range v {
		b[k] = float32(v[k] / math.Sqrt(rest))
	}
	t.basis = append(t.basis, b)
}

// dual makes the vectors that give each wave's amplitude in the presence of the
// others: the inverse of their products.
func (t *template) dual() {
	waves := [4][windowLen]float64{wave(t.hz[0], 0), wave(t.hz[0], math.Pi/2), wave(t.hz[1], 0), wave(t.hz[1], math.Pi/2)}
	var m [4][8]float64
	for i := range 4 {
		for k := range 4 {
			m[i][k] = dot(&waves[i], &waves[k])
		}
		m[i][4+i] = 1
	}
	for i := range 4 {
		p := m[i][i]
		for k := range 8 {
			m[i][k] /= p
		}
		for r := range 4 {
			if f := m[r][i]; r != i {
				for k := range 8 {
					m[r][k] -= f * m[i][k]
				}
			}
		}
	}
	t.duals = make([][windowLen]float32, 4)
	for i := range t.duals {
		for n := range windowLen {
			var s float64
			for k := range 4 {
				s += m[i][4+k] * waves[k][n]
			}
			t.duals[i][n] = float32(s)
		}
	}
}

// passes reports whether a window of u may pass for one of t: each of its
// frequencies is beside one of t's, and t can do without those it has not.
func (t *template) passes(u *template) bool {
	beside := func(a, b []float64) bool {
		return !slices.ContainsFunc(a, func(x float64) bool {
			return !slices.ContainsFunc(b, func(y float64) bool { return math.Abs(x-y) <= 2.5*bend })
		})
	}
	return beside(u.lines(), t.lines()) && (t.duals == nil || beside(t.lines(), u.lines()))
}

// lines are the frequencies of t's spectrum.
func (t *template) lines() []float64 {
	if t.modulated && len(t.hz) == 2 {
		return []float64{t.hz[0], t.hz[0] - t.hz[1], t.hz[0] + t.hz[1]}
	}
	return t.hz
}

// match says which tones a window holds, one bit each.
func (z *Zone) match(w *[windowLen]float32, energy float64) (found uint64) {
	for i := range z.tones {
		t := &z.tones[i]
		var in float64
		for k := range t.basis {
			p := project(w, &t.basis[k])
			in += p * p
		}
		if in >= t.share*energy && t.balanced(w) {
			found |= 1 << i
		}
	}
	return found
}

func (t *template) balanced(w *[windowLen]float32) bool {
	if t.duals == nil {
		return true
	}
	var a [4]float64
	for i := range a {
		a[i] = project(w, &t.duals[i])
	}
	one, two := a[0]*a[0]+a[1]*a[1], a[2]*a[2]+a[3]*a[3]
	return one <= two*balance && two <= one*balance
}

func project(w, b *[windowLen]float32) float64 {
	var s0, s1, s2, s3 float32
	for i := 0; i < windowLen; i += 4 {
		s0 += w[i] * b[i]
		s1 += w[i+1] * b[i+1]
		s2 += w[i+2] * b[i+2]
		s3 += w[i+3] * b[i+3]
	}
	return float64(s0 + s1 + s2 + s3)
}

func wave(hz, phase float64) (v [windowLen]float64) {
	for n := range v {
		v[n] = math.Cos(2*math.Pi*hz*float64(n)/Rate - phase)
	}
	return v
}

func dot(a, b *[windowLen]float64) (s float64) {
	for i := range a {
		s += a[i] * b[i]
	}
	return s
}
