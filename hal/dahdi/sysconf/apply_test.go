package sysconf_test

import (
	"context"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"branchline/hal"
	"branchline/hal/dahdi"
	"branchline/hal/dahdi/abi"
	"branchline/hal/dahdi/sysconf"
	"branchline/hal/haltest/dahdikernel"
)

func apply(t *testing.T, text string, test func(k *dahdikernel.Kernel, again func() []sysconf.Diag)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		k := dahdikernel.New()
		defer k.Close()
		k.Cancellers = []string{"mg2"}
		k.Card(dahdikernel.Card{Ports: []abi.Signalling{abi.FXOKS, abi.FXOKS, abi.FXSKS, abi.FXSKS}, Raw: true})
		conf, diags := sysconf.Parse("system.conf", []byte(text))
		if len(diags) > 0 {
			t.Fatal(diags)
		}
		test(k, func() []sysconf.Diag {
			return conf.Apply(sysconf.Means{Kernel: k, Zone: func(name string) (sysconf.Zone, bool) {
				return sysconf.Zone{Ring: []time.Duration{time.Second, 2 * time.Second}, Tones: map[int]sysconf.Tone{
					abi.ToneBusy: {Pieces: []sysconf.Piece{{A: 480, B: 620, Length: time.Second / 2}, {Length: time.Second / 2}}},
					abi.ToneInfo: {Pieces: []sysconf.Piece{{A: 950, Length: 330 * time.Millisecond}, {A: 1400}}, Again: 1},
				}}, name != "xx"
			}})
		})
	})
}

func TestApply(t *testing.T) {
	apply(t, `fxoks=1-2
fxsks=3
fxsls=4
alaw=4
echocanceller=mg2,3
dynamic=loc,1:0,2,0
dynamic=loc,1:1,2,0
fxoks=5,6
fxsks=7-8
span=2,1,0,esf,b8zs
loadzone=tw
loadzone=us
defaultzone=us
`, func(k *dahdikernel.Kernel, again func() []sysconf.Diag) {
		for round := range 2 {
			if diags := again(); len(diags) > 0 {
				t.Fatalf("round %d: %v", round, diags)
			}
		}
		for n, want := range map[int]abi.Signalling{1: abi.FXOKS, 3: abi.FXSKS, 4: abi.FXSLS, 6: abi.FXOKS, 8: abi.FXSKS} {
			ch := k.Channel(n)
			if ch.Signalling() != want || ch.Setups != 1 {
				t.Errorf("channel %d: %v, set up %d times", n, ch.Signalling(), ch.Setups)
			}
		}
		if k.Channel(3).Canceller() != "mg2" || k.Channel(4).Canceller() != "" {
			t.Error("the echo cancellers are not where they should be")
		}
		if s := k.SpanSetup(2); s.Sync != 1 || s.LineConfig != abi.FramingESF|abi.CodingB8ZS {
			t.Errorf("%+v", s)
		}
		if z := k.Zones(); !slices.Equal(z, []string{"us", "tw"}) {
			t.Errorf("zones %v", z)
		}
		// The two loops are one, and digits have their length.
		d := dahdi.New(dahdi.Config{Kernel: k})
		defer d.Close()
		line, err := d.Open(context.Background(), "7")
		if err != nil {
			t.Fatal(err)
		}
		dial(t, line)
		if got := k.Channel(7).Dialled; !slices.Equal(got, []string{"1", "2"}) {
			t.Errorf("dialled %v", got)
		}
	})
}

func dial(t *testing.T, line hal.Line) {
	t.Helper()
	start := time.Now()
	for _, op := range []hal.Op{{Kind: hal.Seize}, {Kind: hal.Dial, Digits: "12"}} {
		if err := line.Do(context.Background(), op); err != nil {
			t.Fatal(err)
		}
	}
	for e := range line.Events() {
		if e.Kind == hal.DialDone {
			break
		}
	}
	if took := time.Since(start); took < 390*time.Millisecond || took > 410*time.Millisecond {
		t.Errorf("two digits took %v", took)
	}
}

func TestApplyProblems(t *testing.T) {
	for text, want := range map[string]string{
		"fxoks=5":            "system.conf:1: error: channel 5: DAHDI has fewer channels",
		"fxoks=3":            "system.conf:1: error: channel 3: FXO Kewlstart: this port cannot",
		"echocanceller=hw,1": "system.conf:1: warning: channel 1 has no echo canceller of the kernel's: there is no hw",
		"dynamic=eth,x,4,0":  "system.conf:1: error: dynamic span eth x: refused",
		"span=7,0,0,cas,ami": "system.conf:1: error: span 7: there is no such span",
		"span=1,0,0,d4,ami":  "system.conf:1: error: span 1: its hardware",
		"loadzone=xx":        "system.conf:1: warning: the tones of zone xx are not known",
	} {
		apply(t, text, func(_ *dahdikernel.Kernel, again func() []sysconf.Diag) {
			diags := again()
			if len(diags) != 1 || !strings.HasPrefix(diags[0].String(), want) {
				t.Errorf("%s: %v, want %s", text, diags, want)
			}
		})
	}
	apply(t, "fxoks=1", func(k *dahdikernel.Kernel, again func() []sysconf.Diag) {
		k.Unload()
		if diags := again(); len(diags) != 1 || !strings.Contains(diags[0].String(), "modules of DAHDI are not loaded") {
			t.Error(diags)
		}
	})
	apply(t, "# nothing", func(k *dahdikernel.Kernel, again func() []sysconf.Diag) {
		k.Unload()
		if diags := again(); len(diags) != 0 {
			t.Error(diags)
		}
	})
	apply(t, "dynamic=loc,1:0,4,0\nfxoks=5", func(k *dahdikernel.Kernel, again func() []sysconf.Diag) {
		k.Unassigned = true
		if diags := again(); len(diags) != 1 || !strings.Contains(diags[0].String(), "auto_assign_spans=1") {
			t.Error(diags)
		}
	})
}

// The kernel's oscillators, run as the kernel runs them, make the tones that were asked for.
func TestOscillators(t *testing.T) {
	for _, c := range []struct{ hz, level float64 }{{350, -13}, {697, -10}, {941, -10}, {1633, -8}, {2130, -20}} {
		o := sysconf.Oscillator(c.hz, c.level)
		two, three := int64(o.Two), int64(o.Three)
		var power float64
		crossings, before := 0, int64(0)
		for range 8000 {
			v := three*int64(o.Factor)>>15 - two
			two, three = three, v
			power += float64(v) * float64(v) / 8000
			if before < 0 && v >= 0 {
				crossings++
			}
			before = v
		}
		level := 10*math.Log10(2*power) - 20*math.Log10(32768) + 3.14
		if math.Abs(float64(crossings)-c.hz) > 1.5 || math.Abs(level-c.level) > 0.3 {
			t.Errorf("%v Hz at %v dBm0 came out as %d Hz at %.2f", c.hz, c.level, crossings, level)
		}
	}
}
