package history

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// A Set is the files of one configuration: their content by name, relative to
// the configuration directory, absolute for what lies outside.
type Set map[string][]byte

// Read reads the named files of a configuration directory. A file that is not
// there is no part of the set.
func Read(dir string, names []string) (Set, error) {
	set := Set{}
	total := 0
	for _, name := range names {
		name = inside(dir, name)
		if _, have := set[name]; have {
			continue
		}
		path := name
		if !filepath.IsAbs(name) {
			path = filepath.Join(dir, name)
		}
		b, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if total += len(b); total > maxContent/2 {
			return nil, ErrTooLarge
		}
		set[name] = b
	}
	return set, nil
}

// inside is a name as a Set has it.
func inside(dir, name string) string {
	if !filepath.IsAbs(name) {
		return filepath.Clean(name)
	}
	if r, err := filepath.Rel(dir, name); err == nil && filepath.IsLocal(r) {
		return r
	}
	return filepath.Clean(name)
}

// Hash tells sets apart by names and content.
func (s Set) Hash() string {
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(s)) {
		fmt.Fprintf(h, "%d %s %d ", len(name), name, len(s[name]))
		h.Write(s[name])
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// Put makes the directory hold what next has, where it had what now is: files
// that only now has are removed, those that do not differ are left alone. Files
// outside the directory are never touched; those that differ are named in
// outside. If the error is not nil, some files may have been changed.
func Put(dir string, now, next Set) (outside []string, err error) {
	for _, name := range slices.Sorted(maps.Keys(next)) {
		if old, have := now[name]; have && string(old) == string(next[name]) {
			continue
		}
		if !filepath.IsLocal(name) {
			outside = append(outside, name)
			continue
		}
		path := filepath.Join(dir, name)
		if real, err := filepath.EvalSymlinks(path); err == nil {
			path = real // a link stays a link
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return outside, err
		}
		if err := replace(path, next[name], 0o640); err != nil {
			return outside, err
		}
	}
	removed := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(now)) {
		if _, stays := next[name]; stays || !filepath.IsLocal(name) {
			continue
		}
		path := filepath.Join(dir, name)
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return outside, err
		}
		removed[filepath.Dir(path)] = true
	}
	for parent := range removed {
		if err := syncDir(parent); err != nil {
			return outside, err
		}
	}
	return outside, nil
}

// pendingName is the note, beside the versions, of a Put that is under way.
const pendingName = ".under-way"

// Begin notes that the files of a configuration directory are about to become those
// of version to, from those of version from. A power cut from now on until Done
// leaves some of both, which Settle finds at the next start.
func (s Store) Begin(from, to int) error {
	return replace(filepath.Join(s.Dir, pendingName), fmt.Appendf(nil, "%d %d\n", from, to), 0o600)
}

// Done notes that the files are those of one configuration again.
func (s Store) Done() error {
	if err := os.Remove(filepath.Join(s.Dir, pendingName)); err != nil {
		return err
	}
	return syncDir(s.Dir)
}

// Settle puts back the files of before, if the power was cut between Begin and Done.
// It reports whether that was so.
func (s Store) Settle(dir string) (bool, error) {
	note, err := os.ReadFile(filepath.Join(s.Dir, pendingName))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	var from, to int
	if _, err := fmt.Sscanf(string(note), "%d %d", &from, &to); err != nil {
		return true, fmt.Errorf("%s: %w", pendingName, err)
	}
	before, _, err := s.Load(from)
	if err != nil {
		return true, err
	}
	after, _, err := s.Load(to)
	if err != nil {
		return true, err
	}
	now, err := Read(dir, slices.Concat(slices.Collect(maps.Keys(before)), slices.Collect(maps.Keys(after))))
	if err != nil {
		return true, err
	}
	if _, err := Put(dir, now, before); err != nil {
		return true, err
	}
	return true, s.Done()
}

// replace writes a file so that a power cut leaves the old or the new one. Mode
// and owner of a file that was there stay.
func replace(path string, b []byte, mode fs.FileMode) error {
	uid, gid := -1, -1
	if info, err := os.Stat(path); err == nil {
		mode = info.Mode().Perm()
		if st, ok := info.Sys().(*syscall.Stat_t); ok {
			uid, gid = int(st.Uid), int(st.Gid)
		}
	}
	dir, base := filepath.Split(path)
	f, err := os.CreateTemp(dir, "."+strings.TrimPrefix(base, ".")+".*")
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err == nil {
		err = f.Chmod(mode)
	}
	if err == nil && uid >= 0 && uid != os.Getuid() {
		err = f.Chown(uid, gid)
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return syncDir(dir)
}

// syncDir makes a rename survive a power cut.
func syncDir(dir string) error {
	d, err := os.Open(filepath.Clean(dir))
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
