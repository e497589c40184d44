package voice

import (
	"context"
	"errors"
	"fmt"
	"time"

	"branchline/hal"
	"branchline/hal/modem/at"
	"branchline/hal/modem/dle"
	"branchline/hal/modem/duplex"
)

const (
	// stalled is how long no samples come from a modem that works.
	stalled = 3 * time.Second
	// leaveIn is how long a modem takes to leave the stream: it plays what it has.
	leaveIn = 2 * time.Second
)

const can = 0x18 // after DLE: forget what is to be played

// enter goes off hook, if we are not, and into the stream.
func (l *Line) enter(ctx context.Context) error {
	if _, err := l.command(ctx, "AT+VLS=1"); err != nil {
		return err
	}
	return l.connect(ctx)
}

// connect enters the stream of a line that is off hook.
func (l *Line) connect(ctx context.Context) error {
	stop := make(chan struct{})
	l.mu.Lock()
	if l.path == nil {
		l.path = duplex.NewPath(l.clock)
	}
	l.streaming, l.ended, l.fresh, l.unwatch = true, false, true, stop
	l.mu.Unlock()
	l.clock.Flow(true)
	_, err := l.engine.Do(ctx, at.Command{Text: "AT+VTR", Stream: l.stream})
	if err != nil {
		l.clock.Flow(false)
		l.mu.Lock()
		l.streaming = false
		l.mu.Unlock()
		var refused *at.Refusal
		if errors.As(err, &refused) {
			return fmt.Errorf("%s: %w", l.info.Model, ErrHalfDuplex)
		}
		return err
	}
	go l.watch(stop)
	return nil
}

// leave goes back to commands. Without a stream it does nothing.
func (l *Line) leave(ctx context.Context) error {
	l.mu.Lock()
	streaming := l.streaming
	l.streaming = false
	if l.unwatch != nil {
		close(l.unwatch)
		l.unwatch = nil
	}
	l.mu.Unlock()
	l.clock.Flow(false)
	if !streaming {
		return nil
	}
	_, err := l.engine.Do(ctx, at.Command{Raw: []byte{dle.DLE, can, dle.DLE, '^'}, Timeout: leaveIn, Calls: true})
	if errors.Is(err, at.ErrTimeout) || errors.Is(err, at.ErrGarbled) {
		// Other words for the same: end of data, abort of recording, abort of all.
		err = l.engine.Send([]byte{dle.DLE, dle.ETX, dle.DLE, '!', dle.DLE, 0x1b})
	}
	var refused *at.Refusal
	if errors.As(err, &refused) { // NO CARRIER is as good an end as OK
		err = nil
	}
	return err
}

// stream takes what comes after CONNECT: for each sample from the modem it sends
// one.
func (l *Line) stream(b []byte) (int, bool) {
	l.mu.Lock()
	path, live, fresh := l.path, l.streaming && !l.ended, l.fresh
	l.fresh = false
	l.mu.Unlock()
	l.send = l.send[:0]
	if fresh {
		l.decoder = dle.Decoder{}
		for range duplex.Cushion {
			l.send = append(l.send, l.format.encode(0))
		}
	}
	data, n, over := l.decoder.Decode(l.bytes[:0], b, l.code)
	l.bytes = data
	for live && len(data) > 0 {
		k := min(len(data), len(l.in))
		for i, c := range data[:k] {
			l.in[i] = l.format.decode[c]
		}
		data = data[k:]
		if !over {
			if err := l.reply(path, k); err != nil {
				l.abandon(err)
				return n, true
			}
		}
		path.Receive(l.in[:k])
	}
	if over && live {
		l.mu.Lock()
		l.streaming = false
		l.mu.Unlock()
		l.end(errors.New("the modem has ended the call"))
	}
	return n, over
}

// reply sends k samples behind what is in send.
func (l *Line) reply(path *duplex.Path, k int) error {
	if l.queued() > duplex.Room {
		path.Discard(k)
		return nil
	}
	path.Fill(l.out[:k])
	for _, s := range l.out[:k] {
		c := l.format.encode(s)
		if c == dle.DLE {
			l.send = append(l.send, c)
		}
		l.send = append(l.send, c)
	}
	err := l.engine.Send(l.send)
	l.send = l.send[:0]
	return err
}

// end tells that the call is over though nobody hung up.
func (l *Line) end(why error) {
	l.mu.Lock()
	path, told := l.path, l.ended
	l.ended = true
	l.mu.Unlock()
	if told || path == nil {
		return
	}
	l.clock.Flow(false)
	path.End()
	l.put(hal.Event{Kind: hal.Cleared, Cause: temporaryFailure, Err: why})
}

// watch ends a call whose samples have ceased to come.
func (l *Line) watch(stop <-chan struct{}) {
	tick := time.NewTicker(stalled)
	defer tick.Stop()
	last := int64(-1)
	for {
		select {
		case <-l.gone:
			return
		case <-stop:
			return
		case <-tick.C:
		}
		now := l.clock.Now()
		if now == last {
			l.end(errors.New("no more sound comes from the modem"))
			return
		}
		last = now
	}
}
