// Package debian gets Debian's packages for an image: asks the signed index for the
// newest, keeps in lock files which ones an image is made of, and fetches those.
package debian

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// A Package is one line of a lock file: a package as an image has it.
type Package struct {
	Kind    string // "root": unpacked into the root; "kernel": only parts are taken; of a flavour: "headers", "tools", "source"
	Name    string
	Version string
	File    string
	Size    int64
	SHA256  string
	Path    string // where mirrors have it: debian/pool/..., debian-security/pool/...
}

// String is the line itself.
func (l Package) String() string {
	return fmt.Sprintf("%s %s %s %s %d %s %s", l.Kind, l.Name, l.Version, l.File, l.Size, l.SHA256, l.Path)
}

// ReadLock reads a lock file.
func ReadLock(file string) ([]Package, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	return parseLock(file, text)
}

func parseLock(name string, text []byte) (lock []Package, err error) {
	lines := bufio.NewScanner(bytes.NewReader(text))
	for n := 1; lines.Scan(); n++ {
		line := lines.Text()
		if line == "" || line[0] == '#' {
			continue
		}
		f := strings.Fields(line)
		if len(f) != 7 {
			return nil, fmt.Errorf("%s:%d: want kind, name, version, file, size, sha256, path", name, n)
		}
		size, err := strconv.ParseInt(f[4], 10, 64)
		if err != nil || len(f[5]) != 64 || strings.ContainsAny(f[3], "/\\") {
			return nil, fmt.Errorf("%s:%d: not a size, a sum or a file name", name, n)
		}
		lock = append(lock, Package{f[0], f[1], f[2], f[3], size, f[5], f[6]})
	}
	return lock, lines.Err()
}

// WriteLock writes a lock file; what and board say to its reader of which image it is.
func WriteLock(file, what, board string, lock []Package) error {
	slices.SortFunc(lock, func(x, y Package) int {
		return strings.Compare(x.Kind+" "+x.Name, y.Kind+" "+y.Name)
	})
	var text strings.Builder
	fmt.Fprintf(&text, "# Debian %s %s: kind name version file size sha256 path.\n# Written by `make image-lock BOARD=%s`.\n", suite, what, board)
	for _, l := range lock {
		fmt.Fprintln(&text, l)
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	return os.WriteFile(file, []byte(text.String()), 0o644)
}
