package tty_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"branchline/hal/haltest/wire"
	"branchline/hal/modem/tty"
)

// terminal plugs an echo in and gives its name.
func terminal(t *testing.T, o wire.EchoOptions) *wire.Socket {
	t.Helper()
	s, err := wire.Plug(t.TempDir(), wire.NewEcho(o))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Unplug)
	return s
}

func open(t *testing.T, r *tty.Reserve, name string) *tty.Port {
	t.Helper()
	p, err := r.Open(name, 115200)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

func reserve(t *testing.T) *tty.Reserve {
	r := tty.NewReserve(2)
	t.Cleanup(r.Close)
	return r
}

func TestEveryByte(t *testing.T) {
	p := open(t, reserve(t), terminal(t, wire.EchoOptions{}).Data)
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	for range 20 {
		if _, err := p.Write(all); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, len(all))
		if _, err := io.ReadFull(p, got); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, all) {
			t.Fatalf("came back as %x", got)
		}
	}
	if n := p.Queued(); n != 0 {
		t.Errorf("%d bytes are still queued", n)
	}
}

func TestOneOwner(t *testing.T) {
	r, s := reserve(t), terminal(t, wire.EchoOptions{})
	p := open(t, r, s.Data)
	if _, err := r.Open(s.Data, 115200); !errors.Is(err, tty.ErrBusy) {
		t.Errorf("second owner: %v", err)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, r, s.Data)
}

func TestNothingThere(t *testing.T) {
	r := reserve(t)
	if _, err := r.Open(filepath.Join(t.TempDir(), "ttyACM0"), 115200); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	if _, err := r.Open("/dev/null", 115200); err == nil || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("/dev/null: %v", err)
	}
}

func TestUnplugged(t *testing.T) {
	s := terminal(t, wire.EchoOptions{})
	p := open(t, reserve(t), s.Data)
	done := make(chan error)
	go func() {
		_, err := p.Read(make([]byte, 10))
		done <- err
	}()
	s.Unplug()
	if err := <-done; err == nil || errors.Is(err, fs.ErrClosed) {
		t.Errorf("read: %v", err)
	}
	var err error
	for err == nil {
		_, err = p.Write([]byte("x"))
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
}

func TestCloseEndsARead(t *testing.T) {
	p := open(t, reserve(t), terminal(t, wire.EchoOptions{}).Data)
	done := make(chan error)
	go func() {
		_, err := p.Read(make([]byte, 10))
		done <- err
	}()
	p.Close()
	if err := <-done; !errors.Is(err, fs.ErrClosed) {
		t.Errorf("read: %v", err)
	}
}

// A device that takes nothing holds up neither Write nor Close.
func TestDeaf(t *testing.T) {
	p := open(t, reserve(t), terminal(t, wire.EchoOptions{Deaf: true}).Data)
	var err error
	for began := time.Now(); err == nil && time.Since(began) < time.Minute; {
		_, err = p.Write(make([]byte, 1000))
	}
	if !errors.Is(err, tty.ErrStuck) {
		t.Errorf("write: %v", err)
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
}

// With all low descriptors taken the library alone would panic in Read.
func TestManyFilesAreOpen(t *testing.T) {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	if limit.Cur < 1200 {
		limit.Cur = min(1200, limit.Max)
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
			t.Fatal(err)
		}
	}
	r, s, other := tty.NewReserve(1), terminal(t, wire.EchoOptions{}), terminal(t, wire.EchoOptions{})
	for {
		f, err := os.Open(os.DevNull)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if f.Fd() >= 1050 {
			break
		}
	}
	for range 3 { // what is closed is kept for the next
		p, err := r.Open(s.Data, 115200)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.Write([]byte("low")); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(p, make([]byte, 3)); err != nil {
			t.Error(err)
		}
		if _, err := r.Open(other.Data, 115200); !errors.Is(err, tty.ErrHigh) {
			t.Errorf("one more than is kept: %v", err)
		}
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	}
	r.Close()
}
