package main

import (
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"branchline/rootfs"
)

func TestLockFiles(t *testing.T) {
	for _, board := range rootfs.Boards {
		b := builder{board: board, locks: "lock"}
		lock, err := b.readLock()
		if err != nil {
			t.Fatal(err)
		}
		kinds := map[string]int{}
		for _, l := range lock {
			kinds[l.Kind]++
			if !strings.HasPrefix(l.File, l.Name+"_") || !strings.HasSuffix(l.File, ".deb") {
				t.Errorf("%s: %s is not of %s", board.Name, l.File, l.Name)
			}
		}
		if kinds["root"] < 20 || kinds["kernel"] < 1 || len(kinds) != 2 {
			t.Errorf("%s: %v", board.Name, kinds)
		}
	}
	for _, bad := range []string{"root a 1 a_1_all.deb 12 " + strings.Repeat("0", 64), "root a 1 a_1_all.deb x " + strings.Repeat("0", 64) + " p", "root a 1 ../a_1_all.deb 1 " + strings.Repeat("0", 64) + " p"} {
		if _, err := parseLock("x.lock", []byte("# c\n"+bad)); err == nil || !strings.HasPrefix(err.Error(), "x.lock:2: ") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// The flavour's modules are compiled for the kernel that the image has.
func TestDAHDILockFiles(t *testing.T) {
	for _, board := range rootfs.Boards {
		b := builder{board: board, locks: "lock", flavour: rootfs.DAHDI}
		lock, err := b.all()
		if err != nil {
			t.Fatal(err)
		}
		kinds, kernel := map[string]int{}, ""
		for _, l := range lock {
			kinds[l.Kind]++
			if release, ok := strings.CutPrefix(l.Name, "linux-image-"); ok {
				kernel = release
			}
		}
		if kinds["headers"] != 2 || kinds["source"] != 1 || kinds["tools"] < 20 || len(kinds) != 5 {
			t.Errorf("%s: %v", board.Name, kinds)
		}
		if !slices.ContainsFunc(lock, func(l locked) bool { return l.Kind == "headers" && l.Name == "linux-headers-"+kernel }) {
			t.Errorf("%s: no headers of %s", board.Name, kernel)
		}
	}
}

func TestAptsLines(t *testing.T) {
	sum := strings.Repeat("ab", 32)
	got, err := parseURIs("Reading...\n'http://m/debian/pool/main/g/libc6_2.41-12%2bdeb13u4_amd64.deb' libc6_2.41-12+deb13u4_amd64.deb 77 SHA256:" + sum + "\n" +
		"'http://m/x/debian-security/pool/updates/main/u/mount_2.41-5_amd64.deb' mount_1%3a2.41-5_amd64.deb 78 SHA256:" + sum + "\n")
	want := []locked{
		{Name: "libc6", Version: "2.41-12+deb13u4", File: "libc6_2.41-12+deb13u4_amd64.deb", Size: 77, SHA256: sum, Path: "debian/pool/main/g/libc6_2.41-12%2bdeb13u4_amd64.deb"},
		{Name: "mount", Version: "1:2.41-5", File: "mount_1%3a2.41-5_amd64.deb", Size: 78, SHA256: sum, Path: "debian-security/pool/updates/main/u/mount_2.41-5_amd64.deb"},
	}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%v %v", got, err)
	}
	for _, bad := range []string{"'http://m/mount_2.41-5_amd64.deb' mount_2.41-5_amd64.deb 78 SHA256:" + sum, "'x' y 1 MD5Sum:0", "'x' y_1_all.deb z SHA256:" + sum, "'x' y"} {
		if _, err := parseURIs(bad); err == nil {
			t.Errorf("%q was understood", bad)
		}
	}
}

func TestModuleClosure(t *testing.T) {
	dir := t.TempDir()
	dep := "kernel/fs/ext4/ext4.ko.xz: kernel/fs/mbcache.ko.xz kernel/lib/crc16.ko.xz\nkernel/fs/mbcache.ko.xz:\nkernel/lib/crc16.ko.xz:\n" +
		"kernel/drivers/usb/serial/option.ko.xz: kernel/drivers/usb/serial/usb-wwan.ko.xz\nkernel/drivers/usb/serial/usb-wwan.ko.xz:\nkernel/other.ko:\n"
	if err := os.WriteFile(filepath.Join(dir, "modules.dep"), []byte(dep), 0o644); err != nil {
		t.Fatal(err)
	}
	tree, err := readModules(dir)
	if err != nil {
		t.Fatal(err)
	}
	got := tree.closure([]string{"ext4", "built_in", "drivers/usb/serial/", "usb_wwan"})
	want := []string{"kernel/fs/mbcache.ko.xz", "kernel/lib/crc16.ko.xz", "kernel/fs/ext4/ext4.ko.xz", "kernel/drivers/usb/serial/usb-wwan.ko.xz", "kernel/drivers/usb/serial/option.ko.xz"}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

func TestTable(t *testing.T) {
	m := table()
	if m[510] != 0x55 || m[511] != 0xaa || binary.LittleEndian.Uint32(m[440:]) != rootfs.Signature {
		t.Error("no MBR")
	}
	next := uint32(rootfs.Gap * 2048)
	for i := range 4 {
		e := m[446+16*i:][:16]
		start, size := binary.LittleEndian.Uint32(e[8:]), binary.LittleEndian.Uint32(e[12:])
		if start != next || size == 0 {
			t.Errorf("partition %d: %d+%d, want to begin at %d", i+1, start, size, next)
		}
		next = start + size
	}
}

// The archive is as cpio(5) describes it: names and files on four-byte boundaries,
// the same whenever it is made.
func TestArchive(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "lib"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "lib/a"), []byte("hello"), 0o640); err != nil {
		t.Fatal(err)
	}
	a, err := cpio(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(a)%4 != 0 || strings.Count(string(a), "070701") != 3 || !strings.Contains(string(a), "lib/a\x00hello\x00\x00\x00") || !strings.Contains(string(a), "TRAILER!!!") {
		t.Errorf("%q", a)
	}
}

// Of a package's documents the copyright stays, and who shares it with another.
func TestPrune(t *testing.T) {
	dir := t.TempDir()
	for _, f := range []string{"a/copyright", "a/changelog.Debian.gz", "a/examples/x", "b/README"} {
		if err := write(filepath.Join(dir, f), []byte("x"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(os.Symlink("a", filepath.Join(dir, "c")), os.Symlink("none", filepath.Join(dir, "d"))); err != nil {
		t.Fatal(err)
	}
	if err := prune(dir); err != nil {
		t.Fatal(err)
	}
	var left []string
	for _, f := range []string{"a/copyright", "a/changelog.Debian.gz", "a/examples/x", "b/README", "c", "d"} {
		if _, err := os.Lstat(filepath.Join(dir, f)); err == nil {
			left = append(left, f)
		}
	}
	if got := strings.Join(left, " "); got != "a/copyright c" {
		t.Errorf("left: %s", got)
	}
}

func TestSources(t *testing.T) {
	if s := sources([]locked{{Name: "systemd", Version: "257.9-1"}}); !strings.HasSuffix(s, "\nsystemd 257.9-1\n") {
		t.Error(s)
	}
}
