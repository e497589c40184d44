package main

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
)

// read takes an archive apart as the kernel does.
func read(t *testing.T, b []byte) (names []string, files map[string]file) {
	t.Helper()
	files = map[string]file{}
	field := func(i int) int {
		n, err := strconv.ParseUint(string(b[6+8*i:14+8*i]), 16, 32)
		if err != nil {
			t.Fatal(err)
		}
		return int(n)
	}
	for {
		if string(b[:6]) != "070701" {
			t.Fatalf("no entry at %.20q", b)
		}
		mode, size, length := field(1), field(6), field(11)
		name := string(b[110 : 110+length-1])
		body := (110 + length + 3) &^ 3
		if name == "TRAILER!!!" {
			return names, files
		}
		names = append(names, name)
		files[name] = file{fs.FileMode(mode), b[body : body+size]}
		b = b[(body+size+3)&^3:]
	}
}

func TestArchive(t *testing.T) {
	from := filepath.Join(t.TempDir(), "x")
	if err := os.WriteFile(from, []byte("12345"), 0o755); err != nil {
		t.Fatal(err)
	}
	tr := tree{}
	if err := tr.copy("lib/mod/x", from); err != nil {
		t.Fatal(err)
	}
	tr.put("bin/sh", fs.ModeSymlink|0o777, []byte("busybox"))
	tr.put("empty", 0o644, nil)
	if err := tr.copy("y", from+"y"); err == nil {
		t.Error("a file that is not there was copied")
	}
	var b bytes.Buffer
	if err := tr.write(&b); err != nil {
		t.Fatal(err)
	}
	names, files := read(t, b.Bytes())
	if want := []string{"bin", "bin/sh", "empty", "lib", "lib/mod", "lib/mod/x"}; !slices.Equal(names, want) {
		t.Errorf("%v, want %v", names, want)
	}
	for name, want := range map[string]struct {
		mode fs.FileMode
		data string
	}{"lib/mod": {0o040755, ""}, "lib/mod/x": {0o100755, "12345"}, "bin/sh": {0o120777, "busybox"}, "empty": {0o100644, ""}} {
		if f := files[name]; f.mode != want.mode || string(f.data) != want.data {
			t.Errorf("%s: %o %q", name, f.mode, f.data)
		}
	}
}

func TestByVersion(t *testing.T) {
	names := []string{"linux-6.1.0-9-cloud", "linux-6.12.1-1-cloud", "linux-6.1.0-56-cloud", "linux-6.1.0-10-cloud"}
	slices.SortFunc(names, byVersion)
	if want := []string{"linux-6.1.0-9-cloud", "linux-6.1.0-10-cloud", "linux-6.1.0-56-cloud", "linux-6.12.1-1-cloud"}; !slices.Equal(names, want) {
		t.Errorf("%v", names)
	}
}
