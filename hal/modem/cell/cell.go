// Package cell makes a telephone line of a cellular module: Quectel's EC25 and EG25,
// SIMCom's SIM7600 and their kin, which take commands on one serial port (3GPP TS
// 27.007 and 27.005) and have speech as 16-bit samples on another.
//
// The network tells nearly everything in messages: who calls, whether the far phone
// rings, answers or hangs up, and why. What is left to us is to look whether the
// module still has a network, and to keep its speech flowing.
package cell

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"branchline/hal"
	"branchline/hal/modem/at"
	"branchline/hal/modem/duplex"
	"branchline/hal/modem/parts"
)

// Driver is the name in hal.Info and in errors.
const Driver = "cell"

// echoDelay is how far an echo canceller must look, in samples: 200 ms.
const echoDelay = 1600

const (
	// busyEvery is how often calls are looked after: messages of the module get lost.
	busyEvery = 2 * time.Second
	// idleEvery is how often the network is looked for.
	idleEvery = 30 * time.Second
	// alarmEvery is the same while there is none.
	alarmEvery = 5 * time.Second
)

// Options of a line.
type Options struct {
	Name    string   // as the user named the line
	PIN     string   // of the SIM, "" none
	Init    []string // commands after ours
	Refused func()   // called when the SIM does not take the PIN
	Log     *slog.Logger
}

// A Line is a module in use.
type Line struct {
	o       Options
	info    hal.Info
	profile *profile
	data    io.ReadWriteCloser
	sound   io.ReadWriteCloser
	engine  *at.Engine
	box     *hal.Outbox
	clock   *duplex.Clock
	gone    chan struct{} // closed when the device is
	turn    chan struct{} // capacity 1: one operation at a time
	wake    chan struct{} // capacity 1: there is something to do
	running sync.WaitGroup
	store   parts.Store // the worker's
	sent    parts.Sent

	mu      sync.Mutex
	reason  error // why it is gone
	up      bool  // set up: messages count
	todo    chore
	call    *call
	dialing context.CancelFunc
	ringing *time.Timer // until RingEnd
	net     network
}

// Open sets a module up that answers on data and speaks on sound, and takes both
// over: they are closed if that fails. A module without SIM or network is opened;
// an alarm says what it lacks.
func Open(ctx context.Context, data, sound io.ReadWriteCloser, o Options) (*Line, error) {
	l := &Line{o: o, data: data, sound: sound, box: hal.NewOutbox(), clock: duplex.NewClock(),
		gone: make(chan struct{}), turn: make(chan struct{}, 1), wake: make(chan struct{}, 1)}
	l.engine = at.New(data, at.Options{Unsolicited: l.news, Words: words(), Pairs: []string{"+CMT:", "+CDS:"}, Trace: l.trace})
	l.running.Go(func() { l.lose(l.engine.Run()) })
	l.running.Go(func() { l.lose(l.listen()) })
	ready := make(chan struct{})
	l.running.Go(func() {
		select {
		case <-ready:
			l.work()
		case <-l.gone:
		}
	})
	go l.end()
	if err := l.prepare(ctx); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	l.mu.Lock()
	l.up = true
	l.mu.Unlock()
	l.do(check | sweep)
	close(ready)
	return l, nil
}

func (l *Line) trace(direction byte, line string) {
	l.o.Log.Debug("modem", "line", l.o.Name, "way", string(direction), "text", line)
}

// lose gives the device up, for the first reason there is, without waiting.
func (l *Line) lose(why error) {
	l.mu.Lock()
	first := l.reason == nil
	if first {
		l.reason = why
		if l.dialing != nil {
			l.dialing()
		}
		close(l.gone)
	}
	l.mu.Unlock()
	if first {
		// The ports wait for their readers, of whom we may be one.
		go func() { _, _ = l.data.Close(), l.sound.Close() }()
	}
}

// end tells that the device has gone, when nothing more can come from it.
func (l *Line) end() {
	<-l.gone
	l.running.Wait()
	l.mu.Lock()
	reason, c := l.reason, l.call
	if l.ringing != nil {
		l.ringing.Stop()
	}
	l.mu.Unlock()
	if c != nil && c.path != nil {
		c.path.End()
	}
	l.put(hal.Event{Kind: hal.Lost, Err: reason})
	l.box.End()
}

// Info tells what the line is.
func (l *Line) Info() hal.Info { return l.info }

// Events is what happens on the line.
func (l *Line) Events() <-chan hal.Event { return l.box.Events() }

// Audio opens the speech of the call.
func (l *Line) Audio() (hal.Audio, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.call == nil || l.call.path == nil {
		return nil, fmt.Errorf("%s: no call: %w", l.o.Name, hal.ErrClosed)
	}
	return l.call.path.Open()
}

// Close hangs up and lets go of the module.
func (l *Line) Close() error {
	l.mu.Lock()
	busy := l.call != nil && l.reason == nil
	l.mu.Unlock()
	if busy {
		ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
		_ = l.Do(ctx, hal.Op{Kind: hal.Clear}) // it would hang up by itself, later
		cancel()
	}
	l.lose(hal.ErrClosed)
	err := l.data.Close()
	if e := l.sound.Close(); err == nil {
		err = e
	}
	l.running.Wait()
	l.box.Close()
	return err
}

func (l *Line) put(e hal.Event) {
	e.At = l.clock.Now()
	l.box.Put(e)
}

// A chore is something the worker is to do, since it takes commands.
type chore uint8

const (
	check   chore = 1 << iota // look for SIM and network
	sweep                     // read messages
	speak                     // the call is up: let speech flow
	look                      // see how the call is
	refuse                    // a second call is not for us
	cleared                   // the far side has hung up: see why
)

// do gives the worker something to do.
func (l *Line) do(c chore) {
	l.mu.Lock()
	l.todo |= c
	l.mu.Unlock()
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// work does chores until the device has gone.
func (l *Line) work() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		select {
		case <-l.gone:
			cancel()
		case <-ctx.Done():
		}
	}()
	lookAgain := time.NewTicker(busyEvery)
	defer lookAgain.Stop()
	checked := time.Now()
	for {
		l.mu.Lock()
		c := l.todo
		l.todo = 0
		l.mu.Unlock()
		if c != 0 {
			if c&check != 0 {
				checked = time.Now()
			}
			if err := l.chores(ctx, c); err != nil && ctx.Err() == nil {
				l.lose(err)
			}
			continue
		}
		select {
		case <-l.gone:
			return
		case <-l.wake:
		case <-lookAgain.C:
			l.mu.Lock()
			busy, alarm := l.call != nil, l.net.alarm != ""
			l.mu.Unlock()
			since := time.Since(checked)
			switch {
			case busy:
				l.do(look)
			case since >= idleEvery, alarm && since >= alarmEvery:
				l.do(check | sweep)
			}
		}
	}
}

// chores does what is to be done. An error means that the module is of no use.
func (l *Line) chores(ctx context.Context, c chore) error {
	for _, step := range []struct {
		c  chore
		do func(context.Context) error
	}{{cleared, l.clear}, {speak, l.speak}, {refuse, l.refuseWaiting}, {look, l.look}, {check, l.check}, {sweep, l.sweep}} {
		if c&step.c == 0 {
			continue
		}
		if err := step.do(ctx); fatal(err) {
			return err
		} else if err != nil && ctx.Err() == nil {
			l.o.Log.Debug("module", "line", l.o.Name, "error", err)
		}
	}
	return nil
}

// fatal reports whether a module with this error must be opened again to be of use.
func fatal(err error) bool { return errors.Is(err, at.ErrSilent) || errors.Is(err, at.ErrGarbled) }

// command sends one command. bare answers have no name in front.
func (l *Line) command(ctx context.Context, text string, bare bool) ([]string, error) {
	r, err := l.engine.Do(ctx, at.Command{Text: text, Bare: bare})
	return r.Lines, err
}
