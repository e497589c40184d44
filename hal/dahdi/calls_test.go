package dahdi_test

import (
	"strings"
	"testing"
	"time"

	"branchline/hal"
	"branchline/hal/dahdi"
)

// The calls of this file are made twice: here, between two ports of the scripted kernel,
// and by the tests of the guest between two of the real one. So the one is held to what
// the other does.

// settle waits for a line to be deaf no longer: the kernel ignores ringing for two
// seconds after a channel was opened or hung up.
func settle() { time.Sleep(2200 * time.Millisecond) }

// call is an incoming call, from the first ring to the end.
func call(t *testing.T, phone, line *port) {
	settle()
	phone.do(hal.Op{Kind: hal.Ring, Cadence: []time.Duration{800 * time.Millisecond, time.Second}})
	first := phone.see(hal.RingBegin, hal.RingEnd)
	line.see(hal.RingBegin, hal.RingEnd)
	second := phone.see(hal.RingBegin)
	if gap := second.At - first.At; gap < 7*hal.Rate/8 || gap > 3*hal.Rate/2 {
		t.Errorf("%d samples between the bursts", gap)
	}
	line.see(hal.RingBegin)
	line.do(hal.Op{Kind: hal.Answer})
	phone.see(hal.OffHook)
	line.see(hal.RingEnd) // the kernel waits for the burst to end
	carry(t, phone, line, 250)
	carry(t, line, phone, 250)

	line.do(hal.Op{Kind: hal.Flash, Length: 400 * time.Millisecond})
	phone.see(hal.HookFlash)

	phone.do(hal.Op{Kind: hal.Clear}) // 500 ms without battery
	line.see(hal.Cleared)
	line.do(hal.Op{Kind: hal.Clear})
	phone.see(hal.OnHook)
}

// outgoing is a call that is dialled, by tones and by pulses; listen begins to collect the
// tones that a port hears.
func outgoing(t *testing.T, phone, line *port, listen func(*testing.T, *port) func() string) {
	line.do(hal.Op{Kind: hal.Seize})
	phone.see(hal.OffHook)
	heard := listen(t, phone)
	start := time.Now()
	line.do(hal.Op{Kind: hal.Dial, Digits: "01A#"})
	audio, err := line.Audio()
	if err != nil {
		t.Fatal(err)
	}
	defer audio.Close()
	var f hal.Frame
	for i := range f {
		f[i] = 8000 // were it written, the digits would end
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for audio.Read(new(hal.Frame)) == nil && audio.Write(&f) == nil {
		}
	}()
	line.see(hal.DialDone)
	if took := time.Since(start); took < 700*time.Millisecond {
		t.Errorf("dialled 4 digits in %v", took)
	}
	t.Logf("line %+v", audio.Stats())
	audio.Close()
	<-done
	if got := heard(); got != "01A#" {
		t.Errorf("the telephone's side heard %q", got)
	}
	line.do(hal.Op{Kind: hal.Dial, Digits: "302", Pulse: true})
	for _, d := range "302" {
		phone.see(hal.DigitBegin)
		if e := phone.see(hal.Digit); e.Digit != byte(d) || !e.Pulse {
			t.Errorf("pulses came as %c", e.Digit)
		}
	}
	line.see(hal.DialDone)
	line.do(hal.Op{Kind: hal.SendDigit, Digits: "5"})
	line.see(hal.DialDone)
	line.do(hal.Op{Kind: hal.Clear})
	phone.see(hal.OnHook)
}

// unanswered is a call that the caller gives up.
func unanswered(t *testing.T, phone, line *port) {
	settle()
	phone.do(hal.Op{Kind: hal.Ring}) // as the zone has it: 1 s, 2 s
	phone.see(hal.RingBegin)
	line.see(hal.RingBegin)
	phone.see(hal.RingEnd, hal.RingBegin)
	line.see(hal.RingEnd, hal.RingBegin)
	phone.do(hal.Op{Kind: hal.StopRing})
	line.see(hal.RingEnd)
	// On hook, audio passes both ways: caller ID does.
	carry(t, phone, line, 50)
}

// again is a call, and another one right after it.
func again(t *testing.T, phone, line *port) {
	settle()
	phone.do(hal.Op{Kind: hal.Ring})
	phone.see(hal.RingBegin, hal.RingEnd)
	line.see(hal.RingBegin, hal.RingEnd)
	line.do(hal.Op{Kind: hal.Answer})
	phone.see(hal.OffHook)
	line.do(hal.Op{Kind: hal.Clear})
	phone.see(hal.OnHook)
	phone.do(hal.Op{Kind: hal.Ring})
	phone.see(hal.RingBegin)
}

// flashed is a flash asked for as soon as the line is off hook, when the kernel still
// refuses it, and digits asked for while others go out.
func flashed(t *testing.T, phone, line *port) {
	line.do(hal.Op{Kind: hal.Seize})
	phone.see(hal.OffHook)
	start := time.Now()
	line.do(hal.Op{Kind: hal.Flash, Length: 500 * time.Millisecond})
	if waited := time.Since(start); waited < 500*time.Millisecond || waited > 800*time.Millisecond {
		t.Errorf("the flash began after %v", waited)
	}
	phone.see(hal.HookFlash)
	line.do(hal.Op{Kind: hal.Dial, Digits: "1"})
	line.do(hal.Op{Kind: hal.SendDigit, Digits: "2"})
	line.see(hal.DialDone)
	line.do(hal.Op{Kind: hal.Dial, Digits: "1234567890"})
	line.do(hal.Op{Kind: hal.Clear}) // the rest is not dialled
	phone.see(hal.OnHook)
	line.do(hal.Op{Kind: hal.Clear})
}

// pauses is a conversation in which one side says nothing for a while: the line runs dry
// once, and not again.
func pauses(t *testing.T, phone, line *port) {
	a, err := line.Audio()
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	var f hal.Frame
	for n := range 120 {
		if err := a.Read(&f); err != nil {
			t.Fatal(err)
		}
		if n < 40 || n >= 80 {
			a.Write(&f)
		}
	}
	if s := a.Stats(); s.Underruns != 1 || s.Overruns != 0 || s.Dropped != 0 || s.Read != 120 || s.Written != 80 {
		t.Errorf("%+v", s)
	}
}

// S-028: calls over DAHDI ports, on the scripted kernel; guest_test.go makes the same
// on the real one.
func TestCalls(t *testing.T) {
	for name, made := range map[string]func(*testing.T, *port, *port){"incoming": call, "unanswered": unanswered, "again": again,
		"flashed": flashed, "pauses": pauses} {
		t.Run(name, func(t *testing.T) {
			bubble(t, dahdi.Settings{}, func(r *rig) {
				phone, _ := r.open(2)
				line, _ := r.open(4)
				made(r.T, phone, line)
			})
		})
	}
	t.Run("outgoing", func(t *testing.T) {
		bubble(t, dahdi.Settings{}, func(r *rig) {
			phone, _ := r.open(2)
			line, far := r.open(4)
			outgoing(r.T, phone, line, func(*testing.T, *port) func() string {
				return func() string { return strings.Join(far.Dialled, "") }
			})
		})
	})
}
