// Package kernel is what the DAHDI driver needs of the operating system, behind
// interfaces that tests can stand in for, and the operating system itself: Machine.
package kernel

import (
	"errors"
	"fmt"
	"syscall"

	"branchline/hal"
	"branchline/hal/dahdi/abi"
)

// Kernel opens devices. Errors are errno
// numbers (syscall.Errno), bare or wrapped.
type Kernel interface {
	// Open opens a device for reading and writing that never make one wait.
	Open(path string) (Device, error)
	Poller() (Poller, error)
}

// Device is an open device. Its methods may be called from several goroutines;
// after Close they return EBADF.
type Device interface {
	// Ioctl passes arg to the kernel, which may change it. Without arg the kernel
	// is given a null pointer.
	Ioctl(r abi.Request, arg []byte) error
	Read(p []byte) (int, error)
	Write(p []byte) (int, error)
	Close() error
}

// Poller waits for several devices at once.
type Poller interface {
	// Watch says under which key to report a device and what for, instead of what
	// was said before; nothing takes it out.
	Watch(d Device, key int, what Readiness) error
	// Wait waits for a device to be ready, or for Wake, and returns how many keys it
	// has put into ready. A device is reported as long as it is ready.
	Wait(ready []Ready) (int, error)
	// Wake makes Wait return, if not this one then the next.
	Wake() error
	Close() error
}

// Readiness says what a device has for us.
type Readiness uint8

const (
	Input  Readiness = 1 << iota // a block can be read
	Events                       // GetEvent has something
	Gone                         // the device is no more; reported without being asked for
)

// Ready is a device that has something.
type Ready struct {
	Key  int
	What Readiness
}

// ErrEvent is ELAST, the kernel's answer to any read or write while an event waits:
// the queue must be emptied first, and then the same block tried again.
const ErrEvent = syscall.Errno(500)

// Open opens a device of DAHDI's. hal.ErrAbsent: there is none.
func Open(k Kernel, path string) (Device, error) {
	dev, err := k.Open(path)
	if errors.Is(err, syscall.ENOENT) || errors.Is(err, syscall.ENXIO) || errors.Is(err, syscall.ENODEV) {
		return nil, fmt.Errorf("%w: the kernel modules of DAHDI are not loaded: %w", hal.ErrAbsent, err)
	}
	return dev, err
}

// Put passes a record to the kernel.
func Put(d Device, r abi.Request, record any) error {
	b, err := abi.Marshal(record)
	if err != nil {
		return err
	}
	return d.Ioctl(r, b)
}

// Exchange passes a record to the kernel and takes back what it made of it.
func Exchange(d Device, r abi.Request, record any) error {
	b, err := abi.Marshal(record)
	if err != nil {
		return err
	}
	if err := d.Ioctl(r, b); err != nil {
		return err
	}
	return abi.Unmarshal(b, record)
}
