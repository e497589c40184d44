package tty

import (
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// A Reserve keeps descriptors below 1024 for ports that are opened late, when
// thousands of calls may have the low ones. It is made early.
type Reserve struct {
	mu   sync.Mutex
	kept []int
}

// each is how many descriptors the library needs for a port: the port and two for
// a pipe. Ours need not be low.
const each = 3

// NewReserve keeps enough for a number of ports to be opened at once.
func NewReserve(ports int) *Reserve {
	r := &Reserve{kept: make([]int, 0, each*ports)}
	r.refill()
	return r
}

// release frees as many as one port needs.
func (r *Reserve) release() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for range min(each, len(r.kept)) {
		last := len(r.kept) - 1
		closeQuietly(r.kept[last])
		r.kept = r.kept[:last]
	}
}

// refill takes what there is.
func (r *Reserve) refill() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for len(r.kept) < cap(r.kept) {
		fd, err := again(func() (int, error) { return unix.Open(os.DevNull, unix.O_RDONLY|unix.O_CLOEXEC, 0) })
		if err != nil {
			return
		}
		if fd >= unix.FD_SETSIZE {
			closeQuietly(fd)
			return
		}
		r.kept = append(r.kept, fd)
	}
}

// Close gives the descriptors back.
func (r *Reserve) Close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, fd := range r.kept {
		closeQuietly(fd)
	}
	r.kept = r.kept[:0:0]
}

// closeQuietly closes what was only held: nothing can go wrong that matters.
func closeQuietly(fd int) { _ = unix.Close(fd) }
