package kernel_test

import (
	"errors"
	"io/fs"
	"testing"

	"golang.org/x/sys/unix"

	"branchline/hal/dahdi/abi"
	"branchline/hal/dahdi/kernel"
)

// What can be tried without telephone ports; the rest is tried in the guest.
func TestMachine(t *testing.T) {
	var m kernel.Machine
	if _, err := m.Open("/nowhere/at/all"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("opening nothing: %v", err)
	}
	d, err := m.Open("/dev/null")
	if err != nil {
		t.Fatal(err)
	}
	if err := kernel.Put(d, abi.Hook, abi.HookOn); err != unix.ENOTTY {
		t.Errorf("ioctl: %v", err)
	}
	if err := d.Ioctl(abi.GetParams, make([]byte, 4)); err != unix.EFAULT {
		t.Errorf("ioctl with a short record: %v", err)
	}
	if n, err := d.Write([]byte{1, 2}); n != 2 || err != nil {
		t.Errorf("write: %d, %v", n, err)
	}
	if n, err := d.Read(make([]byte, 2)); n != 0 || err != nil {
		t.Errorf("read: %d, %v", n, err)
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	_, read := d.Read(make([]byte, 2))
	_, write := d.Write([]byte{1})
	for _, err := range []error{d.Close(), read, write, d.Ioctl(abi.SetCadence, nil)} {
		if err != unix.EBADF {
			t.Errorf("after closing: %v", err)
		}
	}
}

func TestPoller(t *testing.T) {
	p, err := kernel.Machine{}.Poller()
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() {
		var ready [4]kernel.Ready
		n, err := p.Wait(ready[:])
		if n != 0 {
			t.Errorf("%v", ready[:n])
		}
		done <- err
	}()
	if err := p.Wake(); err != nil {
		t.Error(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	d, err := kernel.Machine{}.Open("/dev/null")
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Watch(d, 1, kernel.Events); !errors.Is(err, unix.EPERM) { // a file that is always ready
		t.Errorf("watch: %v", err)
	}
	d.Close()
	if err := p.Watch(d, 1, kernel.Events); err != unix.EBADF {
		t.Errorf("watching a closed device: %v", err)
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	if p.Wake() != unix.EBADF || p.Close() != unix.EBADF {
		t.Error("it was closed twice")
	}
}
