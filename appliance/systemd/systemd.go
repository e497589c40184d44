// Package systemd tells the service manager how the daemon is doing, in the
// protocol of sd_notify(3): datagrams to the socket named by NOTIFY_SOCKET.
// Without a service manager it does nothing. branchline.service, beside this
// file, is the unit that goes with it.
package systemd

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
)

// States of a service, as systemd spells them.
const (
	Ready    = "READY=1"
	Stopping = "STOPPING=1"
)

// Status is the line that `systemctl status` shows.
func Status(format string, args ...any) string {
	return "STATUS=" + strings.ReplaceAll(fmt.Sprintf(format, args...), "\n", " ")
}

// Notify sends assignments to the service manager, if there is one.
func Notify(assignments ...string) error {
	name := os.Getenv("NOTIFY_SOCKET")
	if name == "" {
		return nil
	}
	if name[0] != '/' && name[0] != '@' {
		return errors.New("NOTIFY_SOCKET: neither a path nor an abstract name")
	}
	// net knows that a leading @ means an abstract name.
	c, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		return fmt.Errorf("service manager: %w", err)
	}
	defer c.Close()
	if _, err := c.Write([]byte(strings.Join(assignments, "\n"))); err != nil {
		return fmt.Errorf("service manager: %w", err)
	}
	return nil
}
