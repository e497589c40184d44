// Package rootfs says what an image of the appliance is: how its card is divided,
// which boards there are, and which files of ours lie in its root file system. The
// builder (build/image) carries it out; package initrd, below, is what runs before
// the root file system does; package slots decides which of the two system slots
// is started.
//
// A system slot is one file system with everything that must fit together: kernel,
// initrd and compressed root. An update writes one whole slot, so that nothing can
// be half new.
package rootfs

import (
	"embed"
	"io/fs"
)

// The partitions of a card, in the order of their MBR entries (1 to 4). All are
// primary: the first loader of a Raspberry Pi 3 and U-Boot both read such a table.
const (
	Boot  = 1 // FAT: firmware, boot loader, slot choice, the user's files for the first boot
	SlotA = 2 // FAT: vmlinuz, initrd.img, root.sqfs
	SlotB = 3 // the same
	Data  = 4 // ext4: configuration and state; grown to the card's size at first boot
)

// Sizes in MiB. The data partition is as large as the card allows; DataSize is what
// the image brings.
const (
	Gap      = 4
	BootSize = 64
	SlotSize = 96
	DataSize = 64
)

// Signature is the MBR's disk signature, by which the initrd finds its card.
const Signature = 0x42524c4e // "BRLN"

// Counter is this release's place among all: it grows by one with each, and a card
// never goes back.
const Counter = 1

// User is the number of the user and the group that the exchange runs as. It is the
// same in both slots, because the files of the data partition carry it.
const User = 990

// Labels of the file systems.
const (
	BootLabel = "BRANCHLINE"
	SlotLabel = "BRLSLOT"
	DataLabel = "brldata"
)

// Files in a slot.
const (
	KernelFile = "vmlinuz"
	InitrdFile = "initrd.img"
	RootFile   = "root.sqfs"
)

// A Board is a kind of hardware with an image of its own.
type Board struct {
	Name   string // what `make image BOARD=` takes
	Debian string // architecture of the packages
	Go     string // GOARCH
	ARM    string // GOARM, "" where there is none
	Kernel string // Debian's package that depends on the newest kernel
	Boots  string // what it is for, in the user's words
	// Firmware are further packages with files for the boot partition.
	Firmware []string
	// Loader is U-Boot's file as Debian's u-boot-rpi lays it out; "" for a virtual
	// machine that is given its kernel.
	Loader string
	// Arguments of the kernel, besides those that every boot adds; ${serial} is what
	// boot.cmd calls the serial line.
	Arguments string
}

// Boards are all there are.
var Boards = []Board{
	{
		Name: "arm64", Debian: "arm64", Go: "arm64", Kernel: "linux-image-arm64",
		Boots:    "Raspberry Pi 3, 3+, Zero 2 W, 4, 400, Compute Module 4",
		Firmware: []string{"raspi-firmware"}, Loader: "usr/lib/u-boot/rpi_arm64/u-boot.bin",
		Arguments: "console=tty0 console=${serial},115200",
	},
	{
		Name: "armhf", Debian: "armhf", Go: "arm", ARM: "7", Kernel: "linux-image-armmp",
		Boots:    "Raspberry Pi 2, 3 with a 32-bit system",
		Firmware: []string{"raspi-firmware"}, Loader: "usr/lib/u-boot/rpi_3_32b/u-boot.bin",
		Arguments: "console=tty0 console=${serial},115200",
	},
	{
		Name: "amd64", Debian: "amd64", Go: "amd64", Kernel: "linux-image-cloud-amd64",
		Boots:     "a virtual machine, to try it",
		Arguments: "console=ttyS0,115200",
	},
}

// BoardNamed finds a board; false if there is none of that name.
func BoardNamed(name string) (Board, bool) {
	for _, b := range Boards {
		if b.Name == name {
			return b, true
		}
	}
	return Board{}, false
}

// Packages are Debian's packages in every root, without what they depend on.
var Packages = []string{
	"systemd", "udev", "systemd-timesyncd", "kmod", "mount", "e2fsprogs", "busybox-static",
	"ca-certificates", "tzdata", "netbase",
}

// Unwanted are packages that the others depend on in words, not in what is left of
// them here: nobody runs maintainer scripts or OpenSSL's command.
var Unwanted = []string{"debconf", "openssl", "openssl-provider-legacy", "gcc-14-base", "logsave", "libss2", "libaudit-common"}

//go:embed all:tree
var tree embed.FS

// Tree is our own files, as they lie in the root file system.
func Tree() fs.FS {
	sub, err := fs.Sub(tree, "tree")
	if err != nil {
		panic(err) // the name is right, or nothing is
	}
	return sub
}

// A Link is a symbolic link in the root file system.
type Link struct{ Path, Target string }

// Applets are the commands that busybox stands in for. They are for the person
// before a serial console; nothing of ours runs them.
var Applets = []string{
	"sh", "ls", "cat", "cp", "mv", "rm", "ps", "dmesg", "ip", "vi", "ping", "top", "less", "grep", "sleep", "date", "df", "free",
	"head", "tail", "echo", "kill", "mkdir", "uname", "hostname", "sync", "true", "false", "test", "wc", "sed", "find", "du", "ln", "chmod", "touch",
}

const units = "/usr/lib/systemd/system/"

// Links are the symbolic links of the root file system: what is on, what is off.
func Links() []Link {
	links := []Link{
		{"etc/systemd/system/default.target", units + "multi-user.target"},
		{"etc/systemd/system/multi-user.target.wants/branchline.service", "../branchline.service"},
		{"etc/systemd/system/asterisk.service", "branchline.service"},
		{"etc/systemd/system/multi-user.target.wants/branchline-confirm.service", "../branchline-confirm.service"},
		{"etc/systemd/system/multi-user.target.wants/branchline-trial.timer", "../branchline-trial.timer"},
		{"etc/systemd/system/multi-user.target.wants/branchline-firstboot.service", "../branchline-firstboot.service"},
		{"etc/systemd/system/multi-user.target.wants/branchline-sheet.service", "../branchline-sheet.service"},
		{"etc/systemd/system/branchline.service.wants/branchline-led.service", "../branchline-led.service"},
		{"etc/systemd/system/branchline.service.wants/branchline-ready.service", "../branchline-ready.service"},
		{"etc/systemd/system/multi-user.target.wants/branchline-log-end.service", "../branchline-log-end.service"},
		{"etc/systemd/system/multi-user.target.wants/branchline-log.timer", "../branchline-log.timer"},
		{"etc/systemd/system/sysinit.target.wants/systemd-timesyncd.service", units + "systemd-timesyncd.service"},
		{"etc/resolv.conf", "../run/branchline/resolv.conf"},
		{"etc/systemd/timesyncd.conf.d/branchline.conf", "/run/branchline/timesyncd.conf"},
		{"etc/systemd/system/multi-user.target.wants/branchline-time.path", "../branchline-time.path"},
		// The time zone is the user's; what is missing there is UTC.
		{"etc/localtime", "../data/etc/localtime"},
		{"etc/mtab", "../proc/self/mounts"},
		{"usr/sbin/asterisk", "branchline"},
		{"usr/sbin/rasterisk", "branchline"},
		{"usr/sbin/init", "../lib/systemd/systemd"},
		{"bin", "usr/bin"}, {"sbin", "usr/sbin"}, {"lib", "usr/lib"},
		{"var/run", "../run"}, {"var/lock", "../run/lock"},
	}
	for _, unit := range Masked {
		links = append(links, Link{"etc/systemd/system/" + unit, "/dev/null"})
	}
	return links
}

// Masked are units that Debian's packages bring and the appliance has no use for.
var Masked = []string{
	"getty.target", "console-getty.service", "systemd-logind.service", "systemd-user-sessions.service",
	"e2scrub_all.timer", "e2scrub_reap.service", "fstrim.timer",
	"systemd-hwdb-update.service", "ldconfig.service", "systemd-update-done.service", "systemd-journal-catalog-update.service",
	"systemd-random-seed.service", "systemd-remount-fs.service", "systemd-machine-id-commit.service", "systemd-firstboot.service",
	"systemd-networkd-persistent-storage.service", "systemd-networkd.service", "systemd-networkd.socket", "systemd-networkd-wait-online.service",
	"systemd-tpm2-setup.service", "systemd-tpm2-setup-early.service", "systemd-pcrlock.socket",
	"systemd-ask-password-console.path", "systemd-ask-password-wall.path", "systemd-sysext.socket", "systemd-sysext.service", "systemd-confext.service",
	"systemd-creds.socket", "systemd-hostnamed.socket", "systemd-bootctl.socket", "systemd-mute-console.socket",
	"systemd-tmpfiles-clean.timer", "proc-sys-fs-binfmt_misc.automount", "sys-fs-fuse-connections.mount",
	"dev-hugepages.mount", "dev-mqueue.mount", "sys-kernel-debug.mount", "sys-kernel-tracing.mount", "sys-kernel-config.mount",
	"kmod-static-nodes.service", "emergency.service", "rescue.service", "systemd-pstore.service", "systemd-battery-check.service",
}

// BootReadme lies on the boot partition, for whoever puts the card into a computer.
const BootReadme = "Branchline telephone exchange.\r\n\r\nPut branchline.txt here before the first start (branchline.sample.txt shows what\r\ncan be in it), or a folder named asterisk with your pjsip.conf, sip.conf and\r\nextensions.conf. After the start the phones' passwords are here, in\r\nbranchline-phones.txt, and what could not be understood in branchline-errors.txt.\r\n\r\nAn empty file named safe-mode starts with a default configuration and leaves yours\r\nalone; one named factory-reset removes everything.\r\n\r\nThe guide is in the project's README.\r\n"
