//go:build dahdi

// These tests need a machine with the kernel modules of DAHDI and nothing plugged in:
// the guest of build/dahdiguest. Run them by `make dahdi`.
package dahdi_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"branchline/hal"
	"branchline/hal/dahdi"
	"branchline/hal/dahdi/abi"
	"branchline/hal/dahdi/sysconf"
)

// Channels 1 to 4 are ports for telephones, 5 to 8 lines to an exchange, and the former
// are wired to the latter.
const systemConf = `
dynamic=loc,1:0,4,0
dynamic=loc,1:1,4,0
fxoks=1-3
fxols=4
fxsks=5-7
fxsls=8
echocanceller=mg2,1,5
loadzone = tw
loadzone = us
defaultzone=tw
`

func zones(name string) (sysconf.Zone, bool) {
	return sysconf.Zone{Ring: []time.Duration{time.Second, 2 * time.Second},
		Tones: map[int]sysconf.Tone{abi.ToneDial: {Pieces: []sysconf.Piece{{A: 350, B: 440}}}}}, name == "tw" || name == "us"
}

func TestMain(m *testing.M) {
	conf, diags := sysconf.Parse("system.conf", []byte(systemConf))
	for i := range 2 { // the second time there is nothing left to do
		diags = append(diags, conf.Apply(sysconf.Means{Zone: zones})...)
		if len(diags) > 0 {
			fmt.Println("round", i, diags)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

var driver = sync.OnceValue(func() *dahdi.Driver {
	return dahdi.New(dahdi.Config{Settings: func(n int) dahdi.Settings {
		return dahdi.Settings{EchoTaps: 128 * (n % 2)}
	}})
})

// port is an open line in a test.
type port struct {
	hal.Line
	t    *testing.T
	name string
}

func open(t *testing.T, channel int) *port {
	t.Helper()
	l, err := driver().Open(context.Background(), strconv.Itoa(channel))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return &port{l, t, l.Info().Kind.String() + " " + l.Info().Name}
}

// patience is for a guest that is emulated on a busy machine.
const patience = 15 * time.Second

// see waits for events, all of them and nothing else.
func (p *port) see(kinds ...hal.EventKind) (last hal.Event) {
	p.t.Helper()
	for _, want := range kinds {
		select {
		case e, ok := <-p.Events():
			p.t.Logf("%s: %v at %d", p.name, e.Kind, e.At)
			if !ok || e.Kind != want {
				p.t.Fatalf("%s: %v (%v), want %v", p.name, e.Kind, ok, want)
			}
			last = e
		case <-time.After(patience):
			p.t.Fatalf("%s: no %v", p.name, want)
		}
	}
	return last
}

func (p *port) do(op hal.Op) {
	p.t.Helper()
	p.t.Logf("%s: do %v", p.name, op.Kind)
	if err := p.Do(context.Background(), op); err != nil {
		p.t.Fatalf("%s: %v", p.name, err)
	}
}

// settle waits for a line to be deaf no longer: the kernel ignores ringing for two
// seconds after a channel was opened or hung up.
func settle() { time.Sleep(2200 * time.Millisecond) }

func TestRingAnswerTalkFlashClear(t *testing.T) {
	phone, line := open(t, 2), open(t, 6)
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

// carry sends frames from one port to the other, checks that each sample arrives in
// order, and returns when frames of them have.
func carry(t *testing.T, from, to *port, frames int) {
	t.Helper()
	a, err := from.Audio()
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	b, err := to.Audio()
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if _, err := to.Audio(); err != hal.ErrBusy {
		t.Errorf("a second audio: %v", err)
	}
	var sending sync.WaitGroup
	defer sending.Wait()
	defer a.Close()
	sending.Go(func() {
		var in, out hal.Frame
		for n := 0; a.Read(&in) == nil; n++ {
			for i := range out {
				out[i] = symbol(n*hal.FrameSize + i)
			}
			if a.Write(&out) != nil {
				return
			}
		}
	})
	var in, silence hal.Frame
	next, got, faults, gaps := -1, 0, 0, 0
	for got < frames*hal.FrameSize {
		if err := b.Read(&in); err != nil {
			t.Fatal(err)
		}
		if err := b.Write(&silence); err != nil {
			t.Fatal(err)
		}
		for i, v := range in {
			switch {
			case v == 0:
				if next >= 0 && (i == 0 || in[i-1] != 0) {
					gaps++
				}
			case next >= 0 && v != symbol(next):
				faults++
				fallthrough
			case next < 0:
				next = place(v)
				fallthrough
			default:
				next, got = next+1, got+1
			}
		}
	}
	t.Logf("%s to %s: %d samples, %d faults, %d gaps; sender %+v, receiver %+v", from.name, to.name, got, faults, gaps, a.Stats(), b.Stats())
	if faults > 0 || b.Stats().Overruns > 0 {
		t.Errorf("%s to %s: %d blocks were lost", from.name, to.name, faults)
	}
}

// symbols is how many different samples there are in what carry sends: a prime number,
// so that no block can be missing without being noticed.
const symbols = 101

// symbol is a sample that u-law carries unchanged, never zero.
func symbol(n int) int16 {
	code := 1 + n%symbols
	return int16((code&0xF<<3+0x84)<<(code>>4) - 0x84)
}

func place(v int16) int {
	for n := range symbols {
		if symbol(n) == v {
			return n
		}
	}
	return 0
}

func TestSeizeDialHangUp(t *testing.T) {
	phone, line := open(t, 2), open(t, 6)
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

// listen collects the digits that a port hears until its result is asked for.
func listen(t *testing.T, p *port) func() string {
	a, err := p.Audio()
	if err != nil {
		t.Fatal(err)
	}
	var heard []byte
	done := make(chan struct{})
	go func() {
		defer close(done)
		last, count := byte(0), 0
		var f hal.Frame
		for a.Read(&f) == nil {
			d := dtmf(&f)
			if d != last {
				last, count = d, 0
			}
			if count++; count == 2 && d != 0 {
				heard = append(heard, d)
			}
		}
	}()
	return func() string {
		time.Sleep(200 * time.Millisecond)
		t.Logf("%s: %+v", p.name, a.Stats())
		a.Close()
		<-done
		return string(heard)
	}
}

func TestRingWithoutAnswer(t *testing.T) {
	phone, line := open(t, 3), open(t, 7)
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

func TestLoopStart(t *testing.T) {
	phone, line := open(t, 4), open(t, 8)
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

func TestWhatThereIs(t *testing.T) {
	d := driver()
	version, cancellers, err := d.Version()
	if err != nil || version == "" {
		t.Errorf("version %q, %v", version, err)
	}
	t.Logf("DAHDI %s, echo cancellers %q", version, cancellers)
	spans, err := d.Spans()
	if err != nil || len(spans) != 2 {
		t.Fatalf("%+v, %v", spans, err)
	}
	for i, s := range spans {
		if s.Number != i+1 || s.Name != fmt.Sprintf("DYN/loc/1:%d", i) || s.Channels != 4 || s.Configured != 4 || s.Analog || s.Alarms.String() != "OK" {
			t.Errorf("span %+v", s)
		}
	}
	line := open(t, 5)
	channels, err := d.Channels()
	if err != nil || len(channels) != 8 {
		t.Fatalf("%+v, %v", channels, err)
	}
	for i, c := range channels {
		kind := hal.FXS
		if i >= 4 {
			kind = hal.FXO
		}
		if c.Number != i+1 || c.Kind != kind || !c.Telephone || c.ALaw || c.Position != i%4+1 {
			t.Errorf("channel %+v", c)
		}
	}
	if _, err := d.Open(context.Background(), "5"); !isErr(err, hal.ErrBusy) {
		t.Errorf("opening it twice: %v", err)
	}
	if _, err := d.Open(context.Background(), "9"); !isErr(err, hal.ErrAbsent) {
		t.Errorf("opening channel 9: %v", err)
	}
	if err := line.Do(context.Background(), hal.Op{Kind: hal.Ring}); err == nil {
		t.Error("a line to an exchange rang")
	}
	phone := open(t, 1)
	for _, k := range []hal.OpKind{hal.SetMessages, hal.SendText, hal.Seize} {
		err := phone.Do(context.Background(), hal.Op{Kind: k, Count: 1})
		if _, ok := err.(*hal.Unsupported); !ok {
			t.Errorf("%v: %v", k, err)
		}
	}
	t.Log(phone.Line.(hal.Describer).Describe())
}

// A telephone that is off the hook when its channel is opened is seen to be.
func TestOpenOffHook(t *testing.T) {
	line := open(t, 6)
	line.do(hal.Op{Kind: hal.Seize})
	time.Sleep(100 * time.Millisecond)
	phone := open(t, 2)
	phone.see(hal.OffHook)
	if err := phone.Do(context.Background(), hal.Op{Kind: hal.Ring}); err == nil {
		t.Error("a telephone off the hook rang")
	}
	a, err := phone.Audio()
	if err != nil {
		t.Fatal(err)
	}
	phone.Close()
	if err := a.Read(new(hal.Frame)); err != io.EOF {
		t.Errorf("reading a closed line: %v", err)
	}
}
