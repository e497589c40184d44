package firstboot

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
	if err := writeTree(dir, folder, -1); err != nil {
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
		_ = writeFile(m.State, []byte(sum(nil, folder)), -1)
	}
}

// old is where the configuration goes that another one replaces.
func old(etc string) string { return etc + ".old" }

// Replace makes a directory of files the content of dir, by one rename: a power cut
// leaves the old one or the new one. What was in dir is then in dir.old.
func Replace(dir string, files map[string][]byte, owner int) error {
	beside := dir + ".new"
	if err := os.RemoveAll(beside); err != nil {
		return err
	}
	if err := writeTree(beside, files, owner); err != nil {
		return err
	}
	return Exchange(dir, beside)
}

// Exchange puts a directory in dir's place; dir's content is then in dir.old.
func Exchange(dir, beside string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if err := unix.Renameat2(unix.AT_FDCWD, dir, unix.AT_FDCWD, beside, unix.RENAME_EXCHANGE); err != nil {
		return fmt.Errorf("exchange %s: %w", dir, err)
	}
	if err := syncDir(filepath.Dir(dir)); err != nil {
		return err
	}
	return errors.Join(os.RemoveAll(old(dir)), os.Rename(beside, old(dir)))
}

// writeTree makes a directory of files and has it all on the disk.
func writeTree(dir string, files map[string][]byte, owner int) error {
	made := []string{dir}
	if err := makeDir(dir, owner); err != nil {
		return err
	}
	for _, name := range sortedNames(files) {
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
		if err := writeFile(filepath.Join(dir, name), files[name], owner); err != nil {
			return err
		}
	}
	for _, d := range made {
		if err := syncDir(d); err != nil {
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

// writeFile writes a file that only its owner can read, whole or not at all.
func writeFile(name string, data []byte, owner int) error {
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
		return errors.Join(err, remove(beside))
	}
	return nil
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Safety writes the default configuration into dir, for a start that leaves the
// user's alone, and its sheet to the boot partition. The phones keep the secrets they
// have. back tells how to have the user's own again.
func (m *Machine) Safety(dir, back string) error {
	known := map[string]string{}
	if present, err := os.ReadFile(filepath.Join(m.Etc, "pjsip.conf")); err == nil {
		known = KnownSecrets(string(present))
	}
	w := Default()
	phones, err := w.PhoneList(known, m.Random)
	if err != nil {
		return err
	}
	files := map[string][]byte{}
	for name, content := range Files(w, phones, "") {
		files[name] = []byte(content)
	}
	if err := writeTree(dir, files, m.Owner); err != nil {
		return err
	}
	s := Sheet{Host: "branchline", Phones: phones, Notes: []string{"This start is in safe mode: your configuration waits, untouched.", back}}
	return m.put(map[string][]byte{"branchline-safe-mode.txt": []byte(s.Text())}, nil)
}
