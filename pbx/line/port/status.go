package port

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

// Counts are what a line has been through since it was configured.
type Counts struct {
	Incoming, Outgoing, Messages uint64
	Openings                     uint64
	LastCaller                   string // who called last
	LastNumber                   string // of the last call: who called, or what was dialled
	LastFrom                     bool   // it called; false: it was dialled
	LastCall                     time.Time
	LastEnd                      channel.Cause
}

// Look tells how the line is.
func (p *Port) Look() Status {
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
