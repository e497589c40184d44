// Package sim is telephone lines without hardware: a simulated public exchange, a
// simulated telephone, and the pair of wires that joins them to a port of ours, or
// two ports of ours to each other.
//
// All of it runs in line time, in steps of one frame (20 ms), which the package
// counts out with a timer: real seconds in a demonstration, virtual ones in a test
// under testing/synctest, where an hour of a call takes a moment. There is no other
// clock and no other randomness, so a test gives the same result every time.
//
// A pair of wires has a feeding end (battery, ringing) and a terminal end (hook).
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
	"branchline/hal/sim/signal"
)

// A Loop is the pair of wires and our port at its end. The zero value is a good
// line on a port like those of a telephone card.
type Loop struct {
	Kind hal.Kind // of a line to an exchange: hal.FXO or hal.Cellular
	// Caps of the port: 0 for those of a telephone card, or of a mobile module.
	Caps hal.Caps
	// Hybrid is the echo of what we send, tap k after k samples of 125 us; nil for a
	// typical one, empty for none.
	Hybrid []float64
	// Delay is how much the buffers of the device hold back, in samples there and
	// back: Info.EchoDelay.
	Delay     int
	Loss      float64 // of the wires, in dB
	Noise     float64 // heard by each port, in dBm0; 0: none
	Companded bool    // each port converts through u-law
	// PPM is by how many millionths the line's clock is faster than the system's.
	PPM float64
	// Seed makes the noise of one line different from another's.
	Seed uint64
}

// What ports report and do unless a Loop says otherwise.
const (
	cardFXO = hal.ReportsPolarity | hal.ReportsBattery | hal.Dials | hal.DialsPulses | hal.Flashes | hal.AudioWhenIdle
	cardFXS = hal.Reverses | hal.SetsCadence | hal.AudioWhenIdle
	mobile  = hal.ReportsCallerID | hal.ReportsDigits | hal.ReportsTones | hal.ReportsAnswer | hal.ReportsHangup |
		hal.ReportsBattery | hal.Dials | hal.SignalsDigits | hal.SendsText | hal.CancelsEcho
)

// A Plant is a set of simulated lines, and the driver that opens them.
type Plant struct {
	name string

	mu    sync.Mutex
	lines map[string]*port
	pairs []*pair
}

// NewPlant makes a plant without lines; name is what Driver.Name says.
func NewPlant(name string) *Plant {
	return &Plant{name: name, lines: make(map[string]*port)}
}

// Name is the name the plant was given.
func (p *Plant) Name() string { return p.name }

// Exchange makes a line called name that leads to a public exchange of its own.
func (p *Plant) Exchange(name string, l Loop) *Exchange {
	if l.Caps == 0 {
		l.Caps = cardFXO
		if l.Kind == hal.Cellular {
			l.Caps = mobile
		}
	}
	w := newPair(l)
	x := newExchange(w, l.Kind == hal.Cellular)
	t := newTrunk(w, name, l.Kind, l)
	w.feeding, w.terminal = x, t
	x.trunk = t
	p.add(w, &t.port)
	return x
}

// Telephone makes a line called name with a telephone at its end.
func (p *Plant) Telephone(name string, l Loop) *Telephone {
	w := newPair(l)
	s := newStation(w, name, l)
	t := newTelephone(w)
	t.station = s
	w.feeding, w.terminal = s, t
	p.add(w, &s.port)
	return t
}

// Cable makes two lines that lead to each other: one called fxo that looks like a
// telephone to the one called fxs.
func (p *Plant) Cable(fxo, fxs string, l Loop) {
	w := newPair(l)
	trunk := l
	if trunk.Caps == 0 {
		trunk.Caps = cardFXO
	}
	t, s := newTrunk(w, fxo, hal.FXO, trunk), newStation(w, fxs, l)
	w.feeding, w.terminal = s, t
	p.add(w, &t.port, &s.port)
}

func (p *Plant) add(w *pair, ports ...*port) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pairs = append(p.pairs, w)
	for _, o := range ports {
		p.lines[o.info.Name] = o
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
	l, err := o.open()
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
		o.pair.mu.Lock()
		l := o.line
		o.pair.mu.Unlock()
		if l != nil {
			_ = l.Close() // cannot fail
		}
	}
	return nil
}

// taps of a loop's hybrid.
func (l *Loop) taps() []float64 {
	if l.Hybrid == nil {
		return signal.TypicalHybrid()
	}
	return l.Hybrid
}
