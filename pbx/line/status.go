package line

import (
	"time"

	"branchline/hal"
	"branchline/pbx/channel"
	"branchline/pbx/line/lineconf"
	"branchline/pbx/line/speech"
)

// A Status is what can be seen of a line from outside.
type Status struct {
	Settings *lineconf.Line
	Changing bool     // new settings wait for the end of the call
	Info     hal.Info // zero while the line is down
	Up       bool
	Why      string // it is not up
	State    string // what it does: "idle", "ringing", "in a call" ...
	Device   channel.DeviceState
	Calls    []Call
	Counts   Counts
	// Speech says that the audio is open; the next two are about it.
	Speech bool
	Level  speech.Level
	Audio  hal.AudioStats
	Facts  []hal.Fact // of the device itself
}

// A Call is one that a line has.
type Call struct {
	Channel string
	Inbound bool
	Number  string // dialled by the line's telephone, or over the line
	Urgent  bool
	Began   time.Time
}

// Lines tells of all lines, in the order of the configuration.
func (b *Bank) Lines() []Status {
	b.mu.Lock()
	ports := b.ports
	b.mu.Unlock()
	out := make([]Status, len(ports))
	for i, p := range ports {
		out[i] = p.look()
	}
	return out
}

// Line tells of one, by "DAHDI/3", or "3" where that is enough.
func (b *Bank) Line(name string) (Status, bool) {
	p := b.find(name)
	if p == nil {
		return Status{}, false
	}
	return p.look(), true
}

func (p *port) look() Status {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := Status{
		Settings: p.settings, Changing: p.pending != nil, Counts: p.counts, Up: p.device != nil, Why: p.why,
		State: p.status.state, Device: p.status.show,
	}
	if p.device == nil {
		s.State, s.Device = "down", channel.DeviceUnavailable
		return s
	}
	s.Info = p.device.Info()
	if p.status.why != "" {
		s.Up, s.Why = false, p.status.why
	}
	if p.testing {
		s.State = "being tested"
	}
	for _, l := range p.legs {
		s.Calls = append(s.Calls, Call{Channel: l.name, Inbound: l.inbound, Number: l.number, Urgent: l.urgent, Began: l.began})
	}
	if p.path != nil {
		s.Speech, s.Level, s.Audio = true, p.path.Level(), p.path.Stats()
	}
	if p.describe != nil {
		s.Facts = p.describe.Describe()
	}
	return s
}
