package judge

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"os/exec"
	"strings"
)

// multimonRate is what multimon-ng wants to be fed with, in Hz.
const multimonRate = 22050

// Multimon lets multimon-ng listen with the given demodulators, such as "DTMF" or
// "CLIPFSK", and returns the lines it prints: "DTMF: 5".
func Multimon(sound []int16, demodulators ...string) ([]string, error) {
	args := []string{"-q", "-c"}
	for _, d := range demodulators {
		args = append(args, "-a", d)
	}
	out, err := run(Bytes(Resample(sound, multimonRate)), "multimon-ng", append(args, "-t", "raw", "-")...)
	if err != nil {
		return nil, err
	}
	var lines []string
	for l := range strings.Lines(string(out)) {
		if l = strings.TrimSpace(l); l != "" {
			lines = append(lines, l)
		}
	}
	return lines, nil
}

// MultimonDigits is what multimon-ng's DTMF receiver hears.
func MultimonDigits(sound []int16) (string, error) {
	lines, err := Multimon(sound, "DTMF")
	var s strings.Builder
	for _, l := range lines {
		if d, ok := strings.CutPrefix(l, "DTMF: "); ok {
			s.WriteString(d)
		}
	}
	return s.String(), err
}

// Minimodem lets minimodem listen, as in Minimodem(sound, "callerid") or
// Minimodem(sound, "1200", "--mark", "1300"), and returns what it prints. That it
// heard nothing is no error.
func Minimodem(sound []int16, args ...string) (string, error) {
	file, remove, err := temporary("judge-*.wav", WAV(sound))
	if err != nil {
		return "", err
	}
	defer remove()
	out, err := exec.Command("minimodem", append([]string{"--rx", "--quiet", "--file", file}, args...)...).Output()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		return "", err
	}
	return string(out), nil
}

// MakeMinimodem lets minimodem send text, as in MakeMinimodem("hello", "1200").
func MakeMinimodem(text string, args ...string) ([]int16, error) {
	file, remove, err := temporary("judge-*.wav", nil)
	if err != nil {
		return nil, err
	}
	defer remove()
	if _, err = run([]byte(text), "minimodem", append([]string{"--tx", "--samplerate", "8000", "--file", file}, args...)...); err != nil {
		return nil, err
	}
	return ReadWAV(file)
}

// Resample changes the rate from 8 kHz to hz, by a windowed sinc as long as 32
// samples, flat to 3.6 kHz.
func Resample(sound []int16, hz int) []int16 {
	const half = 16
	out := make([]int16, int(int64(len(sound))*int64(hz)/Rate))
	cut := min(1, float64(hz)/Rate)
	for i := range out {
		at := float64(i) * Rate / float64(hz)
		first := int(math.Floor(at)) - half + 1
		var v float64
		for k := max(0, first); k < min(len(sound), first+2*half); k++ {
			x := at - float64(k)
			w := 0.5 + 0.5*math.Cos(math.Pi*x/half)
			s := cut
			if x != 0 {
				s = math.Sin(math.Pi*cut*x) / (math.Pi * x)
			}
			v += float64(sound[k]) * w * s
		}
		out[i] = int16(max(-32768, min(32767, math.Round(v))))
	}
	return out
}

// WAV is sound as a file.
func WAV(sound []int16) []byte {
	var b bytes.Buffer
	le := binary.LittleEndian
	size := uint32(2 * len(sound))
	b.WriteString("RIFF")
	b.Write(le.AppendUint32(nil, 36+size))
	b.WriteString("WAVEfmt ")
	h := le.AppendUint32(nil, 16)
	h = le.AppendUint16(h, 1) // linear
	h = le.AppendUint16(h, 1) // one channel
	h = le.AppendUint32(h, Rate)
	h = le.AppendUint32(h, 2*Rate)
	h = le.AppendUint16(h, 2)
	h = le.AppendUint16(h, 16)
	b.Write(h)
	b.WriteString("data")
	b.Write(le.AppendUint32(nil, size))
	for _, v := range sound {
		b.Write(le.AppendUint16(nil, uint16(v)))
	}
	return b.Bytes()
}
