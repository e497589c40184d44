// Package client is the console itself: one command for a script, or an interactive line
// with history and completion.
package client

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"time"

	"golang.org/x/term"

	"branchline/pbx/cli"
	"branchline/pbx/console/protocol"
)

// Options say what a console is to do.
type Options struct {
	Name    string // of the product, for the banner: "Branchline"
	Version string // of this program: "Branchline 1.2.3"
	Socket  string
	// Conn is used instead of Socket: the foreground console of a daemon in
	// the same process. Leaving it stops the daemon, which is the caller's task.
	Conn net.Conn

	Once      bool     // run Command, print its output, end
	Commands  []string // what to run with Once
	Strict    bool     // with Once: status 2 for an unknown command, 3 for one that failed
	Reconnect bool     // come back when the daemon does

	Verbose, Debug int
	Mute, Quiet    bool
	NoColour       bool
	Times          bool   // verbose lines with the time
	HistoryFile    string // "" for none

	In       *os.File
	Out, Err io.Writer
}

// Statuses of a console that ends.
const (
	statusDone        = 0
	statusUnreachable = 1
	statusUnknown     = 2
	statusFailed      = 3
)

// reconnectFor is how long -R waits for a daemon that went away.
const reconnectFor = 60 * time.Second

// Attach runs a console until it ends and gives the status to exit with.
func Attach(ctx context.Context, o Options) int {
	c := &client{o: o}
	if f, ok := o.Out.(*os.File); ok {
		c.seen = term.IsTerminal(int(f.Fd()))
	}
	if err := c.connect(ctx); err != nil {
		if errors.Is(err, errRefused) {
			fmt.Fprintln(o.Err, err)
		} else {
			fmt.Fprintf(o.Err, "Unable to connect to remote asterisk (does %s exist?)\n", o.Socket)
		}
		return statusUnreachable
	}
	defer func() { c.conn.Close() }()
	if o.Once {
		return c.once()
	}
	if o.In == nil || !term.IsTerminal(int(o.In.Fd())) {
		return c.script()
	}
	return c.interact(ctx)
}

type client struct {
	o    Options
	conn net.Conn
	host string
	pid  int
	peer string // the daemon's name and version
	seen bool   // Out is a terminal
}

var errRefused = errors.New("console")

// connect reaches the daemon and exchanges versions.
func (c *client) connect(ctx context.Context) error {
	conn := c.o.Conn
	if conn == nil {
		var (
			d   net.Dialer
			err error
		)
		if conn, err = d.DialContext(ctx, "unix", c.o.Socket); err != nil {
			return err
		}
	}
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	h := protocol.Greeting{Protocol: protocol.Version, Version: c.o.Version, Watch: !c.o.Once, Verbose: c.o.Verbose, Debug: c.o.Debug, Mute: c.o.Mute, Times: c.o.Times}
	if err := protocol.WriteHello(conn, h); err != nil {
		conn.Close()
		return err
	}
	var w protocol.Welcome
	if err := protocol.ReadHello(conn, &w); err != nil {
		conn.Close()
		return fmt.Errorf("%w: %w", errRefused, err)
	}
	w.Host, w.Version = protocol.Tame(w.Host), protocol.Tame(w.Version)
	if w.Protocol != protocol.Version {
		conn.Close()
		return fmt.Errorf("%w: %s speaks console protocol %d, this program %d", errRefused, w.Version, w.Protocol, protocol.Version)
	}
	_ = conn.SetDeadline(time.Time{})
	c.conn, c.host, c.pid, c.peer = conn, w.Host, w.PID, w.Version
	return nil
}

// run sends one line and copies what it prints until it is done.
func (c *client) run(line string) (cli.Outcome, error) {
	if err := protocol.Write(c.conn, protocol.Run, []byte(line)); err != nil {
		return 0, err
	}
	for {
		f, err := protocol.Read(c.conn, protocol.MaxReply)
		if err != nil {
			return 0, err
		}
		switch f.Kind {
		case protocol.Output, protocol.Log:
			if c.seen {
				f.Payload = []byte(protocol.Tame(string(f.Payload)))
			}
			if _, err := c.o.Out.Write(f.Payload); err != nil {
				return 0, err
			}
		case protocol.Done:
			if len(f.Payload) != 1 || f.Payload[0] > byte(cli.Failed) {
				return 0, errors.New("bad answer")
			}
			return cli.Outcome(f.Payload[0]), nil
		case protocol.Bye:
			return 0, io.EOF
		}
	}
}

// once runs the commands given, for a script.
func (c *client) once() int {
	status := statusDone
	for _, line := range c.o.Commands {
		outcome, err := c.run(line)
		if err != nil {
			c.farewell(c.o.Err)
			return statusUnreachable
		}
		switch {
		case !c.o.Strict || outcome == cli.Done:
		case outcome == cli.Unknown:
			status = max(status, statusUnknown)
		default:
			status = statusFailed
		}
	}
	return status
}

// script runs the lines of an input that is no terminal.
func (c *client) script() int {
	if c.o.In == nil {
		return statusDone
	}
	in := bufio.NewScanner(c.o.In)
	for in.Scan() {
		line := strings.TrimSpace(in.Text())
		if leaving(line) {
			break
		}
		if _, err := c.run(line); err != nil {
			c.farewell(c.o.Err)
			return statusUnreachable
		}
	}
	return statusDone
}

func leaving(line string) bool { return line == "exit" || line == "quit" }

func (c *client) farewell(w io.Writer) {
	fmt.Fprintf(w, "\nDisconnected from %s server\n", c.o.Name)
}

// banner is what a console shows first.
func (c *client) banner() string {
	rule := strings.Repeat("=", 73)
	text := fmt.Sprintf("\n%s, a telephone exchange for branch offices.\n"+
		"Free software under the Apache License 2.0, without any warranty: type\n"+
		"'core show license' or 'core show warranty' for what that means, and\n"+
		"'core show help' for what can be typed here.\n%s\n", c.peer, rule)
	if c.o.Conn == nil {
		text += fmt.Sprintf("Connected to %s currently running on %s (pid = %d)\n", c.peer, c.host, c.pid)
	}
	return text
}

func (c *client) prompt() string {
	if c.o.Conn != nil {
		return "*CLI> "
	}
	return c.host + "*CLI> "
}
