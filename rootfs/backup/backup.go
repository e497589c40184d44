// Package backup is one file with everything that makes an exchange this exchange:
// configuration, database, and if wanted the kept configurations and the recordings.
// With a passphrase its content is encrypted.
//
// A file is two lines of text, the content in blocks, and the SHA-256 of everything
// before it. A file in which one bit is wrong is refused whole: it is read to its end
// before anything is changed, and what it holds is put in place by renames that a
// power cut cannot halve.
package backup

import (
	"bufio"
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"time"

	"golang.org/x/crypto/scrypt"
)

// magic is the first line; the number grows when an older reader could not read on.
const magic = "branchline-backup 1\n"

// Faults of a file.
var (
	ErrNone       = errors.New("this is no backup of Branchline")
	ErrDamaged    = errors.New("the backup is damaged")
	ErrPassphrase = errors.New("the passphrase is not the one it was made with")
	ErrSealed     = errors.New("the backup is encrypted: a passphrase is needed")
)

// A Header is what anybody can read of a backup.
type Header struct {
	When   time.Time
	By     string // name and version of the exchange
	Zone   string `json:",omitempty"` // the time zone
	Sealed bool
	Salt   []byte `json:",omitempty"`
	Cost   int    `json:",omitempty"` // scrypt's N
}

// An Entry is one file in a backup.
type Entry struct {
	Name string // below etc, lib or spool
	Size int64
	Mode uint32
}

// Parameters. Scrypt takes 32 MiB and about a second on a small board.
const (
	cost      = 1 << 15
	maxCost   = 1 << 17
	blockSize = 64 << 10
	maxLine   = 8 << 10
	last      = 1 << 31 // in a block's length: there are no more
)

// seal is the cipher for a passphrase and a header.
func seal(passphrase string, h Header) (cipher.AEAD, error) {
	key, err := scrypt.Key([]byte(passphrase), h.Salt, h.Cost, 8, 1, 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// A stream is blocks of content. The number of a block is its nonce (the key is that
// of one file only), and its length with the mark of the last is authenticated with
// the header: blocks can be neither exchanged nor left out.
type stream struct {
	aead   cipher.AEAD // nil: in clear
	head   []byte      // sum of the two lines
	number uint64
}

func (s *stream) extra(length uint32) (nonce, data []byte) {
	nonce = binary.BigEndian.AppendUint64(make([]byte, 4), s.number)
	s.number++
	return nonce, binary.BigEndian.AppendUint32(bytes.Clone(s.head), length)
}

// A Writer makes a backup.
type Writer struct {
	to     io.Writer
	sum    hash.Hash
	stream stream
	block  []byte
	left   int64 // of the entry
}

// NewWriter begins a backup. An empty passphrase leaves it readable to anybody.
func NewWriter(to io.Writer, h Header, passphrase string) (*Writer, error) {
	w := &Writer{sum: sha256.New(), block: make([]byte, 0, blockSize)}
	w.to = io.MultiWriter(to, w.sum)
	h.Sealed, h.Salt, h.Cost = passphrase != "", nil, 0
	if h.Sealed {
		h.Salt, h.Cost = make([]byte, 16), cost
		_, _ = rand.Read(h.Salt)
		var err error
		if w.stream.aead, err = seal(passphrase, h); err != nil {
			return nil, err
		}
	}
	line, err := json.Marshal(h)
	if err != nil {
		return nil, err
	}
	head := append([]byte(magic), append(line, '\n')...)
	sum := sha256.Sum256(head)
	w.stream.head = sum[:]
	_, err = w.to.Write(head)
	return w, err
}

// Begin begins a file; exactly its Size must be written before the next.
func (w *Writer) Begin(e Entry) error {
	if w.left != 0 {
		return fmt.Errorf("%d bytes are missing before %s", w.left, e.Name)
	}
	line, err := json.Marshal(e)
	if err != nil {
		return err
	}
	if len(line) >= maxLine {
		return fmt.Errorf("%s: the name is too long", e.Name)
	}
	w.left = e.Size
	return w.put(append(line, '\n'))
}

// Write is content of the file begun last.
func (w *Writer) Write(p []byte) (int, error) {
	if int64(len(p)) > w.left {
		return 0, errors.New("the file has grown meanwhile")
	}
	w.left -= int64(len(p))
	return len(p), w.put(p)
}

func (w *Writer) put(p []byte) error {
	for len(p) > 0 {
		if len(w.block) == blockSize {
			if err := w.flush(0); err != nil {
				return err
			}
		}
		n := copy(w.block[len(w.block):blockSize], p)
		w.block, p = w.block[:len(w.block)+n], p[n:]
	}
	return nil
}

func (w *Writer) flush(mark uint32) error {
	data := w.block
	length := uint32(len(data)) | mark
	if w.stream.aead != nil {
		nonce, extra := w.stream.extra(length)
		data = w.stream.aead.Seal(nil, nonce, data, extra)
	}
	w.block = w.block[:0]
	if _, err := w.to.Write(binary.BigEndian.AppendUint32(nil, length)); err != nil {
		return err
	}
	_, err := w.to.Write(data)
	return err
}

// Close ends the backup; it does not close what it was written to.
func (w *Writer) Close() error {
	if w.left != 0 {
		return fmt.Errorf("%d bytes are missing at the end", w.left)
	}
	if err := w.flush(last); err != nil {
		return err
	}
	_, err := w.to.Write(w.sum.Sum(nil))
	return err
}

// Verify reads a backup of so many bytes to its end and tells whether it is whole. It
// needs no passphrase.
func Verify(r io.Reader, size int64) error {
	if size < int64(len(magic))+sha256.Size {
		return ErrNone
	}
	sum := sha256.New()
	in := bufio.NewReader(r)
	if begin, err := in.Peek(len(magic)); err != nil || string(begin) != magic {
		return ErrNone
	}
	if _, err := io.CopyN(sum, in, size-sha256.Size); err != nil {
		return errors.Join(ErrDamaged, err)
	}
	var want [sha256.Size]byte
	if _, err := io.ReadFull(in, want[:]); err != nil {
		return errors.Join(ErrDamaged, err)
	}
	if !bytes.Equal(sum.Sum(nil), want[:]) {
		return fmt.Errorf("%w: its sum is wrong", ErrDamaged)
	}
	return nil
}

// A Reader reads a backup that Verify has found whole.
type Reader struct {
	Header
	from   *bufio.Reader
	stream stream
	block  []byte
	ended  bool
	left   int64
}

// NewReader reads the header.
func NewReader(r io.Reader, passphrase string) (*Reader, error) {
	in := &Reader{from: bufio.NewReaderSize(r, maxLine)}
	first, err := in.from.ReadSlice('\n')
	if err != nil || string(first) != magic {
		return nil, ErrNone
	}
	line, err := in.from.ReadSlice('\n')
	if err != nil {
		return nil, fmt.Errorf("%w: header: %w", ErrDamaged, err)
	}
	sum := sha256.Sum256(append([]byte(magic), line...))
	in.stream.head = sum[:]
	if err := json.Unmarshal(line, &in.Header); err != nil {
		return nil, fmt.Errorf("%w: header: %w", ErrDamaged, err)
	}
	if !in.Sealed {
		return in, nil
	}
	if passphrase == "" {
		return nil, ErrSealed
	}
	if in.Cost < 2 || in.Cost > maxCost || len(in.Salt) > 64 {
		return nil, fmt.Errorf("%w: header: cost %d", ErrDamaged, in.Cost)
	}
	if in.stream.aead, err = seal(passphrase, in.Header); err != nil {
		return nil, fmt.Errorf("%w: header: %w", ErrDamaged, err)
	}
	return in, nil
}

// fill reads the next block; io.EOF after the last.
func (r *Reader) fill() error {
	if r.ended {
		return io.EOF
	}
	var b [4]byte
	if _, err := io.ReadFull(r.from, b[:]); err != nil {
		return fmt.Errorf("%w: %w", ErrDamaged, io.ErrUnexpectedEOF)
	}
	length := binary.BigEndian.Uint32(b[:])
	n := int(length &^ last)
	if n > blockSize {
		return fmt.Errorf("%w: a block of %d bytes", ErrDamaged, n)
	}
	if r.stream.aead != nil {
		n += r.stream.aead.Overhead()
	}
	data := make([]byte, n)
	if _, err := io.ReadFull(r.from, data); err != nil {
		return fmt.Errorf("%w: %w", ErrDamaged, io.ErrUnexpectedEOF)
	}
	if r.stream.aead != nil {
		first := r.stream.number == 0
		nonce, extra := r.stream.extra(length)
		var err error
		if data, err = r.stream.aead.Open(data[:0], nonce, data, extra); err != nil {
			if first {
				return ErrPassphrase
			}
			return fmt.Errorf("%w: %w", ErrDamaged, err)
		}
	}
	r.block, r.ended = data, length&last != 0
	return nil
}

// Next goes to the next file, past what was not read of the one before; io.EOF after
// the last.
func (r *Reader) Next() (Entry, error) {
	if _, err := io.Copy(io.Discard, r); err != nil {
		return Entry{}, err
	}
	var line []byte
	for {
		for len(r.block) == 0 {
			err := r.fill()
			if err == io.EOF && len(line) > 0 {
				err = fmt.Errorf("%w: %w", ErrDamaged, io.ErrUnexpectedEOF)
			}
			if err != nil {
				return Entry{}, err
			}
		}
		end := bytes.IndexByte(r.block, '\n')
		if end >= 0 {
			line, r.block = append(line, r.block[:end]...), r.block[end+1:]
			break
		}
		line, r.block = append(line, r.block...), nil
		if len(line) > maxLine {
			return Entry{}, fmt.Errorf("%w: a name without an end", ErrDamaged)
		}
	}
	var e Entry
	if err := json.Unmarshal(line, &e); err != nil {
		return Entry{}, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if e.Size < 0 || !proper(e.Name) {
		return Entry{}, fmt.Errorf("%w: %q", ErrDamaged, e.Name)
	}
	r.left = e.Size
	return e, nil
}

// Read reads the file that Next went to.
func (r *Reader) Read(p []byte) (int, error) {
	if r.left == 0 {
		return 0, io.EOF
	}
	for len(r.block) == 0 {
		if err := r.fill(); err != nil {
			if err == io.EOF {
				err = fmt.Errorf("%w: %w", ErrDamaged, io.ErrUnexpectedEOF)
			}
			return 0, err
		}
	}
	n := copy(p[:min(int64(len(p)), r.left)], r.block)
	r.block, r.left = r.block[n:], r.left-int64(n)
	return n, nil
}
