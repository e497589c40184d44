package selftest

import (
	"context"
	"fmt"
	"math"
	"time"

	"branchline/hal"
	"branchline/hal/sim"
	"branchline/hal/sim/signal"
	"branchline/media"
	"branchline/media/callerid"
	"branchline/media/tone"
	"branchline/pbx/channel"
)

// Lines are simulated telephone lines of the exchange under test. Its dialplan
// sends calls from the exchange line into the context FromExchange, extension s,
// and lets the telephone dial Prefix and a number of ten digits over that line.
type Lines struct {
	Exchange     *sim.Exchange
	Telephone    *sim.Telephone
	FromExchange string
	Prefix       string
}

// Outside is the number that the self-test calls in the public network.
const Outside = "0223456789"

// outsider calls from there.
const outsider = "0287654321"

// plan is what the dialplan needs for the calls of the self-test: an extension for
// the outsider alone, so that nobody else's phone rings.
func (l *Lines) plan() string {
	return fmt.Sprintf("\n[%s]\nexten => s/%s,1,Dial(PJSIP/%s,20)\n same => n,Hangup()\n", l.FromExchange, outsider, caller)
}

// The level at which the parties of the public network talk, in dBm0.
const spoken = -16

// patience bounds a step that waits for a telephone line, where dialling and
// ringing take their time.
const patience = 15 * time.Second

// steps are the calls over telephone lines; near is the phone that is rung.
func (l *Lines) steps(near **phone) []step {
	var in *talk
	x, t := l.Exchange, l.Telephone
	return []step{
		{"line 1: the public exchange calls in", func(ctx context.Context) (string, error) {
			form, _ := callerid.FormFor("tw")
			x.CallIn(sim.Call{
				Caller: hal.Caller{Number: outsider},
				Spill:  form.Samples(callerid.Message{Number: outsider, Stamp: callerid.StampOf(time.Now())}),
			})
			_, err := x.Await(ctx, sim.Rang)
			return "", err
		}},
		{"a phone rings and shows who calls", func(ctx context.Context) (string, error) {
			select {
			case call := <-(*near).incoming:
				var err error
				if in, err = newTalk(call.Leg); err != nil {
					return "", err
				}
				if call.Caller.Number != outsider {
					return "", fmt.Errorf("it shows %q instead of %s", call.Caller.Number, outsider)
				}
				return "  " + call.Caller.Number, nil
			case <-ctx.Done():
				return "", fmt.Errorf("the call did not arrive")
			}
		}},
		{"call answered, the exchange knows", func(ctx context.Context) (string, error) {
			in.leg.Answer()
			_, err := x.Await(ctx, sim.Connected)
			return "", err
		}},
		{"speech from the line to the phone", func(context.Context) (string, error) {
			x.Say(signal.Tones(spoken, 1004))
			defer x.Say(nil)
			return in.hears(1004, spoken)
		}},
		{"speech from the phone to the line", func(ctx context.Context) (string, error) {
			list, err := tone.Parse("620")
			if err != nil {
				return "", err
			}
			in.ear.Play(&media.Program{Source: list.Source()})
			defer in.ear.Play(nil)
			return reaches(ctx, x, 620)
		}},
		{"keys from the line to the phone", func(ctx context.Context) (string, error) {
			const keys = "159#"
			x.Say(signal.Keys(-9, 100*time.Millisecond, 100*time.Millisecond, keys))
			for i := range keys {
				e, err := in.await(ctx, channel.DigitEnded)
				if err != nil || e.Digit != keys[i] {
					return "", fmt.Errorf("key %c arrived as %q: %w", keys[i], e.Digit, err)
				}
			}
			return "  " + keys, nil
		}},
		{"the caller hangs up, the phone is told", func(ctx context.Context) (string, error) {
			x.HangUp()
			if _, err := in.await(ctx, channel.Gone); err != nil {
				return "", err
			}
			_, err := x.Await(ctx, sim.Released)
			return "", err
		}},
		{"line 2: a telephone is lifted, dial tone", func(ctx context.Context) (string, error) {
			t.Lift()
			return "", t.AwaitTone(ctx, "dial")
		}},
		{"it dials out over line 1", func(ctx context.Context) (string, error) {
			t.Dial(l.Prefix + Outside)
			h, err := x.Await(ctx, sim.Dialled)
			if err == nil && h.Digits != Outside {
				err = fmt.Errorf("the exchange understood %s instead of %s", h.Digits, Outside)
			}
			return "  " + h.Digits, err
		}},
		{"speech from the telephone over both lines", func(ctx context.Context) (string, error) {
			if _, err := x.Await(ctx, sim.Connected); err != nil {
				return "", err
			}
			t.Say(signal.Tones(spoken, 1004))
			defer t.Say(nil)
			return reaches(ctx, x, 1004)
		}},
		{"it is put back, the exchange is told", func(ctx context.Context) (string, error) {
			t.PutBack()
			_, err := x.Await(ctx, sim.Released)
			return "", err
		}},
	}
}

// hears checks that the phone hears a tone at about the level it was said at.
func (t *talk) hears(hz, said float64) (string, error) {
	// The first frames may still be silence, or on their way.
	if _, err := t.ear.measure(25*frame, stepTime); err != nil {
		return "", err
	}
	m, err := t.ear.measure(10*frame, stepTime)
	if err != nil {
		return "", err
	}
	f, loss := m.Frequency(), m.Level()-said
	switch {
	case math.Abs(f-hz) > 2:
		return "", fmt.Errorf("heard %.1f Hz instead of %.0f", f, hz)
	case math.Abs(loss) > 2:
		return "", fmt.Errorf("level changed by %+.1f dB", loss)
	}
	return fmt.Sprintf("  %.1f Hz, %+.2f dB", f, loss), nil
}

// reaches waits until the other party at the exchange hears hardly anything but hz,
// and tells how loud.
func reaches(ctx context.Context, x *sim.Exchange, hz float64) (string, error) {
	const enough = 10 // frames in a row
	heard := make(chan float64, 1)
	good := 0
	x.Hear(func(f *hal.Frame) {
		all, level := signal.Level(f), signal.PowerAt(f, hz)
		if good++; all < -40 || level < all-0.5 {
			good = 0
		}
		if good == enough {
			heard <- level
		}
	})
	defer x.Hear(nil)
	select {
	case level := <-heard:
		return fmt.Sprintf("  %.0f Hz, %.1f dBm0", hz, level), nil
	case <-ctx.Done():
		return "", fmt.Errorf("the party at the exchange does not hear %.0f Hz", hz)
	}
}
