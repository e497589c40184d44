package card

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// Where the configuration is: on the data partition, and where everybody sees it.
const (
	EtcOrigin = DataDir + "/etc/asterisk"
	EtcDir    = "/etc/asterisk"
)

// Bind has what is at from be seen at at, instead of what was seen there. After a
// directory was exchanged for another the mount still shows the old one.
func Bind(from, at string) error {
	if err := unix.Unmount(at, unix.MNT_DETACH); err != nil && !errors.Is(err, unix.EINVAL) {
		return fmt.Errorf("unmount %s: %w", at, err)
	}
	if err := unix.Mount(from, at, "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("bind %s at %s: %w", from, at, err)
	}
	return nil
}

// Wired is the name of the first network interface that is a device with an Ethernet
// plug, "" if there is none (yet). sysfs is where that file system is mounted.
func Wired(sysfs string) string {
	// Sorted by name: eth0 and end0 before what was plugged in.
	found, _ := filepath.Glob(filepath.Join(sysfs, "class/net/*"))
	for _, dir := range found {
		kind, err := os.ReadFile(filepath.Join(dir, "type"))
		if err != nil || strings.TrimSpace(string(kind)) != "1" { // ARPHRD_ETHER
			continue
		}
		if _, err := os.Stat(filepath.Join(dir, "device")); err != nil {
			continue
		}
		if _, err := os.Stat(filepath.Join(dir, "wireless")); errors.Is(err, fs.ErrNotExist) {
			return filepath.Base(dir)
		}
	}
	return ""
}
