package configs

import (
	"io/fs"
	"testing"

	"branchline/pbx/astconf"
	"branchline/pbx/settings"
)

// TestSamplesLoadClean holds the samples to what we ask of users: no errors, and
// in the demonstration nothing to warn about either.
func TestSamplesLoadClean(t *testing.T) {
	for dir, endpoints := range map[string]int{"demo": 2, "scenario-e/server1": 4, "scenario-e/server3": 4} {
		sub, err := fs.Sub(FS, dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"pjsip.conf", "extensions.conf"} {
			f, diags := astconf.Load(sub, name)
			if name == "pjsip.conf" {
				s, more := settings.FromPJSIP(f)
				diags = append(diags, more...)
				if len(s.Endpoints) != endpoints {
					t.Errorf("%s: %d endpoints", dir, len(s.Endpoints))
				}
			}
			for _, d := range diags {
				if d.Severity == astconf.Error || dir == "demo" && d.Severity == astconf.Warning {
					t.Errorf("%s/%s: %s", dir, name, d)
				}
			}
			if !f.Valid {
				t.Errorf("%s/%s cannot be used", dir, name)
			}
		}
	}
}
