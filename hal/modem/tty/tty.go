// Package tty opens serial ports for modems: go.bug.st/serial, and what it takes to
// leave it running for years.
//
// The library waits for input with select, which cannot see descriptors from 1024
// on and panics; a Reserve keeps low ones free for it. It closes a port under a
// reader's feet; here the reader leaves first. Its Write blocks for as long as the
// device takes nothing, and can't be stopped; here a second descriptor of the same
// port, which does not block, does the writing, from a queue, on a goroutine of its
// own. Its exclusive open does not keep root out; a lock on the file does (flock).
package tty

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"go.bug.st/serial"
	"golang.org/x/sys/unix"
)

var (
	// ErrBusy is the error of Open when somebody else has the port.
	ErrBusy = errors.New("the port is in use")
	// ErrStuck is the error of Write when the device has taken nothing for seconds.
	ErrStuck = errors.New("the device takes no data")
	// ErrHigh is the error of Open when the process has so many files open that the
	// library cannot use what it gets.
	ErrHigh = errors.New("no descriptor below 1024 is free")
)

const (
	// patience is how long a Read lasts before it looks whether the port was closed.
	patience = 100 * time.Millisecond
	// takes is how long a device that works takes to accept anything. A machine with
	// more to do than it can needs some of that for itself.
	takes = 3 * time.Second
	// room for what is written and the device has not taken: half a second of
	// 8-bit samples, or any command.
	room = 4096
)

// A Port is an open serial port, 8 bits, no parity, one stop bit, no flow control.
type Port struct {
	name    string
	reserve *Reserve
	library serial.Port
	file    *os.File // for writing, not blocking; holds the lock
	closing atomic.Bool
	once    sync.Once
	closed  error
	reading sync.Mutex // held during a Read

	asking  sync.Mutex // during Queued
	raw     syscall.RawConn
	ask     func(fd uintptr) // sets pending
	pending int

	mu      sync.Mutex
	queue   []byte
	writing int // bytes on their way from queue to the kernel
	spare   []byte
	wake    chan struct{} // capacity 1
	failed  error
	stop    chan struct{}
	stopped chan struct{}
}

// Open opens and locks a port at a speed in baud. An error that is fs.ErrNotExist
// means that there is none, ErrBusy that somebody has it.
func (r *Reserve) Open(name string, baud int) (*Port, error) {
	p, err := r.open(name, baud)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return p, nil
}

func (r *Reserve) open(name string, baud int) (*Port, error) {
	fd, err := again(func() (int, error) {
		return unix.Open(name, unix.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	})
	if err != nil {
		return nil, plain(err)
	}
	file := os.NewFile(uintptr(fd), name)
	if err := unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB); err != nil {
		file.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, ErrBusy
		}
		return nil, err
	}
	library, err := r.library(name, baud)
	if err != nil {
		file.Close()
		return nil, plain(err)
	}
	p := &Port{name: name, reserve: r, library: library, file: file,
		queue: make([]byte, 0, room), spare: make([]byte, 0, room),
		wake: make(chan struct{}, 1), stop: make(chan struct{}), stopped: make(chan struct{})}
	if p.raw, err = file.SyscallConn(); err != nil {
		return nil, errors.Join(err, library.Close(), file.Close())
	}
	p.ask = func(fd uintptr) {
		if n, err := unix.IoctlGetInt(int(fd), unix.TIOCOUTQ); err == nil {
			p.pending = n
		}
	}
	go p.write()
	return p, nil
}

// library opens the port once more, by the library, on descriptors it can use.
func (r *Reserve) library(name string, baud int) (serial.Port, error) {
	for range 3 {
		r.release()
		port, err := again(func() (serial.Port, error) {
			return serial.Open(name, &serial.Mode{BaudRate: baud})
		})
		if err != nil {
			r.refill()
			return nil, err
		}
		// What arrived before is nobody's. A port of a kind that has no such thing
		// as a buffer does not mind.
		_ = port.ResetInputBuffer()
		if usable(port) {
			// Neither signal exists on every port; a modem that wants them gets them.
			_ = port.SetDTR(true)
			_ = port.SetRTS(true)
			return port, port.SetReadTimeout(patience)
		}
		// Somebody was quicker than we with the low descriptors.
		err = port.Close()
		r.refill()
		if err != nil {
			return nil, err
		}
	}
	return nil, ErrHigh
}

// usable reports whether the library can read a port without panic.
func usable(port serial.Port) (ok bool) {
	defer func() {
		if recover() != nil {
			ok = false
		}
	}()
	if port.SetReadTimeout(0) != nil {
		return true // its first Read will tell
	}
	var b [64]byte
	_, err := port.Read(b[:])
	return err == nil
}

// again repeats a call that a signal has interrupted.
func again[T any](f func() (T, error)) (T, error) {
	for {
		if v, err := f(); !errors.Is(err, unix.EINTR) {
			return v, err
		}
	}
}

// plain gives the library's and the kernel's errors the names of package fs.
func plain(err error) error {
	var port *serial.PortError
	if errors.As(err, &port) {
		switch port.Code() {
		case serial.PortNotFound:
			return fs.ErrNotExist
		case serial.PortBusy:
			return ErrBusy
		case serial.PermissionDenied:
			return fs.ErrPermission
		case serial.InvalidSerialPort:
			return fmt.Errorf("no serial port: %w", err)
		}
	}
	// A device that was pulled out while its node is still there.
	if errors.Is(err, unix.ENXIO) || errors.Is(err, unix.ENODEV) || errors.Is(err, unix.EIO) {
		return fmt.Errorf("%w (%w)", fs.ErrNotExist, err)
	}
	if errors.Is(err, unix.EBUSY) {
		return ErrBusy
	}
	return err
}

// Name is what the port was opened by.
func (p *Port) Name() string { return p.name }

// Read waits for data. It returns fs.ErrClosed after Close, and something else when
// the device has gone. Only one goroutine reads.
func (p *Port) Read(b []byte) (n int, err error) {
	p.reading.Lock()
	defer p.reading.Unlock()
	defer func() {
		if r := recover(); r != nil {
			n, err = 0, fmt.Errorf("%s: read: %v", p.name, r)
		}
	}()
	for !p.closing.Load() {
		if err := p.fault(); err != nil {
			return 0, err
		}
		n, err := p.library.Read(b)
		if err != nil {
			return n, fmt.Errorf("%s: unplugged: %w", p.name, err)
		}
		if n > 0 {
			return n, nil
		}
	}
	return 0, fs.ErrClosed
}

// Write queues b and never waits.
func (p *Port) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.failed != nil:
		return 0, p.failed
	case len(p.queue)+len(b) > room:
		return 0, fmt.Errorf("%s: %w", p.name, ErrStuck)
	}
	p.queue = append(p.queue, b...)
	select {
	case p.wake <- struct{}{}:
	default:
	}
	return len(b), nil
}

// Queued is how many bytes were written and have not left for the device, where
// the kernel can tell.
func (p *Port) Queued() int {
	p.asking.Lock()
	defer p.asking.Unlock()
	p.pending = 0
	// Without an answer the kernel's part counts as nothing.
	_ = p.raw.Control(p.ask)
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.queue) + p.writing + p.pending
}

func (p *Port) fault() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.failed
}

// write takes the queue to the device until the port is closed.
func (p *Port) write() {
	defer close(p.stopped)
	for {
		p.mu.Lock()
		b := p.queue
		p.queue, p.spare, p.writing = p.spare[:0], b, len(b)
		p.mu.Unlock()
		if len(b) == 0 {
			select {
			case <-p.wake:
				continue
			case <-p.stop:
				return
			}
		}
		err := p.file.SetWriteDeadline(time.Now().Add(takes))
		if err == nil {
			_, err = p.file.Write(b)
		}
		p.mu.Lock()
		p.writing = 0
		p.mu.Unlock()
		if err != nil {
			if errors.Is(err, os.ErrDeadlineExceeded) {
				err = ErrStuck
			}
			p.mu.Lock()
			p.failed = fmt.Errorf("%s: write: %w", p.name, err)
			p.mu.Unlock()
			return
		}
	}
}

// Close waits until what was written has gone, but not for a device that takes
// nothing, and until Read has returned; then it lets go of the port. It may be called
// again, but not by whoever reads.
func (p *Port) Close() error {
	p.once.Do(func() { p.closed = p.close() })
	return p.closed
}

func (p *Port) close() error {
	p.closing.Store(true)
	close(p.stop)
	<-p.stopped
	p.reading.Lock()
	defer p.reading.Unlock()
	err := p.library.Close()
	if e := p.file.Close(); err == nil {
		err = e
	}
	p.reserve.refill()
	if err != nil {
		return fmt.Errorf("%s: %w", p.name, err)
	}
	return nil
}
