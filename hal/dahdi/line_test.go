package dahdi_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"branchline/hal"
	"branchline/hal/dahdi"
	"branchline/hal/dahdi/abi"
	"branchline/hal/dahdi/cards"
	"branchline/hal/dahdi/kernel"
	"branchline/hal/haltest/dahdikernel"
)

// rig is a machine with one card: channels 1 and 2 are telephones, 3 and 4 lines, and
// telephone 2 is wired to line 4.
type rig struct {
	*testing.T
	kernel *dahdikernel.Kernel
	driver *dahdi.Driver
	log    strings.Builder
}

func bubble(t *testing.T, settings dahdi.Settings, test func(*rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := &rig{T: t, kernel: dahdikernel.New()}
		defer r.kernel.Close()
		r.kernel.Cancellers = []string{"mg2"}
		r.kernel.LoadZone()
		r.kernel.Card(dahdikernel.Card{Ports: []abi.Signalling{abi.FXOKS, abi.FXOKS, abi.FXSKS, abi.FXSKS}, Reverses: true})
		r.kernel.Join(r.kernel.Channel(2), r.kernel.Channel(4))
		r.driver = dahdi.New(dahdi.Config{Kernel: r.kernel, Log: slog.New(slog.NewTextHandler(&r.log, nil)),
			Settings: func(int) dahdi.Settings { return settings }})
		defer func() {
			if err := r.driver.Close(); err != nil {
				t.Error(err)
			}
			if n := r.kernel.Opened(); n != 0 {
				t.Errorf("%d descriptors were left open", n)
			}
			if r.log.Len() > 0 {
				t.Errorf("logged: %s", r.log.String())
			}
		}()
		test(r)
	})
}

func (r *rig) open(channel int) (*port, *dahdikernel.Channel) {
	return open(r.T, r.driver, channel), r.kernel.Channel(channel)
}

const ms = time.Millisecond

func TestIncomingCall(t *testing.T) {
	bubble(t, dahdi.Settings{}, func(r *rig) {
		line, far := r.open(3)
		time.Sleep(2500 * ms)
		far.Ring(true)
		if e := line.see(hal.RingBegin); e.At < 19992 || e.At > 20016 {
			t.Errorf("ring at sample %d", e.At)
		}
		time.Sleep(time.Second)
		far.Ring(false)
		if e := line.see(hal.RingEnd); e.At < 28384 || e.At > 28416 { // and the trailer
			t.Errorf("end of the burst at sample %d", e.At)
		}
		line.do(hal.Op{Kind: hal.Answer})
		time.Sleep(time.Second)
		far.Battery(false)
		line.see(hal.Cleared)
		line.do(hal.Op{Kind: hal.Clear})
		far.Battery(true)
		// Now the kernel is deaf: no begin is told, but the end is.
		time.Sleep(1500 * ms)
		far.Ring(true)
		time.Sleep(time.Second)
		far.Ring(false)
		line.see(hal.RingBegin, hal.RingEnd)
	})
}

func TestTelephone(t *testing.T) {
	bubble(t, dahdi.Settings{RxFlash: 800 * ms}, func(r *rig) {
		phone, far := r.open(1)
		far.Lift()
		phone.see(hal.OffHook)
		time.Sleep(700 * ms) // in which pulses are taken for the bouncing of the hook
		for range 3 {
			far.Replace()
			time.Sleep(60 * ms)
			far.Lift()
			time.Sleep(40 * ms)
		}
		phone.see(hal.DigitBegin)
		if e := phone.see(hal.Digit); e.Digit != '3' || !e.Pulse {
			t.Errorf("pulsed %c", e.Digit)
		}
		time.Sleep(time.Second)
		far.Replace()
		time.Sleep(500 * ms)
		far.Lift()
		phone.see(hal.HookFlash)
		far.Replace()
		replaced := time.Now()
		phone.see(hal.OnHook)
		if took := time.Since(replaced); took < 800*ms || took > 805*ms {
			t.Errorf("hanging up was noticed after %v", took)
		}
	})
}

func TestRing(t *testing.T) {
	bubble(t, dahdi.Settings{}, func(r *rig) {
		phone, far := r.open(1)
		phone.do(hal.Op{Kind: hal.Ring, Cadence: []time.Duration{500 * ms, 300 * ms, 500 * ms, 2 * time.Second}})
		var at []int64
		for range 3 {
			at = append(at, phone.see(hal.RingBegin).At, phone.see(hal.RingEnd).At)
		}
		for i, want := range []int64{0, 4000, 6400, 10400, 26400, 30400} {
			if at[i] < want-16 || at[i] > want+16 {
				t.Errorf("bursts at %v", at)
				break
			}
		}
		if far.Transfers != 3 {
			t.Errorf("on-hook transmission was asked for %d times", far.Transfers)
		}
		phone.see(hal.RingBegin)
		far.Lift()
		phone.see(hal.OffHook)
		if err := phone.Do(context.Background(), hal.Op{Kind: hal.Ring}); err == nil {
			t.Error("it rang off the hook")
		}
		phone.do(hal.Op{Kind: hal.StopRing}) // too late, and no harm
		time.Sleep(10 * time.Second)
		// The exchange hangs up: no battery for half a second, and the telephone cannot
		// be rung for 300 ms after it.
		phone.do(hal.Op{Kind: hal.Clear})
		time.Sleep(100 * ms)
		far.Replace()
		phone.see(hal.OnHook)
		phone.do(hal.Op{Kind: hal.Clear})
		phone.do(hal.Op{Kind: hal.Ring}) // as the zone has it: 1 s, 4 s
		begin := phone.see(hal.RingBegin)
		if end := phone.see(hal.RingEnd); end.At-begin.At < 8000 || end.At-begin.At > 8020 {
			t.Errorf("a burst of %d samples", end.At-begin.At)
		}
		phone.do(hal.Op{Kind: hal.StopRing})
	})
}

// A change that the kernel refuses for now is tried again; a later one overtakes it.
func TestBusyHook(t *testing.T) {
	bubble(t, dahdi.Settings{}, func(r *rig) {
		phone, _ := r.open(1)
		phone.do(hal.Op{Kind: hal.Ring})
		phone.see(hal.RingBegin)
		time.Sleep(100 * ms)
		phone.do(hal.Op{Kind: hal.Clear}) // the battery goes with the ringing
		done := make(chan error)
		start := time.Now()
		go func() { done <- phone.Do(context.Background(), hal.Op{Kind: hal.Ring}) }()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if waited := time.Since(start); waited < 795*ms || waited > 825*ms {
			t.Errorf("it rang after %v", waited)
		}
		phone.see(hal.RingBegin)
		phone.do(hal.Op{Kind: hal.Clear})
		go func() { done <- phone.Do(context.Background(), hal.Op{Kind: hal.Ring}) }()
		time.Sleep(100 * ms)
		phone.do(hal.Op{Kind: hal.StopRing})
		if err := <-done; err == nil {
			t.Error("it rang after all")
		}

		line, _ := r.open(3)
		line.do(hal.Op{Kind: hal.Seize})
		ctx, cancel := context.WithTimeout(context.Background(), 100*ms)
		defer cancel()
		if err := line.Do(ctx, hal.Op{Kind: hal.Flash}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a flash 100 ms after going off hook: %v", err)
		}
		go func() { done <- line.Do(context.Background(), hal.Op{Kind: hal.Flash}) }()
		synctest.Wait()
		line.do(hal.Op{Kind: hal.Clear})
		if err := <-done; err == nil || !strings.Contains(err.Error(), "another operation") {
			t.Errorf("a flash that was overtaken: %v", err)
		}
		line.do(hal.Op{Kind: hal.Seize})
		line.do(hal.Op{Kind: hal.Flash, Length: 300 * ms})
		go func() { done <- line.Do(context.Background(), hal.Op{Kind: hal.Flash}) }()
		synctest.Wait()
		line.Close()
		if err := <-done; !errors.Is(err, hal.ErrClosed) {
			t.Errorf("a flash on a line that was closed: %v", err)
		}
	})
}

func TestJoinedPorts(t *testing.T) {
	bubble(t, dahdi.Settings{}, func(r *rig) {
		phone, near := r.open(2)
		line, far := r.open(4)
		time.Sleep(2100 * ms)
		phone.do(hal.Op{Kind: hal.Ring})
		phone.see(hal.RingBegin)
		line.see(hal.RingBegin)
		line.do(hal.Op{Kind: hal.Answer})
		phone.see(hal.OffHook)
		line.see(hal.RingEnd)
		carry(t, phone, line, 100)
		carry(t, line, phone, 100)
		line.do(hal.Op{Kind: hal.Flash, Length: 400 * ms})
		phone.see(hal.HookFlash)
		phone.do(hal.Op{Kind: hal.SetPolarity, Reversed: true})
		if e := line.see(hal.Polarity); !e.Reversed {
			t.Error("the reversal was not seen as one")
		}
		phone.do(hal.Op{Kind: hal.SetPolarity})
		if e := line.see(hal.Polarity); e.Reversed {
			t.Error("the line is still reversed")
		}
		phone.do(hal.Op{Kind: hal.Clear})
		line.see(hal.Cleared)
		line.do(hal.Op{Kind: hal.Clear})
		phone.see(hal.OnHook)
		if near.Lost+far.Lost+near.Overflowed+far.Overflowed > 0 {
			t.Errorf("lost %d and %d samples", near.Lost, far.Lost)
		}
	})
}

func TestDial(t *testing.T) {
	bubble(t, dahdi.Settings{}, func(r *rig) {
		line, near := r.open(3)
		line.do(hal.Op{Kind: hal.Seize})
		a, err := line.Audio()
		if err != nil {
			t.Fatal(err)
		}
		stop := make(chan struct{})
		go func() { // somebody talks all the time
			defer close(stop)
			var f hal.Frame
			for a.Read(&f) == nil {
				a.Write(&f)
			}
		}()
		time.Sleep(200 * ms)
		start := time.Now()
		line.do(hal.Op{Kind: hal.Dial, Digits: "0w9"})
		time.Sleep(500 * ms)
		line.do(hal.Op{Kind: hal.Dial, Digits: "#d"})
		line.see(hal.DialDone)
		if took := time.Since(start); took < 1290*ms || took > 1350*ms {
			t.Errorf("dialled in %v", took)
		}
		if got := strings.Join(near.Dialled, ""); got != "09#D" || near.Aborted != 0 {
			t.Errorf("dialled %q, broken off %d times", got, near.Aborted)
		}
		line.do(hal.Op{Kind: hal.Dial, Digits: "21", Pulse: true})
		start = time.Now()
		line.see(hal.DialDone)
		if took := time.Since(start); took < 1790*ms || took > 1810*ms {
			t.Errorf("pulsed in %v", took)
		}
		line.do(hal.Op{Kind: hal.SendDigit, Digits: "7"})
		line.see(hal.DialDone)
		line.do(hal.Op{Kind: hal.Dial, Digits: "123"})
		line.do(hal.Op{Kind: hal.Clear}) // no more of it
		time.Sleep(time.Second)
		if got := strings.Join(near.Dialled, ""); got != "09#D7" {
			t.Errorf("dialled %q", got)
		}
		for digits, pulse := range map[string]bool{"12x": false, "1*": true, strings.Repeat("1", 300): false} {
			if err := line.Do(context.Background(), hal.Op{Kind: hal.Dial, Digits: digits, Pulse: pulse}); err == nil {
				t.Errorf("dialled %.10q", digits)
			}
		}
		a.Close()
		<-stop
	})
}

func TestNoZone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := dahdikernel.New()
		defer k.Close()
		k.Card(dahdikernel.Card{Ports: []abi.Signalling{abi.FXOKS, abi.FXSKS}})
		d := dahdi.New(dahdi.Config{Kernel: k})
		defer d.Close()
		phone, line := open(t, d, 1), open(t, d, 2)
		line.do(hal.Op{Kind: hal.Seize})
		for p, op := range map[*port]hal.OpKind{phone: hal.Ring, line: hal.Dial} {
			if err := p.Do(context.Background(), hal.Op{Kind: op, Digits: "1"}); err == nil || !strings.Contains(err.Error(), "loadzone") {
				t.Errorf("%v without a tone zone: %v", op, err)
			}
		}
	})
}

func TestEvents(t *testing.T) {
	bubble(t, dahdi.Settings{}, func(r *rig) {
		line, far := r.open(3)
		if !line.Info().Caps.Has(hal.ReportsBattery | hal.ReportsPolarity) {
			t.Errorf("%b", line.Info().Caps)
		}
		far.Alarm(true)
		if e := line.see(hal.AlarmBegin); e.Err == nil || !strings.Contains(e.Err.Error(), "battery") {
			t.Errorf("alarm: %v", e.Err)
		}
		far.Alarm(false)
		line.see(hal.AlarmEnd)
		far.Event(abi.FaxAnswerTone, abi.FaxCallTone, abi.WinkFlash, abi.HookComplete, abi.ReadOverrun)
		if e := line.see(hal.Progress); e.Tone != hal.FaxAnswer {
			t.Error(e.Tone)
		}
		if e := line.see(hal.Progress); e.Tone != hal.FaxCalling {
			t.Error(e.Tone)
		}
		synctest.Wait()
		facts := line.Line.(hal.Describer).Describe()
		if f := facts[len(facts)-1]; f.Name != "read overruns" || f.Value != "1" {
			t.Errorf("%v", facts)
		}
		// A storm of more events than the kernel keeps, with a reader who does not read.
		for range 10 {
			for range 20 {
				far.Event(abi.PolarityTurn)
			}
			synctest.Wait()
		}
		if far.Overflowed != 0 {
			t.Errorf("%d events were lost", far.Overflowed)
		}
		for range 200 {
			line.see(hal.Polarity)
		}
	})
}

// Closing a line hangs it up, and hanging up a line that is on hook does nothing: the
// kernel would not hear it ring for two seconds.
func TestHangUp(t *testing.T) {
	bubble(t, dahdi.Settings{}, func(r *rig) {
		phone, _ := r.open(2)
		line, _ := r.open(4)
		time.Sleep(2100 * ms)
		line.do(hal.Op{Kind: hal.Clear})
		phone.do(hal.Op{Kind: hal.Ring})
		phone.see(hal.RingBegin)
		line.see(hal.RingBegin)
		line.do(hal.Op{Kind: hal.Answer})
		phone.see(hal.OffHook)
		time.Sleep(time.Second)
		line.Close()
		phone.see(hal.OnHook)
	})
}

// Open tells what is the matter with a line from the beginning.
func TestOpenInAlarm(t *testing.T) {
	bubble(t, dahdi.Settings{}, func(r *rig) {
		r.kernel.Channel(3).Alarm(true)
		line, _ := r.open(3)
		line.see(hal.AlarmBegin)
		r.kernel.Channel(1).Lift()
		time.Sleep(10 * ms)
		phone, _ := r.open(1)
		phone.see(hal.OffHook)
	})
}

func TestLost(t *testing.T) {
	bubble(t, dahdi.Settings{}, func(r *rig) {
		for i, n := range []int{1, 3} {
			line, far := r.open(n)
			a, err := line.Audio()
			if err != nil {
				t.Fatal(err)
			}
			ended := make(chan error)
			go func() {
				for {
					if err := a.Read(new(hal.Frame)); err != nil {
						ended <- err
						return
					}
				}
			}()
			time.Sleep(50 * ms)
			far.Remove()
			if e := line.see(hal.Lost); e.Err == nil {
				t.Error("lost for no reason")
			}
			if _, more := <-line.Events(); more {
				t.Error("an event after Lost")
			}
			if err := <-ended; err != io.EOF {
				t.Errorf("read: %v", err)
			}
			if err := a.Write(new(hal.Frame)); err != hal.ErrClosed {
				t.Errorf("write: %v", err)
			}
			if err := line.Do(context.Background(), hal.Op{Kind: hal.Clear}); !errors.Is(err, hal.ErrClosed) {
				t.Errorf("clear: %v", err)
			}
			if _, err := line.Audio(); !errors.Is(err, hal.ErrClosed) {
				t.Errorf("audio: %v", err)
			}
			if _, err := r.driver.Open(context.Background(), line.Info().Name); !errors.Is(err, hal.ErrAbsent) {
				t.Errorf("opened while it was away: %v", err)
			}
			if err := errors.Join(a.Close(), line.Close(), line.Close()); err != nil {
				t.Error(err)
			}
			if n := r.kernel.Opened(); n != 0 {
				t.Errorf("round %d: %d descriptors are open", i, n)
			}
			far.Restore()
			again, _ := r.open(n)
			again.Close()
		}
	})
}

func TestOpenErrors(t *testing.T) {
	bubble(t, dahdi.Settings{}, func(r *rig) {
		r.kernel.Card(dahdikernel.Card{Ports: []abi.Signalling{abi.FXSKS}, Raw: true})
		r.kernel.Card(dahdikernel.Card{Ports: []abi.Signalling{abi.Clear}})
		r.open(1)
		for name, want := range map[string]error{"1": hal.ErrBusy, "0": hal.ErrAbsent, "7": hal.ErrAbsent, "g1": hal.ErrAbsent, "5": hal.ErrAbsent, "6": nil} {
			_, err := r.driver.Open(context.Background(), name)
			if err == nil || want != nil && !errors.Is(err, want) {
				t.Errorf("opening %q: %v, want %v", name, err, want)
			}
		}
		r.kernel.Unload()
		if _, err := r.driver.Open(context.Background(), "2"); !errors.Is(err, hal.ErrAbsent) {
			t.Errorf("without DAHDI: %v", err)
		}
		if _, err := (cards.Cards{Kernel: r.kernel}).Spans(); !errors.Is(err, hal.ErrAbsent) {
			t.Errorf("spans without DAHDI: %v", err)
		}
	})
}

func TestSettings(t *testing.T) {
	bubble(t, dahdi.Settings{EchoTaps: 256, RxGain: -3.5, TxGain: 1.25}, func(r *rig) {
		phone, near := r.open(1)
		if phone.Info().Caps.Has(hal.CancelsEcho) || !phone.Info().Caps.Has(hal.Reverses|hal.SetsCadence) || near.Gains != [2]int{-35, 13} {
			t.Errorf("%b, gains %v", phone.Info().Caps, near.Gains)
		}
		phone.do(hal.Op{Kind: hal.SetMessages, Count: 4})
		if near.Lamp != 4 {
			t.Errorf("%d messages", near.Lamp)
		}
		line, _ := r.open(3)
		for p, kind := range map[*port]hal.OpKind{line: hal.SetMessages, phone: hal.Answer} {
			if _, is := p.Do(context.Background(), hal.Op{Kind: kind}).(*hal.Unsupported); !is {
				t.Errorf("%s: %v was taken", p.name, kind)
			}
		}
		line.Close()
		err := (cards.Cards{Kernel: r.kernel}).Control(func(dev kernel.Device) error {
			e := abi.EchoCanceller{Channel: 3}
			copy(e.Name[:], "mg2")
			return kernel.Put(dev, abi.AttachEchoCan, e)
		})
		if err != nil {
			t.Fatal(err)
		}
		line, far := r.open(3)
		if !line.Info().Caps.Has(hal.CancelsEcho) || far.Taps != 0 {
			t.Errorf("%b, %d taps on hook", line.Info().Caps, far.Taps)
		}
		line.do(hal.Op{Kind: hal.Answer})
		if far.Taps != 256 {
			t.Errorf("%d taps in a call", far.Taps)
		}
		line.do(hal.Op{Kind: hal.Clear})
		if far.Taps != 0 {
			t.Errorf("%d taps after it", far.Taps)
		}
	})
}
