// Package ear listens to recorded RTP: it turns G.711 packets back into samples, measures tones,
// and finds a known prompt in what was heard.
//
// Samples are float64 in ±1 of full scale, 8000 a second.
package ear

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/cmplx"

	"github.com/zaf/g711"

	"branchline/appliance/e2e/lan"
)

// Rate is the sampling rate in Hz.
const Rate = 8000

// Static payload types of RFC 3551.
const (
	ULaw = 0
	ALaw = 8
)

// Listen puts the G.711 packets of a recording in the order of their time stamps and decodes them;
// what is missing is silence. A new SSRC, or a jump of more than ten seconds, continues right
// after what was heard before. Packets of other payload types are left out.
func Listen(packets []lan.RTP) []float64 {
	var pcm []float64
	var ssrc, origin uint32
	base, started := 0, false
	for _, p := range packets {
		var lin []byte
		switch p.Type {
		case ULaw:
			lin = g711.DecodeUlaw(p.Data)
		case ALaw:
			lin = g711.DecodeAlaw(p.Data)
		default:
			continue
		}
		at := base + int(int32(p.Stamp-origin))
		if !started || p.SSRC != ssrc || at < base || at > len(pcm)+10*Rate {
			started, ssrc, origin, base = true, p.SSRC, p.Stamp, len(pcm)
			at = base
		}
		if need := at + len(lin)/2; need > len(pcm) {
			pcm = append(pcm, make([]float64, need-len(pcm))...)
		}
		for i := range len(lin) / 2 {
			pcm[at+i] = float64(int16(binary.LittleEndian.Uint16(lin[2*i:]))) / 32768
		}
	}
	return pcm
}

// WAV reads a mono 16 bit 8 kHz RIFF file.
func WAV(b []byte) ([]float64, error) {
	if len(b) < 12 || string(b[:4]) != "RIFF" || string(b[8:12]) != "WAVE" {
		return nil, errors.New("not a RIFF WAVE file")
	}
	for rest := b[12:]; len(rest) >= 8; {
		size := int(binary.LittleEndian.Uint32(rest[4:]))
		if size > len(rest)-8 {
			size = len(rest) - 8
		}
		body := rest[8 : 8+size]
		switch string(rest[:4]) {
		case "fmt ":
			if size < 16 || binary.LittleEndian.Uint16(body[2:]) != 1 ||
				binary.LittleEndian.Uint32(body[4:]) != Rate || binary.LittleEndian.Uint16(body[14:]) != 16 {
				return nil, errors.New("not mono, 16 bit, 8000 Hz")
			}
		case "data":
			return linear(body), nil
		}
		rest = rest[8+size+size%2:]
	}
	return nil, errors.New("no data chunk")
}

// FromULaw decodes a headerless u-law file.
func FromULaw(b []byte) []float64 { return linear(g711.DecodeUlaw(b)) }

func linear(b []byte) []float64 {
	pcm := make([]float64, len(b)/2)
	for i := range pcm {
		pcm[i] = float64(int16(binary.LittleEndian.Uint16(b[2*i:]))) / 32768
	}
	return pcm
}

// Level is the mean power in dB below a full-scale square wave; -Inf for silence.
func Level(pcm []float64) float64 {
	var sum float64
	for _, v := range pcm {
		sum += v * v
	}
	if sum == 0 {
		return math.Inf(-1)
	}
	return 10 * math.Log10(sum/float64(len(pcm)))
}

// Trim cuts silence (below -60 dB, in blocks of 20 ms) off both ends.
func Trim(pcm []float64) []float64 {
	const block = Rate / 50
	for len(pcm) >= block && Level(pcm[:block]) < -60 {
		pcm = pcm[block:]
	}
	for len(pcm) >= block && Level(pcm[len(pcm)-block:]) < -60 {
		pcm = pcm[:len(pcm)-block]
	}
	return pcm
}

// Tone is a measured sine.
type Tone struct {
	Hz    float64
	Level float64 // dB as from [Level]
	Share float64 // part of the total power that lies within 20 Hz of Hz, 0..1
}

// String prints the tone as a person would write it down.
func (t Tone) String() string {
	return fmt.Sprintf("%.1f Hz at %.2f dB (%.0f %% of the power)", t.Hz, t.Level, 100*t.Share)
}

// MeasureTone finds the strongest frequency. It needs at least a quarter of a second.
func MeasureTone(pcm []float64) (Tone, error) {
	if len(pcm) < Rate/4 {
		return Tone{}, fmt.Errorf("only %d samples", len(pcm))
	}
	n := 1
	for n*2 <= len(pcm) {
		n *= 2
	}
	pcm = pcm[:n]
	spec := make([]complex128, n)
	for i, v := range pcm { // Hann window: sidelobes far below any codec noise
		spec[i] = complex(v*(0.5-0.5*math.Cos(2*math.Pi*float64(i)/float64(n))), 0)
	}
	fft(spec, false)
	power := make([]float64, n/2)
	peak, total := 1, 0.0
	for i := range power {
		power[i] = real(spec[i])*real(spec[i]) + imag(spec[i])*imag(spec[i])
		total += power[i]
		if i > 0 && power[i] > power[peak] {
			peak = i
		}
	}
	if total == 0 {
		return Tone{}, errors.New("silence")
	}
	bin := float64(Rate) / float64(n)
	reach := int(20/bin) + 2
	var near, moment float64
	for i := max(0, peak-reach); i <= min(len(power)-1, peak+reach); i++ {
		near += power[i]
		moment += power[i] * float64(i)
	}
	return Tone{Hz: moment / near * bin, Level: Level(pcm) + 10*math.Log10(near/total), Share: near / total}, nil
}

// Find looks for a sound in a recording and returns the sample at which it begins and how alike
// the two are there: 1 is the same but for loudness, unrelated speech stays below 0.3.
func Find(recording, sound []float64) (at int, alike float64) {
	if len(sound) == 0 || len(recording) < len(sound) {
		return 0, 0
	}
	n := 1
	for n < len(recording)+len(sound) {
		n *= 2
	}
	a, b := make([]complex128, n), make([]complex128, n)
	for i, v := range recording {
		a[i] = complex(v, 0)
	}
	var energy float64
	for i, v := range sound {
		b[i] = complex(v, 0)
		energy += v * v
	}
	fft(a, false)
	fft(b, false)
	for i := range a {
		a[i] *= cmplx.Conj(b[i])
	}
	fft(a, true)
	var window float64 // energy of the recording under the sound
	for _, v := range recording[:len(sound)] {
		window += v * v
	}
	for i := 0; ; i++ {
		// A window far quieter than the sound has no meaningful likeness.
		if window > energy/1000 {
			if c := real(a[i]) / math.Sqrt(window*energy); c > alike {
				at, alike = i, c
			}
		}
		if i+len(sound) >= len(recording) {
			return at, alike
		}
		window += recording[i+len(sound)]*recording[i+len(sound)] - recording[i]*recording[i]
	}
}

// fft is the in-place radix-2 transform; the length is a power of two. The inverse is scaled.
func fft(a []complex128, inverse bool) {
	n := len(a)
	for i, j := 1, 0; i < n; i++ {
		bit := n >> 1
		for ; j&bit != 0; bit >>= 1 {
			j ^= bit
		}
		j ^= bit
		if i < j {
			a[i], a[j] = a[j], a[i]
		}
	}
	for size := 2; size <= n; size <<= 1 {
		angle := -2 * math.Pi / float64(size)
		if inverse {
			angle = -angle
		}
		half := size / 2
		roots := make([]complex128, half)
		for k := range roots {
			roots[k] = cmplx.Rect(1, angle*float64(k))
		}
		for start := 0; start < n; start += size {
			for k := range half {
				u, v := a[start+k], a[start+k+half]*roots[k]
				a[start+k], a[start+k+half] = u+v, u-v
			}
		}
	}
	if inverse {
		for i := range a {
			a[i] /= complex(float64(n), 0)
		}
	}
}
