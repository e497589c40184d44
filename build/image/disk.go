package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"branchline/rootfs"
	"branchline/rootfs/firstboot/wish"
	"branchline/rootfs/slots"
)

// reproducible has the tools take our time for now.
var reproducible = []string{fmt.Sprintf("SOURCE_DATE_EPOCH=%d", epoch.Unix()), fmt.Sprintf("E2FSPROGS_FAKE_TIME=%d", epoch.Unix()), "MTOOLS_SKIP_CHECK=1", "TZ=UTC"}

// initrd makes the first root: our program and the early modules.
func (b *builder) initrd() error {
	if err := b.compile("./rootfs/initrd", b.at("initrd/init")); err != nil {
		return err
	}
	for _, dir := range []string{"dev", "proc", "sys", "root", "slot"} {
		if err := os.MkdirAll(b.at("initrd", dir), 0o755); err != nil {
			return err
		}
	}
	archive, err := cpio(b.at("initrd"))
	if err != nil {
		return err
	}
	if err := os.WriteFile(b.at("initrd.cpio"), archive, 0o644); err != nil {
		return err
	}
	return run(nil, "zstd", "-q", "-f", "-19", "--rm", b.at("initrd.cpio"), "-o", b.at(rootfs.InitrdFile))
}

// compress makes the read-only root.
func (b *builder) compress() error {
	if err := settle(b.at("root")); err != nil {
		return err
	}
	file := b.at(rootfs.RootFile)
	if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return run(reproducible, "mksquashfs", b.at("root"), file, "-comp", "zstd", "-Xcompression-level", "22", "-b", "1M",
		"-all-root", "-noappend", "-no-progress", "-quiet")
}

// kernel finds a file of the kernel's package by its beginning.
func (b *builder) kernel() (string, error) {
	found, err := filepath.Glob(b.at("kernel/boot/vmlinuz-*"))
	if err != nil || len(found) != 1 {
		return "", errors.Join(err, fmt.Errorf("%d kernels in %s", len(found), b.at("kernel/boot")))
	}
	return found[0], nil
}

// slot makes the file system that an update replaces as a whole.
func (b *builder) slot() error {
	kernel, err := b.kernel()
	if err != nil {
		return err
	}
	if err := copyFile(kernel, b.at(rootfs.KernelFile), 0o644); err != nil {
		return err
	}
	return b.fat(b.at("slot.fat"), rootfs.SlotLabel, rootfs.SlotSize, 32, map[string]string{
		rootfs.KernelFile: b.at(rootfs.KernelFile), rootfs.InitrdFile: b.at(rootfs.InitrdFile), rootfs.RootFile: b.at(rootfs.RootFile),
	})
}

// fat makes a FAT file system of mib MiB that holds files (name to source).
func (b *builder) fat(image, label string, mib, width int, files map[string]string) error {
	if err := os.RemoveAll(image); err != nil {
		return err
	}
	id := sha256.Sum256([]byte(label))
	if err := run(reproducible, "mkfs.vfat", "--invariant", "-F", fmt.Sprint(width), "-n", label, "-i", hex.EncodeToString(id[:4]), "-C", image, fmt.Sprint(mib*1024)); err != nil {
		return err
	}
	var names []string
	for name := range files {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if err := lutimes(files[name], epoch); err != nil {
			return err
		}
		if dir := filepath.Dir(name); dir != "." {
			if err := run(reproducible, "mmd", "-D", "s", "-i", image, "::"+dir); err != nil && !strings.Contains(err.Error(), "exists") {
				return err
			}
		}
		if err := run(reproducible, "mcopy", "-m", "-i", image, files[name], "::"+name); err != nil {
			return err
		}
	}
	return nil
}

// bootFiles are the files of the boot partition, name to source.
func (b *builder) bootFiles() (map[string]string, error) {
	files := map[string]string{}
	text := func(name, content string) error {
		files[name] = b.at("boot", name)
		return write(files[name], []byte(content), 0o644)
	}
	err := errors.Join(
		text("README.txt", rootfs.BootReadme),
		text(wish.SampleFile, wish.Sample()),
		text(slots.SlotFile, string(slots.Default.SlotText())),
		text(slots.TryFile, string(slots.Default.TryText())),
	)
	if err != nil || b.board.Loader == "" {
		return files, err
	}
	if err := errors.Join(text("boot.cmd", b.board.BootScript()), text("config.txt", b.board.FirmwareConfig())); err != nil {
		return nil, err
	}
	// What the first loader reads: firmware, device trees, U-Boot and its script.
	delete(files, "boot.cmd")
	files["boot.scr"] = b.at("boot/boot.scr")
	if err := run(reproducible, "mkimage", "-q", "-A", "arm64", "-T", "script", "-d", b.at("boot/boot.cmd"), files["boot.scr"]); err != nil {
		return nil, err
	}
	files["u-boot.bin"] = b.at("kernel", b.board.Loader)
	for _, pattern := range []string{
		"usr/lib/raspi-firmware/bootcode.bin", "usr/lib/raspi-firmware/start_cd.elf", "usr/lib/raspi-firmware/fixup_cd.dat",
		"usr/lib/raspi-firmware/start4cd.elf", "usr/lib/raspi-firmware/fixup4cd.dat",
		"usr/lib/linux-image-*/broadcom/bcm2711-rpi-*.dtb", "usr/lib/linux-image-*/broadcom/bcm283[67]-rpi-*.dtb", "usr/lib/linux-image-*/broadcom/bcm2837-rpi-*.dtb",
		"usr/lib/linux-image-*/bcm2711-rpi-*.dtb", "usr/lib/linux-image-*/bcm283[67]-rpi-*.dtb",
	} {
		found, err := filepath.Glob(b.at("kernel", pattern))
		if err != nil {
			return nil, err
		}
		for _, f := range found {
			files[filepath.Base(f)] = f
		}
	}
	return files, nil
}

// image puts the partitions together.
func (b *builder) image() error {
	files, err := b.bootFiles()
	if err != nil {
		return err
	}
	if err := b.fat(b.at("boot.fat"), rootfs.BootLabel, rootfs.BootSize, 16, files); err != nil {
		return err
	}
	if err := b.data(); err != nil {
		return err
	}
	name := b.at(b.imageName())
	slot := rootfs.Gap + rootfs.BootSize
	data := slot + 2*rootfs.SlotSize
	if err := os.RemoveAll(name); err != nil {
		return err
	}
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	if err := f.Truncate(int64(data+rootfs.DataSize) << 20); err != nil {
		return errors.Join(err, f.Close())
	}
	mbr := table()
	_, err = f.WriteAt(mbr[:], 0)
	for _, p := range []struct {
		file string
		at   int
	}{{"boot.fat", rootfs.Gap}, {"slot.fat", slot}, {"data.ext4", data}} {
		err = errors.Join(err, place(f, b.at(p.file), int64(p.at)<<20))
	}
	return errors.Join(err, f.Close())
}

func (b *builder) imageName() string { return "branchline-" + b.name() + ".img" }

// table is the card's MBR.
func table() (mbr [512]byte) {
	const mib = 2048 // sectors
	put := func(at int, v uint32) {
		mbr[at], mbr[at+1], mbr[at+2], mbr[at+3] = byte(v), byte(v>>8), byte(v>>16), byte(v>>24)
	}
	put(440, rootfs.Signature)
	start := uint32(rootfs.Gap)
	for i, p := range []struct {
		size uint32
		kind byte
	}{{rootfs.BootSize, 0x0c}, {rootfs.SlotSize, 0x0c}, {rootfs.SlotSize, 0x0c}, {rootfs.DataSize, 0x83}} {
		at := 446 + 16*i
		mbr[at+4] = p.kind
		// Cylinders and heads: beyond what they can say, as every tool writes it.
		copy(mbr[at+1:], []byte{0xfe, 0xff, 0xff})
		copy(mbr[at+5:], []byte{0xfe, 0xff, 0xff})
		put(at+8, start*mib)
		put(at+12, p.size*mib)
		start += p.size
	}
	mbr[446] = 0x80
	mbr[510], mbr[511] = 0x55, 0xaa
	return mbr
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

// data makes the user's file system, empty: the initrd makes its directories. (mke2fs
// -d would copy the times of the directories here.)
func (b *builder) data() error {
	file := b.at("data.ext4")
	if err := os.RemoveAll(file); err != nil {
		return err
	}
	// It is to become as large as the card: blocks of 4 KiB, room for the descriptors
	// of 2 TiB, and not an inode for every 4 KiB, whose tables the kernel would have to
	// write.
	return run(reproducible, "mke2fs", "-q", "-t", "ext4", "-L", rootfs.DataLabel, "-m", "0", "-U", "6272616e-6368-6c69-6e65-000000000001",
		"-b", "4096", "-i", "32768",
		"-E", "resize=536870911,lazy_itable_init=1,root_owner=0:0,hash_seed=6272616e-6368-6c69-6e65-000000000002", file, fmt.Sprintf("%dM", rootfs.DataSize))
}
