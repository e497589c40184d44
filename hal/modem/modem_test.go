package modem_test

import (
	"context"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"branchline/hal"
	"branchline/hal/haltest/desk"
	"branchline/hal/haltest/modemtest"
	"branchline/hal/haltest/sequence"
	"branchline/hal/haltest/wire"
	"branchline/hal/modem"
	"branchline/hal/modem/at"
	"branchline/hal/modem/voice"
)

// These tests go through pseudo terminals and the serial library.

// A lab is a driver, and a device plugged in.
type lab struct {
	desk.Desk
	driver *modem.Driver
	socket *wire.Socket
}

func voiceLab(t *testing.T, m *modemtest.Voice) *lab { return newLab(t, modem.Voice, m) }
func cellLab(t *testing.T, m *modemtest.Cell) *lab   { return newLab(t, modem.Cell, m) }

func newLab(t *testing.T, kind modem.Kind, d wire.Device) *lab {
	t.Helper()
	s, err := wire.Plug(t.TempDir(), d)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Unplug)
	l := &lab{desk.Desk{T: t}, modem.New(kind, nil), s}
	t.Cleanup(l.driver.Close)
	l.driver.Configure([]modem.Options{{Name: "a", Data: s.Data, Audio: s.Audio}})
	return l
}

func (l *lab) open() {
	l.Helper()
	line, err := l.driver.Open(l.Context(), "a")
	if err != nil {
		l.Fatal(err)
	}
	l.Cleanup(func() { line.Close() })
	l.Line = line
}

// tenMinutes are as many as the machine needs: each frame waits for the one before.
func (l *lab) tenMinutes(tick func(int), judge *sequence.Judge) {
	l.Helper()
	l.TenMinutes(judge, func(n int) {
		if n > 0 { // what came before, and what the device was given at the beginning
			judge.Await((n + 1) * hal.FrameSize)
		}
		tick(hal.FrameSize)
	})
	l.Do(hal.Op{Kind: hal.Clear})
}

func TestVoiceTenMinutes(t *testing.T) {
	t.Parallel()
	var (
		count sequence.Count
		judge sequence.Judge
	)
	m := modemtest.NewVoice(modemtest.CX93010, modemtest.Options{Source: count.Fill, Sink: judge.Hear})
	l := voiceLab(t, m)
	l.open()
	m.Ring()
	l.Await(hal.RingBegin)
	m.CallerID("0912345678", "")
	if e := l.Await(hal.CallerID); e.Caller.Number != "0912345678" {
		t.Errorf("%+v", e.Caller)
	}
	l.Do(hal.Op{Kind: hal.Answer})
	l.tenMinutes(m.Tick, &judge)
	if n := m.Lost(); n != 0 {
		t.Errorf("the port had no room for %d samples", n)
	}
}

func TestCellTenMinutes(t *testing.T) {
	t.Parallel()
	var (
		count sequence.Count
		judge sequence.Judge
	)
	m := modemtest.NewCell(modemtest.EC25, modemtest.Options{Source: count.Fill, Sink: judge.Hear})
	l := cellLab(t, m)
	l.open()
	m.Ring("+886912345678")
	if e := l.Await(hal.CallerID); e.Caller.Number != "+886912345678" {
		t.Errorf("%+v", e.Caller)
	}
	l.Do(hal.Op{Kind: hal.Answer})
	l.tenMinutes(m.Tick, &judge)
}

func TestOutgoing(t *testing.T) {
	dialled := make(chan string, 1)
	m := modemtest.NewVoice(modemtest.CX93010, modemtest.Options{Dialled: func(n string) string { dialled <- n; return "" }})
	l := voiceLab(t, m)
	l.open()
	l.Do(hal.Op{Kind: hal.Seize})
	l.Do(hal.Op{Kind: hal.Dial, Digits: "0223456789"})
	l.Await(hal.DialDone)
	if n := <-dialled; n != "0223456789" {
		t.Errorf("dialled %q", n)
	}
	if err := l.Line.Close(); err != nil {
		t.Error(err)
	}
	if m.OffHook() {
		t.Error("closed off hook")
	}
}

// unplugged pulls a device out in the middle of a call and plugs it in again.
func unplugged(l *lab, call func()) {
	ctx, cancel := context.WithCancel(l.Context())
	defer cancel()
	ups := 0
	var reasons []error
	hal.Reopen(ctx, l.driver, "a", func(ctx context.Context, line hal.Line) error {
		if ups++; ups == 2 {
			cancel()
			return nil
		}
		l.Line = line
		call()
		a := l.Audio()
		l.socket.Unplug()
		if err := desk.Drain(a); err != io.EOF {
			l.Errorf("read: %v", err)
		}
		e := l.Await(hal.Lost)
		if _, more := <-line.Events(); more || e.Err == nil {
			l.Errorf("after Lost (%v) comes more", e.Err)
		}
		return e.Err
	}, func(err error, _ time.Duration) {
		reasons = append(reasons, err)
		if errors.Is(err, hal.ErrAbsent) {
			if err := l.socket.Replug(); err != nil {
				l.Fatal(err)
			}
		}
	})
	if ups != 2 || len(reasons) != 2 || !strings.Contains(reasons[0].Error(), "unplugged") || !errors.Is(reasons[1], hal.ErrAbsent) {
		l.Errorf("up %d times, down by %v", ups, reasons)
	}
}

func TestVoiceUnplugged(t *testing.T) {
	t.Parallel()
	l := voiceLab(t, modemtest.NewVoice(modemtest.CX93010, modemtest.Options{}))
	unplugged(l, func() { l.Do(hal.Op{Kind: hal.Answer}) })
}

func TestCellUnplugged(t *testing.T) {
	t.Parallel()
	m := modemtest.NewCell(modemtest.SIM7600, modemtest.Options{})
	l := cellLab(t, m)
	unplugged(l, func() {
		m.Ring("1")
		l.Await(hal.CallerID)
		l.Do(hal.Op{Kind: hal.Answer})
	})
}

func TestWrongSpeed(t *testing.T) {
	t.Parallel() // it takes seconds to be sure
	l := voiceLab(t, modemtest.NewVoice(modemtest.CX93010, modemtest.Options{Baud: 9600}))
	l.driver.Configure([]modem.Options{{Name: "a", Data: l.socket.Data}, {Name: "fixed", Data: l.socket.Data, Baud: 57600}})
	if _, err := l.driver.Open(t.Context(), "fixed"); !errors.Is(err, at.ErrGarbled) || !strings.Contains(err.Error(), "57600 baud") {
		t.Error(err)
	}
	l.open() // finds it
}

func TestRefused(t *testing.T) {
	half := voiceLab(t, modemtest.NewVoice(modemtest.HalfDuplex, modemtest.Options{}))
	if _, err := half.driver.Open(t.Context(), "a"); !errors.Is(err, voice.ErrHalfDuplex) || !strings.Contains(err.Error(), "modem: a: CX06833") {
		t.Error(err)
	}
	l := voiceLab(t, modemtest.NewVoice(modemtest.CX93010, modemtest.Options{}))
	l.open()
	if _, err := l.driver.Open(t.Context(), "a"); !errors.Is(err, hal.ErrBusy) {
		t.Errorf("second owner: %v", err)
	}
	l.driver.Configure([]modem.Options{{Name: "b", Data: filepath.Join(t.TempDir(), "ttyACM9")}})
	for _, name := range []string{"a", "b"} {
		if _, err := l.driver.Open(t.Context(), name); !errors.Is(err, hal.ErrAbsent) {
			t.Errorf("%s: %v", name, err)
		}
	}
	c := cellLab(t, modemtest.NewCell(modemtest.EC25, modemtest.Options{}))
	c.driver.Configure([]modem.Options{{Name: "a", Data: c.socket.Data, Audio: c.socket.Data + "9"}})
	if _, err := c.driver.Open(t.Context(), "a"); !errors.Is(err, hal.ErrAbsent) {
		t.Errorf("without sound: %v", err)
	}
}

// A modem whose model promises full duplex and does not keep it is found out in the
// first call, and not opened again.
func TestFoundOut(t *testing.T) {
	m := modemtest.NewVoice(modemtest.Pretender, modemtest.Options{})
	l := voiceLab(t, m)
	l.open()
	if err := l.Line.Do(t.Context(), hal.Op{Kind: hal.Answer}); err == nil {
		t.Fatal("answered")
	}
	if e := l.Await(hal.Lost); !errors.Is(e.Err, voice.ErrHalfDuplex) {
		t.Error(e.Err)
	}
	l.Line.Close()
	if _, err := l.driver.Open(t.Context(), "a"); !errors.Is(err, voice.ErrHalfDuplex) {
		t.Error(err)
	}
}

func TestNames(t *testing.T) {
	for kind, want := range map[modem.Kind]string{modem.Voice: "modem", modem.Cell: "cell"} {
		d := modem.New(kind, nil)
		if d.Name() != want {
			t.Error(d.Name())
		}
		d.Close()
	}
}

// Devices that misbehave, as they do when the serial library is between them and us;
// what else they can do is tested in memory.
func TestMisbehaving(t *testing.T) {
	t.Parallel()
	garbage := []byte("\xff\x00~}\xfe\r\nxyzzy\r\n")
	t.Run("a late voice modem that sends garbage", func(t *testing.T) {
		t.Parallel()
		m := modemtest.NewVoice(modemtest.CX93010, modemtest.Options{Speed: 1})
		m.Garbage(garbage)
		m.Late(300*time.Millisecond, 12)
		l := voiceLab(t, m)
		l.open()
		m.Ring()
		l.Await(hal.RingBegin)
		m.CallerID("0912345678", "")
		l.Await(hal.CallerID)
		l.Do(hal.Op{Kind: hal.Answer})
		l.Talk(l.Audio(), 10, nil)
		l.Do(hal.Op{Kind: hal.Clear})
	})
	t.Run("a late module that sends garbage", func(t *testing.T) {
		t.Parallel()
		m := modemtest.NewCell(modemtest.EC25, modemtest.Options{Speed: 1})
		m.Garbage(garbage)
		m.Late(100*time.Millisecond, 30)
		l := cellLab(t, m)
		l.open()
		m.Ring("0912345678")
		l.Await(hal.CallerID)
		l.Do(hal.Op{Kind: hal.Answer})
		l.Talk(l.Audio(), 10, nil)
		l.Do(hal.Op{Kind: hal.Clear})
	})
}
