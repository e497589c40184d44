package board

const slots = 256 // one a millisecond; more than the longest tick, so that lists stay short

// A wheel holds parties by the millisecond of their next tick, in lists through
// the parties themselves, so that it never allocates.
type wheel struct {
	slot [slots]*Party
	n    int
	done int64 // milliseconds up to and including this one are done
}

// add puts p in, at the first whole millisecond not before due.
func (w *wheel) add(p *Party, due int64) {
	due = max((due+ms-1)/ms, w.done+1)
	head := &w.slot[due%slots]
	p.wheelAt, p.wheelNext, p.wheelPrev = due*ms, *head, nil
	if *head != nil {
		(*head).wheelPrev = p
	}
	*head = p
	w.n++
}

func (w *wheel) remove(p *Party) {
	if p.wheelAt < 0 {
		return
	}
	if p.wheelPrev != nil {
		p.wheelPrev.wheelNext = p.wheelNext
	} else {
		w.slot[p.wheelAt/ms%slots] = p.wheelNext
	}
	if p.wheelNext != nil {
		p.wheelNext.wheelPrev = p.wheelPrev
	}
	p.wheelAt, p.wheelNext, p.wheelPrev = -1, nil, nil
	w.n--
}

// advance ticks everybody due by now, in order of time, as often as is due.
func (w *wheel) advance(now int64) {
	end := now / ms
	if w.n == 0 || end-w.done > slots {
		// Nobody is further ahead than one turn; whoever is overdue is found on it.
		w.done = max(w.done, end-slots)
	}
	for w.done < end {
		w.done++
		for p := w.due(w.done); p != nil; p = w.due(w.done) {
			due := p.wheelAt
			w.remove(p)
			p.tick(now, due)
		}
	}
}

// due finds a party in the slot of millisecond t whose time has come.
func (w *wheel) due(t int64) *Party {
	for p := w.slot[t%slots]; p != nil; p = p.wheelNext {
		if p.wheelAt <= t*ms {
			return p
		}
	}
	return nil
}

// next is the time of the first tick to come.
func (w *wheel) next() (int64, bool) {
	if w.n == 0 {
		return 0, false
	}
	for t := w.done + 1; t <= w.done+slots; t++ {
		if w.due(t) != nil {
			return t * ms, true
		}
	}
	return (w.done + slots) * ms, true
}
