package wire

import (
	"encoding/hex"
	"math/rand/v2"
)

// Token makes unique text in the shape of a random UUID (RFC 9562 version 4),
// the default source of tags, branches and Call-IDs. The runtime's ChaCha8
// generator behind it is seeded by the kernel and cannot be predicted from its
// output.
func Token() string {
	var b [16]byte
	for i, v := 0, rand.Uint64(); i < 8; i, v = i+1, v>>8 {
		b[i] = byte(v)
	}
	for i, v := 8, rand.Uint64(); i < 16; i, v = i+1, v>>8 {
		b[i] = byte(v)
	}
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	var s [36]byte
	hex.Encode(s[0:8], b[0:4])
	hex.Encode(s[9:13], b[4:6])
	hex.Encode(s[14:18], b[6:8])
	hex.Encode(s[19:23], b[8:10])
	hex.Encode(s[24:36], b[10:16])
	s[8], s[13], s[18], s[23] = '-', '-', '-', '-'
	return string(s[:])
}
