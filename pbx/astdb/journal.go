package astdb

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"sort"

	"go.etcd.io/bbolt"
)

// A journal holds what is in memory and waits for the next commit, so that it
// survives the end of the process, though not of the power: it is written but
// never synced, and emptied by the commit long before the kernel would put it
// on flash.
//
// Every commit has a generation, which is stored with it. Records carry that of
// the commit they wait for; those of a generation that is committed are void,
// so a file whose emptying was lost does no harm. Generations alternate between
// two files, and each commit empties its own.
type journal struct {
	files [2]*os.File
	used  [2]bool
}

// A record is: checksum of the rest, its length, generation, 1 for a value or
// 0 for a removal, length of the name (each big endian), name, value.
const recordHead = 4 + 4 + 8 + 1 + 4

func (j *journal) open(path string) error {
	for i := range j.files {
		f, err := os.OpenFile(journalName(path, i), os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o640)
		if err != nil {
			return errors.Join(err, j.close())
		}
		j.files[i] = f
	}
	return nil
}

func journalName(path string, i int) string { return fmt.Sprintf("%s.journal%d", path, i) }

// add appends one record; value is nil for a removal.
func (j *journal) add(generation uint64, name string, value *string) error {
	size := recordHead + len(name)
	if value != nil {
		size += len(*value)
	}
	b := make([]byte, 4, size)
	b = binary.BigEndian.AppendUint32(b, uint32(size))
	b = binary.BigEndian.AppendUint64(b, generation)
	if value != nil {
		b = append(b, 1)
	} else {
		b = append(b, 0)
	}
	b = binary.BigEndian.AppendUint32(b, uint32(len(name)))
	b = append(b, name...)
	if value != nil {
		b = append(b, *value...)
	}
	binary.BigEndian.PutUint32(b, crc32.ChecksumIEEE(b[4:]))
	j.used[generation%2] = true
	_, err := j.files[generation%2].Write(b)
	return err
}

// empty forgets the records of a generation that is committed.
func (j *journal) empty(generation uint64) error {
	i := generation % 2
	if !j.used[i] {
		return nil
	}
	j.used[i] = false
	return j.files[i].Truncate(0)
}

func (j *journal) close() error {
	var errs []error
	for _, f := range j.files {
		if f != nil {
			errs = append(errs, f.Close())
		}
	}
	return errors.Join(errs...)
}

// A pending is one record that no commit has covered.
type pending struct {
	generation uint64
	name       string
	value      *string
}

// pendings reads the records after the committed generation, oldest first. A
// record that was cut short ends its file.
func (j *journal) pendings(committed uint64) ([]pending, error) {
	var out []pending
	for i, f := range j.files {
		data, err := os.ReadFile(f.Name())
		if err != nil {
			return nil, err
		}
		j.used[i] = len(data) > 0
		for len(data) > 0 {
			p, size, ok := readRecord(data)
			if !ok {
				break
			}
			if p.generation > committed {
				out = append(out, p)
			}
			data = data[size:]
		}
	}
	order := func(a, b pending) int {
		if a.generation < b.generation {
			return -1
		}
		return min(1, int(a.generation-b.generation))
	}
	sort.SliceStable(out, func(i, j int) bool { return order(out[i], out[j]) < 0 })
	return out, nil
}

func readRecord(b []byte) (p pending, size int, ok bool) {
	if len(b) < recordHead {
		return p, 0, false
	}
	length := binary.BigEndian.Uint32(b[4:])
	if length < recordHead || uint64(length) > uint64(len(b)) || crc32.ChecksumIEEE(b[4:length]) != binary.BigEndian.Uint32(b) {
		return p, 0, false
	}
	p.generation = binary.BigEndian.Uint64(b[8:])
	body := b[recordHead:length]
	named := binary.BigEndian.Uint32(b[17:])
	if uint64(named) > uint64(len(body)) {
		return p, 0, false
	}
	p.name = string(body[:named])
	if b[16] == 1 {
		v := string(body[named:])
		p.value = &v
	}
	return p, int(length), true
}

var (
	stateBucket   = []byte("state")
	generationKey = []byte("generation")
	closedKey     = []byte("closed") // is there while nobody has the store open
)

func generationOf(tx *bbolt.Tx) uint64 {
	if b := tx.Bucket(stateBucket); b != nil {
		if v := b.Get(generationKey); len(v) == 8 {
			return binary.BigEndian.Uint64(v)
		}
	}
	return 0
}

// takeClosed reads and removes the mark of putClosed.
func takeClosed(tx *bbolt.Tx) (bool, error) {
	b := tx.Bucket(stateBucket)
	if b == nil || b.Get(closedKey) == nil {
		return false, nil
	}
	return true, b.Delete(closedKey)
}

func putClosed(tx *bbolt.Tx) error {
	b, err := tx.CreateBucketIfNotExists(stateBucket)
	if err != nil {
		return err
	}
	return b.Put(closedKey, []byte{1})
}

func putGeneration(tx *bbolt.Tx, g uint64) error {
	b, err := tx.CreateBucketIfNotExists(stateBucket)
	if err != nil {
		return err
	}
	return b.Put(generationKey, binary.BigEndian.AppendUint64(nil, g))
}
