package main

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"branchline/build/image/debian"
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
		if !slices.ContainsFunc(lock, func(l debian.Package) bool { return l.Kind == "headers" && l.Name == "linux-headers-"+kernel }) {
			t.Errorf("%s: no headers of %s", board.Name, kernel)
		}
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
	if s := sources([]debian.Package{{Name: "systemd", Version: "257.9-1"}}); !strings.HasSuffix(s, "\nsystemd 257.9-1\n") {
		t.Error(s)
	}
}
