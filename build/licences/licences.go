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
	"regexp"
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
		text, err := licence(m.Path)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", m.Path, err))
			continue
		}
		if m.Replace != nil {
			m = m.Replace
		}
		fmt.Fprintf(&b, "\n%s\n%s %s\n\n%s\n", strings.Repeat("=", 78), m.Path, m.Version, bytes.TrimSpace(text))
	}
	return b.Bytes(), errors.Join(errs...)
}

var (
	// terms and more are what files are called that say under which terms a module is,
	// and what else has to go with it.
	terms = regexp.MustCompile(`(?i)^(un)?licen[cs]e|^copying`)
	more  = regexp.MustCompile(`(?i)^notice|^patents`)
	// gnu is in the texts, or the names, of licences that would bind the program's own.
	gnu = regexp.MustCompile(`\bGNU\s|\b[AL]?GPL`)
)

// licence is what the module of this path, as the program is built with it, has to say.
func licence(module string) ([]byte, error) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", module).Output()
	if err != nil {
		return nil, err
	}
	dir := strings.TrimSpace(string(out))
	if dir == "" {
		return nil, errors.New("its source is not here")
	}
	files, err := papers(dir)
	if err != nil {
		return nil, err
	}
	licensed := false
	var texts [][]byte
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			return nil, err
		}
		if gnu.Match(text) || gnu.MatchString(filepath.Base(f)) {
			return nil, fmt.Errorf("%s speaks of a GNU licence", f)
		}
		licensed = licensed || !more.MatchString(filepath.Base(f))
		texts = append(texts, bytes.TrimSpace(text))
	}
	if !licensed {
		return nil, fmt.Errorf("%s has no licence", dir)
	}
	return bytes.Join(texts, []byte("\n\n")), nil
}

// papers are the files with terms at the top of a module, and those in a directory
// LICENSES there.
func papers(dir string) (files []string, err error) {
	for _, in := range []string{dir, filepath.Join(dir, "LICENSES")} {
		entries, err := os.ReadDir(in)
		if err != nil && in == dir {
			return nil, err
		}
		for _, e := range entries {
			name := e.Name()
			if !e.IsDir() && filepath.Ext(name) != ".go" && (in != dir || terms.MatchString(name) || more.MatchString(name)) {
				files = append(files, filepath.Join(in, name))
			}
		}
	}
	return files, nil
}
