package dahdi

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"branchline/hal"
	"branchline/hal/dahdi/abi"
	"branchline/hal/dahdi/kernel"
)

// Do carries out an operation. A change of the hook that the kernel refuses for the
// moment is tried until it succeeds, for two seconds at most.
func (l *line) Do(ctx context.Context, op hal.Op) error {
	err := l.ask(ctx, func(c *command, reply func(error)) { l.perform(op, c, reply) })
	if err == nil || err == hal.ErrClosed {
		return err
	}
	if unknown := (*hal.Unsupported)(nil); errors.As(err, &unknown) {
		return err
	}
	return fmt.Errorf("dahdi channel %d: %s: %w", l.channel, op.Kind, err)
}

func (l *line) perform(op hal.Op, c *command, reply func(error)) {
	cannot := func(why string) { reply(&hal.Unsupported{Driver: "dahdi", Op: op.Kind, Why: why}) }
	const ofPhone, ofLine = "the channel is a line to an exchange (FXO)", "the channel is a telephone's (FXS)"
	switch op.Kind {
	case hal.Ring, hal.StopRing, hal.SetPolarity, hal.SetMessages:
		if !l.phone {
			cannot(ofPhone)
			return
		}
	case hal.Answer, hal.Seize, hal.Dial, hal.Flash:
		if l.phone {
			cannot(ofLine)
			return
		}
	}
	switch op.Kind {
	case hal.Ring:
		l.ring(op, c, reply)
	case hal.StopRing:
		if l.offHook { // it was lifted just now, and stays fed
			reply(nil)
			return
		}
		l.burst = false
		l.setHook(abi.HookRingOff, c, reply)
	case hal.Answer:
		l.seize(abi.HookOff, c, reply)
	case hal.Seize:
		if l.sig == abi.FXSGS {
			l.seize(abi.HookStart, c, reply)
			return
		}
		l.seize(abi.HookOff, c, reply)
	case hal.Clear:
		l.clear(c, reply)
	case hal.Flash:
		if !l.offHook {
			reply(errors.New("the line is on hook"))
			return
		}
		if err := l.flashTime(op.Length); err != nil {
			reply(err)
			return
		}
		l.setHook(abi.HookFlash, c, reply)
	case hal.Dial:
		reply(l.dial(op.Digits, op.Pulse))
	case hal.SendDigit:
		reply(l.dial(op.Digits, false))
	case hal.SetPolarity:
		reversed := abi.Int(0)
		if op.Reversed {
			reversed = 1
		}
		reply(l.card(op.Kind, abi.SetPolarity, reversed))
	case hal.SetMessages:
		reply(l.card(op.Kind, abi.MessageLamp, abi.Int(max(op.Count, 0))))
	default:
		cannot("")
	}
}

// card asks for what only some cards can do.
func (l *line) card(kind hal.OpKind, r abi.Request, arg abi.Int) error {
	err := kernel.Put(l.dev, r, arg)
	if errors.Is(err, unix.ENOTTY) || errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EINVAL) {
		return &hal.Unsupported{Driver: "dahdi", Op: kind, Why: "the card of this channel does not do it"}
	}
	return err
}

func (l *line) ring(op hal.Op, c *command, reply func(error)) {
	if l.offHook {
		reply(errors.New("the telephone is off the hook"))
		return
	}
	var arg []byte // the zone's cadence
	if op.Cadence != nil {
		cadence, err := cadenceOf(op.Cadence)
		if err == nil {
			arg, err = abi.Marshal(cadence)
		}
		if err != nil {
			reply(err)
			return
		}
	}
	if err := l.dev.Ioctl(abi.SetCadence, arg); err != nil {
		reply(fmt.Errorf("set cadence: %w", err))
		return
	}
	l.setHook(abi.HookRing, c, func(err error) {
		if err == nil && !l.burst {
			// The kernel reports the second burst and those after it.
			l.burst = true
			l.events.Put(hal.Event{Kind: hal.RingBegin, At: l.clock.now()})
		}
		reply(err)
	})
}

// defaultPause follows a burst for which no pause was given.
const defaultPause = 4 * time.Second

// cadenceOf translates a ringing pattern.
func cadenceOf(times []time.Duration) (abi.Cadence, error) {
	var c abi.Cadence
	if len(times)%2 != 0 {
		times = append(times[:len(times):len(times)], defaultPause)
	}
	if len(times) > len(c) {
		return c, fmt.Errorf("a cadence of %d times: the kernel keeps %d", len(times), len(c))
	}
	for i, d := range times {
		ms := d / time.Millisecond
		if ms < 1 || ms > 60_000 {
			return c, fmt.Errorf("%v in a cadence is not between 1 ms and a minute", d)
		}
		c[i] = int32(ms)
	}
	return c, nil
}

// seize goes off hook.
func (l *line) seize(value abi.Int, c *command, reply func(error)) {
	l.setHook(value, c, func(err error) {
		if err == nil {
			l.setOffHook(true)
			l.echo(true)
		}
		reply(err)
	})
}

// clear hangs up. On the way to a telephone that is off the hook this is a drop of the
// battery, and the telephone stays as it is until its owner hangs up too.
func (l *line) clear(c *command, reply func(error)) {
	if !l.phone && !l.offHook { // hanging up once more would make the line deaf to ringing
		l.settle(errOvertaken)
		reply(nil)
		return
	}
	if l.phone {
		l.burst = false
	} else {
		l.setOffHook(false)
	}
	l.echo(l.phone && l.offHook)
	l.setHook(abi.HookOn, c, reply)
}

// flashTime sets how long the next flash takes.
func (l *line) flashTime(length time.Duration) error {
	if length == 0 {
		length = l.settings.Flash
	}
	if length == 0 {
		return nil
	}
	l.params.Times.Flash = int32(length / time.Millisecond)
	return kernel.Put(l.dev, abi.SetParams, l.params)
}

// dial appends digits to those that are on their way out. What is written while they
// are would end them, so Write writes nothing.
func (l *line) dial(digits string, pulse bool) error {
	mode, known := "T", "0123456789*#ABCDW"
	if pulse {
		mode, known = "P", "0123456789W"
	}
	letters := strings.ToUpper(digits)
	if i := strings.IndexFunc(letters, func(r rune) bool { return !strings.ContainsRune(known, r) }); i >= 0 {
		return fmt.Errorf("%q in %q cannot be dialled", digits[i], digits)
	}
	d := abi.Digits{Op: abi.DialAppend}
	if len(mode)+len(letters) >= len(d.Letters)-1 {
		return fmt.Errorf("%d digits are too many", len(letters))
	}
	copy(d.Letters[:], mode+letters)
	l.talk.mu.Lock()
	defer l.talk.mu.Unlock()
	switch err := kernel.Put(l.dev, abi.Dial, d); err {
	case nil:
		l.talk.dialing = true
		return nil
	case unix.ENODATA:
		return errNoZone
	case unix.EBUSY:
		return errors.New("too many digits are waiting")
	default:
		return err
	}
}
