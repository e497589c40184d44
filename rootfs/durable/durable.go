// Package durable puts files and whole directories on the disk so that a power cut
// leaves what was there before or what is there now, and nothing between.
package durable

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// Old is where the content of dir goes when Replace or Exchange gives it another.
func Old(dir string) string { return dir + ".old" }

// Replace makes a directory of files the content of dir, by one rename: a power cut
// leaves the old one or the new one. What was in dir is then in Old(dir). owner as for
// Tree.
func Replace(dir string, files map[string][]byte, owner int) error {
	beside := dir + ".new"
	if err := os.RemoveAll(beside); err != nil {
		return err
	}
	if err := Tree(beside, files, owner); err != nil {
		return err
	}
	return Exchange(dir, beside)
}

// Exchange puts the directory beside in dir's place; dir's content is then in Old(dir).
func Exchange(dir, beside string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if err := unix.Renameat2(unix.AT_FDCWD, dir, unix.AT_FDCWD, beside, unix.RENAME_EXCHANGE); err != nil {
		return fmt.Errorf("exchange %s: %w", dir, err)
	}
	if err := SyncDir(filepath.Dir(dir)); err != nil {
		return err
	}
	return errors.Join(os.RemoveAll(Old(dir)), os.Rename(beside, Old(dir)))
}

// Tree makes a directory of files, by their names below dir, and has it all on the
// disk. owner is the user and group of what is made, -1 for whoever runs this.
func Tree(dir string, files map[string][]byte, owner int) error {
	made := []string{dir}
	if err := makeDir(dir, owner); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if !filepath.IsLocal(name) {
			return fmt.Errorf("%s: no name in %s", name, dir)
		}
		for parent, parts := dir, strings.Split(filepath.Dir(name), "/"); len(parts) > 0 && parts[0] != "."; parts = parts[1:] {
			if parent = filepath.Join(parent, parts[0]); !slices.Contains(made, parent) {
				if err := makeDir(parent, owner); err != nil {
					return err
				}
				made = append(made, parent)
			}
		}
		if err := File(filepath.Join(dir, name), files[name], owner); err != nil {
			return err
		}
	}
	for _, d := range made {
		if err := SyncDir(d); err != nil {
			return err
		}
	}
	return nil
}

func makeDir(dir string, owner int) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if owner < 0 {
		return nil
	}
	return os.Chown(dir, owner, owner)
}

// File writes a file that only its owner can read, whole or not at all; owner as for
// Tree.
func File(name string, data []byte, owner int) error {
	beside := name + ".new"
	f, err := os.OpenFile(beside, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, bytes.NewReader(data))
	if err == nil && owner >= 0 {
		err = f.Chown(owner, owner)
	}
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(beside, name)
	}
	if err != nil {
		return errors.Join(err, Remove(beside))
	}
	return nil
}

// SyncDir has the names in a directory on the disk.
func SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Link makes a symbolic link point to target, by one rename.
func Link(name, target string) error {
	beside := name + ".new"
	if err := Remove(beside); err != nil {
		return err
	}
	return errors.Join(os.Symlink(target, beside), os.Rename(beside, name))
}

// Remove removes a file; that there is none is no error.
func Remove(name string) error {
	if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
