package dahdikernel

import (
	"strings"

	"golang.org/x/sys/unix"

	"branchline/hal/dahdi/abi"
	"branchline/hal/dahdi/kernel"
)

// Channel is a port. The exported counters may be read while nothing happens.
type Channel struct {
	Setups     int      // times it was given a signalling
	Lost       int      // samples of blocks that a short read did not fetch
	Aborted    int      // times that a write ended the dialling
	Refused    int      // reads and writes that failed because an event waited
	Overflowed int      // events for which the queue had no room
	Dialled    []string // tone digits that went out whole
	Lamp       int      // messages waiting
	Reversed   bool
	Gains      [2]int // tenths of dB from and to the line
	Taps       int    // of the echo canceller, 0 off
	Transfers  int    // times that on-hook transmission was asked for

	k         *Kernel
	number    int
	position  int
	name      string
	span      *span
	sig       abi.Signalling
	capable   abi.Signalling
	law       int32
	alarms    abi.Alarms
	peer      *Channel
	removed   bool
	canceller string

	open   bool
	events []abi.Event
	times  abi.Times
	zone   *zone
	hook
	dial
	buffers
}

// opened is what SPECIFY does to the channel.
func (ch *Channel) opened() {
	ch.open = true
	ch.events = nil
	ch.buffers = buffers{block: 1024, count: 2, dry: ch.dry}
	ch.times = abi.Times{PreWink: 50, PreFlash: 50, Wink: 150, Flash: 750, Start: 1500, RxWink: 300, RxFlash: 1250,
		Debounce: 600, PulseBreak: 50, PulseMake: 50, PulseAfter: 750}
	if ch.sig.TowardsPhone() {
		ch.times.Start = 2000
	}
	ch.zone = nil
	ch.cadence, ch.again = abi.Cadence{ch.times.Start, 4000}, 0
	if len(ch.k.zones) > 0 {
		ch.zone = ch.k.zones[0]
		ch.cadence = ch.zone.ring
	}
	ch.Taps = 0
	ch.hangUp()
}

func (ch *Channel) closed() {
	ch.zone = nil
	ch.hangUp()
	ch.deaf, ch.since, ch.pulses, ch.pulseEnd, ch.gotStart = 0, 0, 0, 0, false
	ch.open = false
	ch.events = nil
	ch.bufferEvents = false
	ch.Taps = 0
}

// queue is the kernel's queue of events.
func (ch *Channel) queue(e abi.Event) {
	if !ch.open {
		return
	}
	if len(ch.events) == abi.MaxEvents-1 {
		ch.Overflowed++
		return
	}
	ch.events = append(ch.events, e)
	ch.k.notify()
}

func (ch *Channel) params() abi.Params {
	p := abi.Params{Channel: int32(ch.number), Span: int32(ch.span.number), Position: int32(ch.position), Signalling: ch.sig,
		Capable: ch.capable, Law: ch.law, Times: ch.times, Alarms: ch.alarms}
	copy(p.Name[:39], ch.name)
	if ch.sig.TowardsPhone() && ch.rxHook == rxOff {
		p.OffHook = 1
	}
	return p
}

func (ch *Channel) ioctl(r abi.Request, arg []byte) error {
	switch r {
	case abi.GetEvent:
		e := abi.NoEvent
		if len(ch.events) > 0 {
			e, ch.events = ch.events[0], ch.events[1:]
		}
		putInteger(arg, int32(e))
		return nil
	case abi.GetParams:
		return give(arg, ch.params())
	case abi.SetParams:
		var p abi.Params
		if err := abi.Unmarshal(arg, &p); err != nil {
			return err
		}
		ch.times = p.Times
		return nil
	case abi.SpanStat:
		if integer(arg) == 0 {
			return give(arg, ch.span.stat(len(ch.k.spans)))
		}
		return ch.k.control(r, arg)
	case abi.Hook:
		return ch.setHook(abi.Int(integer(arg)))
	case abi.SetCadence:
		return ch.setCadence(arg)
	case abi.Dial, abi.Dialing:
		return ch.dialRequest(r, arg)
	case abi.SetBufferInfo, abi.SetLinear, abi.Flush, abi.BufferEvents:
		return ch.bufferRequest(r, arg)
	case abi.EchoCancel:
		ch.Taps = 0
		if ch.canceller != "" {
			ch.Taps = int(integer(arg))
		}
		return nil
	case abi.EchoCancelFax:
		if ch.Taps == 0 {
			return unix.EINVAL
		}
		return nil
	}
	return ch.card(r, arg)
}

// card is what depends on the hardware.
func (ch *Channel) card(r abi.Request, arg []byte) error {
	c := ch.span.card
	v := integer(arg)
	switch {
	case r == abi.OnHookTransfer && len(c.Ports) > 0 && ch.sig.TowardsPhone():
		ch.Transfers++
	case r == abi.SetPolarity && c.Reverses && ch.sig.TowardsPhone():
		ch.Reversed = v != 0
		if ch.peer != nil {
			ch.peer.queue(abi.PolarityTurn)
		}
	case r == abi.MessageLamp && c.Reverses && ch.sig.TowardsPhone():
		ch.Lamp = int(v)
	case r == abi.SetHardwareGain && c.Reverses:
		ch.Gains[integer(arg[4:])] = int(v)
	default:
		return unix.ENOTTY
	}
	return nil
}

func (ch *Channel) setCadence(arg []byte) error {
	ch.again = 0
	if arg == nil {
		if ch.zone == nil {
			ch.cadence = abi.Cadence{ch.times.Start, 4000}
			return nil
		}
		ch.cadence = ch.zone.ring
	} else if err := abi.Unmarshal(arg, &ch.cadence); err != nil {
		return err
	}
	for i := 0; i < len(ch.cadence); i += 2 {
		if ch.cadence[i] < 0 {
			ch.cadence[i], ch.again = -ch.cadence[i], i
			break
		}
	}
	return nil
}

// dial is what makes digits.
type dial struct {
	dialing bool
	letters string // not yet begun
	pulse   bool   // mode
	tone    byte   // going out, or 'W'
	rest    int    // ms of it, and of the pause after it
	pulsing int    // pulses still to make
	muted   int    // ms after dialling in which nothing is heard
}

func (ch *Channel) cancelDial() {
	ch.dialing, ch.letters, ch.tone, ch.rest, ch.pulsing = false, "", 0, 0, 0
}

func (ch *Channel) dialRequest(r abi.Request, arg []byte) error {
	if r == abi.Dialing {
		putInteger(arg, 0)
		if ch.dialing {
			putInteger(arg, 1)
		}
		return nil
	}
	if ch.zone == nil {
		return unix.ENODATA
	}
	var d abi.Digits
	if err := abi.Unmarshal(arg, &d); err != nil {
		return err
	}
	letters := strings.ToUpper(abi.Text(d.Letters[:]))
	switch d.Op {
	case abi.DialCancel:
		ch.cancelDial()
	case abi.DialAppend:
		if len(ch.letters)+len(letters) >= len(d.Letters)-1 {
			return unix.EBUSY
		}
		ch.letters += letters
		if !ch.dialing {
			ch.dialing = true
			ch.nextDigit()
		}
	default:
		return unix.EINVAL
	}
	return nil
}

// nextDigit begins the next of the letters, or says that there are no more.
func (ch *Channel) nextDigit() {
	for ch.letters != "" {
		c := ch.letters[0]
		ch.letters = ch.letters[1:]
		switch {
		case c == 'T':
			ch.pulse = false
		case c == 'P':
			ch.pulse = true
		case c == 'W':
			ch.tone, ch.rest = c, 500
			return
		case ch.pulse:
			if c < '0' || c > '9' || ch.sends != txOff { // skipped without a word
				continue
			}
			ch.pulsing = int(c - '0')
			if c == '0' {
				ch.pulsing = 10
			}
			ch.set(txOn, pulseBreak, ch.times.PulseBreak)
			return
		case strings.IndexByte("0123456789*#ABCD", c) >= 0 && ch.zone.digit > 0:
			ch.tone, ch.rest = c, 2*ch.zone.digit
			return
		}
	}
	ch.dialing = false
	ch.queue(abi.DialComplete)
}

// sound goes on with a digit by a millisecond.
func (ch *Channel) sound() {
	if ch.tone == 0 {
		return
	}
	if ch.rest--; ch.rest > 0 {
		return
	}
	if ch.tone != 'W' {
		ch.Dialled = append(ch.Dialled, string(ch.tone))
	}
	ch.tone = 0
	ch.nextDigit()
}

// buffers are blocks on their way.
type buffers struct {
	block, count int
	linear       bool
	rx, tx       [][]int16 // whole blocks
	filling      []int16   // the next of rx
	spent        int       // samples of tx[0] that went out
	bufferEvents bool
	dry, full    bool // reported already
	said         []int16
}

// bufferRequest knows linear samples only; companded ones the driver does not use.
func (ch *Channel) bufferRequest(r abi.Request, arg []byte) error {
	switch r {
	case abi.SetBufferInfo:
		var b abi.BufferInfo
		if err := abi.Unmarshal(arg, &b); err != nil {
			return err
		}
		if b.Size < 16 || b.Size > 8192 || b.Count < 1 || b.Count > 32 || b.Size*b.Count > 32768 {
			return unix.EINVAL
		}
		ch.buffers = buffers{block: int(b.Size), count: int(b.Count), linear: ch.linear, bufferEvents: ch.bufferEvents, dry: ch.dry}
	case abi.SetLinear:
		ch.linear = integer(arg) != 0
	case abi.BufferEvents:
		ch.bufferEvents = integer(arg) != 0
	case abi.Flush:
		v := abi.Int(integer(arg))
		if v&abi.FlushRead != 0 {
			ch.rx, ch.filling = nil, nil
		}
		if v&abi.FlushWrite != 0 {
			ch.tx, ch.spent = nil, 0
		}
		if v&abi.FlushEvents != 0 {
			ch.events = nil
		}
	}
	return nil
}

// chunk is a millisecond.
const chunk = 8

// pending is the errno of reads and writes while an event waits.
const pending = unix.Errno(500)

func (ch *Channel) read(p []byte) (int, error) {
	switch {
	case ch.removed:
		return 0, unix.ENODEV
	case len(p) == 0 || !ch.linear:
		return 0, unix.EINVAL
	case len(ch.events) > 0:
		ch.Refused++
		return 0, pending
	case len(ch.rx) == 0:
		return 0, unix.EAGAIN
	}
	n := 0
	for i, v := range ch.rx[0] {
		if 2*i+2 > len(p) {
			ch.Lost++
			continue
		}
		p[2*i], p[2*i+1] = byte(v), byte(uint16(v)>>8)
		n += 2
	}
	ch.rx = ch.rx[1:]
	return n, nil
}

func (ch *Channel) write(p []byte) (int, error) {
	if ch.removed {
		return 0, unix.ENODEV
	}
	if len(p) == 0 || !ch.linear {
		return 0, unix.EINVAL
	}
	if ch.tone != 0 || ch.pulsing > 0 {
		ch.Aborted++
		ch.cancelDial()
	}
	if len(ch.events) > 0 {
		ch.Refused++
		return 0, pending
	}
	if len(ch.tx) == ch.buffers.count {
		return 0, unix.EAGAIN
	}
	p = p[:min(len(p), 2*ch.block)]
	block := make([]int16, len(p)/2)
	for i := range block {
		block[i] = int16(uint16(p[2*i]) | uint16(p[2*i+1])<<8)
	}
	ch.tx = append(ch.tx, block)
	return len(p), nil
}

// outgoing is the next chunk for the wire.
func (ch *Channel) outgoing() (c [chunk]int16) {
	for i := range c {
		if len(ch.tx) == 0 {
			if i > 0 || ch.tone == 0 {
				ch.runDry()
			}
			return c
		}
		c[i] = ch.tx[0][ch.spent]
		if ch.spent++; ch.spent == len(ch.tx[0]) {
			ch.tx, ch.spent = ch.tx[1:], 0
		}
	}
	ch.dry = false
	return c
}

func (ch *Channel) runDry() {
	if !ch.dry && ch.bufferEvents {
		ch.queue(abi.WriteUnderrun)
	}
	ch.dry = true
}

// incoming takes a chunk from the wire.
func (ch *Channel) incoming(c [chunk]int16) {
	if !ch.open {
		return
	}
	if ch.dialing {
		ch.muted = 50
	} else if ch.muted > 0 {
		ch.muted--
	}
	if ch.muted > 0 {
		c = [chunk]int16{}
	}
	if len(ch.rx) == ch.buffers.count {
		if !ch.full && ch.bufferEvents {
			ch.queue(abi.ReadOverrun)
		}
		ch.full = true
		return
	}
	ch.full = false
	ch.filling = append(ch.filling, c[:]...)
	if len(ch.filling) >= ch.block {
		ch.rx = append(ch.rx, ch.filling)
		ch.filling = nil
		ch.k.notify()
	}
}

var _ kernel.Kernel = (*Kernel)(nil)
