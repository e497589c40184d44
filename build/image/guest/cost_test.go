//go:build image

package guest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"branchline/appliance/e2e/phone"
	"branchline/rootfs"
)

// TestBootCost compares what it costs to start: the image's kernel alone, with an
// initrd that switches off at once; and the image, first with a new card and then once
// more, until a phone's REGISTER is answered. Processor seconds of the emulation are
// what may be compared; the clock is the machine's mood.
func TestBootCost(t *testing.T) {
	for _, name := range []string{"amd64", "arm64"} {
		t.Run(name, func(t *testing.T) {
			o := card(t, name)
			bare := o
			bare.Kernel, bare.Initrd = filepath.Join(o.Dir, rootfs.KernelFile), offInitrd(t, o.Board)
			bare.Arguments = "quiet"
			g := start(t, bare)
			if err := g.Wait(5 * time.Minute); err != nil {
				t.Fatal(err)
			}
			kernel, wall := g.Seconds()
			t.Logf("%s: kernel only: %.1f processor seconds, %.1f s", name, kernel, wall)

			f := furnish(t, &o)
			o.Arguments = "quiet"
			for _, which := range []string{"first start", "every other start"} {
				g := start(t, o)
				f.until("a REGISTER answered", func() bool { // SIPp gives up after ten repetitions
					return f.sipp(&phone.SIPp{Scenario: "register", Host: f.host(otherOctet), User: "1001", Password: secret, Args: []string{"-T2", "1000"}}).Wait() == nil
				})
				g.Kill()
				processor, wall := g.Seconds()
				t.Logf("%s: %s to the first REGISTER answered: %.1f processor seconds, %.1f s; %.1f times the kernel", name, which, processor, wall, processor/kernel)
			}
		})
	}
}

// offInitrd is an initrd that switches the machine off.
func offInitrd(t *testing.T, board rootfs.Board) string {
	t.Helper()
	dir := t.TempDir()
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", filepath.Join(dir, "tree/init"), "./testdata/off")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOARCH="+board.Go, "GOARM="+board.ARM)
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	tool(t, "mkdir", filepath.Join(dir, "tree/dev"))
	tool(t, "sh", "-c", fmt.Sprintf("cd %s/tree && find . | cpio -o -H newc --quiet | zstd -q > ../initrd.img", dir))
	return filepath.Join(dir, "initrd.img")
}
