package configs

import (
	"io/fs"
	"testing"

	"branchline/pbx/astconf"
	"branchline/pbx/settings/pjsipconf"
	"branchline/pbx/settings/sipconf"
)

// TestSamplesLoadClean holds the samples to what we ask of users: no errors, and
// in the demonstration nothing to warn about either.
// Seed: S-030, S-052, S-103.
func TestSamplesLoadClean(t *testing.T) {
	for dir, endpoints := range map[string]int{"demo": 2, "scenario-e/server1": 4, "scenario-e/server3": 4} {
		sub, err := fs.Sub(FS, dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"pjsip.conf", "extensions.conf"} {
			f, diags := astconf.Load(sub, name)
			if name == "pjsip.conf" {
				s, more := pjsipconf.Read(f)
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

// TestLegacySamplesLoadClean does the same for the samples with sip.conf. That
// strangers may call is how the arrangement is meant, so it is the one warning.
// Seed: S-030, S-052.
func TestLegacySamplesLoadClean(t *testing.T) {
	for _, dir := range []string{"scenario-a/server1", "scenario-b/server1", "scenario-b/server2", "scenario-c/server1",
		"scenario-c/server2", "scenario-d1/server1", "scenario-d2/server1", "scenario-d3/server1", "scenario-d4/server1"} {
		sub, err := fs.Sub(FS, dir)
		if err != nil {
			t.Fatal(err)
		}
		f, diags := astconf.Load(sub, "sip.conf")
		legacy, more := sipconf.Read(f)
		s, found := pjsipconf.Read(nil)
		diags = append(diags, found...)
		if more = append(more, legacy.Join(s)...); s.SIP == nil || len(s.SIP.List) != 9 {
			t.Fatalf("%s: %+v", dir, s.SIP)
		}
		for _, d := range append(diags, more...) {
			if d.Severity == astconf.Error || d.Severity == astconf.Warning && d.Rule != "guest-calls" {
				t.Errorf("%s/sip.conf: %s", dir, d)
			}
		}
		if x, ds := astconf.Load(sub, "extensions.conf"); !x.Valid || len(ds) > 0 {
			t.Errorf("%s/extensions.conf: %v", dir, ds)
		}
	}
	for _, dir := range []string{"scenario-c/server3", "scenario-d1/server3", "scenario-d2/server3", "scenario-d3/server3", "scenario-d4/server3"} {
		sub, err := fs.Sub(FS, dir)
		if err != nil {
			t.Fatal(err)
		}
		f, _ := astconf.Load(sub, "pjsip.conf")
		if s, ds := pjsipconf.Read(f); astconf.Failed(ds) || len(s.Endpoints) != 4 {
			t.Errorf("%s: %v", dir, ds)
		}
	}
}
