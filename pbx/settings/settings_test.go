package settings

import (
	"fmt"
	"net/netip"
	"testing"

	"branchline/pbx/astconf"
	"branchline/pbx/settings/option/optiontest"
)

// findings prints the diagnostics without their notes of rules not asked for.
func findings(ds []astconf.Diag) []string {
	var out []string
	for _, d := range ds {
		out = append(out, fmt.Sprintf("%d %s %s", d.Line, d.Severity, d.Rule))
	}
	return out
}

func TestDefaultsAreOfTheirKind(t *testing.T) {
	optiontest.Defaults(t, "rtp.conf", rtpOptions())
	optiontest.Defaults(t, "directories", directoryOptions())
	optiontest.Defaults(t, "options", processOptions())
	optiontest.Defaults(t, "files", socketOptions())
}

func TestPermitted(t *testing.T) {
	var rules []Rule
	for _, r := range []string{"d0.0.0.0/0", "p10.0.0.0/8", "d10.9.0.0/16", "p::1"} {
		if err := TakeRules(&rules, r[0] == 'p', r[1:]); err != nil {
			t.Fatal(err)
		}
	}
	for addr, want := range map[string]bool{"192.0.2.1": false, "10.1.1.1": true, "10.9.1.1": false, "::1": true, "::2": true, "::ffff:10.1.1.1": true} {
		if got := Permitted(rules, netip.MustParseAddr(addr)); got != want {
			t.Errorf("%s: %v, want %v", addr, got, want)
		}
	}
}
