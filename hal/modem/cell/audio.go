package cell

import (
	"context"
	"errors"
	"fmt"
	"io"

	"branchline/hal"
	"branchline/hal/modem/duplex"
)

// listen moves samples for as long as there is a module: for each that comes one
// goes. Between calls some modules say other things on this port.
func (l *Line) listen() error {
	var (
		raw     [4096]byte
		in, out [hal.FrameSize]int16
		send    = make([]byte, 0, 2*(hal.FrameSize+duplex.Cushion))
		half    int // bytes of a sample that is arriving
		queued  = func() int { return 0 }
	)
	if p, ok := l.sound.(interface{ Queued() int }); ok {
		queued = p.Queued
	}
	for {
		n, err := l.sound.Read(raw[half:])
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = fmt.Errorf("port of the samples: %w", err)
			}
			return err
		}
		l.mu.Lock()
		c := l.call
		live := c != nil && c.path != nil && c.speaking && !c.over
		begun := live && c.begun
		if live {
			c.begun = true
		}
		l.mu.Unlock()
		if !live {
			half = 0
			continue
		}
		b := raw[:half+n]
		send = send[:0]
		if !begun {
			send = append(send, make([]byte, 2*duplex.Cushion)...)
		}
		for len(b) >= 2 {
			k := min(len(b)/2, len(in))
			for i := range k {
				in[i] = int16(uint16(b[2*i]) | uint16(b[2*i+1])<<8)
			}
			b = b[2*k:]
			if queued() > 2*duplex.Room {
				c.path.Discard(k)
			} else {
				c.path.Fill(out[:k])
				for _, s := range out[:k] {
					send = append(send, byte(s), byte(uint16(s)>>8))
				}
				if _, err := l.sound.Write(send); err != nil {
					return err
				}
				send = send[:0]
			}
			c.path.Receive(in[:k])
		}
		half = copy(raw[:], b)
	}
}

// open lets speech flow.
func (l *Line) open(ctx context.Context, c *call) error {
	l.mu.Lock()
	again := c.speaking
	c.speaking = true
	l.mu.Unlock()
	if again {
		return nil
	}
	l.clock.Flow(true)
	if _, err := l.command(ctx, l.profile.speak, true); err != nil {
		return fmt.Errorf("no speech from this module: %w", err)
	}
	return nil
}

// speak lets speech flow now that the call is up.
func (l *Line) speak(ctx context.Context) error {
	l.mu.Lock()
	c := l.call
	fit := c != nil && c.active && !c.over && c.path != nil
	l.mu.Unlock()
	if !fit {
		return nil
	}
	err := l.open(ctx, c)
	if err != nil && !fatal(err) {
		l.over(temporaryFailure, err)
	}
	return err
}

// stalled looks whether samples come. If they do not the module is asked for them
// again, then the call is over. The caller holds the lock.
func (l *Line) stalled() error {
	c := l.call
	if c == nil || !c.active || !c.speaking || c.over {
		return nil
	}
	now := l.clock.Now()
	if now != c.last {
		c.last, c.stalls = now, 0
		return nil
	}
	switch c.stalls++; c.stalls {
	case 2:
		c.speaking = false
		l.todo |= speak
		l.nudge()
	case 4:
		l.isOver(temporaryFailure, errors.New("no sound comes from the module"))
	}
	return nil
}
