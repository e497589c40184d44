package console

import (
	"context"
	"errors"
	"net"
	"strings"
	"time"

	"branchline/pbx/console/output"
	"branchline/pbx/console/protocol"
)

// A session is one connected console. Three goroutines: one reads requests, one
// writes what the queue holds, and run carries out the lines, one at a time.
type session struct {
	server *Server
	conn   net.Conn
	queue  *queue
	lines  chan string
	screen output.Screen
}

func (c *session) run(ctx context.Context, in protocol.Greeting) {
	out := c.server.o.Output
	c.screen.Name, c.screen.Put = "Console", c.queue.putLog
	c.screen.Verbose.Store(int32(in.Verbose))
	c.screen.Muted.Store(in.Mute)
	c.screen.Times = in.Times
	if in.Watch {
		out.Add(&c.screen)
		defer out.Remove(&c.screen)
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
	c.carryOut(output.With(ctx, &c.screen))
	c.queue.put(protocol.Bye, nil)
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
			c.queue.put(protocol.Done, []byte{byte(outcome)})
		}
	}
}

func (c *session) read() {
	for {
		f, err := protocol.Read(c.conn, protocol.MaxRequest)
		if err != nil {
			return
		}
		switch f.Kind {
		case protocol.Run:
			select {
			case c.lines <- string(f.Payload):
			default:
				return // 64 lines ahead of us: no human
			}
		case protocol.Complete:
			words := c.server.o.Tree.Complete(string(f.Payload))
			c.queue.put(protocol.Candidates, []byte(strings.Join(words, "\n")))
		}
	}
}

func (c *session) write() {
	for more := true; more; {
		var frames []protocol.Frame
		frames, more = c.queue.take()
		for _, f := range frames {
			if err := protocol.Write(c.conn, f.Kind, f.Payload); err != nil {
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
	if len(p) > 0 && !w.c.queue.put(protocol.Output, p) {
		return 0, errFlooded
	}
	return len(p), nil
}
