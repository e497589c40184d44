// Package g711 is companded speech (ITU-T G.711) by table: between the two
// laws, and to and from linear samples. Nothing here allocates, so all of it may
// run on the media thread.
//
// Linear samples are 16 bit, the width telephony software uses: a u-law sample
// is the Recommendation's 14 bit value times 4, an A-law sample its 13 bit value
// times 8, so both laws have the same loudness.
package g711

import "github.com/zaf/g711"

// Silence in either law: the code of the smallest positive value.
const (
	SilenceU byte = 0xff
	SilenceA byte = 0xd5
)

// A Table translates one companded byte into another.
type Table [256]byte

// Apply translates b in place.
func (t *Table) Apply(b []byte) {
	for len(b) >= 8 {
		c := b[:8:8]
		c[0], c[1], c[2], c[3] = t[c[0]], t[c[1]], t[c[2]], t[c[3]]
		c[4], c[5], c[6], c[7] = t[c[4]], t[c[5]], t[c[6]], t[c[7]]
		b = b[8:]
	}
	for i, v := range b {
		b[i] = t[v]
	}
}

// A Law is one of the two ways to compand.
type Law struct {
	Silence byte
	linear  [256]int16
	encoded [1 << 14]byte // by the upper 14 bits of a sample; neither law resolves more
}

var (
	uLaw = law(SilenceU, g711.DecodeUlawFrame, g711.EncodeUlawFrame)
	aLaw = law(SilenceA, g711.DecodeAlawFrame, g711.EncodeAlawFrame)

	uToA = table(g711.Ulaw2AlawFrame)
	aToU = table(g711.Alaw2UlawFrame)
)

// ULaw is the law of North America and Japan (PCMU).
func ULaw() *Law { return uLaw }

// ALaw is the law of the rest of the world (PCMA).
func ALaw() *Law { return aLaw }

// UToA translates u-law into A-law (G.711 table 3).
func UToA() *Table { return uToA }

// AToU translates A-law into u-law (G.711 table 4).
func AToU() *Table { return aToU }

// Linear is the value of one companded sample.
func (l *Law) Linear(code byte) int16 { return l.linear[code] }

// Code is the companded sample nearest to v.
func (l *Law) Code(v int16) byte { return l.encoded[uint16(v)>>2] }

// Decode expands src into dst, as many samples as fit, and returns how many.
func (l *Law) Decode(dst []int16, src []byte) int {
	n := min(len(dst), len(src))
	for i, c := range src[:n] {
		dst[i] = l.linear[c]
	}
	return n
}

// Encode compands src into dst, as many samples as fit, and returns how many.
func (l *Law) Encode(dst []byte, src []int16) int {
	n := min(len(dst), len(src))
	for i, v := range src[:n] {
		dst[i] = l.encoded[uint16(v)>>2]
	}
	return n
}

// Mix adds the speech in src to that in dst, both of this law, limiting at full
// scale.
func (l *Law) Mix(dst, src []byte) {
	for i, c := range src[:min(len(dst), len(src))] {
		sum := int32(l.linear[dst[i]]) + int32(l.linear[c])
		dst[i] = l.Code(int16(max(-32768, min(32767, sum))))
	}
}

func law(silence byte, decode func(byte) int16, encode func(int16) byte) *Law {
	l := &Law{Silence: silence}
	for i := range l.linear {
		l.linear[i] = decode(byte(i))
	}
	for i := range l.encoded {
		l.encoded[i] = encode(int16(uint16(i << 2)))
	}
	return l
}

func table(translate func(byte) byte) *Table {
	t := new(Table)
	for i := range t {
		t[i] = translate(byte(i))
	}
	return t
}
