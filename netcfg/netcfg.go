// Package netcfg is how the box's network should be, how it is, and the steps
// between the two. It decides; netcfg/nl talks to the kernel.
//
// Reading order: the shapes here; plan.go for the steps from one State to a
// Desired; ops.go for how a step reads; firewall.go for who may send us what.
// Below it: nl and nft are the kernel, dhcp is the client that gets an address,
// steward keeps the network as the administrator wants it.
package netcfg

import (
	"context"
	"net/netip"
)

// A Link is one network interface as it is.
type Link struct {
	Name      string
	Index     int
	MAC       string // "52:54:00:12:34:56", "" if it has none
	Kind      string // "" for hardware, "vlan", "bridge", or what else the kernel calls it
	Ethernet  bool
	Up        bool
	Carrier   bool
	MTU       int
	Parent    string // of a VLAN
	VLAN      int    // 1-4094, 0: none
	Master    string // the bridge it is a port of
	Ours      bool   // made by an Op of this package
	Addresses []netip.Prefix
	// Own are addresses that the kernel has given itself: link-local ones, and
	// those from router advertisements. Nobody here takes them away.
	Own []netip.Prefix
	// Duplicate are those IPv6 addresses among the others that another machine uses
	// too: the kernel has found out (RFC 4862 5.4) and does not use them.
	Duplicate []netip.Prefix
}

// A Route is one way out.
type Route struct {
	To     netip.Prefix // 0.0.0.0/0 or ::/0 is the default
	Via    netip.Addr   // invalid: directly connected
	Link   string
	Metric int
}

// A State is the whole of it, as the kernel reports it. Of the routes it has those
// that somebody has set, not the ones that come with an address or from a router.
type State struct {
	Links  []Link
	Routes []Route
}

// Link finds an interface by name; nil if there is none.
func (s State) Link(name string) *Link {
	for i := range s.Links {
		if s.Links[i].Name == name {
			return &s.Links[i]
		}
	}
	return nil
}

// An Interface is one interface as it should be.
type Interface struct {
	Name      string
	Up        bool
	MTU       int    // 0: as it is
	Kind      string // "bridge" or "vlan" to have it made, else ""
	Parent    string
	VLAN      int      // 1-4094, 0: none
	Ports     []string // of a bridge
	Addresses []netip.Prefix
}

// A Desired is what the administrator wrote. Interfaces it does not name are
// left alone, except for the ports of its bridges.
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
	Lost    bool // the link had no carrier then; it may have one again by now
}

// A Kernel reads and changes the real thing, or a text that stands for it.
type Kernel interface {
	State(ctx context.Context) (State, error)
	Apply(ctx context.Context, op Op) error
	// Watch reports changes until ctx ends, and closes the channel then.
	Watch(ctx context.Context) (<-chan Event, error)
	// Answers reports whether a neighbour, a host on one of our own networks, has
	// answered for its address lately. Asking makes the kernel look for it.
	Answers(ctx context.Context, neighbour netip.Addr) (bool, error)
	// Taken says who on a link uses an IPv4 address, by its Ethernet address; "" is
	// nobody. It asks for some seconds (RFC 5227 2.1.1). An address of our own is
	// not taken.
	Taken(ctx context.Context, link string, addr netip.Addr) (holder string, err error)
}
