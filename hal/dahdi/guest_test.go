//go:build dahdi

// These tests need a machine with the kernel modules of DAHDI and nothing plugged in:
// the guest of build/dahdiguest. Run them by `make dahdi`.
package dahdi_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"testing"
	"time"

	"branchline/hal"
	"branchline/hal/dahdi"
	"branchline/hal/dahdi/abi"
	"branchline/hal/dahdi/cards"
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

func TestCall(t *testing.T)       { call(t, open(t, driver(), 2), open(t, driver(), 6)) }
func TestOutgoing(t *testing.T)   { outgoing(t, open(t, driver(), 2), open(t, driver(), 6), listen) }
func TestUnanswered(t *testing.T) { unanswered(t, open(t, driver(), 3), open(t, driver(), 7)) }
func TestFlashed(t *testing.T)    { flashed(t, open(t, driver(), 2), open(t, driver(), 6)) }
func TestPauses(t *testing.T)     { pauses(t, open(t, driver(), 2), open(t, driver(), 6)) }
func TestLoopStart(t *testing.T)  { again(t, open(t, driver(), 4), open(t, driver(), 8)) }

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

func TestWhatThereIs(t *testing.T) {
	var d cards.Cards
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
	line := open(t, driver(), 5)
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
	if _, err := driver().Open(context.Background(), "5"); !errors.Is(err, hal.ErrBusy) {
		t.Errorf("opening it twice: %v", err)
	}
	if _, err := driver().Open(context.Background(), "9"); !errors.Is(err, hal.ErrAbsent) {
		t.Errorf("opening channel 9: %v", err)
	}
	if err := line.Do(context.Background(), hal.Op{Kind: hal.Ring}); err == nil {
		t.Error("a line to an exchange rang")
	}
	phone := open(t, driver(), 1)
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
	line := open(t, driver(), 6)
	line.do(hal.Op{Kind: hal.Seize})
	time.Sleep(100 * time.Millisecond)
	phone := open(t, driver(), 2)
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
