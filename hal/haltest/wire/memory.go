// Package wire is serial lines for tests: in memory, for virtual time, and pseudo
// terminals, for the real serial library; and where a device is plugged in.
package wire

import (
	"io"
	"sync"
)

// A half is one direction of a wire in memory, without limit.
type half struct {
	mu     sync.Mutex
	more   *sync.Cond
	data   []byte
	closed bool
}

func newHalf() *half {
	h := &half{}
	h.more = sync.NewCond(&h.mu)
	return h
}

func (h *half) read(b []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for len(h.data) == 0 {
		if h.closed {
			return 0, io.EOF
		}
		h.more.Wait()
	}
	n := copy(b, h.data)
	h.data = append(h.data[:0], h.data[n:]...)
	return n, nil
}

func (h *half) write(b []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return 0, io.ErrClosedPipe
	}
	h.data = append(h.data, b...)
	h.more.Broadcast()
	return len(b), nil
}

func (h *half) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	h.more.Broadcast()
}

// An end of a wire in memory.
type end struct{ in, out *half }

func (e end) Read(b []byte) (int, error)  { return e.in.read(b) }
func (e end) Write(b []byte) (int, error) { return e.out.write(b) }

// Close takes the wire away for both.
func (e end) Close() error {
	e.in.close()
	e.out.close()
	return nil
}

// InMemory is a serial line for tests in virtual time: what is written to one end is
// read from the other, and nobody waits to write.
func InMemory() (a, b io.ReadWriteCloser) {
	there, back := newHalf(), newHalf()
	return end{there, back}, end{back, there}
}
