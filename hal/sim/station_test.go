package sim_test

import (
	"context"
	"errors"
	"io"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"branchline/hal"
	"branchline/hal/sim"
	"branchline/hal/sim/signal"
)

func TestTelephone(t *testing.T) {
	for _, c := range []struct {
		name   string
		script func(t *testing.T, ph *sim.Telephone, l hal.Line)
		events string
		told   string
	}{
		{
			name: "keys, then back",
			script: func(t *testing.T, ph *sim.Telephone, l hal.Line) {
				ph.Lift()
				ph.Dial("1")
				ph.Wait(time.Second)
				ph.PutBack()
			},
			events: "20 off hook, 2240 on hook",
		},
		{
			name: "the dial plate",
			script: func(t *testing.T, ph *sim.Telephone, l hal.Line) {
				ph.Lift()
				ph.Pulse("30")
			},
			events: "20 off hook, 280 digit began, 700 digit 3, 1340 digit began, 2460 digit 0",
			told:   "5.78 s hears silence",
		},
		{
			name: "flash",
			script: func(t *testing.T, ph *sim.Telephone, l hal.Line) {
				ph.Lift()
				ph.Flash()
			},
			events: "20 off hook, 620 flash",
			told:   "5.40 s hears silence",
		},
		{
			name: "ringing in a cadence, answered at the third",
			script: func(t *testing.T, ph *sim.Telephone, l hal.Line) {
				ph.AnswerAfter(3)
				do(t, l, hal.Op{Kind: hal.Ring, Cadence: []time.Duration{400 * time.Millisecond, 200 * time.Millisecond, 400 * time.Millisecond, 2 * time.Second}})
			},
			events: "20 ring begin, 420 ring end, 620 ring begin, 1020 ring end, 3020 ring begin, 3040 off hook",
			told:   "0.02 s rings 1, 0.42 s stops ringing, 0.62 s rings 2, 1.02 s stops ringing, 3.02 s rings 3, 3.04 s stops ringing, 8.00 s hears silence",
		},
		{
			name: "ringing is called off",
			script: func(t *testing.T, ph *sim.Telephone, l hal.Line) {
				do(t, l, hal.Op{Kind: hal.Ring})
				time.Sleep(6500 * time.Millisecond)
				do(t, l, hal.Op{Kind: hal.StopRing})
			},
			events: "20 ring begin, 1020 ring end, 5020 ring begin, 6020 ring end",
			told:   "0.02 s rings 1, 1.02 s stops ringing, 5.02 s rings 2, 6.02 s stops ringing",
		},
		{
			name: "what the feeding end does",
			script: func(t *testing.T, ph *sim.Telephone, l hal.Line) {
				ph.Lift()
				time.Sleep(time.Second)
				do(t, l, hal.Op{Kind: hal.SetPolarity, Reversed: true}, hal.Op{Kind: hal.SetMessages, Count: 3})
				time.Sleep(time.Second)
				do(t, l, hal.Op{Kind: hal.SetPolarity}, hal.Op{Kind: hal.Clear})
				if err := l.Do(t.Context(), hal.Op{Kind: hal.Ring}); !errors.Is(err, hal.ErrBusy) {
					t.Error("ringing a telephone off hook:", err)
				}
				var un *hal.Unsupported
				if err := l.Do(t.Context(), hal.Op{Kind: hal.Dial}); !errors.As(err, &un) {
					t.Error("dialling on a telephone's port:", err)
				}
			},
			events: "20 off hook",
			told:   "1.00 s reversal, 1.00 s lamp 3, 2.00 s battery gone, 2.50 s battery back, 2.50 s reversal, 5.00 s hears silence",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T, ctx context.Context, p *sim.Plant) {
				ph := p.Telephone("2", sim.Loop{})
				l := open(t, p, "2")
				c.script(t, ph, l)
				want(t, "told", told(t, ph.Next, 10*time.Second), c.told)
				want(t, "events", events(l), c.events)
			})
		})
	}
}

// The telephone knows what it hears.
func TestEar(t *testing.T) {
	zone := signal.Taiwan()
	for _, c := range []struct{ name, told string }{
		{"dial", "0.52 s hears dial"},
		{"busy", "1.06 s hears busy"},
		{"congestion", "0.56 s hears congestion"},
		{"ringback", "3.06 s hears ringback"},
		{"voice", "0.24 s hears voice"},
		{"silence", "5.00 s hears silence"},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T, ctx context.Context, p *sim.Plant) {
				ph := p.Telephone("2", sim.Loop{Noise: -55, Companded: true})
				l := open(t, p, "2")
				ph.Lift()
				sound := signal.Tones(-13, 1000)
				for _, p := range zone.Patterns() {
					if p.Name == c.name {
						sound = p.Sound()
					}
				}
				if c.name == "silence" {
					sound = nil
				}
				ear(t, l, sound, nil)
				want(t, "told", told(t, ph.Next, 12*time.Second), c.told)
			})
		})
	}
}

// A call-waiting telephone answers the alert, in its gaps only.
func TestCallWaitingAlert(t *testing.T) {
	for length, want := range map[time.Duration]byte{85 * time.Millisecond: 'D', 300 * time.Millisecond: 0} {
		bubble(t, func(t *testing.T, ctx context.Context, p *sim.Plant) {
			ph := p.Telephone("2", sim.Loop{})
			ph.ShowsWaiting = true
			l := open(t, p, "2")
			ph.Lift()
			var keys signal.Keypad
			var got byte
			alert := signal.Cadence(-15, []float64{2130, 2750}, length, time.Second)
			ear(t, l, alert, func(f *hal.Frame) {
				if key := keys.Hear(f); key != 0 {
					got = key
				}
			})
			time.Sleep(900 * time.Millisecond)
			synctest.Wait()
			if got != want {
				t.Errorf("alert of %v: heard %q", length, got)
			}
		})
	}
}

// Two lines of ours joined: a whole call, with what each end sees of the other.
func TestCable(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context, p *sim.Plant) {
		p.Cable("3", "4", sim.Loop{Loss: 3, Hybrid: []float64{}})
		fxo, fxs := open(t, p, "3"), open(t, p, "4")
		if got := fxo.Info().Kind.String() + fxs.Info().Kind.String(); got != "FXOFXS" {
			t.Error(got)
		}
		var keys signal.Keypad
		digits := ""
		ear(t, fxs, nil, func(f *hal.Frame) {
			if key := keys.Hear(f); key != 0 {
				digits += string(key)
			}
		})
		loudest := -100.0
		ear(t, fxo, nil, func(f *hal.Frame) { loudest = max(loudest, signal.Level(f)) })
		time.Sleep(100 * time.Millisecond)
		do(t, fxs, hal.Op{Kind: hal.Ring, Caller: hal.Caller{Number: "1"}})
		time.Sleep(1500 * time.Millisecond)
		do(t, fxo, hal.Op{Kind: hal.Answer})
		time.Sleep(500 * time.Millisecond)
		do(t, fxo, hal.Op{Kind: hal.Dial, Digits: "159D"}, hal.Op{Kind: hal.Dial, Digits: "*0#"})
		time.Sleep(2 * time.Second)
		do(t, fxo, hal.Op{Kind: hal.Flash})
		time.Sleep(time.Second)
		do(t, fxs, hal.Op{Kind: hal.Clear})
		time.Sleep(time.Second)
		do(t, fxo, hal.Op{Kind: hal.Clear})
		time.Sleep(2 * time.Second)
		synctest.Wait()
		want(t, "digits", digits, "159D*0#")
		want(t, "FXO", events(fxo), "100 ring begin, 1100 ring end, 3500 dialled, 5140 cleared")
		want(t, "FXS", events(fxs), "100 ring begin, 1100 ring end, 1600 off hook, 4600 flash, 6900 on hook")
		if loudest > -60 {
			t.Errorf("FXO heard %.1f dBm0 of a silent line", loudest)
		}
	})
}

// What a party says arrives at its level, less the wires' loss; our own voice comes
// back by the hybrid, at its delay.
func TestAudioPath(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context, p *sim.Plant) {
		x := p.Exchange("1", sim.Loop{Loss: 3, Delay: 400, Companded: true, Noise: -60})
		l := open(t, p, "1")
		x.CallIn(sim.Call{Party: sim.Party{Voice: signal.Tones(-10, 1000), Parrot: 100 * time.Millisecond}})
		if _, err := x.Await(ctx, sim.Rang); err != nil {
			t.Fatal(err)
		}
		do(t, l, hal.Op{Kind: hal.Answer})
		var theirs hal.Frame
		x.Hear(func(f *hal.Frame) { theirs = *f })
		var ours hal.Frame
		ear(t, l, signal.Tones(-16, 2000), func(f *hal.Frame) { ours = *f })
		time.Sleep(3 * time.Second)
		synctest.Wait()
		if l.Info().EchoDelay != 400 {
			t.Error("echo delay", l.Info().EchoDelay)
		}
		for _, c := range []struct {
			what      string
			got, want float64
			within    float64
		}{
			{"the party hears us", signal.PowerAt(&theirs, 2000), -19, 0.3},
			{"we hear the party", signal.PowerAt(&ours, 1000), -13, 0.3},
			// The hybrid returns some 12 dB less, the parrot 6 dB less both ways' loss.
			{"we hear ourselves", signal.PowerAt(&ours, 2000), -27, 6},
		} {
			if math.Abs(c.got-c.want) > c.within {
				t.Errorf("%s at %.1f dBm0, want %.1f", c.what, c.got, c.want)
			}
		}
	})
}

// A clock that is wrong by 1000 ppm has delivered so many frames more or less after
// five minutes.
func TestClock(t *testing.T) {
	for ppm, want := range map[float64]uint64{0: 15000, 1000: 15015, -1000: 14985} {
		bubble(t, func(t *testing.T, _ context.Context, p *sim.Plant) {
			p.Exchange("1", sim.Loop{PPM: ppm, Hybrid: []float64{}})
			a := ear(t, open(t, p, "1"), nil, nil)
			time.Sleep(5 * time.Minute)
			s := a.Stats()
			if d := int64(s.Read - want); d < -1 || d > 1 {
				t.Errorf("%v ppm: %d frames, want %d", ppm, s.Read, want)
			}
			if s.Overruns+s.Dropped != 0 || s.Underruns > 1 {
				t.Errorf("%v ppm: %+v", ppm, s)
			}
		})
	}
}

func TestTrouble(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context, p *sim.Plant) {
		x := p.Exchange("1", sim.Loop{})
		if _, err := p.Open(ctx, "2"); !errors.Is(err, hal.ErrAbsent) {
			t.Error("a line that is not there:", err)
		}
		l := open(t, p, "1")
		if _, err := p.Open(ctx, "1"); !errors.Is(err, hal.ErrBusy) {
			t.Error("opened twice:", err)
		}
		a := ear(t, l, nil, nil)
		if _, err := l.Audio(); !errors.Is(err, hal.ErrBusy) {
			t.Error("audio twice:", err)
		}
		x.Cut()
		time.Sleep(3 * time.Second)
		x.Mend()
		time.Sleep(time.Second)
		do(t, l, hal.Op{Kind: hal.Seize})
		time.Sleep(time.Second)
		x.Cut()
		time.Sleep(500 * time.Millisecond)
		x.Mend()
		time.Sleep(time.Second)
		gone := errors.New("pulled out")
		x.Unplug(gone)
		synctest.Wait()
		want(t, "events", events(l), "1000 alarm, 3000 alarm over, 5040 cleared, 6480 lost")
		var f hal.Frame
		if err := a.Read(&f); err != io.EOF {
			t.Error("read of a lost line:", err)
		}
		if err := l.Do(ctx, hal.Op{Kind: hal.Answer}); !errors.Is(err, hal.ErrClosed) {
			t.Error("a lost line was told to answer:", err)
		}
		if _, err := p.Open(ctx, "1"); !errors.Is(err, hal.ErrAbsent) {
			t.Error("opened while it is out:", err)
		}
		l.Close()
		want(t, "events", events(l), "closed")
		x.Plug()
		l = open(t, p, "1")
		x.CallIn(sim.Call{})
		time.Sleep(3500 * time.Millisecond)
		want(t, "events", events(l), "3020 ring begin")
	})
}

func TestMobile(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context, p *sim.Plant) {
		x := p.Exchange("gsm", sim.Loop{Kind: hal.Cellular})
		l := open(t, p, "gsm")
		if _, err := l.Audio(); err == nil {
			t.Error("a module has audio on hook")
		}
		x.CallIn(sim.Call{Caller: hal.Caller{Number: "0912"}})
		time.Sleep(2500 * time.Millisecond)
		do(t, l, hal.Op{Kind: hal.Answer})
		a := ear(t, l, nil, nil)
		time.Sleep(time.Second)
		do(t, l, hal.Op{Kind: hal.SendDigit, Digits: "5"})
		time.Sleep(time.Second)
		x.HangUp()
		time.Sleep(time.Second)
		do(t, l, hal.Op{Kind: hal.Clear})
		var f hal.Frame
		if err := a.Read(&f); err != io.EOF {
			t.Error("audio after the call:", err)
		}
		do(t, l, hal.Op{Kind: hal.Seize}, hal.Op{Kind: hal.Dial, Digits: "110"})
		time.Sleep(3 * time.Second)
		do(t, l, hal.Op{Kind: hal.Clear}, hal.Op{Kind: hal.SendText, Message: hal.Message{Body: "out", Ref: "1"}})
		x.SendText(hal.Message{Body: "in"})
		time.Sleep(2 * time.Second)
		want(t, "events", events(l), "1020 ring begin, 2020 ring end, 2020 caller ID 0912, 4500 cleared 16, 5500 dialled, 5500 progress ringback, 7480 progress, 7480 answered, 8500 text in, 8500 text sent out")
		want(t, "told", told(t, x.Next, time.Second), "1.02 s rang 1, 2.52 s connected, 3.50 s key 5, 4.48 s party hung up, 5.50 s seized, 5.50 s dialled 110, 7.48 s connected, 8.50 s message out, 8.50 s released")
	})
}

func TestAllocations(t *testing.T) {
	// One step of a line in a call with everything on; the line's own goroutine
	// allocates, if anything does.
	bubble(t, func(t *testing.T, ctx context.Context, p *sim.Plant) {
		x := p.Exchange("1", sim.Loop{Companded: true, Noise: -60, Delay: 100})
		l := open(t, p, "1")
		ear(t, l, signal.Tones(-10, 500), nil)
		x.CallIn(sim.Call{Party: sim.Party{Voice: signal.Tones(-10, 1000)}})
		if _, err := x.Await(ctx, sim.Rang); err != nil {
			t.Fatal(err)
		}
		do(t, l, hal.Op{Kind: hal.Answer})
		time.Sleep(time.Second)
		if n := testing.AllocsPerRun(100, func() { time.Sleep(20 * time.Millisecond) }); n > 0 {
			t.Errorf("%v allocations per frame", n)
		}
	})
}

// A second of a call in real time is fifty steps.
func BenchmarkCall(b *testing.B) {
	p := sim.NewPlant("sim")
	x := p.Exchange("1", sim.Loop{Companded: true, Noise: -60, PPM: 1e12}) // as fast as it can
	l, err := p.Open(context.Background(), "1")
	if err != nil {
		b.Fatal(err)
	}
	defer p.Close()
	x.CallIn(sim.Call{Party: sim.Party{Voice: signal.Tones(-10, 1000)}})
	a, err := l.Audio()
	if err != nil {
		b.Fatal(err)
	}
	if err := l.Do(context.Background(), hal.Op{Kind: hal.Answer}); err != nil {
		b.Fatal(err)
	}
	var f hal.Frame
	for b.Loop() {
		if err := a.Read(&f); err != nil {
			b.Fatal(err)
		}
		_ = a.Write(&f)
	}
}
