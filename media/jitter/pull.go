package jitter

const (
	frame   = 160 // samples the line takes at once
	urgent  = 400 // samples off the mark that are worth an imperfect splice
	patient = 50  // frames to wait for a good place to splice
	still   = 160 // mean square of silence: -62 dBm0
)

// Pull fills a frame with what the line is to hear now: speech, what conceals its
// absence, or silence. The frame should have 160 samples; any number is filled.
func (b *Buffer) Pull(out []int16) {
	for len(out) > 0 {
		n := min(len(out), frame)
		b.pull(out[:n])
		out = out[n:]
	}
}

func (b *Buffer) pull(out []int16) {
	if !b.started {
		b.absent(out)
		b.clock += uint64(len(out))
		return
	}
	off := b.off()
	switch {
	case off == 0:
		b.waited = 0
		b.play(out)
	case off > 0 && b.shorten(out, int(off)), off < 0 && b.lengthen(out, int(-off)):
		b.waited = 0
	default:
		b.waited++
		b.play(out)
	}
	b.clock += uint64(len(out))
}

// off is how many samples speech waits too long, negative if not long enough; 0 if
// the difference is not worth the trouble.
func (b *Buffer) off() int32 {
	earliest, latest := b.window.bounds()
	depth := latest - earliest
	switch {
	case b.fax:
		depth = faxDepth
	case b.conf.Fixed > 0:
		depth = int32(b.conf.Fixed)
	default:
		depth = min(max(depth, int32(b.conf.Least)), int32(b.conf.Most))
	}
	off := b.waiting() - (earliest + depth)
	switch {
	case off >= 0 && off < frame/2:
		return 0 // too little patience costs speech, too much nothing
	case off > 0 && b.window.seconds < 5 && !b.fax && b.conf.Fixed == 0:
		return 0 // too early to tell that there is no jitter
	}
	return off
}

// play pulls len(out) samples as they come.
func (b *Buffer) play(out []int16) {
	for len(out) > 0 {
		n := 0
		here := b.have[b.next%room]
		for n < len(out) && b.have[(b.next+uint32(n))%room] == here {
			n++
		}
		part := out[:n]
		if here {
			b.read(part)
			if b.noisy {
				b.conceal.join()
				b.noisy = false
			}
			b.conceal.good(part, part)
			if int32(b.next-b.noise.from) > 0 {
				b.noise.on = false
			}
		} else {
			b.absent(part)
		}
		b.next += uint32(n)
		out = out[n:]
	}
}

// read takes samples out of the buffer, from next on; next stays where it is.
func (b *Buffer) read(dst []int16) {
	for i := range dst {
		k := (b.next + uint32(i)) % room
		dst[i] = b.pcm[k]
		b.have[k] = false
	}
}

// absent fills a part of which nothing has been received.
func (b *Buffer) absent(part []int16) {
	switch {
	case b.fax:
		clear(part)
		b.conceal.give(part, part)
	case b.noise.on && int32(b.next-b.noise.from) >= 0:
		if !b.noisy {
			b.conceal.join()
		}
		b.noisy = true
		b.noise.fill(part)
		b.conceal.good(part, part)
	case b.started && b.other > 0 && b.clock < b.other+frame*5/2:
		b.conceal.hush()
		b.conceal.bad(part)
	default:
		if !b.conceal.silent() {
			b.stats.Concealed += uint64(len(part))
		}
		b.conceal.bad(part)
	}
}
