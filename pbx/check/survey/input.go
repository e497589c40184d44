package survey

import (
	"net/netip"

	"branchline/pbx/astconf"
	"branchline/pbx/dialplan"
	"branchline/pbx/line/lineconf"
	"branchline/pbx/settings"
)

// An Input is one configuration and its surroundings. Rules that need what is
// not given are left out.
type Input struct {
	Files    map[string]*astconf.File // by name: "pjsip.conf", ...
	Catalog  dialplan.Catalog
	Language string // of prompts, "" is English
	// HasSound tells whether a prompt can be played.
	HasSound func(language, name string) bool
	// Addresses are those of this machine.
	Addresses []netip.Addr
	// Interfaces are those of this machine, by name.
	Interfaces []string
	// Port tells what system.conf says of a DAHDI channel; false if it is not there.
	Port func(channel int) (kind lineconf.Signalling, ok bool)
	// Exists tells whether there is a file of that name on this machine.
	Exists func(path string) bool
	// Source gives the bytes of a file named as in positions.
	Source func(file string) ([]byte, error)
}

// A Survey is a configuration with all that its rules ask about it, and the
// place for what they find.
type Survey struct {
	Input
	astconf.Text
	Snap   *settings.Snapshot
	Plan   *dialplan.Plan
	Trunks lineconf.Config // telephone lines
	Diags  []astconf.Diag  // what has been found

	Views    []dialplan.ContextView           // of the plan, in its order
	View     map[string]*dialplan.ContextView // the same by name
	Globals  map[string]string
	Steps    []Step // all there are
	Dials    []Dial // those of them that dial
	Leaps    []Leap
	Edges    map[string][]Edge    // context: where calls in it may get to
	Entrants map[string][]Entrant // context: who may begin a call in it
	Ordered  []*settings.Endpoint // of pjsip.conf, by place in the file
	Everyone []*settings.Endpoint // and the devices of sip.conf
	Users    map[string][]string  // auth: endpoints and registrations that name it

	answering map[*settings.Endpoint]bool // those that some Dial calls
	known     map[string]bool             // endpoints that an identify section names
	reached   map[string]reached
	devices   map[*settings.Endpoint]*settings.Device
	guest     *settings.Endpoint // of sip.conf, nil if it takes none
}
