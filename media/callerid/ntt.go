package callerid

import "math/bits"

// Control characters of NTT's frame: DLE SOH header DLE STX, type, length and
// parameters, DLE ETX, check. All but the check have even parity in the top bit.
const (
	soh         = 0x01
	stx         = 0x02
	etx         = 0x03
	dle         = 0x10
	headerJP    = 0x07
	callJP      = 0x40
	dialledJP   = 0x09
	dleParity   = 0x90 // DLE as it is on the line
	aroundJP    = 11   // characters of a frame that are not parameters
	lengthAtJP  = 6
	checkFromJP = 2
)

func frameJP(m Message) []byte {
	b := []byte{dle, soh, headerJP, dle, stx, callJP, 0}
	param := func(kind byte, data ...byte) {
		b = append(append(b, kind, byte(len(data))), data...)
	}
	switch {
	case m.Withheld:
		param(paramNoNumber, private)
	case m.Number == "":
		param(paramNoNumber, outOfArea)
	default:
		param(paramNumber, []byte(m.Number)...)
	}
	if m.Dialled != "" {
		param(dialledJP, []byte(m.Dialled)...)
	}
	b[lengthAtJP] = byte(len(b) - lengthAtJP - 1)
	b = append(b, dle, etx)
	for i, c := range b {
		b[i] = c | byte(bits.OnesCount8(c)&1)<<7
	}
	check := crc(b[checkFromJP:])
	return append(b, byte(check), byte(check>>8))
}

// crc is that of ITU-T V.41, low bit first, begun with 0.
func crc(b []byte) (c uint16) {
	for _, v := range b {
		c ^= uint16(v)
		for range 8 {
			c = c>>1 ^ -(c&1)&0x8408
		}
	}
	return c
}

// parseJP reads a whole frame of NTT; false if it is damaged.
func parseJP(b []byte) (m Message, ok bool) {
	if len(b) < aroundJP || len(b) > aroundJP+127 || crc(b[checkFromJP:]) != 0 {
		return m, false
	}
	var plain [aroundJP + 127]byte
	n := len(b) - 2
	for i, c := range b[:n] {
		if bits.OnesCount8(c)&1 != 0 {
			return m, false
		}
		plain[i] = c & 0x7f
	}
	if [6]byte(plain[:6]) != [6]byte{dle, soh, headerJP, dle, stx, callJP} ||
		int(plain[lengthAtJP]) != n-aroundJP+2 || [2]byte(plain[n-2:n]) != [2]byte{dle, etx} {
		return m, false
	}
	data := plain[lengthAtJP+1 : n-2]
	for i := 0; i+1 < len(data); i += 2 + int(data[i+1]) {
		if data[i] == dialledJP {
			data[i] = paramDialled
		}
	}
	return parseMulti(multiCall, data)
}
