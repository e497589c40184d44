package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"branchline/rootfs"
)

func TestBars(t *testing.T) {
	board, _ := rootfs.BoardNamed("arm64")
	b := builder{board: board, out: t.TempDir()}
	sizes := map[string]int64{
		"root/usr/sbin/branchline": 15*mebi - 1, "root/lib/x": 45 * mebi, // 60 MiB but for a byte
		"branchline-arm64.brl": 36 * mega, "branchline-arm64.img.zst": 75 * mega,
	}
	lay := func() {
		t.Helper()
		for name, size := range sizes {
			file := b.at(name)
			if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
				t.Fatal(err)
			}
			f, err := os.Create(file)
			if err != nil {
				t.Fatal(err)
			}
			if err := f.Truncate(size); err != nil { // a hole: nothing is written
				t.Fatal(err)
			}
			f.Close()
		}
	}
	lay()
	bars, err := b.bars()
	if err != nil || len(bars) != 4 || broken(bars) != nil {
		t.Fatalf("%v %v %v", bars, err, broken(bars))
	}
	for name := range sizes {
		sizes[name]++
	}
	lay()
	if bars, err = b.bars(); err != nil {
		t.Fatal(err)
	}
	said := broken(bars).Error()
	for _, want := range []string{
		"root, unpacked: 60.0 MiB of at most 60.0 MiB", "update: 36.0 MB of at most 36.0 MB",
		"compressed image: 75.0 MB of at most 75.0 MB", "program: 15.0 MiB of at most 15.0 MiB",
	} {
		if !strings.Contains(said, "too large: "+want) {
			t.Errorf("%q is not in %q", want, said)
		}
	}
}
