// Package office holds the dialplan functions about the exchange as a whole: its
// database, extensions and devices, endpoints and who is registered, groups of
// channels.
package office

import (
	"slices"
	"time"

	"branchline/pbx/astdb"
	"branchline/pbx/channel"
	"branchline/pbx/dialplan"
	"branchline/pbx/dialplan/live"
	"branchline/pbx/settings"
)

// Deps is what the functions reach outside of the channel they are called on. Only
// System is required; functions whose part is missing say so when called.
type Deps struct {
	System   *live.System
	Store    Store
	State    dialplan.StateOf                // of any device, Custom: ones included
	Custom   func(device, state string) bool // sets a Custom: device; false: no such state
	Presence Presence                        // behind PRESENCE_STATE()
	Settings func() *settings.Snapshot       // the endpoints in force
	Contacts func(aor string) []Contact      // where an address of record can be reached
	Channels func() []*channel.Snapshot      // all channels there are
	Groups   *Groups                         // GROUP(); nil: of their own
	Env      []string                        // environment variables ENV() may read
	Version  string                          // "1.2.3"
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

// Functions are those of this package.
func Functions(d Deps) []dialplan.Function {
	return slices.Concat(d.storeFunctions(), d.planFunctions(), d.presenceFunctions(), d.groupFunctions(), d.channelListFunctions(), d.sipFunctions(), d.systemFunctions())
}
