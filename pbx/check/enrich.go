package check

import (
	"strings"

	"branchline/pbx/astconf"
	"branchline/pbx/dialplan"
	"branchline/pbx/settings/spelling"
)

// enrich adds cures to findings of the packages that read the files, where they
// need to know more than those packages do: what names there are.
func enrich(diags []astconf.Diag, in Input) {
	catalog := in.Catalog
	for i := range diags {
		d := &diags[i]
		if d.Rule == "missing-type" {
			misspeltType(d, in.Files[d.File])
		}
		if d.Fix != nil || d.Near == "" {
			continue
		}
		switch d.Rule {
		case "unknown-application":
			if c, ok := catalog.(interface{ Apps() []*dialplan.App }); ok {
				var names []string
				for _, a := range c.Apps() {
					names = append(names, a.Name)
				}
				suggest(d, names)
			}
		case "unknown-function":
			if c, ok := catalog.(interface{ Functions() []*dialplan.Function }); ok {
				var names []string
				for _, f := range c.Functions() {
					names = append(names, f.Name)
				}
				suggest(d, names)
			}
		case "unknown-directive":
			suggest(d, []string{"exten", "same", "include", "ignorepat"})
		case "unknown-option":
			if d.File == "extensions.conf" {
				suggest(d, []string{"static", "writeprotect", "autofallthrough", "clearglobalvars", "priorityjumping", "extenpatternmatchnew", "userscontext"})
			} else if near, ok := strings.CutPrefix(d.Cure, "did you mean "); ok {
				replace(d, d.Near, strings.TrimSuffix(near, "?"), true)
			}
		case "deprecated-option":
			if now, ok := strings.CutPrefix(d.Cure, "write "); ok && strings.HasSuffix(now, "=") {
				replace(d, d.Near, strings.TrimSuffix(now, "="), true)
			}
		}
	}
}

// misspeltType looks for the line that was meant to be type=.
func misspeltType(d *astconf.Diag, f *astconf.File) {
	if f == nil {
		return
	}
	for _, s := range f.Sections {
		if s.Pos != d.Pos {
			continue
		}
		for _, e := range s.Entries {
			if own(s, e) && !strings.EqualFold(e.Name, "tos") && spelling.Nearest(e.Name, []string{"type"}) != "" {
				d.Pos, d.Cure = e.Pos, "did you mean type="+e.Value+"?"
				replace(d, e.Name, "type", true)
				return
			}
		}
	}
}

func suggest(d *astconf.Diag, names []string) {
	near := spelling.Nearest(d.Near, names)
	if near == "" {
		return
	}
	d.Cure = "did you mean " + near + "?"
	replace(d, d.Near, near, len(d.Near) > 3 && abs(len(near)-len(d.Near)) <= 2)
}

func abs(n int) int { return max(n, -n) }
