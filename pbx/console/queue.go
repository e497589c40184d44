package console

import (
	"fmt"
	"sync"

	"branchline/pbx/console/output"
	"branchline/pbx/console/protocol"
)

// A queue holds the frames on their way to one console. Putting never blocks.
type queue struct {
	mu      sync.Mutex
	frames  []protocol.Frame
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
	if q.bytes+len(lines) > output.Backlog {
		q.dropped++
		return
	}
	if q.dropped > 0 {
		q.add(protocol.Log, fmt.Appendf(nil, "[%d messages left out: this console does not keep up]\n", q.dropped))
		q.dropped = 0
	}
	q.add(protocol.Log, []byte(lines))
}

// put adds a frame; false means that far too much is waiting already.
func (q *queue) put(kind byte, payload []byte) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.bytes+len(payload) > protocol.MaxOutput {
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
	if n := len(q.frames) - 1; n >= 0 && kind == protocol.Output && q.frames[n].Kind == kind && len(q.frames[n].Payload) < 16<<10 {
		q.frames[n].Payload = append(q.frames[n].Payload, payload...)
	} else {
		q.frames = append(q.frames, protocol.Frame{Kind: kind, Payload: append([]byte(nil), payload...)})
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
func (q *queue) take() (frames []protocol.Frame, more bool) {
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
