// Package at speaks with a modem or a cellular module by commands that begin with
// AT (ITU-T V.250, 3GPP TS 27.007): one command at a time, each with its own time
// limit, while messages that nobody asked for may come between any two lines.
//
// It expects a device that misbehaves: echo that is on although it was turned
// off, lines without end, garbage between lines, and answers that come after
// their command was given up. Such an answer is never taken for the next
// command's: after a command was given up the engine asks for a register whose
// value is known before it sends anything else, and forgets all that comes before
// the answer to that.
//
// After CONNECT the bytes belong to a stream, until the stream says it is over.
package at

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

// Options of an Engine. The functions are called on the goroutine of Run, must not
// wait, and must not call Do.
type Options struct {
	// Unsolicited gets each line that answers no command. A line of Pairs comes with
	// the one that follows it, which is empty otherwise.
	Unsolicited func(line, next string)
	// Words are the beginnings of lines that are unsolicited even while a command
	// with Bare answers is waiting: "RING", "+CMTI:".
	Words []string
	// Pairs are the beginnings of unsolicited lines that are followed by a second
	// line: "+CMT:", "+CDS:".
	Pairs []string
	// Shielded gets the codes after DLE that come between lines (ITU-T V.253); nil
	// takes DLE for garbage.
	Shielded func(code byte)
	// Trace is shown every line, '>' sent or '<' received; it may be nil.
	Trace func(direction byte, line string)
}

// A Command is one line for the device.
type Command struct {
	Text string // "AT+CLCC", without the carriage return
	// Raw is sent as it is in place of Text: what leaves a stream.
	Raw []byte
	// Timeout until the final result, 0: 5 s.
	Timeout time.Duration
	// Prefix is how the lines of information begin: "+CLCC:". If it is empty they
	// begin with the command's own name, or have no prefix if Bare is set.
	Prefix string
	Bare   bool
	// Body is sent with Ctrl-Z when the device prompts for it with '>'
	// (3GPP TS 27.005, 4.3).
	Body string
	// Calls says that results of a call are final results of this command: NO
	// CARRIER, BUSY, VCON (V.250, 6.3).
	Calls bool
	// Abort is sent if the command is given up; V.250 stops dialling at any
	// character.
	Abort string
	// Stream gets what follows CONNECT. It returns how many bytes it took and whether
	// the stream is over; the rest are lines again.
	Stream func(b []byte) (n int, over bool)
}

// A Reply is the answer to a command.
type Reply struct {
	Lines []string // information, in order
	Final string   // "OK", "CONNECT", "+CME ERROR: 10", "BUSY"
}

// A Refusal is the error of a command that ended with anything but OK, CONNECT or
// VCON.
type Refusal struct {
	Command string
	Final   string
}

func (r *Refusal) Error() string { return r.Command + ": " + r.Final }

// ErrTimeout is the error of a command that was not answered in time.
var ErrTimeout = errors.New("no answer")

// ErrSilent is the error of Do when a device that let a command go unanswered does
// not answer at all any more.
var ErrSilent = errors.New("the device answers no command")

// ErrGarbled means that the device answers, but nothing that can be read: a wrong
// speed, most often.
var ErrGarbled = errors.New("what the device sends cannot be read: wrong speed?")

// maxLine is the longest line that is kept, in bytes: a message of 3GPP TS 23.040
// in hexadecimal digits has 400.
const maxLine = 2048

// maxLines is how many lines of one answer are kept: all messages of a full
// module are half of it.
const maxLines = 1024

// garbled is how many bytes that are no text make an answer that cannot be read.
const garbled = 4

// findTries is how many seconds a device may be late after its command was given
// up, before it counts as dead.
const findTries = 10

// defaultTimeout is how long a device has for a command that does nothing slow.
const defaultTimeout = 5 * time.Second

// An Engine is the computer's end of the line to a device.
type Engine struct {
	port io.ReadWriter
	o    Options
	turn chan struct{} // capacity 1: whose turn it is to send a command

	mu      sync.Mutex
	waiting *attempt
	stream  func([]byte) (int, bool)
	failed  error
	ended   chan struct{}
	behind  bool // a command was given up; its answer may still come
	probes  int
	garbage int // bytes that were no text since the last line that was

	// Of Run's goroutine only:
	line    []byte
	long    bool
	shield  bool
	pair    string // the first line of a pair
	pairing bool
	begun   bool // CONNECT's line feed is still to come
}

// An attempt is a command that waits for its final result.
type attempt struct {
	Command
	prefix string
	reply  Reply
	done   chan struct{}
	until  string // a line that must come first: everything before it is late
}

// New makes an engine for a port whose Write never waits long. Run must be running
// for Do to get answers.
func New(port io.ReadWriter, o Options) *Engine {
	if o.Trace == nil {
		o.Trace = func(byte, string) {}
	}
	if o.Unsolicited == nil {
		o.Unsolicited = func(string, string) {}
	}
	return &Engine{port: port, o: o, turn: make(chan struct{}, 1), ended: make(chan struct{})}
}

// Run reads the port until that fails, and returns why it did.
func (e *Engine) Run() error {
	buf := make([]byte, 4096)
	for {
		n, err := e.port.Read(buf)
		e.feed(buf[:n])
		if err != nil {
			e.mu.Lock()
			e.failed = err
			e.mu.Unlock()
			close(e.ended)
			return err
		}
	}
}

// Do sends a command and waits for its final result. Only one command is under way
// at a time; others wait for their turn. Beside a *Refusal it returns ErrTimeout,
// ErrSilent, ErrGarbled, the context's error or the port's, wrapped.
func (e *Engine) Do(ctx context.Context, c Command) (Reply, error) {
	select {
	case e.turn <- struct{}{}:
		defer func() { <-e.turn }()
	case <-ctx.Done():
		return Reply{}, fmt.Errorf("%s: %w", c.name(), ctx.Err())
	case <-e.ended:
		return Reply{}, fmt.Errorf("%s: %w", c.name(), e.Err())
	}
	if err := ctx.Err(); err != nil {
		return Reply{}, fmt.Errorf("%s: %w", c.name(), err)
	}
	e.mu.Lock()
	behind := e.behind && c.Raw == nil
	e.mu.Unlock()
	if behind {
		if err := e.catchUp(ctx, findTries); err != nil {
			return Reply{}, fmt.Errorf("%s: %w", c.name(), err)
		}
	}
	return e.try(ctx, &attempt{Command: c, prefix: c.prefix(), done: make(chan struct{})})
}

// Err is why Run has ended, nil before.
func (e *Engine) Err() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.failed
}

// Send writes bytes of the stream. The port's Write must not wait: it may be called
// from Stream.
func (e *Engine) Send(b []byte) error {
	_, err := e.port.Write(b)
	return err
}

// Find waits until the device answers what is asked now, which is a second for each
// try. One that has just been opened may be answering somebody who went before, or
// nobody at this speed: ErrSilent, ErrGarbled.
func (e *Engine) Find(ctx context.Context, tries int) error {
	select {
	case e.turn <- struct{}{}:
		defer func() { <-e.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	return e.catchUp(ctx, tries)
}

func (c *Command) name() string {
	if c.Raw != nil {
		return "end of stream"
	}
	return c.Text
}

// prefix is how the information of a command begins: "+CREG:" for AT+CREG?.
func (c *Command) prefix() string {
	if c.Prefix != "" || c.Bare {
		return c.Prefix
	}
	name := strings.TrimPrefix(c.Text, "AT")
	if end := strings.IndexAny(name, "=?;"); end >= 0 {
		name = name[:end]
	}
	if name == "" || strings.IndexByte("+^#*$", name[0]) < 0 {
		return ""
	}
	return name + ":"
}

// try sends a command and waits.
func (e *Engine) try(ctx context.Context, a *attempt) (Reply, error) {
	if a.Timeout == 0 {
		a.Timeout = defaultTimeout
	}
	e.mu.Lock()
	e.waiting = a
	e.garbage = 0
	e.mu.Unlock()
	out := a.Raw
	if out == nil {
		out = []byte(a.Text + "\r")
		e.o.Trace('>', a.Text)
	}
	_, err := e.port.Write(out)
	if err == nil {
		timer := time.NewTimer(a.Timeout)
		defer timer.Stop()
		select {
		case <-a.done:
			if a.fine() {
				return a.reply, nil
			}
			return a.reply, &Refusal{a.name(), a.reply.Final}
		case <-timer.C:
			err = ErrTimeout
		case <-ctx.Done():
			err = ctx.Err()
		case <-e.ended:
			err = e.Err()
		}
	}
	return e.giveUp(a, err)
}

// giveUp forgets a command. Its answer may have come in the same moment.
func (e *Engine) giveUp(a *attempt, err error) (Reply, error) {
	e.mu.Lock()
	e.waiting, e.stream, e.behind = nil, nil, true
	garbage := e.garbage
	e.mu.Unlock()
	select {
	case <-a.done:
		if a.fine() {
			e.mu.Lock()
			e.behind = false
			e.mu.Unlock()
			return a.reply, nil
		}
	default:
	}
	if a.Abort == "" && a.Body != "" {
		a.Abort = string(rune(escape)) // it may prompt yet
	}
	if a.Abort != "" && e.Err() == nil {
		if _, werr := io.WriteString(e.port, a.Abort); werr != nil {
			err = errors.Join(err, werr)
		}
	}
	if errors.Is(err, ErrTimeout) && garbage >= garbled {
		err = ErrGarbled
	}
	return Reply{}, fmt.Errorf("%s: %w", a.name(), err)
}

func (a *attempt) fine() bool {
	return a.reply.Final == "OK" || a.reply.Final == "VCON" || strings.HasPrefix(a.reply.Final, "CONNECT")
}

// registers are questions whose answer every device knows and nobody else asks:
// S3, S4 and S5 are the characters that end a line, begin an answer and erase
// (V.250, 6.2). They take turns, so that a late answer to one is not an answer to
// the next.
var registers = [...]struct{ ask, want string }{{"ATS3?", "13"}, {"ATS4?", "10"}, {"ATS5?", "8"}}

// catchUp waits until the device is answering what is asked now.
func (e *Engine) catchUp(ctx context.Context, tries int) error {
	verdict := ErrSilent
	for range tries {
		// Whatever waits for the end of a message or a line gets it.
		if err := e.Send([]byte{escape, '\r'}); err != nil {
			return err
		}
		r := registers[e.probes%len(registers)]
		e.probes++
		a := &attempt{Command: Command{Text: r.ask, Timeout: time.Second, Bare: true}, done: make(chan struct{}), until: r.want}
		_, err := e.try(ctx, a)
		if err == nil {
			e.mu.Lock()
			e.behind = false
			e.mu.Unlock()
			return nil
		}
		var refused *Refusal
		switch {
		case errors.Is(err, ErrGarbled):
			verdict = ErrGarbled
		case !errors.Is(err, ErrTimeout) && !errors.As(err, &refused):
			return err
		}
	}
	return verdict
}
