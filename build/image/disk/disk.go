// Package disk writes what a card holds, byte for byte the same whenever it is written:
// the card with its partitions, the file systems in them, and the kernel's first root.
package disk

import (
	"errors"
	"io"
	"os"
)

// A Partition is a part of a card.
type Partition struct {
	Size uint32 // MiB
	Kind byte   // as in an MBR
	File string // what it holds, "" for nothing yet
}

// Card writes a card of at most four partitions, after gap MiB; signature is the disk's.
func Card(name string, signature, gap uint32, parts []Partition) error {
	if err := os.RemoveAll(name); err != nil {
		return err
	}
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	mbr, end := table(signature, gap, parts)
	if err := f.Truncate(int64(end) << 20); err != nil {
		return errors.Join(err, f.Close())
	}
	_, err = f.WriteAt(mbr[:], 0)
	at := gap
	for _, p := range parts {
		if p.File != "" {
			err = errors.Join(err, place(f, p.File, int64(at)<<20))
		}
		at += p.Size
	}
	return errors.Join(err, f.Close())
}

// table is the card's MBR, and where the last partition ends, in MiB.
func table(signature, gap uint32, parts []Partition) (mbr [512]byte, end uint32) {
	const mib = 2048 // sectors
	put := func(at int, v uint32) {
		mbr[at], mbr[at+1], mbr[at+2], mbr[at+3] = byte(v), byte(v>>8), byte(v>>16), byte(v>>24)
	}
	put(440, signature)
	end = gap
	for i, p := range parts {
		at := 446 + 16*i
		mbr[at+4] = p.Kind
		// Cylinders and heads: beyond what they can say, as every tool writes it.
		copy(mbr[at+1:], []byte{0xfe, 0xff, 0xff})
		copy(mbr[at+5:], []byte{0xfe, 0xff, 0xff})
		put(at+8, end*mib)
		put(at+12, p.Size*mib)
		end += p.Size
	}
	mbr[446] = 0x80
	mbr[510], mbr[511] = 0x55, 0xaa
	return mbr, end
}

// place copies a file into f at an offset, leaving holes where it is empty.
func place(f *os.File, name string, at int64) error {
	in, err := os.Open(name)
	if err != nil {
		return err
	}
	defer in.Close()
	buf, zero := make([]byte, 1<<16), make([]byte, 1<<16)
	for {
		n, err := io.ReadFull(in, buf)
		if n > 0 && string(buf[:n]) != string(zero[:n]) {
			if _, err := f.WriteAt(buf[:n], at); err != nil {
				return err
			}
		}
		at += int64(n)
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
