// Package fn holds the dialplan functions: what ${NAME(args)} reads and
// Set(NAME(args)=value) writes. Each is a plain Go function; what they need
// from the rest of the exchange comes in through Deps.
package fn

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"branchline/pbx/astdb"
	"branchline/pbx/channel"
	"branchline/pbx/dialplan"
	"branchline/pbx/settings"
)

// Deps is what functions reach outside of the channel they are called on. Only
// System is required; functions whose part is missing say so when called.
type Deps struct {
	System   *dialplan.System
	Store    Store
	State    dialplan.StateOf                // of any device, Custom: ones included
	Custom   func(device, state string) bool // sets a Custom: device; false: no such state
	Settings func() *settings.Snapshot       // the endpoints in force
	Contacts func(aor string) []Contact      // where an address of record can be reached
	Channels func() []*channel.Snapshot      // all channels there are
	Groups   *Groups                         // GROUP(); nil: of their own
	Env      []string                        // environment variables ENV() may read
	Version  string                          // "1.2.3"
	Rand     *rand.Rand                      // nil: seeded by the system
}

// Store is the persistent database behind DB().
type Store interface {
	Get(family, key string) (string, bool)
	Put(family, key, value string) error
	Del(family, key string) (bool, error)
	List(prefix string) []astdb.Entry
}

// A Contact is one way to reach an address of record.
type Contact struct {
	ID        string // "1001@@0f3a..."
	AOR, URI  string
	Status    string // Reachable, Unreachable, NonQualified, Unknown
	RTT       time.Duration
	Expires   time.Time // zero: permanent
	UserAgent string
	Endpoint  string
	CallID    string
	ViaAddr   string
	ViaPort   int
}

type (
	readFunc  = func(ctx context.Context, c *channel.Channel, args string) (string, error)
	writeFunc = func(ctx context.Context, c *channel.Channel, args, value string) error
)

// Functions gives all dialplan functions, sorted by name.
func Functions(d Deps) []dialplan.Function {
	var all []dialplan.Function
	for _, some := range [][]dialplan.Function{
		d.callerFunctions(), d.channelFunctions(), d.storeFunctions(), textFunctions(), codingFunctions(),
		d.listFunctions(), d.logicFunctions(), d.variableFunctions(), d.numberFunctions(), clockFunctions(), d.planFunctions(),
		d.groupFunctions(), cdrFunctions(), d.sipFunctions(), d.systemFunctions(), messageFunctions(),
	} {
		all = append(all, some...)
	}
	slices.SortFunc(all, func(a, b dialplan.Function) int { return strings.Compare(a.Name, b.Name) })
	return all
}

var (
	errNoChannel = errors.New("works on a channel only")
	errNoPart    = errors.New("the part of the exchange it asks is not there")
)

// onChannel makes a reading function fail where there is no channel.
func onChannel(f func(c *channel.Channel, args string) (string, error)) readFunc {
	return func(_ context.Context, c *channel.Channel, args string) (string, error) {
		if c == nil {
			return "", errNoChannel
		}
		return f(c, args)
	}
}

// ofText makes a reading function of one that only looks at its arguments.
func ofText(f func(args string) (string, error)) readFunc {
	return func(_ context.Context, _ *channel.Channel, args string) (string, error) { return f(args) }
}

// setChannel makes a writing function fail where there is no channel.
func setChannel(f func(c *channel.Channel, args, value string) error) writeFunc {
	return func(_ context.Context, c *channel.Channel, args, value string) error {
		if c == nil {
			return errNoChannel
		}
		return f(c, args, value)
	}
}

// arguments splits and pads to n, so that missing ones are empty. The last
// takes the rest as it stands.
func arguments(s string, n int) []string {
	args := dialplan.SplitArgs(s, n)
	for len(args) < n {
		args = append(args, "")
	}
	return args
}

func truth(b bool) string {
	if b {
		return "1"
	}
	return "0"
}
