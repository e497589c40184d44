package memory

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestLimit(t *testing.T) {
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
		if got := limit(file); got != want {
			t.Errorf("%q: limit %d, want %d", text, got, want)
		}
	}
	if got := limit("/nonexistent"); got != 512<<20 {
		t.Errorf("without meminfo: %d", got)
	}
}

// TestThrift plays a flood: its transactions die half a minute after it, when
// the memory has been collected once already.
func TestThrift(t *testing.T) {
	const mib = 1 << 20
	var th thrift
	th.collected(0, 12*mib)
	var did []int
	allocated, held := uint64(0), uint64(12*mib)
	for look := 1; look <= 200; look++ {
		switch {
		case look == 2:
			allocated, held = 100*mib, 47*mib // the flood
		case look == 30:
			held = 40 * mib // phones that stay
		}
		if th.due(allocated, held) {
			did = append(did, look)
			switch {
			case look < 5:
				held = 36 * mib
			case look < 30:
				held = 12 * mib
			}
			th.collected(allocated, held)
		}
	}
	// Once quiet; again when what was left has died; then the phones, five times
	// in vain and every ten minutes from there on.
	if want := []int{3, 5, 30, 32, 34, 36, 38, 98, 158}; !slices.Equal(did, want) {
		t.Errorf("collected at looks %v, want %v", did, want)
	}
}

func TestBringIn(t *testing.T) {
	if err := bringIn("/proc/self/maps"); err != nil {
		t.Error(err)
	}
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for text, ok := range map[string]bool{
		"": true, "7fff0000-7fff1000 r-xp 00000000 00:00 0 [vdso]\n": true,
		"here-there r-xp 00000000 00:00 0 " + program + "\n": false,
		"1000-2000 r-xp 00000000 00:00 0 " + program + "\n":  false, // nothing is mapped there
		"1000-2000 rw-p 00000000 00:00 0 " + program + "\n":  true,
	} {
		file := filepath.Join(t.TempDir(), "maps")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := bringIn(file); (err == nil) != ok {
			t.Errorf("%q: %v", text, err)
		}
	}
	if err := bringIn("/nonexistent"); err == nil {
		t.Error("no maps, no error")
	}
}
