package main

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"sort"
)

// A tree is what the guest's root file system will hold: paths without a leading
// slash. It is written as a cpio archive of the kernel's "newc" form (the
// kernel's Documentation/driver-api/early-userspace/buffer-format.rst).
type tree map[string]file

type file struct {
	mode fs.FileMode // type and permissions
	data []byte      // content, or where a link points
}

// put adds a file and the directories above it.
func (t tree) put(name string, mode fs.FileMode, data []byte) {
	t[name] = file{mode, data}
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		if _, there := t[dir]; !there {
			t[dir] = file{mode: fs.ModeDir | 0o755}
		}
	}
}

// copy adds a file of this machine; links are followed.
func (t tree) copy(name, from string) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	info, err := os.Stat(from)
	if err != nil {
		return err
	}
	t.put(name, info.Mode().Perm(), data)
	return nil
}

// write writes the archive. Names are sorted, so that a directory stands before
// what is in it.
func (t tree) write(w io.Writer) error {
	names := make([]string, 0, len(t))
	for name := range t {
		names = append(names, name)
	}
	sort.Strings(names)
	for i, name := range names {
		if err := entry(w, i+1, name, t[name]); err != nil {
			return err
		}
	}
	return entry(w, 0, "TRAILER!!!", file{})
}

// File types as stat(2) has them.
const (
	typeDirectory = 0o040000
	typeRegular   = 0o100000
	typeLink      = 0o120000
)

func entry(w io.Writer, inode int, name string, f file) error {
	mode := uint32(f.mode.Perm())
	switch {
	case f.mode&fs.ModeDir != 0:
		mode |= typeDirectory
	case f.mode&fs.ModeSymlink != 0:
		mode |= typeLink
	case inode != 0:
		mode |= typeRegular
	}
	header := fmt.Sprintf("070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X",
		inode, mode, 0, 0, 1, 0, len(f.data), 0, 0, 0, 0, len(name)+1, 0)
	for _, part := range []string{padded(header + name + "\x00"), padded(string(f.data))} {
		if _, err := io.WriteString(w, part); err != nil {
			return err
		}
	}
	return nil
}

// padded fills up to a multiple of four bytes.
func padded(s string) string { return s + "\x00\x00\x00"[:(4-len(s)%4)%4] }
