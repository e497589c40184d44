package modemtest

import (
	"fmt"
	"io"
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

// budget is how many bytes a second the port of a CX93010 carries, both ways together.
// Samples beyond it are lost.
const budget = 30400

// A Voice is an emulated voice modem. Its methods may be called from anywhere.
type Voice struct {
	device
	model VoiceModel

	// What follows is guarded by the device's mu, and shield, heard and typing are its
	// reader's.
	class   int
	vsm     int
	offHook bool
	stream  bool
	carried int // bytes of the stream in this second of the line's clock
	ticks   int // samples in this second
	lost    int
	vcid    bool
	shield  bool
	typing  []byte
}

// NewVoice makes a modem that is not plugged in.
func NewVoice(model VoiceModel, o Options) *Voice {
	return &Voice{device: newDevice(o), model: model}
}

// Names is its only port.
func (v *Voice) Names() []string { return []string{"ttyACM0"} }

// Connect plugs it in, as after power on.
func (v *Voice) Connect(ports []io.ReadWriteCloser) {
	v.mu.Lock()
	v.class, v.vsm, v.offHook, v.stream, v.shield, v.typing = 0, 0, false, false, false, nil
	v.mu.Unlock()
	// USB delivers in pieces that have nothing to do with frames.
	const piece = 80
	v.plug(ports, []func([]byte){v.take}, piece, v.Tick)
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

// take reads what the computer sends.
func (v *Voice) take(b []byte) {
	if !v.legible() {
		return
	}
	var heard []byte
	for _, c := range b {
		v.mu.Lock()
		stream, stuck := v.stream, v.stuck
		v.mu.Unlock()
		switch {
		case stuck:
		case stream && v.shield:
			v.shield = false
			if c == dle {
				heard = append(heard, dle)
			} else if c == '^' || c == '!' || c == 0x1b {
				v.hear(heard)
				heard = heard[:0]
				v.leave()
			}
		case stream && c == dle:
			v.shield = true
		case stream:
			heard = append(heard, c)
		default:
			if text, whole := v.typed(&v.typing, c); whole {
				v.command(text)
			}
		}
	}
	v.hear(heard)
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
	room := budget - v.carried
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

func (v *Voice) say(format string, args ...any) { v.o.Say(fmt.Sprintf(format, args...)) }
