package disk

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"branchline/build/image/tool"
)

// FAT makes a FAT file system of mib MiB that holds files (name to source); width is
// 16 or 32.
func FAT(image, label string, mib, width int, files map[string]string) error {
	if err := os.RemoveAll(image); err != nil {
		return err
	}
	id := sha256.Sum256([]byte(label))
	if err := tool.Run(tool.Reproducible(), "mkfs.vfat", "--invariant", "-F", fmt.Sprint(width), "-n", label, "-i", hex.EncodeToString(id[:4]), "-C", image, fmt.Sprint(mib*1024)); err != nil {
		return err
	}
	var names []string
	for name := range files {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if err := lutimes(files[name], tool.Epoch); err != nil {
			return err
		}
		if dir := filepath.Dir(name); dir != "." {
			if err := tool.Run(tool.Reproducible(), "mmd", "-D", "s", "-i", image, "::"+dir); err != nil && !strings.Contains(err.Error(), "exists") {
				return err
			}
		}
		if err := tool.Run(tool.Reproducible(), "mcopy", "-m", "-i", image, files[name], "::"+name); err != nil {
			return err
		}
	}
	return nil
}

// Squash makes a read-only file system of a directory, all of whose files it gives the
// same time.
func Squash(dir, file string) error {
	if err := settle(dir); err != nil {
		return err
	}
	if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return tool.Run(tool.Reproducible(), "mksquashfs", dir, file, "-comp", "zstd", "-Xcompression-level", "22", "-b", "1M",
		"-all-root", "-noappend", "-no-progress", "-quiet")
}

// Ext4 makes an ext4 file system of mib MiB, empty. (mke2fs -d would copy the times of
// the directories here.)
func Ext4(file, label string, mib int) error {
	if err := os.RemoveAll(file); err != nil {
		return err
	}
	// It is to become as large as the card: blocks of 4 KiB, room for the descriptors
	// of 2 TiB, and not an inode for every 4 KiB, whose tables the kernel would have to
	// write.
	return tool.Run(tool.Reproducible(), "mke2fs", "-q", "-t", "ext4", "-L", label, "-m", "0", "-U", "6272616e-6368-6c69-6e65-000000000001",
		"-b", "4096", "-i", "32768",
		"-E", "resize=536870911,lazy_itable_init=1,root_owner=0:0,hash_seed=6272616e-6368-6c69-6e65-000000000002", file, fmt.Sprintf("%dM", mib))
}

// settle gives every file below dir the same time, so that nothing tells when it was
// built.
func settle(dir string) error {
	var all []string
	err := filepath.WalkDir(dir, func(p string, _ fs.DirEntry, err error) error {
		all = append(all, p)
		return err
	})
	if err != nil {
		return err
	}
	slices.Reverse(all) // what is in a directory before the directory
	for _, p := range all {
		if err := lutimes(p, tool.Epoch); err != nil {
			return err
		}
	}
	return nil
}

func lutimes(file string, at time.Time) error {
	tv := unix.NsecToTimeval(at.UnixNano())
	if err := unix.Lutimes(file, []unix.Timeval{tv, tv}); err != nil {
		return fmt.Errorf("%s: set time: %w", file, err)
	}
	return nil
}
