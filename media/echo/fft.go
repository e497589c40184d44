package echo

import (
	"math"
	"math/bits"
)

// fft is the discrete Fourier transform of one length, a power of two.
type fft struct {
	turn []complex64 // exp(-2 pi i k / n), half a circle
	swap []uint16    // bit reversal
}

func newFFT(n int) *fft {
	f := &fft{turn: make([]complex64, n/2), swap: make([]uint16, n)}
	for i := range f.turn {
		s, c := math.Sincos(-2 * math.Pi * float64(i) / float64(n))
		f.turn[i] = complex(float32(c), float32(s))
	}
	shift := 32 - bits.Len(uint(n-1))
	for i := range f.swap {
		f.swap[i] = uint16(bits.Reverse32(uint32(i)) >> shift)
	}
	return f
}

// forward transforms w in place.
func (f *fft) forward(w []complex64) {
	for i, j := range f.swap {
		if i < int(j) {
			w[i], w[j] = w[j], w[i]
		}
	}
	for half := 1; half < len(w); half *= 2 {
		stride := len(f.turn) / half
		for at := 0; at < len(w); at += 2 * half {
			a, b := w[at:at+half], w[at+half:at+2*half]
			for k := range a {
				t := f.turn[k*stride]
				re := real(b[k])*real(t) - imag(b[k])*imag(t)
				im := real(b[k])*imag(t) + imag(b[k])*real(t)
				x := a[k]
				a[k] = complex(real(x)+re, imag(x)+im)
				b[k] = complex(real(x)-re, imag(x)-im)
			}
		}
	}
}
