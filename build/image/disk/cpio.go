package disk

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"branchline/build/image/tool"
)

// CPIO is a directory as the kernel wants its initrd: the "newc" format, everything
// owned by root and of the same time.
func CPIO(dir string) ([]byte, error) {
	var out bytes.Buffer
	inode := 0
	add := func(name string, mode uint32, data []byte) {
		inode++
		links := 1
		if name == "TRAILER!!!" {
			inode, links = 0, 1
		}
		fmt.Fprintf(&out, "070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X", inode, mode, 0, 0, links, tool.Epoch.Unix(), len(data), 0, 0, 0, 0, len(name)+1, 0)
		out.WriteString(name + "\x00")
		pad(&out)
		out.Write(data)
		pad(&out)
	}
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || p == dir {
			return err
		}
		name, err := filepath.Rel(dir, p)
		if err != nil {
			return err
		}
		if d.IsDir() {
			add(name, unix.S_IFDIR|0o755, nil)
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		data, err := os.ReadFile(p)
		add(name, unix.S_IFREG|uint32(info.Mode().Perm()), data)
		return err
	})
	add("TRAILER!!!", 0, nil)
	return out.Bytes(), err
}

func pad(b *bytes.Buffer) {
	for b.Len()%4 != 0 {
		b.WriteByte(0)
	}
}
