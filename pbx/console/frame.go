package console

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
)

// protocol is the version of what follows. A console and a daemon that differ
// in it say so and part.
const protocol = 1

// The kinds of frame. A frame is its kind, the length of the payload as four
// bytes in network order, and the payload.
const (
	frameHello      = 'h' // both ways, first: hello or welcome, as JSON
	frameRun        = 'r' // to the daemon: a line
	frameComplete   = 'c' // to the daemon: a line up to the cursor
	frameCandidates = 'w' // from the daemon: words, one per line
	frameOutput     = 'o' // from the daemon: a piece of a command's output
	frameDone       = 'd' // from the daemon: one byte, the cli.Outcome
	frameLog        = 'l' // from the daemon: log lines
	frameBye        = 'b' // from the daemon, last: the reason, may be empty
)

// Nobody types 64 kB; what the daemon sends is bounded by its queue.
const (
	maxRequest = 64 << 10
	maxReply   = appetite + 4<<10
)

type frame struct {
	kind    byte
	payload []byte
}

// hello is what a console says first.
type hello struct {
	Protocol int    `json:"protocol"`
	Version  string `json:"version"`
	Watch    bool   `json:"watch"`   // wants log and verbose lines
	Verbose  int    `json:"verbose"` // of this console
	Debug    int    `json:"debug"`   // raises the daemon's level, 0 leaves it
	Mute     bool   `json:"mute"`
	Times    bool   `json:"times"` // verbose lines with the time
}

// welcome is what the daemon answers.
type welcome struct {
	Protocol int    `json:"protocol"`
	Version  string `json:"version"`
	Host     string `json:"host"`
	PID      int    `json:"pid"`
}

func writeFrame(w io.Writer, kind byte, payload []byte) error {
	buf := make([]byte, 5, 5+len(payload))
	buf[0] = kind
	binary.BigEndian.PutUint32(buf[1:], uint32(len(payload)))
	_, err := w.Write(append(buf, payload...))
	return err
}

func readFrame(r io.Reader, limit int) (frame, error) {
	var head [5]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return frame{}, err
	}
	n := binary.BigEndian.Uint32(head[1:])
	if uint64(n) > uint64(limit) {
		return frame{}, fmt.Errorf("frame %q of %d bytes: too long", head[0], n)
	}
	f := frame{kind: head[0], payload: make([]byte, n)}
	if _, err := io.ReadFull(r, f.payload); err != nil {
		return frame{}, fmt.Errorf("frame %q: %w", head[0], err)
	}
	return f, nil
}

// readHello reads the first frame of either side into v.
func readHello(r io.Reader, v any) error {
	f, err := readFrame(r, maxRequest)
	if err != nil {
		return err
	}
	if f.kind == frameBye {
		return fmt.Errorf("refused: %s", tame(string(f.payload)))
	}
	if f.kind != frameHello {
		return fmt.Errorf("expected a hello, got frame %q", f.kind)
	}
	return json.Unmarshal(f.payload, v)
}

func writeHello(w io.Writer, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return writeFrame(w, frameHello, b)
}
