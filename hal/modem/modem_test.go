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
	"branchline/hal/haltest/modemtest"
	"branchline/hal/modem"
	"branchline/hal/modem/at"
	"branchline/hal/modem/voice"
)

// These tests go through pseudo terminals and the serial library.

// A lab is a driver, and a device plugged in.
type lab struct {
	*testing.T
	driver *modem.Driver
	socket *modemtest.Socket
}

func voiceLab(t *testing.T, m *modemtest.Voice) *lab { return newLab(t, modem.Voice, m) }
func cellLab(t *testing.T, m *modemtest.Cell) *lab   { return newLab(t, modem.Cell, m) }

func newLab(t *testing.T, kind modem.Kind, d modemtest.Device) *lab {
	t.Helper()
	s, err := modemtest.Plug(t.TempDir(), d)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Unplug)
	l := &lab{t, modem.New(kind, nil), s}
	t.Cleanup(l.driver.Close)
	l.driver.Configure([]modem.Options{{Name: "a", Data: s.Data, Audio: s.Audio}})
	return l
}

func (l *lab) open() hal.Line {
	l.Helper()
	line, err := l.driver.Open(l.Context(), "a")
	if err != nil {
		l.Fatal(err)
	}
	l.Cleanup(func() { line.Close() })
	return line
}

// want waits for an event of a kind.
func want(t *testing.T, line hal.Line, k hal.EventKind) hal.Event {
	t.Helper()
	for e := range line.Events() {
		if e.Kind == k {
			return e
		}
	}
	t.Fatalf("the line is closed, no %v", k)
	return hal.Event{}
}

func do(t *testing.T, line hal.Line, op hal.Op) {
	t.Helper()
	if err := line.Do(t.Context(), op); err != nil {
		t.Fatal(err)
	}
}

// Ten minutes of speech, in as much time as the machine needs: each frame waits for
// the one before.
func duplex(t *testing.T, line hal.Line, tick func(int), judge *modemtest.Judge) {
	a, err := line.Audio()
	if err != nil {
		t.Fatal(err)
	}
	const frames = 10 * 60 * 50
	var (
		heard modemtest.Judge
		count modemtest.Count
		f     hal.Frame
	)
	for i := range frames {
		if i > 0 { // what came before, and what the device was given at the beginning
			judge.Await((i + 1) * hal.FrameSize)
		}
		tick(hal.FrameSize)
		if err := a.Read(&f); err != nil {
			t.Fatal(err)
		}
		heard.Hear(f[:])
		count.Fill(f[:])
		if err := a.Write(&f); err != nil {
			t.Fatal(err)
		}
	}
	stats := a.Stats()
	do(t, line, hal.Op{Kind: hal.Clear})
	if v := heard.Verdict(); v.Right != frames*hal.FrameSize || v.Wrong+v.Silence != 0 {
		t.Errorf("from the line: %+v", v)
	}
	if v := judge.Verdict(); v.Right < (frames-3)*hal.FrameSize || v.Wrong != 0 || v.Silence != 0 {
		t.Errorf("to the line: %+v", v)
	}
	if stats.Overruns+stats.Dropped != 0 || stats.Underruns > 1 {
		t.Errorf("%+v", stats)
	}
}

func TestVoiceTenMinutes(t *testing.T) {
	t.Parallel()
	var (
		count modemtest.Count
		judge modemtest.Judge
	)
	m := modemtest.NewVoice(modemtest.VoiceOptions{Source: count.Fill, Sink: judge.Hear})
	l := voiceLab(t, m)
	line := l.open()
	m.Ring()
	want(t, line, hal.RingBegin)
	m.CallerID("0912345678", "")
	if e := want(t, line, hal.CallerID); e.Caller.Number != "0912345678" {
		t.Errorf("%+v", e.Caller)
	}
	do(t, line, hal.Op{Kind: hal.Answer})
	duplex(t, line, m.Tick, &judge)
	if n := m.Lost(); n != 0 {
		t.Errorf("the port had no room for %d samples", n)
	}
}

func TestCellTenMinutes(t *testing.T) {
	t.Parallel()
	var (
		count modemtest.Count
		judge modemtest.Judge
	)
	m := modemtest.NewCell(modemtest.CellOptions{Source: count.Fill, Sink: judge.Hear})
	line := cellLab(t, m).open()
	m.Ring("+886912345678")
	if e := want(t, line, hal.CallerID); e.Caller.Number != "+886912345678" {
		t.Errorf("%+v", e.Caller)
	}
	do(t, line, hal.Op{Kind: hal.Answer})
	duplex(t, line, m.Tick, &judge)
}

func TestOutgoing(t *testing.T) {
	dialled := make(chan string, 1)
	m := modemtest.NewVoice(modemtest.VoiceOptions{Dialled: func(n string) string { dialled <- n; return "" }})
	line := voiceLab(t, m).open()
	do(t, line, hal.Op{Kind: hal.Seize})
	do(t, line, hal.Op{Kind: hal.Dial, Digits: "0223456789"})
	want(t, line, hal.DialDone)
	if n := <-dialled; n != "0223456789" {
		t.Errorf("dialled %q", n)
	}
	if err := line.Close(); err != nil {
		t.Error(err)
	}
	if m.OffHook() {
		t.Error("closed off hook")
	}
}

// unplugged pulls a device out in the middle of a call and plugs it in again.
func unplugged(t *testing.T, l *lab, call func(hal.Line)) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ups := 0
	var reasons []error
	hal.Reopen(ctx, l.driver, "a", func(ctx context.Context, line hal.Line) error {
		if ups++; ups == 2 {
			cancel()
			return nil
		}
		call(line)
		a, err := line.Audio()
		if err != nil {
			t.Fatal(err)
		}
		l.socket.Unplug()
		for err == nil {
			err = a.Read(new(hal.Frame))
		}
		if err != io.EOF {
			t.Errorf("read: %v", err)
		}
		e := want(t, line, hal.Lost)
		if _, more := <-line.Events(); more || e.Err == nil {
			t.Errorf("after Lost (%v) comes more", e.Err)
		}
		return e.Err
	}, func(err error, _ time.Duration) {
		reasons = append(reasons, err)
		if errors.Is(err, hal.ErrAbsent) {
			if err := l.socket.Replug(); err != nil {
				t.Fatal(err)
			}
		}
	})
	if ups != 2 || len(reasons) != 2 || !strings.Contains(reasons[0].Error(), "unplugged") || !errors.Is(reasons[1], hal.ErrAbsent) {
		t.Errorf("up %d times, down by %v", ups, reasons)
	}
}

func TestVoiceUnplugged(t *testing.T) {
	t.Parallel()
	m := modemtest.NewVoice(modemtest.VoiceOptions{})
	unplugged(t, voiceLab(t, m), func(line hal.Line) { do(t, line, hal.Op{Kind: hal.Answer}) })
}

func TestCellUnplugged(t *testing.T) {
	t.Parallel()
	m := modemtest.NewCell(modemtest.CellOptions{Model: modemtest.SIM7600})
	unplugged(t, cellLab(t, m), func(line hal.Line) {
		m.Ring("1")
		want(t, line, hal.CallerID)
		do(t, line, hal.Op{Kind: hal.Answer})
	})
}

func TestWrongSpeed(t *testing.T) {
	t.Parallel() // it takes seconds to be sure
	l := voiceLab(t, modemtest.NewVoice(modemtest.VoiceOptions{Baud: 9600}))
	l.driver.Configure([]modem.Options{{Name: "a", Data: l.socket.Data}, {Name: "fixed", Data: l.socket.Data, Baud: 57600}})
	if _, err := l.driver.Open(t.Context(), "fixed"); !errors.Is(err, at.ErrGarbled) || !strings.Contains(err.Error(), "57600 baud") {
		t.Error(err)
	}
	l.open() // finds it
}

func TestRefused(t *testing.T) {
	half := voiceLab(t, modemtest.NewVoice(modemtest.VoiceOptions{Model: modemtest.HalfDuplex}))
	if _, err := half.driver.Open(t.Context(), "a"); !errors.Is(err, voice.ErrHalfDuplex) || !strings.Contains(err.Error(), "modem: a: CX06833") {
		t.Error(err)
	}
	l := voiceLab(t, modemtest.NewVoice(modemtest.VoiceOptions{}))
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
	c := cellLab(t, modemtest.NewCell(modemtest.CellOptions{}))
	c.driver.Configure([]modem.Options{{Name: "a", Data: c.socket.Data, Audio: c.socket.Data + "9"}})
	if _, err := c.driver.Open(t.Context(), "a"); !errors.Is(err, hal.ErrAbsent) {
		t.Errorf("without sound: %v", err)
	}
}

// A modem whose model promises full duplex and does not keep it is found out in the
// first call, and not opened again.
func TestFoundOut(t *testing.T) {
	m := modemtest.NewVoice(modemtest.VoiceOptions{Model: modemtest.Pretender})
	l := voiceLab(t, m)
	line := l.open()
	if err := line.Do(t.Context(), hal.Op{Kind: hal.Answer}); err == nil {
		t.Fatal("answered")
	}
	if e := want(t, line, hal.Lost); !errors.Is(e.Err, voice.ErrHalfDuplex) {
		t.Error(e.Err)
	}
	line.Close()
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
