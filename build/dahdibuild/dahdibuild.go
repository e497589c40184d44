// Package dahdibuild says how DAHDI's kernel modules are made of Debian's source of
// them: a script, which is run as it is and goes with the modules wherever they go.
package dahdibuild

import _ "embed" // the script

// Script compiles the modules; its first lines tell what it takes.
//
//go:embed modules.sh
var Script string

// Parts of DAHDI, as its Kbuild files name them behind CONFIG_.
var (
	// Loops are spans that exist only in the kernel, and what they need.
	Loops = []string{"DAHDI", "DAHDI_DYNAMIC", "DAHDI_DYNAMIC_LOC"}
	// Cards are the drivers of cards in slots for telephones and lines, and of cards for
	// T1 and E1, behind which channel banks have telephones and lines.
	Cards = []string{
		"DAHDI_OCT612X", "DAHDI_VOICEBUS", "DAHDI_WCTDM24XXP", "DAHDI_WCAXX",
		"DAHDI_WCT4XXP", "DAHDI_WCTE11XP", "DAHDI_WCTE12XP", "DAHDI_WCTE13XP", "DAHDI_WCTE43X",
	}
	// Astribanks are the drivers of Astribanks for telephones and lines; they are on USB.
	Astribanks = []string{"DAHDI_XPP", "XPP_USB", "DAHDI_XPD_FXS", "DAHDI_XPD_FXO"}
	// Canceller is an echo canceller of the kernel's.
	Canceller = []string{"DAHDI_ECHOCAN_MG2"}
)

// Command is the script's command line.
func Command(script, headers, work string, parts ...[]string) []string {
	words := []string{"sh", script, headers, work}
	for _, p := range parts {
		words = append(words, p...)
	}
	return words
}
