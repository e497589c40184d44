package pdu

import "strings"

// escape is the septet that takes the next from the extension table.
const escape = 0x1b

// alphabet7 is the default alphabet (3GPP TS 23.038, 6.2.1); position is code.
const alphabet7 = "@£$¥èéùìòÇ\nØø\rÅå" + "Δ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ" +
	" !\"#¤%&'()*+,-./" + "0123456789:;<=>?" + "¡ABCDEFGHIJKLMNO" + "PQRSTUVWXYZÄÖÑÜ§" + "¿abcdefghijklmno" + "pqrstuvwxyzäöñüà"

// extension is what may follow an escape (6.2.1.1), each with its code in front.
const extension = "\x0a\f\x14^\x28{\x29}\x2f\\\x3c[\x3d~\x3e]\x40|\x65€"

// toSeptets writes text in the default alphabet, if all of it is there.
func toSeptets(text string) ([]byte, bool) {
	codes := make(map[rune][]byte, 160)
	code := byte(0)
	for _, c := range alphabet7 {
		codes[c] = []byte{code}
		code++
	}
	delete(codes, escape)
	for r := []rune(extension); len(r) > 0; r = r[2:] {
		codes[r[1]] = []byte{escape, byte(r[0])}
	}
	var s []byte
	for _, c := range text {
		b, ok := codes[c]
		if !ok {
			return nil, false
		}
		s = append(s, b...)
	}
	return s, true
}

// fromSeptets reads the default alphabet. An escape before a code that the extension
// has not is left out.
func fromSeptets(s []byte) string {
	if len(s) == 0 {
		return ""
	}
	var (
		text    strings.Builder
		escaped bool
		letters = []rune(alphabet7)
		more    = []rune(extension)
	)
next:
	for _, b := range s {
		if escaped {
			escaped = false
			for i := 0; i < len(more); i += 2 {
				if more[i] == rune(b) {
					text.WriteRune(more[i+1])
					continue next
				}
			}
		}
		if b == escape {
			escaped = true
			continue
		}
		text.WriteRune(letters[b&0x7f])
	}
	return text.String()
}

// pack puts septets together (6.1.2.1), with bits of nothing in front.
func pack(s []byte, fill int) []byte {
	b := make([]byte, (len(s)*7+fill+7)/8)
	for i, v := range s {
		bit := fill + i*7
		w := uint16(v&0x7f) << (bit % 8)
		b[bit/8] |= byte(w)
		if w > 0xff {
			b[bit/8+1] |= byte(w >> 8)
		}
	}
	return b
}

// unpack takes n septets from b, the first at a bit.
func unpack(b []byte, bit, n int) []byte {
	var s []byte
	for range n {
		at := bit / 8
		if at >= len(b) {
			return s
		}
		w := uint16(b[at])
		if at+1 < len(b) {
			w |= uint16(b[at+1]) << 8
		}
		s = append(s, byte(w>>(bit%8))&0x7f)
		bit += 7
	}
	return s
}
