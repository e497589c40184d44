package connection

import (
	"net/netip"

	"branchline/appliance/netconf"
	"branchline/appliance/systemd"
	"branchline/netcfg/steward"
	"branchline/pbx/astconf"
)

// emergencyAddress is where an appliance can be found too when nothing proves that its
// network works: a computer without an address gives itself one of the same network
// (RFC 3927), so that a cable between the two is enough.
const emergencyAddress = "169.254.77.9/16"

func emergency() (p netip.Prefix) {
	if systemd.OnAppliance() {
		p = netip.MustParsePrefix(emergencyAddress)
	}
	return p
}

// byItself is the network of an appliance that nobody has said anything about.
func byItself() steward.Config {
	return steward.Config{Every: true, Confirm: netconf.DefaultConfirm, Proof: steward.Proof{Gateway: true, Phone: true}}
}

// Begin puts the network of the first configuration into force, before anything is
// bound, and whatever is wrong with other files. A step that fails is reported and
// waited for. A network.conf with errors says nothing that could be trusted: what has
// worked before counts instead. It reports whether the network is looked after from
// now on.
func (n *Network) Begin(c steward.Config, faults []astconf.Diag) bool {
	var err error
	switch {
	case len(faults) == 0 && c.Same(steward.Config{}):
		return true
	case len(faults) == 0:
		err = n.steward.Begin(c)
	case systemd.OnAppliance():
		err = n.steward.BeginWithout(because(faults), byItself())
	default: // other machines have other ways to be reached, and do not start like this
		return false
	}
	if s, serr := n.steward.Status(); serr == nil && s.Refused != "" {
		n.o.Log.Error(netconf.FileName+" is not in force", "because", s.Refused, "instead", instead(n.steward.Config()))
	}
	if err != nil {
		n.o.Log.Error("network", "error", err)
	}
	return true
}

// because names the first of the faults.
func because(faults []astconf.Diag) string {
	text := faults[0].Pos.String() + ": " + faults[0].Message
	if len(faults) > 1 {
		text += ", and more"
	}
	return text
}

// instead says what is in force if it is not what is written.
func instead(c steward.Config) string {
	if c.Every {
		return "DHCP on every interface"
	}
	return "what has worked before"
}
