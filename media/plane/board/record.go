package board

import (
	"slices"

	"branchline/media"
	"branchline/media/rtp"
)

// Record has r told of what p says and is sent.
func (p *Party) Record(r media.Recorder) {
	if p.closed || p.twin != nil {
		r.End()
		return
	}
	p.recorders = append(p.recorders, r)
}

// Forget tells r no more.
func (p *Party) Forget(r media.Recorder) {
	if i := slices.Index(p.recorders, r); i >= 0 {
		p.recorders = slices.Delete(p.recorders, i, i+1)
		r.End()
	}
}

func (p *Party) endRecorders() {
	for _, r := range p.recorders {
		r.End()
	}
	p.recorders = nil
}

// takeDown shows a packet that goes to p to those who record it.
func (p *Party) takeDown(now int64, b []byte) {
	kind := p.pts[b[1]&0x7f]
	if kind == 0 || kind == ptEvent {
		return
	}
	for _, r := range p.recorders {
		r.Take(now, true, p.formats[kind-1].codec, b[rtp.HeaderLen:])
	}
}
