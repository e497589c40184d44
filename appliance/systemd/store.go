package systemd

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"

	"github.com/coreos/go-systemd/v22/activation"
	"golang.org/x/sys/unix"
)

// A Store is the service manager's file descriptor store: sockets that live on
// while the daemon is started again, and what a .socket unit hands over at the
// start. Without a manager it is empty and keeps nothing.
type Store struct {
	mu    sync.Mutex
	files map[string]*os.File // handed over and not taken yet
}

// NewStore takes over what the manager has handed to this process. Call it once, and
// early: until then the descriptors are nobody's.
func NewStore() *Store {
	s := &Store{files: map[string]*os.File{}}
	for _, f := range activation.Files(true) {
		if old := s.files[f.Name()]; old != nil {
			old.Close() // the same socket, kept twice
		}
		s.files[f.Name()] = f
	}
	return s
}

// fdName is a name as the manager allows it: no colon, at most 255 characters.
func fdName(name string) string {
	name = strings.ReplaceAll(name, ":", "_")
	return name[:min(len(name), 255)]
}

// Take is the descriptor kept under a name, nil if there is none. It is the
// caller's from then on.
func (s *Store) Take(name string) *os.File {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.files[fdName(name)]
	delete(s.files, fdName(name))
	return f
}

// Keep has the manager hold a copy of a descriptor under a name.
func (s *Store) Keep(name string, fd uintptr) error {
	return send("FDSTORE=1\nFDNAME="+fdName(name), unix.UnixRights(int(fd)))
}

// Drop has the manager let go of what it holds under a name, and returns when it has:
// until then the address of a socket is still taken.
func (s *Store) Drop(name string) error {
	if !Managed() {
		return nil
	}
	if err := send("FDSTOREREMOVE=1\nFDNAME="+fdName(name), nil); err != nil {
		return err
	}
	return barrier()
}

// patience is how long the manager may take to get to what it was told, in
// milliseconds.
const patience = 2000

// barrier waits until the manager has read everything sent before (sd_notify_barrier(3)):
// it closes the descriptor that comes with the word.
func barrier() error {
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
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(p[0])}}, patience) // hang-up is always told
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
	s.files = map[string]*os.File{}
	s.mu.Unlock()
	var errs []error
	for name, f := range left {
		errs = append(errs, f.Close(), s.Drop(name))
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
