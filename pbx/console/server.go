package console

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"os/user"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"branchline/pbx/cli"
	"branchline/pbx/console/output"
	"branchline/pbx/console/protocol"
)

// maxConsoles bounds how many consoles are served at once.
const maxConsoles = 64

// ErrRunning is what a second instance gets from Listen.
var ErrRunning = errors.New("already running")

// ServerOptions say where consoles find the daemon and who may.
type ServerOptions struct {
	Socket      string      // path of the control socket
	PIDFile     string      // locked while the daemon lives; "" for none
	Permissions fs.FileMode // of the socket, 0 is 0660
	Owner       string      // user name or number, "" leaves it
	Group       string      // group name or number, "" leaves it
	Version     string      // "Branchline 1.2.3", shown when a console connects
	Tree        *cli.Tree
	Output      *output.Output
	Log         *slog.Logger
	HideConnect bool // do not mention consoles that come and go
	// Keeper holds the socket over a restart of the process; nil: nobody does.
	Keeper Keeper
}

// A Keeper holds descriptors over a restart of the process.
type Keeper interface {
	// Take is the socket kept under name, or else one that was made for us and listens to
	// an address ("unix" and a path); nil if there is none.
	Take(name, network, address string) *os.File
	// Keep reports whether it is kept from now on.
	Keep(name string, fd uintptr) bool
}

// keptName is what the control socket is kept as.
const keptName = "console"

// inherit takes over the socket that the process before left, if its name still
// leads to it.
func (s *Server) inherit() bool {
	if s.o.Keeper == nil {
		return false
	}
	f := s.o.Keeper.Take(keptName, "unix", s.o.Socket)
	if f == nil {
		return false
	}
	defer f.Close()
	if _, err := os.Stat(s.o.Socket); err != nil {
		return false
	}
	l, err := net.FileListener(f)
	if err != nil {
		return false
	}
	u, ok := l.(*net.UnixListener)
	if !ok {
		l.Close()
		return false
	}
	u.SetUnlinkOnClose(false)
	s.listener, s.kept = u, true
	return true
}

// keep leaves a copy of the socket with the Keeper.
func (s *Server) keep() {
	if s.o.Keeper == nil {
		return
	}
	if raw, err := s.listener.SyscallConn(); err == nil {
		_ = raw.Control(func(fd uintptr) { s.kept = s.o.Keeper.Keep(keptName, fd) })
	}
}

// A Server lets consoles in through a unix socket. It is a task: Listen, then Run.
type Server struct {
	o        ServerOptions
	listener *net.UnixListener
	pidFile  *os.File
	ready    chan struct{}
	kept     bool // the Keeper has it: its name outlives the process
	sessions sync.WaitGroup
	seats    chan struct{}
}

// NewServer makes a server; nothing is opened before Listen.
func NewServer(o ServerOptions) *Server {
	if o.Permissions == 0 {
		o.Permissions = 0o660
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Server{o: o, ready: make(chan struct{}), seats: make(chan struct{}, maxConsoles)}
}

// Name is the task's name.
func (s *Server) Name() string { return "console" }

// Ready is closed when consoles are let in.
func (s *Server) Ready() <-chan struct{} { return s.ready }

// Listen claims the control socket. It returns ErrRunning, wrapped, if a daemon
// lives behind it; what a dead one left is replaced. Call it before anything
// else is bound, so that a second instance disturbs nothing.
func (s *Server) Listen() error {
	if err := s.lock(); err != nil {
		return err
	}
	if s.inherit() {
		return nil
	}
	if c, err := net.DialTimeout("unix", s.o.Socket, time.Second); err == nil {
		c.Close()
		return s.unlock(fmt.Errorf("%s: %w", s.o.Socket, ErrRunning))
	}
	// Made under another name and renamed, so that nobody finds the socket
	// before it has its owner and permissions; this also replaces a stale one.
	fresh := s.o.Socket + ".new"
	if err := os.Remove(fresh); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return s.unlock(err)
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: fresh, Net: "unix"})
	if err != nil {
		return s.unlock(err)
	}
	l.SetUnlinkOnClose(false)
	if err := errors.Join(os.Chmod(fresh, s.o.Permissions), s.own(fresh)); err == nil {
		err = os.Rename(fresh, s.o.Socket)
		if err == nil {
			s.listener = l
			s.keep()
			return nil
		}
	} else {
		l.Close()
		os.Remove(fresh)
		return s.unlock(err)
	}
	l.Close()
	return s.unlock(fmt.Errorf("control socket: %w", err))
}

// lock takes the pid file: the lock dies with the process, whatever kills it.
func (s *Server) lock() error {
	if s.o.PIDFile == "" {
		return nil
	}
	f, err := os.OpenFile(s.o.PIDFile, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			err = ErrRunning
		}
		return fmt.Errorf("%s: %w", s.o.PIDFile, err)
	}
	s.pidFile = f
	if err := errors.Join(f.Truncate(0), writeString(f, strconv.Itoa(os.Getpid())+"\n")); err != nil {
		return s.unlock(fmt.Errorf("pid file: %w", err))
	}
	return nil
}

func writeString(f *os.File, text string) error {
	_, err := f.WriteString(text)
	return err
}

func (s *Server) unlock(because error) error {
	if s.pidFile != nil {
		s.pidFile.Close()
		s.pidFile = nil
	}
	return because
}

func (s *Server) own(path string) error {
	uid, gid := -1, -1
	if s.o.Owner != "" {
		n, err := userID(s.o.Owner)
		if err != nil {
			return err
		}
		uid = n
	}
	if s.o.Group != "" {
		n, err := groupID(s.o.Group)
		if err != nil {
			return err
		}
		gid = n
	}
	if uid < 0 && gid < 0 {
		return nil
	}
	return os.Chown(path, uid, gid)
}

func userID(name string) (int, error) {
	if n, err := strconv.Atoi(name); err == nil {
		return n, nil
	}
	u, err := user.Lookup(name)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(u.Uid)
}

func groupID(name string) (int, error) {
	if n, err := strconv.Atoi(name); err == nil {
		return n, nil
	}
	g, err := user.LookupGroup(name)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(g.Gid)
}

// Run lets consoles in until ctx ends; then it lets what they asked for finish,
// says goodbye to each and removes the socket.
func (s *Server) Run(ctx context.Context) error {
	if s.listener == nil {
		return errors.New("console: Run without Listen")
	}
	l := s.listener
	stop := context.AfterFunc(ctx, func() { l.Close() })
	defer stop()
	close(s.ready)
	for {
		conn, err := l.Accept()
		if ctx.Err() != nil {
			break
		}
		if err != nil {
			// Out of descriptors, most likely: calls matter more than consoles.
			s.o.Log.Warn("console not let in", "err", err)
			select {
			case <-ctx.Done():
			case <-time.After(time.Second):
			}
			continue
		}
		s.sessions.Go(func() { s.Serve(ctx, conn) })
	}
	s.sessions.Wait()
	return s.Close()
}

// Close gives the control socket back. Run has done so when it returns; who
// calls Listen and then cannot Run must.
func (s *Server) Close() error {
	if s.listener == nil {
		return nil
	}
	s.listener.Close()
	s.listener = nil
	var err error
	if !s.kept {
		err = os.Remove(s.o.Socket)
	}
	if s.o.PIDFile != "" {
		// A directory that only root may write stays as it is.
		_ = os.Remove(s.o.PIDFile)
	}
	s.unlock(nil)
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrPermission) {
		return err
	}
	return nil
}

// Serve serves one console that came by conn, which it closes in the end. Run
// calls it for every connection; a foreground console is one more.
func (s *Server) Serve(ctx context.Context, conn net.Conn) {
	defer conn.Close()
	select {
	case s.seats <- struct{}{}:
		defer func() { <-s.seats }()
	default:
		_ = protocol.Write(conn, protocol.Bye, []byte("too many consoles"))
		return
	}
	// Its reading end is our hello; a client that says nothing is sent away.
	_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
	var in protocol.Greeting
	if err := protocol.ReadHello(conn, &in); err != nil {
		return
	}
	host, _ := os.Hostname()
	if err := protocol.WriteHello(conn, protocol.Welcome{Protocol: protocol.Version, Version: s.o.Version, Host: strings.TrimSpace(host), PID: os.Getpid()}); err != nil {
		return
	}
	if in.Protocol != protocol.Version {
		_ = protocol.Write(conn, protocol.Bye, fmt.Appendf(nil, "the daemon speaks console protocol %d, this program %d", protocol.Version, in.Protocol))
		return
	}
	_ = conn.SetDeadline(time.Time{})
	if !s.o.HideConnect && in.Watch {
		s.o.Output.Verbose(3, "Remote UNIX connection")
		defer s.o.Output.Verbose(3, "Remote UNIX connection disconnected")
	}
	(&session{server: s, conn: conn, queue: newQueue(), lines: make(chan string, 64)}).run(ctx, in)
}
