package distant

import (
	"context"
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

// guests bounds how many may be on their way to prove themselves at once.
const guests = 8

// A Server lets consoles in over the network. Configure it, and Run it; both in any
// order.
type Server struct {
	serve func(context.Context, net.Conn)
	log   *slog.Logger
	wake  chan struct{}

	mu     sync.Mutex
	config Config
}

// NewServer makes a server that hands every console to serve, which closes it.
func NewServer(serve func(context.Context, net.Conn), log *slog.Logger) *Server {
	return &Server{serve: serve, log: log, wake: make(chan struct{}, 1)}
}

// Configure puts another configuration into force. Consoles that are open stay.
func (s *Server) Configure(c Config) {
	s.mu.Lock()
	same := reflect.DeepEqual(c, s.config)
	s.config = c
	s.mu.Unlock()
	if !same {
		select {
		case s.wake <- struct{}{}:
		default:
		}
	}
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
				open.Go(func() { s.accept(ctx, l, c.From, &open) })
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

// A hall is an open port, and the key that opens the next door.
type hall struct {
	net.Listener
	key []byte
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
	return hall{l, key}, nil
}

// accept lets in who comes from the right place and knows the secret.
func (s *Server) accept(ctx context.Context, l hall, from []netip.Prefix, open *sync.WaitGroup) {
	seats := make(chan struct{}, guests)
	for {
		c, err := l.Accept()
		if err != nil {
			return // closed, by Run
		}
		who, _ := netip.ParseAddrPort(c.RemoteAddr().String())
		addr := who.Addr().Unmap().WithZone("")
		if !slices.ContainsFunc(from, func(p netip.Prefix) bool { return p.Contains(addr) }) {
			c.Close()
			continue
		}
		select {
		case seats <- struct{}{}:
		default:
			c.Close()
			continue
		}
		open.Go(func() {
			stop := context.AfterFunc(ctx, func() { c.Close() })
			secured, err := meet(c, l.key, false)
			stop()
			<-seats
			if err != nil {
				s.log.Warn("a console over the network was turned away", "from", who.String(), "error", err)
				c.Close()
				return
			}
			s.log.Info("a console over the network", "from", who.String())
			s.serve(ctx, secured)
		})
	}
}
