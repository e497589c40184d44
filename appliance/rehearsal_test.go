package appliance

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"branchline/appliance/selftest"
	"branchline/configs"
	"branchline/hal"
	"branchline/hal/sim"
)

// TestRehearsal: the self-test leaves the simulated lines alone when the user has
// made something else of the sample.
func TestRehearsal(t *testing.T) {
	sample, err := fs.Sub(configs.FS, "demo")
	if err != nil {
		t.Fatal(err)
	}
	for name, wanted := range map[string]bool{"": true, "chan_dahdi.conf": false, "extensions.conf": false} {
		dir := site(t, nil)
		if err := os.CopyFS(dir, sample); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "pjsip.conf"), nil, 0o600); err != nil { // no fixed port
			t.Fatal(err)
		}
		if name != "" {
			if err := os.WriteFile(filepath.Join(dir, name), []byte("[phones]\nexten => 1,1,Answer()\n"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		plant := sim.NewPlant("simulated")
		o := Options{
			Config: dir, Quiet: true, Lenient: true, Drivers: map[string]hal.Driver{"dahdi": plant},
			Rehearsal: &selftest.Lines{FromExchange: "from-exchange", Prefix: "9"},
		}
		if err := during(t.Context(), o, func(_ context.Context, d *daemon) error {
			present, _ := d.judge().Read()
			if got := d.rehearsal(present) != nil; got != wanted {
				t.Errorf("without the sample's %q: %v", name, got)
			}
			return nil
		}); err != nil {
			t.Error(err)
		}
		if err := plant.Close(); err != nil {
			t.Error(err)
		}
	}
}
