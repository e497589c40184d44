// Package line makes channels of telephone lines: DAHDI/3/number, DAHDI/g1/number,
// Modem/name/number, Cell/name/number. It is where package hal, which knows lines,
// and package media, which knows speech, meet.
//
// A Bank holds the lines as configured. Each has a port with a goroutine that owns
// it: the events of the device, what the exchange asks of its calls and what is heard
// on it all arrive there, and a state machine (package fxo for lines towards an
// exchange, fxs for lines towards a telephone) decides. Package speech carries the
// audio while there is any. Reading order: Bank, port, trunk, phone, leg.
package line

import (
	"context"
	"log/slog"
	"slices"
	"sync"

	"branchline/hal"
	"branchline/media"
	"branchline/media/plane"
	"branchline/media/tone"
	"branchline/pbx/channel"
	"branchline/pbx/line/lineconf"
)

// Options of a bank; all but Tones and Log are required.
type Options struct {
	// Drivers open lines, by the name in lineconf.Line.Driver.
	Drivers  map[string]hal.Driver
	Plane    Streams
	Exchange Exchange
	Tones    func() *tone.Book // in force now; nil: those that come with the program
	Log      *slog.Logger      // nil: slog.Default
}

// Streams makes the plane's end of a call; socket.Plane does.
type Streams interface {
	Line(events func(media.Event)) (plane.Line, error)
}

// Exchange takes calls and messages into the dialplan.
type Exchange interface {
	channel.Acceptor
	channel.TextAcceptor
	Lookup(context, exten, caller string) (exists, more bool)
}

// A Bank is all telephone lines of the exchange.
type Bank struct {
	Options

	mu     sync.Mutex
	ports  []*port // in the order of the configuration
	config lineconf.Config
	turn   map[string]int // where round robin goes on, by technology and group
	serial uint32         // of channel names
	ctx    context.Context
	wg     sync.WaitGroup
}

// New makes a bank without lines; see Configure.
func New(o Options) *Bank {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	return &Bank{Options: o, turn: map[string]int{}}
}

// tones are those of the countries.
func (b *Bank) tones() *tone.Book {
	if b.Tones == nil {
		return tone.Builtin()
	}
	return b.Tones()
}

// Run keeps the lines open until ctx ends, and then closes them.
func (b *Bank) Run(ctx context.Context) error {
	b.mu.Lock()
	b.ctx = ctx
	for _, p := range b.ports {
		b.start(p)
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
		i := slices.IndexFunc(old, func(p *port) bool { return p.id == l.ID() })
		if i >= 0 && !old[i].conf().Needs(l) {
			p := old[i]
			old = slices.Delete(slices.Clone(old), i, i+1)
			if !p.conf().Same(l) {
				p.reconfigure(l)
			}
			b.ports = append(b.ports, p)
			continue
		}
		p := newPort(b, l)
		if i >= 0 {
			p.after = old[i].done // its device is free then
		}
		b.ports = append(b.ports, p)
		b.start(p)
	}
	for _, p := range old {
		p.retire()
	}
}

// start gives a port its goroutine, once the bank runs.
func (b *Bank) start(p *port) {
	if b.ctx == nil || p.started {
		return
	}
	p.started = true
	ctx, cancel := context.WithCancel(b.ctx)
	p.cancel = cancel
	b.wg.Go(func() { p.run(ctx) })
}

// Config is what is in force.
func (b *Bank) Config() lineconf.Config {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.config
}

// all gives the ports of one technology.
func (b *Bank) all(tech string) []*port {
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []*port
	for _, p := range b.ports {
		if p.tech == tech {
			out = append(out, p)
		}
	}
	return out
}

// find gives a port by "DAHDI/3", or "3" if no other line has that name.
func (b *Bank) find(name string) *port {
	b.mu.Lock()
	defer b.mu.Unlock()
	var found *port
	for _, p := range b.ports {
		if p.id == name {
			return p
		}
		if p.name == name {
			if found != nil {
				return nil
			}
			found = p
		}
	}
	return found
}

func (b *Bank) nextSerial() uint32 {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.serial++
	return b.serial - 1
}
