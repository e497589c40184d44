package kernel

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"

	"branchline/hal/dahdi/abi"
)

// Machine is the kernel that this program runs on.
//
// The devices are not given to Go's own poller: it does not look for events (POLLPRI),
// and it wakes a reader for each block of each line, where one thread that waits for
// all lines does.
type Machine struct{}

func (Machine) Open(path string) (Device, error) {
	for {
		fd, err := unix.Open(path, unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
		if err == nil {
			return &descriptor{fd: fd}, nil
		}
		if err != unix.EINTR {
			return nil, &os.PathError{Op: "open", Path: path, Err: err}
		}
	}
}

// descriptor keeps its number from being closed, and given to another file, under
// the hands of those who use it.
type descriptor struct {
	mu sync.RWMutex
	fd int // -1 when closed
}

func (d *descriptor) Ioctl(r abi.Request, arg []byte) error {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if d.fd < 0 {
		return unix.EBADF
	}
	if len(arg) > 0 && len(arg) < r.Size() {
		return unix.EFAULT
	}
	for {
		_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(d.fd), uintptr(r), uintptr(unsafe.Pointer(unsafe.SliceData(arg))))
		switch errno {
		case 0:
			return nil
		case unix.EINTR:
		default:
			return errno
		}
	}
}

func (d *descriptor) Read(p []byte) (int, error) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if d.fd < 0 {
		return 0, unix.EBADF
	}
	for {
		if n, err := unix.Read(d.fd, p); err != unix.EINTR {
			return max(n, 0), err
		}
	}
}

func (d *descriptor) Write(p []byte) (int, error) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if d.fd < 0 {
		return 0, unix.EBADF
	}
	for {
		if n, err := unix.Write(d.fd, p); err != unix.EINTR {
			return max(n, 0), err
		}
	}
}

func (d *descriptor) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.fd < 0 {
		return unix.EBADF
	}
	err := unix.Close(d.fd)
	d.fd = -1
	return err
}

// poller is an epoll set and an eventfd that wakes it.
type poller struct {
	epoll int
	wake  int

	mu     sync.Mutex
	closed bool
}

// wakeKey is what the eventfd is reported as.
const wakeKey = -1

func (Machine) Poller() (Poller, error) {
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	wake, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err == nil {
		err = unix.EpollCtl(epoll, unix.EPOLL_CTL_ADD, wake, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: wakeKey})
	}
	if err != nil {
		unix.Close(epoll)
		unix.Close(wake)
		return nil, fmt.Errorf("eventfd: %w", err)
	}
	return &poller{epoll: epoll, wake: wake}, nil
}

func (p *poller) Watch(d Device, key int, what Readiness) error {
	f, ok := d.(*descriptor)
	if !ok {
		return unix.EINVAL
	}
	f.mu.RLock()
	defer f.mu.RUnlock()
	if f.fd < 0 {
		return unix.EBADF
	}
	if what == 0 {
		return os.NewSyscallError("epoll_ctl", unix.EpollCtl(p.epoll, unix.EPOLL_CTL_DEL, f.fd, nil))
	}
	event := unix.EpollEvent{Fd: int32(key)}
	if what&Input != 0 {
		event.Events |= unix.EPOLLIN
	}
	if what&Events != 0 {
		event.Events |= unix.EPOLLPRI
	}
	err := unix.EpollCtl(p.epoll, unix.EPOLL_CTL_MOD, f.fd, &event)
	if err == unix.ENOENT {
		err = unix.EpollCtl(p.epoll, unix.EPOLL_CTL_ADD, f.fd, &event)
	}
	return os.NewSyscallError("epoll_ctl", err)
}

func (p *poller) Wait(ready []Ready) (int, error) {
	var events [32]unix.EpollEvent
	some := events[:min(len(ready), len(events))]
	for {
		n, err := unix.EpollWait(p.epoll, some, -1)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return 0, os.NewSyscallError("epoll_wait", err)
		}
		found := 0
		for _, e := range some[:n] {
			if e.Fd == wakeKey {
				var counter [8]byte
				if _, err := unix.Read(p.wake, counter[:]); err != nil && err != unix.EAGAIN {
					return 0, os.NewSyscallError("read eventfd", err)
				}
				continue
			}
			r := Ready{Key: int(e.Fd)}
			if e.Events&unix.EPOLLIN != 0 {
				r.What |= Input
			}
			if e.Events&unix.EPOLLPRI != 0 {
				r.What |= Events
			}
			if e.Events&(unix.EPOLLERR|unix.EPOLLHUP) != 0 {
				r.What |= Gone
			}
			ready[found] = r
			found++
		}
		return found, nil
	}
}

func (p *poller) Wake() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return unix.EBADF
	}
	one := [8]byte{7: 1}
	if _, err := unix.Write(p.wake, one[:]); err != nil && err != unix.EAGAIN {
		return os.NewSyscallError("write eventfd", err)
	}
	return nil
}

func (p *poller) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return unix.EBADF
	}
	p.closed = true
	return errors.Join(unix.Close(p.wake), unix.Close(p.epoll))
}
