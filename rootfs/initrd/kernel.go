package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"

	"branchline/rootfs"
)

func mount(from, at, kind string, flags uintptr, options string) error {
	if err := os.MkdirAll(at, 0o755); err != nil && !errors.Is(err, unix.EROFS) {
		return err
	}
	if err := unix.Mount(from, at, kind, flags, options); err != nil {
		return fmt.Errorf("mount %s at %s: %w", from, at, err)
	}
	return nil
}

func move(from, to string) error {
	if err := unix.Mount(from, to, "", unix.MS_MOVE, ""); err != nil {
		return fmt.Errorf("move %s to %s: %w", from, to, err)
	}
	return nil
}

// compressedModule has the kernel unpack a module by itself (Linux 5.17).
const compressedModule = 4

// parameters are what modules are loaded with, by the module's name, after the kernel's
// command line: ramoops is told which memory the boot loader has put aside for a dying
// kernel's last words, and stays away if there is none.
func parameters(line string) map[string]string {
	out := map[string]string{}
	if at := argument(line, "branchline.oops"); at != "" {
		out["ramoops"] = fmt.Sprintf("mem_address=%s mem_size=%#x record_size=%#x", at, rootfs.OopsSize, rootfs.OopsSize/8)
	}
	return out
}

// loadModules loads the modules listed in file, one a line, in order. A module that
// the hardware has no use for may fail.
func loadModules(file string, parameters map[string]string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		name, _, _ := strings.Cut(filepath.Base(lines.Text()), ".ko")
		if name == "ramoops" && parameters[name] == "" {
			continue
		}
		m, err := os.Open(lines.Text())
		if err != nil {
			return err
		}
		flags := 0
		if !strings.HasSuffix(lines.Text(), ".ko") {
			flags = compressedModule
		}
		err = unix.FinitModule(int(m.Fd()), parameters[name], flags)
		m.Close()
		if err != nil && !errors.Is(err, unix.EEXIST) && !errors.Is(err, unix.ENODEV) {
			say("<4>", "%s: %v", name, err)
		}
	}
	return lines.Err()
}

// attachLoop makes a block device of a file and is its name.
func attachLoop(file string) (string, error) {
	ctl, err := os.OpenFile("/dev/loop-control", os.O_RDWR, 0)
	if err != nil {
		return "", err
	}
	defer ctl.Close()
	n, err := unix.IoctlRetInt(int(ctl.Fd()), unix.LOOP_CTL_GET_FREE)
	if err != nil {
		return "", fmt.Errorf("loop device: %w", err)
	}
	name := fmt.Sprintf("/dev/loop%d", n)
	loop, err := os.OpenFile(name, os.O_RDONLY, 0)
	if err != nil {
		return "", err
	}
	defer loop.Close()
	image, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer image.Close()
	if err := unix.IoctlSetInt(int(loop.Fd()), unix.LOOP_SET_FD, int(image.Fd())); err != nil {
		return "", fmt.Errorf("%s: %w", name, err)
	}
	return name, nil
}

// sectors is the size of a disk or partition in sectors of 512 bytes.
func sectors(device string) (uint64, error) {
	b, err := os.ReadFile("/sys/class/block/" + filepath.Base(device) + "/size")
	if err != nil {
		return 0, err
	}
	return strconv.ParseUint(strings.TrimSpace(string(b)), 10, 64)
}

// growPartition stretches the data partition to the end of the card and is its new
// size in MiB, 0 if it had it already.
func growPartition(disk string) (int, error) {
	total, err := sectors(disk)
	if err != nil {
		return 0, err
	}
	f, err := os.OpenFile("/dev/"+disk, os.O_RDWR, 0)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	var mbr [512]byte
	if _, err := f.ReadAt(mbr[:], 0); err != nil {
		return 0, err
	}
	start, length, changed := growEntry(&mbr, rootfs.Data, total)
	if !changed {
		return 0, nil
	}
	if _, err := f.WriteAt(mbr[:], 0); err != nil {
		return 0, err
	}
	if err := f.Sync(); err != nil {
		return 0, err
	}
	p := unix.BlkpgPartition{Start: int64(start) * 512, Length: int64(length) * 512, Pno: rootfs.Data}
	if err := resizePartition(f.Fd(), &p); err != nil {
		return 0, fmt.Errorf("resize partition: %w", err)
	}
	return int(length / 2048), nil
}

func resizePartition(disk uintptr, p *unix.BlkpgPartition) error {
	a := unix.BlkpgIoctlArg{Op: unix.BLKPG_RESIZE_PARTITION, Datalen: int32(unsafe.Sizeof(*p)), Data: (*byte)(unsafe.Pointer(p))}
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, disk, unix.BLKPG, uintptr(unsafe.Pointer(&a))); errno != 0 {
		return errno
	}
	return nil
}

// ext4Resize is EXT4_IOC_RESIZE_FS, _IOW('f', 16, __u64).
const ext4Resize = 0x40086610

// growFilesystem stretches the ext4 mounted at at to its partition and is its new
// size in blocks, 0 if it had it already.
func growFilesystem(device, at string) (uint64, error) {
	n, err := sectors(device)
	if err != nil {
		return 0, err
	}
	var s unix.Statfs_t
	if err := unix.Statfs(at, &s); err != nil || s.Bsize == 0 {
		return 0, err
	}
	blocks := n * 512 / uint64(s.Bsize)
	if blocks < s.Blocks*5/4 {
		return 0, nil // what is missing are its own tables
	}
	d, err := os.Open(at)
	if err != nil {
		return 0, err
	}
	defer d.Close()
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, d.Fd(), ext4Resize, uintptr(unsafe.Pointer(&blocks))); errno != 0 {
		return 0, fmt.Errorf("resize: %w", errno)
	}
	return blocks, nil
}
