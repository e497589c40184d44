package echo

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"branchline/media/echo/echotest"
)

// G.168 tests 1 and 2, through u-law: by subtraction alone for the signal that is
// meant for it, with the suppressor for a voice that leaves much of the spectrum out.
func TestConverges(t *testing.T) {
	for i, h := range paths(t) {
		for _, c := range []struct {
			name string
			sent []int16
			conf Config
		}{
			{"composite", echotest.Composite(11, -15, 1), Config{Linear: true}},
			{"talker", talker(11, -15, uint64(10*i)), Config{}},
		} {
			sent := echotest.ULaw(c.sent)
			heard := echotest.ULaw(echotest.Through(sent, h, -8, 0))
			out := echotest.Run(New(c.conf).Process, sent, heard)
			first, last := echotest.Loss(heard, out, 1, 2), echotest.Loss(heard, out, 10, 11)
			if first < 20 || last < 30 {
				t.Errorf("D.%d %s: %.1f dB in second 2, %.1f in second 11; want 20 and 30", i+2, c.name, first, last)
			}
		}
	}
}

// What the far side says while it is spoken to is not to lose more than 3 dB, and
// the echo is not to come back.
func TestDoubleTalk(t *testing.T) {
	h := paths(t)[3]
	for _, near := range []float64{-10, -15, -20, -25} {
		sent, said := echotest.ULaw(talker(14, -15, 5)), talker(14, near, 77)
		clear(said[:5*8000])
		echo := echotest.Through(sent, h, -8, 0)
		c := New(Config{})
		out := echotest.Run(c.Process, sent, echotest.ULaw(echotest.Plus(echo, said)))
		// The loss of near speech: of the part of out that is like it.
		if l := echotest.Projected(echotest.Second(said, 6, 14), echotest.Second(out, 6, 14)); l > 3 {
			t.Errorf("near speech at %v dBm0 loses %.1f dB", near, l)
		}
		// And nothing but it is to be in there: u-law alone leaves noise 37 dB below the
		// louder of the two.
		var left float64
		for i := 6 * 8000; i < 14*8000; i++ {
			d := float64(out[i]) - float64(said[i])
			left += d * d
		}
		left /= 8 * 8000
		if d := 10 * math.Log10((echotest.Power(echo)+echotest.Power(said))/left); d < 20 {
			t.Errorf("near speech at %v dBm0: echo and distortion %.1f dB down", near, d)
		}
		if c.Report().Resets > 0 {
			t.Errorf("near speech at %v dBm0 made the filter go wrong", near)
		}
	}
}

// Both talk from the start, before anything is known of the path, and go on and on:
// the near one is heard at once when it is as loud as the far one, and within a
// second otherwise.
func TestBothTalkFromTheStart(t *testing.T) {
	far := make([]int16, 6*8000)
	for _, hz := range []float64{350, 540, 870, 1330, 2100} {
		far = echotest.Plus(far, sine(6, hz, -20))
	}
	clear(far[:8000])
	for _, c := range []struct{ near, from float64 }{{-12, 1}, {-16, 1.1}, {-20, 2}, {-26, 2.5}} {
		said := echotest.Plus(sine(6, 1004, c.near), echotest.Noise(6, -60, 1))
		heard := echotest.ULaw(echotest.Plus(echotest.Through(far, paths(t)[0], -11, 0), said))
		out := echotest.Run(New(Config{}).Process, far, heard)
		for s := c.from; s < 5.9; s += 0.1 {
			if l := echotest.Projected(echotest.Second(said, s, s+0.1), echotest.Second(out, s, s+0.1)); l > 3 {
				t.Errorf("%v dBm0 at %.1f s: %.1f dB lost", c.near, s, l)
			}
		}
	}
}

func TestPathChange(t *testing.T) {
	all := paths(t)
	for i := range all {
		sent := echotest.ULaw(echotest.Composite(8, -15, uint64(i)))
		a, b := echotest.Through(sent, all[i], -10, 0), echotest.Through(sent, all[(i+3)%len(all)], -14, 0)
		heard := echotest.ULaw(append(append([]int16(nil), a[:4*8000]...), b[4*8000:]...))
		out := echotest.Run(New(Config{Linear: true}).Process, sent, heard)
		if l := echotest.Loss(heard, out, 5, 6); l < 20 {
			t.Errorf("D.%d to D.%d: %.1f dB one second after", i+2, (i+3)%8+2, l)
		}
	}
}

// The delay of a modem's buffers is found, and found again when it jumps.
func TestDelay(t *testing.T) {
	h := paths(t)[1]
	for _, c := range []struct{ first, then int }{{0, 160}, {320, 480}, {1500, 1340}, {3200, 3200}, {3900, 2900}} {
		t.Run(fmt.Sprint(c.first, " ", c.then), func(t *testing.T) {
			sent := echotest.ULaw(echotest.Composite(12, -15, 3))
			a, b := echotest.Through(sent, h, -12, c.first), echotest.Through(sent, h, -12, c.then)
			said := echotest.Noise(12, -65, 9)
			heard := echotest.ULaw(echotest.Plus(append(append([]int16(nil), a[:6*8000]...), b[6*8000:]...), said))
			e := New(Config{Delay: 4000, Linear: true})
			out := echotest.Run(e.Process, sent, heard)
			for _, w := range []struct {
				at, want float64
			}{{2, 25}, {5, 30}, {7, 20}, {11, 30}} {
				if l := echotest.Loss(heard, out, w.at, w.at+1); l < w.want {
					t.Errorf("second %v: %.1f dB", w.at, l)
				}
			}
			if d := e.Report().Delay; d < c.then || d > c.then+40 {
				t.Errorf("delay %d found, is %d", d, c.then)
			}
		})
	}
}

// The noise that takes the place of the echo is as loud as the line's own.
func TestComfortNoise(t *testing.T) {
	for _, n := range []float64{-60, -50, -45} {
		sent := echotest.ULaw(echotest.Composite(10, -15, 1))
		line := echotest.Noise(10, n, 4)
		heard := echotest.ULaw(echotest.Plus(echotest.Through(sent, paths(t)[0], -8, 0), line))
		out := echotest.Run(New(Config{}).Process, sent, heard)
		for s := 3.0; s < 10; s++ {
			if d := echotest.Level(echotest.Second(out, s, s+1)) - echotest.Level(echotest.Second(line, s, s+1)); math.Abs(d) > 2 {
				t.Errorf("noise of %v dBm0, second %v: %.1f dB off", n, s, d)
			}
		}
	}
	// And none where it is not wanted.
	sent := echotest.Composite(5, -15, 1)
	out := echotest.Run(New(Config{Silent: true}).Process, sent, echotest.Through(sent, paths(t)[0], -8, 0))
	if l := echotest.Level(echotest.Second(out, 2, 5)); l > -75 {
		t.Errorf("%.1f dBm0 left", l)
	}
}

func TestReport(t *testing.T) {
	h := paths(t)[0]
	sent := echotest.Noise(5, -15, 1)
	heard := echotest.Through(sent, h, -12, 0)
	c := New(Config{})
	if r := c.Report(); r.Learned {
		t.Errorf("before anything: %+v", r)
	}
	echotest.Run(c.Process, sent, heard)
	r := c.Report()
	want := -10 * math.Log10(echotest.Power(heard)/echotest.Power(sent))
	if !r.Learned || math.Abs(r.ReturnLoss-want) > 0.5 || r.Enhancement < 40 {
		t.Errorf("%+v; return loss is %.1f", r, want)
	}
	c.Reset()
	if r := c.Report(); r.Learned {
		t.Errorf("after Reset: %+v", r)
	}
}

// What is said while nothing is sent arrives as it is, but for the highpass.
func TestTransparent(t *testing.T) {
	said := talker(3, -20, 8)
	out := echotest.Run(New(Config{}).Process, make([]int16, len(said)), said)
	if d := echotest.Level(out) - echotest.Level(said); math.Abs(d) > 0.1 {
		t.Errorf("%.2f dB", d)
	}
	c := New(Config{})
	c.Bypass(true)
	out = echotest.Run(c.Process, echotest.Noise(3, -10, 1), said)
	for i := range out {
		if out[i] != said[i] {
			t.Fatalf("sample %d changed", i)
		}
	}
}

// Whatever the level of what is sent and of the echo, from a shout to a whisper
// that u-law hardly knows.
func TestLevels(t *testing.T) {
	h := paths(t)[3]
	for _, c := range []struct{ sent, echo, want float64 }{
		{3, -8, 30}, {-5, -8, 30}, {-10, 3, 30}, {-15, 0, 30}, {-15, -20, 30}, {-15, -30, 25}, {-20, -8, 30}, {-25, -8, 30}, {-30, -8, 30}, {-35, -8, 25}, {-40, -8, 20},
	} {
		sent := echotest.ULaw(echotest.Composite(4, c.sent, 1))
		heard := echotest.ULaw(echotest.Through(sent, h, c.echo, 0))
		out := echotest.Run(New(Config{Linear: true}).Process, sent, heard)
		if l := echotest.Loss(heard, out, 2, 4); l < c.want {
			t.Errorf("%v dBm0, echo %v dB: %.1f dB", c.sent, c.echo, l)
		}
	}
}

// When the echo ceases, as it does when a line is cut, none is made up for long (G.168
// test 5).
func TestNoEcho(t *testing.T) {
	sent := echotest.ULaw(talker(8, -15, 5))
	heard := echotest.Through(sent, paths(t)[3], -8, 0)
	clear(heard[4*8000:])
	out := echotest.Run(New(Config{Linear: true}).Process, sent, heard)
	if l := echotest.Level(echotest.Second(out, 6, 8)); l > -80 {
		t.Errorf("%.1f dBm0 two seconds later", l)
	}
}

// Mains hum and an offset on the line do not keep the echo.
func TestHum(t *testing.T) {
	sent := echotest.ULaw(echotest.Composite(6, -15, 1))
	hum := sine(6, 50, -45)
	for i := range hum {
		hum[i] += 600
	}
	heard := echotest.Plus(echotest.Through(sent, paths(t)[3], -8, 0), hum)
	out := echotest.Run(New(Config{Linear: true}).Process, sent, heard)
	if l := echotest.Level(echotest.Second(out, 3, 6)); math.Abs(l+45) > 1 {
		t.Errorf("%.1f dBm0 left, the hum is -45", l)
	}
}

// A tone teaches only what echo it has itself; speech after it is learnt as ever.
func TestTonesDoNoHarm(t *testing.T) {
	h := paths(t)[2]
	sent := append(talker(4, -15, 1), sine(5, 425, -12)...)
	sent = echotest.ULaw(append(sent, talker(4, -15, 2)...))
	heard := echotest.ULaw(echotest.Through(sent, h, -8, 0))
	out := echotest.Run(New(Config{Linear: true}).Process, sent, heard)
	for _, s := range []float64{3, 7, 9, 11} {
		if l := echotest.Loss(heard, out, s, s+1); l < 20 {
			t.Errorf("second %v: %.1f dB", s, l)
		}
	}
}

func TestAnswerToneDisables(t *testing.T) {
	tone := func(hz float64, every int, degrees float64) []int16 {
		x := make([]int16, 3*8000)
		phase := 0.0
		for i := range x {
			if every > 0 && i > 0 && i%every == 0 {
				phase += degrees * math.Pi / 180
			}
			x[i] = echotest.Limit(6000 * math.Sin(2*math.Pi*hz*float64(i)/8000+phase))
		}
		return x
	}
	for _, c := range []struct {
		name string
		tone []int16
		want bool
	}{
		{"reversals", tone(2100, 3600, 180), true},
		{"reversals, 21 Hz high, 155 degrees", tone(2121, 3600, 155), true},
		{"reversals, 15 Hz low, every 425 ms", tone(2085, 3400, 180), true},
		{"no reversals", tone(2100, 0, 0), false},
		{"90 degrees", tone(2100, 3600, 90), false},
		{"110 degrees", tone(2100, 3600, 110), false},
		{"too often", tone(2100, 1600, 180), false},
		{"2250 Hz", tone(2250, 3600, 180), false},
		{"speech", talker(3, -15, 1), false},
	} {
		for _, heard := range []bool{false, true} {
			e := New(Config{})
			other := make([]int16, len(c.tone))
			a, b := c.tone, other
			if heard {
				a, b = b, a
			}
			when := 0
			for i := 0; i+160 <= len(a); i += 160 {
				e.Process(a[i:i+160], append([]int16(nil), b[i:i+160]...))
				if when == 0 && e.Report().Disabled {
					when = i/8 + 20
				}
			}
			if got := e.Report().Disabled; got != c.want || got && when > 1000 {
				t.Errorf("%s, heard %t: disabled %t after %d ms", c.name, heard, got, when)
			}
			quiet := make([]int16, 160)
			for range 20 {
				e.Process(quiet, append([]int16(nil), quiet...))
			}
			if e.Report().Disabled {
				t.Errorf("%s: still disabled after 400 ms of silence", c.name)
			}
		}
	}
}

func TestAllocatesNothing(t *testing.T) {
	c := New(Config{Delay: 4000})
	sent, heard := echotest.Noise(2, -15, 1), echotest.Noise(2, -25, 2)
	i := 0
	if n := testing.AllocsPerRun(80, func() {
		c.Process(sent[i:i+160], heard[i:i+160])
		i += 160
	}); n > 0 {
		t.Errorf("%v allocations per frame", n)
	}
}

func FuzzProcess(f *testing.F) {
	f.Add([]byte{1, 2, 3, 4, 255, 127, 0, 128}, 0, 0)
	f.Add([]byte{0xff, 0x7f, 0, 0x80, 0xff, 0x7f}, 128, 500)
	f.Fuzz(func(t *testing.T, b []byte, tail, delay int) {
		c := New(Config{Tail: tail % 2000, Delay: delay % 10000})
		n := len(b) / 4
		sent, heard := make([]int16, n), make([]int16, n)
		for range 40 {
			for i := range n {
				sent[i] = int16(b[4*i]) | int16(b[4*i+1])<<8
				heard[i] = int16(b[4*i+2]) | int16(b[4*i+3])<<8
			}
			c.Process(sent, heard)
		}
		if e := energy(c.fore.w) + energy(c.back.w); e != e || math.IsInf(float64(e), 0) {
			t.Fatal("the filters are not numbers any more")
		}
	})
}

func BenchmarkFrame(b *testing.B) {
	for _, tail := range []int{128, 256, 512} {
		for _, delay := range []int{0, 4000} {
			b.Run(fmt.Sprintf("taps=%d,delay=%d", tail, delay), func(b *testing.B) {
				c := New(Config{Tail: tail, Delay: delay})
				sent := echotest.Noise(10, -15, 1)
				heard := echotest.Through(sent, paths(b)[0], -10, 0)
				frame := make([]int16, 160)
				b.ReportAllocs()
				i := 0
				for b.Loop() {
					copy(frame, heard[i:])
					c.Process(sent[i:i+160], frame)
					if i += 160; i == len(sent) {
						i = 0
					}
				}
				b.ReportMetric(float64(b.Elapsed())/float64(b.N)/20e6*100, "%core/line")
			})
		}
	}
}

// Bursts of anything, at any level, leave numbers behind.
func TestBursts(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	c := New(Config{Delay: 1000})
	sent, heard := make([]int16, 160), make([]int16, 160)
	for range 3000 {
		a, b := r.IntN(17), r.IntN(17)
		for i := range sent {
			sent[i] = int16((r.IntN(1<<16) - 1<<15) >> (16 - a))
			heard[i] = int16((r.IntN(1<<16) - 1<<15) >> (16 - b))
		}
		c.Process(sent, heard)
		if e := energy(c.fore.w) + energy(c.back.w); !(e < 1e12) {
			t.Fatalf("filters of energy %v", e)
		}
	}
}
