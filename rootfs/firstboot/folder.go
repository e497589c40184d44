package firstboot

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"branchline/rootfs/durable"
)

// Bounds of a folder with a configuration.
const (
	maxFiles  = 500
	maxFolder = 8 << 20
)

// ErrTooLarge reports a folder that is no configuration.
var ErrTooLarge = errors.New("more than 500 files or 8 MiB")

// readFolder reads the files of a folder; nil if there is none, or nothing in it. What
// a Mac or a Windows leaves behind in folders is passed over.
func readFolder(dir string) (map[string][]byte, error) {
	files, total := map[string][]byte{}, 0
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if p != dir && (strings.HasPrefix(d.Name(), ".") || strings.EqualFold(d.Name(), "desktop.ini") || strings.EqualFold(d.Name(), "Thumbs.db")) {
			if d.IsDir() {
				return filepath.SkipDir
			}
			return nil
		}
		if !d.Type().IsRegular() {
			return nil
		}
		data, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		if total += len(data); total > maxFolder || len(files) == maxFiles {
			return ErrTooLarge
		}
		name, err := filepath.Rel(dir, p)
		files[name] = data
		return err
	})
	if errors.Is(err, fs.ErrNotExist) || len(files) == 0 && err == nil {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("folder %s: %w", filepath.Base(dir), err)
	}
	return files, nil
}

func sortedNames(files map[string][]byte) []string { return slices.Sorted(maps.Keys(files)) }

// judge has a folder checked where it would be used from.
func (m *Machine) judge(folder map[string][]byte) (report string, usable bool, err error) {
	dir := filepath.Join(filepath.Dir(m.Etc), ".judged")
	if err := os.RemoveAll(dir); err != nil {
		return "", false, err
	}
	defer os.RemoveAll(dir)
	if err := durable.Tree(dir, folder, -1); err != nil {
		return "", false, err
	}
	var said bytes.Buffer
	fault := m.Check(dir, &said)
	// A report names files as they are seen from where it is made, which may be the root.
	name := strings.NewReplacer(dir, FolderName, strings.TrimPrefix(dir, "/"), FolderName)
	text := name.Replace(said.String())
	if fault != nil {
		text += fmt.Sprintf("\nThe folder %s is NOT taken over: %v. Correct it and start again.\n", FolderName, name.Replace(fault.Error()))
	} else {
		text += fmt.Sprintf("\nThe folder %s is taken over. It is called %s now; it still holds your passwords.\n", FolderName, DoneFolder)
	}
	return strings.ReplaceAll(text, "\n", "\r\n"), fault == nil, nil
}

// refusedBefore reports whether this very folder was refused at an earlier start.
func (m *Machine) refusedBefore(folder map[string][]byte) bool {
	text, err := os.ReadFile(m.State)
	return err == nil && string(text) == sum(nil, folder)
}

// remember notes a folder that was refused.
func (m *Machine) remember(folder map[string][]byte) {
	if folder != nil && !m.refusedBefore(folder) {
		// Lost, it costs another look at the next start.
		_ = durable.File(m.State, []byte(sum(nil, folder)), -1)
	}
}
