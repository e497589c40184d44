package board

import (
	"net/netip"
	"slices"
	"time"

	"branchline/media"
)

// Apply puts a new result of offer and answer into force. What is sent goes on
// under the same SSRC; the source is learned anew if the far side's address is
// another than before.
func (p *Party) Apply(now int64, f media.Flow) {
	if p.closed || p.twin != nil {
		return
	}
	f.Formats = slices.DeleteFunc(slices.Clone(f.Formats), func(g media.Format) bool { return g.Codec == nil || g.PT > 127 })
	f.Remote, f.RemoteRTCP = somewhere(f.Remote), somewhere(f.RemoteRTCP)
	p.latch.Agree(f.Remote, f.RemoteRTCP, f.Symmetric, len(p.formats) == 0)
	p.flow = f
	p.adopt(f.Formats)
	p.clock = uint32(f.EventClock)
	if f.EventClock <= 0 {
		p.clock = Rate
	}
	if f.EventPT > 0 && f.EventPT < 128 {
		p.pts[f.EventPT] = ptEvent
	} else {
		p.flow.EventPT = 0
	}
	p.setStep(now, f.Ptime)
	p.aim()
	p.silent, p.quiet = now, false
	if p.law == nil && len(p.formats) > 0 {
		p.stop(false)
	}
	p.reroute()
}

// adopt makes the payload types of formats those that are received and, the first,
// sent.
func (p *Party) adopt(formats []media.Format) {
	pt, law := p.sendPT, p.law
	p.pts = [128]uint8{}
	p.formats = p.formats[:0]
	for i, f := range formats[:min(len(formats), maxFormats)] {
		p.formats = append(p.formats, format{codec: f.Codec, law: lawOf(f.Codec), pt: f.PT})
		if p.pts[f.PT] == 0 {
			p.pts[f.PT] = uint8(i + 1)
		}
	}
	p.law, p.rate = nil, Rate
	if len(p.formats) > 0 {
		first := &p.formats[0]
		p.sendPT, p.law, p.rate = first.pt, first.law, int64(max(1, first.codec.Rate))
	}
	if p.sendPT != pt || p.law != law {
		p.out.forget()
	}
}

func (p *Party) setStep(now int64, ptime time.Duration) {
	step := int64(ptime) / ms * ms
	if step <= 0 {
		step = frameTime
	}
	if step = max(10*ms, min(maxPtime, step)); step != p.step {
		p.step = step
		if p.busy() {
			p.board.wheel.Take(&p.timer)
			p.rouse(now)
		}
	}
}

// somewhere is a without the forms that mean "nowhere": no port, or the
// unspecified address that old phones put on hold with (RFC 3264 8.4).
func somewhere(a netip.AddrPort) netip.AddrPort {
	if !a.IsValid() || a.Port() == 0 || a.Addr().IsUnspecified() {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}
