package cell_test

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
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
	"branchline/hal/modem/cell"
)

// A rig is a line and the module it is made of.
type rig struct {
	desk.Desk
	module *modemtest.Cell
	line   *cell.Line
}

// call runs f with an open module of each kind in virtual time.
func call(t *testing.T, mo modemtest.Options, o cell.Options, f func(*rig)) {
	for _, model := range []modemtest.CellModel{modemtest.EC25, modemtest.SIM7600} {
		t.Run(model.String(), func(t *testing.T) { one(t, model, mo, o, f) })
	}
}

func one(t *testing.T, model modemtest.CellModel, mo modemtest.Options, o cell.Options, f func(*rig)) {
	synctest.Test(t, func(t *testing.T) {
		if mo.Speed == 0 {
			mo.Speed = 1
		}
		r := &rig{Desk: desk.Desk{T: t}, module: modemtest.NewCell(model, mo)}
		data, far := wire.InMemory()
		sound, farSound := wire.InMemory()
		r.module.Connect([]io.ReadWriteCloser{far, farSound})
		o.Name, o.Log = "gsm", slog.New(slog.DiscardHandler)
		var err error
		if r.line, err = cell.Open(t.Context(), data, sound, o); err != nil {
			t.Fatal(err)
		}
		r.Line = r.line
		defer func() {
			if err := r.line.Close(); err != nil {
				t.Error(err)
			}
			r.module.Unplug()
		}()
		f(r)
	})
}

// some is long enough for whatever a module does by itself.
const some = 5 * time.Second

func TestIncoming(t *testing.T) {
	call(t, modemtest.Options{}, cell.Options{}, func(d *rig) {
		d.module.Ring("+886912345678")
		known := time.Now()
		d.Await(hal.RingBegin)
		if e := d.Await(hal.CallerID); e.Caller != (hal.Caller{Number: "+886912345678"}) {
			d.Errorf("%+v", e.Caller)
		}
		if took := time.Since(known); took > 10*time.Millisecond {
			d.Errorf("told after %v", took)
		}
		d.Await(hal.RingEnd)
		d.module.Ring("+886912345678")
		d.Await(hal.RingBegin)
		d.Do(hal.Op{Kind: hal.Answer})
		a := d.Audio()
		d.Talk(a, 10, nil)
		d.module.Digit('7')
		if e := d.Await(hal.Digit); e.Digit != '7' {
			d.Errorf("%q", e.Digit)
		}
		d.Do(hal.Op{Kind: hal.SendDigit, Digits: "12#"})
		if got := d.module.Keyed(); got != "12#" {
			d.Errorf("keyed %q", got)
		}
		d.module.FarHangsUp("Normal call clearing")
		if e := d.Await(hal.Cleared); e.Cause != 16 {
			d.Errorf("cause %d", e.Cause)
		}
		if err := desk.Drain(a); err != io.EOF {
			d.Error(err)
		}
		d.Do(hal.Op{Kind: hal.Clear})
		d.Quiet(some)
	})
}

func TestWithheld(t *testing.T) {
	call(t, modemtest.Options{}, cell.Options{}, func(d *rig) {
		d.module.Ring("")
		if e := d.Await(hal.CallerID); e.Caller != (hal.Caller{Withheld: true}) {
			d.Errorf("%+v", e.Caller)
		}
		d.Do(hal.Op{Kind: hal.Clear, Cause: 17})
		if d.module.InCall() {
			d.Error("not refused")
		}
	})
}

func TestRefusedWithCause(t *testing.T) {
	one(t, modemtest.EC25, modemtest.Options{}, cell.Options{}, func(d *rig) {
		d.module.Ring("1")
		d.Await(hal.CallerID)
		d.Do(hal.Op{Kind: hal.Clear, Cause: 21})
		if got := d.module.Cause(); got != 21 {
			d.Errorf("cause %d", got)
		}
	})
}

func TestCallerGivesUp(t *testing.T) {
	call(t, modemtest.Options{}, cell.Options{}, func(d *rig) {
		d.module.Ring("0912345678")
		d.Await(hal.CallerID)
		d.module.FarHangsUp("")
		d.Await(hal.Cleared)
		d.Quiet(some)
		if err := d.line.Do(d.Context(), hal.Op{Kind: hal.Answer}); err == nil {
			d.Error("answered nobody")
		}
	})
}

func TestOutgoing(t *testing.T) {
	var number string
	call(t, modemtest.Options{Dialled: func(n string) string { number = n; return "" }}, cell.Options{}, func(d *rig) {
		d.Do(hal.Op{Kind: hal.Seize})
		d.Do(hal.Op{Kind: hal.Dial, Digits: "+886912345678"})
		d.Await(hal.DialDone)
		if number != "+886912345678" {
			d.Errorf("dialled %q", number)
		}
		if err := d.line.Do(d.Context(), hal.Op{Kind: hal.Dial, Digits: "1"}); !errors.Is(err, hal.ErrBusy) {
			d.Error(err)
		}
		d.module.FarRings()
		if e := d.Await(hal.Progress); e.Tone != hal.Ringback {
			d.Errorf("%v", e.Tone)
		}
		a := d.Audio()
		d.module.FarAnswers()
		d.Await(hal.Answered)
		d.Talk(a, 100, nil)
		d.Do(hal.Op{Kind: hal.Clear})
		if d.module.InCall() {
			d.Error("still in the call")
		}
		d.Quiet(some)
	})
}

func TestDialFails(t *testing.T) {
	for _, c := range []struct {
		result string
		cause  int
	}{{"BUSY", 17}, {"NO ANSWER", 19}, {"NO CARRIER", 16}, {"+CME ERROR: 30", 38}} {
		t.Run(c.result, func(t *testing.T) {
			call(t, modemtest.Options{Dialled: func(string) string { return c.result }}, cell.Options{}, func(d *rig) {
				d.Do(hal.Op{Kind: hal.Dial, Digits: "1"})
				if e := d.Await(hal.Cleared); e.Cause != c.cause || e.Err == nil {
					d.Errorf("cause %d, %v", e.Cause, e.Err)
				}
				d.Do(hal.Op{Kind: hal.Clear})
				d.Do(hal.Op{Kind: hal.Seize})
			})
		})
	}
}

func TestCauses(t *testing.T) {
	for report, want := range map[string]int{"5,17": 17, "User busy": 17, "No route to destination": 3, "Unassigned (unallocated) number": 1,
		"Client ended call": 16, "what is this": 16, "": 16, "CC setup error: 34 No circuit/channel available": 34} {
		one(t, modemtest.EC25, modemtest.Options{}, cell.Options{}, func(d *rig) {
			d.Do(hal.Op{Kind: hal.Dial, Digits: "1"})
			d.module.FarRings()
			d.module.FarHangsUp(report)
			if e := d.Await(hal.Cleared); e.Cause != want {
				t.Errorf("%q: cause %d", report, e.Cause)
			}
		})
	}
}

func TestTenMinutes(t *testing.T) {
	var (
		far   sequence.Count
		judge sequence.Judge
	)
	one(t, modemtest.EC25, modemtest.Options{Source: far.Fill, Sink: judge.Hear}, cell.Options{}, func(d *rig) {
		d.module.Ring("1")
		d.Await(hal.CallerID)
		d.Do(hal.Op{Kind: hal.Answer})
		d.TenMinutes(&judge, nil)
	})
}

func TestNetworkComesAndGoes(t *testing.T) {
	call(t, modemtest.Options{}, cell.Options{}, func(d *rig) {
		for _, c := range []struct {
			state int
			want  string
		}{{2, "searching"}, {3, "denied"}, {0, "not registered"}} {
			d.module.Register(c.state)
			// 3GPP has two registrations; the other is asked for.
			e := d.Await(hal.AlarmBegin)
			for !strings.Contains(e.Err.Error(), c.want) {
				e = d.Await(hal.AlarmBegin)
			}
			if err := d.line.Do(d.Context(), hal.Op{Kind: hal.SendText, Message: hal.Message{To: "1", Body: "x"}}); err == nil {
				d.Error("sent without network")
			}
		}
		d.module.Register(5)
		d.Await(hal.AlarmEnd)
		d.module.SIM(false)
		if e := d.Await(hal.AlarmBegin); e.Err.Error() != "no SIM" {
			d.Error(e.Err)
		}
		d.module.SIM(true)
		d.Await(hal.AlarmEnd)
	})
}

func TestPIN(t *testing.T) {
	refused := 0
	for _, c := range []struct{ pin, alarm string }{{"1234", ""}, {"", "the SIM wants its PIN"}, {"9999", "the SIM refuses the PIN; it is not tried again"}} {
		one(t, modemtest.EC25, modemtest.Options{PIN: "1234"}, cell.Options{PIN: c.pin, Refused: func() { refused++ }}, func(d *rig) {
			if c.alarm == "" {
				d.Quiet(some)
				return
			}
			if e := d.Await(hal.AlarmBegin); e.Err.Error() != c.alarm {
				t.Error(e.Err)
			}
			time.Sleep(5 * time.Minute)
		})
	}
	if refused != 1 {
		t.Errorf("refused %d times", refused)
	}
}

const (
	hello = "07917283010010F5040BC87238880900F10000993092516195800AE8329BFD4697D9EC37"
	part1 = "0044049121430008621122206250230A050003CC02014F60597D"
	part2 = "0044049121430008621122206250230A050003CC02024E16754C"
)

func TestTexts(t *testing.T) {
	call(t, modemtest.Options{Speed: -1}, cell.Options{}, func(d *rig) {
		d.module.Message(hello)
		if e := d.Await(hal.Text); e.Message.From != "27838890001" || e.Message.Body != "hellohello" {
			d.Errorf("%+v", e.Message)
		}
		d.module.Message(part2)
		d.Quiet(some)
		if n := d.module.Stored(); n != 1 {
			d.Errorf("%d messages stored", n)
		}
		d.module.Message(part1)
		if e := d.Await(hal.Text); e.Message.From != "+1234" || e.Message.Body != "你好世界" {
			d.Errorf("%+v", e.Message)
		}
		d.module.Message("zz")
		time.Sleep(time.Second)
		d.module.Message(part2)
		time.Sleep(25 * time.Hour)
		if e := d.Await(hal.Text); e.Message.Body != "[...]世界" {
			d.Errorf("%+v", e.Message)
		}
		time.Sleep(time.Second)
		if n := d.module.Stored(); n != 0 {
			d.Errorf("%d messages stored", n)
		}
		long := strings.Repeat("長", 150)
		for _, part := range modemtest.Delivered("+886912345678", long) {
			d.module.Message(part)
		}
		if e := d.Await(hal.Text); e.Message.From != "+886912345678" || e.Message.Body != long {
			d.Errorf("%+v", e.Message)
		}
		d.module.URC("+CMT: ,24\r\n" + hello)
		if e := d.Await(hal.Text); e.Message.Body != "hellohello" {
			d.Errorf("%+v", e.Message)
		}
	})
}

func TestSendText(t *testing.T) {
	var out []string
	call(t, modemtest.Options{Sent: func(digits string) { out = append(out, digits) }}, cell.Options{}, func(d *rig) {
		out = nil
		d.Do(hal.Op{Kind: hal.SendText, Message: hal.Message{To: "+886912345678", Body: strings.Repeat("好", 100), Ref: "m1"}})
		if len(out) != 2 || !strings.HasPrefix(out[0], "0071") {
			d.Fatalf("sent %q", out)
		}
		to := "0C91889621436587"
		for ref := 1; ref <= 2; ref++ {
			d.module.Report(fmt.Sprintf("0006%02X", ref) + to + "62112220625023" + "62112220725023" + "00")
		}
		if e := d.Await(hal.TextSent); e.Message.Ref != "m1" || e.Err != nil || e.Message.To != "+886912345678" {
			d.Errorf("%+v %v", e.Message, e.Err)
		}
		d.Do(hal.Op{Kind: hal.SendText, Message: hal.Message{To: "0912345678", Body: "hi", Ref: "m2"}})
		d.module.Report("000603" + to + "62112220625023" + "62112220725023" + "46")
		if e := d.Await(hal.TextSent); e.Message.Ref != "m2" || e.Err == nil {
			d.Errorf("%+v %v", e.Message, e.Err)
		}
	})
}

func TestMisbehaving(t *testing.T) {
	t.Run("late", func(t *testing.T) {
		call(t, modemtest.Options{}, cell.Options{}, func(d *rig) {
			d.module.Late(6*time.Second, 1)
			d.module.Ring("1")
			d.Await(hal.CallerID)
			_ = d.line.Do(d.Context(), hal.Op{Kind: hal.Answer})
			d.Do(hal.Op{Kind: hal.Clear})
			d.module.Ring("2")
			if e := d.Await(hal.CallerID); e.Caller.Number != "2" {
				d.Errorf("%+v", e.Caller)
			}
			d.Do(hal.Op{Kind: hal.Answer})
		})
	})
	t.Run("garbage", func(t *testing.T) {
		call(t, modemtest.Options{}, cell.Options{}, func(d *rig) {
			d.module.Garbage([]byte("\xff\x00~}\xfe\r\n$GPGGA,1,2\r\n"))
			d.module.Ring("1")
			d.Await(hal.CallerID)
			d.Do(hal.Op{Kind: hal.Answer})
			d.Do(hal.Op{Kind: hal.Clear})
		})
	})
	t.Run("no sound", func(t *testing.T) {
		call(t, modemtest.Options{}, cell.Options{}, func(d *rig) {
			d.module.Ring("1")
			d.Await(hal.CallerID)
			d.Do(hal.Op{Kind: hal.Answer})
			d.module.Stick()
			if e := d.Await(hal.Cleared); e.Cause != 41 || e.Err == nil {
				d.Errorf("cause %d, %v", e.Cause, e.Err)
			}
			d.Do(hal.Op{Kind: hal.Clear})
		})
	})
	t.Run("deaf", func(t *testing.T) {
		call(t, modemtest.Options{}, cell.Options{}, func(d *rig) {
			d.module.Deafen()
			if e := d.Await(hal.Lost); !errors.Is(e.Err, at.ErrSilent) {
				d.Error(e.Err)
			}
		})
	})
	t.Run("restarts", func(t *testing.T) {
		call(t, modemtest.Options{}, cell.Options{}, func(d *rig) {
			d.module.URC("RDY")
			if e := d.Await(hal.Lost); e.Err == nil || !strings.Contains(e.Err.Error(), "restarted") {
				d.Error(e.Err)
			}
		})
	})
	t.Run("unplugged", func(t *testing.T) {
		call(t, modemtest.Options{}, cell.Options{}, func(d *rig) {
			d.module.Ring("1")
			d.Await(hal.CallerID)
			d.Do(hal.Op{Kind: hal.Answer})
			a := d.Audio()
			d.Talk(a, 50, nil)
			d.module.Unplug()
			if err := desk.Drain(a); err != io.EOF {
				d.Error(err)
			}
			if e := d.Await(hal.Lost); !errors.Is(e.Err, io.EOF) {
				d.Error(e.Err)
			}
			if err := d.line.Do(d.Context(), hal.Op{Kind: hal.Answer}); !errors.Is(err, hal.ErrClosed) {
				d.Error(err)
			}
		})
	})
	t.Run("lost messages", func(t *testing.T) {
		call(t, modemtest.Options{}, cell.Options{}, func(d *rig) {
			// A ring without a call, whose end nobody tells.
			d.module.URC("RING")
			d.Await(hal.RingBegin)
			d.Await(hal.Cleared)
		})
	})
}

// A second caller is told that we are busy, and the call goes on.
func TestSecondCaller(t *testing.T) {
	one(t, modemtest.EC25, modemtest.Options{}, cell.Options{}, func(d *rig) {
		d.module.Ring("1")
		d.Await(hal.CallerID)
		d.Do(hal.Op{Kind: hal.Answer})
		a := d.Audio()
		d.Await(hal.RingEnd)
		d.module.URC(`+QIND: "ccinfo",2,1,5,0,0,"0987654321",129`)
		d.module.URC(`+QIND: "ccinfo",2,1,-1,0,0,"0987654321",129`)
		d.module.URC("NO CARRIER")
		d.Quiet(some)
		d.Talk(a, 10, nil)
		if !d.module.InCall() {
			t.Error("the call is over")
		}
	})
}

func TestFacts(t *testing.T) {
	call(t, modemtest.Options{}, cell.Options{}, func(d *rig) {
		facts := map[string]string{}
		for _, f := range d.line.Describe() {
			facts[f.Name] = f.Value
		}
		for name, want := range map[string]string{"operator": "Chunghwa Tel", "signal": "-71 dBm", "network": "registered", "access": "LTE", "SIM": "ready", "IMEI": "861234567890123"} {
			if facts[name] != want {
				d.Errorf("%s is %q", name, facts[name])
			}
		}
		if i := d.line.Info(); i.Kind != hal.Cellular || !i.Caps.Has(hal.ReportsAnswer|hal.SendsText) {
			d.Errorf("%+v", i)
		}
	})
}

func TestUnsupported(t *testing.T) {
	one(t, modemtest.EC25, modemtest.Options{}, cell.Options{}, func(d *rig) {
		for _, k := range []hal.OpKind{hal.Ring, hal.Flash, hal.SetPolarity} {
			var u *hal.Unsupported
			if err := d.line.Do(d.Context(), hal.Op{Kind: k}); !errors.As(err, &u) {
				t.Errorf("%v: %v", k, err)
			}
		}
		for _, number := range []string{"", "1;+CFUN=0", "abc"} {
			if err := d.line.Do(d.Context(), hal.Op{Kind: hal.Dial, Digits: number}); err == nil {
				t.Errorf("dialled %q", number)
			}
		}
	})
}
