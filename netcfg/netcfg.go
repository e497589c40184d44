// Package netcfg is how the box's network should be, how it is, and the steps
// between the two. It decides; netcfg/nl talks to the kernel.
//
// The package holds the contract: a State as the kernel reports it, a Desired
// as the administrator wrote it, Ops that lead from one to the other (each
// prints as ip(8) would spell it) and the Kernel that reads and applies them.
package netcfg

import (
	"context"
	"net/netip"
)

// A Link is one network interface as it is.
type Link struct {
	Name      string
	Index     int
	Kind      string // "", "vlan", "bridge"
	Up        bool
	Carrier   bool
	MTU       int
	Parent    string // of a VLAN
	VLAN      int    // 1-4094, 0: none
	Addresses []netip.Prefix
}

// A Route is one way out.
type Route struct {
	To     netip.Prefix // 0.0.0.0/0 or ::/0 is the default
	Via    netip.Addr   // invalid: directly connected
	Link   string
	Metric int
}

// A State is the whole of it, as the kernel reports it.
type State struct {
	Links  []Link
	Routes []Route
}

// An Interface is one interface as it should be.
type Interface struct {
	Name      string
	Up        bool
	MTU       int // 0: as it is
	Parent    string
	VLAN      int // 1-4094, 0: none
	Addresses []netip.Prefix
}

// A Desired is what the administrator wrote. Interfaces it does not name are
// left alone.
type Desired struct {
	Interfaces []Interface
	Routes     []Route
}

// An Op is one change; String spells it as an ip(8) command line.
type Op interface{ String() string }

// An Event says that the kernel's state has changed, by us or by others.
type Event struct {
	Link    string
	Address netip.Prefix // invalid: the link itself changed
	Gone    bool
}

// A Kernel reads and changes the real thing, or a text that stands for it.
type Kernel interface {
	State(ctx context.Context) (State, error)
	Apply(ctx context.Context, op Op) error
	Watch(ctx context.Context) (<-chan Event, error)
}
