// Package steward keeps the network as the administrator wants it: it plans and
// takes the steps, gets and keeps leases, sees cables come and go, and takes a
// change back that cuts the box off.
//
// Reading order: the shapes and Run here; settle.go brings the kernel to where it
// should be; leases.go has the DHCP clients; trial.go changes that must prove
// themselves, debut.go the first configuration, which has to do so too.
package steward

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"reflect"
	"slices"
	"sync"
	"time"

	"branchline/netcfg"
	"branchline/netcfg/dhcp"
)

// An Interface is one as the administrator names it.
type Interface struct {
	netcfg.Interface        // without a Name it is found by MAC
	MAC              string // "52:54:00:12:34:56", lower case; "" if the name counts
	DHCP             bool
	Metric           int // of the routes that DHCP brings; 0: 100 and up, in order
}

// A Config is what the administrator wants. The zero Config wants nothing.
type Config struct {
	Interfaces []Interface
	Routes     []netcfg.Route // Link is an Interface's Name, or its MAC if it has none
	Every      bool           // DHCP on every Ethernet interface that is not named
	DNS        []netip.Addr   // instead of what leases bring
	Search     []string
	NTP        []string // hosts, instead of what leases bring
	Firewall   netcfg.Firewall

	Confirm time.Duration // how long a change may take to prove itself
	Manual  bool          // and only a word of the administrator proves it
	Proof   Proof
}

// Same reports whether two configurations want the same.
func (c Config) Same(o Config) bool { return reflect.DeepEqual(c, o) }

// Names are the servers that the rest of the box should use.
type Names struct {
	DNS    []netip.Addr
	Search []string
	NTP    []string
}

// A Filter is the packet filter behind netcfg.Firewall. Setting the zero Firewall
// removes it.
type Filter interface {
	Set(f netcfg.Firewall) error
}

// A Memory keeps leases, and what has proven itself, over a restart.
type Memory interface {
	Lease(link string) *dhcp.Lease
	Keep(link string, l *dhcp.Lease) // nil forgets
	Proven() *Config                 // nil: none has
	Prove(c *Config)                 // nil forgets
}

// Options are what a Steward is made from.
type Options struct {
	Kernel   netcfg.Kernel
	Filter   Filter // nil: none
	Memory   Memory // nil: none
	HostName string // told to DHCP servers
	Vendor   string
	// Emergency is the address that the box has as well when nothing proves itself
	// after a start; invalid: none. With it every Ethernet interface that is not
	// named is asked for by DHCP.
	Emergency netip.Prefix
	// Client is the DHCP client; nil: dhcp.Run.
	Client func(context.Context, dhcp.Options) error
	// Publish takes the name and time servers when they have changed.
	Publish func(Names)
	// Changed is told when an interface or an address has come or gone.
	Changed func(netcfg.State)
	// Heard reports whether a phone has registered since a time; nil: never.
	Heard func(since time.Time) bool
	// Decided is told how a trial ended; nil: nobody cares.
	Decided func(kept bool, c Config)
	Log     *slog.Logger
}

// A Steward may be used from any goroutine.
type Steward struct {
	o   Options
	log *slog.Logger

	mu      sync.Mutex
	ctx     context.Context // of the DHCP clients; ends with Run
	halt    context.CancelFunc
	begun   bool // there is a configuration; until then it only looks
	config  Config
	leases  map[string]*leasing
	trial   *trial
	debut   *debut
	rescue  bool   // with the emergency address
	refused string // why the configuration in force is not the administrator's, "" if it is
	last    string // how the last trial ended, in words
	said    string // the last trouble that was logged
	names   Names
	told    bool                  // they were published
	guarded bool                  // the filter has something of ours
	seen    string                // what Changed was last told of
	again   map[string]bool       // links whose duplicate addresses are tried once more
	doubles map[netip.Prefix]bool // duplicate addresses that were logged
	news    chan netcfg.State
}

// New makes a steward that only looks, until it is given a configuration.
func New(o Options) *Steward {
	if o.Client == nil {
		o.Client = dhcp.Run
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	s := &Steward{o: o, log: o.Log, leases: map[string]*leasing{}, again: map[string]bool{}, doubles: map[netip.Prefix]bool{}, news: make(chan netcfg.State, 1)}
	s.ctx, s.halt = context.WithCancel(context.Background())
	return s
}

// Times of Run.
const (
	calm    = 100 * time.Millisecond // events come in swarms
	rewatch = time.Second
)

// Run follows the kernel until ctx ends. Addresses and routes stay as they are
// then: a restart must not cut calls off.
func (s *Steward) Run(ctx context.Context) error {
	defer s.stop()
	go s.tell(ctx)
	for ctx.Err() == nil {
		if err := s.follow(ctx); err != nil {
			s.log.Warn("network is not watched", "error", err)
		}
		pause(ctx, rewatch)
	}
	return nil
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

func (s *Steward) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.halt()
	if s.trial != nil {
		s.trial.end()
	}
	s.endDebut()
}

// tell passes news on, one at a time.
func (s *Steward) tell(ctx context.Context) {
	for {
		select {
		case state := <-s.news:
			if s.o.Changed != nil {
				s.o.Changed(state)
			}
		case <-ctx.Done():
			return
		}
	}
}

// follow settles whenever something has changed.
func (s *Steward) follow(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	events, err := s.o.Kernel.Watch(ctx)
	if err != nil {
		return err
	}
	lost := map[string]bool{} // links that were without a cable, however short
	for {
		s.mu.Lock()
		s.replugged(lost)
		err := s.settle()
		s.mu.Unlock()
		s.trouble(err)
		clear(lost)
		select {
		case e, ok := <-events:
			if !ok {
				return errors.New("the kernel tells no more")
			}
			lost[e.Link] = lost[e.Link] || e.Lost
		case <-ctx.Done():
			return nil
		}
		pause(ctx, calm)
		for more := true; more; {
			select {
			case e, ok := <-events:
				if more = ok; ok {
					lost[e.Link] = lost[e.Link] || e.Lost
				}
			default:
				more = false
			}
		}
	}
}

// trouble logs an error once.
func (s *Steward) trouble(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	text := ""
	if err != nil {
		text = err.Error()
	}
	if text != s.said && text != "" {
		s.log.Error("the network is not as it should be", "error", text)
	}
	s.said = text
}

// Adopt puts a configuration into force that needs no proof. The error says which
// steps could not be taken; the others were.
func (s *Steward) Adopt(c Config) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.begun, s.config = true, c
	return errors.Join(s.guard(), s.settle())
}

// Config is what is in force, or on trial.
func (s *Steward) Config() Config {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.config
}

// A Status is how things are, for the console.
type Status struct {
	Config Config
	State  netcfg.State
	Want   netcfg.Desired
	Leases map[string]dhcp.Lease
	Asking []string // interfaces on which a server is being looked for
	Names  Names
	Trial  time.Time // when the change is taken back; zero: there is none
	Last   string    // how the last trial ended
	// Unproven is set as long as nothing has ever proven the configuration of the start.
	Unproven bool
	Refused  string       // why what is in force is not what is written; "" if it is
	Rescue   netip.Prefix // the emergency address, if it is in force
	Wrong    string       // what could not be done
}

// Status reads how things are.
func (s *Steward) Status() (Status, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	have, err := s.o.Kernel.State(s.ctx)
	if err != nil {
		return Status{}, fmt.Errorf("network: %w", err)
	}
	out := Status{Config: s.config, State: have, Want: s.desired(have), Leases: map[string]dhcp.Lease{}, Names: s.names, Last: s.last, Wrong: s.said, Unproven: s.debut != nil && !s.debut.known, Refused: s.refused}
	if s.rescue {
		out.Rescue = s.o.Emergency
	}
	for name, l := range s.leases {
		switch {
		case l.lease != nil:
			out.Leases[name] = *l.lease
		case l.cancel != nil:
			out.Asking = append(out.Asking, name)
		}
	}
	slices.Sort(out.Asking)
	if s.trial != nil {
		out.Trial = s.trial.deadline
	}
	return out, nil
}
