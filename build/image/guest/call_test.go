//go:build image

package guest

import (
	"strings"
	"testing"
	"time"
)

// callGuest starts a card with an office on it to READY and calls it through
// forwarded ports.
func callGuest(t *testing.T, board string) {
	t.Parallel()
	o := card(t, board)
	o.Shell = true
	f := furnish(t, &o)
	g := start(t, o)
	if _, err := g.Expect(`# `, patience); err != nil {
		t.Fatal(err)
	}
	run := func(command string) string {
		t.Helper()
		out, err := g.Run(command, patience)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	run("until systemctl is-active -q branchline; do sleep 1; done")
	up := time.Since(g.began)
	if out := run("systemctl --failed --no-legend --plain"); strings.Contains(out, " failed ") { // the console may say other things
		t.Errorf("failed units: %s", out)
	}
	if out := run("systemctl is-system-running --wait"); !strings.Contains(out, "running") {
		t.Errorf("the system is %s", out)
	}
	f.call()
	out := run("systemd-analyze security branchline | tail -1; systemd-analyze; df -h /data /var /tmp; free")
	g.Kill()
	processor, wall := g.Seconds()
	t.Logf("%s: READY after %.1f s; %.1f processor seconds and %.1f s in all; %s", board, up.Seconds(), processor, wall, out)
}

func TestCallAMD64(t *testing.T) { callGuest(t, "amd64") }
func TestCallARM64(t *testing.T) { callGuest(t, "arm64") }

// TestCallARMHF does it as the board would: U-Boot and its script start the card,
// nobody has a shell. Then the card is given an update, which goes into the other
// slot, is tried and confirmed, and the phone calls again.
func TestCallARMHF(t *testing.T) {
	o := card(t, "armhf")
	f := furnish(t, &o)
	g := walk(t, o, `starting slot 2 \(trying=0`, ready)
	f.call()
	g.Kill()
	tool(t, "mcopy", "-i", boot(o), artefact(t, o, spoiled(t, o, ""), "9.9"), "::UPDATE.BRL")
	g = walk(t, o, `starting slot 2 \(trying=0`, `is in slot B, on trial`, `starting slot 3 \(trying=1 left=0\)`, `in slot B is confirmed`)
	f.call()
	g.Kill()
	processor, wall := g.Seconds()
	t.Logf("armhf: %.1f processor seconds and %.1f s for the second", processor, wall)
}
