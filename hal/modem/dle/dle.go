// Package dle is the shielding of the sample stream between a computer and a voice
// modem (ITU-T V.253, clause 9): one value, DLE, is an escape. Doubled it is data,
// with any other character behind it an event or a command.
package dle

// Characters that follow DLE in the stream.
const (
	DLE = 0x10
	SUB = 0x1a // to us: two DLE in the data
	ETX = 0x03 // end of the stream
)

// A Decoder takes a modem's stream apart. The zero value is at the beginning of a
// stream.
type Decoder struct {
	shield bool // the last byte was DLE
}

// Decode appends the data of b to out until the stream is over or b is used up, and
// returns how many bytes of b it took. code is called for each event; it must not
// wait.
func (d *Decoder) Decode(out, b []byte, code func(byte)) (data []byte, n int, over bool) {
	for n < len(b) {
		c := b[n]
		n++
		if !d.shield {
			if c == DLE {
				d.shield = true
			} else {
				out = append(out, c)
			}
			continue
		}
		d.shield = false
		switch c {
		case DLE:
			out = append(out, DLE)
		case SUB:
			out = append(out, DLE, DLE)
		case ETX:
			return out, n, true
		default:
			code(c)
		}
	}
	return out, n, false
}

// Append appends data to out as it goes into a stream.
func Append(out, data []byte) []byte {
	for _, c := range data {
		if c == DLE {
			out = append(out, DLE)
		}
		out = append(out, c)
	}
	return out
}
