package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"golang.org/x/sys/unix"

	"branchline/rootfs"
)

// A record is a kernel that writes down what it is asked for.
type record struct {
	t     *testing.T
	top   string
	calls []string
	fails string // what a call that fails begins with
	has   uint64 // blocks of the data file system
}

var errAsked = errors.New("as asked")

func (r *record) call(format string, args ...any) error {
	c := fmt.Sprintf(format, args...)
	r.calls = append(r.calls, c)
	if r.fails != "" && strings.HasPrefix(c, r.fails) {
		return errAsked
	}
	return nil
}

func (r *record) log(line string) { _ = r.call("%s", line) }

func (r *record) mount(from, at, kind string, flags uintptr, options string) error {
	if _, err := os.Stat(r.top + at); err != nil {
		r.t.Error(err)
	}
	if kind == "tmpfs" && at == "/root/data" {
		if err := os.RemoveAll(r.top + at); err != nil {
			r.t.Error(err)
		}
	}
	return r.call("mount %s %s %s %x %s", from, at, kind, flags, options)
}

func (r *record) insert(file, parameters string) error {
	return r.call("insert %s %s", file, parameters)
}

func (r *record) loop(file string) (string, error) { return "/dev/loop0", r.call("loop %s", file) }

func (r *record) stretch(disk string, partition int, start, length uint32) error {
	return r.call("stretch %s %d %d %d", disk, partition, start, length)
}

func (r *record) blocks(at string) (n, size uint64, err error) {
	return r.has, 4096, r.call("blocks %s", at)
}
func (r *record) grow(at string, blocks uint64) error { return r.call("grow %s %d", at, blocks) }
func (r *record) own(file string, number int) error   { return r.call("own %s %d", file, number) }
func (r *record) enter(root string) error             { return r.call("enter %s", root) }

const mib = 2048 // sectors

// machine is a computer with the card in its second drive; the card has 1 GiB.
func machine(t *testing.T) (*starter, *record) {
	t.Helper()
	top := t.TempDir()
	card, other := table(260*mib, 64*mib), table(1, 1)
	binary.LittleEndian.PutUint32(card[440:], rootfs.Signature)
	for name, text := range map[string]string{
		"proc/cmdline":               "quiet branchline.slot=3 branchline.oops=0x1000\n",
		"modules":                    "/lib/loop.ko\n/lib/ext4.ko.xz\n/lib/ramoops.ko.xz\n",
		"dev/sda":                    string(other[:]),
		"dev/loop0":                  string(card[:]), // what a slot holds is no card
		"dev/ram0":                   string(card[:]),
		"dev/vda":                    string(card[:]),
		"sys/block/sda/x":            "",
		"sys/block/loop0/x":          "",
		"sys/block/ram0/x":           "",
		"sys/block/sdb/x":            "", // an empty reader
		"sys/block/vda/x":            "",
		"sys/class/block/vda/size":   fmt.Sprintln(1024 * mib),
		"sys/class/block/vda4/size":  fmt.Sprintln(764 * mib),
		"root/etc/machine-id":        "",
		"root/usr/lib/systemd/where": "",
	} {
		file := filepath.Join(top, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	r := &record{t: t, top: top, has: 16000}
	return &starter{kernel: r, top: top}, r
}

const (
	hidden   = unix.MS_NOSUID | unix.MS_NODEV
	ordinary = hidden | unix.MS_NOEXEC
)

// firstStart is what a card's first start asks of the kernel.
var firstStart = []string{
	"mount proc /proc proc 0 ", "mount sysfs /sys sysfs 0 ", "mount devtmpfs /dev devtmpfs 0 mode=0755",
	"insert /lib/loop.ko ", "insert /lib/ext4.ko.xz ", "insert /lib/ramoops.ko.xz mem_address=0x1000 mem_size=0x100000 record_size=0x20000",
	fmt.Sprintf("stretch vda 4 %d %d", 260*mib, 764*mib), "<5>initrd: data partition grown to 764 MiB",
	"mount /dev/vda3 /slot vfat 1 umask=077", "loop /slot/root.sqfs", "mount /dev/loop0 /root squashfs 1 ", "mount /slot /root/slot  2000 ",
	fmt.Sprintf("mount tmpfs /root/var tmpfs %x mode=0755,size=64m", hidden), fmt.Sprintf("mount tmpfs /root/tmp tmpfs %x mode=1777,size=32m", hidden),
	fmt.Sprintf("mount /dev/vda1 /root/boot vfat %x umask=077", ordinary|unix.MS_RDONLY),
	fmt.Sprintf("mount /dev/vda4 /root/data ext4 %x commit=30,errors=remount-ro,no_prefetch_block_bitmaps", ordinary|unix.MS_NOATIME),
	"blocks /root/data", fmt.Sprintf("grow /root/data %d", 764<<8), fmt.Sprintf("<5>initrd: data file system grown to %d blocks", 764<<8),
	"own /root/data/etc/asterisk 990", "own /root/data/lib 0", "own /root/data/spool 0", "own /root/data/spool/asterisk 990",
	"mount /root/data/etc/asterisk /root/etc/asterisk  1000 ", "mount /root/data/lib /root/var/lib  1000 ", "mount /root/data/spool /root/var/spool  1000 ",
	"mount /root/data/spool/asterisk /root/var/spool/asterisk  1000 ", "mount /root/data/machine-id /root/etc/machine-id  1000 ",
	"<5>initrd: slot 3 of vda", "mount /dev /root/dev  2000 ", "mount /proc /root/proc  2000 ", "mount /sys /root/sys  2000 ", "enter /root",
}

func TestFirstStart(t *testing.T) {
	s, r := machine(t)
	if err := s.start(); err != nil {
		t.Fatal(err)
	}
	for i, want := range firstStart {
		if i >= len(r.calls) || r.calls[i] != want {
			t.Fatalf("call %d of %q: want %q", i, r.calls, want)
		}
	}
	if len(r.calls) != len(firstStart) {
		t.Errorf("and then %q", r.calls[len(firstStart):])
	}
	if id, err := os.ReadFile(s.top + "/root/data/machine-id"); err != nil || len(id) != 33 {
		t.Errorf("machine-id %q: %v", id, err)
	}
	var mbr [512]byte
	f, err := os.Open(s.top + "/dev/vda")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.ReadAt(mbr[:], 0); err != nil || binary.LittleEndian.Uint32(mbr[446+48+12:]) != 764*mib {
		t.Errorf("%v, the table says %d sectors", err, binary.LittleEndian.Uint32(mbr[446+48+12:]))
	}
	// The next start has nothing to grow, nor to load that is there already.
	r.calls, r.has = nil, 764<<8-900
	if err := s.start(); err != nil {
		t.Fatal(err)
	}
	want := slices.DeleteFunc(slices.Clone(firstStart), func(c string) bool {
		return strings.HasPrefix(c, "grow") || strings.HasPrefix(c, "stretch") || strings.Contains(c, "grown to")
	})
	if !slices.Equal(r.calls, want) {
		t.Errorf("the next start: %q", r.calls)
	}
}

// What fails and what comes of it: an error ends the start, anything else is said and
// the start goes on to its end.
func TestTrouble(t *testing.T) {
	const memory = "mount tmpfs /root/data tmpfs 6 mode=0755,size=64m"
	for fails, want := range map[string]string{
		"mount proc":                "",
		"insert /lib/ext4":          "<4>initrd: ext4: as asked",
		"stretch":                   "<4>initrd: data partition: resize partition: as asked",
		"mount /dev/vda3":           "",
		"loop":                      "",
		"mount /dev/loop0":          "",
		"mount /slot":               "",
		"mount tmpfs /root/var":     "",
		"mount tmpfs /root/tmp":     "",
		"mount /dev/vda1":           "<4>initrd: boot partition: mount /dev/vda1 at /root/boot: as asked",
		"mount /dev/vda4":           memory,
		"blocks":                    "<4>initrd: data file system: as asked",
		"grow":                      "<4>initrd: data file system: resize: as asked",
		"own /root/data/lib":        "<4>initrd: as asked",
		"mount /root/data/lib":      "<4>initrd: mount /root/data/lib at /root/var/lib: as asked",
		"mount /root/data/machine-": "<4>initrd: machine-id: as asked",
		"mount /dev /root/dev":      "",
		"enter":                     "",
	} {
		s, r := machine(t)
		r.fails = fails
		err := s.start()
		if want == "" {
			if !errors.Is(err, errAsked) || !strings.HasPrefix(r.calls[len(r.calls)-1], fails) {
				t.Errorf("%s: %v, the last was %q", fails, err, r.calls[len(r.calls)-1])
			}
			continue
		}
		if err != nil || !slices.Contains(r.calls, want) || r.calls[len(r.calls)-1] != "enter /root" {
			t.Errorf("%s: %v, want %q in %q", fails, err, want, r.calls)
		}
		if want == memory && (!strings.Contains(strings.Join(r.calls, "\n"), "<2>initrd: data partition: ") || slices.Contains(r.calls, "blocks /root/data") || !slices.Contains(r.calls, "own /root/data/lib 0")) {
			t.Errorf("%s: %q", fails, r.calls)
		}
	}
	// A data partition that takes nothing is as good as none.
	s, r := machine(t)
	if err := os.MkdirAll(s.top+"/root/data", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(s.top+"/root/data/lib", nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := s.start(); err != nil || !slices.Contains(r.calls, memory) || !slices.Contains(r.calls, "own /root/data/lib 0") {
		t.Errorf("nothing can be written: %v %q", err, r.calls)
	}
}

// What is missing in /proc, /sys and here.
func TestMissing(t *testing.T) {
	for file, want := range map[string]string{
		"/modules":                    "<4>initrd: open ",
		"/sys/class/block/vda/size":   "<4>initrd: data partition: open ",
		"/sys/class/block/vda4/size":  "<4>initrd: data file system: open ",
		"/root/data/machine-id/where": "<4>initrd: machine-id: ",
		"/proc/cmdline":               "",
	} {
		s, r := machine(t)
		if err := os.Remove(s.top + file); err != nil { // what is to be in the way of a file
			if err := os.MkdirAll(s.top+file, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		err := s.start()
		said := slices.ContainsFunc(r.calls, func(c string) bool { return strings.HasPrefix(c, want) })
		if want == "" {
			if err == nil || len(r.calls) != 3 {
				t.Errorf("%s: %v %q", file, err, r.calls)
			}
		} else if err != nil || !said || r.calls[len(r.calls)-1] != "enter /root" {
			t.Errorf("%s: %v, want %q in %q", file, err, want, r.calls)
		}
	}
	// No memory was put aside for last words.
	s, r := machine(t)
	if err := os.WriteFile(s.top+"/proc/cmdline", []byte("branchline.slot=2"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := s.start(); err != nil || strings.Contains(strings.Join(r.calls, "\n"), "ramoops") || !slices.Contains(r.calls, "mount /dev/vda2 /slot vfat 1 umask=077") {
		t.Errorf("%v %q", err, r.calls)
	}
	// Not even memory for the data.
	s, r = machine(t)
	if err := os.WriteFile(s.top+"/root/data", nil, 0o644); err != nil {
		t.Fatal(err)
	}
	r.fails = "mount tmpfs /root/data"
	if err := s.start(); err == nil || slices.Contains(r.calls, "enter /root") {
		t.Errorf("%v %q", err, r.calls)
	}
}

// Neither a guess at the slot nor another disk will do.
func TestNoCard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, line := range []string{"quiet", "branchline.slot=1", "branchline.slot=4", "branchline.slot=x"} {
			s, _ := machine(t)
			if err := os.WriteFile(s.top+"/proc/cmdline", []byte(line), 0o644); err != nil {
				t.Fatal(err)
			}
			if err := s.start(); err == nil || !strings.Contains(err.Error(), "branchline.slot=") {
				t.Errorf("%s: %v", line, err)
			}
		}
		s, r := machine(t)
		if err := os.Remove(s.top + "/dev/vda"); err != nil {
			t.Fatal(err)
		}
		if err := s.start(); err == nil || !strings.Contains(err.Error(), "no disk with signature 42524c4e appeared in 20s") || len(r.calls) != 6 {
			t.Errorf("%v %q", err, r.calls)
		}
	})
}
