package appliance

import (
	"encoding/json"
	"net/netip"
	"os"
	"time"

	"branchline/appliance/netconf"
	"branchline/netcfg/steward"
	"branchline/pbx/astconf"
)

// emergencyAddress is where an appliance can be found too when nothing proves that its
// network works: a computer without an address gives itself one of the same network
// (RFC 3927), so that a cable between the two is enough.
const emergencyAddress = "169.254.77.9/16"

// onAppliance reports whether this machine is a telephone exchange and nothing else.
func onAppliance() bool { return os.Getenv(applianceVariable) == "1" }

func emergency() (p netip.Prefix) {
	if onAppliance() {
		p = netip.MustParsePrefix(emergencyAddress)
	}
	return p
}

// byItself is the network of an appliance that nobody has said anything about.
func byItself() steward.Config {
	return steward.Config{Every: true, Confirm: netconf.DefaultConfirm, Proof: steward.Proof{Gateway: true, Phone: true}}
}

// connect puts the network of the first configuration into force, before anything is
// bound, and whatever is wrong with other files. A step that fails is reported and
// waited for. A network.conf with errors says nothing that could be trusted: what has
// worked before counts instead. It reports whether the network is looked after from
// now on.
func (d *daemon) connect(c configuration) bool {
	if d.options.aside {
		return false
	}
	var err error
	switch {
	case len(c.netFaults) == 0 && c.network.Same(steward.Config{}):
		return true
	case len(c.netFaults) == 0:
		err = d.network.Begin(c.network)
	case onAppliance():
		err = d.network.BeginWithout(because(c.netFaults), byItself())
	default: // other machines have other ways to be reached, and do not start like this
		return false
	}
	if s, serr := d.network.Status(); serr == nil && s.Refused != "" {
		d.log.Error(netconf.FileName+" is not in force", "because", s.Refused, "instead", instead(d.network.Config()))
	}
	if err != nil {
		d.log.Error("network", "error", err)
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

// bearable reports whether a start may go on: an appliance that is wrongly connected
// is still one that can be called.
func bearable(c configuration, diags []astconf.Diag) bool {
	errs := len(errorsOf(diags))
	return errs == 0 || onAppliance() && errs == len(c.netFaults)
}

// Where in the database it is written what has proven itself, and how it was.
const (
	networkFamily = "network"
	provenKey     = "proven"
)

// Proven is the network that has proven itself last.
func (b leaseBook) Proven() *steward.Config {
	text, ok := b.db.Get(networkFamily, provenKey)
	if !ok {
		return nil
	}
	var c steward.Config
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		b.log.Warn("network in the database", "error", err)
		return nil
	}
	return &c
}

// Prove writes down a network that has proven itself. It changes rarely; a power cut
// within the delay only means that it has to prove itself again.
func (b leaseBook) Prove(c *steward.Config) {
	if c == nil {
		b.db.DelSoon(networkFamily, provenKey, time.Second)
		return
	}
	text, err := json.Marshal(c)
	if err != nil {
		b.log.Warn("network not kept", "error", err)
		return
	}
	if old, ok := b.db.Get(networkFamily, provenKey); !ok || old != string(text) {
		b.db.PutSoon(networkFamily, provenKey, string(text), time.Second)
	}
}
