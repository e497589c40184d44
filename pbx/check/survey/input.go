package survey

import (
	"net/netip"

	"branchline/pbx/astconf"
	"branchline/pbx/dialplan"
	"branchline/pbx/line/lineconf"
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
