package modemtest

import (
	"fmt"
	"io"
	"strings"
)

// A CellModel is a family of cellular modules.
type CellModel int

const (
	EC25 CellModel = iota
	SIM7600
)

func (m CellModel) String() string { return [...]string{"ec25", "sim7600"}[m] }

// A Cell is an emulated cellular module with a SIM that is registered. Its methods
// may be called from anywhere but the functions of its options.
type Cell struct {
	device
	model CellModel

	// What follows is guarded by the device's mu, and typing and half are the readers'.
	pinned   bool
	sim      bool
	circuit  int // +CREG's state
	call     *cellCall
	reason   string // of +CEER
	speech   bool
	deaf     bool           // answers no command
	messages map[int]string // stored, by index
	ref      int
	body     int // octets of the message that is being sent, 0: none
	digits   []byte
	cause    int // of QHUP
	typing   []byte
	half     []byte // of a sample
}

type cellCall struct {
	incoming bool
	state    int
	number   string
}

// NewCell makes a module that is not plugged in.
func NewCell(model CellModel, o Options) *Cell {
	return &Cell{device: newDevice(o), model: model, messages: map[int]string{}, circuit: 1, sim: true}
}

// Names are its ports for commands and for samples.
func (c *Cell) Names() []string { return []string{"ttyUSB2", "ttyUSB1"} }

// Connect plugs it in, as after power on.
func (c *Cell) Connect(ports []io.ReadWriteCloser) {
	c.mu.Lock()
	c.pinned, c.call, c.speech, c.deaf, c.body, c.typing, c.half = false, nil, false, false, 0, nil, nil
	c.mu.Unlock()
	const piece = 160
	c.plug(ports, []func([]byte){c.take, c.hear}, piece, c.Tick)
}

// URC sends a line that nobody asked for.
func (c *Cell) URC(text string) { c.line(text) }

// Ring lets a call come in, or ring on.
func (c *Cell) Ring(number string) {
	c.mu.Lock()
	fresh := c.call == nil
	if fresh {
		c.call = &cellCall{incoming: true, state: 4, number: number}
	}
	c.mu.Unlock()
	if fresh {
		c.state()
	}
	c.line("+CRING: VOICE")
	validity := ""
	if number == "" {
		validity = ",,,1"
	}
	c.line(fmt.Sprintf(`+CLIP: "%s",%d,%s`, number, kind(number), validity))
}

func kind(number string) int {
	if strings.HasPrefix(number, "+") {
		return 145
	}
	return 129
}

// state tells of the call's state.
func (c *Cell) state() {
	c.mu.Lock()
	text := ""
	if k := c.call; k != nil {
		dir := 0
		if k.incoming {
			dir = 1
		}
		text = fmt.Sprintf(`1,%d,%d,0,0,"%s",%d`, dir, k.state, k.number, kind(k.number))
	}
	c.mu.Unlock()
	if c.model == EC25 {
		c.line(`+QIND: "ccinfo",` + text)
	} else {
		c.line("+CLCC: " + text)
	}
}

// becomes changes the state of the call.
func (c *Cell) becomes(state int) {
	c.mu.Lock()
	there := c.call != nil
	if there {
		c.call.state = state
	}
	c.mu.Unlock()
	if there {
		c.state()
	}
}

// FarRings says that the phone that was called rings.
func (c *Cell) FarRings() { c.becomes(3) }

// FarAnswers says that it was lifted.
func (c *Cell) FarAnswers() {
	c.becomes(0)
	if c.model == SIM7600 {
		c.line("VOICE CALL: BEGIN")
	}
}

// FarHangsUp ends the call; report is the answer to AT+CEER.
func (c *Cell) FarHangsUp(report string) {
	c.mu.Lock()
	c.reason = report
	c.mu.Unlock()
	c.over()
	c.line("NO CARRIER")
}

// over ends the call on our side.
func (c *Cell) over() {
	if c.model == EC25 {
		c.becomes(-1)
	} else {
		c.becomes(6)
		c.line("VOICE CALL: END: 000010")
	}
	c.mu.Lock()
	c.call = nil
	c.mu.Unlock()
}

// Digit is heard in the call.
func (c *Cell) Digit(d byte) {
	if c.model == EC25 {
		c.line(fmt.Sprintf("+QTONEDET: %d", d))
	} else {
		c.line("+RXDTMF: " + string(d))
	}
}

// Register sets the state of registration (3GPP TS 27.007, 7.2).
func (c *Cell) Register(state int) {
	c.mu.Lock()
	c.circuit = state
	c.mu.Unlock()
	c.line(fmt.Sprintf(`+CREG: %d,"1A2B","01C3D4E5",7`, state))
}

// SIM puts the card in or takes it out.
func (c *Cell) SIM(in bool) {
	c.mu.Lock()
	c.sim = in
	c.mu.Unlock()
	if in {
		c.line("+CPIN: READY")
	} else {
		c.line("+CPIN: NOT READY")
	}
}

// Message stores a short message, as PDU, and tells of it.
func (c *Cell) Message(digits string) {
	c.mu.Lock()
	i := 0
	for c.messages[i] != "" {
		i++
	}
	c.messages[i] = digits
	c.mu.Unlock()
	c.line(fmt.Sprintf(`+CMTI: "ME",%d`, i))
}

// Stored is how many messages lie in the module.
func (c *Cell) Stored() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.messages)
}

// Report is a status report, as PDU, that is not stored.
func (c *Cell) Report(digits string) {
	c.send([]byte(fmt.Sprintf("\r\n+CDS: %d\r\n%s\r\n", len(digits)/2-1, digits)))
}

// Keyed are the digits that were sent in the call.
func (c *Cell) Keyed() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return string(c.digits)
}

// Cause is what the last call was refused or ended with, 0: none was given.
func (c *Cell) Cause() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cause
}

// InCall reports whether there is a call.
func (c *Cell) InCall() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.call != nil
}

// Deafen makes the module answer nothing any more.
func (c *Cell) Deafen() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.deaf = true
}

// Tick lets the samples' clock run.
func (c *Cell) Tick(n int) {
	c.mu.Lock()
	live := c.speech && !c.stuck
	c.mu.Unlock()
	if !live {
		return
	}
	samples := make([]int16, n)
	c.o.Source(samples)
	b := make([]byte, 0, 2*n)
	for _, s := range samples {
		b = append(b, byte(s), byte(uint16(s)>>8))
	}
	c.write(1, b)
}

// hear takes the computer's samples.
func (c *Cell) hear(b []byte) {
	b = append(c.half, b...)
	samples := make([]int16, len(b)/2)
	for i := range samples {
		samples[i] = int16(uint16(b[2*i]) | uint16(b[2*i+1])<<8)
	}
	c.half = append([]byte(nil), b[len(b)/2*2:]...)
	c.o.Sink(samples)
}
