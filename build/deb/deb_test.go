package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// open reads a package as deb(5) describes it.
func open(t *testing.T, b []byte) map[string]*tar.Reader {
	t.Helper()
	rest, ok := bytes.CutPrefix(b, []byte("!<arch>\n"))
	if !ok {
		t.Fatal("no ar archive")
	}
	out := map[string]*tar.Reader{}
	for len(rest) > 0 {
		name := strings.TrimSpace(string(rest[:16]))
		size, err := strconv.Atoi(strings.TrimSpace(string(rest[48:58])))
		if err != nil || string(rest[58:60]) != "`\n" {
			t.Fatalf("member %s: %q", name, rest[:60])
		}
		body := rest[60 : 60+size]
		rest = rest[60+size+size%2:]
		if name == "debian-binary" {
			if string(body) != "2.0\n" {
				t.Errorf("version %q", body)
			}
			continue
		}
		z, err := gzip.NewReader(bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		out[name] = tar.NewReader(z)
	}
	return out
}

// S-027: the package has the program under the name asterisk, its unit and the
// samples, and no configuration of its own.
func TestPackage(t *testing.T) {
	t.Chdir("../..")
	binary, err := os.Executable() // any program of Go's
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "x.deb")
	if err := run(binary, "arm64", out); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	parts := open(t, b)
	files := map[string]string{}
	var control string
	for name, r := range parts {
		seen := map[string]bool{}
		for {
			h, err := r.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if dir := filepath.Dir(strings.TrimSuffix(h.Name, "/")); dir != "." && !seen[dir+"/"] && !seen["./"+dir+"/"] {
				t.Errorf("%s comes before its directory", h.Name)
			}
			seen[h.Name], seen["./"+strings.TrimPrefix(h.Name, "./")] = true, true
			body, err := io.ReadAll(r)
			if err != nil {
				t.Fatal(err)
			}
			if h.Uid != 0 || h.Gid != 0 {
				t.Errorf("%s is %d's", h.Name, h.Uid)
			}
			if name == "control.tar.gz" {
				if h.Name == "./control" {
					control = string(body)
				}
				continue
			}
			files[h.Name] = string(body) + h.Linkname
		}
	}
	for name, want := range map[string]string{
		"./usr/sbin/branchline": "\x7fELF", "./usr/share/doc/branchline/licences.txt": "under which terms", "./usr/sbin/asterisk": "branchline",
		"./usr/lib/systemd/system/branchline.service":                            "ExecStart=/usr/sbin/asterisk",
		"./usr/share/doc/branchline/examples/scenario-e/server1/extensions.conf": "exten",
		"./etc/asterisk/": "", "./var/lib/asterisk/": "", "./var/log/asterisk/": "", "./var/spool/asterisk/": "",
	} {
		if got, ok := files[name]; !ok || !strings.Contains(got, want) {
			t.Errorf("%s: %v %.40q", name, ok, got)
		}
	}
	for name := range files {
		if strings.HasPrefix(name, "./etc/") && name != "./etc/" && name != "./etc/asterisk/" {
			t.Errorf("configuration in the package: %s", name)
		}
	}
	for _, want := range []string{"Architecture: arm64\n", "Provides: asterisk\n", "Conflicts: asterisk\n"} {
		if !strings.Contains(control, want) {
			t.Errorf("no %q in\n%s", want, control)
		}
	}
	again := filepath.Join(t.TempDir(), "y.deb")
	if err := run(binary, "arm64", again); err != nil {
		t.Fatal(err)
	}
	if c, err := os.ReadFile(again); err != nil || !bytes.Equal(b, c) {
		t.Errorf("the same contents give another package: %v", err)
	}
	if err := run(binary, "sparc", out); err == nil {
		t.Error("an architecture that is not built")
	}
	if err := run("/nonexistent", "arm64", out); err == nil {
		t.Error("no program, no error")
	}
}
