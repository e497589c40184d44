package steward

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"branchline/netcfg"
)

// A debut is what the program has begun with and nothing has proven yet. After a start
// nobody may be there to take anything back, and the network may come up later than we
// do: so nothing is given up for good, the candidates take turns.
type debut struct {
	turns  []Config // the administrator's first, then what has proven itself before
	known  bool     // the only one has proven itself before: it is the place that may be new
	taken  int      // turns so far
	state  netcfg.State
	timer  *time.Timer
	cancel context.CancelFunc
}

// endDebut ends it, whatever has come of it. s.mu is held.
func (s *Steward) endDebut() {
	if d := s.debut; d != nil {
		d.timer.Stop()
		d.cancel()
		s.debut = nil
	}
}

// turnTime is how long a turn is if a configuration does not say, and knownTime how long
// one that has proven itself before is left alone: routers take their time after a power
// cut, too.
const (
	turnTime  = 2 * time.Minute
	knownTime = 10 * time.Minute
)

// Begin puts the first configuration into force. If it has proven itself before it stays.
// Otherwise it takes turns with the one that has, c.Confirm each, until one of them is
// proven; without such a one it stays, too. What stays without a proof gets the emergency
// address as well, in the end. The error says which steps could not be taken; the others
// were.
func (s *Steward) Begin(c Config) error {
	good := s.proved()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.begun = true
	switch {
	case good == nil:
		return s.introduce(&debut{turns: []Config{c}})
	case c.alike(*good):
		return s.introduce(&debut{turns: []Config{c}, known: true})
	}
	return s.introduce(&debut{turns: []Config{c, *good}})
}

// BeginWithout begins when what is written cannot be used: with what has proven
// itself before, or else with another configuration.
func (s *Steward) BeginWithout(why string, other Config) error {
	good := s.proved()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.begun, s.refused = true, why
	if good != nil {
		return s.introduce(&debut{turns: []Config{*good}, known: true})
	}
	return s.introduce(&debut{turns: []Config{other}})
}

func (s *Steward) proved() *Config {
	if s.o.Memory == nil {
		return nil
	}
	return s.o.Memory.Proven()
}

// alike reports whether two configurations make the same network, whatever proves it.
// One of them may have been written down and read back.
func (c Config) alike(o Config) bool {
	text := func(c Config) string {
		c.Confirm, c.Manual, c.Proof = 0, false, Proof{}
		b, err := json.Marshal(c)
		if err != nil {
			return ""
		}
		return strings.ReplaceAll(string(b), ":[]", ":null")
	}
	return text(c) == text(o)
}

// introduce begins a debut. s.mu is held.
func (s *Steward) introduce(d *debut) (err error) {
	d.state, err = s.o.Kernel.State(s.ctx)
	s.debut, s.config = d, d.turns[0]
	err = errors.Join(err, s.guard(), s.settle())
	s.turn()
	return err
}

// turn gives the configuration in force its time. s.mu is held.
func (s *Steward) turn() {
	d, c := s.debut, s.config
	ctx, cancel := context.WithCancel(s.ctx)
	d.cancel = cancel
	d.taken++
	d.timer = time.AfterFunc(d.limit(c), func() {
		s.mu.Lock()
		var err error
		if ctx.Err() == nil {
			err = s.overtime()
		}
		s.mu.Unlock()
		s.trouble(err)
	})
	go s.prove(ctx, time.Now(), c, s.succeed)
}

// limit is how long a turn is.
func (d *debut) limit(c Config) time.Duration {
	if d.known {
		return knownTime
	}
	return cmp.Or(c.Confirm, turnTime)
}

// overtime is when a turn is over and nothing has proven it. s.mu is held.
func (s *Steward) overtime() error {
	d, left := s.debut, s.config
	s.rescue = d.taken >= len(d.turns) && s.o.Emergency.IsValid()
	s.log.Error("nothing proves that the network works", "within", d.limit(left), "another", len(d.turns) > 1, "emergency", s.rescue)
	if len(d.turns) == 1 {
		return s.settle() // its proof is waited for, however long
	}
	d.cancel()
	err := s.turnTo(d.turns[d.taken%len(d.turns)], d.state, nil, left)
	s.turn()
	return err
}

// succeed ends the debut well. s.mu is held.
func (s *Steward) succeed(how string) {
	if second := (s.debut.taken-1)%len(s.debut.turns) == 1; second {
		s.refused = "it did not prove itself, in force is what has done so before"
	}
	s.endDebut()
	s.last = "kept: " + how
	s.log.Info("the network is proven to work", "because", how)
	s.learn()
	if s.rescue {
		s.rescue = false
		if err := s.settle(); err != nil {
			s.log.Error("network", "error", err)
		}
	}
}

// learn remembers what has proven itself. s.mu is held.
func (s *Steward) learn() {
	if s.o.Memory == nil {
		return
	}
	if s.config.Same(Config{}) {
		s.o.Memory.Prove(nil)
		return
	}
	c := s.config
	s.o.Memory.Prove(&c)
}

// doubted reports whether there is an emergency that the configuration may be to blame
// for.
func (s *Steward) doubted() bool { return s.rescue && s.debut != nil && !s.debut.known }

// wanted is the configuration in force: if it is doubted, with every interface.
func (s *Steward) wanted() Config {
	c := s.config
	c.Every = c.Every || s.doubted()
	return c
}

// emergency adds the address that is always the same to the first Ethernet interface
// with a cable. None of them stays off if that could be what is wrong.
func (s *Steward) emergency(have netcfg.State, d *netcfg.Desired) {
	given := false
	for n := range d.Interfaces {
		i := &d.Interfaces[n]
		l := have.Link(i.Name)
		port := slices.ContainsFunc(d.Interfaces, func(o netcfg.Interface) bool { return slices.Contains(o.Ports, i.Name) })
		if l == nil || !l.Ethernet || l.Kind == "vlan" {
			continue
		}
		i.Up = i.Up || s.doubted()
		if i.Up && l.Carrier && !port && !given {
			i.Addresses, given = append(i.Addresses, s.o.Emergency), true
		}
	}
}
