package ear

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"branchline/appliance/e2e/lan"
)

// heard is what a tap would have recorded of s.
func heard(s *Say) []lan.RTP {
	var out []lan.RTP
	for _, p := range s.packets {
		out = append(out, lan.RTP{
			Type:  p.data[1] & 127,
			Seq:   binary.BigEndian.Uint16(p.data[2:]),
			Stamp: binary.BigEndian.Uint32(p.data[4:]),
			SSRC:  binary.BigEndian.Uint32(p.data[8:]),
			Data:  p.data[12:],
		})
	}
	return out
}

func TestMeasureTone(t *testing.T) {
	for _, payload := range []uint8{ULaw, ALaw} {
		var s Say
		s.Sine(payload, 2*time.Second, -16, 1004)
		got, err := MeasureTone(Listen(heard(&s)))
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(got.Hz-1004) > 1 || math.Abs(got.Level+16) > 0.2 || got.Share < 0.99 {
			t.Errorf("payload %d: %v", payload, got)
		}
	}
}

func TestMeasureToneNeedsSound(t *testing.T) {
	if _, err := MeasureTone(make([]float64, Rate)); err == nil {
		t.Error("silence was measured")
	}
	if _, err := MeasureTone(make([]float64, 100)); err == nil {
		t.Error("12 ms were measured")
	}
}

func TestFind(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	noise := func(n int, amp float64) []float64 {
		out := make([]float64, n)
		for i := range out {
			out[i] = amp * (2*r.Float64() - 1)
		}
		return out
	}
	sound := noise(4000, 0.3)
	recording := noise(20000, 0.01)
	for i, v := range sound {
		recording[7000+i] += v / 2
	}
	if at, alike := Find(recording, sound); at != 7000 || alike < 0.99 {
		t.Errorf("found at %d, alike %.3f", at, alike)
	}
	if _, alike := Find(recording, noise(4000, 0.3)); alike > 0.3 {
		t.Errorf("a sound that is not there: alike %.3f", alike)
	}
	if _, alike := Find(make([]float64, 8000), sound); alike != 0 {
		t.Errorf("in silence: alike %.3f", alike)
	}
}

func TestListenFillsGaps(t *testing.T) {
	var s Say
	s.Sine(ULaw, 100*time.Millisecond, -10, 500)
	s.Pause(200 * time.Millisecond)
	s.Sine(ULaw, 100*time.Millisecond, -10, 500)
	pcm := Listen(heard(&s))
	if len(pcm) != 3200 {
		t.Fatalf("%d samples", len(pcm))
	}
	if l := Level(pcm[800:2400]); !math.IsInf(l, -1) {
		t.Errorf("gap at %.1f dB", l)
	}
}

func TestSineWAV(t *testing.T) {
	pcm, err := WAV(SineWAV(time.Second, -20, 700))
	if err != nil || len(pcm) != Rate {
		t.Fatalf("%d samples, %v", len(pcm), err)
	}
	if got, err := MeasureTone(pcm); err != nil || math.Abs(got.Hz-700) > 0.5 || math.Abs(got.Level+20) > 0.1 {
		t.Errorf("%v, %v", got, err)
	}
}
