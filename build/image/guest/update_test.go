//go:build image

package guest

import (
	"bufio"
	"crypto/sha256"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"aead.dev/minisign"

	"branchline/rootfs"
	"branchline/rootfs/slots"
	"branchline/rootfs/update"
)

// tool runs one of the machine's tools.
func tool(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s", name, err, out)
	}
}

// spoiled is a slot's file system whose initrd spoils the system; see
// rootfs/initrd/sabotage.go. An empty sabotage is the image's own system.
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
	return slot
}

// onTrial is what the installation of an update leaves behind: its system in slot B, and
// one start for it.
func onTrial(t *testing.T, o Options, slot string) {
	t.Helper()
	system, err := os.ReadFile(slot)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(o.Disk, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt(system, atSlotB<<20); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := slots.Put(dir, rootfs.SlotB, 1); err != nil {
		t.Fatal(err)
	}
	tool(t, "mcopy", "-o", "-i", boot(o), filepath.Join(dir, slots.TryFile), "::"+slots.TryFile)
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
	// The machine's time goes by its instructions, four nanoseconds each: two minutes of
	// a trial are as many on a host that has other things to do.
	o.Extra = append(o.Extra, "-icount", "shift=2")
	g, err := Start(t.Context(), o) // longer than other guests live
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.Kill)
	said(t, g, lines...)
	return g
}

// unplug takes the network cable out of a guest.
func unplug(t *testing.T, o Options) {
	t.Helper()
	c, err := net.Dial("unix", o.Monitor)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := fmt.Fprintf(c, "set_link n0 off\ninfo status\n"); err != nil {
		t.Fatal(err)
	}
	// Who leaves before the answer may not have been heard.
	for answers := bufio.NewScanner(c); answers.Scan(); {
		if strings.Contains(answers.Text(), "VM status:") {
			return
		}
	}
	t.Fatal("QEMU's monitor has not answered")
}

// said waits until the serial line has said all of what, after what was found before.
func said(t *testing.T, g *Guest, what ...string) {
	t.Helper()
	for _, line := range what {
		if _, err := g.Expect(line, startTime); err != nil {
			t.Fatal(err)
		}
		t.Logf("%6.1fs %s", time.Since(g.began).Seconds(), line)
	}
}

// startTime is the patience for one step of an emulated machine that has half a core.
const startTime = 10 * time.Minute

// A good update lies on the boot partition when the card is started, the others are in
// slot B already; everything after that happens by itself, in one run of the machine.
func TestUpdate(t *testing.T) {
	begin := []string{`starting slot 3 \(trying=1 left=0\)`}
	back := []string{`was never confirmed: back to slot 2`, `starting slot 2 \(trying=0`, `rolled back \(slot B`, `NOT installed`}
	failed := func(reason string) []string {
		return append([]string{`no phone registered and no self-test call passed on the network within 2m0s: ` + reason}, back...)
	}
	for _, c := range []struct {
		name, sabotage string
		unplugged      bool
		then           []string // on the serial line
		told           []string // by update.txt on the boot partition, in this order
	}{
		{name: "good", then: []string{`in slot B is confirmed`}, told: []string{`: confirmed \(slot B`}},
		// The kernel dies: its own last words.
		{name: "panic", sabotage: "panic", then: back, told: []string{`slot B`, `reason: .*its kernel or its first programs failed`, `sabotaged`, `Kernel panic`}},
		// The exchange ends as soon as it is started.
		{name: "crash", sabotage: "crash", then: failed(`the exchange does not run`), told: []string{`reason: .*does not run`, `branchline.service`}},
		// The exchange hears nothing at all; and nothing but itself.
		{name: "deaf", sabotage: "deaf", then: failed(``), told: []string{`reason: .*no self-test call`, `branchline`}},
		{name: "deaf to the network", sabotage: "alone", then: failed(`.*(eth0|enp|end)`), told: []string{`reason: .*(eth0|enp|end)`, `branchline`}},
		{name: "no cable", unplugged: true, then: failed(`no network cable`), told: []string{`reason: .*no network cable`}},
		// Not even the program is there that would notice.
		{name: "gone", sabotage: "gone", then: back, told: []string{`slot B`, `reason: .*never got as far`, `systemd`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := card(t, "arm64")
			slot := spoiled(t, o, c.sabotage)
			good := c.sabotage == "" && !c.unplugged
			begin := begin
			if good {
				tool(t, "mcopy", "-i", boot(o), artefact(t, o, slot, "9.9"), "::UPDATE.BRL")
				begin = append([]string{`starting slot 2 \(trying=0`, `is being installed`, `is in slot B, on trial`}, begin...)
			} else {
				onTrial(t, o, slot)
			}
			o.Monitor = filepath.Join(t.TempDir(), "monitor")
			g := walk(t, o, begin...)
			if c.unplugged {
				unplug(t, o)
			}
			said(t, g, c.then...)
			file := filepath.Join(t.TempDir(), "update.txt")
			told := ""
			for end := time.Now().Add(startTime); ; time.Sleep(2 * time.Second) {
				// The card may be read while the machine runs: a torn sector is read again.
				_ = exec.Command("mcopy", "-n", "-o", "-i", boot(o), "::update.txt", file).Run()
				text, _ := os.ReadFile(file)
				if told = string(text); told != "" {
					break
				}
				if time.Now().After(end) {
					t.Fatal("there is no update.txt on the boot partition")
				}
			}
			g.Kill()
			t.Log(told)
			if !regexp.MustCompile(`(?s)` + strings.Join(c.told, `.*`)).MatchString(told) {
				t.Errorf("told otherwise than %q", c.told)
			}
			if good {
				o.Monitor = ""
				walk(t, o, `starting slot 3 \(trying=0`)
			}
		})
	}
}
