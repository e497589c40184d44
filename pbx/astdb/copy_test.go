package astdb

import (
	"errors"
	"io/fs"
	"log/slog"
	"path/filepath"
	"testing"
	"time"
)

func TestCopy(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	if _, err := CopyFile(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("copy of nothing: %v", err)
	}
	db, err := Open(path, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Put("family", "typed", "1"); err != nil {
		t.Fatal(err)
	}
	db.PutSoon("family", "waiting", "2", time.Hour)
	name, err := db.Copy()
	if err != nil {
		t.Fatal(err)
	}
	check := func(name string) {
		t.Helper()
		other, err := Open(name, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		if n := len(other.List("/family")); n != 2 {
			t.Errorf("%s has %d of 2 entries", name, n)
		}
		if err := other.Close(); err != nil {
			t.Error(err)
		}
	}
	check(name)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if name, err = CopyFile(path); err != nil {
		t.Fatal(err)
	}
	check(name)
	if _, err := Memory().Copy(); err == nil {
		t.Error("a store in memory has been copied")
	}
}
