package echo

// order is that of the predictor that whitens: enough for two formants and the
// tilt of a voice.
const order = 8

// flatten keeps the predictor from sharpening more than about 10 dB: beyond that
// it would lift the noise of the line where there is hardly any speech to learn
// from, and learning gets slower again. Found by trial on speech through u-law.
const flatten = 1.1

// whitening is a prediction error filter 1 + a1 z^-1 + ... Normalised LMS
// converges as slowly as the weakest part of the reference's spectrum makes it;
// adapting on signals that went through this filter makes speech look like noise,
// and the solution is the same.
type whitening struct {
	a    [order]float32
	gain float32 // power of the signal over that of its prediction error
}

// learn sets the filter from x. Silence leaves it flat.
func (f *whitening) learn(x []float32) {
	r := correlations(x)
	f.solve(&r)
}

// solve is the recursion of Levinson and Durbin for the autocorrelation r.
func (f *whitening) solve(r *[order + 1]float32) {
	f.a, f.gain = [order]float32{}, 1
	if r[0] < 1 {
		return
	}
	e := r[0]*flatten + 1
	first := e
	for i := range order {
		k := r[i+1]
		for j := range i {
			k += f.a[j] * r[i-j]
		}
		k /= -e
		for lo, hi := 0, i-1; lo <= hi; lo, hi = lo+1, hi-1 {
			f.a[lo], f.a[hi] = f.a[lo]+k*f.a[hi], f.a[hi]+k*f.a[lo]
		}
		f.a[i] = k
		e *= 1 - k*k
	}
	f.gain = first / e
}

// apply filters src into dst, which is order samples shorter.
func (f *whitening) apply(dst, src []float32) {
	a := f.a
	for i := range dst {
		s := (*[order + 1]float32)(src[i:])
		dst[i] = s[8] + a[0]*s[7] + a[1]*s[6] + a[2]*s[5] + a[3]*s[4] + a[4]*s[3] + a[5]*s[2] + a[6]*s[1] + a[7]*s[0]
	}
}

// correlations is the autocorrelation of x from 0 to order.
func correlations(x []float32) (r [order + 1]float32) {
	for k := range r {
		a, b := x[k:], x[:len(x)-k]
		n := len(a) &^ 7
		s := dot(a[:n], b[:n])
		for i := n; i < len(a); i++ {
			s += a[i] * b[i]
		}
		r[k] = s
	}
	return r
}
