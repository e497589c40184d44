package record

// A mixer puts the speech of two sides on one line of time. It keeps a window of
// them, and yields what is older than the newest packet by some margin.
type mixer struct {
	begun bool
	apart bool  // both sides are wanted separately
	zero  int64 // time of sample 0, in samples
	base  int64 // first sample in window
	next  [2]int64
	side  [2][]int16 // window from base
	out   piece
}

// A piece is finished speech; the slices are lent until the next call.
type piece struct{ both, said, heard []int16 }

func (m *mixer) begin(apart bool) { m.apart = apart }

// put adds samples of a side that were spoken at a time, and yields what is ready.
// Small differences of the clocks do not tear speech apart.
func (m *mixer) put(side int, at int64, samples []int16) piece {
	if !m.begun {
		m.begun, m.zero = true, at
	}
	at -= m.zero
	if d := at - m.next[side]; d >= -drift && d <= drift {
		at = m.next[side]
	}
	ready := piece{}
	if at-m.base > longest { // nobody was there: the time between is left out
		ready = m.take(max(int64(len(m.side[0])), int64(len(m.side[1]))))
		m.zero += at - m.base
		at = m.base
		m.next = [2]int64{m.base, m.base}
	}
	if at < m.base { // late
		skip := min(m.base-at, int64(len(samples)))
		samples, at = samples[skip:], m.base
	}
	w := m.side[side]
	if need := int(at-m.base) + len(samples); need > len(w) {
		w = append(w, make([]int16, need-len(w))...)
	}
	copy(w[at-m.base:], samples)
	m.side[side] = w
	m.next[side] = at + int64(len(samples))
	if ready.both != nil {
		return ready
	}
	return m.take(max(m.next[0], m.next[1]) - behind - m.base)
}

// rest yields all that is left.
func (m *mixer) rest() piece { return m.take(max(int64(len(m.side[0])), int64(len(m.side[1])))) }

// take yields the first n samples of the window.
func (m *mixer) take(n int64) piece {
	if n <= 0 {
		return piece{}
	}
	p := piece{both: m.out.both[:0], said: m.out.said[:0], heard: m.out.heard[:0]}
	for i := range int(n) {
		var v [2]int16
		for side := range v {
			if i < len(m.side[side]) {
				v[side] = m.side[side][i]
			}
		}
		p.both = append(p.both, clamp(int32(v[0])+int32(v[1])))
		if m.apart {
			p.said, p.heard = append(p.said, v[0]), append(p.heard, v[1])
		}
	}
	for side, w := range m.side {
		left := copy(w, w[min(int(n), len(w)):])
		m.side[side] = w[:left]
	}
	m.base += n
	m.out = p
	return p
}
