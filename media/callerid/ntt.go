package callerid

import "math/bits"

// NTT's frame: DLE SOH header DLE STX, type, length and parameters, DLE ETX, check.
// All but the check have even parity in the top bit, and a DLE within the text is
// sent twice, so that it is not taken for its end.
const (
	soh         = 0x01
	stx         = 0x02
	etx         = 0x03 // the same with parity
	dle         = 0x10
	headerJP    = 0x07
	callJP      = 0x40
	dialledJP   = 0x09
	dleParity   = 0x90
	textAtJP    = 5 // type, length, parameters
	checkFromJP = 2
	leastJP     = textAtJP + 2 + 4
)

func frameJP(m Message) []byte {
	text := []byte{callJP, 0}
	param := func(kind byte, data ...byte) {
		text = append(append(text, kind, byte(len(data))), data...)
	}
	kind, who := m.caller()
	param(kind, who...)
	if m.Dialled != "" {
		param(dialledJP, []byte(m.Dialled)...)
	}
	text[1] = byte(len(text) - 2)
	b := []byte{dle, soh, headerJP, dle, stx}
	for _, c := range text {
		if b = append(b, c); c == dle {
			b = append(b, dle)
		}
	}
	b = append(b, dle, etx)
	for i, c := range b {
		b[i] = c | byte(bits.OnesCount8(c)&1)<<7
	}
	check := crc(0, b[checkFromJP:])
	return append(b, byte(check), byte(check>>8))
}

// crc goes on with that of ITU-T V.41, low bit first.
func crc(c uint16, b []byte) uint16 {
	for _, v := range b {
		c ^= uint16(v)
		for range 8 {
			c = c>>1 ^ -(c&1)&0x8408
		}
	}
	return c
}

// parseJP reads a whole frame of NTT; false if it is damaged. Whether the check
// counts a doubled DLE once or twice is told differently: either will do.
func parseJP(b []byte) (m Message, ok bool) {
	if len(b) < leastJP || [textAtJP]byte(b) != [textAtJP]byte{dleParity, soh | 0x80, headerJP | 0x80, dleParity, stx | 0x80} {
		return m, false
	}
	end := len(b) - 4
	if b[end] != dleParity || b[end+1] != etx {
		return m, false
	}
	var plain [len(frame{}.b)]byte
	text := plain[:0]
	single := crc(0, b[checkFromJP:textAtJP])
	for i := textAtJP; i < end; i++ {
		if bits.OnesCount8(b[i])&1 != 0 {
			return m, false
		}
		text = append(text, b[i]&0x7f)
		single = crc(single, b[i:i+1])
		if b[i] == dleParity {
			if i++; i == end || b[i] != dleParity {
				return m, false
			}
		}
	}
	if crc(0, b[checkFromJP:]) != 0 && crc(single, b[end:]) != 0 {
		return m, false
	}
	if len(text) < 2 || text[0] != callJP || len(text) != int(text[1])+2 {
		return m, false
	}
	data := text[2:]
	for i := 0; i+1 < len(data); i += 2 + int(data[i+1]) {
		if data[i] == dialledJP {
			data[i] = paramDialled
		}
	}
	return parseMulti(multiCall, data)
}
