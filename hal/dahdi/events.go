package dahdi

import (
	"encoding/binary"
	"errors"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"branchline/hal"
	"branchline/hal/dahdi/abi"
	"branchline/hal/dahdi/kernel"
)

// A report is an event of the kernel's, or the loss of the device.
type report struct {
	event abi.Event
	at    int64 // samples
	err   error // the device is gone
}

// reports is the queue between those who collect events and the line's owner.
type reports struct {
	mu    sync.Mutex
	list  []report
	woken chan struct{} // capacity 1
	arg   [4]byte
}

func (q *reports) put(r report) {
	q.mu.Lock()
	q.list = append(q.list, r)
	q.mu.Unlock()
	q.wake()
}

func (q *reports) wake() {
	select {
	case q.woken <- struct{}{}:
	default:
	}
}

func (q *reports) take() []report {
	q.mu.Lock()
	defer q.mu.Unlock()
	list := q.list
	q.list = nil
	return list
}

// collect takes what the kernel has for the line. It runs on the driver's loop.
func (l *line) collect(what kernel.Readiness) {
	if what&kernel.Events != 0 {
		l.drain()
	}
	if what&kernel.Input != 0 {
		if a := l.audio.Load(); a != nil {
			a.take()
		}
	}
	if what&kernel.Gone != 0 {
		l.gone(unix.ENODEV)
	}
}

// drain moves all events from the kernel's queue to ours. Until it is empty the
// kernel refuses to read and write.
func (l *line) drain() {
	q := &l.queue
	q.mu.Lock()
	at := l.clock.now()
	var failed error
	// A queue that has not come to its end after so many is broken.
	for range 16 * abi.MaxEvents {
		clear(q.arg[:])
		if failed = l.dev.Ioctl(abi.GetEvent, q.arg[:]); failed != nil {
			break
		}
		e := abi.Event(binary.NativeEndian.Uint32(q.arg[:]))
		if e == abi.NoEvent {
			break
		}
		q.list = append(q.list, report{event: e, at: at})
	}
	some := len(q.list) > 0
	q.mu.Unlock()
	if some {
		q.wake()
	}
	if failed != nil {
		l.gone(failed)
	}
}

// gone says, once, that the device does not answer any more.
func (l *line) gone(err error) {
	if l.state.gone.Swap(true) {
		return
	}
	l.poller.Watch(l.dev, l.key, 0) // it would be reported for ever
	l.queue.put(report{at: l.clock.now(), err: err})
}

// interpret makes hal.Events of what was collected, and does what each asks for.
func (l *line) interpret() {
	for _, r := range l.queue.take() {
		if l.over {
			return
		}
		if r.err != nil || r.event == abi.Removed {
			l.lose(r)
			return
		}
		l.handle(r)
	}
}

// lose ends the line: the kernel waits for a removed channel to be closed.
func (l *line) lose(r report) {
	err := r.err
	if err == nil {
		err = errors.New("the channel was removed")
	}
	l.over = true
	l.state.gone.Store(true)
	l.poller.Watch(l.dev, l.key, 0)
	l.dev.Close()
	l.events.Put(hal.Event{Kind: hal.Lost, At: r.at, Err: err})
	l.events.End()
}

func (l *line) handle(r report) {
	put := func(e hal.Event) {
		e.At = r.at
		l.events.Put(e)
	}
	digit := byte(r.event)
	switch r.event {
	case abi.RingBegin:
		if !l.phone && !l.burst {
			l.burst = true
			put(hal.Event{Kind: hal.RingBegin})
		}
	case abi.RingOffHook:
		if l.phone {
			l.lifted(put)
			return
		}
		// For two seconds after hanging up the kernel tells no begin.
		if !l.burst {
			put(hal.Event{Kind: hal.RingBegin})
		}
		l.burst = false
		put(hal.Event{Kind: hal.RingEnd})
	case abi.OnHook:
		if l.phone {
			l.replaced(put)
			return
		}
		put(hal.Event{Kind: hal.Cleared})
	case abi.WinkFlash:
		if l.phone {
			put(hal.Event{Kind: hal.HookFlash})
		}
	case abi.RingerOn:
		l.burst = true
		put(hal.Event{Kind: hal.RingBegin})
	case abi.RingerOff:
		l.burst = false
		// So that caller ID passes the battery feed; not all cards need to be told.
		kernel.Put(l.dev, abi.OnHookTransfer, abi.Int(onHookTransfer/time.Millisecond))
		put(hal.Event{Kind: hal.RingEnd})
	case abi.PolarityTurn:
		l.reversed = !l.reversed
		put(hal.Event{Kind: hal.Polarity, Reversed: l.reversed})
	case abi.DialComplete:
		if l.dialled() {
			put(hal.Event{Kind: hal.DialDone})
		}
	case abi.Alarm:
		l.state.alarm.Store(true)
		put(hal.Event{Kind: hal.AlarmBegin, Err: l.alarm()})
	case abi.NoAlarm:
		l.state.alarm.Store(false)
		put(hal.Event{Kind: hal.AlarmEnd})
	case abi.PulseStart:
		put(hal.Event{Kind: hal.DigitBegin, Pulse: true})
	case abi.FaxAnswerTone:
		put(hal.Event{Kind: hal.Progress, Tone: hal.FaxAnswer})
	case abi.FaxCallTone:
		put(hal.Event{Kind: hal.Progress, Tone: hal.FaxCalling})
	case abi.ReadOverrun:
		l.state.overruns.Add(1)
		if a := l.audio.Load(); a != nil {
			a.overruns.Add(1)
		}
	case abi.WriteUnderrun:
		l.state.underruns.Add(1)
		if a := l.audio.Load(); a != nil {
			a.underruns.Add(1)
		}
	case abi.PulseDigit | abi.Event(digit):
		put(hal.Event{Kind: hal.Digit, Digit: digit, Pulse: true})
	}
	// The rest is of no use here: the end of a flash (which Do does not wait for),
	// states of the canceller, timers of devices that are never opened.
}

// onHookTransfer is how long a card lets audio pass to a telephone on its hook.
const onHookTransfer = 6 * time.Second

// lifted answers a telephone that was taken off the hook: feeding it ends the ringing.
func (l *line) lifted(put func(hal.Event)) {
	l.burst = false
	l.setOffHook(true)
	put(hal.Event{Kind: hal.OffHook})
	l.setHook(abi.HookOff, nil, l.note)
	l.echo(true)
}

// replaced follows a telephone that was put back, so that it can be rung again.
func (l *line) replaced(put func(hal.Event)) {
	l.setOffHook(false)
	put(hal.Event{Kind: hal.OnHook})
	l.echo(false)
	l.setHook(abi.HookOn, nil, l.note)
}

func (l *line) setOffHook(off bool) {
	l.offHook = off
	l.state.offHook.Store(off)
}

// note takes the outcome of what nobody waits for.
func (l *line) note(err error) {
	if err != nil && err != errOvertaken && err != hal.ErrClosed {
		l.log.Warn("the hook state was not followed", "error", err)
	}
}

// dialled is called when digits are out, and says whether these were all: more may
// have been appended after the kernel had said so.
func (l *line) dialled() bool {
	l.talk.mu.Lock()
	defer l.talk.mu.Unlock()
	var more abi.Int
	if kernel.Exchange(l.dev, abi.Dialing, &more) == nil && more != 0 {
		return false
	}
	l.talk.dialing, l.talk.primed = false, false
	return true
}

// alarm says what is wrong with the line.
func (l *line) alarm() error {
	p := abi.Params{Channel: int32(l.channel)}
	var span abi.Span
	if err := kernel.Exchange(l.dev, abi.GetParams, &p); err != nil {
		return err
	}
	if err := kernel.Exchange(l.dev, abi.SpanStat, &span); err != nil {
		return err
	}
	if !l.phone && (p.Alarms|span.Alarms)&abi.Red != 0 && span.Analog() {
		return errors.New("no battery: nothing is connected, or the exchange is down")
	}
	return errors.New(strings.ToLower((p.Alarms | span.Alarms).String()) + " alarm")
}
