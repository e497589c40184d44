package rtp

import "encoding/binary"

// RTCP packet types (RFC 3550 12.1).
const (
	typeSR   = 200
	typeRR   = 201
	typeSDES = 202
	typeBye  = 203
)

// A Block is one report block (RFC 3550 6.4.1).
type Block struct {
	SSRC     uint32
	Fraction uint8 // lost since the report before, in 1/256
	Lost     int32 // cumulative, 24 bit
	Highest  uint32
	Jitter   uint32 // RTP clock units
	LSR      uint32 // middle 32 bits of the last sender report's NTP time
	DLSR     uint32 // delay since then in 1/65536 s
}

// A Sender is the sender's part of a report.
type Sender struct {
	NTP             uint64 // 32.32 seconds since 1900
	Stamp           uint32
	Packets, Octets uint32
}

// A Report is what one compound RTCP packet told.
type Report struct {
	SSRC     uint32 // who reports
	Sent     bool   // Sender is valid
	Sender   Sender
	Reported bool // Block is valid
	Block    Block
	Bye      bool
}

// ParseReport reads the compound packet b and picks out the block about the
// source named by about. It reports false if b is not a valid compound
// packet (RFC 3550 A.2).
func ParseReport(b []byte, about uint32, r *Report) bool {
	*r = Report{}
	if len(b) < 8 || b[0]&0x20 != 0 || b[1] != typeSR && b[1] != typeRR {
		return false
	}
	for len(b) > 0 {
		if len(b) < 4 || b[0]>>6 != 2 {
			return false
		}
		n := 4 + 4*int(binary.BigEndian.Uint16(b[2:]))
		if n > len(b) {
			return false
		}
		r.part(b[:n], about)
		b = b[n:]
	}
	return true
}

func (r *Report) part(b []byte, about uint32) {
	count := int(b[0] & 0x1f)
	blocks := 8
	switch {
	case len(b) < 8:
		return
	case b[1] == typeBye:
		r.Bye = true
		return
	case b[1] == typeSR && len(b) >= 28:
		r.Sent = true
		r.Sender = Sender{
			NTP:     binary.BigEndian.Uint64(b[8:]),
			Stamp:   binary.BigEndian.Uint32(b[16:]),
			Packets: binary.BigEndian.Uint32(b[20:]),
			Octets:  binary.BigEndian.Uint32(b[24:]),
		}
		blocks = 28
	case b[1] != typeRR:
		return
	}
	r.SSRC = binary.BigEndian.Uint32(b[4:])
	for b = b[blocks:]; count > 0 && len(b) >= 24; count-- {
		if binary.BigEndian.Uint32(b) == about {
			r.Reported = true
			r.Block = Block{
				SSRC:     about,
				Fraction: b[4],
				Lost:     int32(binary.BigEndian.Uint32(b[4:])<<8) >> 8,
				Highest:  binary.BigEndian.Uint32(b[8:]),
				Jitter:   binary.BigEndian.Uint32(b[12:]),
				LSR:      binary.BigEndian.Uint32(b[16:]),
				DLSR:     binary.BigEndian.Uint32(b[20:]),
			}
		}
		b = b[24:]
	}
}

// MaxReport is the most AppendReport ever adds.
const MaxReport = 28 + 24 + 8 + 2 + 32 + 4 + 8

// AppendReport adds a compound packet to dst: a sender or receiver report, the
// canonical name (RFC 3550 6.5.1, at most 32 octets of it) and, if r.Bye, a
// goodbye. dst should have MaxReport bytes to spare, so that nothing is allocated.
func AppendReport(dst []byte, r *Report, cname string) []byte {
	count, kind := byte(0), byte(typeRR)
	if r.Reported {
		count = 1
	}
	if r.Sent {
		kind = typeSR
	}
	words := 1 + 6*int(count)
	if r.Sent {
		words += 5
	}
	be := binary.BigEndian
	dst = be.AppendUint16(append(dst, 0x80|count, kind), uint16(words))
	dst = be.AppendUint32(dst, r.SSRC)
	if r.Sent {
		dst = be.AppendUint64(dst, r.Sender.NTP)
		dst = be.AppendUint32(dst, r.Sender.Stamp)
		dst = be.AppendUint32(dst, r.Sender.Packets)
		dst = be.AppendUint32(dst, r.Sender.Octets)
	}
	if k := &r.Block; r.Reported {
		dst = be.AppendUint32(dst, k.SSRC)
		dst = be.AppendUint32(dst, uint32(k.Fraction)<<24|uint32(k.Lost)&0xffffff)
		dst = be.AppendUint32(dst, k.Highest)
		dst = be.AppendUint32(dst, k.Jitter)
		dst = be.AppendUint32(dst, k.LSR)
		dst = be.AppendUint32(dst, k.DLSR)
	}
	dst = appendName(dst, r.SSRC, cname[:min(len(cname), 32)])
	if r.Bye {
		dst = be.AppendUint32(append(dst, 0x81, typeBye, 0, 1), r.SSRC)
	}
	return dst
}

// appendName adds one SDES chunk: SSRC, CNAME item, and at least one zero octet
// up to the next word (RFC 3550 6.5).
func appendName(dst []byte, ssrc uint32, cname string) []byte {
	words := (4 + 2 + len(cname) + 1 + 3) / 4
	dst = binary.BigEndian.AppendUint16(append(dst, 0x81, typeSDES), uint16(words))
	dst = binary.BigEndian.AppendUint32(dst, ssrc)
	dst = append(dst, 1, byte(len(cname)))
	dst = append(dst, cname...)
	for n := 4 + 2 + len(cname); n < 4*words; n++ {
		dst = append(dst, 0)
	}
	return dst
}
