package line_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"branchline/hal"
	"branchline/hal/sim"
	"branchline/hal/sim/signal"
	"branchline/pbx/dialplan/live"
	"branchline/pbx/line/lineconf"
)

// TestHints: what hints show of a line, of a telephone and of a group.
func TestHints(t *testing.T) {
	var x *sim.Exchange
	var tel *sim.Telephone
	open(t, pstn+"exten => 700,hint,DAHDI/1\nexten => 701,hint,DAHDI/2\nexten => 702,hint,DAHDI/g1\nexten => 7,1,Dial(DAHDI/2)\n",
		dahdi("signalling=fxs_ks\nwaitfordialtone=no\ngroup=1\nchannel=>1\nsignalling=fxo_ks\ngroup=2\nchannel=>2\n"), func(p *sim.Plant) {
			x, tel = p.Exchange("1", sim.Loop{}), p.Telephone("2", sim.Loop{})
		}, func(b *branch) {
			hints := func() string {
				var w strings.Builder
				for _, c := range live.Commands(b.System, b.DeviceState, nil) {
					if c.Path == "core show hints" {
						if err := c.Run(b.T.Context(), &w, nil); err != nil {
							b.T.Fatal(err)
						}
					}
				}
				var states []string
				for l := range strings.Lines(w.String()) {
					if _, rest, ok := strings.Cut(l, "State:"); ok {
						states = append(states, strings.Fields(rest)[0])
					}
				}
				return strings.Join(states, " ")
			}
			b.want("nobody calls", hints(), "Idle Idle Idle")
			a := b.Phone("a").Dial("5551234")
			told(b.T, x, sim.Dialled)
			b.want("a call over the line", hints(), "InUse Idle Busy")
			other := b.Phone("b").Dial("7")
			saw(b.T, tel, sim.Rings)
			b.want("the telephone rings", hints(), "InUse Ringing Busy")
			tel.Lift()
			time.Sleep(time.Second)
			b.want("it is lifted", hints(), "InUse InUse Busy")
			other.HangsUp()
			a.HangsUp()
			tel.PutBack()
			time.Sleep(5 * time.Second)
			x.Cut()
			time.Sleep(3 * time.Second)
			b.want("the cord is out", hints(), "Unavailable Idle Unavailable")
		})
}

// TestFaxExtension: a fax tone sends a call on, where that is wanted and possible.
func TestFaxExtension(t *testing.T) {
	for _, c := range []struct{ conf, want string }{{"faxdetect=incoming\n", "dial"}, {"faxdetect=outgoing\n", ""}, {"", ""}} {
		var x *sim.Exchange
		open(t, "[pstn]\nexten => s,1,Answer()\nsame => n,Wait(30)\nexten => fax,1,Dial(Test/fax)\n",
			dahdi("signalling=fxs_ks\ncontext=pstn\nusecallerid=no\n"+c.conf+"channel=>1\n"), one(&x, sim.Loop{}), func(b *branch) {
				cng := signal.Cadence(-12, []float64{1100}, 500*time.Millisecond, 3*time.Second) // T.30 4.3.3.2
				x.CallIn(sim.Call{Party: sim.Party{Voice: signal.Then(signal.Silence(2*time.Second), cng)}})
				told(b.T, x, sim.Connected)
				time.Sleep(12 * time.Second)
				if got := b.Phone("fax").Called(); got != len(strings.Fields(c.want)) {
					b.T.Errorf("%q: the fax was called %d times", c.conf, got)
				}
				x.HangUp()
				time.Sleep(25 * time.Second)
			})
	}
}

// TestPulseDialling: an exchange that knows no tones.
func TestPulseDialling(t *testing.T) {
	var x *sim.Exchange
	open(t, pstn, dahdi("signalling=fxs_ks\npulsedial=yes\nchannel=>1\n"), one(&x, sim.Loop{}), func(b *branch) {
		x.Directory = func(digits string) (sim.Party, sim.Verdict) {
			if len(digits) < 4 {
				return sim.Party{}, sim.More
			}
			return sim.Party{Answer: time.Second}, sim.Found
		}
		a := b.Phone("a").Dial("1920")
		h, err := x.Await(b.T.Context(), sim.Dialled)
		if err != nil {
			b.T.Fatal(err)
		}
		b.want("dialled", h.Digits, "1920")
		a.HangsUp()
	})
}

// TestCadences: the country's ringing, and that of DAHDI/1r2.
func TestCadences(t *testing.T) {
	for _, c := range []struct{ conf, dial, want string }{
		{"tonezone=tw\n", "7", "1000 4000 1000 4000"}, {"tonezone=uk\n", "7", "400 200 400 2000"}, {"", "8", "250 250 500 1000"},
		{"cadence=100,200,300,4000\ncadence=700,-5000\n", "8", "700 5000 700 5000"},
	} {
		desk(t, house, c.conf+"signalling=fxo_ks\nusecallerid=no\nchannel=>1\n", func(b *branch, tel *sim.Telephone) {
			a := b.Phone("a").Dial(c.dial)
			var times []string
			last := int64(-1)
			for len(times) < 4 {
				h, err := tel.Await(b.T.Context(), sim.Rings, sim.RingsNoMore)
				if err != nil {
					b.T.Fatal(err)
				}
				if last >= 0 {
					times = append(times, fmt.Sprint((h.At-last)/8))
				}
				last = h.At
			}
			// The line's steps are 20 ms.
			got := strings.Join(times, " ")
			got = strings.NewReplacer("260", "250", "240", "250").Replace(got)
			b.want(c.conf+"Dial "+c.dial, got, c.want)
			a.HangsUp()
			time.Sleep(8 * time.Second)
		})
	}
}

// TestNotHere: what belongs to digital lines says so where it is asked for.
func TestNotHere(t *testing.T) {
	open(t, "[default]\nexten => 1,1,DAHDISendCallreroutingFacility(0221234567)\n", dahdi("signalling=fxs_ks\nchannel=>1\n"), func(p *sim.Plant) { p.Exchange("1", sim.Loop{}) }, func(b *branch) {
		b.Phone("a").Dial("1")
		if log := b.Log.String(); !strings.Contains(log, "DAHDISendCallreroutingFacility") || !strings.Contains(log, "digital lines, which are not supported") {
			b.T.Error(log)
		}
	})
}

// A sluggish driver's lines take their time to hang up, as mobile modules do.
type sluggish struct{ hal.Driver }

func (s sluggish) Open(ctx context.Context, name string) (hal.Line, error) {
	l, err := s.Driver.Open(ctx, name)
	return slow{l}, err
}

type slow struct{ hal.Line }

func (s slow) Do(ctx context.Context, op hal.Op) error {
	if op.Kind == hal.Clear {
		time.Sleep(2 * time.Second)
	}
	return s.Line.Do(ctx, op)
}

// TestRedial: whoever hangs up can call again at once, although the line needs longer.
func TestRedial(t *testing.T) {
	var x *sim.Exchange
	openWith(t, func(p *sim.Plant) hal.Driver { return sluggish{p} }, "[default]\nexten => _X.,1,Dial(Cell/gsm/${EXTEN})\n",
		func(t *testing.T) lineconf.Config { return conf(t, "quectel.conf", "[gsm]\ndata=x\naudio=y\n") },
		func(p *sim.Plant) { x = p.Exchange("gsm", sim.Loop{Kind: hal.Cellular}) }, func(b *branch) {
			a := b.Phone("a").Dial("0911")
			told(b.T, x, sim.Connected)
			time.Sleep(time.Second)
			a.Want("ring, answer, join")
			a.HangsUp()
			time.Sleep(100 * time.Millisecond)
			b.want("the line", b.DeviceState("Cell/gsm").String(), "NOT_INUSE")
			again := b.Phone("b").Dial("0922")
			told(b.T, x, sim.Released, sim.Connected)
			time.Sleep(time.Second)
			again.Want("ring, answer, join")
			b.Phone("c").Dial("0933").Want("hangup 17")
			again.HangsUp()
			time.Sleep(5 * time.Second)
		})
}
