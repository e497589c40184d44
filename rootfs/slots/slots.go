// Package slots decides which of the card's two system slots is started. The
// decision lies in two small files on the boot partition, which the boot loader
// reads and the running system rewrites: slot.env names the slot that is known to
// be good, try.env one that has yet to prove itself and how many starts it has left
// for that.
//
// Both are in U-Boot's environment format with its check sum (`env import -c`): a
// file that a power cut has torn is as good as none, and then slot A is started.
// They never change their length and fill one sector of the card, so that rewriting
// one in place is a single write.
package slots

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"branchline/rootfs"
)

// The files, below the boot partition.
const (
	SlotFile = "slot.env"
	TryFile  = "try.env"
)

// Size of each file in bytes: one sector.
const Size = 512

// A State is what the two files say.
type State struct {
	Active int // the slot that is good: rootfs.SlotA or SlotB
	Try    int // the slot on trial, 0: none
	Left   int // starts that the one on trial has left
}

// Default is the state when nothing can be read.
var Default = State{Active: rootfs.SlotA}

// Other is the slot that is not s.
func Other(s int) int { return rootfs.SlotA + rootfs.SlotB - s }

// Next is the slot that the boot loader will start, and the state it leaves behind.
// It is the loader's script in Go: the two are tested against each other.
func (s State) Next() (slot int, trying bool, after State) {
	switch {
	case s.Try == 0:
		return s.Active, false, s
	case s.Left > 0:
		s.Left--
		return s.Try, true, s
	}
	s.Try = 0
	return s.Active, false, s
}

// encode makes a file of Size bytes of variables.
func encode(vars ...string) []byte {
	b := make([]byte, Size)
	at := 4
	for _, v := range vars {
		at += copy(b[at:], v) + 1
	}
	binary.LittleEndian.PutUint32(b, crc32.ChecksumIEEE(b[4:]))
	return b
}

// SlotText and TryText are the contents of the two files.
func (s State) SlotText() []byte { return encode("active=" + strconv.Itoa(s.Active)) }

// TryText is the content of TryFile.
func (s State) TryText() []byte {
	return encode("left="+strconv.Itoa(s.Left), "try="+strconv.Itoa(s.Try))
}

// decode reads a file; the sum must hold.
func decode(b []byte) (map[string]int, error) {
	if len(b) != Size {
		return nil, fmt.Errorf("%d bytes, want %d", len(b), Size)
	}
	if binary.LittleEndian.Uint32(b) != crc32.ChecksumIEEE(b[4:]) {
		return nil, errors.New("check sum does not hold")
	}
	vars := map[string]int{}
	for _, v := range bytes.Split(b[4:], []byte{0}) {
		if len(v) == 0 {
			break
		}
		name, value, ok := bytes.Cut(v, []byte("="))
		n, err := strconv.Atoi(string(value))
		if !ok || err != nil {
			return nil, fmt.Errorf("variable %q", v)
		}
		vars[string(name)] = n
	}
	return vars, nil
}

// Parse reads the contents of the two files. What cannot be read is as in Default,
// and said in the error.
func Parse(slot, try []byte) (State, error) {
	s := Default
	vars, err := decode(slot)
	if err == nil && !valid(vars["active"]) {
		err = fmt.Errorf("slot %d", vars["active"])
	}
	if err != nil {
		err = fmt.Errorf("%s: %w", SlotFile, err)
	} else {
		s.Active = vars["active"]
	}
	vars, err2 := decode(try)
	if err2 == nil && vars["try"] != 0 && !valid(vars["try"]) {
		err2 = fmt.Errorf("slot %d", vars["try"])
	}
	if err2 != nil {
		return s, errors.Join(err, fmt.Errorf("%s: %w", TryFile, err2))
	}
	s.Try, s.Left = vars["try"], max(0, vars["left"])
	return s, err
}

func valid(slot int) bool { return slot == rootfs.SlotA || slot == rootfs.SlotB }

// Read reads the two files below the boot partition's directory. A file that is not
// there is as in Default.
func Read(boot fs.FS) (State, error) {
	slot, err := readFile(boot, SlotFile, Default.SlotText())
	if err != nil {
		return Default, err
	}
	try, err := readFile(boot, TryFile, Default.TryText())
	if err != nil {
		return Default, err
	}
	return Parse(slot, try)
}

func readFile(boot fs.FS, name string, absent []byte) ([]byte, error) {
	b, err := fs.ReadFile(boot, name)
	if errors.Is(err, fs.ErrNotExist) {
		return absent, nil
	}
	return b, err
}

// Put puts slot on trial for so many starts. Active stays what it was.
func Put(boot string, slot, starts int) error {
	if !valid(slot) || starts < 1 {
		return fmt.Errorf("no slot %d, or no start for it", slot)
	}
	return rewrite(filepath.Join(boot, TryFile), State{Try: slot, Left: starts}.TryText())
}

// Commit makes slot the good one and ends its trial, in this order: a power cut
// between the two starts the slot that has just proved itself.
func Commit(boot string, slot int) error {
	if !valid(slot) {
		return fmt.Errorf("no slot %d", slot)
	}
	if err := rewrite(filepath.Join(boot, SlotFile), State{Active: slot}.SlotText()); err != nil {
		return err
	}
	return rewrite(filepath.Join(boot, TryFile), State{}.TryText())
}

// rewrite overwrites a file in place: its sector stays where it is, and the file
// system's tables are not touched.
func rewrite(file string, b []byte) error {
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_SYNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(b, 0)
	return errors.Join(err, f.Sync(), f.Close())
}
