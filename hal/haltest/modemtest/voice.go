// Package modemtest has modems to test against: voice modems and cellular modules
// made of text, on wires in memory or pseudo terminals, that behave like real ones
// and misbehave on demand.
package modemtest

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/zaf/g711"
)

// A VoiceModel is a kind of voice modem.
type VoiceModel int

const (
	CX93010    VoiceModel = iota // full duplex, u-law is 131
	USR5637                      // full duplex, 8-bit linear only, other numbers
	HalfDuplex                   // plays or records
	DataOnly                     // no voice at all
	Pretender                    // calls itself a CX93010 and is half duplex
)

func (m VoiceModel) String() string {
	return [...]string{"cx93010", "usr5637", "halfduplex", "dataonly", "pretender"}[m]
}

// VoiceOptions of an emulated modem.
type VoiceOptions struct {
	Model VoiceModel
	// Speed is how fast the line's clock runs, 1: real time. At 0 samples come only
	// by Tick.
	Speed float64
	// Baud is the only speed at which the modem can be read, 0: any.
	Baud int
	// Budget is how many bytes a second the port carries both ways together, 0: the
	// CX93010's 30400. Samples beyond it are lost.
	Budget int
	// Source gives what the far side says, Sink gets what it hears; nil: silence.
	Source, Sink func([]int16)
	// Dialled is called with what was dialled and gives the result: "" is OK.
	Dialled func(number string) string
	// Say is told what happens, in words; it may be nil.
	Say func(text string)
}

// A Voice is an emulated voice modem. Its methods may be called from anywhere.
type Voice struct {
	o VoiceOptions

	mu      sync.Mutex
	wire    io.ReadWriteCloser
	session int // counts plugs
	echo    bool
	class   int
	vsm     int
	offHook bool
	stream  bool
	stuck   bool
	late    time.Duration
	lates   int
	garbage []byte
	carried int // bytes of the stream in this second of the line's clock
	ticks   int // samples in this second
	lost    int
	vcid    bool
	running sync.WaitGroup
}

// NewVoice makes a modem that is not plugged in.
func NewVoice(o VoiceOptions) *Voice {
	if o.Say == nil {
		o.Say = func(string) {}
	}
	if o.Source == nil {
		o.Source = func(s []int16) { clear(s) }
	}
	if o.Sink == nil {
		o.Sink = func([]int16) {}
	}
	if o.Dialled == nil {
		o.Dialled = func(string) string { return "" }
	}
	if o.Budget == 0 {
		o.Budget = 30400
	}
	return &Voice{o: o}
}

// Plug connects the modem, as after power on.
func (v *Voice) Plug(wire io.ReadWriteCloser) {
	v.mu.Lock()
	v.wire, v.echo, v.class, v.vsm, v.offHook, v.stream, v.stuck = wire, true, 0, 0, false, false, false
	v.session++
	session := v.session
	v.mu.Unlock()
	v.running.Go(func() { v.listen(wire, session) })
	if v.o.Speed > 0 {
		v.running.Go(func() { v.run(session) })
	}
}

// Unplug disconnects it, and waits until it is dark.
func (v *Voice) Unplug() {
	v.mu.Lock()
	wire := v.wire
	v.wire = nil
	v.session++
	v.mu.Unlock()
	if wire != nil {
		wire.Close()
	}
	v.running.Wait()
}

// Ring is one burst of ringing.
func (v *Voice) Ring() { v.line("RING") }

// CallerID is what the exchange sends after the first burst. A number of P or O
// is withheld or unknown; an empty name is not sent.
func (v *Voice) CallerID(number, name string) {
	v.mu.Lock()
	on := v.vcid
	v.mu.Unlock()
	if !on {
		return
	}
	v.line("DATE = " + time.Now().Format("0102"))
	v.line("TIME = " + time.Now().Format("1504"))
	v.line("NMBR = " + number)
	if name != "" {
		v.line("NAME = " + name)
	}
}

// Code is something the modem hears, behind DLE: 'b' busy, 'd' dial tone, 'l' the
// loop interrupted.
func (v *Voice) Code(c byte) { v.send([]byte{dle, c}) }

// OffHook reports whether the line is seized.
func (v *Voice) OffHook() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.offHook
}

// Streaming reports whether speech flows.
func (v *Voice) Streaming() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.stream
}

// Late delays the next n answers.
func (v *Voice) Late(d time.Duration, n int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.late, v.lates = d, n
}

// Stick stops the stream, and the modem's ears with it.
func (v *Voice) Stick() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.stuck = true
}

// Garbage comes before every answer from now on.
func (v *Voice) Garbage(b []byte) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.garbage = b
}

// Lost is how many samples the port had no room for.
func (v *Voice) Lost() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.lost
}

const (
	dle = 0x10
	etx = 0x03
)

func (v *Voice) line(text string) { v.send([]byte("\r\n" + text + "\r\n")) }

func (v *Voice) send(b []byte) {
	v.mu.Lock()
	wire := v.wire
	v.mu.Unlock()
	if wire != nil {
		_, _ = wire.Write(b) // a wire that was pulled out
	}
}

// A terminal is a wire that has a speed.
type terminal interface{ Baud() int }

// listen reads the computer's end until it goes.
func (v *Voice) listen(wire io.ReadWriteCloser, session int) {
	buf := make([]byte, 4096)
	var line []byte
	shield := false
	for {
		n, err := wire.Read(buf)
		v.mu.Lock()
		current := session == v.session
		v.mu.Unlock()
		if err != nil || !current {
			return
		}
		if t, ok := wire.(terminal); ok && v.o.Baud != 0 && t.Baud() != v.o.Baud {
			v.send([]byte("\xfe\x00\xe0\xf8\x1e\x80\x00\xfe"))
			continue
		}
		var heard []byte
		for _, c := range buf[:n] {
			v.mu.Lock()
			stream, stuck, echo := v.stream, v.stuck, v.echo
			v.mu.Unlock()
			switch {
			case stuck:
			case stream && shield:
				shield = false
				if c == dle {
					heard = append(heard, dle)
				} else if c == '^' || c == '!' || c == 0x1b {
					v.hear(heard)
					heard = heard[:0]
					v.leave()
				}
			case stream && c == dle:
				shield = true
			case stream:
				heard = append(heard, c)
			case c == '\r':
				text := string(line)
				line = line[:0]
				if echo {
					v.send([]byte(text + "\r"))
				}
				if i := strings.LastIndex(text, "AT"); i >= 0 {
					v.command(text[i:])
				}
			default:
				line = append(line, c)
			}
		}
		v.hear(heard)
	}
}

// leave ends the stream.
func (v *Voice) leave() {
	v.mu.Lock()
	v.stream = false
	v.mu.Unlock()
	v.send([]byte{dle, etx, '\r', '\n', 'O', 'K', '\r', '\n'})
}

// hear takes what the computer says to the far side.
func (v *Voice) hear(codes []byte) {
	if len(codes) == 0 {
		return
	}
	v.mu.Lock()
	v.carried += len(codes)
	vsm := v.vsm
	v.mu.Unlock()
	samples := make([]int16, len(codes))
	for i, c := range codes {
		samples[i] = decode(vsm, c)
	}
	v.o.Sink(samples)
}

func decode(vsm int, c byte) int16 {
	switch vsm {
	case 131:
		return g711.DecodeUlawFrame(c)
	case 132:
		return g711.DecodeAlawFrame(c)
	}
	return int16(int(c)-128) << 8
}

func encode(vsm int, s int16) byte {
	switch vsm {
	case 131:
		return g711.EncodeUlawFrame(s)
	case 132:
		return g711.EncodeAlawFrame(s)
	}
	return byte(s>>8) + 128
}

// Tick lets the line's clock run for n samples.
func (v *Voice) Tick(n int) {
	v.mu.Lock()
	stream, vsm := v.stream && !v.stuck, v.vsm
	v.ticks += n
	if v.ticks >= 8000 {
		v.ticks -= 8000
		v.carried = 0
	}
	room := v.o.Budget - v.carried
	v.mu.Unlock()
	if !stream {
		return
	}
	samples := make([]int16, n)
	v.o.Source(samples)
	if n > room {
		v.mu.Lock()
		v.lost += n - max(room, 0)
		v.mu.Unlock()
		samples = samples[:max(room, 0)]
	}
	out := make([]byte, 0, 2*n)
	for _, s := range samples {
		c := encode(vsm, s)
		if c == dle {
			out = append(out, dle)
		}
		out = append(out, c)
	}
	v.mu.Lock()
	v.carried += len(samples)
	v.mu.Unlock()
	v.send(out)
}

// run is the line's clock.
func (v *Voice) run(session int) {
	// USB delivers in pieces that have nothing to do with frames.
	const piece = 80
	period := time.Duration(float64(piece) / 8000 / v.o.Speed * float64(time.Second))
	next := time.Now()
	for {
		next = next.Add(period)
		time.Sleep(time.Until(next))
		v.mu.Lock()
		over := session != v.session
		v.mu.Unlock()
		if over {
			return
		}
		v.Tick(piece)
	}
}

func (v *Voice) say(format string, args ...any) { v.o.Say(fmt.Sprintf(format, args...)) }
