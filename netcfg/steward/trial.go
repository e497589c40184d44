package steward

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"time"

	"branchline/netcfg"
	"branchline/netcfg/dhcp"
)

// Proof is what a change is to be proven by; any of it will do.
type Proof struct {
	Gateway bool     // one of the gateways answers
	Phone   bool     // a phone registers
	Hosts   []string // host:port; one of them accepts a TCP connection, or refuses it
}

// Errors of a trial.
var (
	ErrTrying = errors.New("a change of the network is on trial")
	ErrNone   = errors.New("no change of the network is on trial")
)

// A trial is a change that has not proven itself.
type trial struct {
	before   Config
	state    netcfg.State
	leases   map[string]*dhcp.Lease
	began    time.Time
	deadline time.Time
	timer    *time.Timer
	cancel   context.CancelFunc
	debut    *debut // that it broke off
	refused  string // what was said of before
}

func (t *trial) end() {
	t.timer.Stop()
	t.cancel()
}

// The pause between two attempts, and the one after it has taken long.
const (
	proveEvery  = time.Second
	proveSlowly = 10 * time.Second
	long        = 15 * time.Minute
)

// Try puts a configuration into force. Unless it is proven within c.Confirm it is
// taken back; a step that fails takes it back at once, and is the error.
func (s *Steward) Try(c Config) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.trial != nil {
		return ErrTrying
	}
	state, err := s.o.Kernel.State(s.ctx)
	if err != nil {
		return err
	}
	asked := c
	if c.Same(Config{}) { // nobody is in charge any more, which can go wrong too
		asked.Proof = Proof{Gateway: true, Phone: true}
	}
	limit := cmp.Or(c.Confirm, turnTime)
	ctx, cancel := context.WithCancel(s.ctx)
	now := time.Now()
	t := &trial{before: s.config, state: state, leases: map[string]*dhcp.Lease{}, began: now, deadline: now.Add(limit), cancel: cancel, debut: s.debut, refused: s.refused}
	for name, l := range s.leases {
		t.leases[name] = l.lease
	}
	t.timer = time.AfterFunc(limit, func() { s.expired(t) })
	s.endDebut()
	s.begun, s.trial, s.config, s.refused, s.rescue = true, t, c, "", false
	if err := errors.Join(s.guard(), s.settle()); err != nil {
		s.takeBack("it could not be put into force: " + err.Error())
		return err
	}
	s.log.Info("the network is changed, on trial", "until", t.deadline.Format(time.TimeOnly))
	go s.prove(ctx, t.began, asked, s.keep)
	return nil
}

// prove looks for a proof of c until there is one, and calls kept then, with s.mu
// held.
func (s *Steward) prove(ctx context.Context, since time.Time, c Config, kept func(how string)) {
	if c.Manual {
		return
	}
	for {
		if how := s.proven(ctx, c.Proof, since); how != "" {
			s.mu.Lock()
			if ctx.Err() == nil {
				kept(how)
			}
			s.mu.Unlock()
			return
		}
		every := proveEvery
		if time.Since(since) > long {
			every = proveSlowly
		}
		pause(ctx, every)
		if ctx.Err() != nil {
			return
		}
	}
}

// proven says by what the network is proven to work, "" by nothing.
func (s *Steward) proven(ctx context.Context, p Proof, since time.Time) string {
	if p.Phone && s.o.Heard != nil && s.o.Heard(since) {
		return "a phone has registered"
	}
	if p.Gateway {
		for _, via := range s.gateways() {
			if ok, err := s.o.Kernel.Answers(ctx, via); ok && err == nil {
				return "gateway " + via.String() + " answers"
			}
		}
	}
	for _, host := range p.Hosts {
		if reached(ctx, host) {
			return host + " answers"
		}
	}
	return ""
}

func (s *Steward) gateways() (out []netip.Addr) {
	s.mu.Lock()
	defer s.mu.Unlock()
	have, err := s.o.Kernel.State(s.ctx)
	if err != nil {
		return nil
	}
	routes := s.desired(have).Routes
	if s.config.Same(Config{}) {
		routes = have.Routes
	}
	for _, r := range routes {
		if r.To.Bits() == 0 && r.Via.IsValid() {
			out = append(out, r.Via)
		}
	}
	return out
}

// hostTime is how long a host has to answer.
const hostTime = 3 * time.Second

// reached reports whether a host answers to TCP; that it wants no connection is an
// answer too.
func reached(ctx context.Context, host string) bool {
	ctx, cancel := context.WithTimeout(ctx, hostTime)
	defer cancel()
	var d net.Dialer
	c, err := d.DialContext(ctx, "tcp", host)
	if err != nil {
		return errors.Is(err, syscall.ECONNREFUSED)
	}
	_ = c.Close() // it was there
	return true
}

// Confirm keeps the change that is on trial, or the first configuration.
func (s *Steward) Confirm() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.trial != nil:
		s.keep("confirmed by hand")
	case s.debut != nil:
		s.succeed("confirmed by hand")
	default:
		return ErrNone
	}
	return nil
}

// keep ends the trial well; s.mu is held.
func (s *Steward) keep(how string) {
	s.trial.end()
	s.trial = nil
	s.last = "kept: " + how
	s.learn()
	s.log.Info("the change of the network stays", "because", how)
	if s.o.Decided != nil {
		s.o.Decided(true, s.config)
	}
}

func (s *Steward) expired(t *trial) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.trial == t && s.ctx.Err() == nil {
		s.takeBack(fmt.Sprintf("nothing proved within %v that it works", t.deadline.Sub(t.began)))
	}
}

// Rollback takes the change that is on trial back.
func (s *Steward) Rollback() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.trial == nil {
		return ErrNone
	}
	s.takeBack("by hand")
	return nil
}

// takeBack ends the trial badly: configuration, leases, and what nobody was in charge
// of before, are as they were. s.mu is held.
func (s *Steward) takeBack(why string) {
	t, refused := s.trial, s.config
	t.end()
	s.trial, s.config = nil, t.before
	s.last = "taken back: " + why
	if s.refused = t.refused; s.refused == "" {
		s.refused = "the last change was taken back"
	}
	s.log.Error("the change of the network is taken back", "because", why)
	if err := s.turnTo(t.before, t.state, t.leases, refused); err != nil {
		s.log.Error("the network is not as it was", "error", strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	if t.debut != nil {
		_ = s.introduce(&debut{turns: t.debut.turns, known: t.debut.known}) // it has been said
	}
	if s.o.Decided != nil {
		s.o.Decided(false, refused)
	}
}

// turnTo leaves a configuration for another, with its leases; what nobody is in charge
// of then is as it was in state. s.mu is held.
func (s *Steward) turnTo(c Config, state netcfg.State, leases map[string]*dhcp.Lease, left Config) error {
	s.config = c
	for name, l := range s.leases { // clients of the other know nothing of this one
		l.halt()
		delete(s.leases, name)
	}
	for name, lease := range leases {
		s.leases[name] = &leasing{lease: lease}
	}
	err := s.guard()
	have, serr := s.o.Kernel.State(s.ctx)
	if serr == nil {
		d := s.desired(have)
		for i := range d.Interfaces { // where the file does not say, it was what it was
			if l := state.Link(d.Interfaces[i].Name); l != nil && d.Interfaces[i].MTU == 0 {
				d.Interfaces[i].MTU = l.MTU
			}
		}
		orphans := left.orphans(state, d)
		d.Interfaces, d.Routes = append(d.Interfaces, orphans.Interfaces...), append(d.Routes, orphans.Routes...)
		err = errors.Join(err, s.take(netcfg.Plan(have, d)))
	}
	return errors.Join(err, serr, s.settle())
}

// orphans are the interfaces of a configuration that is left which are not in d: as
// they were in state.
func (c Config) orphans(state netcfg.State, d netcfg.Desired) netcfg.Desired {
	var names []string
	for _, e := range c.entries(state) {
		for _, name := range append([]string{e.Name}, e.Ports...) {
			if !slices.ContainsFunc(d.Interfaces, func(i netcfg.Interface) bool { return i.Name == name }) {
				names = append(names, name)
			}
		}
	}
	return netcfg.Restored(state, names)
}
