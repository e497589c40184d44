package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

const (
	rate = 8000
	// speechLevel is what the active parts of every prompt are brought to.
	// Conversations arrive at about -20 dBm0 (ITU-T G.168, P.56 practice), and a
	// prompt should neither shout nor whisper beside them.
	speechLevel = -20.0
	// zeroDBm0 is the RMS value of a 16-bit sine at 0 dBm0: u-law clips 3.17 dB
	// above it (ITU-T G.711 section 4).
	zeroDBm0 = 15768.0
	peak     = 28000.0
)

// decodeWAV reads 16-bit mono PCM. espeak-ng writes to a pipe and so leaves the
// lengths in the header open: the data chunk reaches to the end.
func decodeWAV(b []byte) (samples []float64, from int, err error) {
	if len(b) < 44 || string(b[:4]) != "RIFF" || string(b[8:12]) != "WAVE" {
		return nil, 0, errors.New("not a WAV file")
	}
	if ch, bits := binary.LittleEndian.Uint16(b[22:]), binary.LittleEndian.Uint16(b[34:]); ch != 1 || bits != 16 {
		return nil, 0, fmt.Errorf("%d channels of %d bits", ch, bits)
	}
	from = int(binary.LittleEndian.Uint32(b[24:]))
	for data := b[44:]; len(data) >= 2; data = data[2:] {
		samples = append(samples, float64(int16(binary.LittleEndian.Uint16(data))))
	}
	return samples, from, nil
}

// resample brings samples to 8 kHz through a windowed-sinc low-pass at 3.6 kHz.
func resample(in []float64, from int) []float64 {
	const (
		cutoff = 3600.0
		half   = 32 // taps on each side, in samples of 8 kHz
	)
	step := float64(from) / rate
	reach := half * step
	out := make([]float64, int(float64(len(in))/step))
	for n := range out {
		centre := float64(n) * step
		var sum, weight float64
		for k := max(0, int(centre-reach)); k <= min(len(in)-1, int(centre+reach)); k++ {
			x := float64(k) - centre
			w := 0.5 + 0.5*math.Cos(math.Pi*x/(reach+1))
			h := w * sinc(2*cutoff/float64(from)*x)
			sum += h * in[k]
			weight += h
		}
		out[n] = sum / weight
	}
	return out
}

func sinc(x float64) float64 {
	if x == 0 {
		return 1
	}
	return math.Sin(math.Pi*x) / (math.Pi * x)
}

// trim takes the silence off both ends and leaves a little air, so that words
// played one after another neither run together nor stand apart.
func trim(in []float64) []float64 {
	loudest := 0.0
	for _, v := range in {
		loudest = max(loudest, math.Abs(v))
	}
	floor := loudest / 100 // -40 dB
	first, last := 0, len(in)-1
	for first < len(in) && math.Abs(in[first]) < floor {
		first++
	}
	for last > first && math.Abs(in[last]) < floor {
		last--
	}
	return in[max(0, first-rate/100):min(len(in), last+rate/20)]
}

// level brings the RMS of the blocks that hold speech to speechLevel, as far as
// the peaks allow.
func level(in []float64) []int16 {
	const block = rate / 50
	var blocks []float64
	loudest, strongest := 0.0, 0.0
	for at := 0; at+block <= len(in); at += block {
		power := 0.0
		for _, v := range in[at : at+block] {
			power += v * v
			loudest = max(loudest, math.Abs(v))
		}
		blocks = append(blocks, power/block)
		strongest = max(strongest, power/block)
	}
	active, n := 0.0, 0
	for _, p := range blocks {
		if p > strongest/300 { // within 25 dB of the loudest: speech
			active += p
			n++
		}
	}
	gain := 1.0
	if n > 0 {
		gain = zeroDBm0 * math.Pow(10, speechLevel/20) / math.Sqrt(active/float64(n))
	}
	if loudest*gain > peak {
		gain = peak / loudest
	}
	out := make([]int16, len(in))
	for i, v := range in {
		out[i] = int16(max(-peak, min(peak, v*gain)))
	}
	return out
}

// signal makes "tone 440+480 200 silence 100 ...": frequencies in Hz, lengths in
// milliseconds, at -14 dBm0 with soft edges.
func signal(recipe string) ([]int16, error) {
	var out []int16
	words := strings.Fields(recipe)
	for len(words) > 0 {
		var freqs []float64
		switch {
		case words[0] == "tone" && len(words) >= 3:
			for _, f := range strings.Split(words[1], "+") {
				hz, err := strconv.ParseFloat(f, 64)
				if err != nil {
					return nil, err
				}
				freqs = append(freqs, hz)
			}
			words = words[2:]
		case words[0] == "silence" && len(words) >= 2:
			words = words[1:]
		default:
			return nil, fmt.Errorf("recipe %q", recipe)
		}
		ms, err := strconv.Atoi(words[0])
		if err != nil {
			return nil, err
		}
		words = words[1:]
		n := ms * rate / 1000
		for i := range n {
			v := 0.0
			for _, f := range freqs {
				v += math.Sqrt2 * zeroDBm0 * math.Pow(10, -14.0/20) / float64(len(freqs)) * math.Sin(2*math.Pi*f*float64(i)/rate)
			}
			edge := min(1, float64(min(i, n-1-i))/(rate/200))
			out = append(out, int16(v*edge))
		}
	}
	return out, nil
}
