package appliance

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"branchline/pbx/cli"
)

// TestRollback breaks nothing, changes a lot, and goes back.
func TestRollback(t *testing.T) {
	first := map[string]string{"pjsip.conf": goodSIP, "extensions.conf": "[default]\nexten => 1,1,Answer()\n"}
	dir := site(t, first)
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	err := during(t.Context(), Options{Config: dir, Quiet: true}, func(ctx context.Context, d *daemon) error {
		run := func(line string, want cli.Outcome, says ...string) {
			t.Helper()
			var said bytes.Buffer
			if got := d.tree.Run(ctx, &said, line); got != want {
				t.Errorf("%s: %v, want %v", line, got, want)
			}
			for _, s := range says {
				if !strings.Contains(said.String(), s) {
					t.Errorf("%s does not say %q:\n%s", line, s, said.String())
				}
			}
		}
		dials := func(exten string) bool { ok, _ := d.exchange.Lookup("default", exten, ""); return ok }

		run("core reload", cli.Done, "Nothing has changed.")
		write("extensions.conf", "[default]\nexten => 1,1,Answer()\nexten => 2,1,Answer()\n")
		write("sip.conf", "[general]\nudpbindaddr="+ownHost+":25061\n")
		run("core reload", cli.Done, "2 change(s) in force:", "added   section general of sip.conf", "changed context default: 2 added")
		run("config history", cli.Done, "  1  ", "  2  ", "the files as they are")
		run("config rollback 7", cli.Failed, "no such configuration is kept")
		run("config rollback", cli.Misused)
		run("config rollback x", cli.Misused)
		run("config rollback 1", cli.Done, "Configuration 1, accepted", "The files as they were are configuration 2.", "changed context default: 2 removed")
		if _, err := os.Stat(filepath.Join(dir, "sip.conf")); err == nil || dials("2") || !dials("1") {
			t.Errorf("sip.conf %v, 2 %v, 1 %v", err, dials("2"), dials("1"))
		}
		run("config rollback 2", cli.Done)
		if _, err := os.Stat(filepath.Join(dir, "sip.conf")); err != nil || !dials("2") {
			t.Errorf("sip.conf %v, 2 %v", err, dials("2"))
		}

		// What is on disk was never accepted: it is kept all the same.
		write("extensions.conf", "[default]\nexten => 3,1,Answer()\n[broken\n")
		write("pjsip.conf", brokenSIP)
		run("config rollback 1", cli.Done, "The files as they were are configuration 3.")
		run("config history", cli.Done, "saved before a rollback, not accepted")
		if b, err := os.ReadFile(filepath.Join(dir, "pjsip.conf")); err != nil || string(b) != goodSIP {
			t.Errorf("%q, %v", b, err)
		}
		// And going to it is refused without a trace.
		run("config rollback 3", cli.Failed, "the files are as they were")
		if b, err := os.ReadFile(filepath.Join(dir, "pjsip.conf")); err != nil || string(b) != goodSIP || !dials("1") {
			t.Errorf("%q, %v", b, err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
