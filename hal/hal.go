// Package hal is what a telephone line looks like to the exchange, whatever
// hardware is behind it: a DAHDI channel, a modem, a scripted line in a test.
//
// A Driver opens Lines. A Line reports Events (ringing, off hook, digits) and
// carries out Ops (ring, answer, hang up); its Audio is a stream of companded
// bytes paced by the hardware's clock. The package holds this contract only;
// drivers live below it, and what turns a line into a channel above.
package hal

import (
	"context"
	"io"
	"time"
)

// Signalling says which end of a line we are.
type Signalling uint8

const (
	Office  Signalling = iota // FXO: we are the telephone, an exchange is at the other end
	Station                   // FXS: a telephone is at the other end, we feed and ring it
)

func (s Signalling) String() string { return [...]string{"fxo", "fxs"}[s] }

// Info is what is known of a line before anything happens on it.
type Info struct {
	Name       string // as Dial writes it: "1" of DAHDI/1
	Driver     string // "dahdi", "modem"
	Signalling Signalling
	ALaw       bool // the Audio's companding: A-law, else u-law (ITU-T G.711)
}

// A Line is one telephone port. Its methods may be called from any goroutine.
type Line interface {
	Info() Info
	// Events is closed when the line is. A reader that is slow delays events,
	// it never loses them.
	Events() <-chan Event
	// Do carries out one operation and returns when the hardware has taken it.
	// An operation the hardware cannot do is an error that names it.
	Do(ctx context.Context, op Op) error
	// Audio opens the speech path; there is one at a time.
	Audio() (Audio, error)
	Close() error
}

// Audio is a line's speech: companded bytes at 8 kHz. Read returns whole blocks
// and paces the caller; Write takes whole blocks and drops what the hardware has
// no room for.
type Audio interface {
	io.ReadWriteCloser
	BlockSize() int // in bytes, one per sample
}

// A Driver opens the lines of one kind of hardware.
type Driver interface {
	Name() string
	// Open opens a line by the name the user gave it.
	Open(ctx context.Context, name string) (Line, error)
}

// EventKind says what a line reports.
type EventKind uint8

const (
	RingBegin  EventKind = iota // an Office line is being rung
	RingEnd                     // it has stopped
	OffHook                     // a Station was lifted
	OnHook                      // a Station was put back, or the far exchange has cleared
	HookFlash                   // a Station was put back briefly
	Digit                       // a digit was dialled
	CallerID                    // the far exchange has said who calls
	Polarity                    // the feeding was reversed
	AlarmBegin                  // the line is dead: no battery, no cable
	AlarmEnd
	Lost // the device is gone; nothing follows
)

// An Event is something that happened on a line.
type Event struct {
	Kind   EventKind
	At     time.Time
	Digit  byte   // Digit: '0'-'9', '*', '#', 'A'-'D'
	Number string // CallerID
	Name   string // CallerID, may be empty
	Err    error  // Lost, AlarmBegin: what the device said
}

// OpKind says what a line is asked to do.
type OpKind uint8

const (
	Ring   OpKind = iota // Station: ring the telephone
	Answer               // Office: go off hook on an incoming call
	Seize                // Office: go off hook for an outgoing call
	Dial                 // send Digits
	Flash                // Office: short break
	Clear                // stop ringing, go on hook
)

// An Op is one request to a line.
type Op struct {
	Kind   OpKind
	Digits string // Dial
	// Caller is shown by a Station while it rings, where both ends can.
	CallerNumber, CallerName string
}
