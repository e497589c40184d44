// Package line makes channels of telephone lines: DAHDI/3/number, DAHDI/g1/number,
// Modem/name/number, Cell/name/number. It is where package hal, which knows lines,
// and package media, which knows speech, meet.
//
// A Bank holds the lines as configured, and chooses among them: by name, by group,
// by who must have one. Each is a Port of package port, with a goroutine that owns it:
// the events of the device, what the exchange asks of its calls and what is heard on
// it all arrive there, and a state machine (package fxo for lines towards an exchange,
// fxs for lines towards a telephone) decides. Package speech carries the audio while
// there is any. Reading order: Bank, port.Port, its trunk, phone and leg.
package line

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"

	"branchline/hal"
	"branchline/media/tone"
	"branchline/pbx/channel"
	"branchline/pbx/line/lineconf"
	"branchline/pbx/line/measure"
	"branchline/pbx/line/port"
)

// Options of a bank; all but Tones and Log are required.
type Options struct {
	// Drivers open lines, by the name in lineconf.Line.Driver.
	Drivers  map[string]hal.Driver
	Plane    port.Streams
	Exchange Exchange
	Tones    func() *tone.Book // in force now; nil: those that come with the program
	// Changed is called when the state of a device ("DAHDI/1", "DAHDI/g0") may be
	// another. It must not block; nil: nobody cares.
	Changed func(device string)
	Waiting func(mailbox string) bool // new messages wait there; nil: nobody knows
	Log     *slog.Logger              // nil: slog.Default
}

// Exchange takes calls and messages into the dialplan.
type Exchange interface {
	port.Exchange
	channel.TextAcceptor
}

// A Bank is all telephone lines of the exchange.
type Bank struct {
	drivers  map[string]hal.Driver
	exchange Exchange
	log      *slog.Logger
	around   *port.Surroundings

	mu     sync.Mutex
	ports  []*port.Port // in the order of the configuration
	config lineconf.Config
	turn   map[string]int // where round robin goes on, by technology and group
	ctx    context.Context
	wg     sync.WaitGroup
}

// New makes a bank without lines; see Configure.
func New(o Options) *Bank {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	b := &Bank{drivers: o.Drivers, exchange: o.Exchange, log: o.Log, turn: map[string]int{}}
	b.around = &port.Surroundings{Plane: o.Plane, Exchange: o.Exchange, Tones: o.Tones, Text: b.text, Changed: o.Changed, Waiting: o.Waiting, Log: o.Log}
	return b
}

// Run keeps the lines open until ctx ends, and then closes them.
func (b *Bank) Run(ctx context.Context) error {
	b.mu.Lock()
	b.ctx = ctx
	for _, p := range b.ports {
		p.Start(ctx, &b.wg, nil)
	}
	b.mu.Unlock()
	<-ctx.Done()
	b.mu.Lock()
	b.ctx = nil
	b.mu.Unlock()
	b.wg.Wait()
	return nil
}

// Configure puts lines into force. A line that is configured as before is not
// touched; one that is in a call keeps its settings until the call is over.
func (b *Bank) Configure(c lineconf.Config) {
	b.mu.Lock()
	defer b.mu.Unlock()
	old := b.ports
	b.ports = nil
	b.config = c
	for _, l := range c.Lines {
		i := slices.IndexFunc(old, func(p *port.Port) bool { return p.ID() == l.ID() })
		if i >= 0 && !old[i].Settings().Needs(l) {
			p := old[i]
			old = slices.Delete(slices.Clone(old), i, i+1)
			if !p.Settings().Same(l) {
				p.Reconfigure(l)
			}
			b.ports = append(b.ports, p)
			continue
		}
		p := port.New(b.around, b.drivers[l.Driver], l)
		b.ports = append(b.ports, p)
		var after <-chan struct{}
		if i >= 0 {
			after = old[i].Done() // its device is free then
		}
		if b.ctx != nil {
			p.Start(b.ctx, &b.wg, after)
		}
	}
	for _, p := range old {
		p.Retire()
	}
}

// Config is what is in force.
func (b *Bank) Config() lineconf.Config {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.config
}

// all gives the ports of one technology.
func (b *Bank) all(tech string) []*port.Port {
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []*port.Port
	for _, p := range b.ports {
		if p.Tech() == tech {
			out = append(out, p)
		}
	}
	return out
}

// find gives a port by "DAHDI/3", or "3" if no other line has that name.
func (b *Bank) find(name string) *port.Port {
	b.mu.Lock()
	defer b.mu.Unlock()
	var found *port.Port
	for _, p := range b.ports {
		if p.ID() == name {
			return p
		}
		if p.Name() == name {
			if found != nil {
				return nil
			}
			found = p
		}
	}
	return found
}

// Lines tells of all lines, in the order of the configuration.
func (b *Bank) Lines() []port.Status {
	b.mu.Lock()
	ports := b.ports
	b.mu.Unlock()
	out := make([]port.Status, len(ports))
	for i, p := range ports {
		out[i] = p.Look()
	}
	return out
}

// Line tells of one, by "DAHDI/3", or "3" where that is enough.
func (b *Bank) Line(name string) (port.Status, bool) {
	p := b.find(name)
	if p == nil {
		return port.Status{}, false
	}
	return p.Look(), true
}

// ErrNoLine says that there is no line of that name.
var ErrNoLine = errors.New("no such line")

// Test measures a line; see port.Port.Test.
func (b *Bank) Test(ctx context.Context, name string, say func(measure.Result)) error {
	p := b.find(name)
	if p == nil {
		return fmt.Errorf("%s: %w", name, ErrNoLine)
	}
	return p.Test(ctx, say)
}
