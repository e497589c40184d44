package board

import (
	"branchline/media"
	"branchline/media/g711"
	"branchline/media/rtp"
)

// A player is what a party is being played.
type player struct {
	source media.Source
	id     uint64
	under  bool
	ended  bool // the source has, and its last frame was sent
}

// pause is how long a peer must be silent before a programme mixed into its
// packets is sent in packets of its own.
const pause = 3 * frameTime

// Play plays g to p, instead of what was played before; nil plays nothing. Before
// the first Apply the programme takes its time unheard.
func (p *Party) Play(now int64, g *media.Program) {
	p.stop(false)
	if g == nil || p.closed {
		return
	}
	if g.Source == nil || len(p.formats) > 0 && p.law == nil {
		p.tell(media.Event{Kind: media.PlayDone, ID: g.ID})
		return
	}
	p.program = player{source: g.Source, id: g.ID, under: g.Under}
	p.reroute()
	p.rouse(now)
}

// stop ends the programme, if there is one.
func (p *Party) stop(whole bool) {
	if p.program.source == nil {
		return
	}
	id := p.program.id
	p.program = player{}
	p.reroute()
	p.tell(media.Event{Kind: media.PlayDone, ID: id, Whole: whole})
}

// playOn sends the next frame. A programme takes its time also where nobody hears
// it, so that it ends when it should.
func (p *Party) playOn(now int64) {
	if p.program.source == nil {
		return
	}
	if p.program.ended {
		p.stop(true)
		return
	}
	to := p
	if p.twin != nil {
		to = p.route.to
	}
	if p.program.under && to != nil && to.out.from.kind == relayed && now-to.out.at < pause {
		return // it goes with the peer's packets
	}
	frame := p.board.frame[rtp.HeaderLen : rtp.HeaderLen+samples(p.step)]
	if p.fill(frame) == 0 {
		p.stop(true)
		return
	}
	if to == nil || to.law == nil || to.dial.on || p.twin != nil && p.route.covered {
		return
	}
	if to.law == g711.ALaw() {
		g711.UToA().Apply(frame)
	}
	to.speak(now, played, p.board.frame[:], len(frame))
}

// fill takes a frame of u-law from the source, fills up with silence, and is how
// much came.
func (p *Party) fill(frame []byte) int {
	n := 0
	if !p.program.ended {
		n = min(len(frame), max(0, p.program.source.Fill(frame)))
	}
	if n < len(frame) {
		p.program.ended = true
		for i := range frame[n:] {
			frame[n+i] = g711.SilenceU
		}
	}
	return n
}

// underlay mixes the programme into speech of another party on its way.
func (p *Party) underlay(speech []byte, law *g711.Law) {
	for len(speech) > 0 && law != nil && !p.program.ended {
		frame := p.board.frame[rtp.HeaderLen:][:min(len(speech), maxFrame)]
		p.fill(frame)
		if law == g711.ALaw() {
			g711.UToA().Apply(frame)
		}
		law.Mix(speech, frame)
		speech = speech[len(frame):]
	}
}
