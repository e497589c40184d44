package callerid

import (
	"branchline/media/callerid/fsk"
	"branchline/media/dtmf"
)

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
	unsure  bool // a character was hard to read
}

func (f *frame) reset() { *f = frame{} }

// sureLeast is how clear the least clear bit of a frame must be; see
// fsk.Symbol.Sure. A checksum of 8 bits lets one in 256 damaged frames pass, and all
// those seen to pass were below this; a good frame 12 dB above noise is at 0.15.
const sureLeast = 0.08

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
		f.n, f.unsure = 0, false
		f.reading = !s.Alone || known(s.Byte)
	}
	if !f.reading {
		return frameGoes
	}
	f.unsure = f.unsure || s.Sure < sureLeast
	f.b[f.n] = s.Byte
	f.n++
	if f.n == f.size() {
		f.reading = false
		return frameWhole
	}
	if f.n == 2 {
		return frameBegun // again after a seizure, for the first time without
	}
	return frameGoes
}

// known reports whether a frame of ours may begin so.
func known(kind byte) bool {
	switch kind {
	case singleCall, singleLamp, multiCall, multiLamp, dleParity:
		return true
	}
	return false
}

// size is how many characters the frame will have, as far as is known.
func (f *frame) size() int {
	if f.b[0] == dleParity {
		if f.n <= lengthAtJP {
			return aroundJP
		}
		return aroundJP + int(f.b[lengthAtJP]&0x7f)
	}
	if f.n < 2 {
		return len(f.b)
	}
	return int(f.b[1]) + 3
}

// message reads the whole frame.
func (f *frame) message() (m Message, ok bool) {
	if f.unsure {
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
	// slot is how finely loudness is measured, in samples: 5 ms.
	slot  = 40
	slots = 32 // how many are remembered
	// keysPause ends a row without an end, in samples: 0.5 s.
	keysPause = 4000
	// lull is how long quiet has to last until the amplification goes up again.
	lull      = 2 * Rate
	mostShift = 3 // 18 dB
)

// keysHeard collects DTMF digits. Nothing in them tells that one was missed, so
// it also measures how long it is loud between two digits: a tone in which no digit
// was recognised spoils the row.
type keysHeard struct {
	tones  *dtmf.Detector
	row    [keysMost]byte
	n      int
	bad    bool
	at     int64 // samples heard
	lastAt int64 // when there last was a digit

	louder [160]int16
	shift  uint  // amplification, 6 dB each: digits on hook may be weaker than in a call
	quiet  int64 // since when it could be higher

	energy   [slots]float64 // of the last slots
	slotN    int            // samples in the current one
	slotAt   int
	level    float64 // energy of a slot in a digit
	loud     int     // slots as loud as a digit since the last one began
	lastLong int     // how long the last one was, in samples
}

func newKeysHeard() keysHeard { return keysHeard{tones: dtmf.NewDetector(), shift: mostShift} }

func (k *keysHeard) reset() {
	k.tones.Reset()
	*k = keysHeard{tones: k.tones, shift: mostShift}
}

// forget ends the row.
func (k *keysHeard) forget() { k.n, k.bad = 0, false }

// hear takes up to 20 ms.
func (k *keysHeard) hear(speech []int16) progress {
	for _, v := range speech {
		k.energy[k.slotAt] += float64(v) * float64(v)
		if k.slotN++; k.slotN == slot {
			if k.energy[k.slotAt] > k.level/4 {
				k.loud++
			}
			k.slotN, k.slotAt = 0, (k.slotAt+1)%slots
			k.energy[k.slotAt] = 0
		}
	}
	k.at += int64(len(speech))
	c := k.tones.Hear(k.amplify(speech))
	if c.Ended != 0 {
		k.lastLong, k.lastAt = c.Samples, k.at
	}
	if c.Began != 0 {
		return k.digit(c.Began)
	}
	if k.n > 0 && k.tones.Digit() == 0 && k.at-k.lastAt > keysPause {
		k.forget()
		return frameLost
	}
	return frameGoes
}

// digit adds one to the row.
func (k *keysHeard) digit(d byte) progress {
	first := k.n == 0
	// The last slot lies in the tone for sure: a digit is recognised after two blocks.
	k.level = k.energy[(k.slotAt+slots-1)%slots]
	if first {
		k.bad = k.loudBefore() > (60+40)*Rate/1000/slot && d >= '0' && d <= '9'
	} else if k.loud*slot > k.lastLong+50*Rate/1000 {
		k.bad = true
	}
	k.loud, k.lastLong, k.lastAt = 0, 0, k.at
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

// loudBefore is how many of the remembered slots are as loud as the digit: its own
// begin, and what a row without a beginning may have lost before it.
func (k *keysHeard) loudBefore() (n int) {
	for _, e := range k.energy {
		if e > k.level/4 {
			n++
		}
	}
	return n
}

// amplify makes the weak louder, by a factor that only falls at once and rises after
// a lull, so that it does not change within a tone.
func (k *keysHeard) amplify(speech []int16) []int16 {
	var peak int32
	for _, v := range speech {
		peak = max(peak, int32(v), -int32(v))
	}
	for k.shift > 0 && peak<<k.shift > 30000 {
		k.shift--
		k.quiet = k.at
	}
	if k.shift < mostShift {
		if peak<<(k.shift+1) > 30000 {
			k.quiet = k.at
		} else if k.at-k.quiet > lull {
			k.shift++
			k.quiet = k.at
		}
	}
	out := k.louder[:len(speech)]
	for i, v := range speech {
		out[i] = v << k.shift
	}
	return out
}
