// Command initrd is the first process of a started card: it loads the kernel
// modules that the root needs, finds the card by its signature, mounts the chosen
// system slot and the data partition, and makes way for systemd. It is the only
// program in the initrd; there is no shell.
//
// Whatever is wrong with the data partition, the exchange must start: it then runs
// with data in memory and says so. A slot that cannot be mounted is the end of this
// start: the kernel's panic= restarts the board, and the boot loader counts.
package main

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"branchline/rootfs"
)

// patience is how long a card may take to appear: USB and slow SD controllers.
const patience = 20 * time.Second

func main() {
	s := starter{kernel: linux{}}
	s.say("<2>", "cannot start: %v", s.start())
	time.Sleep(5 * time.Second) // for somebody who reads it on the screen
	os.Exit(1)                  // the kernel panics, and starts again
}

// A starter starts a system. On a card everything is where it is, below the top "";
// tests have another top and another kernel.
type starter struct {
	kernel kernel
	top    string
}

// mount mounts at a directory, which it makes.
func (s *starter) mount(from, at, kind string, flags uintptr, options string) error {
	if err := os.MkdirAll(s.top+at, 0o755); err != nil && !errors.Is(err, unix.EROFS) {
		return err
	}
	if err := s.kernel.mount(from, at, kind, flags, options); err != nil {
		return fmt.Errorf("mount %s at %s: %w", from, at, err)
	}
	return nil
}

// move moves what is mounted.
func (s *starter) move(from, to string) error { return s.mount(from, to, "", unix.MS_MOVE, "") }

// say writes to the kernel's log, and so to every console.
func (s *starter) say(level, format string, args ...any) {
	s.kernel.log(level + "initrd: " + fmt.Sprintf(format, args...))
}

// start returns only if systemd could not be started.
func (s *starter) start() error {
	for _, m := range []struct{ kind, at, options string }{
		{"proc", "/proc", ""}, {"sysfs", "/sys", ""}, {"devtmpfs", "/dev", "mode=0755"},
	} {
		if err := s.mount(m.kind, m.at, m.kind, 0, m.options); err != nil && !errors.Is(err, unix.EBUSY) {
			return err
		}
	}
	line, err := os.ReadFile(s.top + "/proc/cmdline")
	if err != nil {
		return err
	}
	if err := s.loadModules("/modules", parameters(string(line))); err != nil {
		s.say("<4>", "%v", err)
	}
	slot, err := strconv.Atoi(argument(string(line), "branchline.slot"))
	if err != nil || slot != rootfs.SlotA && slot != rootfs.SlotB {
		return fmt.Errorf("branchline.slot= on the kernel's command line must be %d or %d", rootfs.SlotA, rootfs.SlotB)
	}
	disk, err := s.findDisk(rootfs.Signature, patience)
	if err != nil {
		return err
	}
	if mib, err := s.growPartition(disk); err != nil {
		s.say("<4>", "data partition: %v", err)
	} else if mib > 0 {
		s.say("<5>", "data partition grown to %d MiB", mib)
	}
	if err := s.mountRoot(partition(disk, slot)); err != nil {
		return err
	}
	s.mountBoot(partition(disk, rootfs.Boot))
	if err := s.mountData(partition(disk, rootfs.Data)); err != nil {
		return err
	}
	if err := s.spoil(); err != nil {
		return err
	}
	s.say("<5>", "slot %d of %s", slot, disk)
	return s.enter("/root")
}

// argument is the value of key=value on a kernel's command line; the last one
// counts.
func argument(line, key string) (value string) {
	for _, word := range strings.Fields(line) {
		if v, ok := strings.CutPrefix(word, key+"="); ok {
			value = v
		}
	}
	return value
}

// findDisk waits for the disk whose MBR carries the signature and is its name under
// /dev.
func (s *starter) findDisk(signature uint32, patience time.Duration) (string, error) {
	for deadline := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		disks, _ := filepath.Glob(s.top + "/sys/block/*")
		for _, d := range disks {
			name := filepath.Base(d)
			if strings.HasPrefix(name, "loop") || strings.HasPrefix(name, "ram") {
				continue
			}
			var sector [512]byte
			if f, err := os.Open(s.top + "/dev/" + name); err == nil {
				_, err = f.ReadAt(sector[:], 0)
				f.Close()
				if got, ok := diskSignature(&sector); err == nil && ok && got == signature {
					return name, nil
				}
			}
		}
		if time.Now().After(deadline) {
			return "", fmt.Errorf("no disk with signature %08x appeared in %v", signature, patience)
		}
	}
}

// partition is the device of a disk's n-th partition.
func partition(disk string, n int) string {
	if last := disk[len(disk)-1]; last >= '0' && last <= '9' {
		return fmt.Sprintf("/dev/%sp%d", disk, n)
	}
	return fmt.Sprintf("/dev/%s%d", disk, n)
}

// mountRoot mounts a slot, and the compressed root in it, at /root.
func (s *starter) mountRoot(slot string) error {
	if err := s.mount(slot, "/slot", "vfat", unix.MS_RDONLY, "umask=077"); err != nil {
		return err
	}
	loop, err := s.kernel.loop("/slot/" + rootfs.RootFile)
	if err != nil {
		return err
	}
	if err := s.mount(loop, "/root", "squashfs", unix.MS_RDONLY, ""); err != nil {
		return err
	}
	if err := s.move("/slot", "/root/slot"); err != nil {
		return err
	}
	if err := s.mount("tmpfs", "/root/var", "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=0755,size=64m"); err != nil {
		return err
	}
	return s.mount("tmpfs", "/root/tmp", "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=1777,size=32m")
}

// mountBoot mounts the boot partition, to be read; without it only the files for a
// first boot and the slot choice are missing.
func (s *starter) mountBoot(device string) {
	if err := s.mount(device, "/root/boot", "vfat", unix.MS_RDONLY|unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "umask=077"); err != nil {
		s.say("<4>", "boot partition: %v", err)
	}
}

// dataOptions: a commit every 30 seconds spares the card. The kernel is not to read
// bitmaps ahead: that runs beside the growing and takes the descriptors of new block
// groups for damaged, with every write refused from then on.
const dataOptions = "commit=30,errors=remount-ro,no_prefetch_block_bitmaps"

// mountData mounts what belongs to the user: /data, and from there /etc/asterisk,
// /var/lib, /var/spool and the machine's identity.
func (s *starter) mountData(device string) error {
	const flags = unix.MS_NOATIME | unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC
	err := s.mount(device, "/root/data", "ext4", flags, dataOptions)
	if err == nil {
		if blocks, err := s.growFilesystem(device, "/root/data"); err != nil {
			s.say("<4>", "data file system: %v", err)
		} else if blocks > 0 {
			s.say("<5>", "data file system grown to %d blocks", blocks)
		}
		err = s.makeFolders("/root/data")
	}
	if err != nil {
		s.say("<2>", "data partition: %v: nothing is kept until it is repaired", err)
		if err := s.mount("tmpfs", "/root/data", "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=0755,size=64m"); err != nil {
			return err
		}
		if err := s.makeFolders("/root/data"); err != nil {
			return err
		}
	}
	for _, f := range folders {
		if err := s.mount("/root/data/"+f.from, "/root/"+f.to, "", unix.MS_BIND, ""); err != nil {
			s.say("<4>", "%v", err)
		}
	}
	const identity = "/root/data/machine-id"
	err = ensureIdentity(s.top + identity)
	if err == nil {
		err = s.kernel.mount(identity, "/root/etc/machine-id", "", unix.MS_BIND, "")
	}
	if err != nil {
		s.say("<4>", "machine-id: %v", err)
	}
	return nil
}

// folders are the places of the data partition that appear elsewhere.
var folders = []struct {
	from, to string
	owner    int
}{
	{"etc/asterisk", "etc/asterisk", rootfs.User}, {"lib", "var/lib", 0}, {"spool", "var/spool", 0}, {"spool/asterisk", "var/spool/asterisk", rootfs.User},
}

// makeFolders makes the folders that are not there, which fails where nothing can be
// written.
func (s *starter) makeFolders(data string) error {
	for _, f := range folders {
		dir := filepath.Join(s.top+data, f.from)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
		if err := s.kernel.own(data+"/"+f.from, f.owner); err != nil {
			s.say("<4>", "%v", err)
		}
	}
	return nil
}

// ensureIdentity makes the machine-id (see machine-id(5)) that a card keeps for its
// life.
func ensureIdentity(file string) error {
	if b, err := os.ReadFile(file); err == nil && len(b) == 33 {
		return nil
	}
	var id [16]byte
	_, _ = rand.Read(id[:])
	return os.WriteFile(file, []byte(hex.EncodeToString(id[:])+"\n"), 0o444)
}

// enter takes what is mounted here along into root, and goes there for good.
func (s *starter) enter(root string) error {
	for _, d := range []string{"/dev", "/proc", "/sys"} {
		if err := s.move(d, root+d); err != nil {
			return err
		}
	}
	return s.kernel.enter(root)
}
