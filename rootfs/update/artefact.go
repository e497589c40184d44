// Package update replaces the system of a card by another one, so that whatever
// happens on the way, the card starts: an artefact is checked, streamed into the
// slot that is not running, read back, and put on trial for one start. Only what has
// proved itself there becomes the good slot (Confirm); everything else is gone with
// the next start, and told (Report).
//
// An artefact is a manifest, a signature of it in minisign's format (ed25519 over
// BLAKE2b), and the slot's file system compressed with zstd. The manifest carries
// the SHA-256 of the file system, so that the signature covers all of it.
package update

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"sort"
	"strconv"
	"strings"

	"aead.dev/minisign"

	"branchline/rootfs"
)

// magic begins every artefact.
const magic = "BRLNUPD1"

// Bounds of what comes before the file system: nobody is made to read more before
// the signature is known to be good.
const (
	maxManifest  = 4 << 10
	maxSignature = 2 << 10
)

// Suffix of an artefact's file name.
const Suffix = ".brl"

// A Manifest says what an artefact is.
type Manifest struct {
	Board   string // a rootfs.Board's name
	Version string // for people
	// Counter orders releases: a card never goes back to a smaller one, so that an
	// old hole cannot be brought back by an old update.
	Counter int
	Size    int64 // of the slot's file system, in bytes
	SHA256  [32]byte
}

// String is the manifest as it is signed.
func (m *Manifest) String() string {
	return fmt.Sprintf("board %s\nversion %s\ncounter %d\nsize %d\nsha256 %x\n", m.Board, m.Version, m.Counter, m.Size, m.SHA256)
}

// ParseManifest reads a manifest.
func ParseManifest(text string) (*Manifest, error) {
	m := &Manifest{}
	seen := map[string]bool{}
	for n, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		key, value, ok := strings.Cut(line, " ")
		var err error
		switch {
		case !ok || value == "" || seen[key]:
			err = errors.New("want a key and a value, each key once")
		case key == "board":
			m.Board = value
		case key == "version":
			m.Version = value
		case key == "counter":
			m.Counter, err = strconv.Atoi(value)
		case key == "size":
			m.Size, err = strconv.ParseInt(value, 10, 64)
		case key == "sha256":
			var sum []byte
			if sum, err = hex.DecodeString(value); err == nil && len(sum) != len(m.SHA256) {
				err = errors.New("not 32 bytes")
			}
			copy(m.SHA256[:], sum)
		}
		if err != nil {
			return nil, fmt.Errorf("manifest line %d: %w", n+1, err)
		}
		seen[key] = true
	}
	for _, key := range []string{"board", "version", "counter", "size", "sha256"} {
		if !seen[key] {
			return nil, fmt.Errorf("manifest says no %s", key)
		}
	}
	if m.Size <= 0 || m.Size > rootfs.SlotSize<<20 {
		return nil, fmt.Errorf("manifest: %d bytes do not fit a slot of %d MiB", m.Size, rootfs.SlotSize)
	}
	return m, nil
}

// WriteHead writes what comes before the compressed file system.
func WriteHead(w io.Writer, m *Manifest, key minisign.PrivateKey) error {
	text := []byte(m.String())
	r := minisign.NewReader(bytes.NewReader(text))
	if _, err := io.Copy(io.Discard, r); err != nil {
		return err
	}
	signature := r.SignWithComments(key, "branchline "+m.Board+" "+m.Version, "branchline update")
	var out bytes.Buffer
	out.WriteString(magic)
	for _, part := range [][]byte{text, signature} {
		_ = binary.Write(&out, binary.BigEndian, uint32(len(part)))
		out.Write(part)
	}
	_, err := w.Write(out.Bytes())
	return err
}

// Errors of Open.
var (
	ErrForeign  = errors.New("not an update of Branchline")
	ErrUnsigned = errors.New("not signed with a key that this system trusts")
)

// Open checks an artefact's head and is its manifest; body is then the compressed
// file system.
func Open(r io.Reader, keys []minisign.PublicKey) (m *Manifest, body io.Reader, err error) {
	b := bufio.NewReaderSize(r, 1<<16)
	var head [len(magic)]byte
	if _, err := io.ReadFull(b, head[:]); err != nil || string(head[:]) != magic {
		return nil, nil, ErrForeign
	}
	text, err := part(b, maxManifest)
	if err != nil {
		return nil, nil, err
	}
	signature, err := part(b, maxSignature)
	if err != nil {
		return nil, nil, err
	}
	for _, key := range keys {
		check := minisign.NewReader(bytes.NewReader(text))
		if _, err := io.Copy(io.Discard, check); err != nil {
			return nil, nil, err
		}
		if check.Verify(key, signature) {
			m, err = ParseManifest(string(text))
			return m, b, err
		}
	}
	return nil, nil, ErrUnsigned
}

func part(r io.Reader, limit uint32) ([]byte, error) {
	var n uint32
	if err := binary.Read(r, binary.BigEndian, &n); err != nil || n == 0 || n > limit {
		return nil, ErrForeign
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(r, b); err != nil {
		return nil, ErrForeign
	}
	return b, nil
}

// Keys reads the public keys (*.pub) of a directory: those that updates may be
// signed with.
func Keys(dir fs.FS) (keys []minisign.PublicKey, err error) {
	names, err := fs.Glob(dir, "*.pub")
	if err != nil {
		return nil, err
	}
	sort.Strings(names)
	for _, name := range names {
		text, err := fs.ReadFile(dir, name)
		if err != nil {
			return nil, err
		}
		var key minisign.PublicKey
		if err := key.UnmarshalText(text); err != nil {
			return nil, fmt.Errorf("key %s: %w", path.Base(name), err)
		}
		keys = append(keys, key)
	}
	if len(keys) == 0 {
		return nil, errors.New("this system trusts no key for updates")
	}
	return keys, nil
}
