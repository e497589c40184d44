// Package callerid tells a telephone who calls, and hears it told, in the ways of
// the analogue line: by modem (Telcordia GR-30, ETSI EN 300 659, BT SIN 227, NTT)
// and by DTMF digits (EN 300 659-1 annex B and its national forms).
//
// A Form says how a country does it; its Plan is the list of steps for an exchange,
// its sounds included. A Receiver listens for all forms at once and reports the
// Message.
package callerid

import "time"

// Rate is the sample rate of all sounds here, in Hz.
const Rate = 8000

// Signal is what carries a message over the line.
type Signal uint8

const (
	Bell  Signal = iota // Bell 202, as GR-30
	V23                 // V.23, as EN 300 659-1
	V23JP               // V.23 with the frames of NTT
	DTMF                // digits
)

func (s Signal) String() string { return [...]string{"Bell 202", "V.23", "V.23 (Japan)", "DTMF"}[s] }

// A Message is what the line tells about a call, or about messages waiting.
type Message struct {
	// Signal is how it came; a sender does not look at it.
	Signal Signal

	Number string // digits, also * # +
	Name   string
	// Why there is no number or no name: the caller does not want it (P), or the
	// exchange does not know it (O).
	Withheld, Unavailable         bool
	NameWithheld, NameUnavailable bool

	Stamp    Stamp
	Dialled  string    // the number that was called
	Redirect string    // the number that sent the call on to here
	Diverted Diversion // why it did
	CallType byte      // EN 300 659-3 5.4.9: 1 voice, 2 ring back when free, 0x81 message waiting; 0 not said

	// Lamp is not LampAsIs if the message is about messages waiting and not a call.
	Lamp     Lamp
	Messages int // how many, 0-255, if Lamp is LampOn
}

// Lamp is what a telephone shall do with its message waiting lamp.
type Lamp uint8

const (
	LampAsIs Lamp = iota
	LampOff
	LampOn
)

// Diversion is why a call was sent on.
type Diversion uint8

const (
	NotDiverted Diversion = iota
	DivertedAlways
	DivertedBusy
	DivertedNoAnswer
)

// A Stamp is the time of a call as a line tells it: without year and zone. The zero
// Stamp is no time.
type Stamp struct{ Month, Day, Hour, Minute uint8 }

// StampOf is the stamp of t, in t's zone.
func StampOf(t time.Time) Stamp {
	return Stamp{uint8(t.Month()), uint8(t.Day()), uint8(t.Hour()), uint8(t.Minute())}
}

// Time is the time nearest to now that has this stamp, in now's zone; the zero
// Time if it has none.
func (s Stamp) Time(now time.Time) time.Time {
	if !s.valid() {
		return time.Time{}
	}
	var best time.Time
	for year := now.Year() - 1; year <= now.Year()+1; year++ {
		t := time.Date(year, time.Month(s.Month), int(s.Day), int(s.Hour), int(s.Minute), 0, 0, now.Location())
		if best.IsZero() || t.Sub(now).Abs() < best.Sub(now).Abs() {
			best = t
		}
	}
	return best
}

func (s Stamp) valid() bool {
	return s.Month >= 1 && s.Month <= 12 && s.Day >= 1 && s.Day <= 31 && s.Hour <= 23 && s.Minute <= 59
}

// Field lengths: GR-30 and EN 300 659-3 5.4.
const (
	maxNumber = 20
	maxName   = 50
)

// sendable is m as it can be put on a line: a number cut short or with letters
// would be a wrong one, so it goes as unavailable, and as the name if there is none.
func (m Message) sendable() Message {
	if !dialable(m.Number) {
		if m.Name == "" && !m.Withheld {
			m.Name = m.Number
		}
		m.Number = ""
	}
	if !dialable(m.Redirect) {
		m.Redirect = ""
	}
	if !dialable(m.Dialled) {
		m.Dialled = ""
	}
	if m.Withheld {
		m.Number = ""
	}
	if m.NameWithheld {
		m.Name = ""
	}
	if m.Number == "" && !m.Withheld {
		m.Unavailable = true
	}
	return m
}

func dialable(number string) bool {
	for i := range len(number) {
		if c := number[i]; (c < '0' || c > '9') && c != '*' && c != '#' && c != '+' {
			return false
		}
	}
	return len(number) <= maxNumber
}

// latin is name in ISO 8859-1, at most most characters of it; nil if it has
// others, for a name in question marks helps nobody.
func latin(name string, most int) []byte {
	var b []byte
	for _, r := range name {
		switch {
		case r > 0xff:
			return nil
		case r < ' ', r >= 0x7f && r < 0xa0: // control characters
		case len(b) < most:
			b = append(b, byte(r))
		}
	}
	return b
}

// text is a name as it came, without control characters.
func text(b []byte) string {
	r := make([]rune, 0, len(b))
	for _, c := range b {
		if c >= ' ' && c < 0x7f || c >= 0xa0 {
			r = append(r, rune(c))
		}
	}
	for len(r) > 0 && r[len(r)-1] == ' ' {
		r = r[:len(r)-1]
	}
	return string(r)
}

// number is a number as it came, without the signs some exchanges group it by.
func number(b []byte) string {
	n := make([]byte, 0, len(b))
	for _, c := range b {
		if c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c == '*' || c == '#' || c == '+' {
			n = append(n, c)
		}
	}
	return string(n)
}
