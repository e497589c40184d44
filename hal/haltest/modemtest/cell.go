package modemtest

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

// A CellModel is a family of cellular modules.
type CellModel int

const (
	EC25 CellModel = iota
	SIM7600
)

func (m CellModel) String() string { return [...]string{"ec25", "sim7600"}[m] }

// CellOptions of an emulated module.
type CellOptions struct {
	Model CellModel
	// Speed is how fast the samples' clock runs, 1: real time. At 0 samples come only
	// by Tick.
	Speed        float64
	Baud         int // the only speed at which it can be read, 0: any
	Source, Sink func([]int16)
	// Dialled is called with each number and gives the result of ATD: "" is OK.
	Dialled func(number string) string
	// Sent is called with each short message to the network, as PDU.
	Sent func(digits string)
	// PIN that the SIM wants, "" none.
	PIN string
	Say func(text string)
}

// A Cell is an emulated cellular module with a SIM that is registered. Its methods
// may be called from anywhere but the functions of its options.
type Cell struct {
	o CellOptions

	mu      sync.Mutex
	data    io.ReadWriteCloser
	sound   io.ReadWriteCloser
	session int
	running sync.WaitGroup

	echo     bool
	pinned   bool
	sim      bool
	circuit  int // +CREG's state
	call     *cellCall
	reason   string // of +CEER
	speech   bool
	stuck    bool
	deaf     bool // answers no command
	late     time.Duration
	lates    int
	garbage  []byte
	messages map[int]string // stored, by index
	ref      int
	body     int // octets of the message that is being sent, 0: none
	digits   []byte
	cause    int // of QHUP
}

type cellCall struct {
	incoming bool
	state    int
	number   string
}

// NewCell makes a module that is not plugged in.
func NewCell(o CellOptions) *Cell {
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
	if o.Sent == nil {
		o.Sent = func(string) {}
	}
	return &Cell{o: o, messages: map[int]string{}, circuit: 1, sim: true}
}

// Plug connects the module, as after power on.
func (c *Cell) Plug(data, sound io.ReadWriteCloser) {
	c.mu.Lock()
	c.data, c.sound, c.echo, c.pinned, c.call, c.speech, c.stuck, c.deaf, c.body = data, sound, true, false, nil, false, false, false, 0
	c.session++
	session := c.session
	c.mu.Unlock()
	c.running.Go(func() { c.listen(data, session) })
	c.running.Go(func() { c.hear(sound, session) })
	if c.o.Speed > 0 {
		c.running.Go(func() { c.run(session) })
	}
}

// Unplug disconnects it, and waits until it is dark.
func (c *Cell) Unplug() {
	c.mu.Lock()
	data, sound := c.data, c.sound
	c.data, c.sound = nil, nil
	c.session++
	c.mu.Unlock()
	if data != nil {
		data.Close()
		sound.Close()
	}
	c.running.Wait()
}

func (c *Cell) line(text string) { c.send([]byte("\r\n" + text + "\r\n")) }

// URC sends a line that nobody asked for.
func (c *Cell) URC(text string) { c.line(text) }

func (c *Cell) send(b []byte) {
	c.mu.Lock()
	wire := c.data
	c.mu.Unlock()
	if wire != nil {
		_, _ = wire.Write(b) // a wire that was pulled out
	}
}

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
	if c.o.Model == EC25 {
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
	if c.o.Model == SIM7600 {
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
	if c.o.Model == EC25 {
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
	if c.o.Model == EC25 {
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

// Late delays the next n answers.
func (c *Cell) Late(d time.Duration, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.late, c.lates = d, n
}

// Garbage comes before every answer from now on.
func (c *Cell) Garbage(b []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.garbage = b
}

// Stick stops the samples, until they are asked for again if that helps.
func (c *Cell) Stick(on bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stuck = on
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
	sound, live := c.sound, c.speech && !c.stuck
	c.mu.Unlock()
	if sound == nil || !live {
		return
	}
	samples := make([]int16, n)
	c.o.Source(samples)
	b := make([]byte, 0, 2*n)
	for _, s := range samples {
		b = append(b, byte(s), byte(uint16(s)>>8))
	}
	_, _ = sound.Write(b) // a wire that was pulled out
}

// run is the samples' clock.
func (c *Cell) run(session int) {
	const piece = 160
	period := time.Duration(float64(piece) / 8000 / c.o.Speed * float64(time.Second))
	next := time.Now()
	for {
		next = next.Add(period)
		time.Sleep(time.Until(next))
		c.mu.Lock()
		over := session != c.session
		c.mu.Unlock()
		if over {
			return
		}
		c.Tick(piece)
	}
}

// hear takes the computer's samples.
func (c *Cell) hear(wire io.ReadWriteCloser, session int) {
	buf := make([]byte, 4096)
	half := 0
	for {
		n, err := wire.Read(buf[half:])
		c.mu.Lock()
		over := session != c.session
		c.mu.Unlock()
		if err != nil || over {
			return
		}
		b := buf[:half+n]
		samples := make([]int16, len(b)/2)
		for i := range samples {
			samples[i] = int16(uint16(b[2*i]) | uint16(b[2*i+1])<<8)
		}
		c.o.Sink(samples)
		half = copy(buf, b[len(b)/2*2:])
	}
}
