package console

import (
	"context"
	"errors"
	"net"
	"strings"
	"time"
)

// A session is one connected console. Three goroutines: one reads requests, one
// writes what the queue holds, and run carries out the lines, one at a time.
type session struct {
	server *Server
	conn   net.Conn
	queue  *queue
	lines  chan string
	screen screen
}

type screenKey struct{}

// screenOf is the screen of the console that gave the command, nil if it came
// from elsewhere.
func screenOf(ctx context.Context) *screen {
	s, _ := ctx.Value(screenKey{}).(*screen)
	return s
}

func (c *session) run(ctx context.Context, in hello) {
	out := c.server.o.Output
	c.screen.name, c.screen.put = "Console", c.queue.putLog
	c.screen.verbose.Store(int32(in.Verbose))
	c.screen.muted.Store(in.Mute)
	c.screen.times = in.Times
	if in.Watch {
		out.attach(&c.screen)
		defer out.detach(&c.screen)
	}
	if in.Debug > out.Debug() {
		out.SetDebug(in.Debug)
	}
	ctx, leave := context.WithCancel(ctx)
	defer leave()
	written, read := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(written)
		c.write()
	}()
	go func() {
		defer close(read)
		defer leave()
		c.read()
	}()
	c.carryOut(context.WithValue(ctx, screenKey{}, &c.screen))
	c.queue.put(frameBye, nil)
	c.queue.close()
	// Somebody who does not read any more must not hold up the shutdown.
	_ = c.conn.SetWriteDeadline(time.Now().Add(time.Second))
	<-written
	c.conn.Close()
	<-read
}

// carryOut runs the lines until the console leaves or the daemon stops.
func (c *session) carryOut(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case line := <-c.lines:
			outcome := c.server.o.Tree.Run(ctx, sessionWriter{c}, line)
			c.queue.put(frameDone, []byte{byte(outcome)})
		}
	}
}

func (c *session) read() {
	for {
		f, err := readFrame(c.conn, maxRequest)
		if err != nil {
			return
		}
		switch f.kind {
		case frameRun:
			select {
			case c.lines <- string(f.payload):
			default:
				return // 64 lines ahead of us: no human
			}
		case frameComplete:
			words := c.server.o.Tree.Complete(string(f.payload))
			c.queue.put(frameCandidates, []byte(strings.Join(words, "\n")))
		}
	}
}

func (c *session) write() {
	for more := true; more; {
		var frames []frame
		frames, more = c.queue.take()
		for _, f := range frames {
			if err := writeFrame(c.conn, f.kind, f.payload); err != nil {
				c.conn.Close() // the reader notices and ends the session
				return
			}
		}
	}
}

var errFlooded = errors.New("console: more output than the console takes")

// sessionWriter is what a command prints to.
type sessionWriter struct{ c *session }

func (w sessionWriter) Write(p []byte) (int, error) {
	if len(p) > 0 && !w.c.queue.put(frameOutput, p) {
		return 0, errFlooded
	}
	return len(p), nil
}
