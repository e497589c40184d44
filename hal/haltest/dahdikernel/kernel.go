// Package dahdikernel is an operating system with DAHDI in it, for tests: it behaves as
// the kernel modules do (dahdi-base.c of dahdi-linux 2.11 to 3.4), in the time of the
// test, and keeps to each of their rules, so that a driver that breaks one is seen to:
// a read hands over one block and loses what does not fit; while an event waits, reads
// and writes fail with errno 500; 63 events are kept and those after them are lost;
// ringing and flashing answer EINPROGRESS; the hook is EBUSY in the states in which it
// is; ringing and dialling answer ENODATA without a tone zone; a write ends the dialling.
//
// Ports are put in with Card, or by a driver that creates dynamic spans. What happens at
// the far end of a port's wire the test does: Far. Two ports joined by Join are each
// other's far end.
package dahdikernel

import (
	"fmt"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"branchline/hal/dahdi/abi"
	"branchline/hal/dahdi/kernel"
)

// Kernel implements kernel.Kernel.
type Kernel struct {
	// Cancellers are the echo cancellers whose modules can be loaded.
	Cancellers []string
	// Unassigned leaves dynamic spans without channels, as auto_assign_spans=0 does.
	Unassigned bool

	mu       sync.Mutex
	spans    []*span
	channels []*Channel // by number, less one
	zones    []*zone    // the first is the default
	digit    int        // length of a digit, in ms
	changed  chan struct{}
	stop     chan struct{}
	stopped  sync.WaitGroup
	opened   int
	missing  bool // the modules are not loaded
}

type span struct {
	number      int
	name        string
	description string
	kind        string
	compatible  int32
	alarms      abi.Alarms
	channels    []*Channel
	running     bool
	address     string // of a dynamic one
	card        Card
	setup       abi.SpanSetup
}

type zone struct {
	number int
	name   string
	ring   abi.Cadence
	digit  int // ms
}

// New starts a kernel; the test closes it.
func New() *Kernel {
	k := &Kernel{digit: 100, changed: make(chan struct{}), stop: make(chan struct{})}
	k.stopped.Go(k.run)
	return k
}

// Close ends it.
func (k *Kernel) Close() {
	close(k.stop)
	k.stopped.Wait()
}

// Unload makes all devices disappear, as if DAHDI had never been loaded.
func (k *Kernel) Unload() {
	k.mu.Lock()
	k.missing = true
	k.mu.Unlock()
}

// Opened is how many descriptors are open.
func (k *Kernel) Opened() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.opened
}

// A Card is hardware with one span of ports.
type Card struct {
	Ports    []abi.Signalling // what the ports are; configured or not, see Raw
	Raw      bool             // the channels have no signalling yet
	Reverses bool             // SETPOLARITY, VMWI and hardware gains work
}

// Card puts a card in and returns its channels.
func (k *Kernel) Card(c Card) []*Channel {
	k.mu.Lock()
	defer k.mu.Unlock()
	s := &span{number: len(k.spans) + 1, kind: "ANALO", description: "Test Board", card: c}
	s.name = fmt.Sprintf("TEST/%d", s.number)
	for i, sig := range c.Ports {
		ch := k.addChannel(s, fmt.Sprintf("%s/%d", s.name, i))
		ch.capable = sig
		if sig.TowardsExchange() {
			ch.capable = abi.FXSKS | abi.FXSLS | abi.FXSGS
		} else if sig.TowardsPhone() {
			ch.capable = abi.FXOKS | abi.FXOLS | abi.FXOGS
		}
		if !c.Raw {
			ch.sig = sig
		}
	}
	s.running = !c.Raw
	k.spans = append(k.spans, s)
	return s.channels
}

func (k *Kernel) addChannel(s *span, name string) *Channel {
	ch := &Channel{k: k, number: len(k.channels) + 1, span: s, name: name, position: len(s.channels) + 1, law: abi.LawMu}
	ch.dry = true
	k.channels = append(k.channels, ch)
	s.channels = append(s.channels, ch)
	return ch
}

// Channel is the port with a number from 1.
func (k *Kernel) Channel(n int) *Channel {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.channels[n-1]
}

// Join wires a telephone's port to a line's.
func (k *Kernel) Join(phone, line *Channel) {
	k.mu.Lock()
	defer k.mu.Unlock()
	phone.peer, line.peer = line, phone
}

// LoadZone gives the kernel a tone zone without a driver's help.
func (k *Kernel) LoadZone() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.zones = append(k.zones, &zone{number: len(k.zones), name: "test", digit: k.digit, ring: abi.Cadence{1000, 4000}})
}

// run is the clock of all spans: a chunk of 8 samples per millisecond.
func (k *Kernel) run() {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-k.stop:
			return
		}
		k.mu.Lock()
		for _, ch := range k.channels {
			ch.transmit()
		}
		for _, ch := range k.channels {
			ch.receive()
		}
		k.mu.Unlock()
	}
}

// notify wakes those who wait for readiness. The lock is held.
func (k *Kernel) notify() {
	close(k.changed)
	k.changed = make(chan struct{})
}

// Open opens ctl or channel.
func (k *Kernel) Open(path string) (kernel.Device, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	switch {
	case k.missing:
		return nil, unix.ENOENT
	case path == "/dev/dahdi/ctl":
		k.opened++
		return &device{k: k, ctl: true}, nil
	case path == "/dev/dahdi/channel":
		k.opened++
		return &device{k: k}, nil
	}
	return nil, unix.ENOENT
}

// device is an open descriptor: ctl, or a channel once it was specified.
type device struct {
	k      *Kernel
	ctl    bool
	ch     *Channel
	closed bool
}

func (d *device) Ioctl(r abi.Request, arg []byte) error {
	k := d.k
	k.mu.Lock()
	defer k.mu.Unlock()
	if d.closed {
		return unix.EBADF
	}
	if len(arg) < r.Size() && !(arg == nil && r == abi.SetCadence) {
		return unix.EFAULT
	}
	switch {
	case d.ctl:
		return k.control(r, arg)
	case d.ch != nil && d.ch.removed:
		if r == abi.GetEvent {
			putInteger(arg, int32(abi.Removed))
		}
		return unix.ENODEV
	case d.ch != nil:
		return d.ch.ioctl(r, arg)
	case r == abi.Specify:
		return d.specify(int(integer(arg)))
	}
	return unix.ENOSYS
}

func (d *device) specify(n int) error {
	k := d.k
	if n < 1 || n > len(k.channels) {
		return unix.EINVAL
	}
	ch := k.channels[n-1]
	switch {
	case ch.removed || ch.sig == abi.Unused:
		return unix.ENXIO
	case ch.open:
		return unix.EBUSY
	}
	d.ch = ch
	ch.opened()
	return nil
}

func (d *device) Read(p []byte) (int, error)  { return d.pass((*Channel).read, p) }
func (d *device) Write(p []byte) (int, error) { return d.pass((*Channel).write, p) }

// pass has a channel read or write.
func (d *device) pass(f func(*Channel, []byte) (int, error), p []byte) (int, error) {
	d.k.mu.Lock()
	defer d.k.mu.Unlock()
	if d.closed {
		return 0, unix.EBADF
	}
	if d.ch == nil {
		return 0, unix.EINVAL
	}
	return f(d.ch, p)
}

func (d *device) Close() error {
	d.k.mu.Lock()
	defer d.k.mu.Unlock()
	if d.closed {
		return unix.EBADF
	}
	d.closed = true
	d.k.opened--
	if d.ch != nil {
		d.ch.closed()
	}
	return nil
}
