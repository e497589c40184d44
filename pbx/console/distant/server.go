package distant

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"reflect"
	"slices"
	"sync"
	"time"
)

// A Config says whether there is a console over the network; the zero Config that there
// is none.
type Config struct {
	Secret string
	Port   uint16
	From   []netip.Prefix // who is spoken to
}

// admits reports whether who comes from there and has this secret is let in.
func (c Config) admits(from netip.Addr, secret string) bool {
	return c.Secret == secret && slices.ContainsFunc(c.From, func(p netip.Prefix) bool { return p.Contains(from) })
}

// At the door are at most so many at once, and so many from one place: nobody shall be
// able to keep the others out.
const atDoor, atDoorOfOne = 16, 4

// doubt is how long a place at the door stays taken after somebody was turned away: it
// bounds how many secrets can be tried, and how much is written about it.
const doubt = time.Second

// A guest is a console at the door or, once it is known, inside.
type guest struct {
	from   netip.Addr
	secret string
	leave  context.CancelFunc
	known  bool
}

// A Server lets consoles in over the network. Configure it, and Run it; both in any
// order.
type Server struct {
	serve func(context.Context, net.Conn)
	log   *slog.Logger
	wake  chan struct{}

	mu     sync.Mutex
	config Config
	here   map[*guest]struct{}
}

// NewServer makes a server that hands every console to serve, which closes it.
func NewServer(serve func(context.Context, net.Conn), log *slog.Logger) *Server {
	return &Server{serve: serve, log: log, wake: make(chan struct{}, 1), here: map[*guest]struct{}{}}
}

// Configure puts another configuration into force. Consoles that it would not let in
// have to leave.
func (s *Server) Configure(c Config) {
	s.mu.Lock()
	same := reflect.DeepEqual(c, s.config)
	s.config = c
	for g := range s.here {
		if !c.admits(g.from, g.secret) {
			g.leave()
		}
	}
	s.mu.Unlock()
	if !same {
		select {
		case s.wake <- struct{}{}:
		default:
		}
	}
}

// receive has a guest wait at the door, if there is room and it comes from the right place.
func (s *Server) receive(g *guest) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	all, alike := 0, 0
	for other := range s.here {
		if !other.known {
			all++
			if other.from == g.from {
				alike++
			}
		}
	}
	if all >= atDoor || alike >= atDoorOfOne || !s.config.admits(g.from, g.secret) {
		return false
	}
	s.here[g] = struct{}{}
	return true
}

// know gives the guest's place at the door to others.
func (s *Server) know(g *guest) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g.known = true
}

func (s *Server) part(g *guest) {
	g.leave()
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.here, g)
}

func (s *Server) now() Config {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.config
}

// again is the pause before a port that could not be opened is tried once more.
const again = 10 * time.Second

// Run lets consoles in until ctx ends.
func (s *Server) Run(ctx context.Context) error {
	var open sync.WaitGroup
	defer open.Wait()
	var made ring
	for ctx.Err() == nil {
		c := s.now()
		var retry <-chan time.Time
		if c.Secret != "" {
			l, err := s.listen(ctx, c, &made)
			if err == nil {
				open.Go(func() { s.accept(ctx, l, &open) })
				select {
				case <-s.wake:
				case <-ctx.Done():
				}
				l.Close()
				continue
			}
			s.log.Error("no console over the network", "error", err)
			retry = time.After(again)
		}
		select {
		case <-s.wake:
		case <-retry:
		case <-ctx.Done():
		}
	}
	return nil
}

// A hall is an open port, and the secret that opens the next door, with its key.
type hall struct {
	net.Listener
	secret string
	key    []byte
}

// A ring keeps the key of the last secret: to make one is costly.
type ring struct {
	secret string
	key    []byte
}

func (r *ring) of(secret string) (key []byte, err error) {
	if r.key == nil || r.secret != secret {
		if key, err = keyOf(secret); err != nil {
			return nil, err
		}
		r.secret, r.key = secret, key
	}
	return r.key, nil
}

func (s *Server) listen(ctx context.Context, c Config, made *ring) (hall, error) {
	key, err := made.of(c.Secret)
	if err != nil {
		return hall{}, err
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", fmt.Sprintf(":%d", c.Port))
	if err != nil {
		return hall{}, err
	}
	s.log.Info("a console over the network is open", "port", c.Port, "from", c.From)
	return hall{l, c.Secret, key}, nil
}

// accept receives who comes, until the port is closed.
func (s *Server) accept(ctx context.Context, l hall, open *sync.WaitGroup) {
	for {
		c, err := l.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil { // out of descriptors, most likely
			s.log.Warn("a console over the network was not let in", "error", err)
			select {
			case <-ctx.Done():
			case <-time.After(time.Second):
			}
			continue
		}
		who, _ := netip.ParseAddrPort(c.RemoteAddr().String())
		g := &guest{from: who.Addr().Unmap().WithZone(""), secret: l.secret}
		var inside context.Context
		inside, g.leave = context.WithCancel(ctx)
		if !s.receive(g) {
			g.leave()
			c.Close()
			continue
		}
		open.Go(func() {
			defer s.part(g)
			s.meet(inside, g, c, l.key)
		})
	}
}

// meet lets a guest in who knows the secret.
func (s *Server) meet(ctx context.Context, g *guest, c net.Conn, key []byte) {
	stop := context.AfterFunc(ctx, func() { c.Close() })
	secured, err := meet(c, key, false)
	stop()
	if err != nil {
		c.Close()
		s.log.Warn("a console over the network was turned away", "from", c.RemoteAddr().String(), "error", err)
		select {
		case <-ctx.Done():
		case <-time.After(doubt):
		}
		return
	}
	s.know(g)
	s.log.Info("a console over the network", "from", c.RemoteAddr().String())
	s.serve(ctx, secured)
}
