//go:build image

package guest

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"branchline/rootfs"
)

// card is a fresh card of a board's image, 200 MiB larger than the image.
func card(t *testing.T, name string) Options {
	t.Helper()
	board, ok := rootfs.BoardNamed(name)
	if !ok {
		t.Fatalf("no board %s", name)
	}
	dir := os.Getenv("IMAGES")
	if dir == "" {
		dir = "../../../bin/image"
	}
	o := Options{Board: board, Dir: filepath.Join(dir, name), Disk: filepath.Join(t.TempDir(), "card.img")}
	if err := CopyDisk(filepath.Join(o.Dir, "branchline-"+name+".img"), o.Disk, 200); err != nil {
		t.Fatal(err)
	}
	return o
}

func start(t *testing.T, o Options) *Guest {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Minute)
	g, err := Start(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { g.Kill(); cancel() })
	return g
}

func TestBootAMD64(t *testing.T) {
	o := card(t, "amd64")
	o.Shell = true
	g := start(t, o)
	if _, err := g.Expect(`# `, time.Minute); err != nil {
		t.Fatal(err)
	}
	run := func(command string) string {
		t.Helper()
		out, err := g.Run(command, time.Minute)
		if err != nil {
			t.Error(err)
		}
		return out
	}
	run("until systemctl is-active -q branchline; do sleep 1; done")
	if out := run("systemctl --failed --no-legend --plain"); strings.TrimSpace(out) != "" {
		t.Errorf("failed units: %s", out)
	}
	if out := run("systemctl is-system-running"); strings.TrimSpace(out) != "running" {
		t.Errorf("the system is %s", out)
	}
	t.Log(run("df; free; ip addr; systemd-analyze; systemd-analyze blame | head -20; systemd-analyze security branchline | tail -3; ps"))
}

// TestAsk boots a guest and gives its shell COMMANDS, one a line: for whoever wants to
// look inside.
func TestAsk(t *testing.T) {
	commands := os.Getenv("COMMANDS")
	if commands == "" {
		return
	}
	o := card(t, "amd64")
	o.Shell = true
	g := start(t, o)
	if _, err := g.Expect(`# `, 2*time.Minute); err != nil {
		t.Fatal(err)
	}
	for _, c := range strings.Split(commands, "\n") {
		out, err := g.Run(c, 2*time.Minute)
		t.Logf("%s\n%s%v", c, out, err)
	}
}
