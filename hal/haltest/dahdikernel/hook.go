package dahdikernel

import (
	"golang.org/x/sys/unix"

	"branchline/hal/dahdi/abi"
)

// What a port puts on its wire.
type txSignal int

const (
	txOn txSignal = iota
	txOff
	txStart // a telephone's port: ringing voltage
	txDrop  // a telephone's port: no battery
)

// What it sees there.
type rxSignal int

const (
	rxInitial rxSignal = iota
	rxOn
	rxOff
	rxRing
)

// state is what the hook is doing.
type state int

const (
	onHook state = iota
	offHook
	starting
	afterStart
	preFlash
	flashing
	debouncing
	ringing
	ringPause
	dropping
	afterDrop
	pulseBreak
	pulseMake
	pulseAfter
)

// hook is the signalling of a channel; times are in ms.
type hook struct {
	sends    txSignal
	state    state
	left     int32 // until the state changes by itself
	cadence  abi.Cadence
	again    int // where the cadence goes on after its end
	burst    int // position in the cadence
	rxHook   rxSignal
	since    int32 // left of the time in which going off hook again is a flash
	whole    int32 // of it
	gotStart bool
	dropOn   bool  // the telephone was hung up while the battery was away
	deaf     int   // ms in which ringing is not reported
	trailer  int   // ms until ringing counts as over
	pulses   int   // received
	pulseEnd int   // ms until they are a digit
	wire     wires // the far end, when the test is
}

// wires are what a test does at the far end.
type wires struct {
	telephone bool // of a telephone's port: off hook
	noBattery bool // of a line: the exchange feeds it
	rings     bool
	say       []int16
}

// Times of the kernel that cannot be set.
const (
	dropTime      = 500
	afterDropTime = 300
	startTime     = 500
	deafTime      = 2000
	trailerTime   = 50
	pulseShortest = 15
	pulseLongest  = 200
	pulseTimeout  = 250
)

func (ch *Channel) set(tx txSignal, s state, left int32) { ch.sends, ch.state, ch.left = tx, s, left }

// hangUp is what HOOK on does, and opening and closing.
func (ch *Channel) hangUp() {
	ch.dropOn = false
	if ch.sig.TowardsExchange() {
		ch.deaf = deafTime
	}
	gone := ch.rxHook == rxOn && ch.since <= 0
	if ch.sig == abi.FXOKS && ch.state != onHook && !gone {
		ch.set(txDrop, dropping, dropTime)
	} else {
		ch.set(txOn, onHook, 0)
	}
	ch.rx, ch.filling, ch.buffers.tx, ch.spent = nil, nil, nil, 0
	ch.cancelDial()
	ch.burst = 0
}

func (ch *Channel) setHook(v abi.Int) error {
	ch.cancelDial()
	switch v {
	case abi.HookOn:
		ch.hangUp()
	case abi.HookOff:
		if ch.state == dropping || ch.state == afterDrop {
			return unix.EBUSY
		}
		ch.set(txOff, debouncing, ch.times.Debounce)
	case abi.HookRing, abi.HookStart:
		if ch.zone == nil {
			return unix.ENODATA
		}
		if ch.state != onHook {
			return unix.EBUSY
		}
		if ch.sig.TowardsPhone() {
			ch.burst = 0
			ch.set(txStart, ringing, ch.cadence[0])
		} else {
			ch.set(txStart, starting, ch.times.Start)
		}
		return unix.EINPROGRESS
	case abi.HookFlash:
		if ch.state != offHook {
			return unix.EBUSY
		}
		ch.set(txOff, preFlash, ch.times.PreFlash)
		return unix.EINPROGRESS
	case abi.HookRingOff:
		ch.set(txOn, onHook, 0)
	default:
		return unix.EINVAL
	}
	return nil
}

// expire goes on to the next state.
func (ch *Channel) expire() {
	switch ch.state {
	case ringing:
		ch.nextBurst(0)
		ch.set(txOff, ringPause, ch.cadence[ch.burst])
		ch.queue(abi.RingerOff)
	case ringPause:
		ch.nextBurst(ch.again)
		ch.set(txStart, ringing, ch.cadence[ch.burst])
		ch.queue(abi.RingerOn)
	case starting:
		ch.set(txOff, afterStart, startTime)
	case preFlash:
		ch.set(txOn, flashing, ch.times.Flash)
	case flashing, afterStart:
		ch.set(txOff, offHook, 0)
		ch.queue(abi.HookComplete)
	case debouncing:
		ch.set(txOff, offHook, 0)
		if ch.rxHook == rxOn && ch.times.RxFlash > 2 {
			ch.whole, ch.since = ch.times.RxFlash, ch.times.RxFlash
		}
	case dropping:
		ch.set(txOn, afterDrop, afterDropTime)
		ch.queue(abi.HookComplete)
	case afterDrop:
		if ch.dropOn {
			ch.queue(abi.OnHook)
		}
		ch.state, ch.gotStart = onHook, false
	case pulseBreak:
		ch.set(txOff, pulseMake, ch.times.PulseMake)
	case pulseMake:
		if ch.pulsing > 0 {
			ch.pulsing--
		}
		if ch.pulsing > 0 {
			ch.set(txOn, pulseBreak, ch.times.PulseBreak)
			return
		}
		ch.set(txOff, pulseAfter, ch.times.PulseAfter)
	case pulseAfter:
		ch.state = offHook
		if ch.dialing {
			ch.nextDigit()
		}
	}
}

func (ch *Channel) nextBurst(again int) {
	ch.burst++
	if ch.burst == len(ch.cadence) || ch.cadence[ch.burst] == 0 {
		ch.burst = again
	}
}

// transmit is a millisecond of sending.
func (ch *Channel) transmit() {
	if ch.left > 0 {
		if ch.left--; ch.left == 0 {
			ch.expire()
		}
	}
	ch.sound()
	c := ch.outgoing()
	ch.said = append(ch.said[max(0, len(ch.said)-maxSaid):], c[:]...)
}

// maxSaid is how many samples a test can ask for.
const maxSaid = 80_000

// receive is a millisecond of listening.
func (ch *Channel) receive() {
	if !ch.span.running || ch.removed {
		return
	}
	if s := ch.seen(); s != ch.rxHook && !(ch.rxHook == rxInitial && s == ch.idle()) {
		ch.rxHook = s
		ch.signalled(s)
	}
	ch.incoming(ch.heard())
	if ch.since > 0 {
		if ch.since--; ch.since == 0 {
			ch.queue(abi.OnHook)
			ch.gotStart = false
		}
	}
	if ch.deaf > 0 {
		ch.deaf--
	}
	if ch.sig.TowardsExchange() {
		if ch.rxHook == rxRing {
			ch.trailer = trailerTime
		} else if ch.trailer > 0 {
			if ch.trailer--; ch.trailer == 0 && ch.deaf == 0 {
				ch.queue(abi.RingOffHook)
			}
		}
	}
	if ch.pulseEnd > 0 {
		if ch.pulseEnd--; ch.pulseEnd == 0 {
			digit := abi.Event('0' + ch.pulses%10)
			if ch.pulses <= 10 {
				ch.queue(abi.PulseDigit | digit)
			}
			ch.pulses = 0
		}
	}
}

// idle is what a wire looks like on which nothing happens.
func (ch *Channel) idle() rxSignal {
	if ch.sig.TowardsPhone() {
		return rxOn
	}
	return rxOff
}

// seen is what the far end puts on the wire.
func (ch *Channel) seen() rxSignal {
	far := wires{telephone: ch.wire.telephone, noBattery: ch.wire.noBattery, rings: ch.wire.rings}
	if p := ch.peer; p != nil {
		far = wires{telephone: p.sends == txOff || p.sends == txStart, rings: p.sends == txStart, noBattery: p.sends == txDrop}
	}
	switch {
	case ch.sig.TowardsPhone() && far.telephone:
		return rxOff
	case ch.sig.TowardsPhone():
		return rxOn
	case far.rings:
		return rxRing
	case far.noBattery && ch.sig != abi.FXSLS:
		return rxOn
	}
	return rxOff
}

func (ch *Channel) heard() (c [chunk]int16) {
	if p := ch.peer; p != nil {
		copy(c[:], p.said[max(0, len(p.said)-chunk):])
		return c
	}
	n := copy(c[:], ch.wire.say)
	ch.wire.say = ch.wire.say[n:]
	return c
}

// signalled is called when the far end has changed what it puts on the wire.
func (ch *Channel) signalled(s rxSignal) {
	if !ch.sig.TowardsPhone() {
		if s == rxRing && ch.deaf == 0 {
			ch.queue(abi.RingBegin)
		}
		if s == rxOn && (ch.state == offHook || ch.sig != abi.FXSKS) {
			ch.deaf, ch.trailer = deafTime, 0
			ch.queue(abi.OnHook)
		}
		return
	}
	if s == rxOn {
		switch ch.state {
		case dropping:
			ch.dropOn = true
		case debouncing, afterDrop:
		default:
			ch.whole, ch.since = ch.times.RxFlash, ch.times.RxFlash
		}
		return
	}
	ch.dropOn = false
	switch length := ch.whole - ch.since; {
	case ch.since == 0:
		if !ch.gotStart {
			ch.gotStart = true
			ch.queue(abi.RingOffHook)
		}
	case length > pulseLongest:
		ch.queue(abi.WinkFlash)
	case length >= pulseShortest:
		ch.pulses++
		ch.pulseEnd = pulseTimeout
		if ch.pulses == 1 {
			ch.queue(abi.PulseStart)
		}
	}
	ch.since = 0
}
