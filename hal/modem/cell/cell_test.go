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
	"branchline/hal/haltest/modemtest"
	"branchline/hal/modem/at"
	"branchline/hal/modem/cell"
)

// A desk is a line and the module it is made of.
type desk struct {
	*testing.T
	module *modemtest.Cell
	line   *cell.Line
	told   []hal.Event
}

// call runs f with an open module of each kind in virtual time.
func call(t *testing.T, mo modemtest.CellOptions, o cell.Options, f func(d *desk)) {
	for _, model := range []modemtest.CellModel{modemtest.EC25, modemtest.SIM7600} {
		t.Run(model.String(), func(t *testing.T) {
			mo := mo
			mo.Model = model
			one(t, mo, o, f)
		})
	}
}

func one(t *testing.T, mo modemtest.CellOptions, o cell.Options, f func(d *desk)) {
	synctest.Test(t, func(t *testing.T) {
		if mo.Speed == 0 {
			mo.Speed = 1
		}
		d := &desk{T: t, module: modemtest.NewCell(mo)}
		data, far := modemtest.Wire()
		sound, farSound := modemtest.Wire()
		d.module.Plug(far, farSound)
		o := o
		o.Name, o.Log = "gsm", slog.New(slog.DiscardHandler)
		var err error
		if d.line, err = cell.Open(t.Context(), data, sound, o); err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := d.line.Close(); err != nil {
				t.Error(err)
			}
			d.module.Unplug()
		}()
		f(d)
	})
}

func (d *desk) do(op hal.Op) {
	d.Helper()
	if err := d.line.Do(d.Context(), op); err != nil {
		d.Fatal(err)
	}
}

// want waits for an event of a kind; others before it are dropped.
func (d *desk) want(k hal.EventKind) hal.Event {
	d.Helper()
	after := time.After(2 * time.Minute)
	for {
		select {
		case e, ok := <-d.line.Events():
			if !ok {
				d.Fatalf("the line is closed, no %v", k)
			}
			d.told = append(d.told, e)
			if e.Kind == k {
				return e
			}
		case <-after:
			d.Fatalf("no %v, only %v", k, d.told)
		}
	}
}

// quiet fails if anything is told in some seconds.
func (d *desk) quiet() {
	d.Helper()
	select {
	case e := <-d.line.Events():
		d.Fatalf("unexpected %v (%v)", e.Kind, e.Err)
	case <-time.After(5 * time.Second):
	}
}

// talk moves frames both ways for a time.
func (d *desk) talk(a hal.Audio, frames int) modemtest.Verdict {
	d.Helper()
	var (
		judge modemtest.Judge
		count modemtest.Count
		f     hal.Frame
	)
	for range frames {
		if err := a.Read(&f); err != nil {
			d.Fatal(err)
		}
		judge.Hear(f[:])
		count.Fill(f[:])
		if err := a.Write(&f); err != nil {
			d.Fatal(err)
		}
	}
	return judge.Verdict()
}

func TestIncoming(t *testing.T) {
	call(t, modemtest.CellOptions{}, cell.Options{}, func(d *desk) {
		d.module.Ring("+886912345678")
		known := time.Now()
		d.want(hal.RingBegin)
		if e := d.want(hal.CallerID); e.Caller != (hal.Caller{Number: "+886912345678"}) {
			d.Errorf("%+v", e.Caller)
		}
		if took := time.Since(known); took > 10*time.Millisecond {
			d.Errorf("told after %v", took)
		}
		d.want(hal.RingEnd)
		d.module.Ring("+886912345678")
		d.want(hal.RingBegin)
		d.do(hal.Op{Kind: hal.Answer})
		a, err := d.line.Audio()
		if err != nil {
			d.Fatal(err)
		}
		d.talk(a, 10)
		d.module.Digit('7')
		if e := d.want(hal.Digit); e.Digit != '7' {
			d.Errorf("%q", e.Digit)
		}
		d.do(hal.Op{Kind: hal.SendDigit, Digits: "12#"})
		if got := d.module.Keyed(); got != "12#" {
			d.Errorf("keyed %q", got)
		}
		d.module.FarHangsUp("Normal call clearing")
		if e := d.want(hal.Cleared); e.Cause != 16 {
			d.Errorf("cause %d", e.Cause)
		}
		if err := a.Read(new(hal.Frame)); err != io.EOF {
			for err == nil {
				err = a.Read(new(hal.Frame))
			}
			if err != io.EOF {
				d.Error(err)
			}
		}
		d.do(hal.Op{Kind: hal.Clear})
		d.quiet()
	})
}

func TestWithheld(t *testing.T) {
	call(t, modemtest.CellOptions{}, cell.Options{}, func(d *desk) {
		d.module.Ring("")
		if e := d.want(hal.CallerID); e.Caller != (hal.Caller{Withheld: true}) {
			d.Errorf("%+v", e.Caller)
		}
		d.do(hal.Op{Kind: hal.Clear, Cause: 17})
		if d.module.InCall() {
			d.Error("not refused")
		}
	})
}

func TestRefusedWithCause(t *testing.T) {
	one(t, modemtest.CellOptions{Model: modemtest.EC25}, cell.Options{}, func(d *desk) {
		d.module.Ring("1")
		d.want(hal.CallerID)
		d.do(hal.Op{Kind: hal.Clear, Cause: 21})
		if got := d.module.Cause(); got != 21 {
			d.Errorf("cause %d", got)
		}
	})
}

func TestCallerGivesUp(t *testing.T) {
	call(t, modemtest.CellOptions{}, cell.Options{}, func(d *desk) {
		d.module.Ring("0912345678")
		d.want(hal.CallerID)
		d.module.FarHangsUp("")
		d.want(hal.Cleared)
		d.quiet()
		if err := d.line.Do(d.Context(), hal.Op{Kind: hal.Answer}); err == nil {
			d.Error("answered nobody")
		}
	})
}

func TestOutgoing(t *testing.T) {
	var number string
	call(t, modemtest.CellOptions{Dialled: func(n string) string { number = n; return "" }}, cell.Options{}, func(d *desk) {
		d.do(hal.Op{Kind: hal.Seize})
		d.do(hal.Op{Kind: hal.Dial, Digits: "+886912345678"})
		d.want(hal.DialDone)
		if number != "+886912345678" {
			d.Errorf("dialled %q", number)
		}
		if err := d.line.Do(d.Context(), hal.Op{Kind: hal.Dial, Digits: "1"}); !errors.Is(err, hal.ErrBusy) {
			d.Error(err)
		}
		d.module.FarRings()
		if e := d.want(hal.Progress); e.Tone != hal.Ringback {
			d.Errorf("%v", e.Tone)
		}
		a, err := d.line.Audio()
		if err != nil {
			d.Fatal(err)
		}
		d.module.FarAnswers()
		d.want(hal.Answered)
		d.talk(a, 100)
		d.do(hal.Op{Kind: hal.Clear})
		if d.module.InCall() {
			d.Error("still in the call")
		}
		d.quiet()
	})
}

func TestDialFails(t *testing.T) {
	for _, c := range []struct {
		result string
		cause  int
	}{{"BUSY", 17}, {"NO ANSWER", 19}, {"NO CARRIER", 16}, {"+CME ERROR: 30", 38}} {
		t.Run(c.result, func(t *testing.T) {
			call(t, modemtest.CellOptions{Dialled: func(string) string { return c.result }}, cell.Options{}, func(d *desk) {
				d.do(hal.Op{Kind: hal.Dial, Digits: "1"})
				if e := d.want(hal.Cleared); e.Cause != c.cause || e.Err == nil {
					d.Errorf("cause %d, %v", e.Cause, e.Err)
				}
				d.do(hal.Op{Kind: hal.Clear})
				d.do(hal.Op{Kind: hal.Seize})
			})
		})
	}
}

func TestCauses(t *testing.T) {
	for report, want := range map[string]int{"5,17": 17, "User busy": 17, "No route to destination": 3, "Unassigned (unallocated) number": 1,
		"Client ended call": 16, "what is this": 16, "": 16, "CC setup error: 34 No circuit/channel available": 34} {
		one(t, modemtest.CellOptions{}, cell.Options{}, func(d *desk) {
			d.do(hal.Op{Kind: hal.Dial, Digits: "1"})
			d.module.FarRings()
			d.module.FarHangsUp(report)
			if e := d.want(hal.Cleared); e.Cause != want {
				t.Errorf("%q: cause %d", report, e.Cause)
			}
		})
	}
}

func TestTenMinutes(t *testing.T) {
	var (
		far   modemtest.Count
		judge modemtest.Judge
	)
	one(t, modemtest.CellOptions{Source: far.Fill, Sink: judge.Hear}, cell.Options{}, func(d *desk) {
		d.module.Ring("1")
		d.want(hal.CallerID)
		d.do(hal.Op{Kind: hal.Answer})
		a, err := d.line.Audio()
		if err != nil {
			t.Fatal(err)
		}
		const frames = 10 * 60 * 50
		heard := d.talk(a, frames)
		said := judge.Verdict()
		if heard.Right != frames*hal.FrameSize || heard.Wrong != 0 || heard.Silence != 0 {
			t.Errorf("from the module: %+v", heard)
		}
		if said.Right < (frames-3)*hal.FrameSize || said.Wrong != 0 || said.Silence != 0 {
			t.Errorf("to the module: %+v", said)
		}
	})
}

func TestNetworkComesAndGoes(t *testing.T) {
	call(t, modemtest.CellOptions{}, cell.Options{}, func(d *desk) {
		for _, c := range []struct {
			state int
			want  string
		}{{2, "searching"}, {3, "denied"}, {0, "not registered"}} {
			d.module.Register(c.state)
			// 3GPP has two registrations; the other is asked for.
			e := d.want(hal.AlarmBegin)
			for !strings.Contains(e.Err.Error(), c.want) {
				e = d.want(hal.AlarmBegin)
			}
			if err := d.line.Do(d.Context(), hal.Op{Kind: hal.SendText, Message: hal.Message{To: "1", Body: "x"}}); err == nil {
				d.Error("sent without network")
			}
		}
		d.module.Register(5)
		d.want(hal.AlarmEnd)
		d.module.SIM(false)
		if e := d.want(hal.AlarmBegin); e.Err.Error() != "no SIM" {
			d.Error(e.Err)
		}
		d.module.SIM(true)
		d.want(hal.AlarmEnd)
	})
}

func TestPIN(t *testing.T) {
	refused := 0
	for _, c := range []struct{ pin, alarm string }{{"1234", ""}, {"", "the SIM wants its PIN"}, {"9999", "the SIM refuses the PIN; it is not tried again"}} {
		one(t, modemtest.CellOptions{PIN: "1234"}, cell.Options{PIN: c.pin, Refused: func() { refused++ }}, func(d *desk) {
			if c.alarm == "" {
				d.quiet()
				return
			}
			if e := d.want(hal.AlarmBegin); e.Err.Error() != c.alarm {
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
	call(t, modemtest.CellOptions{Speed: -1}, cell.Options{}, func(d *desk) {
		d.module.Message(hello)
		if e := d.want(hal.Text); e.Message.From != "27838890001" || e.Message.Body != "hellohello" {
			d.Errorf("%+v", e.Message)
		}
		d.module.Message(part2)
		d.quiet()
		if n := d.module.Stored(); n != 1 {
			d.Errorf("%d messages stored", n)
		}
		d.module.Message(part1)
		if e := d.want(hal.Text); e.Message.From != "+1234" || e.Message.Body != "你好世界" {
			d.Errorf("%+v", e.Message)
		}
		d.module.Message("zz")
		time.Sleep(time.Second)
		d.module.Message(part2)
		time.Sleep(25 * time.Hour)
		if e := d.want(hal.Text); e.Message.Body != "[...]世界" {
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
		if e := d.want(hal.Text); e.Message.From != "+886912345678" || e.Message.Body != long {
			d.Errorf("%+v", e.Message)
		}
		d.module.URC("+CMT: ,24\r\n" + hello)
		if e := d.want(hal.Text); e.Message.Body != "hellohello" {
			d.Errorf("%+v", e.Message)
		}
	})
}

func TestSendText(t *testing.T) {
	var out []string
	call(t, modemtest.CellOptions{Sent: func(digits string) { out = append(out, digits) }}, cell.Options{}, func(d *desk) {
		out = nil
		d.do(hal.Op{Kind: hal.SendText, Message: hal.Message{To: "+886912345678", Body: strings.Repeat("好", 100), Ref: "m1"}})
		if len(out) != 2 || !strings.HasPrefix(out[0], "0071") {
			d.Fatalf("sent %q", out)
		}
		to := "0C91889621436587"
		for ref := 1; ref <= 2; ref++ {
			d.module.Report(fmt.Sprintf("0006%02X", ref) + to + "62112220625023" + "62112220725023" + "00")
		}
		if e := d.want(hal.TextSent); e.Message.Ref != "m1" || e.Err != nil || e.Message.To != "+886912345678" {
			d.Errorf("%+v %v", e.Message, e.Err)
		}
		d.do(hal.Op{Kind: hal.SendText, Message: hal.Message{To: "0912345678", Body: "hi", Ref: "m2"}})
		d.module.Report("000603" + to + "62112220625023" + "62112220725023" + "46")
		if e := d.want(hal.TextSent); e.Message.Ref != "m2" || e.Err == nil {
			d.Errorf("%+v %v", e.Message, e.Err)
		}
	})
}

func TestMisbehaving(t *testing.T) {
	t.Run("late", func(t *testing.T) {
		call(t, modemtest.CellOptions{}, cell.Options{}, func(d *desk) {
			d.module.Late(6*time.Second, 1)
			d.module.Ring("1")
			d.want(hal.CallerID)
			_ = d.line.Do(d.Context(), hal.Op{Kind: hal.Answer})
			d.do(hal.Op{Kind: hal.Clear})
			d.module.Ring("2")
			if e := d.want(hal.CallerID); e.Caller.Number != "2" {
				d.Errorf("%+v", e.Caller)
			}
			d.do(hal.Op{Kind: hal.Answer})
		})
	})
	t.Run("garbage", func(t *testing.T) {
		call(t, modemtest.CellOptions{}, cell.Options{}, func(d *desk) {
			d.module.Garbage([]byte("\xff\x00~}\xfe\r\n$GPGGA,1,2\r\n"))
			d.module.Ring("1")
			d.want(hal.CallerID)
			d.do(hal.Op{Kind: hal.Answer})
			d.do(hal.Op{Kind: hal.Clear})
		})
	})
	t.Run("no sound", func(t *testing.T) {
		call(t, modemtest.CellOptions{}, cell.Options{}, func(d *desk) {
			d.module.Ring("1")
			d.want(hal.CallerID)
			d.do(hal.Op{Kind: hal.Answer})
			d.module.Stick(true)
			if e := d.want(hal.Cleared); e.Cause != 41 || e.Err == nil {
				d.Errorf("cause %d, %v", e.Cause, e.Err)
			}
			d.do(hal.Op{Kind: hal.Clear})
		})
	})
	t.Run("deaf", func(t *testing.T) {
		call(t, modemtest.CellOptions{}, cell.Options{}, func(d *desk) {
			d.module.Deafen()
			if e := d.want(hal.Lost); !errors.Is(e.Err, at.ErrSilent) {
				d.Error(e.Err)
			}
		})
	})
	t.Run("restarts", func(t *testing.T) {
		call(t, modemtest.CellOptions{}, cell.Options{}, func(d *desk) {
			d.module.URC("RDY")
			if e := d.want(hal.Lost); e.Err == nil || !strings.Contains(e.Err.Error(), "restarted") {
				d.Error(e.Err)
			}
		})
	})
	t.Run("unplugged", func(t *testing.T) {
		call(t, modemtest.CellOptions{}, cell.Options{}, func(d *desk) {
			d.module.Ring("1")
			d.want(hal.CallerID)
			d.do(hal.Op{Kind: hal.Answer})
			a, err := d.line.Audio()
			if err != nil {
				d.Fatal(err)
			}
			d.talk(a, 50)
			d.module.Unplug()
			for err == nil {
				err = a.Read(new(hal.Frame))
			}
			if err != io.EOF {
				d.Error(err)
			}
			if e := d.want(hal.Lost); !errors.Is(e.Err, io.EOF) {
				d.Error(e.Err)
			}
			if err := d.line.Do(d.Context(), hal.Op{Kind: hal.Answer}); !errors.Is(err, hal.ErrClosed) {
				d.Error(err)
			}
		})
	})
	t.Run("lost messages", func(t *testing.T) {
		call(t, modemtest.CellOptions{}, cell.Options{}, func(d *desk) {
			// A ring without a call, whose end nobody tells.
			d.module.URC("RING")
			d.want(hal.RingBegin)
			d.want(hal.Cleared)
		})
	})
}

// A second caller is told that we are busy, and the call goes on.
func TestSecondCaller(t *testing.T) {
	one(t, modemtest.CellOptions{}, cell.Options{}, func(d *desk) {
		d.module.Ring("1")
		d.want(hal.CallerID)
		d.do(hal.Op{Kind: hal.Answer})
		a, err := d.line.Audio()
		if err != nil {
			t.Fatal(err)
		}
		d.want(hal.RingEnd)
		d.module.URC(`+QIND: "ccinfo",2,1,5,0,0,"0987654321",129`)
		d.module.URC(`+QIND: "ccinfo",2,1,-1,0,0,"0987654321",129`)
		d.module.URC("NO CARRIER")
		d.quiet()
		d.talk(a, 10)
		if !d.module.InCall() {
			t.Error("the call is over")
		}
	})
}

func TestFacts(t *testing.T) {
	call(t, modemtest.CellOptions{}, cell.Options{}, func(d *desk) {
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
	one(t, modemtest.CellOptions{}, cell.Options{}, func(d *desk) {
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
