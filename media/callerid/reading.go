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
