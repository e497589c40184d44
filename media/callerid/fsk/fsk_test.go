package fsk

import (
	"math"
	"math/rand/v2"
	"testing"

	"branchline/media/sine"
)

// goertzel is the power of a frequency in sound, dBm0.
func level(sound []int16, hz float64) float64 {
	var re, im float64
	for i, v := range sound {
		sin, cos := math.Sincos(2 * math.Pi * hz / Rate * float64(i))
		re += float64(v) * cos
		im += float64(v) * sin
	}
	return 20 * math.Log10(2*math.Hypot(re, im)/float64(len(sound))/sine.Zero)
}

func send(w Wave, bits []bool) []int16 {
	s := NewSource(w, bits)
	out := make([]int16, s.Len())
	for n := 0; n < len(out); { // in uneven pieces
		n += s.Fill(out[n:min(len(out), n+97)])
	}
	return out
}

// Tones at their frequencies within 1 Hz and at their level, EN 300 659-1 5.4.
func TestTones(t *testing.T) {
	space := make([]bool, 600)
	for _, tones := range []Tones{Bell202(), V23()} {
		for hz, bits := range map[float64][]bool{tones.Mark: ones(nil, 600), tones.Space: space} {
			sound := send(Wave{Tones: tones, Level: -13.5}, bits)
			sound = sound[:4000]
			if got := level(sound, hz); math.Abs(got+13.5) > 0.1 {
				t.Errorf("%v Hz at %.2f dBm0", hz, got)
			}
			if off := max(level(sound, hz-2), level(sound, hz+2)); off > level(sound, hz) {
				t.Errorf("not at %v Hz", hz)
			}
		}
	}
}

// The phase is continuous: no sample is further from the last than the higher tone
// makes it.
func TestNoClicks(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 6))
	data := make([]byte, 100)
	for i := range data {
		data[i] = byte(r.Uint32())
	}
	sound := send(Wave{Tones: Bell202(), Level: -13.5}, Bits(300, 180, data, 10))
	most := 2*sine.Peak(-13.5)*math.Sin(math.Pi*2200/Rate) + 2
	for i, v := range sound {
		last := int16(0)
		if i > 0 {
			last = sound[i-1]
		}
		if d := math.Abs(float64(v) - float64(last)); d > most {
			t.Fatalf("step of %v at %d", d, i)
		}
	}
	if want := int(math.Ceil((300 + 180 + 1000 + 10) * float64(Rate) / Baud)); len(sound) != want {
		t.Errorf("%d samples, want %d", len(sound), want)
	}
	if abs := max(math.Abs(float64(sound[0])), math.Abs(float64(sound[len(sound)-1]))); abs > 50 {
		t.Errorf("begins or ends with %v", abs)
	}
}

func hear(d *Demodulator, sound []int16) (all []Symbol) {
	for _, v := range append(sound, make([]int16, 400)...) {
		if s := d.Feed(v); s.Kind != None {
			all = append(all, s)
		}
	}
	return all
}

// What is sent is heard, from -45 to +3 dBm0, characters that look like the seizure
// included, and the tones are told apart.
func TestThereAndBack(t *testing.T) {
	data := []byte("\x80UUUUUUUU\xff\x00\xaa\x55 the end")
	for _, tones := range []Tones{Bell202(), V23()} {
		for _, level := range []float64{3, -13.5, -40, -45} {
			for _, baud := range []float64{1200, 1180, 1220} {
				d := NewDemodulator()
				got := hear(d, send(Wave{Tones: tones, Level: level, Baud: baud}, Bits(300, 180, data, 10)))
				var text []byte
				for i, s := range got {
					switch {
					case i == 0 && s.Kind == Seizure:
					case i == 1 && s.Kind == First && !s.Alone, i > 1 && s.Kind == Next:
						text = append(text, s.Byte)
					case i == len(got)-1 && s.Kind == End:
					default:
						t.Errorf("%v at %v dBm0: %d %+v", tones, level, i, s)
					}
				}
				if string(text) != string(data) {
					t.Errorf("%v at %v dBm0, %v Bd: %q", tones, level, baud, text)
				}
				if d.Bell() != (tones == Bell202()) {
					t.Errorf("%v taken for the others", tones)
				}
			}
		}
	}
}

func TestWithoutSeizure(t *testing.T) {
	got := hear(NewDemodulator(), send(Wave{Tones: V23(), Level: -20}, Bits(0, 80, []byte("ab"), 4)))
	if len(got) != 3 || got[0] != (Symbol{First, 'a', true, got[0].Sure}) || got[1].Byte != 'b' || got[2].Kind != End {
		t.Errorf("%+v", got)
	}
}

// Tones that are no modem: silence, single tones, two tones that beat about as fast
// as bits alternate, mains hum, noise.
func TestNoModem(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 7))
	sounds := map[string]func(i int) float64{
		"silence": func(int) float64 { return 0 },
		"noise":   func(int) float64 { return 3000 * r.NormFloat64() },
	}
	for name, hz := range map[string][2]float64{"dial tone": {350, 440}, "ringback": {440, 480}, "mark": {1200, 1200}, "space": {2200, 2200},
		"hum": {50, 150}, "9": {852, 1477}, "D": {941, 1633}, "2": {697, 1336}, "alert": {2130, 2750}, "fax": {1100, 2100}} {
		sounds[name] = func(i int) float64 {
			x := 2 * math.Pi * float64(i) / Rate
			return 4000 * (math.Sin(hz[0]*x) + math.Sin(hz[1]*x))
		}
	}
	for name, sound := range sounds {
		s := make([]int16, 2*Rate)
		for i := range s {
			s[i] = int16(sound(i))
		}
		if got := hear(NewDemodulator(), s); len(got) > 0 {
			t.Errorf("%s: %+v", name, got)
		}
	}
}
