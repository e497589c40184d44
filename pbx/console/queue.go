package console

import (
	"fmt"
	"sync"
)

const (
	// patience is how many bytes of log lines may wait for a console before
	// further ones are left out. It bounds the memory of a console whose user
	// pressed Ctrl-S and went home.
	patience = 256 << 10
	// appetite is how many bytes of output a command may have waiting; no
	// listing is longer, and a command must not wait for the user's terminal
	// while it holds a lock of the exchange.
	appetite = 16 << 20
)

// A queue holds the frames on their way to one console. Putting never blocks.
type queue struct {
	mu      sync.Mutex
	frames  []frame
	bytes   int
	dropped int // log lines left out since the last that was not
	closed  bool
	wake    chan struct{} // has a token when there is something to take
}

func newQueue() *queue { return &queue{wake: make(chan struct{}, 1)} }

// putLog adds log lines, or leaves them out if too much is waiting; the first
// line that fits again is preceded by a note that says how many were.
func (q *queue) putLog(lines string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.bytes+len(lines) > patience {
		q.dropped++
		return
	}
	if q.dropped > 0 {
		q.add(frameLog, fmt.Appendf(nil, "[%d messages left out: this console does not keep up]\n", q.dropped))
		q.dropped = 0
	}
	q.add(frameLog, []byte(lines))
}

// put adds a frame; false means that far too much is waiting already.
func (q *queue) put(kind byte, payload []byte) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.bytes+len(payload) > appetite {
		return false
	}
	q.add(kind, payload)
	return true
}

func (q *queue) add(kind byte, payload []byte) {
	if q.closed {
		return
	}
	q.bytes += len(payload)
	// A table is printed in hundreds of small writes: let them travel together.
	if n := len(q.frames) - 1; n >= 0 && kind == frameOutput && q.frames[n].kind == kind && len(q.frames[n].payload) < 16<<10 {
		q.frames[n].payload = append(q.frames[n].payload, payload...)
	} else {
		q.frames = append(q.frames, frame{kind, append([]byte(nil), payload...)})
	}
	q.signal()
}

// close makes take report the end once everything put before was taken.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.signal()
}

func (q *queue) signal() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// take waits for frames and gives all there are; more is false at the end.
func (q *queue) take() (frames []frame, more bool) {
	for {
		q.mu.Lock()
		frames, more = q.frames, !q.closed
		q.frames, q.bytes = nil, 0
		q.mu.Unlock()
		if len(frames) > 0 || !more {
			return frames, more
		}
		<-q.wake
	}
}
