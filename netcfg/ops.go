package netcfg

import (
	"fmt"
	"net/netip"
	"strconv"
)

// The steps there are. Each is repeatable, except for LinkAdd and those that take
// something away.
type (
	// LinkAdd makes a bridge, or a VLAN on Parent.
	LinkAdd struct {
		Name, Kind string
		Parent     string
		VLAN       int
	}
	// LinkDel removes an interface that LinkAdd made.
	LinkDel struct{ Name string }
	// LinkUp starts or stops an interface.
	LinkUp struct {
		Name string
		Up   bool
	}
	// LinkMTU sets the largest packet, in octets.
	LinkMTU struct {
		Name string
		MTU  int
	}
	// LinkMaster makes an interface a port of a bridge, or of none ("").
	LinkMaster struct{ Name, Master string }
	// AddrSet gives an interface an address.
	AddrSet struct {
		Link    string
		Address netip.Prefix
	}
	// AddrDel takes it away, and in the same network those that came after it.
	AddrDel struct {
		Link    string
		Address netip.Prefix
	}
	// RouteSet adds a route, or replaces the one to the same destination with the
	// same metric.
	RouteSet struct{ Route Route }
	// RouteDel removes a route.
	RouteDel struct{ Route Route }
)

func (o LinkAdd) String() string {
	if o.Kind == "vlan" {
		return "ip link add link " + o.Parent + " name " + o.Name + " type vlan id " + strconv.Itoa(o.VLAN)
	}
	return "ip link add name " + o.Name + " type " + o.Kind
}

func (o LinkDel) String() string { return "ip link del dev " + o.Name }

func (o LinkUp) String() string {
	if o.Up {
		return "ip link set dev " + o.Name + " up"
	}
	return "ip link set dev " + o.Name + " down"
}

func (o LinkMTU) String() string { return fmt.Sprintf("ip link set dev %s mtu %d", o.Name, o.MTU) }

func (o LinkMaster) String() string {
	if o.Master == "" {
		return "ip link set dev " + o.Name + " nomaster"
	}
	return "ip link set dev " + o.Name + " master " + o.Master
}

func (o AddrSet) String() string { return "ip addr replace " + o.Address.String() + " dev " + o.Link }
func (o AddrDel) String() string { return "ip addr del " + o.Address.String() + " dev " + o.Link }

func (o RouteSet) String() string { return family(o.Route) + " route replace " + o.Route.String() }
func (o RouteDel) String() string { return family(o.Route) + " route del " + o.Route.String() }

func family(r Route) string {
	if r.To.Addr().Is6() {
		return "ip -6"
	}
	return "ip"
}

// String is the route as ip(8) lists it.
func (r Route) String() string {
	s := r.To.String()
	if r.To.Bits() == 0 {
		s = "default"
	}
	if r.Via.IsValid() {
		s += " via " + r.Via.String()
	}
	s += " dev " + r.Link
	if r.Metric > 0 {
		s += " metric " + strconv.Itoa(r.Metric)
	}
	return s
}
