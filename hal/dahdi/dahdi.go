// Package dahdi is the driver for telephone ports of cards, boxes and local loops
// that the DAHDI kernel modules serve. A channel signalled fxs_* is a line towards
// an exchange, one signalled fxo_* is a line towards a telephone.
//
// A Driver has one goroutine that waits for all channels at once; it collects what
// the kernel has: events, and blocks of audio while somebody listens. Each line has a
// goroutine that owns its state: it makes hal.Events of the kernel's, answers the
// telephone's hook, and carries out operations one by one. What is said to the line
// goes to the kernel directly from Audio.Write.
//
// Rules of the kernel that shape the code (dahdi-base.c of dahdi-linux 2.11 to 3.4):
// a read or write fails with ELAST while an event waits; ringing and flashing answer
// EINPROGRESS, which is success; hook changes answer EBUSY for 800 ms after a battery
// drop, for 600 ms after going off hook a flash does; ringing and dialling need a tone
// zone; any write ends the dialling of digits.
package dahdi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"branchline/hal"
	"branchline/hal/dahdi/abi"
	"branchline/hal/dahdi/kernel"
)

const channelPath = "/dev/dahdi/channel"

// Config says what a Driver works on.
type Config struct {
	Kernel   kernel.Kernel              // nil: this machine's
	Log      *slog.Logger               // nil: slog.Default()
	Settings func(channel int) Settings // asked each time a line is opened; nil: zero Settings
}

// Settings of one channel.
type Settings struct {
	// EchoTaps is the length of the kernel's echo canceller while off hook: 0 for
	// none, or 32, 64 ... 1024 samples. Which canceller, system.conf says.
	EchoTaps int
	// RxGain and TxGain are what the hardware adds, in dB; 0 leaves it as it is.
	RxGain, TxGain float64
	// RxFlash is the longest time on hook that a telephone's flash takes; 0: 700 ms.
	// Hanging up is noticed after it.
	RxFlash time.Duration
	// Flash is how long our own flash breaks the line, 0: the kernel's 750 ms.
	Flash time.Duration
}

// defaultRxFlash replaces the kernel's 1250 ms, after which nobody would still
// expect to hear that the other side has hung up.
const defaultRxFlash = 700 * time.Millisecond

// Driver opens channels. It implements hal.Driver.
type Driver struct {
	kernel   kernel.Kernel
	log      *slog.Logger
	settings func(int) Settings

	mu     sync.Mutex
	poller kernel.Poller // nil until a line is open
	lines  map[int]*line
	last   int // key given out last
	closed bool
	loop   sync.WaitGroup
}

// New makes a driver; it touches no device before a line is opened.
func New(c Config) *Driver {
	d := &Driver{kernel: c.Kernel, log: c.Log, settings: c.Settings, lines: map[int]*line{}}
	if d.kernel == nil {
		d.kernel = kernel.Machine{}
	}
	if d.log == nil {
		d.log = slog.Default()
	}
	if d.settings == nil {
		d.settings = func(int) Settings { return Settings{} }
	}
	return d
}

// Name is "dahdi".
func (d *Driver) Name() string { return "dahdi" }

// Open opens a channel by its number. hal.ErrAbsent: there is no such channel, or no
// DAHDI at all; hal.ErrBusy: somebody else has it; a channel that is neither an
// FXO nor an FXS is an error too.
func (d *Driver) Open(ctx context.Context, name string) (hal.Line, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	number, err := strconv.Atoi(name)
	if err != nil || number < 1 {
		return nil, fmt.Errorf("dahdi: channel %q is not a number from 1: %w", name, hal.ErrAbsent)
	}
	l, err := d.open(number)
	if err != nil {
		return nil, fmt.Errorf("dahdi channel %d: %w", number, err)
	}
	return l, nil
}

func (d *Driver) open(number int) (*line, error) {
	dev, err := kernel.Open(d.kernel, channelPath)
	if err != nil {
		return nil, err
	}
	l, err := d.setUp(dev, number)
	if err != nil {
		dev.Close()
		return nil, err
	}
	l.events = hal.NewOutbox()
	if err := d.add(l); err != nil {
		l.events.Close()
		dev.Close()
		return nil, err
	}
	go l.run()
	return l, nil
}

// setUp makes a line of a device that was just opened.
func (d *Driver) setUp(dev kernel.Device, number int) (*line, error) {
	switch err := kernel.Put(dev, abi.Specify, abi.Int(number)); {
	case errors.Is(err, unix.EINVAL):
		return nil, fmt.Errorf("%w: DAHDI has fewer channels", hal.ErrAbsent)
	case errors.Is(err, unix.ENXIO):
		return nil, fmt.Errorf("%w: the channel has no signalling, see system.conf", hal.ErrAbsent)
	case errors.Is(err, unix.EBUSY):
		return nil, fmt.Errorf("%w: another program has it open", hal.ErrBusy)
	case err != nil:
		return nil, fmt.Errorf("specify: %w", err)
	}
	p := abi.Params{Channel: int32(number)}
	if err := kernel.Exchange(dev, abi.GetParams, &p); err != nil {
		return nil, fmt.Errorf("get parameters: %w", err)
	}
	if !p.Signalling.TowardsExchange() && !p.Signalling.TowardsPhone() {
		return nil, fmt.Errorf("%s is not the signalling of a telephone line", p.Signalling)
	}
	l := newLine(d, dev, number, p.Signalling, d.settings(number))
	for _, step := range []struct {
		what    string
		request abi.Request
		arg     any
	}{
		{"set buffers", abi.SetBufferInfo, abi.BufferInfo{Count: buffers, Size: hal.FrameSize, ReadFull: -1, WriteFull: -1}},
		{"set linear", abi.SetLinear, abi.Int(1)},
		{"flush", abi.Flush, abi.FlushRead | abi.FlushWrite},
	} {
		if err := kernel.Put(dev, step.request, step.arg); err != nil {
			return nil, fmt.Errorf("%s: %w", step.what, err)
		}
	}
	if err := l.apply(p); err != nil {
		return nil, err
	}
	l.describe(p)
	return l, nil
}

// apply carries out the settings.
func (l *line) apply(p abi.Params) error {
	s := &l.settings
	p.Times.RxFlash = milliseconds(s.RxFlash, defaultRxFlash)
	p.Times.Flash = milliseconds(s.Flash, time.Duration(p.Times.Flash)*time.Millisecond)
	l.params = p
	if err := kernel.Put(l.dev, abi.SetParams, p); err != nil {
		return fmt.Errorf("set parameters: %w", err)
	}
	// What depends on the card is tried; a card that cannot is no fault of the line.
	for _, g := range []struct {
		name string
		dB   float64
		tx   uint32
	}{{"receive", s.RxGain, 0}, {"transmit", s.TxGain, 1}} {
		if g.dB == 0 {
			continue
		}
		if err := kernel.Put(l.dev, abi.SetHardwareGain, abi.HardwareGain{TenthsOfDB: int32(math.Round(g.dB * 10)), Transmit: g.tx}); err != nil {
			l.log.Warn("the card does not set its gain", "direction", g.name, "gain", g.dB, "error", err)
		}
	}
	return nil
}

func milliseconds(d, otherwise time.Duration) int32 {
	if d <= 0 {
		d = otherwise
	}
	return int32(d / time.Millisecond)
}

// describe finds out what the channel can do, and in which state it is.
func (l *line) describe(p abi.Params) {
	l.info = hal.Info{Name: strconv.Itoa(l.channel), Driver: "dahdi", Kind: hal.FXO,
		Caps: hal.Dials | hal.DialsPulses | hal.SignalsDigits | hal.AudioWhenIdle,
		// All buffers may be full towards the line, and one block is being filled.
		EchoDelay: (buffers + 1) * hal.FrameSize}
	if l.phone {
		l.info.Kind = hal.FXS
		l.info.Caps |= hal.SetsCadence
		if kernel.Put(l.dev, abi.SetPolarity, abi.Int(0)) == nil {
			l.info.Caps |= hal.Reverses
		}
	} else {
		l.info.Caps |= hal.Flashes
	}
	if l.cancelsEcho() {
		l.info.Caps |= hal.CancelsEcho
	}
	l.info.Model = abi.Text(p.Name[:])
	var span abi.Span // number 0: the channel's own
	if kernel.Exchange(l.dev, abi.SpanStat, &span) == nil {
		l.info.Model = strings.TrimSpace(abi.Text(span.Description[:]) + " " + l.info.Model)
		if span.Analog() && !l.phone {
			l.info.Caps |= hal.ReportsPolarity | hal.ReportsBattery
		}
	}
	if l.phone && p.OffHook != 0 {
		l.queue.put(report{event: abi.RingOffHook})
	}
	if p.Alarms&^abi.Recovering != 0 || span.Alarms&^abi.Recovering != 0 {
		l.queue.put(report{event: abi.Alarm})
	}
}

// cancelsEcho finds out whether the kernel has a canceller for the channel. Asking
// for one always succeeds; only its fax mode is refused when there is none.
func (l *line) cancelsEcho() bool {
	if l.settings.EchoTaps <= 0 || kernel.Put(l.dev, abi.EchoCancel, abi.Int(l.settings.EchoTaps)) != nil {
		return false
	}
	there := kernel.Put(l.dev, abi.EchoCancelFax, abi.Int(0)) == nil
	return kernel.Put(l.dev, abi.EchoCancel, abi.Int(0)) == nil && there
}

// add has the loop look after a line.
func (d *Driver) add(l *line) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return hal.ErrClosed
	}
	if d.poller == nil {
		p, err := d.kernel.Poller()
		if err != nil {
			return err
		}
		d.poller = p
		d.loop.Go(func() { d.wait(p) })
	}
	d.last++
	l.key = d.last
	if err := d.poller.Watch(l.dev, l.key, kernel.Events); err != nil {
		return err
	}
	l.poller = d.poller
	d.lines[l.key] = l
	return nil
}

// forget is the opposite of add.
func (d *Driver) forget(l *line) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.lines, l.key)
}

// wait is the loop: it collects what the kernel has, until the driver is closed.
func (d *Driver) wait(p kernel.Poller) {
	var ready [32]kernel.Ready
	for {
		n, err := p.Wait(ready[:])
		d.mu.Lock()
		if d.closed {
			d.mu.Unlock()
			return
		}
		if err != nil {
			lines := d.lines
			d.mu.Unlock()
			// Nothing can be heard of any line any more.
			d.log.Error("dahdi: waiting for the lines ended", "error", err)
			for _, l := range lines {
				l.gone(err)
			}
			return
		}
		var waiting [len(ready)]*line
		for i, r := range ready[:n] {
			waiting[i] = d.lines[r.Key]
		}
		d.mu.Unlock()
		for i, r := range ready[:n] {
			if l := waiting[i]; l != nil {
				l.collect(r.What)
			}
		}
	}
}

// Close closes all lines.
func (d *Driver) Close() error {
	d.mu.Lock()
	if d.closed {
		d.mu.Unlock()
		return nil
	}
	var lines []*line
	for _, l := range d.lines {
		lines = append(lines, l)
	}
	d.mu.Unlock()
	var errs []error
	for _, l := range lines {
		errs = append(errs, l.Close())
	}
	d.mu.Lock()
	d.closed = true
	p := d.poller
	d.mu.Unlock()
	if p != nil {
		errs = append(errs, p.Wake())
		d.loop.Wait()
		errs = append(errs, p.Close())
	}
	return errors.Join(errs...)
}
