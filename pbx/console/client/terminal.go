package client

import (
	"context"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"

	"branchline/pbx/console/lineedit"
	"branchline/pbx/console/protocol"
)

// A terminal shows a console's lines above the line being typed.
type terminal struct {
	c       *client
	edit    *lineedit.Editor
	out     io.Writer
	in      *os.File
	busy    bool           // a command runs: no prompt, keys wait
	waiting []lineedit.Key // pressed meanwhile
	ragged  bool           // the last output did not end its line
	asked   lineedit.Want  // why candidates were asked for
	frames  chan protocol.Frame
	keys    chan lineedit.Key
}

// interact talks to a user at a terminal.
func (c *client) interact(ctx context.Context) int {
	t := &terminal{c: c, in: c.o.In, out: c.o.Out, keys: make(chan lineedit.Key, 64)}
	t.edit = lineedit.New(loadHistory(c.o.HistoryFile))
	go t.readKeys()
	if !c.o.Quiet {
		io.WriteString(t.out, c.banner())
	}
	for {
		if left := t.converse(ctx); left {
			return statusDone
		}
		c.conn.Close()
		c.farewell(t.out)
		if !c.o.Reconnect || !t.reconnect(ctx) {
			return statusUnreachable
		}
		if !c.o.Quiet {
			io.WriteString(t.out, c.banner())
		}
	}
}

// readKeys lives as long as the terminal: a read cannot be taken back.
func (t *terminal) readKeys() {
	defer close(t.keys)
	var pending []byte
	buf := make([]byte, 1024)
	for {
		n, err := t.in.Read(buf)
		if err != nil {
			return
		}
		var ks []lineedit.Key
		ks, pending = lineedit.DecodeKeys(append(pending, buf[:n]...))
		for _, k := range ks {
			t.keys <- k
		}
	}
}

// converse serves one connection; left is true if it was the user who ended it.
func (t *terminal) converse(ctx context.Context) (left bool) {
	old, err := term.MakeRaw(int(t.in.Fd()))
	if err == nil {
		defer func() { _ = term.Restore(int(t.in.Fd()), old) }()
	}
	t.frames = make(chan protocol.Frame, 16)
	t.busy, t.ragged, t.waiting = false, false, nil
	gone := make(chan struct{})
	defer close(gone)
	go func(conn io.Reader, frames chan<- protocol.Frame) {
		defer close(frames)
		for {
			f, err := protocol.Read(conn, protocol.MaxReply)
			if err != nil {
				return
			}
			select {
			case frames <- f:
			case <-gone:
				return
			}
		}
	}(t.c.conn, t.frames)
	t.redraw()
	for {
		select {
		case <-ctx.Done():
			t.print("\n")
			return true
		case f, ok := <-t.frames:
			if !ok || f.Kind == protocol.Bye {
				t.erase()
				return false
			}
			if t.show(f) {
				t.print("\n")
				return true
			}
		case k, ok := <-t.keys:
			if !ok || t.press(k) {
				t.print("\n")
				return true
			}
		}
	}
}

// show handles what the daemon sent; true means that the user had left already.
func (t *terminal) show(f protocol.Frame) (leave bool) {
	switch f.Kind {
	case protocol.Log:
		t.above(t.colour(protocol.Tame(string(f.Payload))))
	case protocol.Output:
		t.print(protocol.Tame(string(f.Payload)))
		t.ragged = len(f.Payload) > 0 && f.Payload[len(f.Payload)-1] != '\n'
	case protocol.Candidates:
		t.busy = false
		t.offer(protocol.Tame(string(f.Payload)))
	case protocol.Done:
		t.busy = false
		if t.ragged {
			t.print("\n")
			t.ragged = false
		}
		t.redraw()
	}
	// What was typed meanwhile counts now.
	for !t.busy && len(t.waiting) > 0 && !leave {
		k := t.waiting[0]
		t.waiting = t.waiting[1:]
		leave = t.press(k)
	}
	return leave
}

// above prints lines between what is there and the line being typed.
func (t *terminal) above(text string) {
	t.erase()
	if t.ragged {
		text = "\n" + text
		t.ragged = false
	}
	t.print(text)
	t.redraw()
}

// press handles a key; true means that the user leaves.
func (t *terminal) press(k lineedit.Key) (leave bool) {
	if t.busy {
		if k == lineedit.CtrlC {
			return true
		}
		t.waiting = append(t.waiting, k)
		return false
	}
	switch w := t.edit.Press(k); w {
	case lineedit.Redraw:
		t.redraw()
	case lineedit.Nothing:
	case lineedit.Clear:
		t.print("\x1b[H\x1b[2J")
		t.redraw()
	case lineedit.Complete, lineedit.List:
		t.asked = w
		t.ask(protocol.Complete, t.edit.Before())
	case lineedit.Run:
		return t.submit()
	case lineedit.Leave:
		return true
	}
	return false
}

func (t *terminal) submit() (leave bool) {
	t.edit.End()
	t.redraw()
	t.print("\n")
	line, fresh := t.edit.Take()
	if fresh {
		appendHistory(t.c.o.HistoryFile, line)
	}
	switch {
	case line == "":
		t.redraw()
	case leaving(line):
		return true
	case line[0] == '!':
		t.print("This console starts no programs.\n")
		t.redraw()
	default:
		t.ask(protocol.Run, line)
	}
	return false
}

// ask sends a request; if the daemon is gone, the reader will notice.
func (t *terminal) ask(kind byte, text string) {
	t.busy = true
	_ = protocol.Write(t.c.conn, kind, []byte(text))
}

func (t *terminal) offer(list string) {
	if list == "" {
		t.redraw()
		return
	}
	words := strings.Split(list, "\n")
	if t.asked == lineedit.Complete {
		t.edit.Complete(words)
	}
	if t.asked == lineedit.List || len(words) > 1 {
		t.print("\n" + lineedit.Columns(words, t.columns()))
	}
	t.redraw()
}

func (t *terminal) redraw() {
	if !t.busy {
		io.WriteString(t.out, t.edit.Draw(t.c.prompt(), t.columns()))
	}
}

func (t *terminal) erase() {
	if !t.busy {
		io.WriteString(t.out, "\r\x1b[K")
	}
}

// print writes text to a terminal in raw mode.
func (t *terminal) print(text string) {
	io.WriteString(t.out, strings.ReplaceAll(text, "\n", "\r\n"))
}

func (t *terminal) columns() int {
	if w, _, err := term.GetSize(int(t.in.Fd())); err == nil && w > 0 {
		return w
	}
	return 80
}

// colour makes the level of each log line stand out.
func (t *terminal) colour(text string) string {
	if t.c.o.NoColour {
		return text
	}
	lines := strings.SplitAfter(text, "\n")
	for i, l := range lines {
		if !strings.HasPrefix(l, "[") {
			continue
		}
		for level, code := range map[string]string{"ERROR": "31;1", "WARNING": "33;1", "NOTICE": "36", "DEBUG": "32"} {
			if before, after, ok := strings.Cut(l, "] "+level+"["); ok {
				lines[i] = before + "] \x1b[" + code + "m" + level + "\x1b[0m[" + after
			}
		}
	}
	return strings.Join(lines, "")
}

// reconnect waits for the daemon to come back.
func (t *terminal) reconnect(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, reconnectFor)
	defer cancel()
	io.WriteString(t.out, "Waiting for it to come back.\n")
	again := time.NewTicker(500 * time.Millisecond)
	defer again.Stop()
	for {
		select {
		case <-ctx.Done():
			return false
		case k, ok := <-t.keys:
			if !ok || k == lineedit.CtrlC {
				return false
			}
		case <-again.C:
			if t.c.connect(ctx) == nil {
				return true
			}
		}
	}
}
