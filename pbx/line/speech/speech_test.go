package speech_test

import (
	"io"
	"math"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"branchline/hal"
	"branchline/media"
	"branchline/media/dtmf"
	"branchline/media/g711"
	"branchline/media/plane"
	"branchline/media/progress"
	"branchline/media/rtp"
	"branchline/media/tone"
	"branchline/pbx/line/speech"
)

// wires is a line's audio in virtual time: a frame every 20 ms.
type wires struct {
	mu     sync.Mutex
	says   func(*hal.Frame) // what comes from the line
	heard  []hal.Frame
	closed chan struct{}
	once   sync.Once
}

func newWires() *wires { return &wires{closed: make(chan struct{})} }

func (w *wires) Read(f *hal.Frame) error {
	select {
	case <-w.closed:
		return io.EOF
	case <-time.After(20 * time.Millisecond):
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	*f = hal.Frame{}
	if w.says != nil {
		w.says(f)
	}
	return nil
}

func (w *wires) Write(f *hal.Frame) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.heard = append(w.heard, *f)
	return nil
}

func (w *wires) Stats() hal.AudioStats { return hal.AudioStats{} }
func (w *wires) Close() error          { w.once.Do(func() { close(w.closed) }); return nil }

// take is what the line heard since it was last asked.
func (w *wires) take() []hal.Frame {
	w.mu.Lock()
	defer w.mu.Unlock()
	h := w.heard
	w.heard = nil
	return h
}

// stream is the plane's side.
type stream struct {
	plane.Line
	mu  sync.Mutex
	got [][]byte // from the line
	out [][]byte // for it
}

func (s *stream) Deliver(p []byte) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.got = append(s.got, append([]byte(nil), p...))
	return true
}

// packets are those the line has sent so far.
func (s *stream) packets() [][]byte {
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.got
}

func (s *stream) Collect(b []byte) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.out) == 0 {
		return 0
	}
	n := copy(b, s.out[0])
	s.out = s.out[1:]
	return n
}

func (s *stream) put(h rtp.Header, payload []byte) {
	b := make([]byte, rtp.HeaderLen+len(payload))
	h.Put(b)
	copy(b[rtp.HeaderLen:], payload)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.out = append(s.out, b)
}

func sine(hz, peak float64) func(*hal.Frame) {
	n := 0.0
	return func(f *hal.Frame) {
		for i := range f {
			f[i] = int16(peak * math.Sin(2*math.Pi*hz*n/hal.Rate))
			n++
		}
	}
}

// loud is the power of a frame at a frequency, as the amplitude of a sine.
func loud(f hal.Frame, hz float64) float64 {
	var re, im float64
	for i, v := range f {
		re += float64(v) * math.Cos(2*math.Pi*hz*float64(i)/hal.Rate)
		im += float64(v) * math.Sin(2*math.Pi*hz*float64(i)/hal.Rate)
	}
	return 2 * math.Hypot(re, im) / hal.FrameSize
}

// open runs f with a path in virtual time; heard collects what is reported.
func open(t *testing.T, c speech.Config, f func(w *wires, p *speech.Path, heard func() string)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWires()
		var mu sync.Mutex
		var story []string
		c.Audio = w
		c.Heard = func(h speech.Heard) {
			mu.Lock()
			defer mu.Unlock()
			word := [...]string{"began", "ended", "tone", "ringback over", "voice", "abandoned", "cid", "known", "damaged", "sent", "sound over", "peer", "over"}[h.Kind]
			if h.Digit != 0 {
				word += " " + string(rune(h.Digit))
			}
			story = append(story, word)
		}
		p := speech.Open(c)
		f(w, p, func() string {
			synctest.Wait()
			mu.Lock()
			defer mu.Unlock()
			s := strings.Join(story, ", ")
			story = nil
			return s
		})
		p.Close()
	})
}

// TestBothWays: speech goes through, at the gains that are set.
func TestBothWays(t *testing.T) {
	open(t, speech.Config{RxGain: -6, TxGain: 6}, func(w *wires, p *speech.Path, _ func() string) {
		s := &stream{}
		p.Connect(s)
		w.mu.Lock()
		w.says = sine(1000, 8000)
		w.mu.Unlock()
		far := sine(500, 4000)
		for i := range 100 {
			var f hal.Frame
			far(&f)
			b := make([]byte, 160)
			g711.ULaw().Encode(b, f[:])
			s.put(rtp.Header{PT: 0, Seq: uint16(i), Stamp: uint32(160 * i), SSRC: 7}, b)
			time.Sleep(20 * time.Millisecond)
		}
		line := w.take()
		if got := loud(line[len(line)-2], 500); math.Abs(got-8000) > 400 {
			t.Errorf("the line hears %.0f, want 8000", got)
		}
		var h rtp.Header
		got := s.packets()
		last := got[len(got)-1]
		if !h.Parse(last) || h.PT != 0 || h.To-h.From != 160 {
			t.Fatalf("%+v", h)
		}
		var f hal.Frame
		g711.ULaw().Decode(f[:], last[h.From:h.To])
		if got := loud(f, 1000); math.Abs(got-4000) > 200 {
			t.Errorf("the plane hears %.0f, want 4000", got)
		}
		for i := 1; i < len(got); i++ {
			var a, b rtp.Header
			a.Parse(got[i-1])
			b.Parse(got[i])
			if b.Seq-a.Seq != 1 || b.Stamp-a.Stamp != 160 || b.SSRC != a.SSRC || b.Marker {
				t.Fatalf("packet %d: %+v after %+v", i, b, a)
			}
		}
	})
}

// TestDigitsFromLine: a digit is an event for the plane, and next to nothing of it
// stays in the speech.
func TestDigitsFromLine(t *testing.T) {
	open(t, speech.Config{Ears: speech.Digits}, func(w *wires, p *speech.Path, heard func() string) {
		s := &stream{}
		p.Connect(s)
		var keys dtmf.Sender
		keys.Start("5", dtmf.Form{On: 200 * time.Millisecond})
		time.Sleep(200 * time.Millisecond)
		w.mu.Lock()
		w.says = func(f *hal.Frame) { keys.Fill(f[:]) }
		w.mu.Unlock()
		time.Sleep(time.Second)
		if got := heard(); got != "began 5, ended 5" {
			t.Errorf("heard %s", got)
		}
		events, ends, most := 0, 0, 0.0
		var length uint16
		var stamp uint32
		for _, b := range s.packets() {
			var h rtp.Header
			h.Parse(b)
			if h.PT != 101 {
				var f hal.Frame
				g711.ULaw().Decode(f[:], b[h.From:h.To])
				most = max(most, loud(f, 770))
				continue
			}
			var e dtmf.Event
			e.Parse(b[h.From:h.To])
			if d, _ := e.Digit(); d != '5' {
				t.Errorf("event %+v", e)
			}
			if events++; events == 1 {
				stamp = h.Stamp
				if !h.Marker {
					t.Error("the first packet of an event is not marked")
				}
			}
			if h.Stamp != stamp {
				t.Error("the timestamp of an event changed")
			}
			length = e.Duration
			if e.End {
				ends++
			}
		}
		if ends != 3 || length < 1280 || length > 1920 {
			t.Errorf("%d events, %d ends, %d samples long", events, ends, length)
		}
		if most > 4000 { // the tone itself has 7000
			t.Errorf("%.0f of the digit is left in the speech", most)
		}
	})
}

// TestDigitsToLine: events of the plane become tones, no shorter than a receiver
// needs; a device that signals digits is told instead.
func TestDigitsToLine(t *testing.T) {
	press := func(s *stream, digit byte, frames int) {
		for i := range frames + 3 {
			var b [dtmf.EventLen]byte
			e := dtmf.Event{Code: uint8(dtmf.Code(digit)), Duration: uint16(160 * min(i+1, frames)), End: i >= frames}
			e.Put(b[:])
			s.put(rtp.Header{PT: 101, Seq: uint16(i), Stamp: 1000 + uint32(digit), SSRC: 7, Marker: i == 0}, b[:])
			time.Sleep(20 * time.Millisecond)
		}
		time.Sleep(200 * time.Millisecond)
	}
	open(t, speech.Config{}, func(w *wires, p *speech.Path, _ func() string) {
		s := &stream{}
		p.Connect(s)
		d := dtmf.NewDetector()
		got := ""
		for _, key := range []byte("19#") {
			press(s, key, 1)
		}
		for _, f := range w.take() {
			if c := d.Hear(f[:]); c.Ended != 0 {
				got += string(rune(c.Ended))
			}
		}
		if got != "19#" {
			t.Errorf("the line heard %q", got)
		}
	})
	open(t, speech.Config{Relay: true}, func(w *wires, p *speech.Path, heard func() string) {
		s := &stream{}
		p.Connect(s)
		press(s, '4', 5)
		if got := heard(); got != "peer 4" {
			t.Errorf("heard %s", got)
		}
		for _, f := range w.take() {
			if loud(f, 770) > 100 {
				t.Fatal("the digit sounds as well")
			}
		}
	})
}

// TestDeviceDigits: those that a device recognises by itself reach the plane one after
// the other.
func TestDeviceDigits(t *testing.T) {
	open(t, speech.Config{}, func(_ *wires, p *speech.Path, _ func() string) {
		s := &stream{}
		p.Connect(s)
		for _, d := range []byte("123") {
			p.Digit(d, 0)
		}
		time.Sleep(2 * time.Second)
		got := ""
		var stamp uint32
		for _, b := range s.packets() {
			var h rtp.Header
			var e dtmf.Event
			if h.Parse(b); h.PT == 101 && h.Stamp != stamp && e.Parse(b[h.From:h.To]) {
				stamp = h.Stamp
				d, _ := e.Digit()
				got += string(rune(d))
			}
		}
		if got != "123" {
			t.Errorf("the plane got %q", got)
		}
	})
}

// TestConference: each hears the others and not himself.
func TestConference(t *testing.T) {
	open(t, speech.Config{}, func(w *wires, p *speech.Path, _ func() string) {
		a, b := &stream{}, &stream{}
		p.Connect(a)
		p.Connect(a, b)
		w.mu.Lock()
		w.says = sine(1000, 3000)
		w.mu.Unlock()
		fa, fb := sine(400, 3000), sine(600, 3000)
		for i := range 60 {
			for s, f := range map[*stream]func(*hal.Frame){a: fa, b: fb} {
				var frame hal.Frame
				f(&frame)
				code := make([]byte, 160)
				g711.ULaw().Encode(code, frame[:])
				s.put(rtp.Header{Seq: uint16(i), Stamp: uint32(160 * i), SSRC: 1}, code)
			}
			time.Sleep(20 * time.Millisecond)
		}
		last := func(s *stream) (f hal.Frame) {
			got := s.packets()
			b := got[len(got)-1]
			g711.ULaw().Decode(f[:], b[rtp.HeaderLen:])
			return f
		}
		heard := w.take()
		for name, c := range map[string]struct {
			f    hal.Frame
			want [3]bool // 1000, 400, 600 Hz
		}{"line": {heard[len(heard)-2], [3]bool{false, true, true}}, "a": {last(a), [3]bool{true, false, true}}, "b": {last(b), [3]bool{true, true, false}}} {
			for i, hz := range []float64{1000, 400, 600} {
				if got := loud(c.f, hz); (got > 1500) != c.want[i] {
					t.Errorf("%s hears %.0f of %v Hz", name, got, hz)
				}
			}
		}
	})
}

// TestOwnSounds: tones, a beep, keys, a caller ID take the place of speech in that
// order, and say when they are over.
func TestOwnSounds(t *testing.T) {
	list, err := tone.Parse("425")
	if err != nil {
		t.Fatal(err)
	}
	open(t, speech.Config{}, func(w *wires, p *speech.Path, heard func() string) {
		p.Play(list.Source())
		time.Sleep(100 * time.Millisecond)
		if f := w.take(); loud(f[len(f)-1], 425) < 3000 {
			t.Error("no tone")
		}
		p.Sound(&burst{left: 400})
		time.Sleep(200 * time.Millisecond)
		if got := heard(); got != "sound over" {
			t.Errorf("heard %s", got)
		}
		p.Sound(&burst{left: 40000})
		time.Sleep(100 * time.Millisecond)
		p.Sound(nil)
		p.Play(nil)
		p.DialTones("12w3", 0)
		time.Sleep(1500 * time.Millisecond)
		if got := heard(); got != "sent" {
			t.Errorf("heard %s", got)
		}
		d := dtmf.NewDetector()
		got := ""
		for _, f := range w.take() {
			if c := d.Hear(f[:]); c.Ended != 0 {
				got += string(rune(c.Ended))
			}
		}
		if got != "123" {
			t.Errorf("the line heard %q", got)
		}
	})
}

// burst is a sound of some samples.
type burst struct{ left int }

func (b *burst) Fill(out []int16) int {
	n := min(len(out), b.left)
	for i := range n {
		out[i] = 5000
	}
	b.left -= n
	return n
}

// TestEnd: a line that is gone is told of, once.
func TestEnd(t *testing.T) {
	open(t, speech.Config{}, func(w *wires, _ *speech.Path, heard func() string) {
		time.Sleep(time.Second)
		_ = w.Close()
		if got := heard(); got != "over" {
			t.Errorf("heard %s", got)
		}
	})
}

// endless is audio without a clock, for measuring.
type endless struct {
	step chan struct{}
	done chan struct{}
	n    float64
}

func (e *endless) Read(f *hal.Frame) error {
	if _, ok := <-e.step; !ok {
		return io.EOF
	}
	for i := range f {
		f[i] = int16(3000*math.Sin(2*math.Pi*440*e.n/hal.Rate) + 2000*math.Sin(2*math.Pi*1130*e.n/hal.Rate))
		e.n++
	}
	return nil
}

func (e *endless) Write(*hal.Frame) error { e.done <- struct{}{}; return nil }
func (e *endless) Stats() hal.AudioStats  { return hal.AudioStats{} }
func (e *endless) Close() error           { close(e.step); return nil }

// loopback hands what it is given back.
type loopback struct {
	plane.Line
	b    [200]byte
	n    int
	give bool
}

func (l *loopback) Deliver(p []byte) bool { l.n = copy(l.b[:], p); l.give = true; return true }
func (l *loopback) Collect(b []byte) int {
	if !l.give {
		return 0
	}
	l.give = false
	return copy(b, l.b[:l.n])
}

func zone(t testing.TB) *progress.Zone {
	t.Helper()
	z, err := progress.Tones(tone.Builtin(), "tw")
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// whole is a line with everything that a call has.
func whole(t testing.TB) (frame func(), done func()) {
	a := &endless{step: make(chan struct{}), done: make(chan struct{})}
	p := speech.Open(speech.Config{Audio: a, Heard: func(speech.Heard) {}, Ears: speech.Digits | speech.Progress | speech.Fax,
		EchoTaps: 256, Zone: zone(t), RxGain: -1, TxGain: 1})
	p.Connect(&loopback{})
	frame = func() { a.step <- struct{}{}; <-a.done }
	for range 200 {
		frame()
	}
	return frame, p.Close
}

// TestNoAllocations: 50 times a second on every line, on a small board.
func TestNoAllocations(t *testing.T) {
	frame, done := whole(t)
	defer done()
	if n := testing.AllocsPerRun(49*5, frame); n > 0.1 { // the level, once a second
		t.Errorf("%v allocations per frame", n)
	}
}

func BenchmarkFrame(b *testing.B) {
	frame, done := whole(b)
	defer done()
	b.ReportAllocs()
	for b.Loop() {
		frame()
	}
}

var _ media.Stream = (plane.Line)(nil)

// TestFax: once a fax machine has been heard nothing is taken out of the sound any
// more, echo least of all.
func TestFax(t *testing.T) {
	open(t, speech.Config{EchoTaps: 256, Ears: speech.Fax}, func(w *wires, p *speech.Path, heard func() string) {
		s := &stream{}
		p.Connect(s)
		noise := rand.New(rand.NewPCG(1, 2))
		seq := 0
		// returns is how much of what the line is sent comes back to the plane, in dB.
		returns := func(frames int) float64 {
			var sent, back float64
			for n := range frames {
				var f hal.Frame
				for i := range f {
					f[i] = int16(noise.IntN(8000) - 4000)
					sent += float64(f[i]) * float64(f[i]) * float64(min(1, n/(frames-50)))
				}
				b := make([]byte, len(f))
				g711.ULaw().Encode(b, f[:])
				s.put(rtp.Header{PT: 0, Seq: uint16(seq), Stamp: uint32(160 * seq), SSRC: 7}, b)
				seq++
				time.Sleep(20 * time.Millisecond)
			}
			for _, b := range s.packets()[len(s.packets())-50:] {
				var h rtp.Header
				var f hal.Frame
				h.Parse(b)
				g711.ULaw().Decode(f[:], b[h.From:h.To])
				for _, v := range f {
					back += float64(v) * float64(v)
				}
			}
			return 10 * math.Log10(sent/max(back, 1))
		}
		says := func(f func(*hal.Frame)) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.says = f
		}
		echo := func(f *hal.Frame) { // of the frame before, 6 dB down
			if n := len(w.heard); n > 0 {
				for i, v := range w.heard[n-1] {
					f[i] = v / 2
				}
			}
		}
		says(echo)
		if loss := returns(250); loss < 25 {
			t.Errorf("before the fax: an echo of %.1f dB", loss)
		}
		says(sine(1100, 4000))
		time.Sleep(500 * time.Millisecond)
		says(nil)
		time.Sleep(time.Second)
		if got := heard(); got != "tone" {
			t.Errorf("heard %q", got)
		}
		says(echo)
		if loss := returns(250); loss > 7 {
			t.Errorf("after the fax: an echo of %.1f dB, and it came back with 6", loss)
		}
	})
}
