package jitter

// window remembers how late packets were during the last quarter minute: by the
// second, the earliest and the two latest. Delays are in samples, against the first
// packet.
type window struct {
	at       int // the present second
	seconds  int // how many there are
	until    uint64
	earliest [spanned]int32
	latest   [spanned]int32
	second   [spanned]int32 // the latest but one
	any      [spanned]bool
}

const spanned = 16

func (w *window) add(clock uint64, delay int32) {
	if w.seconds == 0 {
		*w = window{seconds: 1, until: clock + rate}
	}
	for n := 0; clock >= w.until; n++ {
		if n == spanned { // nothing for so long: all that was is past
			*w = window{seconds: 1, until: clock + rate}
			break
		}
		w.until += rate
		w.at = (w.at + 1) % spanned
		w.any[w.at] = false
		w.seconds = min(w.seconds+1, spanned)
	}
	i := w.at
	if !w.any[i] {
		w.any[i], w.earliest[i], w.latest[i], w.second[i] = true, delay, delay, delay
		return
	}
	w.earliest[i] = min(w.earliest[i], delay)
	switch {
	case delay > w.latest[i]:
		w.latest[i], w.second[i] = delay, w.latest[i]
	case delay > w.second[i] || w.second[i] == w.latest[i]:
		w.second[i] = delay
	}
}

// bounds are the earliest packet and the latest but one: a single late packet in a
// quarter minute is not worth waiting for from then on.
func (w *window) bounds() (earliest, latest int32) {
	first := true
	var top int32
	for i := range w.any {
		switch {
		case !w.any[i]:
			continue
		case first:
			earliest, top, latest, first = w.earliest[i], w.latest[i], w.second[i], false
		case w.latest[i] > top:
			top, latest = w.latest[i], max(top, w.second[i])
		default:
			latest = max(latest, w.latest[i])
		}
		earliest = min(earliest, w.earliest[i])
	}
	return earliest, latest
}
