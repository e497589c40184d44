// Package dtmf knows telephone digits in the three shapes they take in speech
// paths: a pair of tones (ITU-T Q.23, received by the rules of Q.24), a
// telephone-event payload (RFC 4733), and a character. Nothing in it allocates
// after construction, so all of it may run on the media thread.
package dtmf

import "encoding/binary"

// Digits in the order of their event codes (RFC 4733 3.2).
const Digits = "0123456789*#ABCD"

// The keypad: rows are the low frequencies, columns the high ones (Q.23).
var (
	lows  = [4]float64{697, 770, 852, 941}
	highs = [4]float64{1209, 1336, 1477, 1633}
)

const pad = "123A456B789C*0#D"

// Rate is the sample rate all tones are made and heard at.
const Rate = 8000

// Valid reports whether d is a digit.
func Valid(d byte) bool { return Code(d) >= 0 }

// Code is the event code of a digit, -1 for anything else; a-d count as A-D.
func Code(d byte) int {
	if 'a' <= d && d <= 'd' {
		d -= 'a' - 'A'
	}
	for i := range len(Digits) {
		if Digits[i] == d {
			return i
		}
	}
	return -1
}

// An Event is a telephone-event payload (RFC 4733 2.3).
type Event struct {
	Code     uint8
	End      bool
	Volume   uint8 // dBm0 below zero, 0-63
	Duration uint16
}

// EventLen is the size of the payload.
const EventLen = 4

// Parse reads a payload; false means that it is too short.
func (e *Event) Parse(b []byte) bool {
	if len(b) < EventLen {
		return false
	}
	*e = Event{Code: b[0], End: b[1]&0x80 != 0, Volume: b[1] & 0x3f, Duration: binary.BigEndian.Uint16(b[2:])}
	return true
}

// Put writes the payload; b must have room.
func (e *Event) Put(b []byte) {
	_ = b[EventLen-1]
	b[0], b[1] = e.Code, e.Volume&0x3f
	if e.End {
		b[1] |= 0x80
	}
	binary.BigEndian.PutUint16(b[2:], e.Duration)
}

// Digit is the digit the event stands for; false for events that are none.
func (e *Event) Digit() (byte, bool) {
	if int(e.Code) < len(Digits) {
		return Digits[e.Code], true
	}
	return 0, false
}
