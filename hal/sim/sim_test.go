package sim_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"branchline/hal"
	"branchline/hal/sim"
	"branchline/hal/sim/signal"
)

// bubble runs f in virtual time, with a plant whose lines are closed afterwards,
// and gives up after ten minutes of it.
func bubble(t *testing.T, f func(t *testing.T, ctx context.Context, p *sim.Plant)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
		defer cancel()
		p := sim.NewPlant("sim")
		defer p.Close()
		f(t, ctx, p)
	})
}

func open(t *testing.T, p *sim.Plant, name string) hal.Line {
	t.Helper()
	l, err := p.Open(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func do(t *testing.T, l hal.Line, ops ...hal.Op) {
	t.Helper()
	for _, op := range ops {
		if err := l.Do(t.Context(), op); err != nil {
			t.Fatalf("%s: %v", op.Kind, err)
		}
	}
}

// events are what came by now.
func events(l hal.Line) string {
	var out []string
	for {
		select {
		case e, more := <-l.Events():
			if !more {
				return strings.Join(append(out, "closed"), ", ")
			}
			out = append(out, tell(e))
		default:
			return strings.Join(out, ", ")
		}
	}
}

func tell(e hal.Event) string {
	s := fmt.Sprintf("%d %s", e.At*1000/hal.Rate, e.Kind)
	switch {
	case e.Digit != 0:
		s += " " + string(e.Digit)
	case e.Tone != 0:
		s += " " + e.Tone.String()
	case e.Caller != hal.Caller{}:
		s += " " + e.Caller.Number
	case e.Cause != 0:
		s += fmt.Sprintf(" %d", e.Cause)
	case e.Reversed:
		s += " reversed"
	case e.Message.Body != "":
		s += " " + e.Message.Body
	}
	return s
}

func want(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s:\n got %s\nwant %s", what, got, want)
	}
}

// told are the happenings of the next d.
func told(t *testing.T, next func(context.Context) (sim.Happening, error), d time.Duration) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	var out []string
	for {
		h, err := next(ctx)
		if err != nil {
			return strings.Join(out, ", ")
		}
		out = append(out, h.String())
	}
}

// ear reads a line's audio until it ends, and writes as much of voice.
func ear(t *testing.T, l hal.Line, voice signal.Sound, hear func(*hal.Frame)) hal.Audio {
	t.Helper()
	a, err := l.Audio()
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		var in, out hal.Frame
		for a.Read(&in) == nil {
			if hear != nil {
				hear(&in)
			}
			if out = (hal.Frame{}); voice != nil {
				voice(&out)
			}
			_ = a.Write(&out)
		}
	}()
	return a
}

func TestCallFromExchange(t *testing.T) {
	spill := make([]int16, 4800)
	signal.Tones(-13, 1200)((*hal.Frame)(spill[:160]))
	for _, c := range []struct {
		name   string
		lead   sim.Lead
		spill  []int16
		caps   hal.Caps
		events string
		heard  int // milliseconds at which the spill was
	}{
		{name: "no caller ID", events: "1020 ring begin, 2020 ring end, 4020 ring begin, 5020 ring end, 7020 ring begin, 7040 ring end"},
		{
			name: "after the first ring", spill: spill, heard: 2520,
			events: "1020 ring begin, 2020 ring end, 4020 ring begin, 5020 ring end, 7020 ring begin, 7040 ring end",
		},
		{
			name: "after a reversal", spill: spill, lead: sim.Reversed, heard: 1320,
			events: "1060 polarity reversed, 2220 ring begin, 2260 polarity, 3220 ring end, 5220 ring begin, 6220 ring end, 8220 ring begin, 8240 ring end",
		},
		{
			name: "after a short ring", spill: spill, lead: sim.ShortRing, heard: 1880,
			events: "1020 ring begin, 1280 ring end, 2780 ring begin, 3780 ring end, 5780 ring begin, 6780 ring end, 8780 ring begin, 8800 ring end",
		},
		{
			name: "without a lead", spill: spill, lead: sim.Unled, heard: 1320,
			events: "2220 ring begin, 3220 ring end, 5220 ring begin, 6220 ring end, 8220 ring begin, 8240 ring end",
		},
		{
			name: "a device that understands it", caps: hal.ReportsCallerID | hal.AudioWhenIdle, spill: spill, heard: 2520,
			events: "1020 ring begin, 2020 ring end, 3120 caller ID 0912345678, 4020 ring begin, 5020 ring end, 7020 ring begin, 7040 ring end",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T, ctx context.Context, p *sim.Plant) {
				x := p.Exchange("1", sim.Loop{Caps: c.caps})
				l := open(t, p, "1")
				x.CallIn(sim.Call{Caller: hal.Caller{Number: "0912345678"}, Spill: c.spill, Lead: c.lead})
				heard, frames := 0, 0
				ear(t, l, nil, func(f *hal.Frame) {
					frames++
					if heard == 0 && signal.Level(f) > -20 {
						heard = frames * 20
					}
				})
				for range 3 {
					if _, err := x.Await(ctx, sim.Rang); err != nil {
						t.Fatal(err)
					}
				}
				do(t, l, hal.Op{Kind: hal.Answer})
				if _, err := x.Await(ctx, sim.Connected); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				want(t, "events", events(l), c.events)
				if heard != c.heard {
					t.Errorf("spill at %d ms, want %d", heard, c.heard)
				}
			})
		})
	}
}

func TestCallToExchange(t *testing.T) {
	directory := func(digits string) (sim.Party, sim.Verdict) {
		switch {
		case digits == "110":
			return sim.Party{}, sim.Found
		case digits == "0222":
			return sim.Party{Answer: 4 * time.Second, Talk: 5 * time.Second}, sim.Found
		case digits == "0223":
			return sim.Party{Busy: true}, sim.Found
		case digits == "0224":
			return sim.Party{Unreachable: true}, sim.Found
		case strings.HasPrefix("110", digits), strings.HasPrefix("022", digits):
			return sim.Party{}, sim.More
		}
		return sim.Party{}, sim.Unknown
	}
	const modem = hal.Dials | hal.ReportsTones | hal.ReportsAnswer | hal.ReportsHangup
	for _, c := range []struct {
		name    string
		caps    hal.Caps
		service sim.Service
		op      hal.Op
		told    string
		events  string
	}{
		{
			name: "keys, answered at once", op: hal.Op{Digits: "110"},
			told:   "1.02 s seized, 1.20 s dial tone, 2.42 s dialled 110, 2.42 s connected, 20.98 s released",
			events: "2600 dialled",
		},
		{
			name: "pulses", op: hal.Op{Digits: "110", Pulse: true},
			told:   "1.02 s seized, 1.20 s dial tone, 4.92 s dialled 110, 4.92 s connected, 20.98 s released",
			events: "5480 dialled",
		},
		{
			name: "ringback, battery drop", op: hal.Op{Digits: "0222"},
			told:   "1.02 s seized, 1.20 s dial tone, 2.62 s dialled 0222, 6.60 s connected, 11.60 s party hung up, 20.98 s released",
			events: "2800 dialled, 11640 cleared",
		},
		{
			name: "reversals", op: hal.Op{Digits: "0222"}, service: sim.Service{AnswerReversal: true, Hangup: sim.ReversalBack},
			told:   "1.02 s seized, 1.20 s dial tone, 2.62 s dialled 0222, 6.60 s connected, 11.60 s party hung up, 20.98 s released",
			events: "2800 dialled, 6640 polarity reversed, 11640 polarity",
		},
		{
			name: "a modem is told", op: hal.Op{Digits: "0222"}, caps: modem,
			told:   "1.02 s seized, 1.20 s dial tone, 2.62 s dialled 0222, 6.60 s connected, 11.60 s party hung up, 20.98 s released",
			events: "1200 progress dial, 2020 progress, 2620 progress ringback, 2800 dialled, 6600 progress, 6600 answered, 11600 cleared 16",
		},
		{
			name: "busy", op: hal.Op{Digits: "0223"}, caps: modem,
			told:   "1.02 s seized, 1.20 s dial tone, 2.62 s dialled 0223, 20.98 s released",
			events: "1200 progress dial, 2020 progress, 2620 progress busy, 2800 dialled",
		},
		{
			name: "not reached", op: hal.Op{Digits: "0224"}, caps: modem,
			told:   "1.02 s seized, 1.20 s dial tone, 2.62 s dialled 0224, 20.98 s released",
			events: "1200 progress dial, 2020 progress, 2620 progress congestion, 2800 dialled",
		},
		{
			name: "unknown after the first digit", op: hal.Op{Digits: "55"}, caps: modem,
			told:   "1.02 s seized, 1.20 s dial tone, 2.02 s dialled 5, 20.98 s released",
			events: "1200 progress dial, 2020 progress, 2020 progress congestion, 2400 dialled",
		},
		{
			name: "incomplete", op: hal.Op{Digits: "11"}, caps: modem,
			told:   "1.02 s seized, 1.20 s dial tone, 5.20 s dialled 11, 20.98 s released",
			events: "1200 progress dial, 2020 progress, 2400 dialled, 5200 progress congestion",
		},
		{
			name: "nothing dialled", op: hal.Op{Digits: "w"}, caps: modem,
			told:   "1.02 s seized, 1.20 s dial tone, 20.98 s released",
			events: "1200 progress dial, 2500 dialled, 16200 progress congestion",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T, ctx context.Context, p *sim.Plant) {
				x := p.Exchange("1", sim.Loop{Caps: c.caps})
				x.Service, x.Directory = c.service, directory
				l := open(t, p, "1")
				time.Sleep(time.Second)
				do(t, l, hal.Op{Kind: hal.Seize})
				time.Sleep(time.Second)
				c.op.Kind = hal.Dial
				do(t, l, c.op)
				time.Sleep(18 * time.Second)
				do(t, l, hal.Op{Kind: hal.Clear})
				want(t, "told", told(t, x.Next, 2*time.Second), c.told)
				want(t, "events", events(l), c.events)
			})
		})
	}
}

// A party that calls back does so when the line is free, and a call in vain ends
// after as many rings as the caller has patience for.
func TestCallBack(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context, p *sim.Plant) {
		x := p.Exchange("1", sim.Loop{})
		x.InterDigit = time.Second
		x.Directory = func(string) (sim.Party, sim.Verdict) {
			return sim.Party{CallsBack: &sim.Call{Caller: hal.Caller{Number: "5"}, Rings: 2}}, sim.Found
		}
		l := open(t, p, "1")
		do(t, l, hal.Op{Kind: hal.Seize})
		time.Sleep(time.Second)
		do(t, l, hal.Op{Kind: hal.Dial, Digits: "5"})
		time.Sleep(2 * time.Second)
		do(t, l, hal.Op{Kind: hal.Clear})
		want(t, "told", told(t, x.Next, 20*time.Second), "0.04 s seized, 0.22 s dial tone, 1.02 s dialled 5, 1.02 s connected, 3.98 s released, 6.98 s rang 1, 9.98 s rang 2, 12.98 s caller gave up")
	})
}
