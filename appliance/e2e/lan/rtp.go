package lan

import (
	"encoding/binary"
)

// RTP is one RTP packet (RFC 3550) as it passed the switch.
type RTP struct {
	Packet
	Type  uint8 // payload type
	Seq   uint16
	Stamp uint32
	SSRC  uint32
	Data  []byte
}

// parseRTP accepts version 2 packets that cannot be RTCP (packet types 192-223, RFC 5761).
func parseRTP(p Packet) (RTP, bool) {
	b := p.Payload
	if len(b) < 12 || b[0]>>6 != 2 || b[1] >= 192 && b[1] <= 223 {
		return RTP{}, false
	}
	head := 12 + 4*int(b[0]&15)
	if head > len(b) {
		return RTP{}, false
	}
	return RTP{
		Packet: p,
		Type:   b[1] & 127,
		Seq:    binary.BigEndian.Uint16(b[2:]),
		Stamp:  binary.BigEndian.Uint32(b[4:]),
		SSRC:   binary.BigEndian.Uint32(b[8:]),
		Data:   b[head:],
	}, true
}

// Sound keeps the packets sent from one host to another; an empty address stands for any host.
func Sound(all []RTP, from, to string) []RTP {
	var out []RTP
	for _, p := range all {
		if (from == "" || p.Src.Addr().String() == from) && (to == "" || p.Dst.Addr().String() == to) {
			out = append(out, p)
		}
	}
	return out
}
