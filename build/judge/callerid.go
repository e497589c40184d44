package judge

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// A Standard names a way of sending caller identity, as libspandsp has it.
type Standard string

const (
	CLASS Standard = "class"     // Bell 202: GR-30
	CLIP  Standard = "clip"      // V.23: EN 300 659
	ACLIP Standard = "aclip"     // Bell 202: Singapore
	JCLIP Standard = "jclip"     // V.23 with parity and CRC: NTT
	DTMF  Standard = "clip-dtmf" // EN 300 659-1 annex B and its relatives
	TDD   Standard = "tdd"       // text telephone
)

// A Field is one part of a message.
type Field struct {
	Type byte
	Body []byte
}

// A Message is caller identity, as sent or as heard. In DTMF its type is the
// character it ends with, '#' or 'C', and that of a field the character before
// it, 0 for none.
type Message struct {
	At     int // heard: samples read when it was complete
	Type   byte
	Fields []Field
	// Gap is the silence before it, Alert whether a dual tone (2130 and 2750 Hz)
	// announces it; only when sent.
	Gap   time.Duration
	Alert bool
}

// Field is the body of the first field of that type, nil if there is none.
func (m *Message) Field(kind byte) []byte {
	for _, f := range m.Fields {
		if f.Type == kind {
			return f.Body
		}
	}
	return nil
}

// A Preamble is what precedes and follows an FSK message, in bits; -1 leaves the
// standard's own.
type Preamble struct{ Seizure, Mark, After, StopBits int }

// MakeCallerID sends messages, one after the other, at about -14 dBm0.
func (j *Judge) MakeCallerID(s Standard, messages ...Message) ([]int16, error) {
	return j.MakeCallerIDWith(s, Preamble{-1, -1, -1, -1}, messages...)
}

// MakeCallerIDWith is MakeCallerID with a preamble of one's own.
func (j *Judge) MakeCallerIDWith(s Standard, p Preamble, messages ...Message) ([]int16, error) {
	var b strings.Builder
	for _, m := range messages {
		alert := 0
		if m.Alert {
			alert = 1
		}
		fmt.Fprintf(&b, "%d %d %02x", m.Gap.Milliseconds(), alert, m.Type)
		for _, f := range m.Fields {
			fmt.Fprintf(&b, " %02x:%x", f.Type, f.Body)
		}
		b.WriteByte('\n')
	}
	args := []string{string(s)}
	for _, n := range []int{p.Seizure, p.Mark, p.After, p.StopBits} {
		args = append(args, strconv.Itoa(n))
	}
	return j.Make(b.String(), "cid-make", args...)
}

// CallerIDs is what the judge's receiver hears; messages whose checksum is wrong
// it keeps to itself.
func (j *Judge) CallerIDs(s Standard, sound []int16) ([]Message, error) {
	heard, err := j.Hear(sound, "cid-hear", string(s))
	if err != nil {
		return nil, err
	}
	var all []Message
	for _, h := range heard {
		m := Message{At: h.At}
		for i, w := range h.Args[1:] {
			kind, body, whole := strings.Cut(w, ":")
			n, err := strconv.ParseUint(kind, 16, 8)
			if err != nil {
				return nil, fmt.Errorf("judge: message %q: %w", h, err)
			}
			if i == 0 && !whole {
				m.Type = byte(n)
				continue
			}
			b, err := hex.DecodeString(body)
			if err != nil {
				return nil, fmt.Errorf("judge: message %q: %w", h, err)
			}
			m.Fields = append(m.Fields, Field{byte(n), b})
		}
		all = append(all, m)
	}
	return all, nil
}
