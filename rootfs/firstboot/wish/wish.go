// Package wish reads branchline.txt, the text file that a person writes to say what
// the exchange is to be.
//
// Nothing in it can stop a start: every line that cannot be understood is left out and
// complained of, and what is left holds together.
package wish

import (
	"fmt"
	"net/netip"
)

// File is what the text file is called.
const File = "branchline.txt"

// A Wish is what branchline.txt asks for. What it does not speak of is as in
// Default.
type Wish struct {
	Address netip.Prefix // invalid: by DHCP
	Gateway netip.Addr
	DNS     []netip.Addr
	NTP     []string

	TimeZone string // as in zoneinfo, "" for UTC
	Country  string // of the tones, "" for the built-in choice
	Language string // of the prompts

	Phones    int
	First     int            // extension of the first phone
	Names     map[int]string // of phones, by extension
	Emergency []string
	Prefix    string // before outside numbers, "" for none

	Trunk Trunk
	Line  Line

	Button string // GPIO line with a push button, "none" for none, "" to leave what there is
}

// A Trunk is an account with a telephone company; Host is "" without one.
type Trunk struct {
	Host, User, Password string
	Number               string // shown to those we call, "" for the company's choice
}

// A Line is a line of the old kind.
type Line struct {
	Kind     string // "", dahdi, modem, mobile
	Device   string // what takes the commands: a serial port
	Audio    string // of a mobile module: what carries speech
	Channels string // of a card: "1", "1-4"
}

// Default is what holds without a branchline.txt: three phones, no way out.
func Default() Wish {
	return Wish{Language: "en", Phones: 3, First: 1001, Prefix: "9"}
}

// A Complaint is a line of branchline.txt that is not as it should be.
type Complaint struct {
	Line int // from 1; 0 is the whole file
	Text string
}

func (c Complaint) String() string {
	if c.Line == 0 {
		return File + ": " + c.Text
	}
	return fmt.Sprintf("%s line %d: %s", File, c.Line, c.Text)
}

// Surroundings is what a wish is held against.
type Surroundings struct {
	HasZone     func(name string) bool // whether zoneinfo knows a zone; nil: any
	HasLanguage func(name string) bool // whether there are prompts; nil: any
}

// NoButton is what a wish says where a push button was, and is no longer.
const NoButton = "none"
