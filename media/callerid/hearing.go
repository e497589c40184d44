package callerid

import "branchline/media/callerid/fsk"

// progress is what a part of a transmission brought.
type progress uint8

const (
	frameGoes progress = iota
	frameBegun
	frameWhole
	frameLost
)

// A frame collects the characters of a modem transmission.
type frame struct {
	b       [258]byte // type, length, 255 of data, checksum
	n       int
	reading bool
	unsure  int  // characters that were hard to read
	whole   int  // how long it will be, 0 if that is not known
	escape  bool // NTT: the last character was a DLE
}

func (f *frame) reset() { *f = frame{} }

// How clear the least clear bits of characters must be; see fsk.Symbol.Sure. A
// checksum of 8 bits lets one in 256 damaged frames pass, so a frame is not believed
// if a character was below sureLeast, or several were below sure. 12 dB above noise
// and with 6 dB of twist good ones are at 0.15 and better.
const (
	sureLeast  = 0.12
	sure       = 0.20
	unsureMost = 2
)

// take moves the frame by one symbol.
func (f *frame) take(s fsk.Symbol) progress {
	switch s.Kind {
	case fsk.Seizure:
		f.reading = false
		return frameBegun
	case fsk.Bad, fsk.End:
		f.reading = false
		return frameLost
	case fsk.First:
		f.n, f.whole, f.unsure, f.escape = 0, 0, 0, false
		f.reading = !s.Alone || known(s.Byte)
	}
	if !f.reading {
		return frameGoes
	}
	switch {
	case s.Sure < sureLeast:
		f.unsure += unsureMost + 1
	case s.Sure < sure:
		f.unsure++
	}
	f.b[f.n] = s.Byte
	f.n++
	f.measure(s.Byte)
	switch f.n {
	case f.whole:
		f.reading = false
		return frameWhole
	case len(f.b):
		f.reading = false
		return frameLost
	case 2:
		return frameBegun // again after a seizure, for the first time without
	}
	return frameGoes
}

// measure finds out how long the frame will be.
func (f *frame) measure(last byte) {
	switch {
	case f.whole > 0:
	case f.b[0] != dleParity:
		if f.n == 2 {
			f.whole = int(last) + 3
		}
	case f.n <= textAtJP:
	case f.escape:
		f.escape = false
		if last == etx {
			f.whole = f.n + 2
		}
	default:
		f.escape = last == dleParity
	}
}

// known reports whether a frame of ours may begin so.
func known(kind byte) bool {
	switch kind {
	case singleCall, singleLamp, multiCall, multiLamp, dleParity:
		return true
	}
	return false
}

// message reads the whole frame.
func (f *frame) message() (m Message, ok bool) {
	if f.b[0] != dleParity && f.unsure > unsureMost {
		return m, false
	}
	if f.b[0] == dleParity {
		m, ok = parseJP(f.b[:f.n])
		m.Signal = V23JP
		return m, ok
	}
	return parse(f.b[:f.n])
}

// How DTMF digits are put together.
const (
	keysMost = 48
	// keysAtOnce is how much may be heard at once without more than one digit beginning.
	keysAtOnce = 160
	// keysPause ends a row without an end, in samples: 0.5 s.
	keysPause = 4000
	// slot is how finely loudness is measured, in samples: 5 ms.
	slot  = 40
	slots = 32 // how many are remembered
	// The tone of a digit just recognised sounds in some of the last sounding slots.
	sounding = 8
	// Slots in a row that begin and end a burst of sound. It has begun before a digit
	// in it is recognised.
	burstOn, burstOff = 3, 2
)

// keysHeard collects DTMF digits. Nothing in them tells that one was missed, so
// it also counts bursts of sound as loud as the digits: one in which no digit was
// recognised spoils the row.
type keysHeard struct {
	pad    pad
	row    [keysMost]byte
	n      int
	bad    bool
	at     int64 // samples heard
	lastAt int64 // when there last was a digit

	energy [slots]float64 // of the last slots
	slotAt int
	slotN  int     // samples in the current one
	level  float64 // energy of a slot in a digit
	bursts bursts
}

func newKeysHeard() keysHeard { return keysHeard{pad: newPad()} }

func (k *keysHeard) reset() {
	k.pad.reset()
	*k = keysHeard{pad: k.pad}
}

// forget ends the row.
func (k *keysHeard) forget() { k.n, k.bad = 0, false }

// hear takes up to 20 ms.
func (k *keysHeard) hear(speech []int16) progress {
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
	if k.n > 0 && k.pad.key == 0 && k.at-k.lastAt > keysPause {
		k.forget()
		return frameLost
	}
	return frameGoes
}

// digit adds one to the row.
func (k *keysHeard) digit(d byte) progress {
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
	if k.n == keysMost {
		k.bad = true
		k.n--
	}
	k.row[k.n] = d
	k.n++
	switch {
	case first:
		return frameBegun
	case d != 'C' && d != '#':
		return frameGoes
	case k.bad:
		k.forget()
		return frameLost
	}
	return frameWhole
}

// recall counts the bursts as loud as the digit in what is remembered.
func (k *keysHeard) recall() {
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
