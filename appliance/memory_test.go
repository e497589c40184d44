package appliance

import (
	"os"
	"path/filepath"
	"testing"
)

func TestMemoryLimit(t *testing.T) {
	for text, want := range map[string]int64{
		"MemTotal:        1048576 kB\nMemFree: 1 kB\n": 256 << 20,
		"MemTotal:         131072 kB\n":                64 << 20,
		"MemTotal: many kB\n":                          512 << 20,
		"":                                             512 << 20,
	} {
		file := filepath.Join(t.TempDir(), "meminfo")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := memoryLimit(file); got != want {
			t.Errorf("%q: limit %d, want %d", text, got, want)
		}
	}
	if got := memoryLimit("/nonexistent"); got != 512<<20 {
		t.Errorf("without meminfo: %d", got)
	}
}
