package main

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"
)

func table(start, length uint32) *[512]byte {
	var m [512]byte
	m[510], m[511] = 0x55, 0xaa
	binary.LittleEndian.PutUint32(m[440:], 0x12345678)
	binary.LittleEndian.PutUint32(m[446+48+8:], start)
	binary.LittleEndian.PutUint32(m[446+48+12:], length)
	return &m
}

func TestGrowEntry(t *testing.T) {
	for _, c := range []struct {
		start, length uint32
		total         uint64
		want          uint32
		changed       bool
	}{
		{260 * mib, 64 * mib, 1024 * mib, 764 * mib, true},
		{260 * mib, 64 * mib, 1024*mib + 100, 764 * mib, true}, // whole MiB
		{260 * mib, 64 * mib, 324 * mib, 64 * mib, false},
		{260 * mib, 64 * mib, 327 * mib, 64 * mib, false},                        // not worth it
		{260 * mib, 64 * mib, 100 * mib, 64 * mib, false},                        // a card cut short
		{260 * mib, 64 * mib, 1 << 40, (1<<32 - 1 - 260*mib) &^ (mib - 1), true}, // beyond what an MBR can say
		{0, 0, 1024 * mib, 0, false},                                             // no such partition
		{1<<32 - mib, mib - 1, 1 << 40, mib - 1, false},                          // at the very end
	} {
		m := table(c.start, c.length)
		start, length, changed := growEntry(m, 4, c.total)
		if start != c.start || length != c.want || changed != c.changed {
			t.Errorf("%d+%d on %d: %d+%d %v, want %d %v", c.start, c.length, c.total, start, length, changed, c.want, c.changed)
		}
		if got := binary.LittleEndian.Uint32(m[446+48+12:]); got != c.want {
			t.Errorf("written %d, want %d", got, c.want)
		}
	}
	none := table(260*mib, 64*mib)
	none[511] = 0
	if _, _, changed := growEntry(none, 4, 1<<30); changed {
		t.Error("grown without an MBR")
	}
	if s, ok := diskSignature(table(1, 1)); s != 0x12345678 || !ok {
		t.Errorf("signature %x %v", s, ok)
	}
}

func TestArgument(t *testing.T) {
	const line = "quiet branchline.slot=2 x branchline.slot=3 xbranchline.slot=4\n"
	if got := argument(line, "branchline.slot"); got != "3" {
		t.Errorf("%q", got)
	}
	if got := argument(line, "branchline.slo"); got != "" {
		t.Errorf("%q", got)
	}
	for disk, want := range map[string]string{"vda": "/dev/vda2", "mmcblk0": "/dev/mmcblk0p2", "nvme0n1": "/dev/nvme0n1p2", "sda": "/dev/sda2"} {
		if got := partition(disk, 2); got != want {
			t.Errorf("%s: %s, want %s", disk, got, want)
		}
	}
}

func TestIdentityStays(t *testing.T) {
	file := filepath.Join(t.TempDir(), "machine-id")
	if err := ensureIdentity(file); err != nil {
		t.Fatal(err)
	}
	first, _ := os.ReadFile(file)
	if err := ensureIdentity(file); err != nil {
		t.Fatal(err)
	}
	second, _ := os.ReadFile(file)
	if len(first) != 33 || string(first) != string(second) {
		t.Errorf("%q then %q", first, second)
	}
}

func TestParameters(t *testing.T) {
	if got := parameters("quiet branchline.oops=0x50000000 panic=5")["ramoops"]; got != "mem_address=0x50000000 mem_size=0x100000 record_size=0x20000" {
		t.Error(got)
	}
	// Memory that nobody has put aside is never written to.
	if got := parameters("quiet"); len(got) != 0 {
		t.Error(got)
	}
}
