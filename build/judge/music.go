package judge

import (
	"math"
	"math/rand/v2"
)

// timbres are levels of harmonics relative to the fundamental.
var timbres = [][]float64{
	{1, 0.6, 0.45, 0.3, 0.2, 0.12, 0.08},    // a string
	{1, 0.25, 0.5, 0.1, 0.3, 0.05, 0.15},    // a reed
	{1, 0.5, 0.1, 0.05},                     // a flute
	{1, 0.8, 0.6, 0.5, 0.4, 0.3, 0.25},      // brass
	{1, 0.4, 0.2, 0.15, 0.1, 0.05, 0.025},   // a hammer on a string
	{1, 0.7, 0.0, 0.5, 0.0, 0.25, 0.0, 0.1}, // an organ
}

// Music composes minutes of melodies over chords, in keys, tempos and timbres that
// change every ten seconds, at levels to -6 dBm0: notes that begin together, last
// evenly and pause evenly, which is what detectors of tones take for their own.
func Music(minutes float64, seed uint64) []int16 {
	r := rand.New(rand.NewPCG(seed, 440))
	scale := []int{0, 2, 4, 5, 7, 9, 11}
	sound := make([]float64, int(minutes*60*Rate))
	const section = 10 * Rate
	for from := 0; from < len(sound); from += section {
		key, beat := 48+r.IntN(12), int((0.15+0.5*r.Float64())*Rate)
		lead, under := timbres[r.IntN(len(timbres))], timbres[r.IntN(len(timbres))]
		legato, decay := 0.4+0.6*r.Float64(), r.Float64()*4
		degree := 0
		for at := from; at < min(from+section, len(sound)); at += beat {
			if (at-from)/beat%4 == 0 {
				root := r.IntN(7)
				for k := range 3 {
					d := root + 2*k
					note(sound, at, int(4*float64(beat)*legato), key+12*(d/7)+scale[d%7], 0.10, decay/2, under)
				}
			}
			if degree += r.IntN(5) - 2; degree < 0 || degree > 20 {
				degree = 7
			}
			if r.IntN(6) > 0 {
				note(sound, at, int(float64(beat)*legato), key+12+12*(degree/7)+scale[degree%7], 0.25, decay, lead)
			}
		}
	}
	out := make([]int16, len(sound))
	for i, v := range sound {
		out[i] = int16(max(-32768, min(32767, 20000*v)))
	}
	return out
}

// note adds one, at a MIDI pitch.
func note(sound []float64, at, length, pitch int, level, decay float64, harmonics []float64) {
	hz := 440 * math.Pow(2, float64(pitch-69)/12)
	for h, a := range harmonics {
		w := 2 * math.Pi * hz * float64(h+1) / Rate
		if w >= math.Pi*0.9 {
			break
		}
		for i := 0; i < length && at+i < len(sound); i++ {
			edge := min(1, float64(i)/80, float64(length-i)/160)
			sound[at+i] += level * a * edge * math.Exp(-decay*float64(i)/Rate) * math.Sin(w*float64(i))
		}
	}
}
