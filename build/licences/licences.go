// Package licences collects whose work a program is made of, and under which terms: what
// has to go with the program wherever it goes.
package licences

import (
	"bytes"
	"debug/buildinfo"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
)

// Text is the licences of all modules that a program was built from, Go's own first.
// It is an error if one has none, or one that would bind the program's own.
func Text(program string) ([]byte, error) {
	info, err := buildinfo.ReadFile(program)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "What %s is made of beside its own source, and under which terms\n\n"+
		"The licence of golang.org/x/sys is also that of Go's runtime and standard library,\n"+
		"by the same authors, which are part of the program.\n", info.Main.Path)
	slices.SortFunc(info.Deps, func(a, c *debug.Module) int { return strings.Compare(a.Path, c.Path) })
	var errs []error
	for _, m := range info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		text, err := licence(m)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		fmt.Fprintf(&b, "\n%s\n%s %s\n\n%s\n", strings.Repeat("=", 78), m.Path, m.Version, bytes.TrimSpace(text))
	}
	return b.Bytes(), errors.Join(errs...)
}

// names are what files with licences are called.
var names = []string{"LICEN[CS]E*", "LICENSES/*", "COPYING*", "NOTICE*", "PATENTS*"}

func licence(m *debug.Module) ([]byte, error) {
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", m.Path).Output()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", m.Path, err)
	}
	var texts [][]byte
	for _, name := range names {
		files, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(dir)), name))
		if err != nil {
			return nil, err
		}
		for _, f := range files {
			if s, err := os.Stat(f); err != nil || s.IsDir() {
				continue
			}
			text, err := os.ReadFile(f)
			if err != nil {
				return nil, err
			}
			if bytes.Contains(text, []byte("GNU ")) {
				return nil, fmt.Errorf("%s: %s speaks of a GNU licence", m.Path, filepath.Base(f))
			}
			texts = append(texts, bytes.TrimSpace(text))
		}
	}
	if len(texts) == 0 {
		return nil, fmt.Errorf("%s has no licence", m.Path)
	}
	return bytes.Join(texts, []byte("\n\n")), nil
}
