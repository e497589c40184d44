package at

import (
	"bytes"
	"io"
	"strings"
	"testing"
)

type mute struct{ io.Reader }

func (mute) Write(b []byte) (int, error) { return len(b), nil }

// FuzzLines lets a device send anything, cut anywhere, to a command that waits.
func FuzzLines(f *testing.F) {
	for _, s := range []string{
		"\r\nOK\r\n", "+CSQ: 1,2\r\nOK\r\n", "\r\n+CME ERROR: 10\r\n", "> ", "RING\r\n\r\nNMBR = 0912\r\n", "\x10R\x10\x03\r\nOK\r\n",
		"+CDS: 3\r\n0011\r\nOK\r\n", "CONNECT\r\n\x10\x10\x10\x03\r\nOK\r\n", "+QIND: \"ccinfo\",1,1,4,0,0,\"0912345678\",129\r\n",
		"AT+CSQ\r\r\n+CSQ: 20,99\r\n\r\nOK\r\n", "013\r\nOK\r\n", "\xff\xfe\x00OK\r\n",
	} {
		f.Add([]byte(s), byte(3), byte(0))
		f.Add([]byte(s), byte(200), byte(7))
	}
	f.Fuzz(func(t *testing.T, in []byte, step, kind byte) {
		whole := run(in, len(in)+1, kind)
		cut := run(in, int(step)+1, kind)
		if whole != cut {
			t.Fatalf("cut differently:\n%s\n%s", whole, cut)
		}
	})
}

// run feeds in by pieces and tells what came of it.
func run(in []byte, step int, kind byte) string {
	var said strings.Builder
	tell := func(s ...string) { said.WriteString(strings.Join(s, "|") + "\n") }
	e := New(mute{}, Options{
		Unsolicited: func(line, next string) { tell("news", line, next) },
		Words:       []string{"RING", "+CMTI:"}, Pairs: []string{"+CDS:"},
		Shielded: func(c byte) { tell("code", string(rune(c))) },
	})
	a := &attempt{Command: Command{Text: "AT+CSQ"}, done: make(chan struct{})}
	if kind&1 != 0 {
		a.Bare = true
	}
	if kind&2 != 0 {
		a.Body = "00"
	}
	if kind&4 != 0 {
		a.until = "13"
	}
	a.Calls = kind&8 != 0
	a.Stream = func(b []byte) (int, bool) {
		if i := bytes.IndexByte(b, 3); i >= 0 {
			return i + 1, true
		}
		return len(b), false
	}
	a.prefix = a.Command.prefix()
	e.waiting = a
	for len(in) > 0 {
		n := min(step, len(in))
		e.feed(in[:n])
		in = in[n:]
		if len(e.line) > maxLine {
			panic("a line without bound")
		}
	}
	tell(append(a.reply.Lines, a.reply.Final)...)
	return said.String()
}

func FuzzFields(f *testing.F) {
	f.Add(`"ccinfo",1,0,,"a,b"`)
	f.Fuzz(func(t *testing.T, line string) {
		if n := len(Fields(line)); n == 0 || n > len(line)+1 {
			t.Fatalf("%d fields in %q", n, line)
		}
	})
}
