// Package dialplan turns extensions.conf into a Plan: contexts, extensions,
// steps, hints. A Plan is never changed; what its steps are evaluated against is
// in package live, and package exchange walks it.
package dialplan

import (
	"context"
	"errors"

	"branchline/pbx/channel"
)

// An App is a dialplan application. Run blocks until it is over; it is called
// on the goroutine that owns c. It returns nil to go on with the next step
// (which it may have changed through c.Context, c.Exten, c.Priority: see Jump),
// ErrHangup to end the call, or Digits to have a number dialled in the call
// looked up.
type App struct {
	Name     string
	Synopsis string // one line for `core show applications`
	Syntax   string // "Dial(Technology/Resource[&...][,timeout[,options]])"
	Run      func(ctx context.Context, c *channel.Channel, args string) error
	// Raw says that args are passed unsplit and the application parses them.
}

// A Function is a dialplan function: ${NAME(args)} reads, Set(NAME(args)=v)
// writes. Either may be nil.
type Function struct {
	Name     string
	Synopsis string
	Syntax   string
	Read     func(ctx context.Context, c *channel.Channel, args string) (string, error)
	Write    func(ctx context.Context, c *channel.Channel, args, value string) error
}

// A Catalog knows the applications and functions there are. Names are compared
// without case. Refused explains names that are known but not supported.
type Catalog interface {
	App(name string) (*App, bool)
	Function(name string) (*Function, bool)
	Refused(name string) (why string, ok bool)
}

// ErrHangup ends the dialplan of a channel; its cause is in Channel.Cause.
var ErrHangup = errors.New("hang up")

// ErrNoDigits is returned by an application that waited for a number in vain:
// the walk goes to t.
var ErrNoDigits = errors.New("nothing dialled")

// Digits is returned by an application that stopped because the caller dialled:
// the walk collects the rest of the number and goes there.
type Digits string

func (d Digits) Error() string { return "dialled " + string(d) }
