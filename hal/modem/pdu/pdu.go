// Package pdu is short messages as a module sends and takes them in PDU mode: 3GPP
// TS 23.040 in hexadecimal digits, after the address of the service centre
// (3GPP TS 27.005, 3.1).
//
// Text is the alphabet of 7 bits (3GPP TS 23.038) where all of it can be written in
// that, UCS-2 otherwise. National tables are not known: what other telephones shift
// into them reads as the default alphabet, as 23.038 has it for receivers like us.
package pdu

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf16"
)

// ErrShort is the error of a message that ends too early.
var ErrShort = errors.New("message too short")

// A Deliver is a message, or a part of one, that has come (SMS-DELIVER, 9.2.2.1).
type Deliver struct {
	From string // +886912345678, or a name
	Sent time.Time
	Part Part

	septets []byte   // 7-bit text
	units   []uint16 // UCS-2 text
	Data    []byte   // neither: something for a program, not for people
}

// A Part says where a part belongs; the zero value is a whole message.
type Part struct {
	Ref    int // the same in all parts of one message
	Total  int // parts
	Number int // from 1
}

// A Report tells what became of a message that was sent (SMS-STATUS-REPORT, 9.2.2.3).
type Report struct {
	Ref    byte // as the module numbered the message
	To     string
	Status byte
}

// Final reports whether the centre has stopped trying, and the reason if it was in
// vain (9.2.3.15).
func (r *Report) Final() (bool, error) {
	switch {
	case r.Status < 0x20:
		return true, nil
	case r.Status < 0x40:
		return false, nil
	}
	why := map[byte]string{0x40: "remote procedure error", 0x41: "incompatible destination", 0x42: "rejected by the recipient", 0x43: "not obtainable",
		0x44: "quality of service not available", 0x45: "no interworking", 0x46: "expired", 0x47: "deleted by the sender", 0x48: "deleted by the service centre",
		0x49: "unknown to the service centre", 0x60: "congestion", 0x61: "recipient busy", 0x62: "no response from the recipient", 0x63: "service rejected"}[r.Status]
	if why == "" {
		why = fmt.Sprintf("status 0x%02x", r.Status)
	}
	return true, errors.New("not delivered: " + why)
}

// Parse reads what a module gives: a *Deliver or a *Report.
func Parse(digits string) (any, error) {
	b, err := hex.DecodeString(strings.TrimSpace(digits))
	if err != nil {
		return nil, fmt.Errorf("message: %w", err)
	}
	r := &reader{b: b}
	r.take(int(r.octet())) // the service centre
	first := r.octet()
	var m any
	switch first & 3 {
	case 0:
		m, err = r.deliver(first&0x40 != 0)
	case 2:
		m = r.report()
	default:
		return nil, fmt.Errorf("message of type %d, which no network sends", first&3)
	}
	if r.short {
		return nil, ErrShort
	}
	return m, err
}

// A reader takes octets until there are none.
type reader struct {
	b     []byte
	short bool
}

func (r *reader) octet() byte {
	if b := r.take(1); len(b) == 1 {
		return b[0]
	}
	return 0
}

func (r *reader) take(n int) []byte {
	if n > len(r.b) {
		r.b, r.short = nil, true
		return nil
	}
	b := r.b[:n]
	r.b = r.b[n:]
	return b
}

func (r *reader) deliver(header bool) (*Deliver, error) {
	d := &Deliver{From: r.address()}
	r.octet() // protocol identifier
	coding := r.octet()
	d.Sent = stamp(r.take(7))
	return d, r.body(d, coding, header)
}

func (r *reader) report() *Report {
	m := &Report{Ref: r.octet(), To: r.address()}
	r.take(14) // sent, done
	m.Status = r.octet()
	return m
}

// address is 9.1.2.5: digits two to the octet, or a name of 7-bit characters.
func (r *reader) address() string {
	n := int(r.octet())
	kind := r.octet()
	b := r.take((n + 1) / 2)
	if b == nil {
		return ""
	}
	if kind>>4&7 == 5 {
		return fromSeptets(unpack(b, 0, n*4/7))
	}
	var s strings.Builder
	if kind>>4&7 == 1 {
		s.WriteByte('+')
	}
	for i := range n {
		s.WriteByte("0123456789*#abc?"[b[i/2]>>(4*(i&1))&15])
	}
	return s.String()
}

// stamp is 9.2.3.11: seven pairs of digits, the last the zone in quarters of an
// hour. A date that is none is the zero time.
func stamp(b []byte) time.Time {
	if len(b) != 7 {
		return time.Time{}
	}
	var v [7]int
	for i, o := range b {
		tens := o & 15
		if i == 6 {
			tens &= 7
		}
		if tens > 9 || o>>4 > 9 {
			return time.Time{}
		}
		v[i] = int(tens)*10 + int(o>>4)
	}
	zone := v[6] * 15 * 60
	if b[6]&8 != 0 {
		zone = -zone
	}
	t := time.Date(2000+v[0], time.Month(v[1]), v[2], v[3], v[4], v[5], 0, time.FixedZone("", zone))
	if int(t.Month()) != v[1] || t.Day() != v[2] || t.Hour() != v[3] {
		return time.Time{}
	}
	return t
}

// alphabets of a data coding scheme (3GPP TS 23.038, 4).
type alphabet int

const (
	sevenBit alphabet = iota
	eightBit
	ucs2
)

func alphabetOf(coding byte) (alphabet, error) {
	switch coding >> 4 {
	case 0, 1, 2, 3, 4, 5, 6, 7:
		if coding&0x20 != 0 {
			return 0, errors.New("compressed message")
		}
		return min(alphabet(coding>>2&3), ucs2), nil
	case 14:
		return ucs2, nil
	case 15:
		return alphabet(coding >> 2 & 1), nil
	}
	return sevenBit, nil
}

// body reads the user data (9.2.3.24).
func (r *reader) body(d *Deliver, coding byte, header bool) error {
	which, err := alphabetOf(coding)
	if err != nil {
		return err
	}
	length := int(r.octet())
	size := length
	if which == sevenBit {
		size = (length*7 + 7) / 8
	}
	b := r.take(size)
	skip := 0
	if header && len(b) > 0 {
		skip = 1 + int(b[0])
		if skip > len(b) {
			return ErrShort
		}
		d.Part = part(b[1:skip])
	}
	switch which {
	case sevenBit:
		// The text begins at the next septet after the header.
		fill := (skip*8 + 6) / 7
		d.septets = unpack(b, fill*7, max(length-fill, 0))
	case eightBit:
		d.Data = b[skip:]
	case ucs2:
		for b = b[skip:]; len(b) >= 2; b = b[2:] {
			d.units = append(d.units, uint16(b[0])<<8|uint16(b[1]))
		}
	}
	return nil
}

// part finds the element of a header that says which part this is (9.2.3.24.1 and
// 9.2.3.24.8).
func part(b []byte) Part {
	for len(b) >= 2 && len(b) >= 2+int(b[1]) {
		e := b[2 : 2+b[1]]
		var p Part
		switch {
		case b[0] == 0 && len(e) == 3:
			p = Part{int(e[0]), int(e[1]), int(e[2])}
		case b[0] == 8 && len(e) == 4:
			p = Part{int(e[0])<<8 | int(e[1]), int(e[2]), int(e[3])}
		}
		if p.Number > 0 && p.Number <= p.Total && p.Total > 1 {
			return p
		}
		b = b[2+len(e):]
	}
	return Part{}
}

// Text is the text of messages, in order: a character may begin in one part and end
// in the next.
func Text(parts ...*Deliver) string {
	var (
		s       strings.Builder
		units   []uint16
		septets []byte
	)
	flush := func() {
		s.WriteString(fromSeptets(septets))
		s.WriteString(string(utf16.Decode(units)))
		septets, units = nil, nil
	}
	for _, d := range parts {
		if len(d.septets) > 0 && units != nil || len(d.units) > 0 && septets != nil {
			flush()
		}
		septets, units = append(septets, d.septets...), append(units, d.units...)
	}
	flush()
	return s.String()
}
