package astdb

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"go.etcd.io/bbolt"

	"branchline/pbx/cli"
)

// CopySuffix is what the copy of a database is called, after its own name.
const CopySuffix = ".copy"

// Copy writes everything in the store, also what waits in memory, into a file beside
// its own, whole or not at all, and is that file's name.
func (db *DB) Copy() (string, error) {
	if db.file == nil {
		return "", errors.New("the database is in memory only")
	}
	if err := db.Sync(); err != nil {
		return "", fmt.Errorf("database: %w", err)
	}
	to := db.file.Path() + CopySuffix
	return to, copyOf(db.file, to)
}

// CopyFile is Copy for the file of an exchange that does not run. It fails with
// fs.ErrNotExist if there is no file.
func CopyFile(path string) (string, error) {
	if _, err := os.Stat(path); err != nil {
		return "", err
	}
	file, err := openFile(path)
	if err != nil {
		return "", fmt.Errorf("database %s: %w", path, err)
	}
	to := path + CopySuffix
	return to, errors.Join(copyOf(file, to), file.Close())
}

func copyOf(file *bbolt.DB, to string) error {
	if err := os.Remove(to); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return file.View(func(tx *bbolt.Tx) error { return tx.CopyFile(to, 0o600) })
}

// copyCommand is `database backup`.
func (db *DB) copyCommand(_ context.Context, w io.Writer, args []string) error {
	if len(args) > 0 {
		return cli.ErrUsage
	}
	name, err := db.Copy()
	if err != nil {
		return err
	}
	cli.Show(w, "file", "The database is copied to %s.\n", name)
	return nil
}
