package modules

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestModuleClosure(t *testing.T) {
	dir := t.TempDir()
	dep := "kernel/fs/ext4/ext4.ko.xz: kernel/fs/mbcache.ko.xz kernel/lib/crc16.ko.xz\nkernel/fs/mbcache.ko.xz:\nkernel/lib/crc16.ko.xz:\n" +
		"kernel/drivers/usb/serial/option.ko.xz: kernel/drivers/usb/serial/usb-wwan.ko.xz\nkernel/drivers/usb/serial/usb-wwan.ko.xz:\nkernel/other.ko:\n"
	if err := os.WriteFile(filepath.Join(dir, "modules.dep"), []byte(dep), 0o644); err != nil {
		t.Fatal(err)
	}
	tree, err := Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	got := tree.Closure([]string{"ext4", "built_in", "drivers/usb/serial/", "usb_wwan"})
	want := []string{"kernel/fs/mbcache.ko.xz", "kernel/lib/crc16.ko.xz", "kernel/fs/ext4/ext4.ko.xz", "kernel/drivers/usb/serial/usb-wwan.ko.xz", "kernel/drivers/usb/serial/option.ko.xz"}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}
