package line_test

import (
	"context"
	"fmt"
	"math"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"branchline/hal"
	"branchline/hal/sim"
	"branchline/hal/sim/signal"
	rtpdesk "branchline/pbx/pbxtest/desk"
)

// TestClockSkew talks over a line whose clock is wrong by the most that hardware is
// allowed to be; TestHour, behind the tag long, does so for an hour.
func TestClockSkew(t *testing.T) {
	for _, ppm := range []float64{100, -100} {
		t.Run(fmt.Sprintf("%+.0f ppm", ppm), func(t *testing.T) { skewed(t, ppm, 2*time.Minute) })
	}
}

// mostDelay is what one way may take from mouth to ear, the buffers of both phones
// not counted.
const mostDelay = 100 * time.Millisecond

// skewed lets a caller on a line and a phone talk, in turns, and listens for clicks
// and for how long either way takes.
func skewed(t *testing.T, ppm float64, length time.Duration) {
	var x *sim.Exchange
	open(t, "[pstn]\nexten => s,1,Dial(PJSIP/a)\n", dahdi("signalling=fxs_ks\ncontext=pstn\nusecallerid=no\nechocancel=yes\nchannel=>1\n"),
		func(p *sim.Plant) { x = p.Exchange("1", sim.Loop{PPM: ppm, Companded: true}) }, func(b *branch) {
			d := rtpdesk.New(b.Office.Exchange, b.places)
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			x.CallIn(sim.Call{})
			c, err := d.Phone("a").Called(ctx)
			if err != nil {
				t.Fatal(err)
			}
			c.PickUp()
			told(t, x, sim.Connected)
			toPhone, toLine := newWay("line to phone", 125, 0), newWay("phone to line", 210, periodFrames/2)
			x.Say(toPhone.say)
			c.Hear(func(frame []int16) { toPhone.hear((*hal.Frame)(frame)) })
			c.Say(func(frame []int16) { toLine.say((*hal.Frame)(frame)) })
			x.Hear(toLine.hear)
			time.Sleep(length)
			x.HangUp()
			time.Sleep(5 * time.Second)
			synctest.Wait()
			for _, w := range []*way{toPhone, toLine} {
				t.Log(w)
				if w.clicks > 0 {
					t.Errorf("%s: %d clicks, the first at %v", w.name, w.clicks, w.first)
				}
				if pings := int(length / period); w.pings < pings-1 {
					t.Errorf("%s: %d of %d pings heard", w.name, w.pings, pings)
				}
				if w.most > mostDelay {
					t.Errorf("%s: %v of delay", w.name, w.most)
				}
			}
		})
}

// period is how often the speech begins anew: a ping, a tone without a pause, which
// shows every slip, and syllables with pauses; half of the time it is the other's
// turn.
const period = 10 * time.Second

const (
	periodFrames = int(period / (20 * time.Millisecond))
	pingAt       = 20 // frames
	quietUntil   = 40 // frames: the ping is over, echoes and all
	toneUntil    = 140
	turnUntil    = 239
	pingHz       = 1000
)

// A way is one direction of a call, with what was measured on it.
type way struct {
	name  string
	pitch float64

	mu     sync.Mutex // what speaks and what hears are two goroutines
	frames int
	sample int
	sent   []time.Time // when pings began that have not been heard
	began  time.Time

	past   [6]float64
	quiet  int // frames since a ping, in which clicks do not count
	heard  int
	pings  int
	clicks int
	first  time.Duration
	least  time.Duration
	most   time.Duration
	peak   float64
}

// newWay makes a way whose speaker has a voice of some pitch in Hz, and is so many
// frames into what he says.
func newWay(name string, pitch float64, into int) *way {
	return &way{name: name, pitch: pitch, frames: into, began: time.Now(), least: time.Hour}
}

func (w *way) String() string {
	return fmt.Sprintf("%s: %d frames, %d pings, delay %v to %v, roughest sample %.0f, %d clicks", w.name, w.heard, w.pings, w.least, w.most, w.peak, w.clicks)
}

// say makes the next frame of speech.
func (w *way) say(f *hal.Frame) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := w.frames % periodFrames
	w.frames++
	amplitude := signal.Amplitude(-16)
	for i := range f {
		w.sample++
		at := float64(w.sample) / hal.Rate
		v := 0.0
		switch {
		case n == pingAt || n == pingAt+1:
			v = math.Sin(2 * math.Pi * pingHz * at)
		case n >= quietUntil && n < toneUntil:
			v = math.Sin(2*math.Pi*2.4*w.pitch*at) * min(1, float64((n-quietUntil)*hal.FrameSize+i)/800, float64((toneUntil-n)*hal.FrameSize-i)/800)
		case n >= toneUntil && n < turnUntil:
			// Syllables of different lengths, then a pause: of equal ones a busy tone
			// would be made.
			since := math.Mod(float64((n-toneUntil)*hal.FrameSize+i)/hal.Rate, 2.2)
			if syllable := math.Sin(2 * math.Pi * since * since); since < 1.5811388 {
				for h := 1.0; h <= 3; h++ {
					v += syllable * syllable * math.Sin(2*math.Pi*w.pitch*h*at) / 2.5
				}
			}
		}
		f[i] = int16(amplitude * v)
	}
	if n == pingAt {
		// The frame was spoken in the 20 ms before it is handed over.
		w.sent = append(w.sent, time.Now().Add(-20*time.Millisecond))
	}
	return true
}

// A click of a fifth of the speech's amplitude leaves this much in the sixth
// difference; speech of this kind and the steps of u-law leave less.
const rough = 7500

// hear takes the next frame that has arrived.
func (w *way) hear(f *hal.Frame) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.heard++
	w.quiet++
	for i := 0; i < hal.FrameSize; i += 40 {
		var part hal.Frame
		copy(part[:40], f[i:i+40])
		// Five milliseconds alone have a quarter of a frame's power.
		if len(w.sent) > 0 && signal.PowerAt(&part, pingHz) > -16-12-6 {
			w.quiet = 0
			took := time.Since(w.sent[0]) + time.Duration(i)*time.Second/hal.Rate
			w.sent = w.sent[1:]
			w.pings++
			w.least, w.most = min(w.least, took), max(w.most, took)
		}
	}
	for _, v := range f {
		d := float64(v)
		for k := range w.past {
			d, w.past[k] = d-w.past[k], d
		}
		d = math.Abs(d)
		if w.quiet < 10 || w.heard < 100 {
			continue
		}
		w.peak = max(w.peak, d)
		if d > rough {
			if w.clicks == 0 {
				w.first = time.Since(w.began)
			}
			w.clicks++
		}
	}
}

// The measure hears what it should and nothing else: u-law makes no click, ten
// samples too many or three too few make one.
func TestSkewMeasure(t *testing.T) {
	for slip, want := range map[int]bool{0: false, 3: true, -10: true} {
		synctest.Test(t, func(t *testing.T) {
			w := newWay("wire", 125, 0)
			var held []int16
			for n := range 3000 {
				time.Sleep(20 * time.Millisecond)
				var f hal.Frame
				w.say(&f)
				held = append(held, f[:]...)
				if n == 1600 { // in the middle of the tone
					if slip > 0 {
						held = held[slip:]
					} else {
						held = append(held, held[len(held)+slip:]...)
					}
				}
				if len(held) < hal.FrameSize {
					continue
				}
				copy(f[:], held)
				held = held[hal.FrameSize:]
				signal.Compand(&f)
				w.hear(&f)
			}
			t.Log(w)
			if w.pings != 6 || w.least < 20*time.Millisecond || w.most > 50*time.Millisecond || (w.clicks > 0) != want {
				t.Errorf("%d samples lost: %v", slip, w)
			}
		})
	}
}
