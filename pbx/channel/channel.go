package channel

import (
	"sync"
	"sync/atomic"
	"time"

	"branchline/media"
	"branchline/media/tone"
)

// State is a channel's state, in the words of `core show channels`.
type State uint8

const (
	Down State = iota
	Dialing
	Ring         // inbound, not answered
	RingingState // outbound, far side rings
	Up
)

func (s State) String() string {
	return [...]string{"Down", "Dialing", "Ring", "Ringing", "Up"}[s]
}

// A Channel is one leg of a call with everything the dialplan knows about it.
// Its fields belong to the owning goroutine; others use Post, or the snapshot
// the exchange publishes.
type Channel struct {
	Leg        Leg
	Name       string // as Leg.Name, kept after the leg is gone
	Endpoint   string // configured device behind it, "" if none
	UniqueID   string // epoch.serial
	LinkedID   string // UniqueID of the call's first channel
	Serial     uint64
	Created    time.Time
	AnsweredAt time.Time // zero until up
	Inbound    bool
	State      State
	Cause      Cause // why it ended, or the last dialled leg did

	Caller, Connected, Redirecting Party
	Dialed                         string // number the call came in for (DNID)
	ANI                            string

	Context, Exten string
	Priority       int
	App, AppData   string // what runs now, for the console
	Autoloop       bool

	// Passing are SIP headers for the legs dialled from here (SIPAddHeader,
	// PJSIP_INHERITABLE_HEADER), also through Local channels.
	Passing []Header

	Text *Text // the message the channel carries, nil: none

	Language, ToneZone, MusicClass, Account, PeerAccount string
	Tones                                                *tone.Book // whose zones ToneZone names; nil: the built-in ones
	CallGroup, PickupGroup                               uint64
	Codecs                                               []*media.Codec
	MaxForwards                                          int
	Hearing                                              bool // media is up: answered, or early media was sent

	DigitTimeout, ResponseTimeout time.Duration // TIMEOUT(digit|response), 5 s and 10 s
	AbsoluteEnd                   time.Time     // TIMEOUT(absolute), zero: none

	BridgeID  string // id of the bridge the channel is in, "" if none
	BridgedAt time.Time
	// Finished says that the leg is over and only the h extension still runs.
	Finished bool
	// Held says that the channel's party keeps the other one waiting.
	Held bool
	// Shown is called after Publish where the state of a device may have changed by
	// it; nil: nobody cares. It must not block.
	Shown func()
	// Unlist takes the channel off the exchange's list; see End.
	Unlist func()

	vars     map[string]string
	extras   map[any]any
	company  map[Leg]*Channel
	patron   *Channel   // in whose company the channel is
	posting  sync.Mutex // guards Leg against Post from elsewhere; see Swap
	ending   bool
	redirect string
	programs uint64
	replies  chan<- int
	replied  func()
	snapshot atomic.Pointer[Snapshot]
	mailbox  atomic.Pointer[Mailbox]
	bridged  atomic.Pointer[Channel]
}

// New makes a channel around leg and binds the leg to mailbox mb.
func New(leg Leg, mb *Mailbox) *Channel {
	c := &Channel{
		Leg: leg, Name: leg.Name(), Created: time.Now(), Priority: 1,
		DigitTimeout: 5 * time.Second, ResponseTimeout: 10 * time.Second,
		vars: map[string]string{},
	}
	c.Bind(mb)
	return c
}

// Bind makes mb's reader the owner of the channel and moves undelivered events there.
func (c *Channel) Bind(mb *Mailbox) {
	old := c.mailbox.Swap(mb)
	c.Leg.Bind(mb)
	if old != nil && old != mb {
		old.Move(c.Leg, mb)
	}
}

// Mailbox is where the channel's events now arrive.
func (c *Channel) Mailbox() *Mailbox { return c.mailbox.Load() }

// Post sends an event to whoever owns the channel now.
func (c *Channel) Post(e Event) {
	c.posting.Lock()
	e.Leg = c.Leg
	c.posting.Unlock()
	c.mailbox.Load().Put(e)
}

// Bridged is the channel this one is talking to, or nil. Safe from anywhere.
func (c *Channel) Bridged() *Channel { return c.bridged.Load() }

// SetBridged records whom the channel is talking to.
func (c *Channel) SetBridged(p *Channel) { c.bridged.Store(p) }

// Var looks up a channel variable by its plain name; built-in names (EXTEN,
// CHANNEL ...) are the dialplan's business.
func (c *Channel) Var(name string) (string, bool) {
	for _, prefix := range [...]string{"", "_", "__"} {
		if v, ok := c.vars[prefix+name]; ok {
			return v, true
		}
	}
	return "", false
}

// SetVar assigns a variable. The name may begin with _ or __ (inherited by one
// or all generations of dialled channels); whatever the spelling, it replaces
// the variable of the same plain name.
func (c *Channel) SetVar(name, value string) {
	plain := plainName(name)
	delete(c.vars, plain)
	delete(c.vars, "_"+plain)
	delete(c.vars, "__"+plain)
	c.vars[name] = value
}

// UnsetVar removes a variable, however it was spelled.
func (c *Channel) UnsetVar(name string) {
	plain := plainName(name)
	delete(c.vars, plain)
	delete(c.vars, "_"+plain)
	delete(c.vars, "__"+plain)
}

// Vars gives the variables as they were set, prefixes included. The map is the
// channel's own: the owner may read it, nobody may keep it.
func (c *Channel) Vars() map[string]string { return c.vars }

// Inherited gives the variables a channel dialled from here receives: _N as N,
// __N as __N.
func (c *Channel) Inherited() map[string]string {
	var out map[string]string
	for k, v := range c.vars {
		if len(k) < 2 || k[0] != '_' {
			continue
		}
		if out == nil {
			out = map[string]string{}
		}
		if k[1] == '_' {
			out[k] = v
		} else {
			out[k[1:]] = v
		}
	}
	return out
}

// NextProgram numbers the programmes played to this channel, from 1.
func (c *Channel) NextProgram() uint64 {
	c.programs++
	return c.programs
}

// Answer answers an inbound channel, or marks an outbound one as up. It has no
// effect on a channel that is up or over.
func (c *Channel) Answer() {
	if c.State == Up || c.ending || c.Finished {
		return
	}
	if c.Inbound {
		c.Leg.Answer()
	}
	c.State = Up
	c.Hearing = true
	c.AnsweredAt = time.Now()
	c.Publish()
}

// Extra holds what an application or function keeps with a channel (Gosub
// stack, HASH, While): key is a private type of its package.
func (c *Channel) Extra(key any) any { return c.extras[key] }

// SetExtra stores a value under key, nil removes it.
func (c *Channel) SetExtra(key, value any) {
	if value == nil {
		delete(c.extras, key)
		return
	}
	if c.extras == nil {
		c.extras = map[any]any{}
	}
	c.extras[key] = value
}

func plainName(name string) string {
	if len(name) > 2 && name[:2] == "__" {
		return name[2:]
	}
	if len(name) > 1 && name[0] == '_' {
		return name[1:]
	}
	return name
}
