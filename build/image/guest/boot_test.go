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

// card is a fresh card of a board's image, of a flavour or not, 200 MiB larger than
// the image.
func card(t *testing.T, name string) Options {
	t.Helper()
	board, ok := rootfs.BoardNamed(strings.TrimSuffix(name, "-"+rootfs.DAHDI))
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

// ready is the line that the exchange's unit ends on the console with, once a call
// through itself has passed.
const ready = `Branchline is ready: a call through it has passed`

// TestRaspi3b starts the card of the arm64 boards, as it is, in QEMU's Raspberry Pi
// 3B: the card's U-Boot, its device tree, the real drivers of the SD card, the serial
// line and the rest. There is no network: QEMU's USB host does not please the driver.
// And there must be no watchdog: in QEMU this one bites when it is let out.
func TestRaspi3b(t *testing.T) {
	o := card(t, "arm64")
	o.Firmware = t.TempDir()
	for _, name := range []string{UBoot, DeviceTree} {
		tool(t, "mcopy", "-i", boot(o), "::"+name, filepath.Join(o.Firmware, name))
	}
	// QEMU takes cards of a power of two only.
	if err := os.Truncate(o.Disk, 1<<29); err != nil {
		t.Fatal(err)
	}
	g := start(t, o)
	if _, err := g.Expect(`Hit any key to stop autoboot`, 5*time.Minute); err != nil {
		t.Fatal(err)
	}
	if err := g.Type(""); err != nil {
		t.Fatal(err)
	}
	if _, err := g.Expect(`U-Boot> `, time.Minute); err != nil {
		t.Fatal(err)
	}
	if err := g.Type("setenv more module_blacklist=bcm2835_wdt; boot"); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{`starting slot 2 \(trying=0`, `Starting kernel`, ready} {
		if _, err := g.Expect(line, 5*time.Minute); err != nil {
			t.Fatal(err)
		}
		t.Logf("%6.1fs %s", time.Since(g.began).Seconds(), line)
	}
	g.Kill()
	processor, wall := g.Seconds()
	t.Logf("%.1f processor seconds, %.1f s", processor, wall)
}
