// Package rtp reads and writes the headers of RTP and RTCP (RFC 3550) in place,
// without allocating, and keeps the reception figures a report needs. Every
// reader takes hostile input.
package rtp

import "encoding/binary"

// HeaderLen is the size of an RTP header without CSRCs and extension, which is
// all the exchange ever sends.
const HeaderLen = 12

// A Header is what the exchange wants to know of one packet. The payload is
// b[From:To] of the packet it was read from.
type Header struct {
	Marker   bool
	PT       uint8
	Seq      uint16
	Stamp    uint32
	SSRC     uint32
	From, To int
}

// Parse reads the header of b and reports whether b is RTP at all (RFC 3550
// A.1): version 2, room for CSRCs, extension and padding, and a payload type
// that is not RTCP's (RFC 5761 4).
func (h *Header) Parse(b []byte) bool {
	if len(b) < HeaderLen || b[0]>>6 != 2 || b[1] >= 192 && b[1] <= 223 {
		return false
	}
	from, to := HeaderLen+4*int(b[0]&0x0f), len(b)
	if b[0]&0x10 != 0 {
		if from+4 > to {
			return false
		}
		from += 4 + 4*int(binary.BigEndian.Uint16(b[from+2:]))
	}
	if from > to {
		return false
	}
	if b[0]&0x20 != 0 {
		pad := int(b[to-1])
		if pad == 0 || from+pad > to {
			return false
		}
		to -= pad
	}
	h.Marker, h.PT = b[1]&0x80 != 0, b[1]&0x7f
	h.Seq = binary.BigEndian.Uint16(b[2:])
	h.Stamp = binary.BigEndian.Uint32(b[4:])
	h.SSRC = binary.BigEndian.Uint32(b[8:])
	h.From, h.To = from, to
	return true
}

// Put writes a plain twelve byte header in front of a payload. b must have room.
func (h *Header) Put(b []byte) {
	_ = b[HeaderLen-1]
	b[0], b[1] = 0x80, h.PT&0x7f
	if h.Marker {
		b[1] |= 0x80
	}
	binary.BigEndian.PutUint16(b[2:], h.Seq)
	binary.BigEndian.PutUint32(b[4:], h.Stamp)
	binary.BigEndian.PutUint32(b[8:], h.SSRC)
}

// Ahead is how far sequence number a is ahead of b, negative if behind.
func Ahead(a, b uint16) int { return int(int16(a - b)) }
