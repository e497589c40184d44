package main

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"

	"aead.dev/minisign"

	"branchline/rootfs/card"
	"branchline/rootfs/update"
)

// developmentKeys lie in the source, with their secrets: nobody's card may trust them.
const developmentKeys = "build/image/keys"

// identity writes what the image says of itself, and whose updates it takes.
func (b *builder) identity() error {
	text := fmt.Sprintf("board %s\nversion %s\ncounter %d\n", b.name(), b.version, b.counter)
	if err := write(b.at("root", card.ReleaseFile), []byte(text), 0o644); err != nil {
		return err
	}
	keys, err := update.Keys(os.DirFS(b.trust))
	if err != nil {
		return fmt.Errorf("%s: %w", b.trust, err)
	}
	if len(keys) > 2 {
		return fmt.Errorf("%s: %d keys; one in use and one in reserve is all", b.trust, len(keys))
	}
	development, err := update.Keys(os.DirFS(developmentKeys))
	if err != nil {
		return err
	}
	for i, key := range keys {
		for _, d := range development {
			if b.release && key.Equal(d) {
				return errors.New("a release must not trust the development keys: give your own with -trust and -key")
			}
		}
		text, err := key.MarshalText()
		if err != nil {
			return err
		}
		if err := write(b.at("root", card.KeyDir, fmt.Sprintf("%d.pub", i+1)), text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

func (b *builder) artefactName() string { return "branchline-" + b.name() + update.Suffix }

// artefact makes the update of this slot, and reads it back as a card would.
func (b *builder) artefact() error {
	text, err := os.ReadFile(b.key)
	if err != nil {
		return err
	}
	var key minisign.PrivateKey
	if err := key.UnmarshalText(text); err != nil {
		return fmt.Errorf("%s: %w", b.key, err)
	}
	slot, err := os.Open(b.at("slot.fat"))
	if err != nil {
		return err
	}
	defer slot.Close()
	h := sha256.New()
	n, err := io.Copy(h, slot)
	if err != nil {
		return err
	}
	if _, err := slot.Seek(0, io.SeekStart); err != nil {
		return err
	}
	out, err := os.Create(b.at(b.artefactName()))
	if err != nil {
		return err
	}
	m := &update.Manifest{Board: b.name(), Version: b.version, Counter: b.counter, Size: n, SHA256: [32]byte(h.Sum(nil))}
	if err := update.WriteHead(out, m, key); err != nil {
		return errors.Join(err, out.Close())
	}
	// The tool presses harder than the library. A window of 8 MiB is what a card grants.
	z := exec.Command("zstd", "-q", "-19", "--long=23", "-T1", "--single-thread", "-c")
	z.Stdin, z.Stdout = slot, out
	if err := errors.Join(z.Run(), out.Close()); err != nil {
		return fmt.Errorf("zstd: %w", err)
	}
	keys, err := update.Keys(os.DirFS(filepath.Join(b.out, "root", card.KeyDir)))
	if err != nil {
		return err
	}
	in, err := os.Open(out.Name())
	if err != nil {
		return err
	}
	defer in.Close()
	if _, _, err := update.Open(in, keys); err != nil {
		return fmt.Errorf("this image would refuse its own update: %w", err)
	}
	return nil
}
