package dtmf

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"branchline/media/sine"
)

// A condition is how digits reach us in a test.
type condition struct {
	low, high    float64 // dBm0 per tone
	devLow       float64 // relative deviation of each group
	devHigh      float64
	on, off      float64 // ms
	breakAt, gap float64 // ms: an interruption
	dial         float64 // dBm0 per tone of a dial tone at dialLow and dialHigh Hz, 0: none
	dialLow      float64
	dialHigh     float64
	echo, delay  float64 // dB down, 0: none; ms
	snr          float64 // dB below the digit, 0: no noise
}

func plain() condition {
	return condition{low: -10, high: -10, on: 50, off: 50}
}

// sound renders digits under the condition, after lead ms.
func (c condition) sound(digits string, lead float64, r *rand.Rand) []int16 {
	total := int((lead + float64(len(digits))*(c.on+c.off) + 200) * Rate / 1000)
	x := make([]float64, total)
	a := func(dBm0 float64) float64 { return sine.Peak(dBm0) }
	for i := range len(digits) {
		at := (lead + float64(i)*(c.on+c.off)) * Rate / 1000
		p := 0
		for pad[p] != digits[i] {
			p++
		}
		p1, p2 := r.Float64()*2*math.Pi, r.Float64()*2*math.Pi
		for n := int(math.Ceil(at)); float64(n) < at+c.on*Rate/1000; n++ {
			t := (float64(n) - at) / Rate
			if c.gap > 0 && t*1000 >= c.breakAt && t*1000 < c.breakAt+c.gap {
				continue
			}
			x[n] += a(c.low)*math.Sin(2*math.Pi*lows[p/4]*(1+c.devLow)*t+p1) +
				a(c.high)*math.Sin(2*math.Pi*highs[p%4]*(1+c.devHigh)*t+p2)
		}
	}
	if c.echo > 0 {
		d, g := int(c.delay*Rate/1000), math.Pow(10, -c.echo/20)
		for n := total - 1; n >= d; n-- {
			x[n] += g * x[n-d]
		}
	}
	noise := 0.0
	if c.snr > 0 {
		noise = math.Sqrt((a(c.low)*a(c.low) + a(c.high)*a(c.high)) / 2 * math.Pow(10, -c.snr/10))
	}
	out := make([]int16, total)
	for n := range x {
		v := x[n] + r.NormFloat64()*noise
		if c.dial != 0 {
			v += a(c.dial) * (math.Sin(2*math.Pi*c.dialLow*float64(n)/Rate) + math.Sin(2*math.Pi*c.dialHigh*float64(n)/Rate))
		}
		out[n] = int16(max(-32768, min(32767, math.Round(v))))
	}
	return out
}

// tell says how many of the digits were heard, wrong ones and doubles counting
// against them.
func (c condition) tell(trials int) (right, extra int) {
	r := rand.New(rand.NewPCG(24, uint64(trials)))
	for range trials {
		got, _ := heard(c.sound(pad, 300+r.Float64()*30, r))
		i := 0
		for k := range len(got) {
			for j := i; ; j++ {
				if j == len(pad) {
					extra++
					break
				}
				if pad[j] == got[k] {
					right++
					i = j + 1
					break
				}
			}
		}
	}
	return right, extra
}

// Q.24 table 1, the limits of AT&T and, where they reach further, of others; the
// dial tone, echo and noise of its sections 2 and 3.
func TestQ24(t *testing.T) {
	trials := 1
	if thorough {
		trials = 40
	}
	type row struct {
		name   string
		change func(*condition)
		accept bool
	}
	var rows []row
	add := func(accept bool, name string, change func(*condition)) {
		rows = append(rows, row{name, change, accept})
	}
	for _, d := range []float64{-1, 1} {
		for _, e := range []float64{-1, 1} {
			add(true, fmt.Sprintf("deviation %+.1f and %+.1f %%", 1.8*d, 1.8*e), func(c *condition) { c.devLow, c.devHigh = 0.018*d, 0.018*e })
			add(true, fmt.Sprintf("deviation %+.1f and %+.1f %% at 40 ms", 1.5*d, 1.5*e), func(c *condition) { c.devLow, c.devHigh, c.on, c.off = 0.015*d, 0.015*e, 40, 40 })
			add(true, fmt.Sprintf("deviation %+.1f %% and %+.1f %% + 4 Hz", 1.5*d, 1.5*e), func(c *condition) { c.devLow, c.devHigh = d*(0.015+4.0/1000), e*(0.015+4.0/1500) })
		}
		for _, off := range []float64{0.03, 0.035, 0.05} {
			add(false, fmt.Sprintf("low group off by %+.1f %%", 100*off*d), func(c *condition) { c.devLow = off * d })
			add(false, fmt.Sprintf("high group off by %+.1f %%", 100*off*d), func(c *condition) { c.devHigh = off * d })
			add(false, fmt.Sprintf("low group off by %+.1f %%, long", 100*off*d), func(c *condition) { c.devLow, c.on = off*d, 300 })
			add(false, fmt.Sprintf("high group off by %+.1f %%, long", 100*off*d), func(c *condition) { c.devHigh, c.on = off*d, 300 })
		}
	}
	for _, twist := range []float64{-9, -8, -4, 4, 5, 6, 9} {
		add(math.Abs(twist) < 10, fmt.Sprintf("twist %+.0f dB", twist), func(c *condition) { c.low -= twist / 2; c.high += twist / 2 })
	}
	for _, twist := range []float64{-17, 17} {
		add(false, fmt.Sprintf("twist %+.0f dB", twist), func(c *condition) { c.low -= twist / 2; c.high += twist / 2 })
	}
	for level := 0.0; level >= -30; level -= 3 {
		add(true, fmt.Sprintf("%+.0f dBm0", level), func(c *condition) { c.low, c.high = level, level })
	}
	for _, level := range []float64{-36, -45, -55, -70} {
		add(false, fmt.Sprintf("%+.0f dBm0", level), func(c *condition) { c.low, c.high = level, level })
	}
	for _, level := range []float64{0, -25} {
		add(true, fmt.Sprintf("%+.0f dBm0, twist +4, 40 ms", level), func(c *condition) { c.low, c.high, c.on, c.off = level-4, level, 40, 40 })
		add(true, fmt.Sprintf("%+.0f dBm0, twist -8, 40 ms", level+3), func(c *condition) { c.low, c.high, c.on, c.off = level+3, level-5, 40, 40 })
	}
	for _, on := range []float64{40, 41, 45, 100, 1000} {
		add(true, fmt.Sprintf("%.0f ms on", on), func(c *condition) { c.on, c.off = on, 40 })
	}
	for _, on := range []float64{5, 10, 15, 20, 23, 24, 25} {
		add(false, fmt.Sprintf("%.0f ms on", on), func(c *condition) { c.on, c.off = on, 60 })
	}
	for _, off := range []float64{30, 40, 200} {
		add(true, fmt.Sprintf("%.0f ms off", off), func(c *condition) { c.on, c.off = 40, off })
	}
	for _, gap := range []float64{2, 5, 10, 12, 20} {
		for _, at := range []float64{40, 50, 60, 100} {
			add(true, fmt.Sprintf("%.0f ms interrupted at %.0f", gap, at), func(c *condition) { c.on, c.breakAt, c.gap = 160, at, gap })
		}
	}
	for _, dial := range [][2]float64{{350, 440}, {425, 425}, {400, 450}, {413, 438}, {440, 440}, {400, 400}} {
		for _, level := range []float64{0, -10, -20, -25} {
			add(true, fmt.Sprintf("%+.0f dBm0 over a dial tone of %v", level, dial), func(c *condition) {
				c.low, c.high, c.dial, c.dialLow, c.dialHigh = level, level, -15, dial[0], dial[1]
			})
		}
		add(true, fmt.Sprintf("40 ms with deviation and twist over a dial tone of %v", dial), func(c *condition) {
			c.low, c.high, c.on, c.off, c.dial, c.dialLow, c.dialHigh = -16, -12, 40, 40, -15, dial[0], dial[1]
			c.devLow, c.devHigh = 0.015, -0.015
		})
	}
	for delay := 1.0; delay <= 20; delay++ {
		add(true, fmt.Sprintf("echo after %.0f ms", delay), func(c *condition) { c.echo, c.delay = 10, delay })
		add(true, fmt.Sprintf("echo after %.0f ms, 40 ms", delay), func(c *condition) { c.echo, c.delay, c.on, c.off = 10, delay, 40, 40 })
		add(true, fmt.Sprintf("echo after %.0f ms, twist +4", delay), func(c *condition) { c.echo, c.delay, c.low = 10, delay, -14 })
		add(true, fmt.Sprintf("echo after %.0f ms, twist -5", delay), func(c *condition) { c.echo, c.delay, c.high = 10, delay, -15 })
	}
	for _, level := range []float64{-5, -15, -25} {
		add(true, fmt.Sprintf("15 dB over noise at %+.0f dBm0", level), func(c *condition) { c.low, c.high, c.snr = level, level, 15 })
		add(true, fmt.Sprintf("15 dB over noise at %+.0f dBm0, 40 ms", level), func(c *condition) { c.low, c.high, c.snr, c.on, c.off = level, level, 15, 40, 40 })
	}
	add(true, "15 dB over noise, deviation", func(c *condition) { c.snr, c.devLow, c.devHigh = 15, 0.015, -0.015 })
	add(true, "15 dB over noise, twist +4", func(c *condition) { c.snr, c.low = 15, -14 })
	add(true, "15 dB over noise, twist -8", func(c *condition) { c.snr, c.high = 15, -18 })
	for _, row := range rows {
		c := plain()
		row.change(&c)
		got, extra := c.tell(trials)
		all := trials * len(pad)
		want := 0
		if row.accept {
			want = all
		}
		// In noise one digit in a thousand may be lost (Q.24 section 3), none be made up.
		if spare := (all + 999) / 1000; extra > 0 || got > want || got < want && (c.snr == 0 || got < want-spare) {
			t.Errorf("%s: %d of %d heard, %d more", row.name, got, all, extra)
		}
	}
	t.Logf("%d conditions, %d digits each", len(rows), trials*len(pad))
}
