package jitter

import "branchline/media/level"

const (
	pitchMost = 160 // longest piece that is cut out or repeated
	overlap   = 80  // samples over which the ends are faded into each other
)

// shorten fills out with more speech than it has room for, if there is a place to
// cut; at most excess samples are cut.
func (b *Buffer) shorten(out []int16, excess int) bool {
	if b.quiet() {
		// Nothing is heard: skip what is not there.
		n := 0
		for n < excess && !b.have[(b.next+uint32(n))%room] {
			n++
		}
		b.next += uint32(n)
		b.play(out)
		return true
	}
	most := min(excess, pitchMost, b.present(frame+pitchMost+overlap)-frame-overlap)
	if len(out) != frame || most < shortest || b.conceal.lost > 0 || b.noisy {
		return false
	}
	x := b.scratch[:frame+most+overlap]
	b.peek(x)
	// Sample i of the result is i of x, and i+cut from the overlap on.
	var cut int
	var like float32
	if power(x) < still {
		cut, like = most, 1
	} else {
		cut, like = bestLead(x, overlap, shortest, most)
	}
	if !b.fine(like, excess) {
		return false
	}
	b.drop(frame + cut)
	for i := range overlap {
		w := float32(i+1) / (overlap + 1)
		x[i] = level.Limit(float32(x[i])*(1-w) + float32(x[i+cut])*w)
	}
	copy(x[overlap:], x[overlap+cut:frame+cut])
	b.conceal.good(out, x[:frame])
	b.stats.Removed += uint64(cut)
	return true
}

// lengthen fills out with less speech than it has room for, if there is a place to
// repeat some; at most lack samples are repeated.
func (b *Buffer) lengthen(out []int16, lack int) bool {
	if len(out) != frame {
		return false
	}
	if !b.have[b.next%room] {
		// There is a gap, or silence. It becomes longer.
		if b.conceal.lost == 0 && !b.noise.on {
			return false // a packet is missing and the next may be there
		}
		n := min(lack, frame)
		b.absent(out[:n])
		b.play(out[n:])
		b.stats.Inserted += uint64(n)
		return true
	}
	most := min(max(lack, frame/2-1), longest) // never so much that it is taken back
	if b.present(frame-shortest) < frame-shortest || b.noisy || b.conceal.lost > 0 {
		return false
	}
	// Sample i of the result is i of x, and i-more from the overlap on; before x
	// there is history.
	x := b.scratch[:frame-shortest]
	b.peek(x)
	h := b.conceal.history[recall-longest:]
	var y [longest + frame]int16
	copy(y[:], h)
	copy(y[longest:], x)
	var more int
	var like float32
	if power(x) < still {
		more, like = most, 1
	} else {
		more, like = bestLag(x[:overlap], y[:], longest, shortest, most)
	}
	if !b.fine(like, lack) {
		return false
	}
	b.drop(frame - more)
	var z [frame]int16
	n := min(overlap, frame-more)
	for i := range z {
		z[i] = y[longest+i-more]
		if i < n {
			w := float32(i+1) / float32(n+1)
			z[i] = level.Limit(float32(y[longest+i])*(1-w) + float32(z[i])*w)
		}
	}
	b.conceal.good(out, z[:])
	b.stats.Inserted += uint64(more)
	return true
}

// fine reports whether a splice of that likeness may be made: a voiced sound
// repeats itself, and after a while, or when it is urgent, less will do. For a fax only silence does,
// before the buffer runs dry.
func (b *Buffer) fine(likeness float32, off int) bool {
	switch {
	case b.fax:
		return likeness == 1 || off > faxDepth-2*frame
	case off > urgent, b.waited > patient:
		return true
	}
	return likeness > 0.5
}

// quiet reports whether neither speech nor its concealment is being heard.
func (b *Buffer) quiet() bool {
	if b.have[b.next%room] {
		return false
	}
	return b.noise.on || b.conceal.silent()
}

// present is how many samples have come from next on without a gap, at most n.
func (b *Buffer) present(n int) int {
	for i := range n {
		if !b.have[(b.next+uint32(i))%room] {
			return i
		}
	}
	return n
}

// peek copies samples from next on.
func (b *Buffer) peek(dst []int16) {
	for i := range dst {
		dst[i] = b.pcm[(b.next+uint32(i))%room]
	}
}

// drop goes on by n samples.
func (b *Buffer) drop(n int) {
	for i := range n {
		b.have[(b.next+uint32(i))%room] = false
	}
	b.next += uint32(n)
}

// bestLead finds lead in [least, most] for which the first n samples of x, and
// those from lead on, are most alike.
func bestLead(x []int16, n, least, most int) (lead int, likeness float32) {
	lag, likeness := bestLag(x[:n], x, 0, -most, -least)
	return -lag, likeness
}

func power(x []int16) float32 {
	var s float32
	for _, v := range x {
		s += float32(v) * float32(v)
	}
	return s / float32(len(x))
}
