//go:build image

package guest

import (
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"aead.dev/minisign"

	"branchline/rootfs"
	"branchline/rootfs/update"
)

// tool runs one of the machine's tools.
func tool(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s", name, err, out)
	}
}

// spoiled is an update whose initrd spoils the system; see rootfs/initrd/sabotage.go.
// An empty sabotage is the image's own system under another version.
func spoiled(t *testing.T, o Options, sabotage string) string {
	t.Helper()
	dir := t.TempDir()
	slot := filepath.Join(dir, "slot.fat")
	if err := CopyDisk(filepath.Join(o.Dir, "slot.fat"), slot, 0); err != nil {
		t.Fatal(err)
	}
	if sabotage != "" {
		tree := filepath.Join(dir, "initrd")
		tool(t, "cp", "-r", filepath.Join(o.Dir, "initrd"), tree)
		build := exec.Command("go", "build", "-tags", "sabotage", "-trimpath", "-ldflags", "-s -w -X main.sabotage="+sabotage, "-o", filepath.Join(tree, "init"), "branchline/rootfs/initrd")
		build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOARCH="+o.Board.Go, "GOARM="+o.Board.ARM)
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		tool(t, "sh", "-c", fmt.Sprintf("cd %s && find . | cpio -o -H newc --quiet | zstd -q > ../%s", tree, rootfs.InitrdFile))
		tool(t, "mcopy", "-o", "-i", slot, filepath.Join(dir, rootfs.InitrdFile), "::"+rootfs.InitrdFile)
	}
	return artefact(t, o, slot, "9.9-"+sabotage)
}

// artefact is a signed update to what a slot's file system holds.
func artefact(t *testing.T, o Options, slot, version string) string {
	t.Helper()
	system, err := os.ReadFile(slot)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := os.ReadFile("../keys/development-2.key") // the one in reserve
	if err != nil {
		t.Fatal(err)
	}
	var key minisign.PrivateKey
	if err := key.UnmarshalText(secret); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "u"+update.Suffix)
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	m := &update.Manifest{Board: o.Board.Name, Version: version, Counter: 99, Size: int64(len(system)), SHA256: sha256.Sum256(system)}
	if err := update.WriteHead(f, m, key); err != nil {
		t.Fatal(err)
	}
	z := exec.Command("zstd", "-q", "-3", "-c", slot)
	z.Stdout = f
	if err := z.Run(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return name
}

// boot is mtools' name of the boot partition in a card.
func boot(o Options) string { return fmt.Sprintf("%s@@%dM", o.Disk, rootfs.Gap) }

// walk starts a card through U-Boot and expects the lines one after another.
func walk(t *testing.T, o Options, lines ...string) *Guest {
	t.Helper()
	o.Loader, o.Restarts = true, true
	g := start(t, o)
	for _, line := range lines {
		if _, err := g.Expect(line, 4*time.Minute); err != nil {
			t.Fatal(err)
		}
		t.Logf("%6.1fs %s", time.Since(g.began).Seconds(), line)
	}
	return g
}

// Each update lies on the boot partition when the card is started, and everything
// after that happens by itself, in one run of the machine.
func TestUpdate(t *testing.T) {
	first := []string{`starting slot 2 \(trying=0`, `is being installed`, `is in slot B, on trial`, `starting slot 3 \(trying=1 left=0\)`}
	back := []string{`was never confirmed: back to slot 2`, `starting slot 2 \(trying=0`, `rolled back \(slot B`, `NOT installed`}
	for sabotage, then := range map[string][]string{
		"":      {`9.9- in slot B is confirmed|0\.1\.0 in slot B is confirmed`},
		"panic": back,
		"crash": append([]string{`no phone registered and no self-test call passed`}, back...),
		"deaf":  append([]string{`no phone registered and no self-test call passed`}, back...),
		"gone":  back,
	} {
		t.Run("then "+strings.TrimPrefix(sabotage+"ed", "ed"), func(t *testing.T) {
			o := card(t, "arm64")
			tool(t, "mcopy", "-i", boot(o), spoiled(t, o, sabotage), "::UPDATE.BRL")
			g := walk(t, o, append(first, then...)...)
			if sabotage != "" {
				return
			}
			g.Kill()
			walk(t, o, `starting slot 3 \(trying=0`)
		})
	}
}
