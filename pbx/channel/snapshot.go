package channel

import "time"

// A Snapshot is what others may know of a channel without asking its owner: the
// state it last published.
type Snapshot struct {
	Name, UniqueID, LinkedID       string
	Context, Exten                 string
	Priority                       int
	State                          State
	App, Data                      string
	Caller, Connected              Party
	Dialed, Language               string
	Account, PeerAccount           string
	Codec                          string
	Bridge                         string // id of the bridge, "" if none
	Peer                           string // name of the channel it talks to
	Endpoint                       string
	Created, AnsweredAt, BridgedAt time.Time
	Inbound                        bool
	Held                           bool // its party keeps the other one waiting
}

// Publish makes the channel's present state visible to Snapshot. The owner
// calls it after each change worth showing.
func (c *Channel) Publish() {
	s := &Snapshot{
		Name: c.Name, UniqueID: c.UniqueID, LinkedID: c.LinkedID,
		Context: c.Context, Exten: c.Exten, Priority: c.Priority,
		State: c.State, App: c.App, Data: c.AppData,
		Caller: c.Caller, Connected: c.Connected, Dialed: c.Dialed, Language: c.Language,
		Account: c.Account, PeerAccount: c.PeerAccount,
		Bridge: c.BridgeID, BridgedAt: c.BridgedAt, Endpoint: c.Endpoint,
		Created: c.Created, AnsweredAt: c.AnsweredAt, Inbound: c.Inbound, Held: c.Held,
	}
	if p := c.Bridged(); p != nil {
		s.Peer = p.Name
	}
	if codec := c.Leg.Media().Codec(); codec != nil {
		s.Codec = codec.Name
	} else if len(c.Codecs) > 0 {
		s.Codec = c.Codecs[0].Name
	}
	old := c.snapshot.Swap(s)
	if c.Shown != nil && (old == nil || old.State != s.State || old.Held != s.Held) {
		c.Shown()
	}
}

// Snapshot gives the state last published, never nil. Safe from anywhere.
func (c *Channel) Snapshot() *Snapshot {
	if s := c.snapshot.Load(); s != nil {
		return s
	}
	return &Snapshot{Name: c.Name, Created: c.Created}
}

// InUse is the state of a device that has these channels: DeviceNotInUse if they do not
// keep it, and DeviceBusy if they are as many as one of the limits; 0 is none.
func InUse(channels []*Snapshot, limits ...int) DeviceState {
	var calling, ringing, busy, held int
	for _, c := range channels {
		switch {
		case c.State == RingingState:
			ringing++
		case c.State == Up && c.Held:
			held++
		case c.State == Dialing: // nobody has heard of it yet
			calling++
		case c.State == Up || c.State == Ring:
			busy++
		}
	}
	for _, most := range limits {
		if most > 0 && calling+ringing+busy+held >= most {
			return DeviceBusy
		}
	}
	switch {
	case ringing > 0 && busy+held > 0:
		return DeviceRingInUse
	case ringing > 0:
		return DeviceRinging
	case busy > 0:
		return DeviceInUse
	case held > 0:
		return DeviceOnHold
	}
	return DeviceNotInUse
}

// A Tracer shows the verbose trace of calls on the consoles that ask for it.
type Tracer interface {
	// Level is the highest verbosity anybody listens with, 0: nobody.
	Level() int
	// Trace shows one line to those who listen at level or above.
	Trace(level int, text string)
}
