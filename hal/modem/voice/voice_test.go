package voice_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"branchline/hal"
	"branchline/hal/haltest/desk"
	"branchline/hal/haltest/modemtest"
	"branchline/hal/haltest/sequence"
	"branchline/hal/haltest/wire"
	"branchline/hal/modem/at"
	"branchline/hal/modem/voice"
)

// A rig is a line and the modem it is made of.
type rig struct {
	desk.Desk
	modem *modemtest.Voice
	line  *voice.Line
}

// plug plugs a modem in.
func plug(t *testing.T, m *modemtest.Voice) (r *rig, ours io.ReadWriteCloser) {
	ours, theirs := wire.InMemory()
	m.Connect([]io.ReadWriteCloser{theirs})
	return &rig{Desk: desk.Desk{T: t}, modem: m}, ours
}

func (r *rig) open(wire io.ReadWriteCloser, o voice.Options) (err error) {
	o.Name, o.Log = "office", slog.New(slog.DiscardHandler)
	r.line, err = voice.Open(r.Context(), wire, o)
	r.Line = r.line
	return err
}

// call runs f with an open CX93010 in virtual time.
func call(t *testing.T, mo modemtest.Options, o voice.Options, f func(*rig)) {
	synctest.Test(t, func(t *testing.T) {
		mo.Speed = 1
		r, ours := plug(t, modemtest.NewVoice(modemtest.CX93010, mo))
		if err := r.open(ours, o); err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := r.line.Close(); err != nil {
				t.Error(err)
			}
			r.modem.Unplug()
		}()
		f(r)
	})
}

func TestIncoming(t *testing.T) {
	for _, c := range []struct {
		name, number, who string
		want              hal.Caller
	}{
		{"number", "0912345678", "", hal.Caller{Number: "0912345678"}},
		{"number and name", "0912345678", "WANG", hal.Caller{Number: "0912345678", Name: "WANG"}},
		{"withheld", "P", "", hal.Caller{Withheld: true}},
		{"unknown", "O", "O", hal.Caller{Unavailable: true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			call(t, modemtest.Options{}, voice.Options{}, func(d *rig) {
				d.modem.Ring()
				d.Await(hal.RingBegin)
				d.Await(hal.RingEnd)
				known := time.Now()
				d.modem.CallerID(c.number, c.who)
				e := d.Await(hal.CallerID)
				if took := time.Since(known); took > 150*time.Millisecond {
					t.Errorf("told %v after it was known", took)
				}
				if e.Caller.Time.IsZero() || time.Since(e.Caller.Time).Abs() > time.Minute {
					t.Errorf("time %v", e.Caller.Time)
				}
				e.Caller.Time = time.Time{}
				if e.Caller != c.want {
					t.Errorf("caller %+v", e.Caller)
				}
				d.modem.Ring()
				d.Await(hal.RingBegin)
				d.Do(hal.Op{Kind: hal.Answer})
				if !d.modem.Streaming() {
					t.Error("answered, but no speech flows")
				}
				d.Do(hal.Op{Kind: hal.Clear})
				if d.modem.OffHook() || d.modem.Streaming() {
					t.Error("cleared, but still there")
				}
			})
		})
	}
}

func TestTenMinutes(t *testing.T) {
	var (
		far   sequence.Count
		judge sequence.Judge
	)
	call(t, modemtest.Options{Source: far.Fill, Sink: judge.Hear}, voice.Options{}, func(d *rig) {
		d.Do(hal.Op{Kind: hal.Answer})
		a := d.TenMinutes(&judge, nil)
		if lost := d.modem.Lost(); lost != 0 {
			t.Errorf("the port lost %d samples", lost)
		}
		d.Do(hal.Op{Kind: hal.Clear})
		if err := a.Read(new(hal.Frame)); err != io.EOF {
			t.Errorf("read after clear: %v", err)
		}
	})
}

func TestOutgoing(t *testing.T) {
	var number string
	call(t, modemtest.Options{Dialled: func(n string) string { number = n; return "" }}, voice.Options{}, func(d *rig) {
		d.Do(hal.Op{Kind: hal.Seize})
		d.modem.Code('d')
		if e := d.Await(hal.Progress); e.Tone != hal.DialTone {
			t.Errorf("heard %v", e.Tone)
		}
		a := d.Audio()
		d.Do(hal.Op{Kind: hal.Dial, Digits: "w0223456789"})
		d.Await(hal.DialDone)
		if number != ",0223456789" {
			t.Errorf("dialled %q", number)
		}
		d.Talk(a, 10, nil) // the same audio goes on
		for _, c := range []struct {
			code byte
			tone hal.Tone
		}{{'r', hal.Ringback}, {'b', hal.Busy}, {'a', hal.FaxAnswer}} {
			d.modem.Code(c.code)
			d.modem.Code(c.code)
			if e := d.Await(hal.Progress); e.Tone != c.tone {
				t.Errorf("heard %v", e.Tone)
			}
		}
		d.Quiet(time.Second)
		d.modem.Code('L')
		if e := d.Await(hal.Polarity); !e.Reversed {
			t.Error("not reversed")
		}
		d.Do(hal.Op{Kind: hal.Flash})
		d.Talk(a, 10, nil)
		d.modem.Code('l')
		if e := d.Await(hal.Cleared); e.Cause != 16 {
			t.Errorf("cause %d", e.Cause)
		}
		d.Do(hal.Op{Kind: hal.Clear})
	})
}

func TestDialFails(t *testing.T) {
	for _, c := range []struct {
		result string
		cause  int
	}{{"BUSY", 17}, {"NO ANSWER", 19}, {"NO DIALTONE", 27}, {"NO CARRIER", 16}} {
		call(t, modemtest.Options{Dialled: func(string) string { return c.result }}, voice.Options{}, func(d *rig) {
			d.Do(hal.Op{Kind: hal.Seize})
			d.Do(hal.Op{Kind: hal.Dial, Digits: "1"})
			e := d.Await(hal.Cleared)
			if e.Cause != c.cause || e.Err == nil || e.Err.Error() != strings.ToLower(c.result) {
				t.Errorf("%s: cause %d, %v", c.result, e.Cause, e.Err)
			}
			d.Do(hal.Op{Kind: hal.Clear})
			d.Do(hal.Op{Kind: hal.Seize})
			d.Do(hal.Op{Kind: hal.Clear})
		})
	}
}

func TestClearStopsDialling(t *testing.T) {
	call(t, modemtest.Options{Dialled: func(string) string { time.Sleep(7 * time.Second); return "NO CARRIER" }}, voice.Options{}, func(d *rig) {
		d.Do(hal.Op{Kind: hal.Seize})
		d.Do(hal.Op{Kind: hal.Dial, Digits: "1"})
		time.Sleep(time.Second)
		d.Do(hal.Op{Kind: hal.Clear})
		if d.modem.OffHook() {
			t.Error("still off hook")
		}
		d.Quiet(time.Second)
		d.Do(hal.Op{Kind: hal.Seize})
	})
}

func TestRefused(t *testing.T) {
	for _, c := range []struct {
		model modemtest.VoiceModel
		prove bool
		want  string
	}{
		{modemtest.HalfDuplex, false, "cannot carry a call"},
		{modemtest.DataOnly, false, "lists classes 0,1,1.0,2, not 8"},
		{modemtest.CX93010, true, ""},
		{modemtest.USR5637, false, ""},
	} {
		synctest.Test(t, func(t *testing.T) {
			d, ours := plug(t, modemtest.NewVoice(c.model, modemtest.Options{}))
			err := d.open(ours, voice.Options{Prove: c.prove})
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v: %v", c.model, err)
			}
			if errors.Is(err, voice.ErrHalfDuplex) != (c.model == modemtest.HalfDuplex) {
				t.Errorf("%v: %v", c.model, err)
			}
			if d.modem.OffHook() {
				t.Error("left off hook")
			}
			if err == nil {
				if got := d.line.Info(); got.Kind != hal.FXO || !got.Caps.Has(hal.Dials) || got.Model == "" {
					t.Errorf("%+v", got)
				}
				d.line.Close()
			}
			d.modem.Unplug()
		})
	}
}

func TestMisbehaving(t *testing.T) {
	t.Run("late", func(t *testing.T) {
		call(t, modemtest.Options{}, voice.Options{}, func(d *rig) {
			d.modem.Late(6*time.Second, 1)
			if err := d.line.Do(d.Context(), hal.Op{Kind: hal.Answer}); err == nil {
				t.Error("answered within seconds by a modem that takes 6")
			}
			d.Do(hal.Op{Kind: hal.Clear})
			d.Do(hal.Op{Kind: hal.Answer})
			d.Do(hal.Op{Kind: hal.Clear})
		})
	})
	t.Run("a little late", func(t *testing.T) {
		call(t, modemtest.Options{}, voice.Options{}, func(d *rig) {
			d.modem.Late(900*time.Millisecond, 100)
			d.Do(hal.Op{Kind: hal.Answer})
			d.Do(hal.Op{Kind: hal.Clear})
		})
	})
	t.Run("garbage", func(t *testing.T) {
		call(t, modemtest.Options{}, voice.Options{}, func(d *rig) {
			d.modem.Garbage([]byte("\xff\x00~}\xfe\r\nxyzzy\r\n"))
			d.Do(hal.Op{Kind: hal.Answer})
			d.Do(hal.Op{Kind: hal.Clear})
		})
	})
	t.Run("stuck stream", func(t *testing.T) {
		call(t, modemtest.Options{}, voice.Options{}, func(d *rig) {
			d.Do(hal.Op{Kind: hal.Answer})
			a := d.Audio()
			d.Talk(a, 50, nil)
			d.modem.Stick()
			if e := d.Await(hal.Cleared); e.Err == nil {
				t.Error("no reason")
			}
			if err := a.Read(new(hal.Frame)); err != io.EOF {
				t.Error(err)
			}
			if err := d.line.Do(d.Context(), hal.Op{Kind: hal.Clear}); err == nil {
				t.Error("a dead modem has hung up")
			}
			if e := d.Await(hal.Lost); !errors.Is(e.Err, at.ErrSilent) {
				t.Errorf("lost: %v", e.Err)
			}
			if err := d.line.Do(d.Context(), hal.Op{Kind: hal.Answer}); !errors.Is(err, hal.ErrClosed) {
				t.Error(err)
			}
		})
	})
	t.Run("unplugged", func(t *testing.T) {
		call(t, modemtest.Options{}, voice.Options{}, func(d *rig) {
			d.Do(hal.Op{Kind: hal.Answer})
			a := d.Audio()
			d.Talk(a, 50, nil)
			d.modem.Unplug()
			if err := desk.Drain(a); err != io.EOF {
				t.Error(err)
			}
			if e := d.Await(hal.Lost); !errors.Is(e.Err, io.EOF) {
				t.Errorf("lost: %v", e.Err)
			}
			if _, ok := <-d.line.Events(); ok {
				t.Error("something after Lost")
			}
		})
	})
}

// A line that is opened while a crash has left the modem in its stream.
func TestLeftInTheStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, ours := plug(t, modemtest.NewVoice(modemtest.CX93010, modemtest.Options{Speed: 1, Source: func(s []int16) {
			for i := range s {
				s[i] = int16(i * 977)
			}
		}}))
		for _, text := range []string{"AT+FCLASS=8", "AT+VSM=131,8000", "AT+VLS=1", "AT+VTR"} {
			_, _ = io.WriteString(ours, text+"\r")
		}
		time.Sleep(time.Second)
		if !d.modem.Streaming() {
			t.Fatal("not in the stream")
		}
		if err := d.open(ours, voice.Options{}); err != nil {
			t.Fatal(err)
		}
		if d.modem.OffHook() || d.modem.Streaming() {
			t.Error("the call goes on")
		}
		d.modem.Unplug()
		d.line.Close()
	})
}

func TestSilentOrGarbled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, _ := wire.InMemory()
		d := &rig{Desk: desk.Desk{T: t}}
		if err := d.open(ours, voice.Options{}); !errors.Is(err, at.ErrSilent) {
			t.Error(err)
		}
		ours, theirs := wire.InMemory()
		go func() {
			for {
				if _, err := theirs.Read(make([]byte, 100)); err != nil {
					return
				}
				_, _ = theirs.Write([]byte("\xfe\x00\xe0\xf8\x1e\x80"))
			}
		}()
		if err := d.open(ours, voice.Options{}); !errors.Is(err, at.ErrGarbled) {
			t.Error(err)
		}
	})
}

func TestUnsupported(t *testing.T) {
	call(t, modemtest.Options{}, voice.Options{}, func(d *rig) {
		for _, k := range []hal.OpKind{hal.Ring, hal.SendDigit, hal.SendText, hal.SetPolarity} {
			var u *hal.Unsupported
			if err := d.line.Do(d.Context(), hal.Op{Kind: k}); !errors.As(err, &u) {
				t.Errorf("%v: %v", k, err)
			}
		}
		if _, err := d.line.Audio(); !errors.Is(err, hal.ErrClosed) {
			t.Errorf("audio without a call: %v", err)
		}
		if err := d.line.Do(d.Context(), hal.Op{Kind: hal.Dial, Digits: "1;+++"}); err == nil {
			t.Error("dialled a command")
		}
		ctx, cancel := context.WithCancel(d.Context())
		cancel()
		if err := d.line.Do(ctx, hal.Op{Kind: hal.Answer}); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
}

func TestDigitsOfTheModem(t *testing.T) {
	call(t, modemtest.Options{}, voice.Options{Digits: true}, func(d *rig) {
		if !d.line.Info().Caps.Has(hal.ReportsDigits) {
			t.Error("not said")
		}
		d.Do(hal.Op{Kind: hal.Answer})
		for _, c := range []byte("/5~/#~") {
			d.modem.Code(c)
		}
		if e := d.Await(hal.Digit); e.Digit != '5' {
			t.Errorf("%q", e.Digit)
		}
		if e := d.Await(hal.Digit); e.Digit != '#' {
			t.Errorf("%q", e.Digit)
		}
	})
}

func TestFacts(t *testing.T) {
	call(t, modemtest.Options{}, voice.Options{}, func(d *rig) {
		want := []hal.Fact{{Name: "model", Value: "CX93010-EIS_V0.2013-V92"}, {Name: "firmware", Value: "V1.01"}, {Name: "samples", Value: "Mu-Law"}}
		if got := d.line.Describe(); !slices.Equal(got, want) {
			t.Error(fmt.Sprint(got))
		}
	})
}

// A slow port is a wire with something on it.
type slow struct {
	io.ReadWriteCloser
	queued int
}

func (s *slow) Queued() int { return s.queued }

func TestTheQueueStaysShort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var judge sequence.Judge
		d, ours := plug(t, modemtest.NewVoice(modemtest.CX93010, modemtest.Options{Sink: judge.Hear}))
		wire := &slow{ReadWriteCloser: ours}
		defer d.modem.Unplug()
		if err := d.open(wire, voice.Options{}); err != nil {
			t.Fatal(err)
		}
		defer d.line.Close()
		d.Do(hal.Op{Kind: hal.Answer})
		a := d.Audio()
		var (
			f     hal.Frame
			count sequence.Count
		)
		for i := range 100 {
			wire.queued = 0
			if i >= 50 && i < 55 {
				wire.queued = 500 // bytes, more than 60 ms
			}
			count.Fill(f[:])
			if err := a.Write(&f); err != nil {
				t.Fatal(err)
			}
			d.modem.Tick(hal.FrameSize)
			synctest.Wait()
		}
		if s := a.Stats(); s.Dropped != 5 {
			t.Errorf("%+v", s)
		}
		if v := judge.Verdict(); v.Right+v.Wrong != 95*hal.FrameSize || v.Wrong != 1 || v.Silence != 0 {
			t.Errorf("%+v", v)
		}
	})
}
