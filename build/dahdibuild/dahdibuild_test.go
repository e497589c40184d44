package dahdibuild_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"branchline/build/dahdibuild"
)

func TestCommand(t *testing.T) {
	got := dahdibuild.Command("/build/modules.sh", "/usr/src/h", "/build", dahdibuild.Loops, dahdibuild.Canceller)
	want := []string{"sh", "/build/modules.sh", "/usr/src/h", "/build", "DAHDI", "DAHDI_DYNAMIC", "DAHDI_DYNAMIC_LOC", "DAHDI_ECHOCAN_MG2"}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	// Nothing that is not free may become part of a module.
	if !strings.Contains(dahdibuild.Script, "HOTPLUG_FIRMWARE=yes") {
		t.Error("firmware would be compiled in")
	}
}

// The archive is the same whoever writes it and when.
func TestArchive(t *testing.T) {
	at := time.Unix(1767225600, 0)
	write := func(mode os.FileMode) []byte {
		dir := t.TempDir()
		one := filepath.Join(dir, "one")
		if err := os.WriteFile(one, []byte("12345"), mode); err != nil {
			t.Fatal(err)
		}
		to := filepath.Join(dir, "a.tar")
		if err := dahdibuild.Archive(to, "source", map[string]string{"b": one, "a": one}, at); err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(to)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	first := write(0o600)
	if !bytes.Equal(first, write(0o644)) {
		t.Error("two archives differ")
	}
	r := tar.NewReader(bytes.NewReader(first))
	var names []string
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if names = append(names, h.Name); h.Mode != 0o644 || h.Size != 5 || !h.ModTime.Equal(at) {
			t.Errorf("%+v", h)
		}
	}
	if !slices.Equal(names, []string{"source/a", "source/b"}) {
		t.Errorf("%q", names)
	}
	if err := dahdibuild.Archive(filepath.Join(t.TempDir(), "a.tar"), "source", map[string]string{"a": "/nowhere"}, at); err == nil {
		t.Error("a file that is not there was archived")
	}
}

func TestNoHeaders(t *testing.T) {
	if _, err := dahdibuild.NewWorkshop(filepath.Join(t.TempDir(), "w"), nil); err == nil || err.Error() != "headers of 0 kernels" {
		t.Errorf("%v", err)
	}
}
