package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"branchline/build/image/disk"
	"branchline/build/image/tool"
	"branchline/rootfs"
	"branchline/rootfs/firstboot/wish"
	"branchline/rootfs/slots"
)

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
	archive, err := disk.CPIO(b.at("initrd"))
	if err != nil {
		return err
	}
	if err := os.WriteFile(b.at("initrd.cpio"), archive, 0o644); err != nil {
		return err
	}
	return tool.Run(nil, "zstd", "-q", "-f", "-19", "--rm", b.at("initrd.cpio"), "-o", b.at(rootfs.InitrdFile))
}

// compress makes the read-only root.
func (b *builder) compress() error {
	return disk.Squash(b.at("root"), b.at(rootfs.RootFile))
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
	return disk.FAT(b.at("slot.fat"), rootfs.SlotLabel, rootfs.SlotSize, 32, map[string]string{
		rootfs.KernelFile: b.at(rootfs.KernelFile), rootfs.InitrdFile: b.at(rootfs.InitrdFile), rootfs.RootFile: b.at(rootfs.RootFile),
	})
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
	if err := tool.Run(tool.Reproducible(), "mkimage", "-q", "-A", "arm64", "-T", "script", "-d", b.at("boot/boot.cmd"), files["boot.scr"]); err != nil {
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
	if err := disk.FAT(b.at("boot.fat"), rootfs.BootLabel, rootfs.BootSize, 16, files); err != nil {
		return err
	}
	// The user's file system: the initrd makes its directories.
	data := b.at("data.ext4")
	if err := disk.Ext4(data, rootfs.DataLabel, rootfs.DataSize); err != nil {
		return err
	}
	return disk.Card(b.at(b.imageName()), rootfs.Signature, rootfs.Gap, []disk.Partition{
		{Size: rootfs.BootSize, Kind: 0x0c, File: b.at("boot.fat")}, {Size: rootfs.SlotSize, Kind: 0x0c, File: b.at("slot.fat")},
		{Size: rootfs.SlotSize, Kind: 0x0c}, {Size: rootfs.DataSize, Kind: 0x83, File: data},
	})
}

func (b *builder) imageName() string { return "branchline-" + b.name() + ".img" }
