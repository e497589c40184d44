//go:build sabotage

package main

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// sabotage is what is wrong with a system that tests put on trial; the linker fills
// it in. No image that is given away is built with this file.
var sabotage string

// spoil does it, once the root is mounted.
func (s *starter) spoil() error {
	text := map[string]string{
		"crash": "[Service]\nExecStart=\nExecStart=/usr/bin/false\n",
		"deaf":  "[Service]\nIPAddressDeny=any\n",
		"alone": "[Service]\nIPAddressDeny=any\nIPAddressAllow=localhost\n",
		"gone":  "",
	}[sabotage]
	switch sabotage {
	case "panic":
		return errors.New("sabotaged")
	case "gone": // not even the program that would notice
		return unix.Mount("/root/usr/bin/false", "/root/usr/sbin/branchline", "", unix.MS_BIND, "")
	case "crash", "deaf", "alone":
		// systemd finds /run mounted, and leaves it so.
		if err := s.mount("tmpfs", "/root/run", "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=0755"); err != nil {
			return err
		}
		dir := "/root/run/systemd/system/branchline.service.d"
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
		return os.WriteFile(dir+"/sabotage.conf", []byte(text), 0o644)
	}
	return fmt.Errorf("no sabotage %q", sabotage)
}
