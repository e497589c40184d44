package dahdi

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"branchline/hal"
	"branchline/hal/dahdi/abi"
	"branchline/hal/dahdi/kernel"
)

// line is one open channel. What stands below "owned" belongs to its goroutine, run.
type line struct {
	driver   *Driver
	dev      kernel.Device
	poller   kernel.Poller
	key      int
	channel  int
	sig      abi.Signalling
	phone    bool // a telephone is at the other end
	settings Settings
	info     hal.Info
	log      *slog.Logger

	events   *hal.Outbox
	commands chan *command
	ended    chan struct{} // closed when run has ended

	queue reports
	clock clock
	talk  talk
	audio atomic.Pointer[audio]
	state status

	// owned
	params   abi.Params // what SetParams was last given
	offHook  bool       // we are, on a line; the telephone is
	burst    bool       // of ringing, heard or made
	reversed bool
	waiting  *hook // a change of the hook that the kernel does not take yet
	again    *time.Timer
	over     bool // closed, or lost
}

// status is what others may see of the line at any time.
type status struct {
	offHook, alarm, gone atomic.Bool
	underruns, overruns  atomic.Uint64
}

// buffers of one frame are what the kernel keeps for a channel in each direction.
const buffers = 4

func newLine(d *Driver, dev kernel.Device, channel int, sig abi.Signalling, s Settings) *line {
	l := &line{driver: d, dev: dev, channel: channel, sig: sig, phone: sig.TowardsPhone(), settings: s,
		log:      d.log.With("line", "dahdi/"+strconv.Itoa(channel)),
		commands: make(chan *command), ended: make(chan struct{})}
	l.queue.woken = make(chan struct{}, 1)
	l.clock.at = time.Now()
	return l
}

// Describe tells what "line show" prints of a channel.
func (l *line) Describe() []hal.Fact {
	hook := "on hook"
	if l.state.offHook.Load() {
		hook = "off hook"
	}
	facts := []hal.Fact{{Name: "channel", Value: l.info.Model}, {Name: "signalling", Value: l.sig.String()}, {Name: "hook", Value: hook}}
	if l.state.alarm.Load() {
		facts = append(facts, hal.Fact{Name: "alarm", Value: "yes"})
	}
	if l.info.Caps.Has(hal.CancelsEcho) {
		facts = append(facts, hal.Fact{Name: "echo canceller", Value: strconv.Itoa(l.settings.EchoTaps) + " taps, the kernel's"})
	}
	return append(facts,
		hal.Fact{Name: "write underruns", Value: strconv.FormatUint(l.state.underruns.Load(), 10)},
		hal.Fact{Name: "read overruns", Value: strconv.FormatUint(l.state.overruns.Load(), 10)})
}

func (l *line) Info() hal.Info           { return l.info }
func (l *line) Events() <-chan hal.Event { return l.events.Events() }

// A command is a request to the goroutine that owns the line. Its run calls reply
// once, perhaps later.
type command struct {
	run  func(reply func(error))
	done chan error // capacity 1
}

// ask has the owner run something and returns what it replies.
func (l *line) ask(ctx context.Context, run func(c *command, reply func(error))) error {
	c := &command{done: make(chan error, 1)}
	c.run = func(reply func(error)) { run(c, reply) }
	select {
	case l.commands <- c:
	case <-ctx.Done():
		return ctx.Err()
	case <-l.ended:
		return hal.ErrClosed
	}
	select {
	case err := <-c.done:
		return err
	case <-ctx.Done():
		return l.giveUp(ctx, c)
	}
}

// giveUp takes back a command that may be waiting for the kernel to be willing.
func (l *line) giveUp(ctx context.Context, c *command) error {
	cancel := &command{done: make(chan error, 1), run: func(reply func(error)) {
		if l.waiting != nil && l.waiting.by == c {
			l.settle(ctx.Err())
		}
		reply(nil)
	}}
	select {
	case l.commands <- cancel:
		<-cancel.done
	case <-l.ended:
	}
	select {
	case err := <-c.done: // it was over before it could be taken back
		return err
	default:
		return ctx.Err()
	}
}

// run owns the line until it is closed or lost.
func (l *line) run() {
	defer close(l.ended)
	l.interpret()
	for !l.over {
		var again <-chan time.Time
		if l.again != nil {
			again = l.again.C
		}
		select {
		case <-l.queue.woken:
			l.interpret()
		case c := <-l.commands:
			// The command was given in ignorance of what the kernel has not told yet,
			// but it must not be carried out so.
			l.drain()
			l.interpret()
			if l.over {
				c.done <- hal.ErrClosed
				break
			}
			c.run(func(err error) { c.done <- err })
		case <-again:
			l.again = nil
			l.change(l.waiting)
		}
	}
	l.settle(hal.ErrClosed)
	l.driver.forget(l)
	if a := l.audio.Swap(nil); a != nil {
		a.end()
	}
}

// Close puts the line on hook, which the kernel does when a channel is closed.
func (l *line) Close() error {
	err := l.ask(context.Background(), func(_ *command, reply func(error)) {
		l.over = true
		l.poller.Watch(l.dev, l.key, 0) // closing would do the same
		reply(l.dev.Close())
	})
	<-l.ended
	l.events.Close()
	if err == hal.ErrClosed { // it was lost, or closed before
		return nil
	}
	return err
}

// A hook is a change of the hook state that the kernel is asked for.
type hook struct {
	value abi.Int
	until time.Time // give up then
	by    *command  // nil: our own doing
	then  func(error)
}

// How often and how long a change that the kernel refuses for the moment is tried
// again. The longest that it refuses is 800 ms, after a battery drop.
const (
	hookAgain = 20 * time.Millisecond
	hookLimit = 2 * time.Second
)

// setHook changes the hook state, at once or as soon as the kernel is willing; one
// that is still waiting has been overtaken by then.
func (l *line) setHook(value abi.Int, by *command, then func(error)) {
	l.settle(errOvertaken)
	l.change(&hook{value: value, until: time.Now().Add(hookLimit), by: by, then: then})
}

var errOvertaken = fmt.Errorf("another operation came before it was done")

func (l *line) change(h *hook) {
	l.waiting = nil
	// Any of them ends the dialling of digits.
	l.talk.mu.Lock()
	err := kernel.Put(l.dev, abi.Hook, h.value)
	if err != unix.EBUSY {
		l.talk.dialing, l.talk.primed = false, false
	}
	l.talk.mu.Unlock()
	switch {
	case err == nil, err == unix.EINPROGRESS:
		h.then(nil)
	case err == unix.EBUSY && time.Now().Before(h.until):
		l.waiting = h
		l.again = time.NewTimer(hookAgain)
	case err == unix.ENODATA:
		h.then(errNoZone)
	default:
		h.then(err)
	}
}

// settle ends the waiting for a change of the hook.
func (l *line) settle(err error) {
	if l.again != nil {
		l.again.Stop()
		l.again = nil
	}
	if h := l.waiting; h != nil {
		l.waiting = nil
		h.then(err)
	}
}

// errNoZone is ENODATA in words.
var errNoZone = fmt.Errorf("no tone zone is loaded (loadzone in /etc/dahdi/system.conf): %w", unix.ENODATA)

// echo switches the kernel's canceller.
func (l *line) echo(on bool) {
	if !l.info.Caps.Has(hal.CancelsEcho) {
		return
	}
	taps := abi.Int(0)
	if on {
		taps = abi.Int(l.settings.EchoTaps)
	}
	if err := kernel.Put(l.dev, abi.EchoCancel, taps); err != nil {
		l.log.Warn("echo canceller", "taps", int(taps), "error", err)
	}
}

// clock counts samples: those that the line delivered while its audio is read,
// otherwise as many as the time that passed holds.
type clock struct {
	mu       sync.Mutex
	samples  int64
	at       time.Time // when there were so many
	counting bool
}

func (c *clock) now() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.sinceLast()
}

func (c *clock) sinceLast() int64 {
	passed := int64(time.Since(c.at) * hal.Rate / time.Second)
	if c.counting { // the next frame is not over yet
		passed = min(passed, hal.FrameSize-1)
	}
	return c.samples + passed
}

// count begins or ends the counting of frames.
func (c *clock) count(on bool) {
	c.mu.Lock()
	c.samples, c.at, c.counting = c.sinceLast(), time.Now(), on
	c.mu.Unlock()
}

// frame is called for each frame that came.
func (c *clock) frame() {
	c.mu.Lock()
	c.samples, c.at = c.samples+hal.FrameSize, time.Now()
	c.mu.Unlock()
}
