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

// Drop has the manager let go of what it holds under a name.
func (s *Store) Drop(name string) error {
	return send("FDSTOREREMOVE=1\nFDNAME="+fdName(name), nil)
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
