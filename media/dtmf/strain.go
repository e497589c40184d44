package dtmf

import (
	"math"
	"math/cmplx"
)

// strain says how far a candidate is from an ideal digit. What the tones leave in
// each other's bins is taken into account, so that a clean digit holds all of the
// energy wherever its frequencies are.
func (k *candidate) strain(row, col int) float64 {
	w1, w2 := 2*math.Pi*lows[row]/Rate, 2*math.Pi*highs[col]/Rate
	// Where the tones are, first as the bins have it, then without each other.
	d1, d2 := cmplx.Phase(k.low)/(lag*hopLen), cmplx.Phase(k.high)/(lag*hopLen)
	var a, b [hops]complex128
	k.part(&a, &b, w1, w2, d1, d2)
	d1 += drift(&a, k.hits, w1+d1)
	d2 += drift(&b, k.hits, w2+d2)
	k.part(&a, &b, w1, w2, d1, d2)

	between := kernel(w1 + d1 - w2 - d2)
	var low, high, both, all float64
	for i := range a {
		low += energy(a[i])
		high += energy(b[i])
		both += real(a[i] * cmplx.Conj(b[i]) * between)
		all += k.all[i]
	}
	share := ((low+high)*windowLen/2 + both) * windowLen / 2 / all
	twist := 10 * math.Log10(high/low)
	if twist > 0 {
		twist /= twistFwd
	} else {
		twist /= twistRev
	}
	d1 /= w1 * deviation
	d2 /= w2 * deviation
	miss := (1 - share) / (1 - shareAll)
	worst := max(math.Abs(d1), math.Abs(d2), math.Abs(twist), math.Abs(miss))
	if !(worst < 1) { // not a number in silence
		return math.Inf(1)
	}
	return d1*d1 + d2*d2 + twist*twist + miss*miss
}

// part finds the amplitudes of the two tones in each of the last windows from what
// their bins hold, given how far, in radians a sample, they are beside the bins.
func (k *candidate) part(a, b *[hops]complex128, w1, w2, d1, d2 float64) {
	k11, k12 := kernel(d1), kernel(w2+d2-w1) // in the bin of the row
	k21, k22 := kernel(w1+d1-w2), kernel(d2)
	det := (k11*k22 - k12*k21) / 2
	for i := range a {
		p, q := k.rows[i], k.cols[i]
		a[i] = (p*k22 - q*k12) / det
		b[i] = (q*k11 - p*k21) / det
	}
}

// drift is by how many radians a sample a tone is beside w, from windows of which
// the last is number last.
func drift(a *[hops]complex128, last int, w float64) float64 {
	back := cmplx.Rect(1, -w*lag*hopLen)
	var sum complex128
	for i := range hops - lag {
		now := (last - i + hops*2) % hops
		then := (last - i - lag + hops*2) % hops
		sum += a[now] * cmplx.Conj(a[then]) * back
	}
	return cmplx.Phase(sum) / (lag * hopLen)
}

// kernel is what a tone d radians a sample beside a bin leaves in it.
func kernel(d float64) complex128 {
	if math.Abs(d) < 1e-9 {
		return windowLen
	}
	return cmplx.Rect(math.Sin(d*windowLen/2)/math.Sin(d/2), -d*(windowLen-1)/2)
}
