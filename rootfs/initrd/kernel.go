package main

import (
	"fmt"
	"os"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A kernel is what the initrd asks of Linux.
type kernel interface {
	log(line string)
	mount(from, at, kind string, flags uintptr, options string) error
	// insert loads a module.
	insert(file, parameters string) error
	// loop makes a block device of a file and is its name.
	loop(file string) (string, error)
	// stretch tells the kernel a partition's new length, in sectors.
	stretch(disk string, partition int, start, length uint32) error
	// blocks is the number and the size of the blocks of a file system that is mounted.
	blocks(at string) (n, size uint64, err error)
	// grow makes the ext4 mounted there larger.
	grow(at string, blocks uint64) error
	// own makes a user's and a group's number those of a file's owner.
	own(file string, number int) error
	// enter makes a directory the root of everything and becomes its init.
	enter(root string) error
}

// linux is the real one.
type linux struct{}

func (linux) log(line string) {
	if os.WriteFile("/dev/kmsg", []byte(line), 0) != nil {
		fmt.Println(line)
	}
}

func (linux) own(file string, number int) error { return os.Chown(file, number, number) }

func (linux) mount(from, at, kind string, flags uintptr, options string) error {
	return unix.Mount(from, at, kind, flags, options)
}

// compressedModule has the kernel unpack a module by itself (Linux 5.17).
const compressedModule = 4

func (linux) insert(file, parameters string) error {
	m, err := os.Open(file)
	if err != nil {
		return err
	}
	defer m.Close()
	flags := 0
	if !strings.HasSuffix(file, ".ko") {
		flags = compressedModule
	}
	return unix.FinitModule(int(m.Fd()), parameters, flags)
}

func (linux) loop(file string) (string, error) {
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

func (linux) stretch(disk string, partition int, start, length uint32) error {
	f, err := os.Open("/dev/" + disk)
	if err != nil {
		return err
	}
	defer f.Close()
	p := unix.BlkpgPartition{Start: int64(start) * 512, Length: int64(length) * 512, Pno: int32(partition)}
	a := unix.BlkpgIoctlArg{Op: unix.BLKPG_RESIZE_PARTITION, Datalen: int32(unsafe.Sizeof(p)), Data: (*byte)(unsafe.Pointer(&p))}
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, f.Fd(), unix.BLKPG, uintptr(unsafe.Pointer(&a))); errno != 0 {
		return errno
	}
	return nil
}

func (linux) blocks(at string) (n, size uint64, err error) {
	var s unix.Statfs_t
	err = unix.Statfs(at, &s)
	return s.Blocks, uint64(s.Bsize), err
}

// ext4Resize is EXT4_IOC_RESIZE_FS, _IOW('f', 16, __u64).
const ext4Resize = 0x40086610

func (linux) grow(at string, blocks uint64) error {
	d, err := os.Open(at)
	if err != nil {
		return err
	}
	defer d.Close()
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, d.Fd(), ext4Resize, uintptr(unsafe.Pointer(&blocks))); errno != 0 {
		return errno
	}
	return nil
}

func (linux) enter(root string) error {
	if err := os.Chdir(root); err != nil {
		return err
	}
	if err := unix.Mount(".", "/", "", unix.MS_MOVE, ""); err != nil {
		return fmt.Errorf("move %s to /: %w", root, err)
	}
	if err := unix.Chroot("."); err != nil {
		return fmt.Errorf("chroot: %w", err)
	}
	if err := os.Chdir("/"); err != nil {
		return err
	}
	const init = "/usr/lib/systemd/systemd"
	return fmt.Errorf("%s: %w", init, unix.Exec(init, []string{"/usr/sbin/init"}, []string{"PATH=/usr/sbin:/usr/bin", "HOME=/root", "TERM=linux"}))
}
