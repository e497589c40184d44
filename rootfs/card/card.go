// Package card is the card that this system was started from, as an update sees it:
// which slot runs, where the other one is, and the boot partition with the choice
// between them.
package card

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"branchline/rootfs"
	"branchline/rootfs/slots"
	"branchline/rootfs/update"
)

// Where things are in a running system.
const (
	BootDir     = "/boot"
	DataDir     = "/data"
	SlotDir     = "/slot"
	ReleaseFile = "/usr/share/branchline/release"
	KeyDir      = "/usr/share/branchline/update-keys"
)

// lockFile is held by whoever has the boot partition writable.
const lockFile = "/run/branchline-card.lock"

// ErrNone reports a system that was not started from a card of ours.
var ErrNone = errors.New("this system was not started from a Branchline card")

// A Card is the card of this system.
type Card struct {
	release update.Release
	failed  int    // slot whose trial has failed, as the boot loader says; 0: none
	device  string // of the running slot
	boot    string
}

var _ update.Card = (*Card)(nil)

// Open finds the card that this system was started from.
func Open() (*Card, error) {
	line, err := os.ReadFile("/proc/cmdline")
	if err != nil {
		return nil, err
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	release, err := os.ReadFile(ReleaseFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNone
	}
	if err != nil {
		return nil, err
	}
	return parse(string(line), mounts, string(release))
}

// parse puts together what the kernel was told, what is mounted and what the image
// says of itself.
func parse(line string, mounts []byte, release string) (*Card, error) {
	c := &Card{boot: BootDir}
	for _, word := range strings.Fields(line) {
		key, value, _ := strings.Cut(word, "=")
		n, err := strconv.Atoi(value)
		if err != nil {
			continue
		}
		switch key {
		case "branchline.slot":
			c.release.Slot = n
		case "branchline.trying":
			c.release.Trying = n != 0
		case "branchline.failed":
			c.failed = n
		}
	}
	for _, line := range strings.Split(strings.TrimSpace(release), "\n") {
		key, value, _ := strings.Cut(line, " ")
		switch key {
		case "board":
			c.release.Board = value
		case "version":
			c.release.Version = value
		case "counter":
			var err error
			if c.release.Counter, err = strconv.Atoi(value); err != nil {
				return nil, fmt.Errorf("%s: counter: %w", ReleaseFile, err)
			}
		}
	}
	// proc_pid_mountinfo(5): the mount point is the fifth field, the source the second
	// after the separator.
	for lines := bufio.NewScanner(bytes.NewReader(mounts)); lines.Scan(); {
		before, after, ok := strings.Cut(lines.Text(), " - ")
		f, g := strings.Fields(before), strings.Fields(after)
		if ok && len(f) > 4 && len(g) > 1 && f[4] == SlotDir {
			c.device = g[1]
		}
	}
	if c.device == "" || c.release.Board == "" || c.release.Slot != rootfs.SlotA && c.release.Slot != rootfs.SlotB {
		return nil, ErrNone
	}
	return c, nil
}

// Release is what runs.
func (c *Card) Release() update.Release { return c.release }

// Failed is the slot whose trial has failed, as the boot loader told at this start; 0
// if none has.
func (c *Card) Failed() int { return c.failed }

// partition is the device of another partition of the card.
func (c *Card) partition(n int) string {
	return strings.TrimSuffix(c.device, strconv.Itoa(c.release.Slot)) + strconv.Itoa(n)
}

// Idle opens the slot that does not run, for writing.
func (c *Card) Idle(slot int) (update.Slot, error) {
	if slot != slots.Other(c.release.Slot) {
		return nil, fmt.Errorf("slot %s is running", update.SlotName(slot))
	}
	// Exclusive: nothing that is mounted can be opened so.
	f, err := os.OpenFile(c.partition(slot), os.O_RDWR|unix.O_EXCL, 0)
	if err != nil {
		return nil, err
	}
	return device{f}, nil
}

type device struct{ *os.File }

// Flush has the card itself asked from now on.
func (d device) Flush() error {
	if err := d.Sync(); err != nil {
		return err
	}
	if err := unix.Fadvise(int(d.Fd()), 0, 0, unix.FADV_DONTNEED); err != nil {
		return fmt.Errorf("%s: drop cache: %w", d.Name(), err)
	}
	// Pages of a block device: BLKFLSBUF drops what fadvise has to leave.
	if err := unix.IoctlSetInt(int(d.Fd()), unix.BLKFLSBUF, 0); err != nil {
		return fmt.Errorf("%s: flush: %w", d.Name(), err)
	}
	return nil
}

// Try puts a slot on trial for the next start.
func (c *Card) Try(slot int) error {
	return c.writable(func() error { return slots.Put(c.boot, slot, 1) })
}

// Commit makes a slot the good one.
func (c *Card) Commit(slot int) error {
	return c.writable(func() error { return slots.Commit(c.boot, slot) })
}

// writable has the boot partition writable while f runs; it is read-only otherwise,
// so that a power cut finds nothing under way there.
func (c *Card) writable(f func() error) error {
	// One at a time: the first to finish would take the right to write from the other.
	lock, err := os.OpenFile(lockFile, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer lock.Close()
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX); err != nil {
		return fmt.Errorf("%s: %w", lockFile, err)
	}
	const flags = unix.MS_REMOUNT | unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC
	if err := unix.Mount("", c.boot, "", flags|unix.MS_SYNCHRONOUS, "umask=077"); err != nil {
		return fmt.Errorf("%s: make writable: %w", c.boot, err)
	}
	err = f()
	if e := unix.Mount("", c.boot, "", flags|unix.MS_RDONLY, "umask=077"); e != nil {
		err = errors.Join(err, fmt.Errorf("%s: make read-only: %w", c.boot, e))
	}
	return err
}

// WriteBoot runs f while the boot partition is writable: for the files that go back to
// the user.
func (c *Card) WriteBoot(f func(dir string) error) error {
	return c.writable(func() error { return f(c.boot) })
}

// Restart asks the service manager to start the machine again, all services ended
// properly (systemd(1), SIGRTMIN+5).
func Restart() error {
	const reboot = unix.Signal(34 + 5)
	if err := unix.Kill(1, reboot); err != nil {
		return fmt.Errorf("restart: %w", err)
	}
	return nil
}
