package button

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// kernel is the part of the kernel that knows about GPIO chips.
type kernel interface {
	chips() ([]string, error) // devices, the first chip first
	open(device string) (fd int, err error)
	ioctl(fd int, r request, arg []byte) error
	close(fd int) error
}

// A request is the number of an ioctl, which tells the size of what goes with it
// (asm-generic/ioctl.h).
type request uint32

func (r request) size() int { return int(r >> 16 & 0x3fff) }

// Requests of linux/gpio.h. The layout of their arguments is the same for processors
// of 32 and 64 bits.
const (
	chipInfo    request = 0x8044b401 // struct gpiochip_info
	lineRequest request = 0xc250b407 // struct gpio_v2_line_request
	lineValues  request = 0xc010b40e // struct gpio_v2_line_values
)

// Where the fields are.
const (
	labelAt     = 32 // of chipInfo
	chipLinesAt = 64

	consumerAt = 256 // of lineRequest, after the numbers of 64 lines
	flagsAt    = 288 // in config
	linesAt    = 560
	fdAt       = 588

	maskAt = 8 // of lineValues
)

// Flags of a line (enum gpio_v2_line_flag).
const (
	activeLow = 1 << 1
	input     = 1 << 2
	pullUp    = 1 << 8
)

// machine is the kernel that this program runs on.
type machine struct{}

func (machine) chips() ([]string, error) {
	found, err := filepath.Glob("/dev/gpiochip*")
	slices.SortFunc(found, func(a, b string) int { // gpiochip10 after gpiochip9
		if len(a) != len(b) {
			return len(a) - len(b)
		}
		return strings.Compare(a, b)
	})
	return found, err
}

func (machine) open(device string) (int, error) {
	for {
		fd, err := unix.Open(device, unix.O_RDWR|unix.O_CLOEXEC, 0)
		if err == nil {
			return fd, nil
		}
		if err != unix.EINTR {
			return -1, &os.PathError{Op: "open", Path: device, Err: err}
		}
	}
}

func (machine) ioctl(fd int, r request, arg []byte) error {
	if len(arg) < r.size() {
		return unix.EFAULT
	}
	for {
		_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), uintptr(r), uintptr(unsafe.Pointer(unsafe.SliceData(arg))))
		switch errno {
		case 0:
			return nil
		case unix.EINTR:
		default:
			return errno
		}
	}
}

func (machine) close(fd int) error { return unix.Close(fd) }
