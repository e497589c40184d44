// Package protocol is what a console and the daemon say to each other over a connection.
package protocol

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Version is the version of what follows. A console and a daemon that differ
// in it say so and part.
const Version = 1

// The kinds of frame. A frame is its kind, the length of the payload as four
// bytes in network order, and the payload.
const (
	Hello      = 'h' // both ways, first: Greeting or Welcome, as JSON
	Run        = 'r' // to the daemon: a line
	Complete   = 'c' // to the daemon: a line up to the cursor
	Candidates = 'w' // from the daemon: words, one per line
	Output     = 'o' // from the daemon: a piece of a command's output
	Done       = 'd' // from the daemon: one byte, the cli.Outcome
	Log        = 'l' // from the daemon: log lines
	Bye        = 'b' // from the daemon, last: the reason, may be empty
)

// Nobody types 64 kB; what the daemon sends is bounded by its queue.
const (
	MaxRequest = 64 << 10
	MaxReply   = MaxOutput + 4<<10
	// MaxOutput is how many octets of output a command may have waiting; no
	// listing is longer, and a command must not wait for the user's terminal
	// while it holds a lock of the exchange.
	MaxOutput = 16 << 20
)

// A Frame is one of either side.
type Frame struct {
	Kind    byte
	Payload []byte
}

// A Greeting is what a console says first.
type Greeting struct {
	Protocol int    `json:"protocol"`
	Version  string `json:"version"`
	Watch    bool   `json:"watch"`   // wants log and verbose lines
	Verbose  int    `json:"verbose"` // of this console
	Debug    int    `json:"debug"`   // raises the daemon's level, 0 leaves it
	Mute     bool   `json:"mute"`
	Times    bool   `json:"times"` // verbose lines with the time
}

// A Welcome is what the daemon answers.
type Welcome struct {
	Protocol int    `json:"protocol"`
	Version  string `json:"version"`
	Host     string `json:"host"`
	PID      int    `json:"pid"`
}

// Write sends a frame.
func Write(w io.Writer, kind byte, payload []byte) error {
	buf := make([]byte, 5, 5+len(payload))
	buf[0] = kind
	binary.BigEndian.PutUint32(buf[1:], uint32(len(payload)))
	_, err := w.Write(append(buf, payload...))
	return err
}

// Read receives one of at most limit octets.
func Read(r io.Reader, limit int) (Frame, error) {
	var head [5]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return Frame{}, err
	}
	n := binary.BigEndian.Uint32(head[1:])
	if uint64(n) > uint64(limit) {
		return Frame{}, fmt.Errorf("frame %q of %d bytes: too long", head[0], n)
	}
	f := Frame{Kind: head[0], Payload: make([]byte, n)}
	if _, err := io.ReadFull(r, f.Payload); err != nil {
		return Frame{}, fmt.Errorf("frame %q: %w", head[0], err)
	}
	return f, nil
}

// ReadHello reads the first frame of either side into v.
func ReadHello(r io.Reader, v any) error {
	f, err := Read(r, MaxRequest)
	if err != nil {
		return err
	}
	if f.Kind == Bye {
		return fmt.Errorf("refused: %s", Tame(string(f.Payload)))
	}
	if f.Kind != Hello {
		return fmt.Errorf("expected a hello, got frame %q", f.Kind)
	}
	return json.Unmarshal(f.Payload, v)
}

// WriteHello sends it.
func WriteHello(w io.Writer, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return Write(w, Hello, b)
}

// Tame shows what a terminal would obey: much of what a console tells was sent by
// strangers.
func Tame(text string) string {
	text = strings.ReplaceAll(text, "\r\n", "\n")
	obeyed := func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' }
	if strings.IndexFunc(text, obeyed) < 0 {
		return text
	}
	var b strings.Builder
	for i, r := range text {
		switch {
		case !obeyed(r):
			_, n := utf8.DecodeRuneInString(text[i:]) // one octet, if it is no character
			b.WriteString(text[i : i+n])
		case r >= 0x80: // ESC and another, in one
			b.WriteString("^[" + string(r-0x40))
		default:
			b.WriteString("^" + string(r^0x40))
		}
	}
	return b.String()
}
