// Package modemtest has modems to test against: voice modems and cellular modules
// made of text, on wires in memory or pseudo terminals, that behave like real ones
// and misbehave on demand.
package modemtest

import (
	"io"
	"strings"
	"sync"
	"time"
)

// Options of an emulated modem or module. All may be left out.
type Options struct {
	// Speed is how fast the samples' clock runs, 1: real time. At 0 samples come only
	// by Tick.
	Speed float64
	// Baud is the only speed at which the device can be read, 0: any.
	Baud int
	// Source gives what the far side says, Sink gets what it hears; nil: silence.
	Source, Sink func([]int16)
	// Dialled is called with each number and gives the result of ATD: "" is success.
	Dialled func(number string) string
	// Say is told what happens, in words.
	Say func(text string)

	// Of modules: Sent is called with each short message to the network, as PDU; PIN
	// is what the SIM wants, "" none.
	Sent func(digits string)
	PIN  string
}

func (o *Options) complete() {
	if o.Source == nil {
		o.Source = func(s []int16) { clear(s) }
	}
	if o.Sink == nil {
		o.Sink = func([]int16) {}
	}
	if o.Dialled == nil {
		o.Dialled = func(string) string { return "" }
	}
	if o.Say == nil {
		o.Say = func(string) {}
	}
	if o.Sent == nil {
		o.Sent = func(string) {}
	}
}

// A device is what modems and modules have in common: a port for commands, a clock,
// and bad habits.
type device struct {
	o Options

	mu      sync.Mutex
	wires   []io.ReadWriteCloser // the first is for commands; nil: not plugged in
	session int                  // counts plugs
	running sync.WaitGroup
	echo    bool
	stuck   bool
	late    time.Duration
	lates   int
	garbage []byte
	stood   time.Duration
}

func newDevice(o Options) device {
	o.complete()
	return device{o: o}
}

// plug connects the device: every wire is read by its reader, and the clock runs.
func (d *device) plug(wires []io.ReadWriteCloser, readers []func([]byte), piece int, tick func(int)) {
	d.mu.Lock()
	d.wires, d.echo, d.stuck = wires, true, false
	d.session++
	session := d.session
	d.mu.Unlock()
	for i, w := range wires {
		d.running.Go(func() { d.read(w, session, readers[i]) })
	}
	if d.o.Speed > 0 {
		d.running.Go(func() { d.run(session, piece, tick) })
	}
}

// Unplug disconnects it, and waits until it is dark.
func (d *device) Unplug() {
	d.mu.Lock()
	wires := d.wires
	d.wires = nil
	d.session++
	d.mu.Unlock()
	for _, w := range wires {
		w.Close()
	}
	d.running.Wait()
}

func (d *device) current(session int) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return session == d.session
}

// read hands on what arrives, until the wire goes.
func (d *device) read(wire io.Reader, session int, take func([]byte)) {
	buf := make([]byte, 4096)
	for {
		n, err := wire.Read(buf)
		if err != nil || !d.current(session) {
			return
		}
		take(buf[:n])
	}
}

// run is the samples' clock. A real one is never late; when the machine stands still
// this one does too, and what it missed is counted, not made up for in a burst that no
// modem would send.
func (d *device) run(session, piece int, tick func(int)) {
	period := time.Duration(float64(piece) / 8000 / d.o.Speed * float64(time.Second))
	next := time.Now()
	for {
		next = next.Add(period)
		time.Sleep(time.Until(next))
		if !d.current(session) {
			return
		}
		tick(piece)
		if late := time.Since(next); late > period {
			next = next.Add(late)
			d.mu.Lock()
			d.stood += late
			d.mu.Unlock()
		}
	}
}

// Stood is for how long the samples' clock has stood still because it got no turn, or
// because Source or Sink kept it.
func (d *device) Stood() time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.stood
}

// legible reports whether the port for commands has the right speed; if not, noise is
// the answer.
func (d *device) legible() bool {
	d.mu.Lock()
	var t interface{ Baud() int }
	if d.o.Baud != 0 && d.wires != nil {
		t, _ = d.wires[0].(interface{ Baud() int })
	}
	d.mu.Unlock()
	if t == nil || t.Baud() == d.o.Baud {
		return true
	}
	d.send([]byte("\xfe\x00\xe0\xf8\x1e\x80\x00\xfe"))
	return false
}

// typed takes a byte of a command, and gives the whole of it with the last one.
func (d *device) typed(line *[]byte, c byte) (command string, whole bool) {
	if c != '\r' {
		*line = append(*line, c)
		return "", false
	}
	text := string(*line)
	*line = (*line)[:0]
	d.mu.Lock()
	echo := d.echo
	d.mu.Unlock()
	if echo {
		d.send([]byte(text + "\r"))
	}
	i := strings.Index(text, "AT")
	if i < 0 {
		return "", false
	}
	return text[i:], true
}

// hesitate is what comes before an answer.
func (d *device) hesitate() {
	d.mu.Lock()
	late, garbage := d.late, d.garbage
	if d.lates--; d.lates < 0 {
		late, d.lates = 0, 0
	}
	d.mu.Unlock()
	if late > 0 {
		time.Sleep(late)
	}
	if len(garbage) > 0 {
		d.send(garbage)
	}
}

func (d *device) line(text string) { d.send([]byte("\r\n" + text + "\r\n")) }

func (d *device) send(b []byte) { d.write(0, b) }

// write sends over one of the wires.
func (d *device) write(port int, b []byte) {
	d.mu.Lock()
	var wire io.Writer
	if d.wires != nil {
		wire = d.wires[port]
	}
	d.mu.Unlock()
	if wire != nil {
		_, _ = wire.Write(b) // a wire that was pulled out
	}
}

// Late delays the next n answers.
func (d *device) Late(by time.Duration, n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.late, d.lates = by, n
}

// Garbage comes before every answer from now on.
func (d *device) Garbage(b []byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.garbage = b
}

// Stick stops the samples; a voice modem then hears nothing any more either.
func (d *device) Stick() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.stuck = true
}
