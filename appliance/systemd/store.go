package systemd

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/coreos/go-systemd/v22/activation"
	"golang.org/x/sys/unix"
)

// A Store is what the service manager holds for this process: its file descriptor
// store, with sockets that live on while the daemon is started again, and the sockets
// of a .socket unit. Without a manager it is empty and keeps nothing.
type Store struct {
	mu    sync.Mutex
	files []handed // handed over and not taken yet
}

// handed is a descriptor that the manager has handed over.
type handed struct {
	*os.File
	is string // what it listens to, as listens tells it
}

// NewStore takes over what the manager has handed to this process. Call it once, and
// early: until then the descriptors are nobody's.
func NewStore() *Store {
	s := &Store{}
	for _, f := range activation.Files(true) {
		h := handed{f, listens(f)}
		if slices.ContainsFunc(s.files, func(o handed) bool { return o.Name() == h.Name() && o.is == h.is && h.is != "" }) {
			f.Close() // the same socket, kept twice
			continue
		}
		s.files = append(s.files, h)
	}
	return s
}

// fdName is a name as the manager allows it: no colon, at most 255 characters.
func fdName(name string) string {
	name = strings.ReplaceAll(name, ":", "_")
	return name[:min(len(name), 255)]
}

// Take is what was kept under a name or, as a .socket unit calls all of its sockets the
// same, a socket that listens to an address: network is udp, tcp or unix, the address
// is spelt as netip.AddrPort does, or a path. It is nil if there is none, and the
// caller's from then on.
func (s *Store) Take(name, network, address string) *os.File {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.files, func(h handed) bool { return h.Name() == fdName(name) })
	if i < 0 {
		i = slices.IndexFunc(s.files, func(h handed) bool { return fits(h.is, network, address) })
	}
	if i < 0 {
		return nil
	}
	f := s.files[i].File
	s.files = slices.Delete(s.files, i, i+1)
	return f
}

// Keep has the manager hold a copy of a descriptor under a name.
func (s *Store) Keep(name string, fd uintptr) error {
	return send("FDSTORE=1\nFDNAME="+fdName(name), unix.UnixRights(int(fd)))
}

// Drop has the manager let go of what it holds under a name, and returns when it has:
// until then the address of a socket is still taken.
func (s *Store) Drop(name string) error {
	if err := send("FDSTOREREMOVE=1\nFDNAME="+fdName(name), nil); err != nil {
		return err
	}
	return barrier(patience)
}

// patience is how long the manager may take to get to what it was told, in
// milliseconds.
const patience = 2000

// barrier waits until the manager has read everything sent before (sd_notify_barrier(3)):
// it closes the descriptor that comes with the word. limit is in milliseconds.
func barrier(limit int) error {
	var p [2]int
	if err := unix.Pipe2(p[:], unix.O_CLOEXEC); err != nil {
		return fmt.Errorf("service manager: %w", err)
	}
	defer unix.Close(p[0])
	err := send("BARRIER=1", unix.UnixRights(p[1]))
	if e := unix.Close(p[1]); e != nil || err != nil {
		return errors.Join(err, e)
	}
	for {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(p[0])}}, limit) // hang-up is always told
		switch {
		case err == unix.EINTR:
		case err != nil:
			return fmt.Errorf("service manager: %w", err)
		case n == 0:
			return errors.New("service manager: it does not listen")
		default:
			return nil
		}
	}
}

// Tidy lets go of what was handed over and nobody has taken: the sockets of a
// configuration that is no longer.
func (s *Store) Tidy() error {
	s.mu.Lock()
	left := s.files
	s.files = nil
	s.mu.Unlock()
	var errs []error
	for _, f := range left {
		errs = append(errs, f.Close(), s.Drop(f.Name()))
	}
	return errors.Join(errs...)
}

// send is a datagram to the manager with a descriptor in its baggage.
func send(text string, rights []byte) error {
	path := os.Getenv("NOTIFY_SOCKET")
	if path == "" {
		return nil
	}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("service manager: %w", err)
	}
	defer unix.Close(fd)
	if err := unix.Sendmsg(fd, []byte(text), rights, &unix.SockaddrUnix{Name: path}, unix.MSG_NOSIGNAL); err != nil {
		return fmt.Errorf("service manager: %w", err)
	}
	return nil
}
