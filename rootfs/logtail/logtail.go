// Package logtail keeps the newest lines of a log that lives in memory in two files on
// flash: enough to tell afterwards what happened before a power cut, without wearing
// the card.
package logtail

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Bounds. With a write every ten minutes a log that never stops costs the card at most
// 144 * MaxPiece = 4.5 MiB a day.
const (
	MaxPiece = 32 << 10  // of one write; what is older is left out
	MaxFile  = 128 << 10 // of each of the two files
)

// Names of the files; the older lines are in Older.
const (
	Newer = "log"
	Older = "log.1"
)

// Keep appends the newest lines of r to the files in dir. Nothing to append is nothing
// written. A power cut loses at most what this call would have added.
func Keep(dir string, r io.Reader) error {
	piece, left, err := tail(r)
	if err != nil || len(piece) == 0 {
		return err
	}
	if left {
		piece = append([]byte("... lines are left out here\n"), piece...)
	}
	name := filepath.Join(dir, Newer)
	info, err := os.Stat(name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err == nil && info.Size()+int64(len(piece)) > MaxFile {
		if err := os.Rename(name, filepath.Join(dir, Older)); err != nil {
			return err
		}
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o640)
	if err != nil {
		return err
	}
	_, err = f.Write(piece)
	// No sync: the file system writes it with its next commit, together with others.
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("keep the log: %w", err)
	}
	return nil
}

// tail reads r to its end and is its last whole lines, at most MaxPiece bytes.
func tail(r io.Reader) (piece []byte, left bool, err error) {
	buf := make([]byte, 0, 2*MaxPiece)
	for {
		n, err := r.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if len(buf) > MaxPiece+MaxPiece/2 {
			buf = append(buf[:0], buf[len(buf)-MaxPiece:]...)
			left = true
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, false, err
		}
	}
	if len(buf) > MaxPiece {
		buf, left = buf[len(buf)-MaxPiece:], true
	}
	if left {
		_, buf, _ = bytes.Cut(buf, []byte("\n"))
	}
	return buf, left, nil
}
