// Package modem is the driver of lines on serial ports: voice modems (package voice)
// and cellular modules (package cell). It opens the ports, finds out at what speed
// the device can be read, and hands over.
package modem

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"

	"branchline/hal"
	"branchline/hal/modem/at"
	"branchline/hal/modem/cell"
	"branchline/hal/modem/tty"
	"branchline/hal/modem/voice"
)

// A Kind is what is at the end of the serial line.
type Kind uint8

const (
	Voice Kind = iota // a voice modem on a telephone line
	Cell              // a cellular module
)

// Options of one line.
type Options struct {
	Name   string   // "office" of Modem/office or Cell/office
	Data   string   // the port for commands: /dev/ttyACM0, /dev/ttyUSB2
	Audio  string   // Cell: the port for samples: /dev/ttyUSB1 (EC25), /dev/ttyUSB4 (SIM7600)
	Baud   int      // 0: found out
	PIN    string   // Cell: of the SIM; tried once
	Blind  bool     // Voice: dial without waiting for a dial tone
	Digits bool     // Voice: report the digits that the modem itself hears
	Init   []string // commands sent after ours; if one is refused the line is not opened
}

// reserved is how many ports can always be opened, however many calls there are:
// lines that are plugged in again, one after the other, need no more.
const reserved = 8

// audioBaud is the speed of a port that has samples only, which is USB and has none.
const audioBaud = 115200

// A Driver opens lines of one kind.
type Driver struct {
	kind    Kind
	log     *slog.Logger
	reserve *tty.Reserve

	mu    sync.Mutex
	lines map[string]Options
	doubt map[string]bool // modems whose model lied
	pins  map[string]bool // PINs that were refused, by line: three errors lock a SIM
}

// New makes a driver without lines. Make it before sockets are many: it keeps a few
// descriptors of the low numbers that serial ports need. log may be nil.
func New(kind Kind, log *slog.Logger) *Driver {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Driver{kind: kind, log: log, reserve: tty.NewReserve(reserved), doubt: map[string]bool{}, pins: map[string]bool{}}
}

// Name is "modem" or "cell".
func (d *Driver) Name() string {
	if d.kind == Cell {
		return cell.Driver
	}
	return voice.Driver
}

// Configure replaces the lines that can be opened. Open ones stay as they are.
func (d *Driver) Configure(lines []Options) {
	table := make(map[string]Options, len(lines))
	for _, o := range lines {
		table[o.Name] = o
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lines = table
}

// Close gives the kept descriptors back. Lines are closed by who has them.
func (d *Driver) Close() { d.reserve.Close() }

// Open opens a line by its name. The error is hal.ErrAbsent if the line is not
// configured or its port does not exist, hal.ErrBusy if somebody has the port.
func (d *Driver) Open(ctx context.Context, name string) (hal.Line, error) {
	d.mu.Lock()
	o, ok := d.lines[name]
	d.mu.Unlock()
	if !ok {
		return nil, fmt.Errorf("%s: %s is not configured: %w", d.Name(), name, hal.ErrAbsent)
	}
	line, err := d.open(ctx, o)
	if err != nil {
		return nil, fmt.Errorf("%s: %s: %w", d.Name(), name, err)
	}
	return line, nil
}

func (d *Driver) open(ctx context.Context, o Options) (hal.Line, error) {
	var (
		line  hal.Line
		err   error
		tried []string
	)
	for _, baud := range speeds(o) {
		if line, err = d.at(ctx, o, baud); err == nil {
			return line, nil
		}
		if ctx.Err() != nil || !errors.Is(err, at.ErrSilent) && !errors.Is(err, at.ErrGarbled) {
			return nil, err
		}
		tried = append(tried, fmt.Sprint(baud))
	}
	return nil, fmt.Errorf("%s at %s baud: %w", o.Data, strings.Join(tried, ", "), err)
}

// speeds are those to try. A device that is USB all the way has none, so that the
// first serves; one behind a converter may be set to anything.
func speeds(o Options) []int {
	if o.Baud != 0 {
		return []int{o.Baud}
	}
	name, err := filepath.EvalSymlinks(o.Data)
	if err != nil {
		name = o.Data
	}
	if strings.HasPrefix(filepath.Base(name), "ttyACM") {
		return []int{115200}
	}
	return []int{115200, 9600, 57600, 230400, 38400, 19200, 460800, 921600}
}

// at opens a line at one speed.
func (d *Driver) at(ctx context.Context, o Options, baud int) (hal.Line, error) {
	data, err := d.port(o.Data, baud)
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	prove, refused := d.doubt[o.Name], d.pins[o.Name+"\x00"+o.PIN]
	d.mu.Unlock()
	if d.kind == Voice {
		return pointer(voice.Open(ctx, data, voice.Options{Name: o.Name, Blind: o.Blind, Digits: o.Digits, Init: o.Init,
			Prove: prove, Doubt: func() { d.note(d.doubt, o.Name) }, Log: d.log}))
	}
	audio, err := d.port(o.Audio, audioBaud)
	if err != nil {
		return nil, errors.Join(err, data.Close())
	}
	pin := o.PIN
	if refused {
		pin = ""
	}
	return pointer(cell.Open(ctx, data, audio, cell.Options{Name: o.Name, PIN: pin, Init: o.Init,
		Refused: func() { d.note(d.pins, o.Name+"\x00"+o.PIN) }, Log: d.log}))
}

// pointer makes a hal.Line of what Open returned: none of a nil.
func pointer[L hal.Line](line L, err error) (hal.Line, error) {
	if err != nil {
		return nil, err
	}
	return line, nil
}

// note remembers something about a line.
func (d *Driver) note(where map[string]bool, what string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	where[what] = true
}

// port opens a port, with hal's errors.
func (d *Driver) port(name string, baud int) (*tty.Port, error) {
	p, err := d.reserve.Open(name, baud)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%w (%w)", err, hal.ErrAbsent)
	case errors.Is(err, tty.ErrBusy):
		return nil, fmt.Errorf("%w (%w)", err, hal.ErrBusy)
	}
	return p, err
}
