package echo

// Filters are stored newest tap last, so that a filter and the stretch of signal
// it looks at run in the same direction. Their length is a multiple of eight.

// dot is the output of the filter w for the signal x, which is as long.
func dot(w, x []float32) float32 {
	var s0, s1, s2, s3 float32
	for len(w) >= 8 && len(x) >= 8 {
		a, b := (*[8]float32)(w), (*[8]float32)(x)
		s0 += a[0]*b[0] + a[4]*b[4]
		s1 += a[1]*b[1] + a[5]*b[5]
		s2 += a[2]*b[2] + a[6]*b[6]
		s3 += a[3]*b[3] + a[7]*b[7]
		w, x = w[8:], x[8:]
	}
	return (s0 + s1) + (s2 + s3)
}

// step adds g times u to the filter w and returns the output of the result for
// x: the update for one sample and the filtering of the next in one pass over w.
func step(w, u, x []float32, g float32) float32 {
	var s0, s1, s2, s3 float32
	for len(w) >= 8 && len(u) >= 8 && len(x) >= 8 {
		a, b, c := (*[8]float32)(w), (*[8]float32)(u), (*[8]float32)(x)
		a0 := a[0] + g*b[0]
		a1 := a[1] + g*b[1]
		a2 := a[2] + g*b[2]
		a3 := a[3] + g*b[3]
		a[0], a[1], a[2], a[3] = a0, a1, a2, a3
		s0 += a0 * c[0]
		s1 += a1 * c[1]
		s2 += a2 * c[2]
		s3 += a3 * c[3]
		a4 := a[4] + g*b[4]
		a5 := a[5] + g*b[5]
		a6 := a[6] + g*b[6]
		a7 := a[7] + g*b[7]
		a[4], a[5], a[6], a[7] = a4, a5, a6, a7
		s0 += a4 * c[4]
		s1 += a5 * c[5]
		s2 += a6 * c[6]
		s3 += a7 * c[7]
		w, u, x = w[8:], u[8:], x[8:]
	}
	return (s0 + s1) + (s2 + s3)
}

// energy is the sum of squares of x.
func energy(x []float32) float32 { return dot(x, x) }
