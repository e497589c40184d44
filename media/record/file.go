package record

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"branchline/media/g711"
)

// A file is a sound file being written.
type file struct {
	f      *os.File
	law    *g711.Law // nil: 16 bits, low octet first
	wav    bool
	buf    []byte
	octets int64 // of sound
	told   int64 // of which the header tells
}

const header = 44

// Formats are the endings that can be written.
func formatOf(path string) (law *g711.Law, wav, ok bool) {
	switch strings.ToLower(strings.TrimPrefix(filepath.Ext(path), ".")) {
	case "wav":
		return nil, true, true
	case "sln", "raw", "slin":
		return nil, false, true
	case "ulaw", "ul", "mu", "pcm":
		return g711.ULaw(), false, true
	case "alaw", "al":
		return g711.ALaw(), false, true
	}
	return nil, false, false
}

// create opens a file for a recording, with the directories it is in.
func create(path string, more bool, mode os.FileMode) (*file, error) {
	law, wav, ok := formatOf(path)
	if !ok {
		return nil, fmt.Errorf("%s: %w", path, ErrFormat)
	}
	if mode == 0 {
		mode = 0o640
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return nil, err
	}
	flags := os.O_RDWR | os.O_CREATE
	if !more {
		flags |= os.O_TRUNC
	}
	f, err := os.OpenFile(path, flags, mode)
	if err != nil {
		return nil, err
	}
	out := &file{f: f, law: law, wav: wav}
	size, err := f.Seek(0, io.SeekEnd)
	if err == nil && wav {
		switch {
		case size < header:
			err = errors.Join(f.Truncate(0), out.tell())
			if err == nil {
				_, err = f.Seek(header, io.SeekStart)
			}
		default:
			out.octets = size - header
		}
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), f.Close())
	}
	return out, nil
}

// tell writes the header (RIFF WAVE, PCM, one channel).
func (f *file) tell() error {
	var h [header]byte
	sound := uint32(min(f.octets, 1<<32-1-header))
	copy(h[0:], "RIFF")
	binary.LittleEndian.PutUint32(h[4:], sound+header-8)
	copy(h[8:], "WAVEfmt ")
	binary.LittleEndian.PutUint32(h[16:], 16)
	binary.LittleEndian.PutUint16(h[20:], 1)
	binary.LittleEndian.PutUint16(h[22:], 1)
	binary.LittleEndian.PutUint32(h[24:], rate)
	binary.LittleEndian.PutUint32(h[28:], 2*rate)
	binary.LittleEndian.PutUint16(h[32:], 2)
	binary.LittleEndian.PutUint16(h[34:], 16)
	copy(h[36:], "data")
	binary.LittleEndian.PutUint32(h[40:], sound)
	f.told = f.octets
	_, err := f.f.WriteAt(h[:], 0)
	return err
}

// write appends samples. The header follows every few seconds, so that a recording
// is of use even if the power fails.
func (f *file) write(samples []int16) error {
	b := f.buf[:0]
	for _, v := range samples {
		if f.law != nil {
			b = append(b, f.law.Code(v))
		} else {
			b = binary.LittleEndian.AppendUint16(b, uint16(v))
		}
	}
	f.buf = b
	n, err := f.f.Write(b)
	f.octets += int64(n)
	if err == nil && f.wav && f.octets-f.told > 5*2*rate {
		err = f.tell()
	}
	return err
}

func (f *file) close() error {
	var err error
	if f.wav {
		err = f.tell()
	}
	return errors.Join(err, f.f.Close())
}
