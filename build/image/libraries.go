package main

import (
	"debug/elf"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
)

// libraries checks that every program of the root finds its shared libraries there:
// a package left out too many shows here and not when the card does not start.
func (b *builder) libraries() error {
	have, wanted := map[string]bool{}, map[string]string{}
	err := filepath.WalkDir(b.at("root/usr"), func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if strings.Contains(d.Name(), ".so") {
			have[d.Name()] = true
		}
		if !d.Type().IsRegular() {
			return nil
		}
		f, err := elf.Open(p)
		if err != nil {
			return nil // no program
		}
		defer f.Close()
		needs, err := f.ImportedLibraries()
		if err != nil {
			return nil // a static one, or a kernel module
		}
		for _, n := range needs {
			wanted[n] = p
		}
		return nil
	})
	if err != nil {
		return err
	}
	var missing []string
	for lib, by := range wanted {
		if !have[lib] {
			missing = append(missing, fmt.Sprintf("%s, which %s needs", lib, strings.TrimPrefix(by, b.at("root"))))
		}
	}
	slices.Sort(missing)
	if missing != nil {
		return fmt.Errorf("not in the root: %s", strings.Join(missing, "; "))
	}
	return nil
}
