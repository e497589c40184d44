package voice

import (
	"strconv"
	"strings"

	"github.com/zaf/g711"

	"branchline/hal/modem/at"
)

// A format is how a modem writes a sample in a byte.
type format struct {
	number int // its number in +VSM, which means something else in each modem
	label  string
	decode [256]int16
	encode func(int16) byte
}

// choose picks the best of a modem's formats by its label, since the numbers are
// every maker's own. Formats of more than 8 bits are not among them: the modems that
// have them cannot move the bytes of both directions.
func choose(lines []string) *format {
	var best *format
	rank := 0
	for _, line := range lines {
		if rest, ok := strings.CutPrefix(line, "+VSM:"); ok {
			line = strings.TrimSpace(rest)
		}
		fields := at.Fields(line)
		if len(fields) < 2 {
			continue
		}
		number, err := strconv.Atoi(fields[0])
		if err != nil || number < 0 || len(fields) > 2 && fields[2] != "8" || !strings.Contains(line, "8000") {
			continue
		}
		label := strings.ToUpper(fields[1])
		r, f := 0, &format{number: number, label: fields[1]}
		plain := strings.NewReplacer("-", "", " ", "", "_", "", ".", "").Replace(label)
		switch {
		case strings.Contains(plain, "MULAW"), strings.Contains(plain, "ULAW"), strings.Contains(plain, "G711U"):
			r = 4
			f.fill(g711.DecodeUlawFrame, g711.EncodeUlawFrame)
		case strings.Contains(plain, "ALAW"), strings.Contains(plain, "G711A"):
			r = 3
			f.fill(g711.DecodeAlawFrame, g711.EncodeAlawFrame)
		case strings.Contains(plain, "UNSIGNED"), strings.Contains(plain, "8BITLINEAR"):
			r = 2
			f.fill(func(b byte) int16 { return int16(int(b)-128) << 8 }, func(s int16) byte { return byte(round8(s) + 128) })
		case strings.Contains(plain, "SIGNED"):
			r = 1
			f.fill(func(b byte) int16 { return int16(int8(b)) << 8 }, func(s int16) byte { return byte(round8(s)) })
		}
		if r > rank {
			best, rank = f, r
		}
	}
	return best
}

func (f *format) fill(decode func(byte) int16, encode func(int16) byte) {
	for i := range f.decode {
		f.decode[i] = decode(byte(i))
	}
	f.encode = encode
}

// round8 is the upper 8 bits of a sample, rounded.
func round8(s int16) int { return min((int(s)+128)>>8, 127) }
