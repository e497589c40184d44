package disk

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTable(t *testing.T) {
	parts := []Partition{{Size: 64, Kind: 0x0c}, {Size: 96, Kind: 0x0c}, {Size: 96, Kind: 0x0c}, {Size: 64, Kind: 0x83}}
	m, end := table(0x12345678, 4, parts)
	if m[510] != 0x55 || m[511] != 0xaa || binary.LittleEndian.Uint32(m[440:]) != 0x12345678 {
		t.Error("no MBR")
	}
	next := uint32(4 * 2048)
	for i := range parts {
		e := m[446+16*i:][:16]
		start, size := binary.LittleEndian.Uint32(e[8:]), binary.LittleEndian.Uint32(e[12:])
		if start != next || size == 0 {
			t.Errorf("partition %d: %d+%d, want to begin at %d", i+1, start, size, next)
		}
		next = start + size
	}
	if next != end*2048 {
		t.Errorf("the card ends at %d MiB, the last partition at sector %d", end, next)
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
	a, err := CPIO(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(a)%4 != 0 || strings.Count(string(a), "070701") != 3 || !strings.Contains(string(a), "lib/a\x00hello\x00\x00\x00") || !strings.Contains(string(a), "TRAILER!!!") {
		t.Errorf("%q", a)
	}
}
