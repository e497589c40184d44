package dtmf

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"branchline/media/sine"
)

func add(out []int16, hz, dBm0 float64) {
	a := sine.Peak(dBm0)
	for i := range out {
		out[i] = int16(max(-32768, min(32767, float64(out[i])+a*math.Sin(2*math.Pi*hz*float64(i)/Rate))))
	}
}

// heard feeds speech in packets of 20 ms and writes down what began.
func heard(speech []int16) (digits string, lengths []int) {
	d := NewDetector()
	speech = append(speech, make([]int16, 800)...)
	for len(speech) > 0 {
		n := min(160, len(speech))
		c := d.Hear(speech[:n])
		if c.Ended != 0 {
			lengths = append(lengths, c.Samples)
		}
		if c.Began != 0 {
			digits += string(c.Began)
		}
		speech = speech[n:]
	}
	return digits, lengths
}

func pair(d byte, n, offset int, lowLevel, highLevel, detune float64) []int16 {
	s := make([]int16, offset+n)
	for i := range len(pad) {
		if pad[i] == d {
			add(s[offset:], lows[i/4]*(1+detune), lowLevel)
			add(s[offset:], highs[i%4]*(1+detune), highLevel)
		}
	}
	return s
}

// Seed: S-086.
func TestGeneratedDigitsAreHeard(t *testing.T) {
	var all []int16
	for i := range len(Digits) {
		var g Tone
		g.Start(Digits[i])
		s := make([]int16, 800)
		g.Fill(s)
		all = append(append(all, s...), make([]int16, 400)...)
	}
	got, lengths := heard(all)
	if got != Digits {
		t.Errorf("heard %q, want %q", got, Digits)
	}
	for i, n := range lengths {
		if n < 800-2*windowLen || n > 800+windowLen {
			t.Errorf("digit %c lasted %d samples, want about 800", Digits[i], n)
		}
	}
}

// Q.24 table 1: 40 ms on and 40 ms off are enough, at whatever phase of the block;
// 20 ms are no digit.
func TestTiming(t *testing.T) {
	for offset := range windowLen {
		s := pair('5', 320, offset, -10, -10, 0)
		s = append(s, make([]int16, 320)...)
		s = append(s, pair('5', 320, 0, -10, -10, 0)...)
		if got, _ := heard(s); got != "55" {
			t.Fatalf("40/40 ms at offset %d: heard %q", offset, got)
		}
		if got, _ := heard(pair('5', 160, offset, -10, -10, 0)); got != "" {
			t.Fatalf("20 ms at offset %d: heard %q", offset, got)
		}
		broken := pair('5', 800, offset, -10, -10, 0)
		clear(broken[offset+300 : offset+380])
		if got, _ := heard(broken); got != "5" {
			t.Fatalf("break of 10 ms at offset %d: heard %q", offset, got)
		}
	}
}

// Q.24 table 1: every administration's level, twist and frequency limits.
func TestReceptionLimits(t *testing.T) {
	for _, c := range []struct {
		name      string
		low, high float64
		detune    float64
		want      bool
	}{
		{"loud", 0, 0, 0, true},
		{"-25 dBm0", -25, -25, 0, true},
		{"-29 dBm0", -29, -29, 0, true},
		{"-38 dBm0", -38, -38, 0, false},
		{"high 6 dB up", -16, -10, 0, true},
		{"low 6 dB up", -10, -16, 0, true},
		{"high 14 dB up", -24, -10, 0, false},
		{"low 14 dB up", -10, -24, 0, false},
		{"+1.5 %", -10, -10, 0.015, true},
		{"-1.5 %", -10, -10, -0.015, true},
		{"+4.5 %", -10, -10, 0.045, false},
		{"-4.5 %", -10, -10, -0.045, false},
	} {
		for i := range len(pad) {
			got, _ := heard(pair(pad[i], 480, 37, c.low, c.high, c.detune))
			if want := string(pad[i]); (got == want) != c.want {
				t.Errorf("%s: %c heard as %q", c.name, pad[i], got)
			}
		}
	}
}

func TestHeardOverNoise(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for i := range len(pad) {
		s := pair(pad[i], 640, 11, -10, -10, 0)
		for j := range s {
			s[j] += int16(r.NormFloat64() * 900) // 15 dB below
		}
		if got, _ := heard(s); got != string(pad[i]) {
			t.Errorf("%c heard as %q", pad[i], got)
		}
	}
}

// Nothing but digits is a digit: single tones, dial tone, ringing, noise, and
// voice-like harmonics that sweep across the band.
func TestTalkOff(t *testing.T) {
	for hz := 300.0; hz < 3400; hz += 10 {
		s := make([]int16, 1600)
		add(s, hz, -6)
		if got, _ := heard(s); got != "" {
			t.Errorf("%v Hz heard as %q", hz, got)
		}
	}
	for _, p := range [][2]float64{{350, 440}, {440, 480}, {480, 620}, {425, 425}, {1004, 1004}, {950, 1400}} {
		s := make([]int16, 8000)
		add(s, p[0], -10)
		add(s, p[1], -10)
		if got, _ := heard(s); got != "" {
			t.Errorf("%v Hz heard as %q", p, got)
		}
	}
	r := rand.New(rand.NewPCG(3, 4))
	noise := make([]int16, 10*Rate)
	for i := range noise {
		noise[i] = int16(r.NormFloat64() * 6000)
	}
	if got, _ := heard(noise); got != "" {
		t.Errorf("noise heard as %q", got)
	}
	voice, phase := make([]int16, 60*Rate), 0.0
	for i := range voice {
		pitch := 80 + 220*(0.5+0.5*math.Sin(2*math.Pi*0.31*float64(i)/Rate))
		phase += 2 * math.Pi * pitch / Rate
		formant := 500 + 900*(0.5+0.5*math.Sin(2*math.Pi*1.7*float64(i)/Rate))
		var v float64
		for h := 1.0; h*pitch < 3400; h++ {
			v += math.Sin(phase*h) / (1 + math.Abs(h*pitch-formant)/150)
		}
		voice[i] = int16(3000 * v)
	}
	if got, _ := heard(voice); got != "" {
		t.Errorf("a minute of voice heard as %q", got)
	}
}

func TestSuspectBeforeBegin(t *testing.T) {
	d := NewDetector()
	s := pair('1', 400, 0, -10, -10, 0)
	d.Hear(s[:120]) // 15 ms
	if !d.Suspect() || d.Digit() != 0 {
		t.Errorf("after 15 ms: suspect %v, digit %q", d.Suspect(), d.Digit())
	}
	c := d.Hear(s[120:])
	if d.Digit() != '1' || c.Began != '1' || c.BeganAt > 24 {
		t.Errorf("after 50 ms: digit %q, %+v", d.Digit(), c)
	}
	d.Reset()
	if d.Suspect() {
		t.Error("suspect after Reset")
	}
}

// Where a digit began and ended is told to 4 ms, however the frames fall.
func TestPositions(t *testing.T) {
	for offset := 1000; offset < 1100; offset += 7 {
		for _, frame := range []int{1, 80, 160, 333} {
			d := NewDetector()
			s := append(pair('9', 640, offset, -10, -10, 0), make([]int16, 400)...)
			var began, ended int64
			for len(s) > 0 {
				n := min(frame, len(s))
				c := d.Hear(s[:n])
				if c.Began != 0 {
					began = c.BeganAt
				}
				if c.Ended != 0 {
					ended = c.EndedAt
					if c.Samples != int(ended-began) {
						t.Errorf("lasted %d samples from %d to %d", c.Samples, began, ended)
					}
				}
				s = s[n:]
			}
			if math.Abs(float64(began-int64(offset))) > 32 || math.Abs(float64(ended-int64(offset+640))) > 32 {
				t.Fatalf("at %d: from %d to %d", offset, began-int64(offset), ended-int64(offset))
			}
		}
	}
}

// A row of digits has the levels, times and edges that were asked for.
func TestSender(t *testing.T) {
	const row = "0123456789*#ABCDw55"
	for _, f := range []Form{{}, {On: 50 * time.Millisecond, Off: 50 * time.Millisecond, Low: -9, High: -11}, {On: 70 * time.Millisecond, Off: 45 * time.Millisecond, Low: -20, High: -18}} {
		var s Sender
		s.Start(row, f)
		var all []int16
		buf := make([]int16, 160)
		total := 0
		for !s.Done() {
			total += s.Fill(buf)
			all = append(all, buf...)
		}
		on, off := f.On, f.Off
		if on == 0 {
			on, off = 100*time.Millisecond, 100*time.Millisecond
		}
		if want := samples(18*(on+off) + Pause); total != want {
			t.Errorf("%v: %d samples, want %d", f, total, want)
		}
		if got, _ := heard(all); got != "0123456789*#ABCD55" {
			t.Errorf("%v: heard %q", f, got)
		}
		// No step is larger than the tones themselves make, and none at the edges
		// larger than a rise of 2 ms allows.
		peak := 0
		for _, v := range all {
			peak = max(peak, int(v))
		}
		for i := 4; i < len(all); i++ {
			if [4]int16(all[i-4:i]) == [4]int16{} && abs(int(all[i])) > peak/20 {
				t.Fatalf("%v: a click at sample %d: %d of %d", f, i, all[i], peak)
			}
		}
		if n := s.Fill(buf); n != 0 || buf[0] != 0 {
			t.Error("more after the end")
		}
	}
}

func abs(v int) int { return max(v, -v) }

func TestEventPayload(t *testing.T) {
	for _, c := range []struct {
		bytes []byte
		want  Event
		ok    bool
	}{
		{[]byte{5, 0x8a, 0x03, 0x20}, Event{Code: 5, End: true, Volume: 10, Duration: 800}, true},
		{[]byte{11, 0x4a, 0, 0xa0}, Event{Code: 11, Volume: 10, Duration: 160}, true}, // reserved bit ignored
		{[]byte{255, 0xff, 0xff, 0xff, 0xff}, Event{Code: 255, End: true, Volume: 63, Duration: 65535}, true},
		{[]byte{1, 2, 3}, Event{}, false},
		{nil, Event{}, false},
	} {
		var e Event
		if ok := e.Parse(c.bytes); ok != c.ok || e != c.want {
			t.Errorf("%x: %+v %v", c.bytes, e, ok)
		}
	}
	var b [EventLen]byte
	(&Event{Code: 15, End: true, Volume: 10, Duration: 1280}).Put(b[:])
	if b != [4]byte{15, 0x8a, 5, 0} {
		t.Errorf("put %x", b)
	}
	if d, ok := (&Event{Code: 11}).Digit(); d != '#' || !ok {
		t.Errorf("event 11 is %q %v", d, ok)
	}
	if _, ok := (&Event{Code: 16}).Digit(); ok {
		t.Error("flash is no digit")
	}
	if Code('d') != 15 || Code('x') != -1 || !Valid('*') {
		t.Error("codes")
	}
}

func TestNothingAllocates(t *testing.T) {
	d, g, s := NewDetector(), new(Tone), make([]int16, 160)
	var row Sender
	row.Start("0123456789012345678901234567890123456789", Form{})
	if n := testing.AllocsPerRun(100, func() {
		g.Start('7')
		g.Fill(s)
		d.Hear(s)
		row.Fill(s)
	}); n != 0 {
		t.Errorf("%v allocations per frame", n)
	}
}

func BenchmarkSilence(b *testing.B) {
	d, s := NewDetector(), make([]int16, 160)
	for b.Loop() {
		d.Hear(s)
	}
}

func BenchmarkDetect(b *testing.B) {
	d, s := NewDetector(), pair('1', 160, 0, -10, -10, 0)
	for b.Loop() {
		d.Hear(s)
	}
}
