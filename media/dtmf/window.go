package dtmf

import "math"

// Speech is looked at through a window of 12.75 ms, wide enough to tell the tones
// of a group apart, that moves on in hops of 2.1 ms: the length of a tone is then
// known well enough to take one of 40 ms and to refuse one of 23 (Q.24 table 1).
const (
	hopLen    = 17
	hops      = 6 // per window
	windowLen = hops * hopLen
	lag       = 3 // hops between two looks at a tone's phase, by which its frequency is known
)

// A window holds the last 12.75 ms: how strong each of the eight tones is in them,
// and how strong all of it.
type window struct {
	high highpass

	tones [8]complex128       // Fourier sums over the window, phase at its end
	parts [hops][8]complex128 // of each hop
	past  [lag][8]complex128  // tones of the last hops
	above [hops]float64       // energy of each hop, above the dial tones
	below [hops]float64       // what is left of its energy
	hop   int                 // number of the next hop
}

// A factor turns phases on: by one hop, by five.
type factor struct {
	k         float64 // of the recurrence
	unit      complex128
	one, five complex128
	back      complex128 // by lag hops, backwards
}

var factors = func() (f [8]factor) {
	for i := range f {
		hz := lows[i%4]
		if i >= 4 {
			hz = highs[i-4]
		}
		w := 2 * math.Pi * hz / Rate
		turn := func(samples float64) complex128 { return complex(math.Cos(w*samples), math.Sin(w*samples)) }
		f[i] = factor{2 * math.Cos(w), turn(-1), turn(hopLen), turn((hops - 1) * hopLen), turn(-lag * hopLen)}
	}
	return f
}()

// inaudible is the energy of a hop too quiet to hold a tone worth hearing: those
// need not be taken apart.
const inaudible = hopLen * 60 * 60 / 2

// step moves the window on by one hop.
func (w *window) step(speech *[hopLen]int16) {
	var x [hopLen]float64
	all, above := 0.0, 0.0
	for i, v := range speech {
		f := float64(v)
		all += f * f
		h := w.high.next(f)
		above += h * h
		x[i] = h
	}
	now, old := w.hop%hops, w.hop%lag
	w.above[now], w.below[now] = above, max(0, all-above)
	w.past[old] = w.tones
	part := &w.parts[now]
	before := *part
	*part = [8]complex128{}
	if above > inaudible {
		fourier(&x, (*[4]complex128)(part[:4]), (*[4]factor)(factors[:4]))
		fourier(&x, (*[4]complex128)(part[4:]), (*[4]factor)(factors[4:]))
	}
	for i := range w.tones {
		f := &factors[i]
		w.tones[i] = (w.tones[i]-before[i]*f.five)*f.one + part[i]
	}
	w.hop++
}

// fourier is four bins of a Fourier transform by recurrence (Goertzel), abreast
// because each has to wait for itself.
func fourier(x *[hopLen]float64, out *[4]complex128, f *[4]factor) {
	var a1, a2, b1, b2, c1, c2, d1, d2 float64
	ka, kb, kc, kd := f[0].k, f[1].k, f[2].k, f[3].k
	for _, v := range x {
		a1, a2 = v+ka*a1-a2, a1
		b1, b2 = v+kb*b1-b2, b1
		c1, c2 = v+kc*c1-c2, c1
		d1, d2 = v+kd*d1-d2, d1
	}
	out[0] = complex(a1, 0) - f[0].unit*complex(a2, 0)
	out[1] = complex(b1, 0) - f[1].unit*complex(b2, 0)
	out[2] = complex(c1, 0) - f[2].unit*complex(c2, 0)
	out[3] = complex(d1, 0) - f[3].unit*complex(d2, 0)
}

func energy(c complex128) float64 { return real(c)*real(c) + imag(c)*imag(c) }

// advance is how tone i moved on against its nominal frequency during lag hops:
// its argument is the deviation.
func (w *window) advance(i int) complex128 {
	then := w.past[w.hop%lag][i] // the oldest: lag hops before the last step
	return w.tones[i] * complex(real(then), -imag(then)) * factors[i].back
}

func sum(e *[hops]float64) (s float64) {
	for _, v := range e {
		s += v
	}
	return s
}

// A highpass takes dial tones, which are below 480 Hz in every country, down by 30
// dB and leaves digits as they are: two sections with zeros at 200 and 433 Hz.
type highpass struct{ a1, a2, b1, b2 float64 }

func (h *highpass) next(v float64) float64 {
	const (
		gain      = 0.55432
		n1        = -1.975605
		p11, p12  = -1.623373, 0.843274
		n2        = -1.885262
		p21, p22  = -1.240377, 0.469289
		nodenorms = 1e-20 // keeps a decaying filter out of denormal numbers
	)
	v = v*gain + nodenorms
	u := v + h.a1
	h.a1, h.a2 = (n1*v+h.a2)-p11*u, v-p12*u
	y := u + h.b1
	h.b1, h.b2 = (n2*u+h.b2)-p21*y, u-p22*y
	return y
}
