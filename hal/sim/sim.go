// Package sim is telephone lines without hardware: a simulated public exchange, a
// simulated telephone, and the pair of wires that joins them to a port of ours, or
// two ports of ours to each other.
//
// All of it runs in line time, in steps of one frame (20 ms), which the package
// counts out with a timer: real seconds in a demonstration, virtual ones in a test
// under testing/synctest, where an hour of a call takes a moment. There is no other
// clock and no other randomness, so a test gives the same result every time.
//
// A pair of wires (package wires, as are our ports) has a feeding end (battery, ringing) and a terminal end (hook).
// At each step the feeding end is told what the terminal did in the step before and
// the terminal what the feeding end does now; their ports put the hybrid's echo,
// noise and u-law in between. The simulation knows what is going on at the other
// end of a line, so a line may be given any Caps: one with ReportsCallerID tells who
// calls as a modem would, one without leaves it to be heard in the audio.
package sim

import (
	"context"
	"fmt"
	"sync"

	"branchline/hal"
	"branchline/hal/sim/wires"
)

// A Loop is the pair of wires and our port at its end.
type Loop = wires.Loop

// A Plant is a set of simulated lines, and the driver that opens them.
type Plant struct {
	name string

	mu    sync.Mutex
	lines map[string]*wires.Port
}

// NewPlant makes a plant without lines; name is what Driver.Name says.
func NewPlant(name string) *Plant {
	return &Plant{name: name, lines: make(map[string]*wires.Port)}
}

// Name is the name the plant was given.
func (p *Plant) Name() string { return p.name }

// Exchange makes a line called name that leads to a public exchange of its own.
func (p *Plant) Exchange(name string, l Loop) *Exchange {
	w := wires.NewPair(l)
	t := wires.NewTrunk(w, name, l.Kind, l)
	x := newExchange(w, t, l.Kind == hal.Cellular)
	w.Join(end{x}, t)
	p.add(&t.Port)
	return x
}

// Telephone makes a line called name with a telephone at its end.
func (p *Plant) Telephone(name string, l Loop) *Telephone {
	w := wires.NewPair(l)
	s := wires.NewStation(w, name, l)
	t := newTelephone(w, s)
	w.Join(s, hand{t})
	p.add(&s.Port)
	return t
}

// Cable makes two lines that lead to each other: one called fxo that looks like a
// telephone to the one called fxs.
func (p *Plant) Cable(fxo, fxs string, l Loop) {
	w := wires.NewPair(l)
	t, s := wires.NewTrunk(w, fxo, hal.FXO, l), wires.NewStation(w, fxs, l)
	w.Join(s, t)
	p.add(&t.Port, &s.Port)
}

func (p *Plant) add(ports ...*wires.Port) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, o := range ports {
		p.lines[o.Name()] = o
	}
}

// Open opens a line of the plant.
func (p *Plant) Open(_ context.Context, name string) (hal.Line, error) {
	p.mu.Lock()
	o := p.lines[name]
	p.mu.Unlock()
	if o == nil {
		return nil, fmt.Errorf("simulated line %s: %w", name, hal.ErrAbsent)
	}
	l, err := o.Open()
	if err != nil {
		return nil, fmt.Errorf("simulated line %s: %w", name, err)
	}
	return l, nil
}

// Close closes all lines that are open.
func (p *Plant) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, o := range p.lines {
		o.Close()
	}
	return nil
}
