package check

import (
	"strings"

	"branchline/pbx/astconf"
	"branchline/pbx/check/survey"
	"branchline/pbx/dialplan"
	"branchline/pbx/settings/spelling"
)

// enrich adds cures to findings of the packages that read the files, where they
// need to know more than those packages do: what names there are.
func enrich(diags []astconf.Diag, in survey.Input) {
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
				d.Replace(d.Near, strings.TrimSuffix(near, "?"), true)
			}
		case "deprecated-option":
			if now, ok := strings.CutPrefix(d.Cure, "write "); ok && strings.HasSuffix(now, "=") {
				d.Replace(d.Near, strings.TrimSuffix(now, "="), true)
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
			if s.Own(e) && !strings.EqualFold(e.Name, "tos") && spelling.Nearest(e.Name, []string{"type"}) != "" {
				d.Pos, d.Cure = e.Pos, "did you mean type="+e.Value+"?"
				d.Replace(e.Name, "type", true)
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
	d.Replace(d.Near, near, len(d.Near) > 3 && abs(len(near)-len(d.Near)) <= 2)
}

func abs(n int) int { return max(n, -n) }
