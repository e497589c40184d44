// Package button reads a push button between one of the board's GPIO lines and ground,
// through the kernel's GPIO character devices (linux/gpio.h, version 2 of that
// interface, Linux 5.10), and makes a wish of how long it is held while the board
// starts.
package button

import (
	"encoding/binary"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// A Place is the line that a button is on.
type Place struct {
	Chip string // device (gpiochip0) or label of a GPIO chip, "" for the board's own
	Line int    // counted from 0; on a Raspberry Pi the number behind "GPIO"
}

var spelt = regexp.MustCompile(`^(?:(?i:gpio)|([A-Za-z0-9._-]+):)(\d{1,3})$`)

// Parse reads "GPIO17", a line of the board's own chip, or "gpiochip1:4", one of
// another chip by its device or label.
func Parse(s string) (Place, error) {
	m := spelt.FindStringSubmatch(s)
	if m == nil {
		return Place{}, fmt.Errorf("%q is no GPIO line such as GPIO17 or gpiochip1:4", s)
	}
	n, err := strconv.Atoi(m[2])
	return Place{m[1], n}, err
}

func (p Place) String() string {
	if p.Chip == "" {
		return "GPIO" + strconv.Itoa(p.Line)
	}
	return p.Chip + ":" + strconv.Itoa(p.Line)
}

// ErrNoLine reports that the board has no such line.
var ErrNoLine = errors.New("no such GPIO line")

// own is what the labels of a Raspberry Pi's own chip begin with; another board's is
// its first.
const own = "pinctrl-bcm"

// consumer is who the kernel says has the line.
const consumer = "branchline"

// A Button is a line that has been claimed: nobody else can have it, and what pulls
// it up is switched on where the chip can.
type Button struct {
	k  kernel
	fd int
}

// Open claims the line that a button is on. It returns ErrNoLine, wrapped, if there is
// none, and EBUSY, wrapped, if somebody has it.
func Open(p Place) (*Button, error) { return open(machine{}, p) }

func open(k kernel, p Place) (*Button, error) {
	chip, err := find(k, p)
	if err != nil {
		return nil, fmt.Errorf("button %v: %w", p, err)
	}
	r := make([]byte, lineRequest.size())
	order := binary.NativeEndian
	order.PutUint32(r, uint32(p.Line))
	copy(r[consumerAt:], consumer)
	order.PutUint64(r[flagsAt:], activeLow|input|pullUp)
	order.PutUint32(r[linesAt:], 1)
	if err := errors.Join(k.ioctl(chip, lineRequest, r), k.close(chip)); err != nil {
		return nil, fmt.Errorf("button %v: %w", p, err)
	}
	return &Button{k, int(int32(order.Uint32(r[fdAt:])))}, nil
}

// Pressed reports whether the line is pulled to ground.
func (b *Button) Pressed() (bool, error) {
	v := make([]byte, lineValues.size())
	binary.NativeEndian.PutUint64(v[maskAt:], 1)
	if err := b.k.ioctl(b.fd, lineValues, v); err != nil {
		return false, fmt.Errorf("button: %w", err)
	}
	return binary.NativeEndian.Uint64(v)&1 != 0, nil
}

// Close gives the line back.
func (b *Button) Close() error { return b.k.close(b.fd) }

// find opens the chip that a line is on.
func find(k kernel, p Place) (fd int, err error) {
	devices, err := k.chips()
	if err != nil {
		return -1, err
	}
	found := ""
	for i, device := range devices {
		label, lines, err := identify(k, device)
		if err != nil {
			return -1, err
		}
		if p.Line >= lines {
			continue
		}
		pi := strings.HasPrefix(label, own)
		switch p.Chip {
		case "":
			if pi || i == 0 {
				found = device
			}
		case filepath.Base(device), label:
			found = device
		}
		if found == device && (pi || p.Chip != "") {
			break
		}
	}
	if found == "" {
		return -1, ErrNoLine
	}
	return k.open(found)
}

// identify is what a chip is called, and how many lines it has.
func identify(k kernel, device string) (label string, lines int, err error) {
	fd, err := k.open(device)
	if err != nil {
		return "", 0, err
	}
	info := make([]byte, chipInfo.size())
	if err := errors.Join(k.ioctl(fd, chipInfo, info), k.close(fd)); err != nil {
		return "", 0, fmt.Errorf("%s: %w", device, err)
	}
	label, _, _ = strings.Cut(string(info[labelAt:chipLinesAt]), "\x00")
	return label, int(binary.NativeEndian.Uint32(info[chipLinesAt:])), nil
}
