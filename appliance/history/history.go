// Package history keeps the configurations that were accepted, so that the one
// of yesterday can be put back: the last twenty, each once, in one compressed
// file each, which tar(1) can read too.
//
// Reading order: Store here; files.go reads and writes the files of a
// configuration directory; changes.go tells two configurations apart.
package history

import (
	"archive/tar"
	"bytes"
	"cmp"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"
)

const (
	maxVersions = 20       // kept
	maxTotal    = 32 << 20 // octets they take together
	maxContent  = 64 << 20 // octets of one configuration
	suffix      = ".tar.gz"
)

// Errors of a Store.
var (
	ErrNoVersion = errors.New("no such configuration is kept")
	ErrDamaged   = errors.New("the kept configuration is damaged")
	ErrTooLarge  = errors.New("the configuration is too large to be kept")
)

// A Store is a directory of versions. It is used by one goroutine at a time.
// What it holds may contain passwords: nobody but the owner may read it.
type Store struct{ Dir string }

// A Version is one kept configuration.
type Version struct {
	Number   int       // never used again
	Hash     string    // of the content
	First    time.Time // accepted, to the second
	Last     time.Time
	Size     int64 // octets on disk
	Accepted bool  // false: saved because a rollback replaced it
}

// name is the file of a version; when it was last accepted is the file's time.
func (v Version) name() string {
	kind := "accepted"
	if !v.Accepted {
		kind = "saved"
	}
	return fmt.Sprintf("%06d-%d-%s-%s%s", v.Number, v.First.Unix(), kind, v.Hash, suffix)
}

func parseName(name string) (v Version, ok bool) {
	base, ok := strings.CutSuffix(name, suffix)
	parts := strings.Split(base, "-")
	if !ok || len(parts) != 4 {
		return v, false
	}
	number, err := strconv.Atoi(parts[0])
	first, err2 := strconv.ParseInt(parts[1], 10, 64)
	v = Version{Number: number, First: time.Unix(first, 0), Hash: parts[3], Accepted: parts[2] == "accepted"}
	return v, err == nil && err2 == nil && number > 0 && v.name() == name
}

// List gives all versions, the one accepted last first.
func (s Store) List() ([]Version, error) {
	entries, err := os.ReadDir(s.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var out []Version
	for _, e := range entries {
		v, ok := parseName(e.Name())
		if !ok {
			continue
		}
		info, err := e.Info()
		if err != nil {
			continue // removed meanwhile
		}
		v.Size, v.Last = info.Size(), info.ModTime()
		out = append(out, v)
	}
	sort.Slice(out, func(i, j int) bool {
		return cmp.Or(out[j].Last.Compare(out[i].Last), cmp.Compare(out[j].Number, out[i].Number)) < 0
	})
	return out, nil
}

// Keep adds a configuration and removes what is too much. One that is there
// already becomes the latest; it keeps its number.
func (s Store) Keep(set Set, accepted bool) (Version, error) {
	if err := os.MkdirAll(s.Dir, 0o700); err != nil {
		return Version{}, err
	}
	all, err := s.List()
	if err != nil {
		return Version{}, err
	}
	now := time.Now()
	v := Version{Number: 1, Hash: set.Hash(), First: now.Truncate(time.Second), Last: now, Accepted: accepted}
	obsolete := ""
	for _, old := range all {
		v.Number = max(v.Number, old.Number+1)
	}
	for _, old := range all {
		if old.Hash != v.Hash {
			continue
		}
		if old.Accepted || !accepted {
			old.Last = now
			return old, os.Chtimes(filepath.Join(s.Dir, old.name()), now, now)
		}
		obsolete, v.Number = old.name(), old.Number // saved once, and now it was accepted
	}
	packed, err := set.pack()
	if err != nil {
		return Version{}, err
	}
	if len(packed) > maxTotal/2 {
		return Version{}, ErrTooLarge
	}
	path := filepath.Join(s.Dir, v.name())
	if err := replace(path, packed, 0o600); err != nil {
		return Version{}, err
	}
	if err := os.Chtimes(path, now, now); err != nil { // finer than the kernel's clock of files
		return Version{}, err
	}
	v.Size = int64(len(packed))
	if obsolete != "" {
		if err := os.Remove(filepath.Join(s.Dir, obsolete)); err != nil {
			return v, err
		}
	}
	return v, s.prune()
}

// prune removes what was accepted longest ago.
func (s Store) prune() error {
	all, err := s.List()
	if err != nil {
		return err
	}
	var total int64
	var errs []error
	for i, v := range all {
		if total += v.Size; i >= maxVersions || i > 0 && total > maxTotal {
			errs = append(errs, os.Remove(filepath.Join(s.Dir, v.name())))
		}
	}
	return errors.Join(errs...)
}

// Load reads a version.
func (s Store) Load(number int) (Set, Version, error) {
	all, err := s.List()
	if err != nil {
		return nil, Version{}, err
	}
	i := slices.IndexFunc(all, func(v Version) bool { return v.Number == number })
	if i < 0 {
		return nil, Version{}, fmt.Errorf("%d: %w", number, ErrNoVersion)
	}
	v := all[i]
	f, err := os.Open(filepath.Join(s.Dir, v.name()))
	if err != nil {
		return nil, v, err
	}
	defer f.Close()
	set, err := unpack(f)
	if err == nil && set.Hash() != v.Hash {
		err = errors.New("its content does not match its name")
	}
	if err != nil {
		return nil, v, fmt.Errorf("%d: %w: %w", number, ErrDamaged, err)
	}
	return set, v, nil
}

// pack makes one compressed file of a set.
func (s Set) pack() ([]byte, error) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	t := tar.NewWriter(z)
	for _, name := range slices.Sorted(maps.Keys(s)) {
		h := &tar.Header{Name: name, Mode: 0o600, Size: int64(len(s[name])), Typeflag: tar.TypeReg, Format: tar.FormatPAX}
		if err := t.WriteHeader(h); err != nil {
			return nil, err
		}
		if _, err := t.Write(s[name]); err != nil {
			return nil, err
		}
	}
	if err := errors.Join(t.Close(), z.Close()); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

func unpack(r io.Reader) (Set, error) {
	z, err := gzip.NewReader(r)
	if err != nil {
		return nil, err
	}
	t := tar.NewReader(io.LimitReader(z, maxContent))
	set := Set{}
	for {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return set, nil
		}
		if err != nil {
			return nil, err
		}
		if h.Typeflag != tar.TypeReg || !filepath.IsAbs(h.Name) && !filepath.IsLocal(h.Name) {
			return nil, fmt.Errorf("%q: not a file of a configuration", h.Name)
		}
		if set[h.Name], err = io.ReadAll(t); err != nil {
			return nil, err
		}
	}
}
