// Package voice makes a telephone line of a voice modem (ITU-T V.253) that sends and
// receives speech at once.
//
// The modem's microphone and loudspeaker are a stream of 8-bit samples each way on
// the serial port, entered by +VTR and left by DLE ^. Between calls, and for
// dialling, it takes commands. What it hears by itself (ringing, caller ID, tones,
// interruptions of the loop) comes as lines, or in the stream behind DLE.
package voice

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
	"branchline/hal/modem/dle"
	"branchline/hal/modem/duplex"
)

// Driver is the name in hal.Info and in errors.
const Driver = "modem"

// ErrHalfDuplex is the error of a modem that can play and record, but not both.
var ErrHalfDuplex = errors.New("this modem plays or records, but not both at once (no +VTR): it cannot carry a call")

// echoDelay is how far the echo canceller must look, in samples: what we queue, what
// the modem does in each direction, and what USB adds. 200 ms.
const echoDelay = 1600

// Options of a line.
type Options struct {
	Name   string   // as the user named the line
	Blind  bool     // dial without waiting for a dial tone
	Digits bool     // report the digits the modem hears
	Init   []string // commands after ours
	// Prove goes off hook once to see that the modem is full duplex, however well its
	// model is known.
	Prove bool
	// Doubt is called when a modem refuses in a call what its model is known for.
	Doubt func()
	Log   *slog.Logger
}

// A Line is a voice modem in use.
type Line struct {
	o      Options
	info   hal.Info
	port   io.ReadWriteCloser
	engine *at.Engine
	box    *hal.Outbox
	clock  *duplex.Clock
	setup  []string // what was accepted, sent again after each call
	format *format
	firm   string
	gone   chan struct{} // closed when the device is
	turn   chan struct{} // capacity 1: one operation at a time
	queued func() int    // bytes on the way to the modem

	mu     sync.Mutex
	reason error // why it is gone
	path   *duplex.Path
	// What the call's stream is doing: streaming from before +VTR until we leave or
	// the modem does, ended when the far side was told to be gone.
	streaming, ended bool
	fresh            bool // nothing of the stream was seen yet
	unwatch          chan struct{}
	dialing          context.CancelFunc
	ringing          *time.Timer // until RingEnd
	reversed         bool

	// Of the engine's goroutine only:
	decoder dle.Decoder
	bytes   []byte
	in, out []int16
	send    []byte
	caller  callerLines
	heard   hal.Tone
	heardAt int64
}

// Open sets a modem up that answers on port, and takes the port over: it is closed
// if that fails. The errors of package at tell of a modem that does not answer.
func Open(ctx context.Context, port io.ReadWriteCloser, o Options) (*Line, error) {
	l := &Line{o: o, port: port, box: hal.NewOutbox(), clock: duplex.NewClock(),
		gone: make(chan struct{}), turn: make(chan struct{}, 1),
		in: make([]int16, hal.FrameSize), out: make([]int16, hal.FrameSize)}
	l.queued = func() int { return 0 }
	if p, ok := port.(interface{ Queued() int }); ok {
		l.queued = p.Queued
	}
	l.engine = at.New(port, at.Options{Unsolicited: l.news, Words: words(), Shielded: l.code, Trace: l.trace})
	go l.run()
	if err := l.prepare(ctx); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

func (l *Line) trace(direction byte, line string) {
	l.o.Log.Debug("modem", "line", l.o.Name, "way", string(direction), "text", line)
}

// run reads until the device has gone or was closed.
func (l *Line) run() {
	err := l.engine.Run()
	l.mu.Lock()
	if l.reason == nil {
		l.reason = err
	}
	reason, path := l.reason, l.path
	if l.dialing != nil {
		l.dialing()
	}
	l.mu.Unlock()
	if path != nil {
		path.End()
	}
	l.caller.stop()
	l.put(hal.Event{Kind: hal.Lost, Err: reason})
	l.box.End()
	close(l.gone)
}

// abandon gives the device up: it does not work any more.
func (l *Line) abandon(why error) {
	l.mu.Lock()
	first := l.reason == nil
	if first {
		l.reason = why
	}
	l.mu.Unlock()
	if first {
		go l.release()
	}
}

// release closes the port. What the port says of that is no news after Lost.
func (l *Line) release() { _ = l.port.Close() }

// Info tells what the line is.
func (l *Line) Info() hal.Info { return l.info }

// Describe tells what the modem has said of itself.
func (l *Line) Describe() []hal.Fact {
	return []hal.Fact{{Name: "model", Value: l.info.Model}, {Name: "firmware", Value: l.firm}, {Name: "samples", Value: l.format.label}}
}

// Events is what happens on the line.
func (l *Line) Events() <-chan hal.Event { return l.box.Events() }

// Audio opens the speech of the call.
func (l *Line) Audio() (hal.Audio, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.path == nil {
		return nil, fmt.Errorf("%s: no call: %w", l.o.Name, hal.ErrClosed)
	}
	return l.path.Open()
}

// Close hangs up and lets go of the modem.
func (l *Line) Close() error {
	select {
	case <-l.gone:
	default:
		l.mu.Lock()
		busy := l.path != nil
		l.mu.Unlock()
		if busy {
			ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
			// A modem that does not hang up does so when its port is closed, which
			// drops DTR.
			_ = l.Do(ctx, hal.Op{Kind: hal.Clear})
			cancel()
		}
	}
	l.mu.Lock()
	if l.reason == nil {
		l.reason = hal.ErrClosed
	}
	l.mu.Unlock()
	err := l.port.Close()
	<-l.gone
	l.box.Close()
	return err
}

func (l *Line) put(e hal.Event) {
	e.At = l.clock.Now()
	l.box.Put(e)
}

// words are the beginnings of what a modem says unasked.
func words() []string {
	return []string{"RING", "DATE", "TIME", "NMBR", "NAME", "MESG", "NO CARRIER", "BUSY", "NO ANSWER", "NO DIALTONE", "+VSD", "DRON", "DROF", "CPON", "CIDM"}
}
