package board

import (
	"branchline/media"
	"branchline/media/g711"
)

const (
	maxFormats = 64
	maxHops    = 64  // pairs in a row; a longer chain is a loop and silent
	ptEvent    = 255 // in Party.pts
)

// A format is one way in which a party's audio may arrive, and what becomes of
// it on the way to the party that hears it.
type format struct {
	codec *media.Codec
	law   *g711.Law // nil unless G.711
	pt    uint8     // under which it is received

	ok      bool // the other side can take it
	outPT   uint8
	outLaw  *g711.Law
	outRate int64
	table   *g711.Table // from this law to the other side's, nil: as it is
}

// A route is where a party's audio and digits go, followed through all pairs in
// between when something is plugged, not when a packet comes.
type route struct {
	to       *Party   // who hears; nil: nobody
	covered  bool     // a programme on the way is heard instead
	mix      *Party   // whose programme is heard with it
	watchers []*Party // halves on the way that want to know of digits
	keep     bool     // one of them withholds them
}

// Join plugs p to q, both ways. What either was joined to before is alone. A party
// joined to itself hears itself; joined to nil, nobody.
func (p *Party) Join(q *Party) {
	if p.closed || q != nil && q.closed {
		return
	}
	if p.peer == q && (q == nil || q.peer == p) {
		return
	}
	p.part()
	if q != nil {
		q.part()
		p.peer, q.peer = q, p
	}
	p.reroute()
}

func (p *Party) part() {
	q := p.peer
	if q == nil {
		return
	}
	p.peer = nil
	if q.peer == p {
		q.peer = nil
	}
	p.reroute()
	if q != p {
		q.reroute()
	}
}

// reroute follows anew the routes of all parties that p has to do with: those on
// the cord through p, in both directions.
func (p *Party) reroute() {
	p.trace()
	p.along(p.peer, true)
	p.along(p.twin, false)
}

func (p *Party) along(q *Party, viaPeer bool) {
	for hops := 0; q != nil && q != p && hops < 2*maxHops; hops++ {
		q.trace()
		if viaPeer {
			q = q.twin
		} else {
			q = q.peer
		}
		viaPeer = !viaPeer
	}
}

// trace finds out where p's audio goes: for half of a pair, where that goes
// which is sent to it.
func (p *Party) trace() {
	was := p.route.to
	r := route{watchers: p.route.watchers[:0]}
	q := p.peer
	if p.twin != nil {
		q = r.through(p)
	}
	for hops := 0; q != nil && hops < maxHops; hops++ {
		if q.program.source != nil {
			if !q.program.under {
				r.covered = true
			} else if r.mix == nil {
				r.mix = q
			}
		}
		if q.twin == nil {
			r.to = q
			break
		}
		q = r.through(q)
	}
	p.route = r
	if was != r.to {
		p.letGo()
	}
	for i := range p.formats {
		p.formats[i].aim(r.to)
	}
	p.prickEar()
}

// through passes half of a pair, and is where what was sent to it comes out.
func (r *route) through(half *Party) *Party {
	t := half.twin
	if t.watch.Report {
		r.watchers = append(r.watchers, t)
	}
	if t.watch.Keep {
		r.keep = true
	}
	return t.peer
}

// aim chooses what f becomes on its way to party to: as it is if that is what
// the party is sent anyway; the other law; as it is under one of the party's other
// payload types; the other law as one of those; otherwise nothing.
func (f *format) aim(to *Party) {
	f.ok, f.table = false, nil
	if to == nil || len(to.formats) == 0 {
		return
	}
	var same, law *format
	for i := range to.formats {
		g := &to.formats[i]
		if g.codec == f.codec && same == nil {
			same = g
		}
		if f.law != nil && g.law != nil && law == nil {
			law = g
		}
	}
	choice := same
	if law != nil && (same == nil || law == &to.formats[0]) {
		choice = law
	}
	if choice == nil {
		return
	}
	f.ok, f.outPT, f.outLaw, f.outRate = true, choice.pt, choice.law, int64(choice.codec.Rate)
	if choice.codec != f.codec {
		f.table = toward(choice.law)
	}
}

// toward is the table that makes the other law into l.
func toward(l *g711.Law) *g711.Table {
	if l == g711.ALaw() {
		return g711.UToA()
	}
	return g711.AToU()
}

func lawOf(c *media.Codec) *g711.Law {
	switch c {
	case media.PCMU:
		return g711.ULaw()
	case media.PCMA:
		return g711.ALaw()
	}
	return nil
}
