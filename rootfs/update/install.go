package update

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"

	"aead.dev/minisign"
	"github.com/klauspost/compress/zstd"

	"branchline/rootfs/slots"
)

// A Release is what runs now.
type Release struct {
	Board, Version string
	Counter        int
	Slot           int  // it runs from
	Trying         bool // and has not been confirmed yet
}

// A Slot is the device of a slot that is not running.
type Slot interface {
	io.ReaderAt
	io.WriterAt
	// Flush has everything written reach the card, and forgets what memory holds of
	// it, so that reading asks the card.
	Flush() error
}

// A Card is the card as an update sees it.
type Card interface {
	Release() Release
	Idle(slot int) (Slot, error)
	// Try puts a slot on trial for the next start; Commit makes it the good one.
	Try(slot int) error
	Commit(slot int) error
}

// ErrUnconfirmed reports that the running system is itself on trial: its
// predecessor must not be overwritten yet.
var ErrUnconfirmed = errors.New("the running system has not been confirmed yet; wait until it is")

// Install writes an artefact into the idle slot and puts it on trial. Until its last
// step nothing of what the card starts has changed. progress is told how much of the
// file system is written, and may be nil.
func Install(ctx context.Context, card Card, keys []minisign.PublicKey, artefact io.Reader, progress func(done, all int64)) (*Manifest, error) {
	running := card.Release()
	if running.Trying {
		return nil, ErrUnconfirmed
	}
	m, body, err := Open(artefact, keys)
	if err != nil {
		return nil, err
	}
	if m.Board != running.Board {
		return m, fmt.Errorf("the update is for %s, this is %s", m.Board, running.Board)
	}
	if m.Counter < running.Counter {
		return m, fmt.Errorf("the update (%s, release %d) is older than what runs (%s, release %d)", m.Version, m.Counter, running.Version, running.Counter)
	}
	idle := slots.Other(running.Slot)
	device, err := card.Idle(idle)
	if err != nil {
		return m, err
	}
	if c, ok := device.(io.Closer); ok {
		defer c.Close()
	}
	// Memory is bounded whatever the artefact says of itself.
	plain, err := zstd.NewReader(body, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(64<<20), zstd.WithDecoderMaxWindow(8<<20))
	if err != nil {
		return m, err
	}
	defer plain.Close()
	if err := write(ctx, device, plain, m, progress); err != nil {
		return m, err
	}
	if err := device.Flush(); err != nil {
		return m, err
	}
	if err := verify(ctx, device, m); err != nil {
		return m, err
	}
	return m, card.Try(idle)
}

// block is how much is written or read at a time.
const block = 1 << 20

// write streams the file system into the slot. It must be just as long as the
// manifest says, and the same.
func write(ctx context.Context, to io.WriterAt, from io.Reader, m *Manifest, progress func(done, all int64)) error {
	h := sha256.New()
	buf := make([]byte, block)
	for at := int64(0); at < m.Size; {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := io.ReadFull(from, buf[:min(int64(block), m.Size-at)])
		if err != nil {
			return fmt.Errorf("the update ends at byte %d of %d: %w", at+int64(n), m.Size, err)
		}
		h.Write(buf[:n])
		if _, err := to.WriteAt(buf[:n], at); err != nil {
			return err
		}
		at += int64(n)
		if progress != nil {
			progress(at, m.Size)
		}
	}
	if n, err := from.Read(buf[:1]); n > 0 || !errors.Is(err, io.EOF) {
		return errors.New("the update is longer than its manifest says")
	}
	if [32]byte(h.Sum(nil)) != m.SHA256 {
		return errors.New("the update is not what its manifest says: a sum is wrong")
	}
	return nil
}

// verify reads the slot back from the card.
func verify(ctx context.Context, from io.ReaderAt, m *Manifest) error {
	h := sha256.New()
	buf := make([]byte, block)
	for at := int64(0); at < m.Size; {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := from.ReadAt(buf[:min(int64(block), m.Size-at)], at)
		if err != nil && !(errors.Is(err, io.EOF) && at+int64(n) == m.Size) {
			return fmt.Errorf("read back: %w", err)
		}
		h.Write(buf[:n])
		at += int64(n)
	}
	if [32]byte(h.Sum(nil)) != m.SHA256 {
		return errors.New("read back: the card did not keep what was written; it is worn out, or fake")
	}
	return nil
}
