// Package onhook hears tones on a line that nobody speaks on: rows of DTMF digits,
// and the tone that alerts a telephone to a message.
package onhook

// Rate is the sample rate, in Hz.
const Rate = 8000

// How DTMF digits are put together.
const (
	rowMost = 48
	// rowPause ends a row without an end, in samples: 0.5 s.
	rowPause = 4000
	// slot is how finely loudness is measured, in samples: 5 ms.
	slot  = 40
	slots = 32 // how many are remembered
	// The tone of a digit just recognised sounds in some of the last sounding slots.
	sounding = 8
	// Slots in a row that begin and end a burst of sound. It has begun before a digit
	// in it is recognised.
	burstOn, burstOff = 3, 2
)

// State is what became of a row of digits.
type State uint8

const (
	Same   State = iota
	Begun        // the first digit of a row
	Whole        // it has ended with C or #: see Row
	Broken       // it broke off, or a digit may be missing
)

// Keys collects rows of DTMF digits that end with C or #. Nothing in them
// tells that one was missed, so it also counts bursts of sound as loud as the digits:
// one in which no digit was recognised spoils the row.
type Keys struct {
	pad    pad
	row    [rowMost]byte
	n      int
	whole  int // length of the row that was Whole
	bad    bool
	at     int64 // samples heard
	lastAt int64 // when there last was a digit

	energy [slots]float64 // of the last slots
	slotAt int
	slotN  int     // samples in the current one
	level  float64 // energy of a slot in a digit
	bursts bursts
}

// NewKeys makes one.
func NewKeys() *Keys { return &Keys{pad: newPad()} }

// Reset forgets all that was heard.
func (k *Keys) Reset() {
	k.pad.reset()
	*k = Keys{pad: k.pad}
}

// forget ends the row.
func (k *Keys) forget() { k.n, k.bad = 0, false }

// Row is the digits that were Whole just now, until more is heard.
func (k *Keys) Row() []byte { return k.row[:k.whole] }

// Hear takes up to 20 ms.
func (k *Keys) Hear(speech []int16) State {
	for _, v := range speech {
		k.energy[k.slotAt] += float64(v) * float64(v)
		if k.slotN++; k.slotN == slot {
			k.bursts.step(k.energy[k.slotAt] > k.level/4)
			k.slotN, k.slotAt = 0, (k.slotAt+1)%slots
			k.energy[k.slotAt] = 0
		}
	}
	k.at += int64(len(speech))
	began, ended := k.pad.hear(speech)
	if ended != 0 {
		k.lastAt = k.at
	}
	if began != 0 {
		return k.digit(began)
	}
	if k.n > 0 && k.pad.key == 0 && k.at-k.lastAt > rowPause {
		k.forget()
		return Broken
	}
	return Same
}

// digit adds one to the row.
func (k *Keys) digit(d byte) State {
	first := k.n == 0
	k.level = 0
	for i := range sounding {
		k.level = max(k.level, k.energy[(k.slotAt+slots-1-i)%slots])
	}
	switch {
	case first:
		// A row that begins with a number may have lost the beginning of it.
		k.recall()
		k.bad = k.bursts.n > 1 && d >= '0' && d <= '9'
		k.bursts.n = 1
	case k.bursts.n != k.n+1:
		k.bad = true
	}
	k.lastAt = k.at
	if k.n == rowMost {
		k.bad = true
		k.n--
	}
	k.row[k.n] = d
	k.n++
	switch {
	case first:
		return Begun
	case d != 'C' && d != '#':
		return Same
	case k.bad:
		k.forget()
		return Broken
	}
	k.whole = k.n
	k.forget()
	return Whole
}

// recall counts the bursts as loud as the digit in what is remembered.
func (k *Keys) recall() {
	k.bursts = bursts{}
	for i := 1; i < slots; i++ {
		k.bursts.step(k.energy[(k.slotAt+i)%slots] > k.level/4)
	}
}

// bursts counts how often it became loud.
type bursts struct {
	n    int
	loud bool
	same int // slots that speak against it, in a row
}

func (b *bursts) step(loud bool) {
	if loud == b.loud {
		b.same = 0
		return
	}
	switch b.same++; {
	case loud && b.same == burstOn:
		b.loud, b.same = true, 0
		b.n++
	case !loud && b.same == burstOff:
		b.loud, b.same = false, 0
	}
}
