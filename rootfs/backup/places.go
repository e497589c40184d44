package backup

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"branchline/rootfs/durable"
)

// Places are where an exchange keeps what a backup holds.
type Places struct {
	Etc   string // configuration
	Lib   string // database and kept configurations
	Spool string // messages and recordings
	// Localtime is the link to the time zone below ZoneInfo; "" where that is the
	// machine's own business.
	Localtime, ZoneInfo string
	Owner               int // user and group of what is restored; -1: whoever runs this
}

// The parts of a backup, by the first element of a name.
const (
	etcPart, libPart, spoolPart = "etc", "lib", "spool"
)

// databaseName and historyName are the database and the kept configurations in Lib.
const (
	databaseName = "branchline.db"
	historyName  = "config-history"
)

// proper reports whether a file of a backup may have this name.
func proper(name string) bool {
	part, rest, ok := strings.Cut(name, "/")
	return ok && rest != "" && path.Clean(name) == name && filepath.IsLocal(rest) && !strings.ContainsRune(name, 0) &&
		slices.Contains([]string{etcPart, libPart, spoolPart}, part)
}

// Options choose what a backup holds besides configuration and database.
type Options struct {
	History  bool   // the kept configurations
	Messages bool   // messages and recordings
	Database string // a copy of the database that nobody writes to; "" leaves it out
}

// Save writes a backup.
func Save(to io.Writer, h Header, passphrase string, p Places, o Options) error {
	if p.Localtime != "" {
		if target, err := os.Readlink(p.Localtime); err == nil {
			if zone, err := filepath.Rel(p.ZoneInfo, target); err == nil && filepath.IsLocal(zone) {
				h.Zone = zone
			}
		}
	}
	w, err := NewWriter(to, h, passphrase)
	if err != nil {
		return err
	}
	if err := w.tree(etcPart, p.Etc); err != nil {
		return err
	}
	if o.Database != "" {
		if err := w.file(libPart+"/"+databaseName, o.Database); err != nil {
			return err
		}
	}
	if o.History {
		if err := w.tree(libPart+"/"+historyName, filepath.Join(p.Lib, historyName)); err != nil {
			return err
		}
	}
	if o.Messages {
		if err := w.tree(spoolPart, p.Spool); err != nil {
			return err
		}
	}
	return w.Close()
}

// tree adds the files below dir. What begins with a dot is on its way to somewhere.
func (w *Writer) tree(name, dir string) error {
	return filepath.WalkDir(dir, func(at string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // removed meanwhile, or never there
		}
		if err != nil {
			return err
		}
		if at != dir && strings.HasPrefix(d.Name(), ".") {
			if d.IsDir() {
				return filepath.SkipDir
			}
			return nil
		}
		if !d.Type().IsRegular() {
			return nil
		}
		rel, err := filepath.Rel(dir, at)
		if err != nil {
			return err
		}
		return w.file(path.Join(name, filepath.ToSlash(rel)), at)
	})
}

func (w *Writer) file(name, from string) error {
	f, err := os.Open(from)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if err := w.Begin(Entry{Name: name, Size: info.Size(), Mode: uint32(info.Mode().Perm())}); err != nil {
		return err
	}
	if _, err := io.Copy(w, f); err != nil {
		return fmt.Errorf("%s: %w", from, err)
	}
	return nil
}

// restored marks a directory that came out of a backup, so that it is told from the
// one it is exchanged for. It begins with a dot, and so is in no backup.
const restored = ".restored"

// Stage checks a backup and unpacks it into dir, where Settle finds it. Nothing is in
// dir unless all of it was right.
func Stage(file *os.File, passphrase, dir string, p Places) (Header, error) {
	info, err := file.Stat()
	if err != nil {
		return Header{}, err
	}
	if err := Verify(file, info.Size()); err != nil {
		return Header{}, err
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return Header{}, err
	}
	r, err := NewReader(file, passphrase)
	if err != nil {
		return Header{}, err
	}
	beside := dir + ".new"
	if err := errors.Join(os.RemoveAll(dir), os.RemoveAll(beside), os.MkdirAll(beside, 0o700)); err != nil {
		return r.Header, err
	}
	if err := unpack(r, beside, p); err != nil {
		return r.Header, errors.Join(err, os.RemoveAll(beside))
	}
	// Everything that was written, not file by file: there may be thousands.
	d, err := os.Open(beside)
	if err != nil {
		return r.Header, err
	}
	if err := errors.Join(unix.Syncfs(int(d.Fd())), d.Close()); err != nil {
		return r.Header, err
	}
	if err := os.Rename(beside, dir); err != nil {
		return r.Header, err
	}
	return r.Header, durable.SyncDir(filepath.Dir(dir))
}

func unpack(r *Reader, dir string, p Places) error {
	for {
		e, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		to := filepath.Join(dir, filepath.FromSlash(e.Name))
		if err := p.parents(dir, to); err != nil {
			return err
		}
		f, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, fs.FileMode(e.Mode)&0o640|0o600)
		if errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("%w: %s is in it twice", ErrDamaged, e.Name)
		}
		if err != nil {
			return err
		}
		_, err = io.Copy(f, r)
		if err := errors.Join(err, p.own(to), f.Close()); err != nil {
			return err
		}
	}
	if _, err := os.Stat(filepath.Join(dir, etcPart)); err != nil {
		return fmt.Errorf("%w: there is no configuration in it", ErrDamaged)
	}
	if err := os.WriteFile(filepath.Join(dir, etcPart, restored), nil, 0o600); err != nil {
		return err
	}
	if r.Zone == "" || !filepath.IsLocal(r.Zone) {
		return nil
	}
	return os.WriteFile(filepath.Join(dir, "zone"), []byte(r.Zone), 0o600)
}

// parents makes the directories between dir and a file, as their owner's.
func (p Places) parents(dir, file string) error {
	parent := filepath.Dir(file)
	if parent == dir {
		return nil
	}
	if _, err := os.Stat(parent); err == nil {
		return nil
	}
	if err := p.parents(dir, parent); err != nil {
		return err
	}
	mode := fs.FileMode(0o750)
	if filepath.Dir(parent) == dir && filepath.Base(parent) == etcPart {
		mode = 0o755
	}
	return errors.Join(os.Mkdir(parent, mode), p.own(parent))
}

func (p Places) own(name string) error {
	if p.Owner < 0 {
		return nil
	}
	return os.Chown(name, p.Owner, p.Owner)
}

// Settle puts in place what Stage has left in dir, if it has, while the exchange does
// not run. Stopped at any point it goes on from there when it is called again.
func Settle(dir string, p Places) error {
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	etc := filepath.Join(dir, etcPart)
	if _, err := os.Stat(filepath.Join(etc, restored)); err == nil {
		if err := durable.Exchange(p.Etc, etc); err != nil {
			return err
		}
	}
	if err := p.database(dir); err != nil {
		return err
	}
	for _, part := range []struct{ from, to string }{{libPart, p.Lib}, {spoolPart, p.Spool}} {
		if err := p.merge(filepath.Join(dir, part.from), part.to); err != nil {
			return err
		}
	}
	if zone, err := os.ReadFile(filepath.Join(dir, "zone")); err == nil && p.Localtime != "" {
		if err := durable.Link(p.Localtime, filepath.Join(p.ZoneInfo, filepath.Clean("/"+string(zone)))); err != nil {
			return err
		}
	}
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	if err := os.Remove(filepath.Join(p.Etc, restored)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// database removes the journal of a database that is about to be replaced: its changes
// are not the new one's.
func (p Places) database(dir string) error {
	if _, err := os.Stat(filepath.Join(dir, libPart, databaseName)); err != nil {
		return nil
	}
	found, err := filepath.Glob(filepath.Join(p.Lib, databaseName+"?*"))
	for _, f := range found {
		err = errors.Join(err, os.Remove(f))
	}
	return err
}

// merge moves what is in from to where it belongs, each in one rename.
func (p Places) merge(from, to string) error {
	entries, err := os.ReadDir(from)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if _, err := os.Stat(to); errors.Is(err, fs.ErrNotExist) {
		if err := errors.Join(os.MkdirAll(to, 0o750), p.own(to)); err != nil {
			return err
		}
	}
	for _, e := range entries {
		target := filepath.Join(to, e.Name())
		if info, err := os.Lstat(target); err == nil && (info.IsDir() || e.IsDir()) {
			if err := os.RemoveAll(target); err != nil {
				return err
			}
		}
		if err := os.Rename(filepath.Join(from, e.Name()), target); err != nil {
			return err
		}
	}
	return durable.SyncDir(to)
}
