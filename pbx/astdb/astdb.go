// Package astdb is the exchange's small persistent store: what users typed with
// `database put`, what the dialplan keeps with DB(), and where phones are
// registered. Names are Asterisk's, /family/key, where the family may hold
// slashes of its own.
//
// Everything is held in memory; the file (bbolt) only outlives the process.
// What a user typed is on disk when the call returns. What happens by itself,
// registrations above all, goes through PutSoon and DelSoon and is written in
// groups: flash wears out by writes, and one write costs the same for one
// entry as for a thousand. A journal beside the file bridges the time until
// then if the process dies.
package astdb

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"sync"
	"time"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

var bucket = []byte("astdb")

// An Entry is one value under its full name.
type Entry struct {
	Name  string // "/family/key"
	Value string
}

// DB is the store. All methods may be called from any goroutine.
type DB struct {
	log  *slog.Logger
	file *bbolt.DB // nil: memory only

	mu       sync.RWMutex
	values   map[string]string
	dirty    map[string]bool // names whose value in memory is not yet on disk
	due      time.Time       // when dirty must be written; zero: not scheduled
	watchers map[*watcher]struct{}

	journal    journal
	generation uint64 // of the next commit
	closed     bool   // by the process before
	deaf       bool   // the journal has failed, and that was said

	committing sync.Mutex // one commit at a time
	rested     time.Time  // under committing: no commit by itself before this
	wake       chan struct{}
	closing    chan struct{}
	done       chan struct{}
}

type watcher struct {
	prefix string
	call   func(name string)
}

// Memory makes a store without a file.
func Memory() *DB {
	return &DB{log: slog.New(slog.DiscardHandler), values: map[string]string{}, dirty: map[string]bool{}, watchers: map[*watcher]struct{}{}}
}

// Open opens or makes the store in the file path. A file that is damaged is
// renamed to path.damaged and an empty store begun: an exchange without its
// registrations is better than none. It fails if another process has the file
// open, or if it cannot be made.
func Open(path string, log *slog.Logger) (*DB, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return nil, fmt.Errorf("database: %w", err)
	}
	file, err := openFile(path)
	if damaged(err) {
		log.Error("database is damaged, starting with an empty one", "file", path, "kept as", path+".damaged", "error", err)
		if err := os.Rename(path, path+".damaged"); err != nil {
			return nil, fmt.Errorf("database: %w", err)
		}
		file, err = openFile(path)
	}
	if err != nil {
		return nil, fmt.Errorf("database %s: %w", path, err)
	}
	db := Memory()
	db.log, db.file = log, file
	db.wake, db.closing, db.done = make(chan struct{}, 1), make(chan struct{}), make(chan struct{})
	if err := errors.Join(db.load(), db.journal.open(path)); err != nil {
		return nil, errors.Join(fmt.Errorf("database %s: %w", path, err), db.journal.close(), file.Close())
	}
	if err := db.recover(); err != nil {
		return nil, errors.Join(fmt.Errorf("database %s: %w", path, err), db.journal.close(), file.Close())
	}
	go db.writeBehind()
	return db, nil
}

func openFile(path string) (*bbolt.DB, error) {
	return bbolt.Open(path, 0o640, &bbolt.Options{
		Timeout:        time.Second, // for the lock of another instance
		NoFreelistSync: true,        // a smaller commit; rebuilt at open
		FreelistType:   bbolt.FreelistMapType,
	})
}

func damaged(err error) bool {
	return errors.Is(err, bolterrors.ErrInvalid) || errors.Is(err, bolterrors.ErrChecksum) || errors.Is(err, bolterrors.ErrVersionMismatch)
}

func (db *DB) load() error {
	return db.file.Update(func(tx *bbolt.Tx) error {
		b, err := tx.CreateBucketIfNotExists(bucket)
		if err != nil {
			return err
		}
		db.generation = generationOf(tx) + 1
		if db.closed, err = takeClosed(tx); err != nil {
			return err
		}
		return b.ForEach(func(k, v []byte) error {
			db.values[string(k)] = string(v)
			return nil
		})
	})
}

// recover takes over what an earlier process had in memory when it died.
func (db *DB) recover() error {
	list, err := db.journal.pendings(db.generation - 1)
	if err != nil {
		return err
	}
	for _, p := range list {
		if p.value != nil {
			db.values[p.name] = *p.value
		} else {
			delete(db.values, p.name)
		}
		db.dirty[p.name] = true
		db.generation = p.generation // ascending
	}
	if err := db.Sync(); err != nil {
		return err
	}
	return errors.Join(db.journal.empty(0), db.journal.empty(1))
}

// Closed reports whether the process that had the store before has closed it, with
// everything written. Otherwise it was killed, or lost its power, and what was put with
// a long delay may be missing.
func (db *DB) Closed() bool { return db.closed }

// name joins family and key as Asterisk does.
func name(family, key string) string {
	if key == "" {
		return "/" + family
	}
	return "/" + family + "/" + key
}

// Get finds a value.
func (db *DB) Get(family, key string) (string, bool) {
	db.mu.RLock()
	defer db.mu.RUnlock()
	v, ok := db.values[name(family, key)]
	return v, ok
}

// Put stores a value; it is on disk when Put returns nil.
func (db *DB) Put(family, key, value string) error {
	n := name(family, key)
	db.set(n, value)
	db.tell(n)
	return db.Sync()
}

// Del removes one value and tells whether it was there.
func (db *DB) Del(family, key string) (bool, error) {
	n := name(family, key)
	if !db.remove(n) {
		return false, nil
	}
	db.tell(n)
	return true, db.Sync()
}

// DelTree removes the value /family/key and everything below it, and counts
// them. Both empty removes everything.
func (db *DB) DelTree(family, key string) (int, error) {
	gone := db.List(tree(family, key))
	for _, e := range gone {
		db.remove(e.Name)
	}
	for _, e := range gone {
		db.tell(e.Name)
	}
	return len(gone), db.Sync()
}

func tree(family, key string) string {
	if family == "" && key == "" {
		return ""
	}
	return name(family, key)
}

// List gives the value with the name top and all below it, sorted by name.
// top begins with a slash; "" lists everything.
func (db *DB) List(top string) []Entry {
	return db.filter(func(n string) bool { return below(n, top) })
}

// below reports whether n is top or lies under it.
func below(n, top string) bool {
	rest, ok := strings.CutPrefix(n, top)
	return ok && (rest == "" || rest[0] == '/')
}

func (db *DB) filter(want func(name string) bool) []Entry {
	db.mu.RLock()
	var out []Entry
	for n, v := range db.values {
		if want(n) {
			out = append(out, Entry{n, v})
		}
	}
	db.mu.RUnlock()
	sort.Slice(out, func(i, j int) bool { return out[i].Name < out[j].Name })
	return out
}

// PutSoon stores a value in memory at once and on disk within that time, or a
// little later if the disk is slow. With a time of at most a second it survives
// the death of the process, though not a power cut, from the moment PutSoon
// returns. Watchers are not told: what is written by this way has an owner who
// knows.
func (db *DB) PutSoon(family, key, value string, within time.Duration) {
	n := name(family, key)
	db.mu.Lock()
	db.values[n] = value
	db.soil(n)
	db.note(n, &value, within)
	db.mu.Unlock()
	db.schedule(within)
}

// DelSoon is the same for removing.
func (db *DB) DelSoon(family, key string, within time.Duration) {
	n := name(family, key)
	db.mu.Lock()
	_, found := db.values[n]
	if found {
		delete(db.values, n)
		db.soil(n)
		db.note(n, nil, within)
	}
	db.mu.Unlock()
	if found {
		db.schedule(within)
	}
}

// note puts a change into the journal if its commit is near. The caller holds
// mu, so that the journal has the order of the memory.
func (db *DB) note(n string, value *string, within time.Duration) {
	if db.file == nil || within > time.Second {
		return
	}
	if err := db.journal.add(db.generation, n, value); err != nil && !db.deaf {
		db.deaf = true
		db.log.Error("database journal cannot be written; a crash may lose registrations of the last second", "error", err)
	}
}

func (db *DB) set(n, value string) {
	db.mu.Lock()
	defer db.mu.Unlock()
	db.values[n] = value
	db.soil(n)
}

func (db *DB) remove(n string) bool {
	db.mu.Lock()
	defer db.mu.Unlock()
	if _, ok := db.values[n]; !ok {
		return false
	}
	delete(db.values, n)
	db.soil(n)
	return true
}

// soil notes that n is to be written. The caller holds mu.
func (db *DB) soil(n string) {
	if db.file != nil {
		db.dirty[n] = true
	}
}

// Watch calls f after Put, Del or DelTree changed a name in family or below,
// until stop is called. f may use the store.
func (db *DB) Watch(family string, f func(name string)) (stop func()) {
	w := &watcher{prefix: "/" + family, call: f}
	db.mu.Lock()
	db.watchers[w] = struct{}{}
	db.mu.Unlock()
	return func() {
		db.mu.Lock()
		delete(db.watchers, w)
		db.mu.Unlock()
	}
}

func (db *DB) tell(n string) {
	db.mu.RLock()
	var calls []func(string)
	for w := range db.watchers {
		if below(n, w.prefix) {
			calls = append(calls, w.call)
		}
	}
	db.mu.RUnlock()
	for _, f := range calls {
		f(n)
	}
}
