package survey

import (
	"fmt"
	"strings"

	"branchline/pbx/astconf"
)

func (x *Survey) add(sev astconf.Severity, at astconf.Pos, rule, message, effect, cure string) *astconf.Diag {
	x.Diags = append(x.Diags, astconf.Diag{Pos: at, Severity: sev, Rule: rule, Message: message, Effect: effect, Cure: cure})
	return &x.Diags[len(x.Diags)-1]
}

// Warn adds a finding for which something does not work, or not as it seems to be
// meant. What it gives may be completed until the next one is added.
func (x *Survey) Warn(at astconf.Pos, rule, message, effect, cure string) *astconf.Diag {
	return x.add(astconf.Warning, at, rule, message, effect, cure)
}

// Note adds a finding that may well be what was meant; otherwise like Warn.
func (x *Survey) Note(at astconf.Pos, rule, message, effect, cure string) *astconf.Diag {
	return x.add(astconf.Note, at, rule, message, effect, cure)
}

// Sentence joins names for a message: "a", "a and b", "a, b and 3 more".
func Sentence(names []string, most int) string {
	switch {
	case len(names) == 0:
		return "nobody"
	case len(names) == 1:
		return names[0]
	case len(names) <= most:
		return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}
