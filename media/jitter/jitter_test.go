package jitter

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"testing"

	"branchline/media/g711"
)

// voice is a voiced sound of slowly changing pitch and loudness, as a function of
// the sender's sample.
func voice(k int) float64 {
	t := float64(k) / 8000
	phase := 2 * math.Pi * (120*t + 3*math.Sin(2*math.Pi*0.7*t))
	var v float64
	for n := 1.0; n <= 8; n++ {
		v += math.Cos(n*phase+n*n) / n
	}
	return 3000 * (0.6 + 0.4*math.Sin(2*math.Pi*1.3*t)) * v
}

// A sender makes packets of what it says.
type sender struct {
	say   func(k int) float64
	ptime int
	ssrc  uint32
	seq   uint16
	stamp uint32
	k     int
	pt    byte
}

func (s *sender) packet() []byte {
	b := make([]byte, 12+s.ptime)
	b[0], b[1] = 0x80, s.pt
	binary.BigEndian.PutUint16(b[2:], s.seq)
	binary.BigEndian.PutUint32(b[4:], s.stamp+uint32(s.k))
	binary.BigEndian.PutUint32(b[8:], s.ssrc)
	law := g711.ULaw()
	if s.pt == 8 {
		law = g711.ALaw()
	}
	for i := range s.ptime {
		b[12+i] = law.Code(int16(s.say(s.k + i)))
	}
	s.k += s.ptime
	s.seq++
	return b
}

// A wire carries packets with a delay of their own each, in samples of the line's
// clock; negative: lost.
type wire struct {
	s     sender
	ppm   float64
	delay func(n int) float64
	queue []arrival
	n     int
}

type arrival struct {
	at float64
	b  []byte
}

// until hands over what has arrived by the line's sample t.
func (w *wire) until(t float64, b *Buffer) {
	for {
		// The packet is complete, and sent, when its last sample has been said.
		sent := float64(w.s.k+w.s.ptime) / (1 + w.ppm*1e-6)
		if sent > t {
			break
		}
		p := w.s.packet()
		if d := w.delay(w.n); d >= 0 {
			w.queue = append(w.queue, arrival{sent + d, p})
		}
		w.n++
	}
	rest := w.queue[:0]
	for _, a := range w.queue {
		if a.at <= t {
			b.Push(a.b)
		} else {
			rest = append(rest, a)
		}
	}
	w.queue = rest
}

func listen(b *Buffer, w *wire, frames int, each func(i int, frame []int16)) {
	f := make([]int16, 160)
	for i := range frames {
		w.until(float64(i*160), b)
		b.Pull(f)
		each(i, f)
	}
}

// roughness is the largest second difference: a click makes it many times what it
// is in speech.
type roughness struct {
	a, b, max float64
	n         int
}

func (r *roughness) add(v float64) {
	if r.n++; r.n > 2 {
		r.max = max(r.max, math.Abs(v-2*r.b+r.a))
	}
	r.a, r.b = r.b, v
}

func newSender() sender {
	return sender{say: voice, ptime: 160, ssrc: 7, seq: 65000, stamp: 0xffff0000}
}

func none(int) float64 { return 5 }

func TestSpeechArrivesAsItIs(t *testing.T) {
	for _, ptime := range []int{40, 80, 160, 240, 320, 37} {
		for _, pt := range []byte{0, 8} {
			b := New(Config{Fixed: 480})
			s := newSender()
			s.ptime, s.pt = ptime, pt
			w := &wire{s: s, delay: none}
			var out []int16
			listen(b, w, 200, func(_ int, f []int16) { out = append(out, f...) })
			// Where the sender's sample 8000 has gone.
			law := g711.ULaw()
			if pt == 8 {
				law = g711.ALaw()
			}
			at := -1
		search:
			for i := 8000; i < 10000; i++ {
				for k := range 400 {
					if out[i+k] != law.Linear(law.Code(int16(voice(8000+k)))) {
						continue search
					}
				}
				at = i
				break
			}
			if at < 0 {
				t.Errorf("packets of %d samples: speech has been changed", ptime)
				continue
			}
			if d := at - 8000; d > 480+ptime+160+late {
				t.Errorf("packets of %d samples: %d samples late", ptime, d)
			}
			if st := b.Stats(); st.Late+st.Lost+st.Concealed+st.Inserted+st.Removed > 0 {
				t.Errorf("packets of %d samples: %+v", ptime, st)
			}
		}
	}
}

// 100 ppm for an hour: no click, nothing lost, and the delay where it was.
func TestClockSkew(t *testing.T) {
	minutes := 60
	if testing.Short() {
		minutes = 10
	}
	for _, ppm := range []float64{100, -100} {
		for _, c := range []Config{{}, {Fixed: 320}} {
			b := New(c)
			w := &wire{s: newSender(), ppm: ppm, delay: none}
			w.s.say = table(voice, 80000)
			var in, out roughness
			for k := range 80000 {
				in.add(float64(g711.ULaw().Linear(g711.ULaw().Code(int16(w.s.say(k))))))
			}
			longest, shortest := 0.0, 1e9
			listen(b, w, minutes*3000, func(i int, f []int16) {
				if i < 50 {
					return
				}
				for _, v := range f {
					out.add(float64(v))
				}
				// From the sample being said to the one being heard.
				age := float64(i*160)*(1+ppm*1e-6) - float64(int32(b.next-w.s.stamp)) + frame + late
				longest, shortest = max(longest, age), min(shortest, age)
			})
			s := b.Stats()
			t.Logf("%+.0f ppm, %+v: roughness %.0f (speech: %.0f), delay %.1f to %.1f ms, %d inserted, %d removed", ppm, c, out.max, in.max, shortest/8, longest/8, s.Inserted, s.Removed)
			if out.max > 1.2*in.max {
				t.Errorf("%+.0f ppm: there are clicks: %.0f, speech %.0f", ppm, out.max, in.max)
			}
			if s.Late+s.Lost+s.Concealed > 0 {
				t.Errorf("%+.0f ppm: %+v", ppm, s)
			}
			if want := uint64(minutes*48 - 240); s.Inserted+s.Removed < want {
				t.Errorf("%+.0f ppm: the clocks are not followed: %+v", ppm, s)
			}
			if longest > 800 { // packet, frame and 40 ms included
				t.Errorf("%+.0f ppm: up to %.0f ms late", ppm, longest/8)
			}
		}
	}
}

// table makes the first n samples of f come again and again, without a seam.
func table(f func(int) float64, n int) func(int) float64 {
	x := make([]float64, n)
	for k := range x {
		x[k] = f(k)
	}
	for k := range 400 {
		w := float64(k) / 400
		x[n-400+k] = x[n-400+k]*(1-w) + f(k-400)*w
	}
	return func(k int) float64 { return x[k%n] }
}

// The buffer becomes as deep as the jitter of the packets asks for, and shallow
// again afterwards.
func TestAdapts(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	b := New(Config{})
	from, to := 1000, 3000
	w := &wire{s: newSender(), delay: func(n int) float64 {
		if n >= from && n < to {
			return r.Float64() * 640 // up to 80 ms
		}
		return 5
	}}
	var calm, deep, after Stats
	var out roughness
	listen(b, w, 6000, func(i int, f []int16) {
		switch i {
		case from:
			calm = b.Stats()
		case from + 500:
			deep = b.Stats()
		case to:
			after = b.Stats()
		}
		for _, v := range f {
			out.add(float64(v))
		}
	})
	end := b.Stats()
	if calm.Depth > 240 || calm.Concealed > 0 {
		t.Errorf("without jitter: %+v", calm)
	}
	if deep.Depth < 480 || deep.Depth > 800 {
		t.Errorf("with 80 ms of jitter: %+v", deep)
	}
	if late := after.Late - deep.Late; late > 20 {
		t.Errorf("%d late packets of 1500 after it had adapted", late)
	}
	if end.Depth > 240 {
		t.Errorf("long afterwards: %+v", end)
	}
	if out.max > 6000 {
		t.Errorf("roughness %.0f", out.max)
	}
}

func TestLosses(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	b := New(Config{Fixed: 320})
	lost := 0
	w := &wire{s: newSender(), delay: func(n int) float64 {
		if n > 10 && r.IntN(20) == 0 {
			lost++
			return -1
		}
		return 5
	}}
	var in, out roughness
	var same, all float64
	listen(b, w, 3000, func(i int, f []int16) {
		for k, v := range f {
			out.add(float64(v))
			in.add(voice(i*160 + k))
			if i > 10 {
				d := float64(v) - voice(int(b.next-w.s.stamp)-160+k-late)
				same += d * d
				all += float64(v) * float64(v)
			}
		}
	})
	s := b.Stats()
	if int(s.Lost) > lost || int(s.Lost) < lost-3 || s.Concealed != s.Lost*160 {
		t.Errorf("%d lost: %+v", lost, s)
	}
	if out.max > 1.5*in.max {
		t.Errorf("roughness %.0f, speech %.0f", out.max, in.max)
	}
	// 5 % of silence would leave 13 dB.
	if snr := 10 * math.Log10(all/same); snr < 18 {
		t.Errorf("what is made up is only %.1f dB like what was said", snr)
	}
}

// Appendix I: after 60 ms there is silence.
func TestSilenceAfterALongGap(t *testing.T) {
	b := New(Config{Fixed: 320})
	w := &wire{s: newSender(), delay: func(n int) float64 {
		if n >= 50 && n < 100 {
			return -1
		}
		return 5
	}}
	var quiet, first int
	var r roughness
	listen(b, w, 150, func(i int, f []int16) {
		for _, v := range f {
			r.add(float64(v))
		}
		if p := power(f); i > 60 && i < 95 && p == 0 {
			quiet++
		} else if i >= 54 && i < 57 && p > 0 {
			first++
		}
	})
	if quiet != 34 || first == 0 {
		t.Errorf("%d silent frames of 34, %d frames fading", quiet, first)
	}
	if r.max > 4000 {
		t.Errorf("roughness %.0f", r.max)
	}
}

func TestOrderAndDuplicates(t *testing.T) {
	b := New(Config{Fixed: 640})
	// The packets of each pair change places, and some come twice.
	w := &wire{s: newSender(), delay: func(n int) float64 { return float64(5 + (n+1)%2*200) }}
	f := make([]int16, 160)
	for i := range 300 {
		w.until(float64(i*160), b)
		if i%3 == 0 && len(w.queue) > 0 {
			b.Push(w.queue[0].b)
		}
		b.Pull(f)
	}
	s := b.Stats()
	if s.Lost > 1 || s.Concealed > 0 || s.Late > 0 || s.Duplicate < 50 {
		t.Errorf("%+v", s)
	}
}

// Another source takes over with its second packet, and so does the same one with
// other timestamps.
func TestRestarts(t *testing.T) {
	for _, change := range []func(s *sender){
		func(s *sender) { s.ssrc = 99; s.seq = 1; s.stamp = 5 },
		func(s *sender) { s.stamp += 1 << 30 },
		func(s *sender) { s.stamp -= 9000 },
	} {
		b := New(Config{Fixed: 320})
		w := &wire{s: newSender(), delay: none}
		var r roughness
		listen(b, w, 400, func(i int, f []int16) {
			if i == 200 {
				change(&w.s)
			}
			for _, v := range f {
				r.add(float64(v))
			}
			if i > 206 && power(f) == 0 {
				t.Errorf("silence in frame %d", i)
			}
		})
		if s := b.Stats(); s.Restarts != 1 || s.Depth != 320 {
			t.Errorf("%+v", s)
		}
		if r.max > 4000 {
			t.Errorf("roughness %.0f", r.max)
		}
	}
}

// A single stray packet of somebody else changes nothing.
func TestStrangers(t *testing.T) {
	b := New(Config{Fixed: 320})
	w := &wire{s: newSender(), delay: none}
	x := newSender()
	x.ssrc = 1234
	listen(b, w, 500, func(i int, _ []int16) {
		if i%7 == 3 {
			p := x.packet()
			x.seq += 5
			b.Push(p)
		}
	})
	if s := b.Stats(); s.Restarts > 0 || s.Concealed > 0 {
		t.Errorf("%+v", s)
	}
}

// The way becomes half a second longer: packets are late for a while, and then it
// starts anew.
func TestLongerWay(t *testing.T) {
	b := New(Config{})
	w := &wire{s: newSender(), delay: func(n int) float64 {
		if n > 300 {
			return 4000
		}
		return 5
	}}
	silent := 0
	listen(b, w, 900, func(i int, f []int16) {
		if i > 400 && power(f) == 0 {
			silent++
		}
	})
	if s := b.Stats(); silent > 0 || s.Depth > 400 {
		t.Errorf("%d silent frames, %+v", silent, s)
	}
}

// A sender with silence suppression: noise of the level it named, and no click.
func TestComfortNoise(t *testing.T) {
	b := New(Config{})
	w := &wire{s: newSender(), delay: none}
	speaks := func(n int) bool { return n%200 < 100 }
	w.delay = func(n int) float64 {
		if speaks(n) {
			return 5
		}
		return -1
	}
	var r roughness
	var noise float64
	var n int
	listen(b, w, 2000, func(i int, f []int16) {
		k := w.n
		if k > 0 && speaks(k-1) && !speaks(k) {
			p := w.s.packet()
			w.n++
			p[1] = 13
			p = append(p[:12], 50, 140, 120) // -50 dBov, two coefficients
			b.Push(p)
		}
		for _, v := range f {
			r.add(float64(v))
		}
		if i > 400 && i%200 > 120 && i%200 < 190 {
			noise += float64(power(f))
			n++
		}
	})
	level := 10 * math.Log10(noise/float64(n)/(32767*32767))
	if math.Abs(level+50) > 1 {
		t.Errorf("noise at %.1f dBov, want -50", level)
	}
	if r.max > 4000 {
		t.Errorf("roughness %.0f", r.max)
	}
	if s := b.Stats(); s.Concealed > 0 {
		t.Errorf("%+v", s)
	}
}

// While an event is sent instead of speech, nothing is made up for long.
func TestEvents(t *testing.T) {
	b := New(Config{Fixed: 320})
	w := &wire{s: newSender(), delay: none}
	event := func(n int) bool { return n >= 100 && n < 110 }
	w.delay = func(n int) float64 {
		if event(n) {
			return -1
		}
		return 5
	}
	loud := 0
	var r roughness
	listen(b, w, 200, func(i int, f []int16) {
		if event(w.n - 1) {
			p := w.s
			p.seq--
			e := p.packet()
			e[1] = 101
			binary.BigEndian.PutUint32(e[4:], w.s.stamp+100*160)
			b.Push(e[:16])
		}
		for _, v := range f {
			r.add(float64(v))
		}
		if i > 104 && i < 111 && power(f) > 100 {
			loud++
		}
	})
	if loud > 1 {
		t.Errorf("%d frames of made up speech beside an event", loud)
	}
	if r.max > 4000 {
		t.Errorf("roughness %.0f", r.max)
	}
}

// Fax: nothing is made up, and nothing spliced but silence.
func TestFax(t *testing.T) {
	b := New(Config{})
	b.Fax(true)
	w := &wire{s: newSender(), ppm: 100, delay: func(n int) float64 {
		if n == 500 {
			return -1
		}
		return 5
	}}
	silent := 0
	listen(b, w, 30000, func(i int, f []int16) {
		if i > 100 && power(f) == 0 {
			silent++
		}
	})
	s := b.Stats()
	if s.Depth < 1280 || s.Depth > 1280+500 || s.Inserted+s.Removed+s.Concealed > 0 || silent > 1 {
		t.Errorf("%d silent frames, %+v", silent, s)
	}
}

func TestReset(t *testing.T) {
	b := New(Config{Fixed: 320})
	listen(b, &wire{s: newSender(), delay: none}, 100, func(int, []int16) {})
	b.Reset()
	f := make([]int16, 160)
	b.Pull(f)
	if s := b.Stats(); s != (Stats{}) || power(f) != 0 {
		t.Errorf("%+v", s)
	}
}

func TestAllocatesNothing(t *testing.T) {
	b := New(Config{})
	s := newSender()
	var packets [][]byte
	for range 300 {
		packets = append(packets, s.packet())
	}
	f := make([]int16, 160)
	i := 0
	if n := testing.AllocsPerRun(250, func() {
		if i%9 != 0 {
			b.Push(packets[i])
		}
		b.Pull(f)
		i++
	}); n > 0 {
		t.Errorf("%v allocations per frame", n)
	}
}

func FuzzPush(f *testing.F) {
	s := newSender()
	f.Add(s.packet(), uint16(3), byte(0))
	f.Add(append(s.packet()[:12], 40, 1, 255, 0), uint16(60000), byte(13))
	f.Add([]byte{0x80, 0}, uint16(1), byte(8))
	f.Fuzz(func(t *testing.T, p []byte, jump uint16, pt byte) {
		for _, c := range []Config{{}, {Fixed: 320}, {Least: 1, Most: 5}} {
			b := New(c)
			out := make([]int16, 160)
			for i := range 30 {
				if len(p) >= 12 {
					q := append([]byte(nil), p...)
					q[1] = pt + byte(i%3)
					binary.BigEndian.PutUint16(q[2:], binary.BigEndian.Uint16(p[2:])+uint16(i)*(jump>>12))
					binary.BigEndian.PutUint32(q[4:], binary.BigEndian.Uint32(p[4:])+uint32(i)*uint32(jump))
					b.Push(q)
				}
				b.Push(p)
				b.Pull(out[:1+i%160])
				b.Fax(jump&1 != 0 && i == 10)
				b.Pull(out)
			}
			live := 0
			for _, h := range b.have {
				if h {
					live++
				}
			}
			if live > stray+room/4 {
				t.Fatal("more is held than can be played")
			}
			b.Stats()
		}
	})
}

func BenchmarkFrame(b *testing.B) {
	j := New(Config{})
	s := newSender()
	var packets [][]byte
	for range 1000 {
		packets = append(packets, s.packet())
	}
	f := make([]int16, 160)
	b.ReportAllocs()
	i, n := 0, uint32(0)
	for b.Loop() {
		p := packets[i]
		binary.BigEndian.PutUint16(p[2:], uint16(n))
		binary.BigEndian.PutUint32(p[4:], n*160)
		j.Push(p)
		j.Pull(f)
		if i++; i == len(packets) {
			i = 0
		}
		n++
	}
}
